/* flags.c - see flags.h. */
#include "common/flags.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct flag *
find(const char *name, size_t size, const struct flag *const *tables,
     const size_t *counts, size_t n_tables)
{
    for (size_t t = 0; t < n_tables; t++)
        for (size_t i = 0; i < counts[t]; i++)
            if (strlen(tables[t][i].name) == size &&
                memcmp(tables[t][i].name, name, size) == 0)
                return &tables[t][i];
    return NULL;
}

static int
set_number(const struct flag *f, const char *text, struct err *e)
{
    char *end;
    long long v;

    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0')
        return err_set(e, ERR_INVALID, "--%s: \"%s\" is not a number", f->name, text);
    *(int64_t *)f->value = v;
    return 0;
}

static int
set_switch(const struct flag *f, const char *text, struct err *e)
{
    if (text == NULL || strcmp(text, "true") == 0)
        *(bool *)f->value = true;
    else if (strcmp(text, "false") == 0)
        *(bool *)f->value = false;
    else
        return err_set(e, ERR_INVALID, "--%s: \"%s\" is neither true nor false", f->name,
                       text);
    return 0;
}

static int
set_value(const struct flag *f, const char *text, struct err *e)
{
    struct flag_list *list;

    switch (f->type) {
    case FLAG_TEXT:
        *(const char **)f->value = text;
        return 0;
    case FLAG_NUMBER:
        return set_number(f, text, e);
    case FLAG_SWITCH:
        return set_switch(f, text, e);
    case FLAG_LIST:
        list = f->value;
        if (list->count == FLAG_LIST_MAX)
            return err_set(e, ERR_LIMIT, "--%s: given more than %d times", f->name,
                           FLAG_LIST_MAX);
        list->items[list->count++] = text;
        return 0;
    }
    return 0;
}

int
flags_parse(int argc, char **argv, const struct flag *const *tables, const size_t *counts,
            size_t n_tables, int *rest, struct err *e)
{
    int i;

    for (i = 1; i < argc; i++) {
        const char *name = argv[i], *text;
        const struct flag *f;
        size_t size;

        if (name[0] != '-' || name[1] == '\0')
            break;
        if (strcmp(name, "--") == 0) {
            i++;
            break;
        }
        name += name[1] == '-' ? 2 : 1;
        size = strcspn(name, "=");
        text = name[size] == '=' ? name + size + 1 : NULL;
        if (strcmp(name, "help") == 0 || strcmp(argv[i], "-h") == 0)
            return 1;
        if ((f = find(name, size, tables, counts, n_tables)) == NULL)
            return err_set(e, ERR_INVALID, "unknown flag %s (--help lists them)",
                           argv[i]);
        if (text == NULL && f->type != FLAG_SWITCH) {
            if (i + 1 >= argc)
                return err_set(e, ERR_INVALID, "--%s needs a value", f->name);
            text = argv[++i];
        }
        if (set_value(f, text, e) < 0)
            return -1;
    }
    *rest = i;
    return 0;
}

void
flags_help(const char *usage, const struct flag *const *tables, const size_t *counts,
           size_t n_tables)
{
    printf("usage: %s\n\n", usage);
    for (size_t t = 0; t < n_tables; t++)
        for (size_t i = 0; i < counts[t]; i++) {
            const struct flag *f = &tables[t][i];
            char left[80];

            snprintf(left, sizeof left, "--%s%s%s", f->name, f->meta != NULL ? " " : "",
                     f->meta != NULL ? f->meta : "");
            printf("  %-34s %s\n", left, f->help);
        }
}
