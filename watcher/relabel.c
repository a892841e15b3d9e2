/* relabel.c - see relabel.h. */
#include "watcher/relabel.h"

#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/log.h"

enum { LOOKS_MAX = 256 };

struct look {
    struct look *next;
    struct relabel *owner;
    struct object_id id; /* as the event had it: the version of the deletion */
    struct kube_call *call;
};

struct relabel {
    struct kube *kube;
    const struct watched *watched;
    relabel_fn *fn;
    void *arg;
    struct look *looks;
    size_t count;
};

struct relabel *
relabel_new(struct kube *kube, const struct watched *watched, relabel_fn *fn, void *arg)
{
    struct relabel *l = calloc(1, sizeof *l);

    if (l != NULL)
        *l = (struct relabel){.kube = kube, .watched = watched, .fn = fn, .arg = arg};
    return l;
}

void
relabel_free(struct relabel *l)
{
    if (l == NULL)
        return;
    while (l->looks != NULL) {
        struct look *k = l->looks;
        l->looks = k->next;
        kube_cancel(k->call);
        free(k);
    }
    free(l);
}

static void
unlink_look(struct look *k)
{
    struct look **at = &k->owner->looks;

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    k->owner->count--;
}

static void
on_got(void *arg, const struct kube_result *r)
{
    struct look *k = arg;
    struct relabel *l = k->owner;
    struct object_id now;
    struct err e = ERR_INIT;
    SCOPED(buf) struct buf doc = BUF_INIT;

    unlink_look(k);
    bool there =
        r->err.code == ERR_NONE && r->body != NULL && strcmp(r->uid, k->id.uid) == 0;
    if (there && project_tree(r->body, l->watched->projection, &doc, &now, &e) == 0)
        l->fn(l->arg, &now, doc.data, doc.size, false);
    else if (r->err.code == ERR_NONE || r->err.code == ERR_NOT_FOUND)
        l->fn(l->arg, &k->id, NULL, 0, true);
    else /* it stays in the cache until a list tells */
        log_warn(k->id.name, "left its selector, and cannot be read: %s", r->err.text);
    free(k);
}

int
relabel_look(struct relabel *l, const struct object_id *id)
{
    struct err e = ERR_INIT;
    struct look *k = l->count < LOOKS_MAX ? calloc(1, sizeof *k) : NULL;

    if (k == NULL)
        return -1;
    *k = (struct look){.owner = l, .id = *id};
    const struct kube_request r = {.verb = KUBE_GET,
                                   .res = kube_res(l->watched->res),
                                   .ns = id->ns,
                                   .name = id->name};
    k->call = kube_call(l->kube, &r, on_got, k, &e);
    if (k->call == NULL) {
        free(k);
        return -1;
    }
    k->next = l->looks;
    l->looks = k;
    l->count++;
    return 0;
}
