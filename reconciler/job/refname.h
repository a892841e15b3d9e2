/* refname.h - names of Git branches. Pure. */
#ifndef KELOS_RECONCILER_REFNAME_H
#define KELOS_RECONCILER_REFNAME_H

#include <stdbool.h>

/* Whether git takes it as the name of a branch (the rules of git check-ref-format, and no
 * leading dash). */
bool refname_valid(const char *name);

#endif
