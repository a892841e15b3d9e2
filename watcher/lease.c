/* lease.c - see lease.h. */
#include "watcher/lease.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"

void
lease_init(struct lease *l, const char *identity, double jitter)
{
    memset(l, 0, sizeof *l);
    snprintf(l->identity, sizeof l->identity, "%s", identity);
    l->jitter = jitter;
}

bool
lease_is_ours(const struct lease *l)
{
    return l->there && strcmp(l->holder, l->identity) == 0;
}

/* May it be taken? By its own holder at once, by others after its duration unchanged. */
static int64_t
free_at(const struct lease *l, int64_t now)
{
    if (!l->there || l->holder[0] == '\0' || lease_is_ours(l))
        return now;
    return l->changed_ms + l->duration_ms;
}

static struct lease_plan
lead(const struct lease *l, int64_t now)
{
    int64_t at = l->tried_ms + LEASE_RETRY_MS;

    return at <= now ? (struct lease_plan){l->known ? LEASE_RENEW : LEASE_READ, now}
                     : (struct lease_plan){LEASE_WAIT, at};
}

struct lease_plan
lease_next(struct lease *l, int64_t now)
{
    int64_t pause = LEASE_LOOK_MS + (int64_t)(LEASE_LOOK_SPREAD_MS * l->jitter);

    if (l->leader && now >= l->renewed_ms + LEASE_RENEW_DEADLINE_MS)
        l->leader = false;
    if (l->leader)
        return lead(l, now);
    if (l->tried_ms == 0)
        return (struct lease_plan){LEASE_READ, now};
    if (l->known && free_at(l, now) <= now)
        return (struct lease_plan){l->there ? LEASE_TAKE : LEASE_CREATE, now};
    /* Look again after the pause, or as soon as it may be free, whichever is first: a record
     * that was renewed meanwhile is seen before it is taken, for the write names its version. */
    int64_t at = l->tried_ms + pause;
    if (l->known && free_at(l, now) < at)
        at = free_at(l, now);
    return at <= now ? (struct lease_plan){LEASE_READ, now}
                     : (struct lease_plan){LEASE_WAIT, at};
}

void
lease_sent(struct lease *l, int64_t now)
{
    l->tried_ms = now;
}

static void
keep(struct lease *l, const struct lease_record *r)
{
    l->known = true;
    l->there = r->there;
    snprintf(l->version, sizeof l->version, "%s", r->version);
    snprintf(l->holder, sizeof l->holder, "%s", r->holder);
    snprintf(l->acquired, sizeof l->acquired, "%s", r->acquired);
    snprintf(l->renewed, sizeof l->renewed, "%s", r->renewed);
    l->duration_ms = (r->duration_s > 0 ? r->duration_s : LEASE_DURATION_S) * 1000;
    l->transitions = r->transitions;
}

void
lease_seen(struct lease *l, const struct lease_record *r, int64_t now)
{
    /* What counts is holder and renewal, not the version: a label on it renews nothing. */
    if (!l->known || l->there != r->there || strcmp(l->holder, r->holder) != 0 ||
        strcmp(l->renewed, r->renewed) != 0)
        l->changed_ms = now;
    keep(l, r);
    if (l->leader && !lease_is_ours(l))
        l->leader = false;
}

void
lease_written(struct lease *l, const struct lease_record *r, int64_t sent_ms)
{
    keep(l, r);
    l->changed_ms = sent_ms;
    l->leader = lease_is_ours(l);
    if (l->leader)
        l->renewed_ms = sent_ms;
}

void
lease_conflict(struct lease *l)
{
    l->known = false;
    l->tried_ms = l->leader ? l->tried_ms - LEASE_RETRY_MS : 0;
}

/* ---- the object ---- */

json_t *
lease_object(const struct lease *l, const char *ns, const char *name, int64_t wall_us,
             bool released)
{
    char now[RFC3339_SIZE];
    bool same = lease_is_ours(l);
    json_t *o, *spec;

    rfc3339_format_micro(wall_us, now);
    spec = json_pack(
        "{s:s, s:i, s:s, s:s, s:I}", "holderIdentity", released ? "" : l->identity,
        "leaseDurationSeconds", released ? 1 : LEASE_DURATION_S, "acquireTime",
        same && l->acquired[0] != '\0' ? l->acquired : now, "renewTime", now,
        "leaseTransitions", (json_int_t)(l->there ? l->transitions + !same : 0));
    o = json_pack("{s:s, s:s, s:{s:s, s:s}, s:o}", "apiVersion", "coordination.k8s.io/v1",
                  "kind", "Lease", "metadata", "name", name, "namespace", ns, "spec",
                  spec);
    if (l->there)
        json_put_str(o, "metadata.resourceVersion", l->version);
    return o;
}
