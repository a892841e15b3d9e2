/* pview.c - see project.h: reads projections in place. Every step is checked against the
 * end of the bytes, for they may come from another process. */
#include "common/data/project.h"

#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "common/path.h"

enum shape { NIL, BOOLEAN, INTEGER, REAL, TEXT, LIST, MAP, BROKEN };

/* One msgpack header: what it is, its number (value, size or count), and where the rest
 * is. */
struct head {
    enum shape shape;
    uint64_t number;
    const uint8_t *body;
};

static uint64_t
big_endian(const uint8_t *p, int bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0)
        v = v << 8 | *p++;
    return v;
}

/* Signed 1, 2, 4 or 8 bytes as the two's complement of 64. */
static uint64_t
sign_extend(uint64_t v, int bytes)
{
    int shift = 64 - 8 * bytes;
    return (uint64_t)((int64_t)(v << shift) >> shift);
}

static const struct {
    uint8_t tag, shape, bytes;
    bool is_signed;
} forms[] = {
    {0xcb, REAL, 8, false},    {0xcc, INTEGER, 1, false}, {0xcd, INTEGER, 2, false},
    {0xce, INTEGER, 4, false}, {0xcf, INTEGER, 8, false}, {0xd0, INTEGER, 1, true},
    {0xd1, INTEGER, 2, true},  {0xd2, INTEGER, 4, true},  {0xd3, INTEGER, 8, true},
    {0xd9, TEXT, 1, false},    {0xda, TEXT, 2, false},    {0xdb, TEXT, 4, false},
    {0xdc, LIST, 2, false},    {0xdd, LIST, 4, false},    {0xde, MAP, 2, false},
    {0xdf, MAP, 4, false},
};

static struct head
read_long_head(const uint8_t *at, const uint8_t *end)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (forms[i].tag != *at)
            continue;
        if (end - at - 1 < forms[i].bytes)
            break;
        uint64_t v = big_endian(at + 1, forms[i].bytes);
        if (forms[i].is_signed)
            v = sign_extend(v, forms[i].bytes);
        return (struct head){(enum shape)forms[i].shape, v, at + 1 + forms[i].bytes};
    }
    return (struct head){BROKEN, 0, at};
}

static struct head
read_head(const uint8_t *at, const uint8_t *end)
{
    struct head h = {BROKEN, 0, at};

    if (at >= end)
        return h;
    uint8_t b = *at;
    if (b < 0x80)
        h = (struct head){INTEGER, b, at + 1};
    else if (b >= 0xe0)
        h = (struct head){INTEGER, sign_extend(b, 1), at + 1};
    else if (b < 0x90)
        h = (struct head){MAP, b & 0x0f, at + 1};
    else if (b < 0xa0)
        h = (struct head){LIST, b & 0x0f, at + 1};
    else if (b < 0xc0)
        h = (struct head){TEXT, b & 0x1f, at + 1};
    else if (b == 0xc0)
        h = (struct head){NIL, 0, at + 1};
    else if (b == 0xc2 || b == 0xc3)
        h = (struct head){BOOLEAN, b & 1, at + 1};
    else
        h = read_long_head(at, end);
    /* every item takes at least one byte, so larger counts are lies */
    uint64_t least = h.shape == TEXT || h.shape == LIST ? h.number
                     : h.shape == MAP                   ? 2 * h.number
                                                        : 0;
    if (least > (uint64_t)(end - h.body))
        h.shape = BROKEN;
    return h;
}

/* Where the value at `at` ends, NULL when it is broken. */
static const uint8_t *
skip(const uint8_t *at, const uint8_t *end, int depth)
{
    struct head h = read_head(at, end);

    if (h.shape == BROKEN || depth > LIMIT_JSON_DEPTH)
        return NULL;
    if (h.shape == REAL)
        return h.body;
    if (h.shape == TEXT)
        return h.body + h.number;
    if (h.shape != LIST && h.shape != MAP)
        return h.body;
    uint64_t left = h.shape == MAP ? 2 * h.number : h.number;
    const uint8_t *p = h.body;
    for (bool key = h.shape == MAP; left > 0 && p != NULL;
         left--, key = h.shape == MAP && !key) {
        if (key && read_head(p, end).shape != TEXT)
            return NULL;
        p = skip(p, end, depth + 1);
    }
    return p;
}

int
project_check(const void *bytes, size_t size, struct err *e)
{
    const uint8_t *at = bytes;

    if (size == 0 || skip(at, at + size, 0) != at + size)
        return err_set(e, ERR_PROTO, "not one well-formed msgpack value");
    return 0;
}

struct pview
pview_root(const void *bytes, size_t size)
{
    return (struct pview){size > 0 ? bytes : NULL,
                          size > 0 ? (const uint8_t *)bytes + size : NULL};
}

struct pview_iter
pview_iter(struct pview v)
{
    struct pview_iter it = {.end = v.end};

    if (v.at == NULL)
        return it;
    struct head h = read_head(v.at, v.end);
    if (h.shape == LIST || h.shape == MAP) {
        it.map = h.shape == MAP;
        it.left = h.number;
        it.next = h.body;
    }
    return it;
}

bool
pview_next(struct pview_iter *it)
{
    if (it->left == 0)
        return false;
    it->left--;
    it->key = (struct pview){NULL, NULL};
    if (it->map) {
        it->key = (struct pview){it->next, it->end};
        if (read_head(it->next, it->end).shape != TEXT ||
            (it->next = skip(it->next, it->end, 0)) == NULL)
            goto broken;
    }
    it->value = (struct pview){it->next, it->end};
    if (read_head(it->next, it->end).shape == NIL)
        it->value = (struct pview){NULL, NULL};
    if ((it->next = skip(it->next, it->end, 0)) == NULL)
        goto broken;
    return true;
broken:
    it->left = 0;
    return false;
}

static struct pview
child(struct pview v, const struct path_step *s)
{
    struct pview_iter it = pview_iter(v);

    for (size_t i = 0; pview_next(&it); i++) {
        size_t size;
        const char *key = it.map ? pview_text(it.key, &size) : NULL;
        if (it.map ? size == s->size && memcmp(key, s->text, size) == 0
                   : s->index && i == s->number)
            return it.value;
    }
    return (struct pview){NULL, NULL};
}

struct pview
pview_at(struct pview v, const char *path)
{
    struct path_step s;

    while (v.at != NULL && path_next(&path, &s))
        v = child(v, &s);
    return v;
}

const char *
pview_text(struct pview v, size_t *size)
{
    *size = 0;
    if (v.at == NULL)
        return NULL;
    struct head h = read_head(v.at, v.end);
    if (h.shape != TEXT)
        return NULL;
    *size = h.number;
    return (const char *)h.body;
}

int
pview_copy(struct pview v, char *out, size_t room)
{
    size_t size;
    const char *text = pview_text(v, &size);

    if (room == 0)
        return -1;
    out[0] = '\0';
    if (text == NULL)
        return -1;
    size_t n = size < room ? size : room - 1;
    memcpy(out, text, n);
    out[n] = '\0';
    return size < room ? 0 : -1;
}

bool
pview_is(struct pview v, const char *text)
{
    size_t size;
    const char *have = pview_text(v, &size);
    return have != NULL && size == strlen(text) && memcmp(have, text, size) == 0;
}

int64_t
pview_int(struct pview v, int64_t dflt)
{
    if (v.at == NULL)
        return dflt;
    struct head h = read_head(v.at, v.end);
    return h.shape == INTEGER ? (int64_t)h.number : dflt;
}

bool
pview_bool(struct pview v, bool dflt)
{
    if (v.at == NULL)
        return dflt;
    struct head h = read_head(v.at, v.end);
    return h.shape == BOOLEAN ? h.number != 0 : dflt;
}

size_t
pview_count(struct pview v)
{
    return pview_iter(v).left;
}

/* ---- into a tree ---- */

static json_t *tree(const uint8_t **at, const uint8_t *end, int depth);

static json_t *
tree_map(const uint8_t **at, const uint8_t *end, uint64_t count, int depth)
{
    SCOPED(json) json_t *out = json_object();

    while (out != NULL && count-- > 0) {
        struct head h = read_head(*at, end);
        if (h.shape != TEXT)
            return NULL;
        *at = h.body + h.number;
        json_t *value = tree(at, end, depth + 1);
        if (value == NULL ||
            json_object_setn_new(out, (const char *)h.body, h.number, value) < 0)
            return NULL;
    }
    return TAKE(out);
}

static json_t *
tree_list(const uint8_t **at, const uint8_t *end, uint64_t count, int depth)
{
    SCOPED(json) json_t *out = json_array();

    while (out != NULL && count-- > 0) {
        json_t *value = tree(at, end, depth + 1);
        if (value == NULL || json_array_append_new(out, value) < 0)
            return NULL;
    }
    return TAKE(out);
}

static json_t *
tree(const uint8_t **at, const uint8_t *end, int depth)
{
    struct head h = read_head(*at, end);
    double real;

    if (depth > LIMIT_JSON_DEPTH)
        return NULL;
    *at = h.body;
    switch (h.shape) {
    case NIL:
        return json_null();
    case BOOLEAN:
        return json_boolean(h.number);
    case INTEGER:
        return json_integer((json_int_t)h.number);
    case REAL:
        memcpy(&real, &h.number, sizeof real);
        return json_real(real);
    case TEXT:
        *at += h.number;
        return json_stringn((const char *)h.body, h.number);
    case MAP:
        return tree_map(at, end, h.number, depth);
    case LIST:
        return tree_list(at, end, h.number, depth);
    case BROKEN:
        break;
    }
    return NULL;
}

json_t *
pview_to_json(struct pview v, struct err *e)
{
    const uint8_t *at = v.at;
    json_t *out = v.at == NULL ? json_null() : tree(&at, v.end, 0);

    if (out == NULL)
        err_set(e, ERR_PROTO, "not a well-formed projection");
    return out;
}

json_t *
project_to_json(const void *bytes, size_t size, struct err *e)
{
    if (project_check(bytes, size, e) < 0)
        return NULL;
    return pview_to_json(pview_root(bytes, size), e);
}
