/* oldflags.h - flags that manifests of the original pass to its controller: those of logging are
 * mapped onto ours, those of telemetry make one report. */
#ifndef KELOS_SUPERVISOR_OLDFLAGS_H
#define KELOS_SUPERVISOR_OLDFLAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/flags.h"

struct oldflags {
    bool devel; /* set to true before flags are read, as it is by default */
    bool report;
    const char *encoder, *level;
    const char *endpoint, *environment; /* of the report */
    const char *unused;
};

#define OLDFLAGS_N 8

/* Fills `out` with rows that write into *o. */
void oldflags_table(struct oldflags *o, struct flag out[OLDFLAGS_N]);

/* Maps what was given onto --log-level and --log-format; what was not given leaves them as
 * they are. -1 with ERR_INVALID and a line that names the flag. */
int oldflags_map(const struct oldflags *o, const char **level, const char **format,
                 struct err *e);

#endif
