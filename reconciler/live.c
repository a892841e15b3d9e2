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
    SHARD_BUSY(s, r->key);

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

int
live_read(struct shard *s, unsigned kind, const struct meta *m, const char *key,
          live_fn *done, void *arg, struct err *e)
{
    const struct kube_request q = {.verb = KUBE_GET,
                                   .res = shard_resource(kind, m->profile),
                                   .ns = m->ns,
                                   .name = m->name};
    struct reading *r = calloc(1, sizeof *r);

    if (r == NULL)
        abort();
    *r = (struct reading){s, kind, m, key, done, arg};
    if (kube_call(s->kube, &q, on_read, r, e) != NULL)
        return 0;
    free(r);
    return -1;
}

int64_t
live_conflict_ms(double random)
{
    return CONFLICT_MS * 9 / 10 + (int64_t)(random * (CONFLICT_MS / 5.0) + 0.5);
}

void
live_look_later(struct shard *s, const char *key)
{
    uint8_t random = 0;

    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    queue_add_at(s->queue, key, clock_mono_ms() + live_conflict_ms(random / 255.0));
}
