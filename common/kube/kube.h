/* kube.h - a Kubernetes client: one call is one result, whatever it took to get it.
 *
 * Repeats what may be repeated and nothing else, backs off, obeys Retry-After for the
 * whole process, re-reads a rotated token once on 401, keeps at most LIMIT_KUBE_IN_FLIGHT
 * calls in flight and queues the rest. Each client acts for one actor; a table says which
 * verbs on which resources an actor may use, and the rest is refused here, before any
 * request.
 *
 *     struct kube_request r = {.verb = KUBE_CREATE, .res = kube_res(KUBE_JOBS), .ns = ns,
 *                              .name = name, .body = job, .repeat = KUBE_REPEAT_NAMED};
 *     if (kube_call(k, &r, on_job_created, self, e) == NULL)
 *         return err_wrap(e, "job of %s/%s", ns, name);
 */
#ifndef KELOS_COMMON_KUBE_H
#define KELOS_COMMON_KUBE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/http/http.h"
#include "common/kube/kubeconfig.h"
#include "common/kube/kubestatus.h"
#include "common/loop.h"
#include "common/scoped.h"

/* ---- resources ---- */

struct kube_resource {
    const char *group, *version, *plural, *singular, *kind;
    bool namespaced;
    const char *shorts; /* short names, separated by a space */
};

#define RESOURCE(id, group, version, plural, singular, kind, namespaced, shorts)         \
    KUBE_##id,
enum kube_res {
#include "common/kube/kuberes.def"
    KUBE_RES_COUNT
};
#undef RESOURCE

/* A row of kuberes.def; static. */
const struct kube_resource *kube_res(enum kube_res id);
/* By plural, singular, short name or Kind (any case), with "jobs.batch" and a NULL or
 * given group; NULL when the table has none. */
const struct kube_resource *kube_res_find(const char *group, const char *name);
/* By apiVersion ("batch/v1") and kind of a manifest. */
const struct kube_resource *kube_res_of(const char *api_version, const char *kind);
/* "kelos.dev/v1alpha1" or "v1", written into out. Returns out. */
const char *kube_api_version(const struct kube_resource *res, char *out, size_t room);

/* Whether `name` may stand in a URL: no '/', no '%', not "." or "..", at most 253
 * bytes. */
int kube_check_name(const char *name, struct err *e);
/* DNS-1123: subdomain (names of most kinds) and label (namespaces). */
int kube_check_subdomain(const char *name, struct err *e);
int kube_check_label(const char *name, struct err *e);

/* Orders two resourceVersions (OBJ-3). Returns true and *order (<0, 0, >0) when both are
 * comparable; false when only equality is defined. */
bool kube_version_compare(const char *a, const char *b, int *order);

/* ---- actors and what they may do ---- */

enum kube_actor {
    KUBE_AS_USER, /* the CLI: the server decides */
    KUBE_AS_WATCHER,
    KUBE_AS_SECRETS_WATCHER, /* the watcher with --watch-secrets: list and watch of Secrets,
                                too */
    KUBE_AS_RECONCILER,
    KUBE_AS_STATUSWRITER,
    KUBE_AS_RUNNER, /* local mode's */
    KUBE_AS_SPAWNER /* nothing */
};

enum kube_verb {
    KUBE_GET,
    KUBE_LIST,
    KUBE_WATCH,
    KUBE_CREATE,
    KUBE_UPDATE,      /* PUT */
    KUBE_PATCH_MERGE, /* application/merge-patch+json */
    KUBE_PATCH_JSON,  /* application/json-patch+json */
    KUBE_APPLY,       /* server-side apply; needs field_manager */
    KUBE_DELETE
};

/* 0, or -1 with ERR_FORBIDDEN that names actor, verb and resource. */
int kube_allowed(enum kube_actor actor, enum kube_verb verb,
                 const struct kube_resource *res, const char *subresource, struct err *e);

/* ---- the client ---- */

struct kube;
struct kube_call;

struct kube_options {
    enum kube_actor actor;
    const char *program;   /* user agent: "kelos-reconciler" */
    const char *component; /* "shard-0" */
    double qps;            /* client-side limit, 0: off */
    int burst;
    int64_t backoff_first_ms; /* 0: 100; tests make it shorter */
    int64_t backoff_cap_ms;   /* 0: 30,000 */
    bool allow_plain_http; /* credentials over http to a host that is not loopback (tests)
                            */
};

/* Takes *config (sets it NULL). `loop` is borrowed. Returns a client the caller owns, or
 * NULL with *e set. */
struct kube *kube_new(struct loop *loop, struct kubeconfig **config,
                      const struct kube_options *o, struct err *e);
/* Ends all calls without calling back; NULL is allowed. */
void kube_free(struct kube *k);
SCOPED_DEFINE(kube)

/* "default" or what the kubeconfig says; borrowed. */
const char *kube_namespace(const struct kube *k);
const char *kube_server(const struct kube *k);
/* What it was made from; borrowed. */
const struct kubeconfig *kube_config(const struct kube *k);
/* The HTTP client beneath, for requests to other hosts; borrowed. */
struct http *kube_http(struct kube *k);
/* This client is one of n that act together: it keeps the n-th part of LIMIT_KUBE_IN_FLIGHT in
 * flight, but at least 4. What all of them send at once is what the server has to share its
 * processors among. */
void kube_share(struct kube *k, unsigned n);
/* Whether requests wait because as many are in flight as may be, or the server asked for it. */
bool kube_waiting(const struct kube *k);
/* Whether as many requests wait as may be in flight, or sixteen times as many have no answer yet,
 * those included that are to be repeated: what comes to them takes memory and goes no sooner, so
 * whoever has more work begins it later. */
bool kube_full(const struct kube *k);
/* From now on fn is called, from the loop, when a client that was full is not any more. */
void kube_on_room(struct kube *k, void (*fn)(void *arg), void *arg);
/* "GET tasks: 200" counts for metrics: called after every answer or failure (status
 * 0). */
typedef void kube_observe_fn(void *arg, enum kube_verb verb,
                             const struct kube_resource *res, int status,
                             int64_t elapsed_ms);
void kube_observe(struct kube *k, kube_observe_fn *fn, void *arg);
/* Where a 401 sends the CLI: gives a fresh bearer token and/or certificate (exec
 * plugins). NULL in workers. */
struct kube_credential {
    struct secret *token;    /* owned by the client once given */
    char *cert_pem;          /* likewise */
    struct secret *key_pem;  /* likewise */
    int64_t expires_wall_ms; /* 0: unknown */
};
typedef int kube_credential_fn(void *arg, bool after_401, struct kube_credential *out,
                               struct err *e);
void kube_credentials(struct kube *k, kube_credential_fn *fn, void *arg);

/* May the request be repeated when the server may have acted already? */
enum kube_repeat {
    KUBE_REPEAT_AUTO,  /* reads, PUT, merge patch, apply, DELETE with uid: yes; others: no
                        */
    KUBE_REPEAT_NAMED, /* a create whose name is deterministic: yes; the caller adopts on
                          AlreadyExists */
    KUBE_REPEAT_ONCE,  /* an Event: at most one repeat */
    KUBE_REPEAT_GUARDED, /* a JSON patch with a `test` operation: yes */
    KUBE_REPEAT_NEVER /* on a fresh connection, never again after an ambiguous failure */
};

struct kube_param {
    const char *name, *value; /* raw: encoded here */
};

/* For `accept`: an object is answered without its spec and status, which a writer that asks for
 * the new version only has no use for (Kubernetes API concepts, "metadata-only fetches"). */
#define KUBE_ACCEPT_META                                                                 \
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

/* Everything is copied by kube_call, except `res` (static) and `body` (kept by
 * reference). */
struct kube_request {
    enum kube_verb verb;
    const struct kube_resource *res;
    const char *ns;   /* NULL or "": all namespaces, or a cluster-scoped resource */
    const char *name; /* NULL for collections; of creates: the object's name */
    const char *subresource;         /* "status", "log", … or NULL */
    const struct kube_param *params; /* ends with {NULL, NULL}; NULL: none */
    const json_t
        *body; /* what is created, put, patched; delete options are made from uid … */
    const char *accept;           /* NULL: application/json; KUBE_ACCEPT_META */
    const char *field_manager;    /* apply (needed), create, patch */
    bool force;                   /* apply */
    const char *uid;              /* delete: precondition */
    const char *resource_version; /* delete: precondition */
    const char *propagation;      /* delete: NULL: "Background" */
    int64_t deadline_ms;          /* for the whole call with its repeats; 0: 32 s */
    enum kube_repeat repeat;
    bool ahead;        /* of those that wait to be sent: it ends what these only begin */
    bool secret;       /* bodies are never quoted or logged (Secrets, tokens) */
    bool text;         /* the answer is text, not JSON (logs): see result.text */
    size_t body_limit; /* of the answer; 0: LIMIT_HTTP_BODY_BYTES */
};

struct kube_result {
    int http_status;  /* of the last attempt; 0: no answer */
    json_t *body;     /* parsed answer or NULL; borrowed, json_incref to keep */
    const char *text; /* the raw answer when request.text */
    size_t text_size;
    struct err err; /* ERR_NONE on success. ERR_EXISTS, ERR_CONFLICT, ERR_NOT_FOUND (only
                       when the server says that this object is gone), ERR_GONE … */
    struct kube_status status; /* details when the server refused */
    bool ambiguous;            /* the server may have acted although err is set */
    int attempts;
    char version[129]; /* body's metadata.resourceVersion, "" when none */
    char uid[65];
};

/* Called once, from the loop, unless kube_cancel came first. Borrowed for the call. */
typedef void kube_done_fn(void *arg, const struct kube_result *r);

/* Starts a call. Returns a handle valid until `done`, or NULL with *e set and no callback
 * to come: ERR_FORBIDDEN (rights table), ERR_INVALID (name, body), ERR_LIMIT (body too
 * large). */
struct kube_call *kube_call(struct kube *k, const struct kube_request *r,
                            kube_done_fn *done, void *arg, struct err *e);
void kube_cancel(struct kube_call *c);

/* Blocking, for programs with loop_poll. Returns 0 with *body (may be NULL; the caller
 * owns) or -1 with *e set. `status` (NULL is allowed) tells the details of a refusal. */
int kube_call_wait(struct kube *k, const struct kube_request *r, json_t **body,
                   struct kube_status *status, struct err *e);

/* ---- streams: watches and followed logs ---- */

struct kube_stream_end {
    int http_status;           /* 0: no answer */
    struct kube_status status; /* when refused (then nothing went to on_data) */
    struct err err;            /* ERR_NONE for a clean end of the body */
    bool ambiguous, aborted;   /* cut; ended by a callback */
    int64_t retry_after_ms;    /* -1: none */
    int64_t lasted_ms;
};

struct kube_stream_request {
    struct kube_request
        req; /* KUBE_WATCH or KUBE_LIST on a collection, KUBE_GET of "log" */
    http_data_fn *on_data;      /* bytes of a 2xx answer; -1 ends the stream */
    void (*on_open)(void *arg); /* the 2xx answer's headers are there; NULL is allowed */
    void (*on_end)(void *arg, const struct kube_stream_end *end);
    void *arg;
    int64_t total_ms; /* 0: none */
};

struct kube_stream;

/* Starts one attempt on a connection of its own (HTTP/1.1); nothing is repeated, except
 * once after a 401 with a re-read token. Does not count for LIMIT_KUBE_IN_FLIGHT. Returns
 * a handle valid until on_end, or NULL with *e set. */
struct kube_stream *kube_stream(struct kube *k, const struct kube_stream_request *r,
                                struct err *e);
void kube_stream_cancel(struct kube_stream *s); /* on_end is not called */
/* Blocking: runs the loop until the stream ended; r->on_end must be NULL. 0 for a clean
 * end. */
int kube_stream_wait(struct kube *k, const struct kube_stream_request *r,
                     struct kube_stream_end *end, struct err *e);

/* ---- whole lists (CLI; workers get theirs from the watcher) ---- */

/* Lists all pages of a collection. Returns {"items": […], "metadata": {…}} that the
 * caller owns, or NULL with *e set. `selector` NULL: all. `page_ms` limits each call of it;
 * 0: as any call. */
json_t *kube_list_wait(struct kube *k, const struct kube_resource *res, const char *ns,
                       const char *selector, int64_t page_ms, struct kube_status *status,
                       struct err *e);

#endif
