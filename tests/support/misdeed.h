/* misdeed.h - what a taken-over worker would try; used by test workers, inside their sandbox. */
#ifndef KELOS_TESTS_SUPPORT_MISDEED_H
#define KELOS_TESTS_SUPPORT_MISDEED_H

#include "common/worker/worker.h"

/* Opens each path of a list ("a:b", NULL: none) and logs `open PATH: OPENED` or why not. */
void misdeed_open(const char *paths);

/* Sends the statuswriter a status.apply in correct frames, past the checks of our own end,
 * under the routing id (NULL: none). Returns the raw socket; the caller owns it. */
zsock_t *misdeed_forge_status(const struct worker *w, const char *routing_id);

#endif
