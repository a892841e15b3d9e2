/* command.h - a command as a row: what it is called, what it takes, what runs it.
 *
 * One tree of these rows drives finding the command, parsing, --help and completion. */
#ifndef KELOS_CLI_COMMAND_H
#define KELOS_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/args.h"
#include "common/err.h"

struct cli;
struct resource;

struct command {
    const char *name;
    const char *const *aliases;            /* NULL-terminated, or NULL */
    const char *words;                     /* how --help shows its words: "NAME" */
    const char *summary;                   /* one line */
    const char *examples;                  /* lines, or NULL */
    struct flag_set flags;                 /* its own */
    struct flag_set inherited;             /* its own and its children's */
    const struct command *const *children; /* NULL-terminated, or NULL; alphabetical */
    size_t min_words;
    size_t max_words; /* SIZE_MAX: any */
    const char *noun; /* what its word names: "workspace"; NULL: it takes none */
    enum complete_kind completes; /* what its first word is */
    bool no_config;               /* does not read the configuration file */
    bool cluster_only;            /* local mode is not what it means, though it may run */
    bool hidden;                  /* not in help, not completed */
    bool newer;                   /* not there in the older dialect (dialect.h) */
    bool raw;                     /* takes its words as they are, flags included */
    const struct resource *resource;          /* what get, delete and the like act on */
    const char *verb;                         /* of a group: past participle, "created" */
    const char *choices;                      /* of a group: "workspace or agentconfig" */
    int (*run)(struct cli *c, struct err *e); /* NULL for a group */
};

#define FLAGS(table)                                                                     \
    {                                                                                    \
        (table), ARRAY_LEN(table)                                                        \
    }
#define MAX_COMMAND_DEPTH 4

/* A command as found on the line: the rows from the root down to it. */
struct command_path {
    const struct command *rows[MAX_COMMAND_DEPTH];
    size_t depth;
};

/* The root of the tree: `kelos` itself. */
extern const struct command command_root;

/* Whether it is shown in help, and offered. */
bool command_offered(const struct command *command);

/* The last row of a path. */
const struct command *command_leaf(const struct command_path *path);

/* "kelos get task", in buf of `size` bytes; returns buf. */
const char *command_full_name(const struct command_path *path, char *buf, size_t size);

/* The flag sets that hold for the path, own ones first. Returns how many. */
size_t command_flag_sets(const struct command_path *path, struct flag_set *sets);

/* Whether the word is the command's name or one of its aliases. */
bool command_is(const struct command *command, const char *word);

/* Walks the words to the command they name, over flags and their values. The words that
 * named it are taken out: `rest` (room for count pointers) gets the others, in order.
 * Returns how many those are. */
size_t command_find(char *const *words, size_t count, struct command_path *path,
                    char **rest);

/* Whether this flag word ("--output", "-o", "-dA") takes the next word as its value; *flag
 * (NULL is allowed) is then the flag. */
bool command_takes_next(const struct command_path *path, const char *word,
                        const struct flag **flag);

/* Checks the number of words: 0, or -1 with *e set. */
int command_check_words(const struct command_path *path, const struct args *args,
                        struct err *e);

/* The error for a group that got `word` (NULL: none). Always -1. */
int command_group_error(const struct command_path *path, const char *word, struct err *e);

#endif
