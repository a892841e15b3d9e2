/* kube_client.h - what the files kube*.c share; nobody else includes it. */
#ifndef KELOS_COMMON_KUBE_CLIENT_H
#define KELOS_COMMON_KUBE_CLIENT_H

#include "common/clock.h"
#include "common/kube/kube.h"
#include "common/kube/kube_auth.h"
#include "common/kube/kube_retry.h"

enum {
    LIST_PAGES_IN_FLIGHT = 4,
    WARNINGS_MAX = 256,
    AHEAD_IN_A_ROW = 8, /* then a usual request has its turn */
    IN_FLIGHT_LEAST = 4,
    PENDING_EACH =
        16 /* for each that may be in flight so many may be without an answer */
};

struct kube {
    struct loop *loop; /* borrowed */
    struct http *http;
    struct kube_auth *auth;
    char *server, *ns;
    enum kube_actor actor;
    bool allow_plain;
    int64_t backoff_first_ms, backoff_cap_ms;
    double qps, tokens; /* client-side limit; qps 0: off */
    int burst;
    int64_t refilled_ms;
    int64_t hold_until_ms;   /* the server asked all of us to wait */
    struct kube_call *calls; /* all, in flight or waiting */
    struct kube_lane {
        struct kube_call *first, *last;
    } lanes[2]; /* waiting to be sent: usual ones, and those that go ahead of them */
    unsigned passed_by; /* how many went ahead in a row while others waited */
    struct kube_stream *streams;
    size_t in_flight, in_flight_max, lists_in_flight, pending, waiting;
    bool was_full;
    void (*on_room)(void *arg); /* NULL: nobody is told */
    void *room_arg;
    int pump_timer;
    json_t *warnings_seen;
    kube_observe_fn *observe;
    void *observe_arg;
};

/* A request in HTTP's terms. */
struct kube_wire {
    const char *method;
    char *url;
    char *body; /* NULL: none */
    size_t body_size;
    const char *content_type; /* static; NULL without a body */
    char *accept;
    bool secret;
};

/* Builds it, or says what is wrong with the request (ERR_INVALID, ERR_LIMIT). */
int kube_wire_build(const struct kube *k, const struct kube_request *r,
                    struct kube_wire *out, struct err *e);
void kube_wire_free(struct kube_wire *w);

/* The server asked to wait: nobody sends before. */
void kube_hold(struct kube *k, int64_t retry_after_ms);
int64_t kube_hold_left_ms(const struct kube *k);

/* Shows or logs the texts of Warning headers, each once. */
void kube_show_warnings(struct kube *k, const struct buf *headers);

/* Calls and streams end with the client. */
void kube_calls_free(struct kube *k);
void kube_streams_free(struct kube *k);

/* A random factor in 1 .. 1 + percent/100 times ms. */
int64_t kube_jitter_ms(int64_t ms, int percent);

#endif
