/* wish.h - the flags of `kelos install`; those that say what is installed become values. */
#ifndef KELOS_CLI_INSTALL_WISH_H
#define KELOS_CLI_INSTALL_WISH_H

#include "cli/args.h"
#include "cli/install/values.h"
#include "common/err.h"

#define INSTALL_FLAGS 24
extern const struct flag install_flags[INSTALL_FLAGS];

/* Fills *v from defaults, files and flags, checked; image.tag is this program's version when
 * nobody says it. Returns 0 with *v to be released by the caller, or -1 with *e. */
int wish_read(const struct args *a, struct values *v, struct err *e);

#endif
