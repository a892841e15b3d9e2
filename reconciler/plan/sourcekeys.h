/* sourcekeys.h - which public key speaks for which TaskSpawner, when spawners run in Pods.
 *
 * The table lives in memory: whoever makes a TaskSpawner's Pod allows its key at every run of
 * its queue key, and the table is whole again soon after a restart (a Pod that is refused
 * meanwhile comes back by itself).
 *
 * A TaskSpawner whose wish says `pod` (source_ask.pod, spawnersource.h) is served by the holder
 * of its key and by no process of the controller. */
#ifndef KELOS_RECONCILER_SOURCEKEYS_H
#define KELOS_RECONCILER_SOURCEKEYS_H

#include "common/err.h"
#include "reconciler/shard.h"

struct source_keys;

/* NULL with *e set. Free it before the client and the buses. */
struct source_keys *source_keys_new(struct shard *s, struct err *e);
void source_keys_free(struct source_keys *k);

/* Whether this controller was started with --bus-port: else no Pod could join. */
bool source_keys_enabled(const struct shard *s);

/* The server's public key (Z85, borrowed), NULL while its Secret is being read or made: the
 * first call begins with that. Once it is there the port answers, and all TaskSpawners are
 * queued again. */
const char *source_keys_server_public(struct shard *s);

/* Lets this key (Z85) speak for the TaskSpawner of that uid. A key that it had before is
 * revoked, as by source_keys_revoke. A new key queues the TaskSpawner again. Returns 0; or -1
 * with *e set: it is no key, it belongs to another TaskSpawner, or --bus-port was not given. */
int source_keys_allow(struct shard *s, const char *uid, const char *ns, const char *name,
                      const char *public_key, struct err *e);

/* Its key is refused from now on and live sessions are closed. No such uid: nothing. */
void source_keys_revoke(struct shard *s, const char *uid);

/* The key that speaks for it, borrowed; NULL: none. */
const char *source_keys_of(const struct shard *s, const char *uid);

#endif
