/* sources.h - which source workers should exist, what each is told, what they report.
 *
 * A source is one (type, API base, credential); all TaskSpawners that share them share one
 * process. Sets are told whole: what should exist to the supervisor (worker.want), what to
 * poll to each worker (source.assign). */
#ifndef KELOS_RECONCILER_SOURCES_H
#define KELOS_RECONCILER_SOURCES_H

#include "common/secret.h"
#include "reconciler/shard.h"

struct sources;

/* Binds "source-<shard>". NULL with *e set. */
struct sources *sources_new(struct shard *s, struct err *e);
void sources_free(struct sources *c);

/* What a TaskSpawner wants to be polled. Texts are copied. */
struct source_wish {
    enum source_kind kind;
    const char *api_base;              /* "" : the type's own */
    const char *identity;              /* of the credential; "" : none */
    const struct secret *user, *token; /* NULL: none */
    const char *owner, *repo;
    const char
        *public_key; /* served by the Pod that holds this key (sourcekeys.h), which has
                             * the credential, too; NULL: by a process of the controller */
};

/* The TaskSpawner (queue key) is to be polled like this from now on. */
void sources_set(struct sources *c, const char *key, const struct spawner_view *v,
                 const struct source_wish *wish);
/* It is not to be polled. */
void sources_drop(struct sources *c, const char *key);
/* Whether a process of the controller polls that API for the TaskSpawner; and whether one has
 * this very token. */
bool sources_poll(const struct sources *c, const char *key, const char *api_base);
bool sources_hold(const struct sources *c, const struct secret *token);
/* The first sweep is complete. */
void sources_synced(struct sources *c);
/* The wanted set was looked at anew: tell it when all TaskSpawners are known. */
void sources_resolved(struct sources *c);

#endif
