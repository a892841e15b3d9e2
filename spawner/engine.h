/* engine.h - the heart of a spawner process: who is polled when, what is sent, what is
 * acknowledged. Knows no kind of source and no bus: both are given to it. */
#ifndef KELOS_SPAWNER_ENGINE_H
#define KELOS_SPAWNER_ENGINE_H

#include "common/loop.h"
#include "spawner/source.h"

struct engine;

struct engine_config {
    const char *key;   /* of the source; copied */
    struct loop *loop; /* borrowed, like all below */
    struct http *http;
    struct metrics *metrics; /* may be NULL */
    /* Sends to a shard; -1 when it cannot now (it will be sent again). */
    int (*send)(void *arg, unsigned shard, const struct message *m);
    /* All spawns of a one-shot assignment have been acknowledged. May be NULL. */
    void (*finished)(void *arg);
    void *arg;
    struct explain *explain; /* see source.h; NULL but for a simulation */
};

/* The caller owns the result; NULL when memory ran out. */
struct engine *engine_new(const struct engine_config *c);
void engine_free(struct engine *en);
SCOPED_DEFINE(engine)

/* The shard's complete set of spawns. -1 with *e: what was wrong (the old set stays). */
int engine_assign(struct engine *en, unsigned shard, const struct msg_assign *m,
                  struct err *e);

/* The credential is another from now on ("" : none); what waited because of the old
 * one is tried at once. Returns 0, or -1 when memory ran out. */
int engine_credential(struct engine *en, const char *user, const char *token);

/* A set was taken; or the shard wants it whole. */
void engine_ack(struct engine *en, unsigned shard, const struct msg_source_ack *m);

/* The shard is another process now. Its assignment says which sets it holds: the others are
 * sent whole, as is what was not acknowledged. */
void engine_rejoined(struct engine *en, unsigned shard);

enum {
    ENGINE_RESEND_MS = 5000, /* without an acknowledgement */
    ENGINE_WINDOW = 8        /* sets on their way to one shard */
};

#endif
