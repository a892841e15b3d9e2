/* live.c - see live.h. */
#include "reconciler/live.h"

#include <sys/random.h>

#include "common/clock.h"
#include "common/log.h"

struct reading {
    struct shard *shard;
    unsigned kind;
    const struct meta *meta; /* borrowed, like all that follows */
    const char *key;
    live_fn *done;
    void *arg;
};

static void
finish(struct reading *r, const char *version, const struct err *e)
{
    live_fn *done = r->done;
    void *arg = r->arg;

    free(r);
    done(arg, version, e);
}

/* Whether what the watch has shown by now is newer than the answer, or the object has gone
 * from view: that stands. */
static bool
overtaken(const struct reading *r, const char *answered)
{
    const struct meta *m = r->meta;
    const struct view *shown =
        store_get(r->shard->store, r->kind, m->profile, m->ns, m->name);
    int order;

    return shown == NULL || strcmp(shown->meta.uid, m->uid) != 0 ||
           (kube_version_compare(shown->meta.version, answered, &order) && order > 0);
}

static void
on_read(void *arg, const struct kube_result *res)
{
    struct reading *r = arg;
    struct shard *s = r->shard;
    struct err e = ERR_INIT, why = ERR_INIT;
    SCOPED(busy)
    struct busy busy __attribute__((unused)) = shard_busy(s, r->key);

    if (res->err.code != ERR_NONE) {
        finish(r, "", &res->err);
        return;
    }
    if (strcmp(res->uid, r->meta->uid) != 0) {
        err_set(&e, ERR_NOT_FOUND, "%s: another object has its name by now", r->key);
        finish(r, "", &e);
        return;
    }
    if (overtaken(r, res->version)) {
        shard_add(s, r->key);
        finish(r, res->version, NULL);
        return;
    }
    struct view *v = view_new(r->kind, r->meta->profile, res->body, &why), *now;
    if (v == NULL)
        v = view_wrong(r->kind, r->meta->profile, res->body, why.text, &e);
    if ((now = v) == NULL) {
        finish(r, "", &e);
        return;
    }
    SCOPED(view) struct view *old = store_put(s->store, &v, s->epoch);
    wake(s, old, now); /* the key, too */
    finish(r, res->version, NULL);
}

static int
ask(struct reading *r, struct err *e)
{
    const struct kube_request q = {.verb = KUBE_GET,
                                   .res = shard_resource(r->kind, r->meta->profile),
                                   .ns = r->meta->ns,
                                   .name = r->meta->name};

    return kube_call(r->shard->kube, &q, on_read, r, e) != NULL ? 0 : -1;
}

static struct reading *
reading_new(struct shard *s, unsigned kind, const struct meta *m, const char *key,
            live_fn *done, void *arg)
{
    struct reading *r = calloc(1, sizeof *r);

    if (r == NULL)
        abort();
    *r = (struct reading){s, kind, m, key, done, arg};
    return r;
}

int
live_read(struct shard *s, unsigned kind, const struct meta *m, const char *key,
          live_fn *done, void *arg, struct err *e)
{
    struct reading *r = reading_new(s, kind, m, key, done, arg);

    if (ask(r, e) == 0)
        return 0;
    free(r);
    return -1;
}

static void
on_later(void *arg, struct worker *w)
{
    struct reading *r = arg;
    struct err e = ERR_INIT;

    (void)w;
    if (ask(r, &e) < 0)
        finish(r, "", &e);
}

int64_t
live_conflict_ms(double random)
{
    return CONFLICT_MS * 9 / 10 + (int64_t)(random * (CONFLICT_MS / 5.0) + 0.5);
}

int
live_read_later(struct shard *s, unsigned kind, const struct meta *m, const char *key,
                live_fn *done, void *arg, struct err *e)
{
    struct reading *r = reading_new(s, kind, m, key, done, arg);
    uint8_t random = 0;

    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    if (worker_after(s->worker, live_conflict_ms(random / 255.0), on_later, r) > 0)
        return 0;
    free(r);
    return err_set(e, ERR_SYSTEM, "out of timers");
}

void
live_unseen(struct shard *s, unsigned kind, const struct meta *m, const char *version)
{
    const struct message unseen = {.kind = MSG_OBJECTS_UNSEEN,
                                   .body.unseen = {.kind = kind,
                                                   .profile = m->profile,
                                                   .ns = m->ns,
                                                   .name = m->name,
                                                   .uid = m->uid,
                                                   .version = version}};
    struct err e = ERR_INIT;

    if (bus_send(s->objects, NULL, &unseen, &e) < 0)
        log_warn(NULL, "objects.unseen: %s", e.text);
}
