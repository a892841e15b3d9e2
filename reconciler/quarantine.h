/* quarantine.h - objects of which this process died several times in a row.
 *
 * The supervisor counts the deaths and names the keys when the next process joins. Such an
 * object is left alone but for a try every QUARANTINE_MS, so that it cannot stop the others;
 * its condition Quarantined and a Warning event say so. The condition ends with the first
 * decision about it that is carried out.
 *
 * Reading an object into the view has a key of its own, of any kind. What is not read is not
 * there for this process; an Event says why, where the object is one of ours. */
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

/* The key that reading the object is charged to, written into out (SHARD_KEY_MAX). */
const char *quarantine_read_key(char *out, const struct msg_object *o);
/* Whether the object is not to be read now; tried again with its next event, when its time has
 * come. */
bool quarantine_unread(struct shard *s, const char *read_key, const struct msg_object *o);
/* It was read well: there is nothing against it any more. */
void quarantine_was_read(struct shard *s, const char *read_key);

#endif
