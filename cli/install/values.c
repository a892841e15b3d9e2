/* values.c - see values.h. */
#include "cli/install/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/local.h"
#include "common/buf.h"
#include "common/data/json.h"
#include "common/data/yaml.h"
#include "common/macros.h"

#define LIST_MOST 1000

void
values_start(struct values *v, json_t *defaults)
{
    *v = (struct values){json_deep_copy(defaults), defaults};
}

void
values_release(struct values *v)
{
    json_decref(v->root);
    json_decref(v->defaults);
    *v = (struct values){NULL, NULL};
}

json_t *
values_defaults(struct err *e)
{
    SCOPED(string) char *path = local_share("chart/values.yaml", e);
    SCOPED(yaml_docs) struct yaml_docs *docs = NULL;

    if (path == NULL || (docs = yaml_read(path, e)) == NULL)
        return NULL;
    if (docs->count != 1 || !json_is_object(docs->docs[0].value)) {
        err_set(e, ERR_INVALID, "%s: is not one map of values", path);
        return NULL;
    }
    return json_incref(docs->docs[0].value);
}

/* ---- files ---- */

/* Puts `more` over `into`; null brings the default back, which may be absent. */
static void
merge(json_t *into, const json_t *dflt, const json_t *more)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)more, key, value)
    {
        json_t *old = json_object_get(into, key);
        json_t *own = json_object_get(dflt, key);

        if (json_is_null(value) && own != NULL)
            json_object_set_new(into, key, json_deep_copy(own));
        else if (json_is_null(value))
            json_object_del(into, key);
        else if (json_is_object(value) && json_is_object(old))
            merge(old, own, value);
        else
            json_object_set_new(into, key, json_deep_copy(value));
    }
}

int
values_text(struct values *v, const char *text, size_t size, const char *name,
            struct err *e)
{
    SCOPED(json) json_t *more = yaml_parse_one(text, size, name, e);

    if (more == NULL)
        return -1;
    if (json_is_null(more))
        return 0;
    if (!json_is_object(more))
        return err_set(e, ERR_INVALID, "--values %s: is no map of values", name);
    merge(v->root, v->defaults, more);
    return 0;
}

static int
read_all(FILE *f, const char *path, struct buf *into, struct err *e)
{
    char piece[4096];
    size_t n;

    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        if (buf_add(into, piece, n) < 0)
            return err_set(e, ERR_LIMIT, "%s: is too long", path);
    return ferror(f) ? err_errno(e, "%s", path) : 0;
}

static int
read_file(const char *path, struct buf *into, struct err *e)
{
    FILE *f = fopen(path, "re");

    if (f == NULL)
        return err_errno(e, "%s", path);
    int rc = read_all(f, path, into, e);
    fclose(f);
    return rc;
}

int
values_file(struct values *v, const char *path, struct err *e)
{
    SCOPED(buf) struct buf text = BUF_INIT;
    bool in = strcmp(path, "-") == 0;
    int rc = in ? read_all(stdin, "standard input", &text, e) : read_file(path, &text, e);

    if (rc < 0)
        return err_wrap(e, "--values");
    return values_text(v, buf_str(&text), text.size, in ? "standard input" : path, e);
}

/* ---- settings ---- */

static const char *const flag_names[] = {"--set", "--set-string", "--set-file"};

/* Where in a setting we are. */
struct cursor {
    const char *at;    /* what is left */
    const char *whole; /* for errors */
    enum values_how how;
};

static int
wrong(const struct cursor *c, const char *why, struct err *e)
{
    return err_set(e, ERR_INVALID, "%s \"%s\": %s", flag_names[c->how], c->whole, why);
}

/* Text up to one of `ends`, which stays; a backslash takes a character as it is. */
static void
take_text(struct cursor *c, const char *ends, struct buf *out)
{
    buf_clear(out);
    while (*c->at != '\0' && strchr(ends, *c->at) == NULL) {
        if (c->at[0] == '\\' && c->at[1] != '\0')
            c->at++;
        buf_add_char(out, *c->at++);
    }
}

/* What --set means by a word; the caller owns. */
static json_t *
typed(const char *word)
{
    char *end;

    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
        return json_boolean(word[0] == 't');
    if (strcmp(word, "null") == 0)
        return json_null();
    long long n = strtoll(word, &end, 10);
    bool zeros =
        word[0] == '0' && word[1] != '\0'; /* 007 is a text: so are versions and ids */
    return word[0] != '\0' && *end == '\0' && strlen(word) < 19 && !zeros &&
                   strchr("+ \t", word[0]) == NULL
               ? json_integer(n)
               : json_string(word);
}

static json_t *
take_list(struct cursor *c, struct buf *word, struct err *e)
{
    SCOPED(json) json_t *list = json_array();

    for (c->at++; *c->at != '}'; c->at += *c->at == ',') {
        take_text(c, ",}", word);
        if (*c->at == '\0') {
            wrong(c, "a list that begins with { lacks its }", e);
            return NULL;
        }
        json_array_append_new(list, c->how == VALUES_TEXT ? json_string(buf_str(word))
                                                          : typed(buf_str(word)));
    }
    c->at++;
    return TAKE(list);
}

static json_t *
take_value(struct cursor *c, struct err *e)
{
    SCOPED(buf) struct buf word = BUF_INIT;
    SCOPED(buf) struct buf contents = BUF_INIT;

    if (*c->at == '{' && c->how != VALUES_FILE)
        return take_list(c, &word, e);
    take_text(c, ",", &word);
    if (c->how == VALUES_TYPED)
        return typed(buf_str(&word));
    if (c->how == VALUES_TEXT)
        return json_string(buf_str(&word));
    if (read_file(buf_str(&word), &contents, e) < 0) {
        err_wrap(e, "--set-file");
        return NULL;
    }
    return json_string(buf_str(&contents));
}

/* One step of the way: the child of `at` that is a map or a list as `list` says, made when it
 * is not there. Borrowed. */
static json_t *
child(json_t *at, const char *key, size_t index, bool list)
{
    bool by_index = json_is_array(at);
    json_t *found = by_index ? json_array_get(at, index) : json_object_get(at, key);

    if (list ? json_is_array(found) : json_is_object(found))
        return found;
    json_t *made = list ? json_array() : json_object();
    if (!by_index)
        json_object_set_new(at, key, made);
    else if (index < json_array_size(at))
        json_array_set_new(at, index, made);
    else
        json_array_append_new(at, made);
    return made;
}

static void
place(json_t *at, const json_t *dflt, const char *key, size_t index, json_t *value)
{
    json_t *own = json_object_get(dflt, key);

    if (json_is_array(at) && index < json_array_size(at))
        json_array_set_new(at, index, value);
    else if (json_is_array(at))
        json_array_append_new(at, value);
    else if (json_is_null(value) && own == NULL)
        json_object_del(at, key);
    else
        json_object_set_new(at, key, json_is_null(value) ? json_deep_copy(own) : value);
}

static int
take_index(struct cursor *c, const json_t *at, size_t *index, struct err *e)
{
    char *end;
    long n = strtol(c->at + 1, &end, 10);

    if (c->at[1] < '0' || c->at[1] > '9' || *end != ']' || n > LIST_MOST)
        return wrong(c, "expected [NUMBER] for an item of a list", e);
    if ((size_t)n > json_array_size(at))
        return wrong(c, "the list is shorter: the next item is the one behind its last",
                     e);
    *index = (size_t)n;
    c->at = end + 1;
    return 0;
}

/* PATH=VALUE, to the comma or the end. */
static int
take_setting(struct values *v, struct cursor *c, struct err *e)
{
    SCOPED(buf) struct buf key = BUF_INIT;
    json_t *at = v->root;
    const json_t *dflt = v->defaults;
    size_t index = 0;

    for (;;) {
        if (json_is_array(at)) {
            if (take_index(c, at, &index, e) < 0)
                return -1;
        } else {
            take_text(c, ".[=,", &key);
            if (key.size == 0)
                return wrong(c, "a key is missing", e);
        }
        if (*c->at == '=')
            break;
        if (*c->at != '.' && *c->at != '[')
            return wrong(c, "expected PATH=VALUE", e);
        bool list = *c->at == '[';
        json_t *next = child(at, buf_str(&key), index, list);
        dflt = json_is_object(at) ? json_object_get(dflt, buf_str(&key)) : NULL;
        at = next;
        c->at += !list;
    }
    c->at++;
    json_t *value = take_value(c, e);
    if (value == NULL)
        return -1;
    place(at, dflt, buf_str(&key), index, value);
    return 0;
}

int
values_set(struct values *v, const char *settings, enum values_how how, struct err *e)
{
    struct cursor c = {settings, settings, how};

    do {
        if (take_setting(v, &c, e) < 0)
            return -1;
        if (*c.at != '\0' && *c.at != ',')
            return wrong(&c, "something stands behind the value", e);
    } while (*c.at == ',' && *++c.at != '\0');
    return 0;
}

void
values_put(struct values *v, const char *path, json_t *value)
{
    json_put(v->root, path, value);
}
