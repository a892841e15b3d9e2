/* taskdoc.h - the Task that kelos run makes, as a document. Pure. */
#ifndef KELOS_CLI_TASKDOC_H
#define KELOS_CLI_TASKDOC_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* All texts are borrowed; "" is unset. */
struct taskdoc {
    const char *name, *ns, *type, *prompt;
    const char *secret, *credential_type;
    const char *model, *effort, *image, *branch, *workspace;
    char *const *agent_configs;
    size_t n_agent_configs;
    char *const *depends_on;
    size_t n_depends_on;
    int64_t timeout_s; /* 0: none */
    const json_t *env; /* list of {name, value} or NULL; borrowed */
};

/* The object, with an empty status; the caller owns. */
json_t *taskdoc_build(const struct taskdoc *t);

/* --timeout: whole seconds, at least one. 0 for "". Returns -1 with *e set (E16, E17). */
int64_t taskdoc_timeout(const char *text, struct err *e);

/* The environment: entries of the configuration ({name, value} or {name, valueFrom}; NULL:
 * none), then NAME=VALUE texts; of the same name the last one counts and keeps its place.
 * Returns a list the caller owns, or NULL with *e set (E18, or the bad entry's index). */
json_t *taskdoc_env(const json_t *configured, char *const *texts, size_t count,
                    struct err *e);

#endif
