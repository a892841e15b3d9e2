/* table.c - see table.h. */
#include "common/table.h"

#include <stdlib.h>
#include <string.h>

/* One at a time: the usual one falls through from case to case, at which strict compilers stop. */
#define HASH_FUNCTION HASH_OAT
#include <uthash.h>

struct entry {
    UT_hash_handle hh;
    void *value;
    char key[];
};

struct table {
    struct entry *entries;
    void (*free_value)(void *value);
};

struct table *
table_new(void (*free_value)(void *value))
{
    struct table *t = calloc(1, sizeof *t);

    if (t == NULL)
        abort();
    t->free_value = free_value;
    return t;
}

static void
end_value(const struct table *t, void *value)
{
    if (t->free_value != NULL && value != NULL)
        t->free_value(value);
}

void
table_free(struct table *t)
{
    struct entry *x, *next;

    if (t == NULL)
        return;
    HASH_ITER(hh, t->entries, x, next)
    {
        HASH_DEL(t->entries, x);
        end_value(t, x->value);
        free(x);
    }
    free(t);
}

static struct entry *
find(const struct table *t, const char *key)
{
    struct entry *x = NULL;

    HASH_FIND_STR(t->entries, key, x);
    return x;
}

void
table_put(struct table *t, const char *key, void *value)
{
    struct entry *x = find(t, key);
    size_t size = strlen(key) + 1;

    if (x != NULL) {
        void *old = x->value;
        x->value = value;
        end_value(t, old);
        return;
    }
    if ((x = calloc(1, sizeof *x + size)) == NULL)
        abort();
    x->value = value;
    memcpy(x->key, key, size);
    HASH_ADD_STR(t->entries, key, x);
}

void *
table_get(const struct table *t, const char *key)
{
    struct entry *x = find(t, key);

    return x != NULL ? x->value : NULL;
}

void *
table_take(struct table *t, const char *key)
{
    struct entry *x = find(t, key);

    if (x == NULL)
        return NULL;
    void *value = x->value;
    HASH_DEL(t->entries, x);
    free(x);
    return value;
}

void
table_delete(struct table *t, const char *key)
{
    end_value(t, table_take(t, key));
}

size_t
table_size(const struct table *t)
{
    return HASH_COUNT(t->entries);
}

void *
table_next(const struct table *t, struct table_at *at)
{
    struct entry *x = at->begun ? at->entry : t->entries;

    at->begun = true;
    at->entry = x != NULL ? x->hh.next : NULL;
    return x != NULL ? x->value : NULL;
}
