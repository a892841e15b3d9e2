/* api.h - one request and its answer, apart from HTTP: what the tests call directly. */
#ifndef KELOS_LOCAL_APISERVER_API_H
#define KELOS_LOCAL_APISERVER_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "local/apiserver/fault.h"
#include "local/apiserver/resource.h"
#include "local/apiserver/store/store.h"

struct hub;
struct metrics;
struct podlogs;

/* The server's state apart from its sockets. */
struct server {
    struct store *store;       /* owned by main or the test */
    struct registry *registry; /* likewise */
    struct hub *hub;           /* watchers; likewise */
    struct podlogs *logs;      /* followed logs; likewise, NULL: none are served */
    const char *pods_dir;      /* D/pods, where containers' logs are; NULL: no logs */
    const char *address;       /* "127.0.0.1:6443" for the documents that name it */
    int64_t (*now_ms)(void);   /* wall clock */
    struct metrics *metrics;   /* borrowed; NULL: nothing is counted */
    const char *degraded; /* why the store cannot be written (static), NULL when it can */
};

#define PARAM_MAX 32

struct param {
    const char *name, *value;
};

/* A request; everything is borrowed. */
struct call {
    const char *method;
    const char *path; /* as sent, without the query */
    struct param params[PARAM_MAX];
    size_t param_count;
    const char *accept, *content_type, *user_agent; /* NULL allowed */
    const char *body;
    size_t size;
};

/* The value of a query parameter, NULL when it is not there. */
const char *call_param(const struct call *c, const char *name);
/* true for "true" and "1". */
bool call_flag(const struct call *c, const char *name);

/* A body that comes in pieces. read gives the number of bytes (at most size), 0 when there
 * is nothing now (wake is called when there may be more), -1 at the end. */
struct stream {
    long (*read)(struct stream *s, char *out, size_t size);
    void (*free)(struct stream *s);
    void (*wake)(struct stream *s); /* set by who reads it */
    void *owner;                    /* of wake */
};

/* An answer. {0} to start with; reply_clear releases it. */
struct reply {
    int code;
    const char *content_type; /* static; application/json unless set */
    struct buf body;
    struct stream *stream; /* owned, instead of body */
    json_t *warnings;      /* array of strings, owned; NULL: none */
    int retry_after;       /* seconds, 0: no header */
    bool allow_get;        /* 405: say so */
    char etag[44];         /* quoted; empty: no header */
};

#define REPLY_INIT                                                                       \
    {                                                                                    \
        200, NULL, BUF_INIT, NULL, NULL, 0, false, ""                                    \
    }

void reply_clear(struct reply *r);
static inline void
reply_scoped_free(struct reply *r)
{
    reply_clear(r);
}

/* Puts a tree into the reply as its body; takes value. */
void reply_json(struct reply *r, int code, json_t *value);
/* The fault's Status; the fault is cleared. */
void reply_fault(struct reply *r, struct fault *f);
void reply_text(struct reply *r, int code, const char *text);
void reply_warn(struct reply *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* What a path and method mean. Strings live in `path_copy`. */
struct target {
    char path_copy[2048];
    struct resource *resource;
    const char *group, *version, *plural;
    const char *ns;   /* "" for cluster-scoped or all namespaces */
    const char *name; /* NULL for collections */
    const char *sub;  /* subresource, NULL for none */
    bool all;         /* a namespaced collection over all namespaces */
};

/* Answers a request. Never fails: what goes wrong is in the reply. A write that is part of
 * the store's open transaction must not be answered before store_commit. */
void api_handle(struct server *s, const struct call *c, struct reply *r);

#endif
