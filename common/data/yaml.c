/* yaml.c - see yaml.h: the reading half. */
#include "common/data/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "common/path.h"
#include "common/data/yamlscalar.h"

struct reader {
    yaml_parser_t parser;
    const char *name;
    json_t *anchors; /* name -> value; owned, of one document */
    json_t *lines;   /* borrowed: of the document being read */
    struct buf path; /* of the value being read */
    long nodes;      /* made so far in this document, aliases expanded */
    int depth;
    struct err *e;
};

static int
fail_at(struct reader *r, size_t line, enum err_code code, const char *what)
{
    return err_set(r->e, code, "%s:%zu: %s", r->name, line + 1, what);
}

/* The parser's own complaint. */
static int
fail_parser(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    size_t line = p->problem_mark.line;

    if (p->error == YAML_MEMORY_ERROR)
        return err_set(r->e, ERR_SYSTEM, "%s: out of memory", r->name);
    if (p->error == YAML_READER_ERROR)
        return err_set(r->e, ERR_INVALID, "%s: byte %zu: %s", r->name, p->problem_offset,
                       p->problem != NULL ? p->problem : "unreadable");
    return err_set(r->e, ERR_INVALID, "%s:%zu: %s%s%s", r->name, line + 1,
                   p->problem != NULL ? p->problem : "not YAML",
                   p->context != NULL ? " " : "", p->context != NULL ? p->context : "");
}

static int
next_event(struct reader *r, yaml_event_t *ev)
{
    return yaml_parser_parse(&r->parser, ev) ? 0 : fail_parser(r);
}

static int
count_nodes(struct reader *r, long more, size_t line)
{
    r->nodes += more;
    if (r->nodes <= LIMIT_YAML_NODES)
        return 0;
    return fail_at(r, line, ERR_LIMIT,
                   "more than the allowed nodes once aliases are expanded (YAML_NODES)");
}

static long
size_of(const json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;
    long n = 1;

    json_object_foreach((json_t *)v, key, item) n += size_of(item);
    json_array_foreach(v, i, item) n += size_of(item);
    return n;
}

static json_t *read_value(struct reader *r, yaml_event_t *ev);

static void
cut_path(struct reader *r, size_t size)
{
    r->path.size = size;
    if (r->path.data != NULL)
        r->path.data[size] = '\0';
}

static void
remember(struct reader *r, const char *anchor, json_t *value)
{
    if (anchor != NULL && value != NULL)
        json_object_set(r->anchors, anchor, value);
}

static json_t *
read_alias(struct reader *r, const yaml_event_t *ev)
{
    const char *name = (const char *)ev->data.alias.anchor;
    json_t *v = json_object_get(r->anchors, name);

    if (v == NULL) {
        err_set(r->e, ERR_INVALID, "%s:%zu: unknown anchor '%.60s'", r->name,
                ev->start_mark.line + 1, name);
        return NULL;
    }
    if (count_nodes(r, size_of(v), ev->start_mark.line) < 0)
        return NULL;
    return json_deep_copy(v);
}

static json_t *
read_scalar(struct reader *r, const yaml_event_t *ev)
{
    const char *text = (const char *)ev->data.scalar.value;
    size_t size = ev->data.scalar.length;
    const char *tag = (const char *)ev->data.scalar.tag;
    bool quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    struct err why = ERR_INIT;

    json_t *v = yaml_scalar(text, size, tag == NULL && quoted ? "!" : tag, &why);
    if (v == NULL)
        fail_at(r, ev->start_mark.line, ERR_INVALID, why.text);
    remember(r, (const char *)ev->data.scalar.anchor, v);
    return v;
}

static json_t *
read_sequence(struct reader *r, const yaml_event_t *start)
{
    SCOPED(json) json_t *out = json_array();
    size_t path_size = r->path.size;

    for (size_t i = 0;; i++) {
        yaml_event_t ev;
        if (next_event(r, &ev) < 0)
            return NULL;
        if (ev.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&ev);
            break;
        }
        buf_printf(&r->path, "[%zu]", i);
        json_t *v = read_value(r, &ev);
        cut_path(r, path_size);
        if (v == NULL || json_array_append_new(out, v) < 0)
            return NULL;
    }
    remember(r, (const char *)start->data.sequence_start.anchor, out);
    return TAKE(out);
}

/* A key as text: kubectl turns numbers and booleans into their JSON text. */
static char *
key_text(struct reader *r, const yaml_event_t *ev)
{
    size_t line = ev->start_mark.line;

    SCOPED(json)
    json_t *v = ev->type == YAML_SCALAR_EVENT  ? read_scalar(r, ev)
                : ev->type == YAML_ALIAS_EVENT ? read_alias(r, ev)
                                               : NULL;
    if (v == NULL) {
        if (r->e->code == ERR_NONE)
            fail_at(r, line, ERR_INVALID, "a key must be a scalar");
        return NULL;
    }
    if (json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v))
        return strdup(json_string_value(v));
    if (json_is_number(v) || json_is_boolean(v) || json_is_null(v))
        return json_dump_compact(v);
    fail_at(r, line, ERR_INVALID, "a key must be a scalar");
    return NULL;
}

/* `<<`: keys of the merged maps that are not there yet. */
static int
merge(struct reader *r, json_t *into, json_t *from, size_t line)
{
    json_t *item;
    size_t i;

    if (json_is_object(from))
        return json_object_update_missing(into, from) < 0
                   ? fail_at(r, line, ERR_SYSTEM, "out of memory")
                   : 0;
    if (!json_is_array(from) || json_array_size(from) == 0)
        return fail_at(r, line, ERR_INVALID, "<< needs a map or a list of maps");
    json_array_foreach(from, i, item)
    {
        if (!json_is_object(item))
            return fail_at(r, line, ERR_INVALID, "<< needs a map or a list of maps");
        if (json_object_update_missing(into, item) < 0)
            return fail_at(r, line, ERR_SYSTEM, "out of memory");
    }
    return 0;
}

static void
add_path_key(struct buf *path, const char *key)
{
    if (strpbrk(key, ".[]") != NULL)
        buf_printf(path, "[%s]", key);
    else
        buf_printf(path, "%s%s", path->size > 0 ? "." : "", key);
}

static int
duplicate(struct reader *r, const char *key, size_t line)
{
    int64_t first = json_integer_value(json_object_get(r->lines, buf_str(&r->path)));

    return err_set(r->e, ERR_INVALID,
                   "%s:%zu: key \"%.100s\" stands here again, first in line %lld",
                   r->name, line + 1, key, (long long)first);
}

/* Reads the value of one key into the map (or into `merged`). */
static int
read_entry(struct reader *r, yaml_event_t *key_event, json_t *map, json_t *merged)
{
    bool merge_key = key_event->type == YAML_SCALAR_EVENT &&
                     key_event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                     strcmp((const char *)key_event->data.scalar.value, "<<") == 0;
    size_t line = key_event->start_mark.line;
    size_t path_size = r->path.size;
    yaml_event_t ev;

    SCOPED(string) char *key = key_text(r, key_event);
    if (key == NULL)
        return -1;
    add_path_key(&r->path, key);
    if (!merge_key && json_object_get(map, key) != NULL)
        return duplicate(r, key, line);
    if (next_event(r, &ev) < 0)
        return -1;
    SCOPED(json) json_t *v = read_value(r, &ev);
    if (v == NULL)
        return -1;
    if (!merge_key)
        json_object_set_new(r->lines, buf_str(&r->path),
                            json_integer((json_int_t)line + 1));
    cut_path(r, path_size);
    if (merge_key)
        return merge(r, merged, v, line);
    if (json_object_set(map, key, v) < 0)
        return fail_at(r, line, ERR_INVALID, "a key is no UTF-8");
    return 0;
}

static json_t *
read_mapping(struct reader *r, const yaml_event_t *start)
{
    SCOPED(json) json_t *out = json_object();
    SCOPED(json) json_t *merged = json_object();

    for (;;) {
        yaml_event_t key;
        if (next_event(r, &key) < 0)
            return NULL;
        bool end = key.type == YAML_MAPPING_END_EVENT;
        int rc = end ? 0 : read_entry(r, &key, out, merged);
        yaml_event_delete(&key);
        if (rc < 0)
            return NULL;
        if (end)
            break;
    }
    json_object_update_missing(out, merged);
    remember(r, (const char *)start->data.mapping_start.anchor, out);
    return TAKE(out);
}

/* Takes the event. Returns a new value, or NULL with the error set. */
static json_t *
read_value(struct reader *r, yaml_event_t *ev)
{
    json_t *v = NULL;
    size_t line = ev->start_mark.line;

    json_object_set_new(r->lines, buf_str(&r->path), json_integer((json_int_t)line + 1));
    if (++r->depth > LIMIT_YAML_DEPTH)
        fail_at(r, line, ERR_LIMIT, "nested too deep (YAML_DEPTH)");
    else if (count_nodes(r, 1, line) < 0)
        v = NULL;
    else if (ev->type == YAML_ALIAS_EVENT)
        v = read_alias(r, ev);
    else if (ev->type == YAML_SCALAR_EVENT)
        v = read_scalar(r, ev);
    else if (ev->type == YAML_SEQUENCE_START_EVENT)
        v = read_sequence(r, ev);
    else if (ev->type == YAML_MAPPING_START_EVENT)
        v = read_mapping(r, ev);
    else
        fail_at(r, line, ERR_INVALID, "not YAML");
    r->depth--;
    yaml_event_delete(ev);
    if (v == NULL && r->e->code == ERR_NONE)
        fail_at(r, line, ERR_SYSTEM, "out of memory");
    return v;
}

/* ---- documents ---- */

/* Reads the document whose start event has been seen. */
static int
read_document(struct reader *r, struct yaml_docs *out, int line)
{
    yaml_event_t ev;
    struct yaml_doc *more = realloc(out->docs, (out->count + 1) * sizeof *more);

    if (more == NULL)
        return fail_at(r, 0, ERR_SYSTEM, "out of memory");
    out->docs = more;
    struct yaml_doc *doc = &out->docs[out->count++];
    *doc = (struct yaml_doc){.lines = json_object(), .line = line};
    json_object_clear(r->anchors);
    r->lines = doc->lines;
    r->nodes = r->depth = 0;
    buf_clear(&r->path);
    if (next_event(r, &ev) < 0)
        return -1;
    bool empty = ev.type == YAML_SCALAR_EVENT && ev.data.scalar.length == 0 &&
                 ev.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    doc->value = read_value(r, &ev);
    if (doc->value == NULL)
        return -1;
    if (empty) {
        json_decref(doc->value);
        doc->value = NULL;
    }
    return 0;
}

static int
read_stream(struct reader *r, struct yaml_docs *out)
{
    for (;;) {
        yaml_event_t ev;
        if (next_event(r, &ev) < 0)
            return -1;
        yaml_event_type_t type = ev.type;
        int line = (int)ev.start_mark.line + 1;
        yaml_event_delete(&ev);
        if (type == YAML_STREAM_END_EVENT)
            return 0;
        if (type == YAML_DOCUMENT_START_EVENT && read_document(r, out, line) < 0)
            return -1;
    }
}

/* A file that starts with a brace is JSON, which may hold tabs that YAML refuses. */
static struct yaml_docs *
try_json(const char *bytes, size_t size)
{
    struct err ignored = ERR_INIT;
    size_t i = 0;

    while (i < size && strchr(" \t\r\n", bytes[i]) != NULL && bytes[i] != '\0')
        i++;
    if (i == size || bytes[i] != '{')
        return NULL;
    json_t *v = json_parse(bytes, size, LIMIT_YAML_FILE_BYTES, &ignored);
    if (v == NULL)
        return NULL;
    struct yaml_docs *d = calloc(1, sizeof *d);
    if (d != NULL && (d->docs = calloc(1, sizeof *d->docs)) != NULL) {
        d->docs[0] = (struct yaml_doc){.value = v, .lines = json_object(), .line = 1};
        d->count = 1;
        return d;
    }
    free(d);
    json_decref(v);
    return NULL;
}

struct yaml_docs *
yaml_parse(const char *bytes, size_t size, const char *name, struct err *e)
{
    struct err inner = ERR_INIT;
    struct reader r = {.name = name, .anchors = json_object(), .e = &inner};

    if (size > LIMIT_YAML_FILE_BYTES) {
        json_decref(r.anchors);
        err_set(e, ERR_LIMIT, "%s: %zu bytes are over the limit of %d (YAML_FILE_BYTES)",
                name, size, LIMIT_YAML_FILE_BYTES);
        return NULL;
    }
    SCOPED(yaml_docs) struct yaml_docs *out = try_json(bytes, size);
    int rc = 0;
    if (out == NULL) {
        out = calloc(1, sizeof *out);
        if (out == NULL || !yaml_parser_initialize(&r.parser)) {
            json_decref(r.anchors);
            err_set(e, ERR_SYSTEM, "%s: out of memory", name);
            return NULL;
        }
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, size);
        rc = read_stream(&r, out);
        yaml_parser_delete(&r.parser);
    }
    json_decref(r.anchors);
    buf_free(&r.path);
    if (rc < 0) {
        err_set(e, inner.code, "%s", inner.text);
        return NULL;
    }
    return TAKE(out);
}

void
yaml_docs_free(struct yaml_docs *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->count; i++) {
        json_decref(d->docs[i].value);
        json_decref(d->docs[i].lines);
    }
    free(d->docs);
    free(d);
}

json_t *
yaml_parse_one(const char *bytes, size_t size, const char *name, struct err *e)
{
    json_t *value = NULL;
    SCOPED(yaml_docs) struct yaml_docs *d = yaml_parse(bytes, size, name, e);

    if (d == NULL)
        return NULL;
    for (size_t i = 0; i < d->count; i++) {
        if (d->docs[i].value == NULL)
            continue;
        if (value != NULL) {
            err_set(e, ERR_INVALID, "%s:%d: a second document; only one is expected",
                    name, d->docs[i].line);
            return NULL;
        }
        value = d->docs[i].value;
    }
    return value != NULL ? json_incref(value) : json_null();
}

struct yaml_docs *
yaml_read(const char *path, struct err *e)
{
    SCOPED(buf) struct buf text = {.limit = LIMIT_YAML_FILE_BYTES + 16385};
    FILE *f = fopen(path, "re");
    size_t n;

    if (f == NULL) {
        err_errno(e, "%s", path);
        return NULL;
    }
    char *at;
    while ((at = buf_reserve(&text, 16384)) != NULL && (n = fread(at, 1, 16384, f)) > 0)
        text.size += n;
    int bad = ferror(f);
    fclose(f);
    if (bad) {
        err_errno(e, "read %s", path);
        return NULL;
    }
    if (text.failed) {
        err_set(e, ERR_LIMIT, "%s: over the limit of %d bytes (YAML_FILE_BYTES)", path,
                LIMIT_YAML_FILE_BYTES);
        return NULL;
    }
    return yaml_parse(buf_str(&text), text.size, path, e);
}

int
yaml_line(const struct yaml_doc *doc, const char *path)
{
    char copy[1024];

    snprintf(copy, sizeof copy, "%s", path);
    for (;;) {
        json_t *line = json_object_get(doc->lines, copy);
        if (line != NULL)
            return (int)json_integer_value(line);
        size_t n = strlen(copy);
        if (n == 0)
            return doc->line;
        if (copy[n - 1] == ']') {
            char *open = strrchr(copy, '[');
            *(open != NULL ? open : copy) = '\0';
        } else {
            size_t cut = n;
            while (cut > 0 && copy[cut - 1] != '.' && copy[cut - 1] != ']')
                cut--;
            if (cut > 0 && copy[cut - 1] == '.')
                cut--;
            copy[cut] = '\0';
        }
    }
}
