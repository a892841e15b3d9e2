/* secret.c - see secret.h. */
#include "common/secret.h"

#include <stdlib.h>
#include <string.h>

struct secret {
    size_t size;
    char bytes[];
};

struct secret *
secret_new(const void *bytes, size_t size)
{
    struct secret *s = malloc(sizeof *s + size + 1);

    if (s == NULL)
        return NULL;
    s->size = size;
    if (size > 0)
        memcpy(s->bytes, bytes, size);
    s->bytes[size] = '\0';
    return s;
}

void
secret_free(struct secret *s)
{
    if (s == NULL)
        return;
    explicit_bzero(s->bytes, s->size);
    free(s);
}

const char *
secret_reveal(const struct secret *s)
{
    return s->bytes;
}

size_t
secret_size(const struct secret *s)
{
    return s->size;
}
