/* patch.h - what is decided about a status write, apart from writing it. Pure. */
#ifndef KELOS_STATUSWRITER_PATCH_H
#define KELOS_STATUSWRITER_PATCH_H

#include "common/data/json.h"
#include "common/kube/kube.h"

/* One merge patch that does what `first` and then `second` would do; nulls stay, for they
 * delete. The newer one wins in each field. Both are borrowed; the caller owns the
 * result, NULL when memory ran out. */
json_t *patch_compose(const json_t *first, const json_t *second);

/* Puts metadata.uid in, of which a server makes a precondition where it can: for the status of
 * a custom resource the real one does not, and status.c names the version, too. */
int patch_set_uid(json_t *patch, const char *uid);

enum write_end {
    WRITE_DONE,
    WRITE_GONE,    /* the object, or the one with this uid, does not exist */
    WRITE_REFUSED, /* repeating it would be refused again */
    WRITE_AGAIN    /* the server was away, busy or in conflict: try again later */
};

/* What the answer to a status patch means. `conflicts` counts 409s in a row: a patch
 * without a version that meets five of them carries the uid of another object. */
enum write_end patch_end(const struct kube_result *r, unsigned conflicts);

enum { PATCH_CONFLICTS_MAX = 5 };

/* Whether the server refused the write for its size. */
bool patch_too_large(const struct kube_result *r);

/* Takes the next best part out of a status that is too large: first the agent's answer (from
 * outputs and results), then all outputs and results. The first line of `message` and the
 * condition OutputsCaptured say what is missing and why. Returns what was taken out, a static
 * word, or NULL when there is nothing left to take. */
const char *patch_cut(json_t *patch);

#endif
