/* statusview.h - the supervisor's report as text for people. */
#ifndef KELOS_CLI_STATUSVIEW_H
#define KELOS_CLI_STATUSVIEW_H

#include <jansson.h>
#include <stdbool.h>

#include "common/buf.h"

/* Appends readiness, leadership, what is degraded and a table of the workers. Returns
 * whether all is well. */
bool statusview_write(const json_t *report, struct buf *out);

#endif
