/* projector.c - see projector.h. */
#include "common/data/projector.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/macros.h"
#include "common/data/msgpackout.h"
#include "common/path.h"
#include "common/utf8.h"

enum { NO_NODE = 0, NODES_MAX = 512 };

/* One key of the filter's tree; node 1 is the root. */
struct node {
    const char *text;
    size_t size;
    uint16_t child, next;
    bool keep, drop; /* a path of the table ends here */
};

/* Where a value stands: what the filter says about all that is beneath it. */
struct place {
    uint16_t node;
    bool all; /* kept whole, unless dropped */
};

struct frame {
    size_t header; /* offset of the container's header in out */
    uint32_t count;
    bool map;
    struct place place;
};

struct projector {
    struct node nodes[NODES_MAX];
    uint16_t n_nodes;
    bool keep_all;
    struct buf *out;
    struct frame frames[LIMIT_JSON_DEPTH + 1];
    int depth;       /* frames in use */
    int skipped;     /* containers open inside a dropped value */
    bool skip_next;  /* the next value is dropped */
    size_t key_at;   /* where the pending key starts in out */
    struct place at; /* of the next value in a map */
    int level;       /* containers open, dropped ones too */
    int meta_level;  /* 1 + level of metadata when inside it, 0 otherwise */
    int notes_level; /* the same for metadata.annotations */
    char *capture;   /* where the next string goes */
    size_t capture_room;
    bool saw_end, complete;
    struct object_id id;
    bool initial_end;
};

/* ---- the filter ---- */

static uint16_t
find_child(const struct projector *pr, uint16_t node, const char *text, size_t size)
{
    if (node == NO_NODE)
        return NO_NODE;
    for (uint16_t c = pr->nodes[node].child; c != NO_NODE; c = pr->nodes[c].next)
        if (pr->nodes[c].size == size && memcmp(pr->nodes[c].text, text, size) == 0)
            return c;
    return NO_NODE;
}

static uint16_t
add_child(struct projector *pr, uint16_t node, const struct path_step *s)
{
    uint16_t c = find_child(pr, node, s->text, s->size);

    if (c != NO_NODE || pr->n_nodes == NODES_MAX)
        return c;
    c = pr->n_nodes++;
    pr->nodes[c] =
        (struct node){.text = s->text, .size = s->size, .next = pr->nodes[node].child};
    pr->nodes[node].child = c;
    return c;
}

static void
add_paths(struct projector *pr, const char *const *paths, bool keep)
{
    for (; paths != NULL && *paths != NULL; paths++) {
        const char *path = *paths;
        struct path_step s;
        uint16_t node = 1;
        while (path_next(&path, &s))
            node = add_child(pr, node, &s);
        if (keep)
            pr->nodes[node].keep = true;
        else
            pr->nodes[node].drop = true;
    }
}

struct projector *
projector_new(const struct projection *p)
{
    struct projector *pr = calloc(1, sizeof *pr);

    if (pr == NULL)
        return NULL;
    pr->n_nodes = 2;
    pr->keep_all = p == NULL || p->keep == NULL;
    if (p != NULL) {
        add_paths(pr, p->keep, true);
        add_paths(pr, p->drop, false);
    }
    return pr;
}

void
projector_free(struct projector *pr)
{
    free(pr);
}

void
projector_begin(struct projector *pr, struct buf *out)
{
    pr->out = out;
    pr->depth = pr->skipped = pr->level = pr->meta_level = pr->notes_level = 0;
    pr->skip_next = pr->saw_end = pr->complete = pr->initial_end = false;
    pr->capture = NULL;
    pr->id = (struct object_id){0};
    pr->at = (struct place){.node = 1, .all = pr->keep_all};
}

/* ---- what is copied out in passing ---- */

static void
watch_key(struct projector *pr, const char *text, size_t size)
{
    static const struct {
        const char *key;
        size_t at, room;
    } wanted[] = {
        {"namespace", offsetof(struct object_id, ns), sizeof pr->id.ns},
        {"name", offsetof(struct object_id, name), sizeof pr->id.name},
        {"uid", offsetof(struct object_id, uid), sizeof pr->id.uid},
        {"resourceVersion", offsetof(struct object_id, version), sizeof pr->id.version},
    };

    pr->capture = NULL;
    pr->saw_end = false;
    if (pr->level == 1) {
        pr->meta_level = size == 8 && memcmp(text, "metadata", 8) == 0 ? 2 : 0;
    } else if (pr->level == 2 && pr->meta_level == 2) {
        pr->notes_level = size == 11 && memcmp(text, "annotations", 11) == 0 ? 3 : 0;
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
            if (strlen(wanted[i].key) == size && memcmp(wanted[i].key, text, size) == 0) {
                pr->capture = (char *)&pr->id + wanted[i].at;
                pr->capture_room = wanted[i].room;
            }
    } else if (pr->level == 3 && pr->notes_level == 3) {
        pr->saw_end = size == 25 && memcmp(text, "k8s.io/initial-events-end", 25) == 0;
    }
}

static int
watch_string(struct projector *pr, const char *text, size_t size, struct err *e)
{
    if (pr->saw_end) {
        pr->initial_end = size == 4 && memcmp(text, "true", 4) == 0;
        pr->saw_end = false;
    }
    if (pr->capture == NULL)
        return 0;
    if (size >= pr->capture_room || memchr(text, '\0', size) != NULL)
        return err_set(e, ERR_PROTO,
                       "metadata holds a text that no name, uid or version can be");
    memcpy(pr->capture, text, size);
    pr->capture[size] = '\0';
    pr->capture = NULL;
    return 0;
}

/* ---- values ---- */

static struct frame *
top(struct projector *pr)
{
    return pr->depth > 0 ? &pr->frames[pr->depth - 1] : NULL;
}

/* The place of the value that comes next. */
static struct place
next_place(struct projector *pr)
{
    struct frame *f = top(pr);
    return f == NULL || f->map ? pr->at : f->place;
}

/* Whether a value is wanted; a key that waited for an unwanted value is taken back. */
static bool
wanted_here(struct projector *pr, bool container)
{
    struct frame *f = top(pr);

    if (pr->skipped > 0)
        return false;
    if (pr->skip_next) {
        pr->skip_next = false;
        return false;
    }
    if (!container && !next_place(pr).all) {
        if (f != NULL && f->map) {
            pr->out->size = pr->key_at;
            pr->out->data[pr->key_at] = '\0';
        }
        return false;
    }
    if (f != NULL)
        f->count++;
    return true;
}

static int
after_value(struct projector *pr, struct err *e)
{
    if (pr->level == 0)
        pr->complete = true;
    if (pr->out->failed)
        return err_set(e, ERR_LIMIT,
                       "an object's projection is over the limit (OBJECT_BYTES)");
    return 0;
}

int
projector_null(struct projector *pr, struct err *e)
{
    if (wanted_here(pr, false))
        msgpack_out_nil(pr->out);
    return after_value(pr, e);
}

int
projector_bool(struct projector *pr, bool value, struct err *e)
{
    if (wanted_here(pr, false))
        msgpack_out_bool(pr->out, value);
    return after_value(pr, e);
}

int
projector_int(struct projector *pr, int64_t value, struct err *e)
{
    if (wanted_here(pr, false))
        msgpack_out_int(pr->out, value);
    return after_value(pr, e);
}

int
projector_real(struct projector *pr, double value, struct err *e)
{
    if (wanted_here(pr, false))
        msgpack_out_real(pr->out, value);
    return after_value(pr, e);
}

int
projector_number(struct projector *pr, const char *text, size_t size, struct err *e)
{
    char copy[400];
    char *end;

    if (size >= sizeof copy)
        return err_set(e, ERR_PROTO, "a JSON number has %zu characters", size);
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (strpbrk(copy, ".eE") == NULL) {
        errno = 0;
        long long v = strtoll(copy, &end, 10);
        if (errno == 0 && *end == '\0')
            return projector_int(pr, v, e);
    }
    double real = strtod(copy, NULL);
    if (!isfinite(real))
        return err_set(e, ERR_PROTO, "a JSON number is too large: %.40s", copy);
    return projector_real(pr, real, e);
}

/* The text with what is no UTF-8 repaired. */
static int
out_text(struct projector *pr, const char *text, size_t size)
{
    SCOPED(buf) struct buf repaired = BUF_INIT;

    if (!utf8_valid(text, size)) {
        if (utf8_add_clean(&repaired, text, size) < 0)
            return -1;
        text = buf_str(&repaired);
        size = repaired.size;
    }
    msgpack_out_str(pr->out, text, size);
    return 0;
}

int
projector_string(struct projector *pr, const char *text, size_t size, struct err *e)
{
    if (watch_string(pr, text, size, e) < 0)
        return -1;
    if (wanted_here(pr, false) && out_text(pr, text, size) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    return after_value(pr, e);
}

int
projector_key(struct projector *pr, const char *text, size_t size, struct err *e)
{
    struct frame *f = top(pr);

    watch_key(pr, text, size);
    if (pr->skipped > 0)
        return 0;
    if (f == NULL || !f->map)
        return err_set(e, ERR_PROTO, "a key outside an object");
    uint16_t node = find_child(pr, f->place.node, text, size);
    if (pr->nodes[node].drop || (node == NO_NODE && !f->place.all)) {
        pr->skip_next = true;
        return 0;
    }
    pr->at = (struct place){.node = node, .all = f->place.all || pr->nodes[node].keep};
    pr->key_at = pr->out->size;
    if (out_text(pr, text, size) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    return after_value(pr, e);
}

int
projector_open(struct projector *pr, bool map, struct err *e)
{
    if (pr->level == LIMIT_JSON_DEPTH)
        return err_set(e, ERR_LIMIT, "JSON is nested deeper than %d levels (JSON_DEPTH)",
                       LIMIT_JSON_DEPTH);
    pr->capture = NULL;
    pr->level++;
    struct place place = next_place(pr);
    if (!wanted_here(pr, true)) {
        pr->skipped++;
        return 0;
    }
    pr->frames[pr->depth++] =
        (struct frame){.header = pr->out->size, .map = map, .place = place};
    buf_add(pr->out, "\0\0\0\0", 5); /* room for the largest header */
    return after_value(pr, e);
}

int
projector_close(struct projector *pr, struct err *e)
{
    if (pr->level == 0)
        return err_set(e, ERR_PROTO, "a bracket too many");
    if (pr->level == pr->meta_level)
        pr->meta_level = 0;
    if (pr->level == pr->notes_level)
        pr->notes_level = 0;
    pr->level--;
    if (pr->skipped > 0) {
        pr->skipped--;
    } else {
        struct frame *f = &pr->frames[--pr->depth];
        if (!pr->out->failed)
            msgpack_out_header(pr->out, f->header, f->map, f->count);
    }
    return after_value(pr, e);
}

bool
projector_complete(const struct projector *pr)
{
    return pr->complete;
}

const struct object_id *
projector_id(const struct projector *pr)
{
    return &pr->id;
}

bool
projector_initial_end(const struct projector *pr)
{
    return pr->initial_end;
}
