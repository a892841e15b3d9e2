/* pods.c - see pods.h. One entry for each Pod that has not finished. */
#include "local/runner/pods.h"

#include <czmq.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/log.h"
#include "local/runner/follow.h"
#include "local/runner/podentry.h"
#include "local/runner/podfiles.h"
#include "local/runner/trash.h"

static void
entry_destroy(void **item)
{
    podentry_free(*item);
    *item = NULL;
}

static void
on_object(void *arg, const char *ns, enum ref_kind kind, const char *name)
{
    struct pods *p = arg;

    for (struct podentry *entry = zhashx_first(p->entries); entry != NULL;
         entry = zhashx_next(p->entries))
        podfiles_changed(entry, ns, kind, name);
}

struct pods *
pods_new(struct kube *k, struct loop *loop, const struct pods_options *o, struct err *e)
{
    struct pods *p = calloc(1, sizeof *p);

    if (p == NULL || (p->entries = zhashx_new()) == NULL ||
        (p->follows = follows_new(k, loop, on_object, p)) == NULL) {
        if (p != NULL)
            zhashx_destroy(&p->entries);
        free(p);
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    zhashx_set_destructor(p->entries, entry_destroy);
    p->kube = k;
    p->loop = loop;
    p->o = *o;
    return p;
}

void
pods_free(struct pods *p)
{
    if (p == NULL)
        return;
    zhashx_destroy(&p->entries);
    zhashx_destroy(&p->listed);
    follows_free(p->follows);
    buf_free(&p->o.filter);
    free(p);
}

static void
tell_count(const struct pods *p)
{
    if (p->o.on_count != NULL)
        p->o.on_count(p->o.arg, zhashx_size(p->entries));
}

void
pods_forget(struct pods *p, struct podentry *entry)
{
    zhashx_delete(p->entries, entry->state->uid);
    tell_count(p);
}

/* ---- what the API server says ---- */

static bool
is_over(const json_t *pod)
{
    const char *phase = json_str_or(pod, "status.phase", "");

    return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

static bool
is_ours(const struct pods *p, const json_t *pod)
{
    const char *node = json_str_or(pod, "spec.nodeName", "");

    return *node == '\0' || strcmp(node, p->o.node) == 0;
}

static void
accept_pod(struct pods *p, json_t *pod)
{
    struct err e = ERR_INIT;
    struct podentry *entry = podentry_new(p, pod, &e);

    if (entry == NULL) {
        log_error(json_str_or(pod, "metadata.name", ""), "pod: %s", e.text);
        return;
    }
    zhashx_insert(p->entries, entry->state->uid, entry);
    tell_count(p);
    podentry_begin(entry);
}

void
pods_seen(struct pods *p, json_t *pod)
{
    const char *uid = json_str_or(pod, "metadata.uid", "");
    struct podentry *entry = zhashx_lookup(p->entries, uid);

    if (!is_ours(p, pod) || *uid == '\0' || strchr(uid, '/') != NULL || *uid == '.')
        return;
    if (p->listed != NULL)
        zhashx_update(p->listed, uid, (void *)"");
    if (entry == NULL && !is_over(pod))
        accept_pod(p, pod);
    entry = zhashx_lookup(p->entries, uid);
    if (entry != NULL && json_at(pod, "metadata.deletionTimestamp") != NULL)
        podentry_delete(entry,
                        json_int_or(pod, "metadata.deletionGracePeriodSeconds", 30));
}

void
pods_gone(struct pods *p, json_t *pod)
{
    const char *uid = json_str_or(pod, "metadata.uid", "");
    struct podentry *entry = zhashx_lookup(p->entries, uid);

    if (entry != NULL)
        podentry_gone(entry);
    else if (*uid != '\0' && strchr(uid, '/') == NULL && *uid != '.')
        trash_pod(p->o.dir, uid);
}

void
pods_list_begin(struct pods *p)
{
    zhashx_destroy(&p->listed);
    p->listed = zhashx_new();
}

/* Ends what runs in the directory of a Pod that is no longer there. */
static void
end_unknown(struct pods *p)
{
    DIR *d = opendir(p->o.dir);
    struct dirent *entry;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.' || zhashx_lookup(p->listed, entry->d_name) != NULL ||
            zhashx_lookup(p->entries, entry->d_name) != NULL)
            continue;
        trash_pod(p->o.dir, entry->d_name);
    }
    if (d != NULL)
        closedir(d);
    trash_empty(p->o.dir);
}

void
pods_list_end(struct pods *p)
{
    zlistx_t *keys = zhashx_keys(p->entries);

    for (const char *uid = zlistx_first(keys); uid != NULL; uid = zlistx_next(keys)) {
        struct podentry *entry = zhashx_lookup(p->entries, uid);
        if (zhashx_lookup(p->listed, uid) == NULL && entry != NULL)
            podentry_gone(entry);
    }
    zlistx_destroy(&keys);
    end_unknown(p);
    zhashx_destroy(&p->listed);
}

void
pods_fail(struct pods *p, const char *uid, const char *reason, const char *message)
{
    struct podentry *entry = zhashx_lookup(p->entries, uid);

    if (entry != NULL)
        podentry_fail(entry, reason, message);
}
