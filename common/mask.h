/* mask.h - hides what may be a secret in text that comes from somebody's log. */
#ifndef KELOS_COMMON_MASK_H
#define KELOS_COMMON_MASK_H

#include "common/buf.h"

/* Adds `text` to out with "***" for each word that looks like a credential: one that begins
 * as tokens of known makers do (ghp_, sk-, ...), what follows "token=", "password:", "Bearer "
 * and the like, and any run of 20 or more letters and digits mixed. Better one commit hash
 * too many than one key. */
void mask_add(struct buf *out, const char *text);

#endif
