/* relabel.c - see relabel.h. */
#include "watcher/relabel.h"

#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/log.h"

enum { LOOKS_MAX = 256, LOOK_MS = 200 };

struct look {
    struct look *next;
    struct relabel *owner;
    struct object_id id; /* as the event had it: the version of the deletion */
    int timer;           /* until it is asked; 0: it is */
    struct kube_call *call;
};

struct relabel {
    struct kube *kube;
    struct loop *loop;
    const struct watched *watched;
    relabel_fn *fn;
    void *arg;
    struct look *looks;
    size_t count;
};

struct relabel *
relabel_new(struct kube *kube, struct loop *loop, const struct watched *watched,
            relabel_fn *fn, void *arg)
{
    struct relabel *l = calloc(1, sizeof *l);

    if (l != NULL)
        *l = (struct relabel){
            .kube = kube, .loop = loop, .watched = watched, .fn = fn, .arg = arg};
    return l;
}

/* Ends what is under way for it, and frees. */
static void
look_free(struct look *k)
{
    struct look **at = &k->owner->looks;

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    k->owner->count--;
    loop_timer_stop(k->owner->loop, k->timer);
    if (k->call != NULL)
        kube_cancel(k->call);
    free(k);
}

void
relabel_free(struct relabel *l)
{
    if (l == NULL)
        return;
    while (l->looks != NULL)
        look_free(l->looks);
    free(l);
}

static void
on_got(void *arg, const struct kube_result *r)
{
    struct look *k = arg;
    struct relabel *l = k->owner;
    struct object_id now;
    struct err e = ERR_INIT;
    SCOPED(buf) struct buf doc = BUF_INIT;

    k->call = NULL;
    bool there =
        r->err.code == ERR_NONE && r->body != NULL && strcmp(r->uid, k->id.uid) == 0;
    if (there && project_tree(r->body, l->watched->projection, &doc, &now, &e) == 0)
        l->fn(l->arg, &now, doc.data, doc.size, false);
    else if (r->err.code == ERR_NONE || r->err.code == ERR_NOT_FOUND)
        l->fn(l->arg, &k->id, NULL, 0, true);
    else /* it stays in the cache until a list tells */
        log_warn(k->id.name, "left its selector, and cannot be read: %s", r->err.text);
    look_free(k);
}

static void
on_timer(void *arg)
{
    struct look *k = arg;
    struct relabel *l = k->owner;
    const struct kube_request r = {.verb = KUBE_GET,
                                   .res = kube_res(l->watched->res),
                                   .ns = k->id.ns,
                                   .name = k->id.name};
    struct err e = ERR_INIT;

    k->timer = 0;
    if ((k->call = kube_call(l->kube, &r, on_got, k, &e)) != NULL)
        return;
    l->fn(l->arg, &k->id, NULL, 0, true);
    look_free(k);
}

int
relabel_look(struct relabel *l, const struct object_id *id)
{
    struct err e = ERR_INIT;
    struct look *k = l->count < LOOKS_MAX ? calloc(1, sizeof *k) : NULL;

    if (k == NULL)
        return -1;
    *k = (struct look){.next = l->looks, .owner = l, .id = *id};
    if ((k->timer = loop_timer(l->loop, LOOK_MS, on_timer, k, &e)) < 0) {
        free(k);
        return -1;
    }
    l->looks = k;
    l->count++;
    return 0;
}

void
relabel_deleted(struct relabel *l, const char *uid)
{
    struct look *k = l->looks;

    while (k != NULL && strcmp(k->id.uid, uid) != 0)
        k = k->next;
    if (k == NULL)
        return;
    const struct object_id id = k->id;
    look_free(k);
    l->fn(l->arg, &id, NULL, 0, true);
}
