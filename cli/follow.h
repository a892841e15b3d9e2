/* follow.h - objects as they are, and then each change, until the caller has seen enough. */
#ifndef KELOS_CLI_FOLLOW_H
#define KELOS_CLI_FOLLOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "common/err.h"

/* Called per object: first once for each that is there, then for every change; `gone` with
 * the last known state when it was deleted. Returns 0 to go on, 1 when it has seen enough,
 * -1 with *e set to fail. The object is borrowed. */
typedef int follow_fn(void *arg, const json_t *object, bool gone, struct err *e);

/* Follows one object (`name`) or a collection (name NULL), with a label selector or NULL.
 * Lists, then watches; a broken watch goes on where it was, a lost history is listed again
 * and only the differences are reported. wait_ms -1: for ever. Returns 1 when fn had
 * enough, 0 when the time passed, -1 with *e set (a name that does not exist: the error of
 * the API server). */
int follow(struct cli *c, const struct kube_resource *res, const char *ns,
           const char *name, const char *selector, int64_t wait_ms, follow_fn *fn,
           void *arg, struct err *e);

#endif
