/* hide.c - see hide.h. */
#include "common/hide.h"

#include <stdlib.h>
#include <string.h>

struct value {
    char *bytes; /* owned */
    size_t size;
};

struct hide {
    struct value *values; /* the longest first: one may stand in another */
    size_t n;
};

struct hide *
hide_new(void)
{
    return calloc(1, sizeof(struct hide));
}

void
hide_free(struct hide *h)
{
    if (h == NULL)
        return;
    for (size_t i = 0; i < h->n; i++) {
        explicit_bzero(h->values[i].bytes, h->values[i].size);
        free(h->values[i].bytes);
    }
    free(h->values);
    free(h);
}

static int
add_line(struct hide *h, const char *line, size_t size)
{
    size_t at = 0;

    if (size < HIDE_MIN_BYTES)
        return 0;
    struct value *more = reallocarray(h->values, h->n + 1, sizeof *more);
    if (more == NULL)
        return -1;
    h->values = more;
    char *bytes = malloc(size);
    if (bytes == NULL)
        return -1;
    memcpy(bytes, line, size);
    while (at < h->n && h->values[at].size >= size)
        at++;
    memmove(more + at + 1, more + at, (h->n - at) * sizeof *more);
    more[at] = (struct value){bytes, size};
    h->n++;
    return 0;
}

int
hide_add(struct hide *h, const char *value, size_t size)
{
    const char *end = value + size;

    while (value < end) {
        const char *nl = memchr(value, '\n', (size_t)(end - value));
        size_t line = (size_t)((nl != NULL ? nl : end) - value);
        size_t bare = line > 0 && value[line - 1] == '\r' ? line - 1 : line;
        if (add_line(h, value, bare) < 0)
            return -1;
        value += nl != NULL ? line + 1 : line;
    }
    return 0;
}

/* The first of the values in the text; the longest of those that begin there. */
static const char *
first_of(const struct hide *h, const char *text, size_t size, size_t *found)
{
    const char *first = NULL;

    for (size_t i = 0; h != NULL && i < h->n; i++) {
        size_t room =
            first != NULL ? (size_t)(first - text) + h->values[i].size - 1 : size;
        const char *at = memmem(text, room < size ? room : size, h->values[i].bytes,
                                h->values[i].size);
        if (at != NULL && (first == NULL || at < first)) {
            first = at;
            *found = h->values[i].size;
        }
    }
    return first;
}

void
hide_text(const struct hide *h, const char *text, size_t size, struct buf *out)
{
    const char *at;
    size_t found = 0;

    while (size > 0 && (at = first_of(h, text, size, &found)) != NULL) {
        size_t before = (size_t)(at - text);
        buf_add(out, text, before);
        buf_add_str(out, "***");
        text += before + found;
        size -= before + found;
    }
    buf_add(out, text, size);
}
