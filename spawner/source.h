/* source.h - what a kind of source has to do, and what it may rely on.
 *
 * A source is one (type, API base, credential): token and rate limit live here and nowhere
 * else. It works for any number of TaskSpawners ("spawns"), which come and go by
 * source.assign. Spawns that the type can serve with one listing stand in one group; a
 * group is polled when it is due, and the poll ends in source_done.
 *
 * A type stages its results on the spawns while it polls (source_items, source_unchanged,
 * source_failed); the engine (engine.h) decides when to poll, sends, waits for
 * acknowledgements. */
#ifndef KELOS_SPAWNER_SOURCE_H
#define KELOS_SPAWNER_SOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/http/http.h"
#include "common/metrics/metrics.h"
#include "common/secret.h"
#include "spawner/items.h"
#include "spawner/pace.h"

struct source;
struct group;
struct delivery;

/* One TaskSpawner. Texts are owned by the engine. */
struct spawn {
    unsigned shard;
    char ns[64], name[254], uid[65];
    int64_t generation;
    int64_t created; /* wall ms */
    int64_t poll_ms;
    int64_t watermark; /* wall ms: cron's last tick that was handed out, 0: none */
    int64_t
        handed; /* wall ms: cron's ticks behind the watermark until then wait for a limit */
    char *owner, *repo;
    char when_digest[DIGEST_SIZE]; /* of the text of `when`: tells a changed one */
    void *spec;                    /* the type's view of `when` */
    struct group *group;           /* NULL: `when` is not usable */
    char digest[DIGEST_SIZE];      /* of the set that the shard holds, "" : none */
    char *cache;                   /* what the type put beside that set; "" : none */
    bool force;  /* the shard lacks the set: "unchanged" would be no answer */
    bool resync; /* the shard is a new process: its next assignment says what it holds */
    struct delivery *delivery; /* see delivery.h */
    struct spawn *next;
};

struct group {
    struct source *source;
    char *key;
    struct spawn **members;
    size_t n;
    int64_t due;    /* monotonic ms */
    int64_t polled; /* monotonic ms: when the latest poll began */
    bool busy;
    unsigned failures; /* in a row */
    bool proven;       /* a poll has succeeded */
    int64_t told;      /* the gate that its spawns know of */
    uint64_t calls;    /* of the poll that runs */
    void *state;       /* the type's own, NULL at first */
    struct group *next;
};

struct source_type {
    const char *name;
    const char *who; /* "GitHub", for messages */
    const char *default_base;
    /* Reads when.<...> of a spawn. NULL with ERR_INVALID that names the field. */
    void *(*read)(const struct spawn *s, const json_t *when, struct err *e);
    void (*spec_free)(void *spec);
    /* What spawns must have in common to be polled together. */
    int (*group_key)(const struct source *src, const struct spawn *s, struct buf *out);
    /* Starts a poll; source_done ends it, perhaps before this returns. */
    void (*poll)(struct group *g);
    /* Ends what is in flight and releases g->state: the group changes or goes. */
    void (*forget)(struct group *g);
    /* Members joined or left; a poll is not running. NULL: nothing to do. */
    void (*changed)(struct group *g);
};

/* NULL-terminated; and by name, NULL when there is none. */
extern const struct source_type *const source_types[];
const struct source_type *source_type(const char *name);

enum { SOURCE_WIDE_MAX = 256 };

/* For a simulation (--list-once with "explain"): one spawn, and no server-side filter. */
struct explain {
    json_t
        *excluded; /* gets {"number", "title", "url", "kind", "rule"} of each; borrowed */
    bool truncated; /* the unfiltered listing was too long */
};

struct source {
    const struct source_type *type;
    struct engine *engine;
    struct loop *loop;
    struct http *http;
    struct metrics *metrics;     /* may be NULL */
    char *base;                  /* without a slash at its end */
    struct secret *user, *token; /* NULL: none */
    struct quota quota;
    int64_t gate;                /* wall ms: no request before; 0: open */
    unsigned limit_hits;         /* "too much" answers in a row */
    char *wide[SOURCE_WIDE_MAX]; /* group keys whose common listing was too long */
    size_t n_wide;
    struct explain *explain; /* NULL: nobody asks; borrowed */
};

/* Why a poll failed; texts are plain, bounded, without secrets. */
struct failure {
    const char *reason; /* static: "Unauthorized", "RateLimited", ... */
    char message[1536];
    int64_t retry_at; /* wall ms, 0: by back-off */
    bool credential;  /* a fresh one may help */
};

/* ---- results of a poll ---- */

/* The complete set of a spawn; takes *set. `cache` comes back after a restart, as does the
 * digest; `warning` ("" : none) is for people. */
void source_items(struct spawn *s, struct items **set, const char *cache,
                  int64_t watermark, const char *warning);
/* Nothing changed since the set that the shard holds. */
void source_unchanged(struct spawn *s);
/* This spawn alone could not be served. */
void source_failed(struct spawn *s, const struct failure *f);
/* The poll is over. `f` (NULL: it went well) is told to all members; `next_at` (wall ms) is
 * for types that know when (cron), 0: after the poll interval. */
void source_done(struct group *g, const struct failure *f, int64_t next_at);

/* A failure from an error of ours. */
void failure_set(struct failure *f, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
