/* gitscript.h - the shell texts of the init containers.
 *
 * They are constants: what differs from Task to Task reaches them as arguments or
 * environment. Only remotes, files and skills are lists inside a script, each entry quoted
 * by gitscript_quote. All run under a POSIX sh with git (busybox's is one). */
#ifndef KELOS_RECONCILER_GITSCRIPT_H
#define KELOS_RECONCILER_GITSCRIPT_H

#include <stddef.h>

#include "common/buf.h"

/* Arguments: "clone" [--branch REF] --no-single-branch --depth 1 -- REPO DIR. Clones with a
 * helper that reads the token when git asks, and leaves the helper in the repository. */
extern const char gitscript_clone[];
/* Arguments: SHA REPO DIR [DEPTH]. The same for a commit, without and with a token. */
extern const char gitscript_commit[];
extern const char gitscript_commit_token[];
/* Environment: KELOS_BRANCH, KELOS_CLONE_DEPTH (1). Found at the remote: checked out at its
 * tip; absent: made from what is checked out; no answer: fails. */
extern const char gitscript_branch[];
extern const char gitscript_branch_token[];
/* Defines put PATH BASE64 and put_file PATH SOURCE. */
extern const char gitscript_files[];
/* Copies /kelos-plugin-src to /kelos/plugin. */
extern const char gitscript_plugins[];

/* Adds the text in single quotes, whatever it holds. */
int gitscript_quote(struct buf *out, const char *text);

#endif
