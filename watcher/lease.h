/* lease.h - who leads: a state machine on a Lease, apart from clocks and I/O.
 *
 * Times are CLOCK_BOOTTIME milliseconds, for that clock goes on while a machine sleeps; the
 * times inside of a Lease are other machines' and are never compared. A candidate takes over
 * only when it has seen the record unchanged for the record's own duration, or when the
 * record names nobody.
 *
 *     struct lease_plan p = lease_next(&l, now);       // what to send, and when
 *     lease_seen(&l, record, now);                     // after a GET, or a refused write
 *     lease_written(&l, version, sent_at);             // after a write of ours
 */
#ifndef KELOS_WATCHER_LEASE_H
#define KELOS_WATCHER_LEASE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define LEASE_DURATION_S 15
#define LEASE_RENEW_DEADLINE_MS 10000
#define LEASE_RETRY_MS 2000
/* How often a candidate looks: what it sees late it takes late, and the aims are the duration
 * and 2 s after a crash, 2 s after a Lease was given back. */
#define LEASE_LOOK_MS 1000
#define LEASE_LOOK_SPREAD_MS 400 /* of jitter */
#define LEASE_HOLDER_MAX 320

struct lease_record { /* what the server said; all borrowed by lease_seen */
    bool there;
    const char *version; /* metadata.resourceVersion */
    const char *holder;  /* "" nobody */
    int64_t duration_s;
    int64_t transitions;
    const char *acquired; /* acquireTime, as it stands */
    const char *renewed;  /* renewTime, likewise */
};

enum lease_action {
    LEASE_WAIT,   /* until plan.at_ms */
    LEASE_READ,   /* GET */
    LEASE_CREATE, /* POST: there is no Lease */
    LEASE_TAKE,   /* PUT with plan's version: holder, transitions + 1 when it changes */
    LEASE_RENEW,  /* PUT likewise, of our own */
};

struct lease_plan {
    enum lease_action action;
    int64_t at_ms;
};

struct lease {
    char identity[LEASE_HOLDER_MAX];
    /* the record as last seen */
    bool known, there;
    char version[129], holder[LEASE_HOLDER_MAX], acquired[40], renewed[40];
    int64_t duration_ms, transitions;
    int64_t changed_ms; /* when we saw it change */
    /* ourselves */
    bool leader;
    int64_t renewed_ms; /* sending time of the last write that succeeded */
    int64_t tried_ms;   /* of the last request, 0: none yet */
    double jitter;
};

/* `jitter` is 0 .. 1, drawn once: candidates that start together do not stay in step. */
void lease_init(struct lease *l, const char *identity, double jitter);

/* Whether the record as last seen names us. */
bool lease_is_ours(const struct lease *l);
/* What to do now. The lead ends here when the deadline has passed: look at l->leader. */
struct lease_plan lease_next(struct lease *l, int64_t now);
/* A request is being sent. */
void lease_sent(struct lease *l, int64_t now);
void lease_seen(struct lease *l, const struct lease_record *r, int64_t now);
/* Our write was accepted: leader from now on, until sent_ms + LEASE_RENEW_DEADLINE_MS. */
void lease_written(struct lease *l, const struct lease_record *r, int64_t sent_ms);
/* The version we wrote on was not the newest: read again, at once. */
void lease_conflict(struct lease *l);

/* The record to send for LEASE_CREATE, LEASE_TAKE, LEASE_RENEW; released: for giving it up.
 * The caller owns the result. */
json_t *lease_object(const struct lease *l, const char *ns, const char *name,
                     int64_t wall_us, bool released);

#endif
