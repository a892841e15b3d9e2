/* flags.h - command line flags as a table, which also prints --help.
 *
 * Accepts --name VALUE, --name=VALUE, --switch, --switch=true|false. A name may be given
 * again: the last one counts, but a FLAG_LIST collects. */
#ifndef KELOS_COMMON_FLAGS_H
#define KELOS_COMMON_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum flag_type {
    FLAG_TEXT,   /* value: const char **, borrowed from argv */
    FLAG_NUMBER, /* value: int64_t * */
    FLAG_SWITCH, /* value: bool * */
    FLAG_LIST    /* value: struct flag_list * */
};

#define FLAG_LIST_MAX 64

struct flag_list {
    const char *items[FLAG_LIST_MAX];
    size_t count;
};

struct flag {
    const char *name; /* without dashes */
    enum flag_type type;
    void *value;      /* holds the default before flags_parse */
    const char *meta; /* "DIR" in the help */
    const char *help;
};

/* Reads argv[1..]; stops at the first argument that is no flag and sets *rest to its
 * index (argc when none). Returns 0, 1 when --help was given, or -1 with *e set
 * (ERR_INVALID). */
int flags_parse(int argc, char **argv, const struct flag *const *tables,
                const size_t *counts, size_t n_tables, int *rest, struct err *e);

/* Prints usage and every flag to stdout. */
void flags_help(const char *usage, const struct flag *const *tables, const size_t *counts,
                size_t n_tables);

#endif
