/* jsonframe.c - see jsonframe.h. */
#include "common/data/jsonframe.h"

#include "common/limits.h"

static bool
is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Looks at one byte inside a document. Returns 1 when the document ends with it (for a bare
 * scalar: before it), 0 to go on, -1 with *e set. */
static int
see_byte(struct jsonframe *f, char c, struct err *e)
{
    if (f->in_string) {
        if (f->escaped)
            f->escaped = false;
        else if (c == '\\')
            f->escaped = true;
        else if (c == '"')
            f->in_string = false;
        return 0;
    }
    if (c == '"') {
        f->in_string = true;
    } else if (c == '{' || c == '[') {
        if (++f->depth > LIMIT_JSON_DEPTH)
            return err_set(e, ERR_LIMIT,
                           "JSON is nested deeper than %d levels (JSON_DEPTH)",
                           LIMIT_JSON_DEPTH);
    } else if (c == '}' || c == ']') {
        if (f->depth == 0)
            return err_set(e, ERR_PROTO, "a closing bracket without its opening one");
        if (--f->depth == 0)
            return 1;
    } else if (f->depth == 0 && is_space(c)) {
        return 1;
    }
    return 0;
}

/* The document is complete with bytes[0..size): from the buffer when a part is held. */
static int
give(struct jsonframe *f, const char *bytes, size_t size,
     int (*fn)(void *arg, const char *doc, size_t size, struct err *e), void *arg,
     struct err *e)
{
    f->in_document = false;
    if (f->part.size == 0)
        return fn(arg, bytes, size, e);
    if (buf_add(&f->part, bytes, size) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    int rc = fn(arg, f->part.data, f->part.size, e);
    if (f->part.capacity > 65536)
        buf_free(&f->part); /* one large document must not hold its memory for good */
    else
        buf_clear(&f->part);
    return rc;
}

int
jsonframe_feed(struct jsonframe *f, const char *bytes, size_t size,
               int (*fn)(void *arg, const char *doc, size_t size, struct err *e),
               void *arg, struct err *e)
{
    size_t start = 0;

    for (size_t i = 0; i < size; i++) {
        if (!f->in_document) {
            if (is_space(bytes[i]))
                continue;
            f->in_document = true;
            start = i;
        }
        int end = see_byte(f, bytes[i], e);
        if (end < 0)
            return -1;
        if (f->limit != 0 && f->part.size + (i - start) + 1 > f->limit)
            return err_set(e, ERR_LIMIT,
                           "a document is over the limit of %zu bytes (OBJECT_BYTES)",
                           f->limit);
        if (end == 1 && give(f, bytes + start, i + 1 - start, fn, arg, e) < 0)
            return -1;
    }
    if (f->in_document && buf_add(&f->part, bytes + start, size - start) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    return 0;
}

bool
jsonframe_partial(const struct jsonframe *f)
{
    return f->in_document;
}

void
jsonframe_reset(struct jsonframe *f)
{
    buf_free(&f->part);
    f->depth = 0;
    f->in_string = f->escaped = f->in_document = false;
}
