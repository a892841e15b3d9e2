/* upsert.h - writes a Secret or a Workspace of ours: made when missing, left alone when
 * equal, changed after a question otherwise. */
#ifndef KELOS_CLI_UPSERT_H
#define KELOS_CLI_UPSERT_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"
#include "common/err.h"

/* Makes sure that the Secret holds the keys of `values` (texts). Other keys are kept. A key
 * with another value is replaced after a question, or at once with `yes`. Returns 0, or -1
 * with *e set (E15 when the answer was no). */
int upsert_secret(struct cli *c, const char *ns, const char *name, const json_t *values,
                  bool yes, struct err *e);

/* The Secret as it is made; the caller owns. */
json_t *upsert_secret_object(const char *ns, const char *name, const json_t *values);

/* Makes sure that the Workspace has the fields of `spec`; fields that `spec` does not have
 * (remotes, files) are kept. Returns the object, which the caller owns, or NULL with *e set. */
json_t *upsert_workspace(struct cli *c, const char *ns, const char *name,
                         const json_t *spec, bool yes, struct err *e);

/* Lets the Secret, which was upserted with `values`, go with the Workspace: makes it its owner,
 * unless somebody else made the Secret. */
int upsert_own(struct cli *c, const char *ns, const char *secret, const json_t *values,
               const json_t *workspace, struct err *e);

/* The keys of a Secret's data that are missing or differ from `values`, as "A, B" in
 * `names`. Returns how many differ; *missing is how many of them are not there at all. */
size_t upsert_differences(const json_t *data, const json_t *values, size_t *missing,
                          struct buf *names);

#endif
