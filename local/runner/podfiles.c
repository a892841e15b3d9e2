/* podfiles.c - see podfiles.h. */
#include "local/runner/podfiles.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "local/runner/follow.h"
#include "local/runner/launcher.h"
#include "local/runner/volume.h"

/* What is not followed is looked at so often, as a kubelet does. */
#define REFRESH_MS 60000
#define RETRY_MS 5000

static void refresh(struct podentry *entry);

static void
on_timer(void *arg)
{
    struct podentry *entry = arg;

    entry->refresh = 0;
    refresh(entry);
}

static void
later(struct podentry *entry, int64_t ms)
{
    struct err e = ERR_INIT;

    loop_timer_stop(entry->pods->loop, entry->refresh);
    entry->refresh = loop_timer(entry->pods->loop, ms, on_timer, entry, &e);
}

static void
on_fetched(void *arg, json_t *values, const struct err *why)
{
    struct slot *s = arg;
    struct podentry *entry = s->entry;
    struct err e = *why;
    char dir[4200];

    s->fetch = NULL;
    snprintf(dir, sizeof dir, "%s/.volumes", entry->dir);
    if (e.code == ERR_NONE)
        volume_make_all(entry->state->pod, dir, values, launcher_outer_id(), &e);
    if (e.code != ERR_NONE)
        log_warn(entry->state->name, "refreshing volumes: %s", e.text);
    if (entry->files_changed)
        refresh(entry);
    else if (why->code != ERR_NONE)
        later(entry, RETRY_MS);
    else if (!entry->files_followed)
        later(entry, REFRESH_MS);
}

static void
refresh(struct podentry *entry)
{
    struct slot *s = &entry->slots[CONTAINERS_MAX];
    struct refs refs = {.count = 0};
    struct err e = ERR_INIT;

    if (s->fetch != NULL) { /* it may have read what was there before */
        entry->files_changed = true;
        return;
    }
    entry->files_changed = false;
    if (refs_of_volumes(&refs, entry->state->pod, &e) < 0 || refs.count == 0)
        return;
    s->fetch = fetch_start(entry->pods->kube, entry->state->ns, &refs, on_fetched, s, &e);
    if (s->fetch == NULL)
        later(entry, RETRY_MS);
}

void
podfiles_begin(struct podentry *entry)
{
    struct refs refs = {.count = 0};
    struct err e = ERR_INIT;

    if (!volume_can_change(entry->state->pod) ||
        refs_of_volumes(&refs, entry->state->pod, &e) < 0 || refs.count == 0)
        return;
    if (follows_use(entry->pods->follows, entry->state->ns, &refs, &e) == 0) {
        entry->files_followed = true;
        return;
    }
    log_warn(entry->state->name, "%s; its volumes are refreshed every %d s", e.text,
             REFRESH_MS / 1000);
    later(entry, REFRESH_MS);
}

void
podfiles_changed(struct podentry *entry, const char *ns, enum ref_kind kind,
                 const char *name)
{
    struct refs refs = {.count = 0};
    struct err e = ERR_INIT;

    if (!entry->files_followed || !entry->volumes_made || entry->done ||
        strcmp(entry->state->ns, ns) != 0 ||
        refs_of_volumes(&refs, entry->state->pod, &e) < 0)
        return;
    for (size_t i = 0; i < refs.count; i++)
        if (refs.items[i].kind == kind && strcmp(refs.items[i].name, name) == 0) {
            refresh(entry);
            return;
        }
}

void
podfiles_end(struct podentry *entry)
{
    struct refs refs = {.count = 0};
    struct err e = ERR_INIT;

    loop_timer_stop(entry->pods->loop, entry->refresh);
    entry->refresh = 0;
    if (entry->files_followed && refs_of_volumes(&refs, entry->state->pod, &e) == 0)
        follows_drop(entry->pods->follows, entry->state->ns, &refs);
    entry->files_followed = false;
}
