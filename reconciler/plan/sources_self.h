/* sources_self.h - inside sources.h: its groups, and who tells and hears. */
#ifndef KELOS_RECONCILER_SOURCES_SELF_H
#define KELOS_RECONCILER_SOURCES_SELF_H

#include "reconciler/plan/sources.h"

/* One source and the worker that serves it. */
struct source {
    char key[65];
    enum source_kind kind;
    bool pod;       /* its worker is a Pod: nobody here starts it */
    char *api_base; /* owned, like the next two */
    struct secret *user, *token;
    zhashx_t *members; /* queue key -> struct member; owned */
    uint64_t serial;
    bool changed;                        /* its worker is to be told */
    char worker[MESSAGE_ORIGIN_MAX + 1]; /* user id of the worker, "" : not here */
    int64_t alone_ms;                    /* monotonic: since when it is not here */
};

/* One TaskSpawner of a group. */
struct member {
    char ns[64], name[254], uid[65];
    char *owner, *repo, *when; /* owned */
    int64_t generation, created_ms, poll_ms, watermark_ms, handed_ms;
};

struct sources {
    struct shard *shard;
    struct bus *bus;
    zhashx_t *groups;   /* key -> struct source; owned */
    zhashx_t *group_of; /* queue key -> the group's key; owned texts */
    zhashx_t
        *joined; /* source key -> user id of the worker that serves it; owned texts */
    bool want_changed, told, synced;
    int64_t first_until; /* monotonic */
    int timer, alone_timer;
};

/* ---- sourcegroup.c ---- */

/* For zhashx. */
void source_free(void **item);
/* The key of the group of this wish, 64 hex digits and a NUL. */
void source_key(char *out, const struct source_wish *w);
/* The group of that key, made when it is new. */
struct source *source_of(struct sources *c, const char *key, const struct source_wish *w);
/* Whether both are the same text, or both none. */
bool source_same_secret(const struct secret *a, const struct secret *b);
/* The credential is this one from now on. */
void source_set_secret(struct source *g, struct secret **slot, const struct secret *from);
/* The TaskSpawner (queue key) is a member of the group like this. */
void source_put(struct source *g, const char *key, const struct spawner_view *v,
                const struct source_wish *w);

/* ---- sourcetell.c ---- */

/* Tells the group's worker what to poll. */
void source_assign(struct sources *c, struct source *g);
/* Tells all that has changed, a few milliseconds from now. */
void sources_flush_soon(struct sources *c);
/* Watches that every source finds its worker; one that finds none is told. */
void sources_watch_alone(struct sources *c);
/* At the latest after so long the set of sources is told. */
void sources_flush_after(struct sources *c, int64_t ms);

/* ---- sourcehear.c ---- */

extern const struct handler sources_handlers[];
extern const size_t sources_n_handlers;
/* A source worker has gone. */
void sources_worker_gone(void *arg, struct bus *bus, const struct peer *peer);

#endif
