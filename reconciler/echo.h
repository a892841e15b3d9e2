/* echo.h - whether a view is as new as our own last write of its object.
 *
 * A decision on an older view would be made twice. */
#ifndef KELOS_RECONCILER_ECHO_H
#define KELOS_RECONCILER_ECHO_H

#include <stdbool.h>
#include <stdint.h>

/* How long our own write may take to be seen. */
#define ECHO_MS 30000

struct echo {
    char *version;    /* the object's after our last write; NULL: none; owned */
    int64_t until_ms; /* monotonic: it should have been seen by then */
};

/* Our write gave this version; NULL, "" and older ones are nothing new. */
void echo_wrote(struct echo *x, const char *version);
/* Whether a view of that version shows our last write. */
bool echo_seen(const struct echo *x, const char *version);
/* As if nothing had been written; frees. until_ms stays. */
void echo_forget(struct echo *x);

#endif
