/* quarantine.h - objects whose processing ended this process several times in a row.
 *
 * The supervisor counts the deaths and names the keys when the next process joins. Such an
 * object is left alone but for a try every QUARANTINE_MS, so that it cannot stop the others;
 * its condition Quarantined and a Warning event say so. The condition ends with the first
 * decision about it that is carried out. */
#ifndef KELOS_RECONCILER_QUARANTINE_H
#define KELOS_RECONCILER_QUARANTINE_H

#include "reconciler/shard.h"

#define QUARANTINE_MS 600000
#define QUARANTINE_CONDITION "Quarantined"

/* Whether the key is not to be processed now; then the object says why, and the key comes
 * again when its time has come. */
bool quarantine_holds(struct shard *s, const char *key);

/* {"status": {"conditions": [...]}} that says so, or NULL when the object says it already, or
 * its schema has no conditions. Pure; the caller owns. */
json_t *quarantine_patch(const struct view *v, int64_t now_ms);

#endif
