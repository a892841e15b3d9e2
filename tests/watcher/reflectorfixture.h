/* reflectorfixture.h - a reflector and a server that does what a test tells it to. */
#ifndef KELOS_TESTS_WATCHER_REFLECTORFIXTURE_H
#define KELOS_TESTS_WATCHER_REFLECTORFIXTURE_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "tests/support/fault.h"
#include "tests/support/rows.h"
#include "watcher/reflector.h"

struct rig {
    struct fault *fault;
    struct loop *loop;
    struct kube *kube;
    struct watched watched;
    struct shelf shelf;
    struct reflector *reflector;
    struct reflector_hooks hooks;
    struct buf seen; /* what changed: "+a@u1:5 -b@u2:7! " */
    int lists, restarts;
    enum reflect_end last;
    bool stop;
};

static inline void
on_changed(void *arg, struct entry *e)
{
    struct rig *r = arg;

    buf_printf(&r->seen, "%c%s@%s:%s%s ", e->gone ? '-' : '+', entry_name(e),
               entry_uid(e), entry_version(e), e->final_unknown ? "!" : "");
    entry_release(e);
}

static inline void
on_settled(void *arg)
{
    struct rig *r = arg;
    r->stop = true;
}

static inline void
on_restarted(void *arg, const struct watched *w, enum reflect_end why)
{
    struct rig *r = arg;

    (void)w;
    r->restarts++;
    r->last = why;
}

static inline void
on_listing(void *arg, const struct watched *w)
{
    struct rig *r = arg;

    (void)w;
    r->lists++;
}

static inline void
rig_up(struct rig *r, const struct fault_rule *rules, size_t n, enum object_kind kind)
{
    struct err e = ERR_INIT;
    struct watched all[WATCHED_MAX];
    struct kubeconfig *c = calloc(1, sizeof *c);
    const struct kube_options o = {.actor = KUBE_AS_SECRETS_WATCHER,
                                   .program = "kelos-test",
                                   .backoff_first_ms = 5,
                                   .backoff_cap_ms = 20};
    const struct reflector_options ro = {
        .backoff_first_ms = 5, .backoff_cap_ms = 20, .page_items = 2};

    memset(r, 0, sizeof *r);
    int count = kinds_select("kelos.dev", KINDS_WORKLOADS | KINDS_SECRETS, all, &e);
    for (int i = 0; i < count; i++)
        if (all[i].kind == kind)
            r->watched = all[i];
    r->fault = fault_start(rules, n);
    r->loop = loop_poll_new(&e);
    c->source = strdup("test");
    c->context = strdup("test");
    c->server = strdup(fault_url(r->fault));
    c->namespace_ = strdup("d");
    r->kube = kube_new(r->loop, &c, &o, &e);
    r->shelf = (struct shelf){
        .watched = &r->watched, .cache = cache_new(&r->watched), .stale_since = 1};
    r->hooks =
        (struct reflector_hooks){on_changed, on_settled, on_restarted, on_listing, r};
    r->reflector = reflector_new(&r->shelf, r->kube, r->loop, &r->hooks, &ro, &e);
    cr_assert(r->reflector != NULL, "%s", e.text);
}

static inline void
rig_down(struct rig *r)
{
    reflector_free(r->reflector);
    kube_free(r->kube);
    cache_free(r->shelf.cache);
    loop_free(r->loop);
    fault_stop(r->fault);
    buf_free(&r->seen);
}

/* Runs until what was seen holds the text (a minute). */
static inline bool
sees(struct rig *r, const char *text)
{
    struct err e = ERR_INIT;
    int64_t end = clock_mono_ms() + 60000;

    while (strstr(buf_str(&r->seen), text) == NULL && clock_mono_ms() < end) {
        r->stop = false;
        loop_poll_run(r->loop, &r->stop, 200, &e);
    }
    return strstr(buf_str(&r->seen), text) != NULL;
}

/* Runs until the server got n requests that hold the text (a minute). */
static inline bool
asked(struct rig *r, const char *text, int n)
{
    struct err e = ERR_INIT;
    int64_t end = clock_mono_ms() + 60000;

    while (fault_matching(r->fault, text) < n && clock_mono_ms() < end) {
        r->stop = false;
        loop_poll_run(r->loop, &r->stop, 50, &e);
    }
    return fault_matching(r->fault, text) >= n;
}

#define OBJ(name, uid, rv)                                                               \
    "{\"kind\":\"Task\",\"metadata\":{\"name\":\"" name                                  \
    "\",\"namespace\":\"d\",\"uid\":\"" uid "\",\"resourceVersion\":\"" rv               \
    "\",\"managedFields\":[{\"x\":1}]},\"spec\":{\"prompt\":\"p\"}}"
#define EVENT(type, object) "event {\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(rv)                                                                     \
    EVENT("BOOKMARK", "{\"kind\":\"Task\",\"metadata\":{\"resourceVersion\":\"" rv "\"}" \
                      "}")
#define END_OF_LIST(rv)                                                                  \
    EVENT("BOOKMARK", "{\"kind\":\"Task\",\"metadata\":{\"resourceVersion\":\"" rv       \
                      "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define STATUS(code, reason)                                                             \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":" code ",\"reason\":\"" reason \
    "\"}"
#define LIST "sendInitialEvents=true"
#define FOLLOW "resourceVersion=" /* of requests without sendInitialEvents */

/* The texts of requests, less what is random. */
static inline bool
request_has(const struct rig *r, int i, const char *text)
{
    return strstr(fault_request(r->fault, i), text) != NULL;
}

#define FIRST_LIST(rest)                                                                 \
    "stream\n" EVENT("ADDED", OBJ("a", "u1", "3")) END_OF_LIST("5") rest

#endif
