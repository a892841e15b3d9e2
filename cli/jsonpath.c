/* jsonpath.c - see jsonpath.h. */
#include "cli/jsonpath.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct output {
    struct buf *out;
    bool any;
};

static int
bad(const char *at, struct err *e)
{
    return err_set(e, ERR_INVALID,
                   "jsonpath: cannot read \"%s\"; use e.g. {.status.phase} or "
                   "{.items[*].metadata.name}",
                   at);
}

static void
write_value(const json_t *value, struct output *o)
{
    if (value == NULL || json_is_null(value))
        return;
    if (o->any)
        buf_add_char(o->out, ' ');
    o->any = true;
    if (json_is_string(value)) {
        buf_add_str(o->out, json_string_value(value));
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    buf_add_str(o->out, text != NULL ? text : "");
    free(text);
}

/* The end of a step's text in brackets or after a dot; NULL when it is malformed. */
static int walk(const char *path, const char *end, const json_t *at, struct output *o,
                struct err *e);

static int
walk_name(const char *name, size_t size, const char *rest, const char *end,
          const json_t *at, struct output *o, struct err *e)
{
    return walk(rest, end, json_object_getn(at, name, size), o, e);
}

static int
walk_all(const char *rest, const char *end, const json_t *at, struct output *o,
         struct err *e)
{
    const char *key;
    json_t *value;

    for (size_t i = 0; i < json_array_size(at); i++)
        if (walk(rest, end, json_array_get(at, i), o, e) < 0)
            return -1;
    if (json_is_object(at))
        json_object_foreach((json_t *)at, key,
                            value) if (walk(rest, end, value, o, e) < 0) return -1;
    return 0;
}

/* [*], ['name'], [2], [-1] */
static int
walk_bracket(const char *path, const char *end, const json_t *at, struct output *o,
             struct err *e)
{
    const char *close = memchr(path, ']', (size_t)(end - path));

    if (close == NULL || close == path + 1)
        return bad(path, e);
    if (path[1] == '*' && close == path + 2)
        return walk_all(close + 1, end, at, o, e);
    if (path[1] == '\'' || path[1] == '"') {
        if (close < path + 4 || close[-1] != path[1])
            return bad(path, e);
        return walk_name(path + 2, (size_t)(close - path - 3), close + 1, end, at, o, e);
    }
    char *stop;
    long index = strtol(path + 1, &stop, 10);
    if (stop != close)
        return bad(path, e);
    if (index < 0)
        index += (long)json_array_size(at);
    return walk(close + 1, end, index < 0 ? NULL : json_array_get(at, (size_t)index), o,
                e);
}

static int
walk(const char *path, const char *end, const json_t *at, struct output *o, struct err *e)
{
    if (path == end) {
        write_value(at, o);
        return 0;
    }
    if (*path == '[')
        return walk_bracket(path, end, at, o, e);
    if (*path != '.')
        return bad(path, e);
    path++;
    if (path == end) { /* {.} */
        write_value(at, o);
        return 0;
    }
    if (*path == '*')
        return walk_all(path + 1, end, at, o, e);
    const char *stop = path;
    while (stop < end && *stop != '.' && *stop != '[')
        stop++;
    if (stop == path && *path != '[')
        return bad(path, e);
    if (stop == path)
        return walk(path, end, at, o, e);
    return walk_name(path, (size_t)(stop - path), stop, end, at, o, e);
}

/* {"\n"} */
static int
literal(const char *from, const char *to, struct buf *out, struct err *e)
{
    if (to - from < 2 || to[-1] != '"')
        return bad(from, e);
    for (const char *p = from + 1; p < to - 1; p++) {
        if (*p == '\\' && p + 1 < to - 1) {
            p++;
            buf_add_char(out, *p == 'n' ? '\n' : *p == 't' ? '\t' : *p);
        } else {
            buf_add_char(out, *p);
        }
    }
    return 0;
}

int
jsonpath_write(const char *template, const json_t *value, struct buf *out, struct err *e)
{
    const char *p = template;

    while (*p != '\0') {
        const char *close;

        if (*p != '{') {
            buf_add_char(out, *p++);
            continue;
        }
        if ((close = strchr(p, '}')) == NULL)
            return bad(p, e);
        const char *from = p + 1;
        while (isspace((unsigned char)*from))
            from++;
        const char *to = close;
        while (to > from && isspace((unsigned char)to[-1]))
            to--;
        struct output o = {out, false};
        if (*from == '$')
            from++;
        if (from == to)
            return bad(p, e);
        if (*from == '"' ? literal(from, to, out, e) < 0
                         : walk(from, to, value, &o, e) < 0)
            return -1;
        p = close + 1;
    }
    return 0;
}
