/* main.c - kelos-watcher: shows the cluster's objects to the reconcilers and the statuswriter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/worker/cluster.h"
#include "common/log.h"
#include "common/loop.h"
#include "watcher/elector.h"
#include "watcher/publish.h"
#include "watcher/reflector.h"

enum { FULL_RETRY_MS = 20, LOCAL_BACKOFF_MS = 100 };

struct self {
    const char *groups;
    bool deployments, secrets, elect;
    struct worker *worker;
    struct kubeconfig *config; /* until the client takes it */
    struct loop *loop;
    struct kube *kube;
    struct bus *objects;
    struct watched watched[WATCHED_MAX];
    struct shelf shelves[WATCHED_MAX];
    struct reflector *reflectors[WATCHED_MAX];
    int n_watched;
    struct publisher *publisher;
    struct reflector_hooks hooks;
    struct elector *elector;
    int retry_timer;
    bool renewing; /* we lead, and do not say so before all caches are as new as that */
};

/* ---- publishing ---- */

static void flush(struct self *s);

static void
on_retry(void *arg, struct worker *w UNUSED)
{
    struct self *s = arg;

    s->retry_timer = 0;
    flush(s);
}

static void say_when_renewed(struct self *s);

static void
flush(struct self *s)
{
    if (publisher_flush(s->publisher) && s->retry_timer <= 0)
        s->retry_timer = worker_after(s->worker, FULL_RETRY_MS, on_retry, s);
    say_when_renewed(s);
}

static int
send_to(void *arg, const char *to, const struct message *m, struct err *e)
{
    struct self *s = arg;
    return bus_send(s->objects, to, m, e);
}

static void
on_changed(void *arg, struct entry *e)
{
    struct self *s = arg;
    publisher_mark(s->publisher, e);
}

/* The label of a watched kind: both groups have their "tasks", and each its own number. */
struct series {
    char name[64];
};
static struct series
series_of(const struct watched *w)
{
    const struct kube_resource *res = kube_res(w->res);
    bool other = w->profile > 0;
    struct series s;

    snprintf(s.name, sizeof s.name, "%s%s%s", res->plural, other ? "." : "",
             other ? res->group : "");
    return s;
}

static void
count_objects(struct self *s)
{
    for (int i = 0; i < s->n_watched; i++)
        metric_set(worker_metrics(s->worker), METRIC_CACHED_OBJECTS,
                   (double)cache_count(s->shelves[i].cache),
                   series_of(&s->watched[i]).name);
}

static void
on_settled(void *arg)
{
    struct self *s = arg;

    flush(s);
    count_objects(s);
}

static void
on_restarted(void *arg, const struct watched *w, enum reflect_end why)
{
    struct self *s = arg;
    metric_add(worker_metrics(s->worker), METRIC_WATCH_RESTARTS, 1, series_of(w).name,
               reflect_end_name(why));
}

static void
on_listing(void *arg, const struct watched *w)
{
    struct self *s = arg;
    metric_add(worker_metrics(s->worker), METRIC_RELISTS, 1, series_of(w).name);
}

/* ---- leadership: without an election there is one controller, and it leads. With one,
 * nothing is said before it is known: those who worked for the watcher before this one go on
 * under the supervisor's fence. And that we lead is not said before each consumer has been told
 * of a state that was listed after the Lease was taken: what a standby has seen may be old. ---- */

static void
say_leading(struct self *s, struct bus *bus, const char *to)
{
    struct err e = ERR_INIT;
    const struct message m = {
        .kind = MSG_LEADERSHIP,
        .body.leadership = {.leader = s->elector == NULL || elector_leads(s->elector),
                            .identity = worker_identity(s->worker),
                            .renewed_boot_ms = clock_boot_ms()},
    };

    if (s->elect && (s->elector == NULL || !elector_decided(s->elector) || s->renewing))
        return;
    if (bus_send(bus, to, &m, &e) < 0)
        log_warn(to, "leadership: %s", e.text);
}

static void
on_supervisor(void *arg, struct bus *bus, const struct peer *peer UNUSED)
{
    say_leading(arg, bus, NULL);
}

static void
say_to(void *arg, const char *user_id)
{
    struct self *s = arg;
    say_leading(s, s->objects, user_id);
}

static void
say_to_all(struct self *s)
{
    say_leading(s, worker_control(s->worker), NULL);
    publisher_each(s->publisher, say_to, s);
}

static void
say_when_renewed(struct self *s)
{
    if (!s->renewing || publisher_waiting(s->publisher) > 0)
        return;
    for (int i = 0; i < s->n_watched; i++)
        if (s->reflectors[i] == NULL || reflector_renewing(s->reflectors[i]))
            return;
    s->renewing = false;
    log_info(NULL, "all is as new as the Lease");
    say_to_all(s);
}

static int start_watching(struct self *s, struct err *e);

/* The first lists begin when it is known who leads, so that a leader's are new enough. */
static void
on_elected(void *arg, bool leader, int64_t renewed_boot_ms UNUSED)
{
    struct self *s = arg;
    struct err e = ERR_INIT;
    bool first = s->reflectors[0] == NULL;

    s->renewing = leader;
    if (first && start_watching(s, &e) < 0) {
        worker_fail(s->worker, &e);
        return;
    }
    for (int i = 0; leader && !first && i < s->n_watched; i++)
        reflector_renew(s->reflectors[i]);
    if (!leader)
        say_to_all(s);
}

/* ---- consumers ---- */

static void
on_join(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct self *s = arg;
    struct err e = ERR_INIT;

    if (publisher_join(s->publisher, from->user_id, &m->body.join, &e) < 0) {
        log_error(from->user_id, "objects.join: %s", e.text);
        return;
    }
    metric_add(worker_metrics(s->worker), METRIC_BUS_SWEEPS, 1);
    say_leading(s, bus, from->user_id);
    flush(s);
}

static void
on_credit(void *arg, struct bus *bus UNUSED, const struct peer *from,
          const struct message *m)
{
    struct self *s = arg;

    publisher_credit(s->publisher, from->user_id, m->body.credit.messages);
    flush(s);
}

/* The server has a version that a shard has waited for in vain. */
static void
on_unseen(void *arg, struct bus *bus UNUSED, const struct peer *from UNUSED,
          const struct message *m)
{
    const struct msg_unseen *u = &m->body.unseen;
    struct self *s = arg;

    for (int i = 0; i < s->n_watched; i++)
        if (s->watched[i].kind == u->kind && s->watched[i].profile == u->profile &&
            s->reflectors[i] != NULL)
            reflector_unseen(s->reflectors[i], u->ns, u->name, u->uid, u->version);
}

/* A shard has deleted it. */
static void
on_deleted(void *arg, struct bus *bus UNUSED, const struct peer *from UNUSED,
           const struct message *m)
{
    const struct msg_deleted *d = &m->body.deleted;
    struct self *s = arg;

    for (int i = 0; i < s->n_watched; i++)
        if (s->watched[i].kind == d->kind && s->reflectors[i] != NULL)
            reflector_deleted(s->reflectors[i], d->ns, d->name, d->uid);
}

static void
on_gone(void *arg, struct bus *bus UNUSED, const struct peer *peer)
{
    struct self *s = arg;
    publisher_leave(s->publisher, peer->user_id);
}

static const struct handler handlers[] = {
    {MSG_OBJECTS_JOIN, on_join},
    {MSG_OBJECTS_CREDIT, on_credit},
    {MSG_OBJECTS_UNSEEN, on_unseen},
    {MSG_OBJECTS_DELETED, on_deleted},
};

/* ---- life ---- */

static int
prepare(void *arg, struct worker *w, struct sandbox *sandbox, struct err *e)
{
    struct self *s = arg;

    unsigned with =
        (s->deployments ? KINDS_WORKLOADS : 0u) | (s->secrets ? KINDS_SECRETS : 0u);

    if ((s->n_watched = kinds_select(s->groups, with, s->watched, e)) < 0)
        return -1;
    return cluster_prepare(w, sandbox, &s->config, e);
}

static int
open_shelves(struct self *s, struct err *e)
{
    for (int i = 0; i < s->n_watched; i++) {
        s->shelves[i].watched = &s->watched[i];
        s->shelves[i].stale_since = clock_wall_ms();
        if ((s->shelves[i].cache = cache_new(&s->watched[i])) == NULL)
            return err_set(e, ERR_SYSTEM, "out of memory");
    }
    s->publisher = publisher_new(s->shelves, (size_t)s->n_watched,
                                 (uint64_t)clock_wall_ms(), send_to, s);
    return s->publisher != NULL ? 0 : err_set(e, ERR_SYSTEM, "out of memory");
}

static int
start_watching(struct self *s, struct err *e)
{
    /* against local mode there is no crowd that must not come all at once */
    const struct reflector_options options = {
        .backoff_first_ms =
            http_is_loopback(kube_server(s->kube)) ? LOCAL_BACKOFF_MS : 0};

    s->hooks =
        (struct reflector_hooks){on_changed, on_settled, on_restarted, on_listing, s};
    for (int i = 0; i < s->n_watched; i++) {
        s->reflectors[i] =
            reflector_new(&s->shelves[i], s->kube, s->loop, &s->hooks, &options, e);
        if (s->reflectors[i] == NULL)
            return -1;
    }
    return 0;
}

static const char *
lease_namespace(const struct self *s)
{
    const char *own = getenv("POD_NAMESPACE");
    return own != NULL && *own != '\0' ? own : kube_namespace(s->kube);
}

static void
on_released(void *arg)
{
    worker_drained(arg);
}

/* The supervisor asks the watcher last: who writes is dead by now. */
static void
on_stop(void *arg, struct worker *w)
{
    struct self *s = arg;

    if (s->elector != NULL)
        elector_release(s->elector, on_released, w);
    else
        worker_drained(w);
}

static int
open_parts(struct self *s, struct worker *w, struct err *e)
{
    const struct bus_calls calls = {
        .rows = handlers, .n_rows = ARRAY_LEN(handlers), .gone = on_gone, .arg = s};
    const struct bus_calls control = {.joined = on_supervisor, .arg = s};
    enum kube_actor actor = s->secrets ? KUBE_AS_SECRETS_WATCHER : KUBE_AS_WATCHER;

    s->worker = w;
    if ((s->loop = loop_worker_new(w, e)) == NULL ||
        (s->kube = cluster_connect(w, s->loop, &s->config, actor, "kelos-watcher", e)) ==
            NULL ||
        open_shelves(s, e) < 0 ||
        (s->objects = worker_bind(w, "objects", &calls, e)) == NULL)
        return -1;
    if (!s->elect && start_watching(s, e) < 0)
        return -1;
    if (s->elect && (s->elector = elector_new(w, s->kube, s->loop, lease_namespace(s),
                                              on_elected, s, e)) == NULL)
        return -1;
    worker_on_control(w, &control); /* for every later connection */
    say_leading(s, worker_control(w), NULL);
    return 0;
}

static void
close_parts(struct self *s)
{
    elector_free(s->elector);
    for (int i = 0; i < s->n_watched; i++)
        reflector_free(s->reflectors[i]);
    publisher_free(s->publisher);
    for (int i = 0; i < s->n_watched; i++)
        cache_free(s->shelves[i].cache);
    kube_free(s->kube);
    loop_free(s->loop);
    kubeconfig_free(s->config);
}

int
main(int argc, char **argv)
{
    struct err e = ERR_INIT;
    static struct self self = {.groups = "kelos.dev"};
    const struct flag flags[] = {
        {"api-groups", FLAG_TEXT, &self.groups, "LIST",
         "API groups to serve: kelos.dev, axon.io"},
        {"watch-deployments", FLAG_SWITCH, &self.deployments, NULL,
         "pod isolation is in use"},
        {"watch-secrets", FLAG_SWITCH, &self.secrets, NULL,
         "tell of each change of a Secret, whose values are not asked for"},
        {"leader-elect", FLAG_SWITCH, &self.elect, NULL,
         "several controllers may run: act only while holding the Lease"},
    };
    const struct worker_spec spec = {
        .role = ROLE_WATCHER,
        .usage = "kelos-watcher --run-dir DIR --worker ID [flags]",
        .flags = flags,
        .n_flags = ARRAY_LEN(flags),
        .prepare = prepare,
        .on_stop = on_stop,
        .arg = &self,
    };
    SCOPED(worker) struct worker *w = worker_join(argc, argv, &spec, &e);

    if (w == NULL)
        return worker_exit(w, &e);
    int rc = open_parts(&self, w, &e);
    if (rc == 0)
        rc = worker_ready(w, &e);
    if (rc == 0)
        rc = worker_run(w, &e);
    close_parts(&self);
    return rc < 0 ? worker_exit(w, &e) : 0;
}
