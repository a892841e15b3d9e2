/* heartbeat.h - --telemetry-report: one report of counts, which the kelos command makes. */
#ifndef KELOS_SUPERVISOR_HEARTBEAT_H
#define KELOS_SUPERVISOR_HEARTBEAT_H

#include "common/err.h"

/* Becomes `kelos __report`, found beside this program or in ../../bin: the supervisor itself
 * speaks no HTTP. Texts may be NULL or "". Returns only on failure: -1 with *e set. */
int heartbeat_exec(const char *kubeconfig, const char *endpoint, const char *environment,
                   struct err *e);

#endif
