/* tree.h - the table of workers: what is started, with what, after whom, stopped when. */
#ifndef KELOS_SUPERVISOR_TREE_H
#define KELOS_SUPERVISOR_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/message.h"

struct supervisor;
struct unit;
struct spawn;

struct tree_row {
    enum role role;
    const char *id;       /* "%d" stands for the index */
    const char *program;  /* beside the supervisor's own */
    const char *listener; /* socket it serves (likewise), NULL: none */
    const char *door; /* tcp socket it serves with --bus-port (likewise), NULL: none */
    enum role after;  /* starts once this one is READY; ROLE_NONE: at once */
    bool local_only;
    bool binder;            /* gets the table of peers */
    bool all_pages;         /* inherits everybody's pages, read-only */
    bool whole_environment; /* its children are the user's agents */
    bool writes; /* to the cluster, while the controller leads: the fence ends it */
    bool limit_memory;
    int stop_stage;     /* 1 first; all of a stage are asked together */
    int stop_budget_ms; /* then SIGKILL */
};

#define TREE_STAGES 6

const struct tree_row *tree_rows(size_t *count);
const struct tree_row *tree_row_of(enum role role);

/* Writes a row's id or listener for this index: "shard-%d" and 2 give "shard-2". */
void tree_name(const char *pattern, int index, char *out, size_t size);

/* Fills argv and descriptors for the next incarnation of u. */
void tree_command(struct supervisor *s, struct unit *u, struct spawn *spawn);

/* The unit has died: nobody answers at its port before its successor does. */
void tree_close_door(const struct supervisor *s, const struct unit *u);

#endif
