/* args.h - the flags of a command as a table, and the words a user typed after it.
 *
 * The same table drives parsing, --help and completion. Grammar: --name value, --name=value,
 * -n value, -nvalue, -n=value, bundled short booleans, `--` ends the flags, flags and words
 * mix freely, long names are not abbreviated. */
#ifndef KELOS_CLI_ARGS_H
#define KELOS_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/scoped.h"

enum flag_type {
    FLAG_BOOL,   /* never takes the next word; on by --name=CHOICE, too */
    FLAG_STRING, /* the last one wins */
    FLAG_ARRAY,  /* repeatable, taken verbatim */
    FLAG_SLICE   /* repeatable and comma separated, with CSV quotes */
};

/* What a value may be, for completion. */
enum complete_kind {
    COMPLETE_FILES = 0,
    COMPLETE_NOTHING,
    COMPLETE_CHOICES, /* flag.choices */
    COMPLETE_TASK,
    COMPLETE_SPAWNER,
    COMPLETE_WORKSPACE,
    COMPLETE_AGENTCONFIG,
    COMPLETE_SECRET,
    COMPLETE_NAMESPACE
};

struct flag {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    enum flag_type type;
    const char *value; /* how --help calls the value: "NAME"; NULL for FLAG_BOOL */
    const char *help;  /* one sentence */
    bool required;
    enum complete_kind complete;
    const char *const *choices; /* NULL-terminated: of COMPLETE_CHOICES and FLAG_BOOL */
};

/* A borrowed table of flags. */
struct flag_set {
    const struct flag *flags;
    size_t count;
};

#define MAX_FLAG_SETS 6

/* What was typed. Made by args_parse, read by the getters. */
struct args;

/* Reads words[0..count). `sets` (n_sets at most MAX_FLAG_SETS) are searched in order; the
 * tables are borrowed for the life of the result, the words are copied. Returns args the
 * caller owns, or NULL with *e set (ERR_INVALID) to the sentence of the first mistake.
 * Words after --help are still read, and a later mistake is then ignored. */
struct args *args_parse(const struct flag_set *sets, size_t n_sets, char *const *words,
                        size_t count, struct err *e);
void args_free(struct args *a);
SCOPED_DEFINE(args)

/* Finds a flag by its long name or letter; NULL when no set has it. */
const struct flag *args_find(const struct flag_set *sets, size_t n_sets, const char *name,
                             size_t size);
const struct flag *args_find_letter(const struct flag_set *sets, size_t n_sets,
                                    char letter);

/* The words that are not flags, in order; borrowed. */
size_t args_count(const struct args *a);
const char *args_word(const struct args *a, size_t i);

/* Whether the flag stood on the line, even with an empty value. A flag that is in none of
 * the tables is an abort: a program's mistake. */
bool args_given(const struct args *a, const char *name);
bool args_bool(const struct args *a, const char *name);
/* The last value, "" when not given; of FLAG_BOOL the choice, "" without one; borrowed. */
const char *args_string(const struct args *a, const char *name);
/* All values of FLAG_ARRAY and FLAG_SLICE; borrowed. */
size_t args_list(const struct args *a, const char *name, char *const **values);

/* The sentence for required flags that are missing, as -1 with *e set; 0 when none is. */
int args_required(const struct args *a, struct err *e);

#endif
