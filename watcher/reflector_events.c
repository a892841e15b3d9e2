/* reflector_events.c - see reflector_self.h: what the bytes of a watch or a list do to the cache. */
#include "watcher/reflector_self.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/limits.h"
#include "common/log.h"

enum { PAGE_ITEMS_MIN = 10 };

const char *
reflector_plural(const struct reflector *r)
{
    return kube_res(r->shelf->watched->res)->plural;
}

/* ---- changes to the cache ---- */

void
reflector_put(struct reflector *r, const struct object_id *id, const void *doc,
              size_t size)
{
    enum cache_change change;
    struct entry *old = NULL;
    struct entry *e = cache_put(r->shelf->cache, id, doc, size, &change, &old);

    if (e == NULL) {
        log_error(NULL, "out of memory for %s/%s", id->ns, id->name);
        return;
    }
    if (change == CACHE_REPLACED)
        r->hooks->changed(r->hooks->arg, old);
    if (change != CACHE_SAME)
        r->hooks->changed(r->hooks->arg, e);
}

void
reflector_take(struct reflector *r, struct entry *e, const char *version,
               bool final_unknown)
{
    cache_take(r->shelf->cache, e, version, final_unknown);
    r->hooks->changed(r->hooks->arg, e);
}

/* ---- a list replaces the cache ---- */

static void
commit_one(void *arg, struct entry *e)
{
    struct reflector *r = arg;
    struct object_id id;

    snprintf(id.ns, sizeof id.ns, "%s", entry_ns(e));
    snprintf(id.name, sizeof id.name, "%s", entry_name(e));
    snprintf(id.uid, sizeof id.uid, "%s", entry_uid(e));
    snprintf(id.version, sizeof id.version, "%s", entry_version(e));
    reflector_put(r, &id, entry_doc(e), e->doc_size);
}

static void
drop_unlisted(void *arg, struct entry *e)
{
    struct reflector *r = arg;

    if (cache_find(r->staging, entry_ns(e), entry_name(e)) == NULL)
        reflector_take(r, e, NULL, true);
}

void
reflector_drop_staging(struct reflector *r)
{
    cache_free(r->staging);
    r->staging = NULL;
    wire_list_free(r->page);
    r->page = NULL;
    free(r->token);
    r->token = NULL;
}

void
reflector_commit(struct reflector *r, const char *version)
{
    cache_each(r->shelf->cache, drop_unlisted, r);
    cache_each(r->staging, commit_one, r);
    reflector_drop_staging(r);
    reflect_listed(&r->state, version, clock_mono_ms());
    snprintf(r->shelf->version, sizeof r->shelf->version, "%s", version);
    r->shelf->complete = true;
    r->shelf->stale_since = 0;
}

static void
stage(struct reflector *r, const struct object_id *id, const void *doc, size_t size)
{
    enum cache_change change;
    struct entry *old = NULL;

    if (cache_put(r->staging, id, doc, size, &change, &old) == NULL)
        log_error(NULL, "out of memory for %s/%s", id->ns, id->name);
    if (old != NULL)
        entry_release(old);
}

static void
unstage(struct reflector *r, const struct object_id *id)
{
    struct entry *e = cache_find(r->staging, id->ns, id->name);

    if (e == NULL)
        return;
    cache_take(r->staging, e, NULL, false);
    entry_release(e);
}

/* ---- events ---- */

/* Ends the stream from inside its callback. */
static int
stop(struct reflector *r, enum reflect_end why, struct err *e)
{
    r->stopped = true;
    r->why = why;
    return err_set(e, ERR_PROTO, "%s", reflect_end_name(why));
}

enum reflect_end
reflector_end_of_status(const struct reflector *r, const struct kube_status *s)
{
    bool names_list = kube_status_names_field(s, "sendInitialEvents") ||
                      kube_status_names_field(s, "resourceVersionMatch") ||
                      strstr(s->message, "sendInitialEvents") != NULL;

    if (r->start == START_STREAM_LIST && (s->code == 400 || s->code == 422) && names_list)
        return END_UNSUPPORTED;
    switch (s->reason) {
    case KUBE_VERSION_AHEAD:
    case KUBE_TIMEOUT:
        return END_BEHIND;
    case KUBE_TOO_MANY:
    case KUBE_UNAVAILABLE:
        return END_BUSY;
    case KUBE_EXPIRED:
        return END_EXPIRED;
    case KUBE_INTERNAL:
    case KUBE_SERVER_TIMEOUT:
        return END_SERVER;
    case KUBE_UNAUTHORIZED:
        return END_UNAUTHORIZED;
    case KUBE_FORBIDDEN:
        return END_FORBIDDEN;
    case KUBE_NOT_FOUND:
    case KUBE_NO_ROUTE:
        return END_MISSING;
    default:
        return END_ODD;
    }
}

static int
on_error_event(struct reflector *r, const char *doc, size_t size, struct err *e)
{
    struct kube_status s;
    SCOPED(json) json_t *event = json_parse(doc, size, 0, e);

    if (event == NULL)
        return stop(r, END_ODD, e);
    kube_status_from_json(&s, json_object_get(event, "object"), 0, false, "");
    r->retry_after_ms = s.retry_after_ms;
    log_info(reflector_plural(r), "the watch says %d %s: %s", s.code, s.reason_text,
             s.message);
    return stop(r, reflector_end_of_status(r, &s), e);
}

static void
on_odd_event(struct reflector *r)
{
    if (!r->odd_logged)
        log_warn(reflector_plural(r),
                 "an event of unknown type or without an object is skipped");
    r->odd_logged = true;
}

/* A version below the one before, where versions are ordered. */
static bool
goes_back(const struct reflector *r, const char *version)
{
    int order;
    return kube_version_compare(version, r->state.version, &order) && order < 0;
}

static void
advance(struct reflector *r, const char *version)
{
    reflect_advance(&r->state, version, clock_mono_ms());
    snprintf(r->shelf->version, sizeof r->shelf->version, "%s", r->state.version);
}

static void
on_deleted(struct reflector *r, const struct wire_event *ev)
{
    struct entry *e = cache_find(r->shelf->cache, ev->id.ns, ev->id.name);

    if (e == NULL || strcmp(entry_uid(e), ev->id.uid) != 0)
        return;
    struct pview doc = pview_root(ev->doc.data, ev->doc.size);
    bool sure = r->shelf->watched->selector == NULL || e->deleted ||
                pview_present(pview_at(doc, "metadata.deletionTimestamp"));
    /* an object that lost its label looks deleted to a watch with a selector */
    if (sure || relabel_look(r->relabel, &ev->id) < 0)
        reflector_take(r, e, ev->id.version, false);
}

static int
on_live_event(struct reflector *r, const struct wire_event *ev, struct err *e)
{
    if (goes_back(r, ev->id.version))
        return stop(r, END_BACKWARD, e);
    if (ev->type == WIRE_BOOKMARK)
        r->guard.bookmark_seen = true;
    else if (ev->type == WIRE_DELETED)
        on_deleted(r, ev);
    else
        reflector_put(r, &ev->id, ev->doc.data, ev->doc.size);
    advance(r, ev->id.version);
    return 0;
}

static int
on_staged_event(struct reflector *r, const struct wire_event *ev)
{
    if (ev->type == WIRE_BOOKMARK) {
        if (ev->initial_end) {
            r->guard.initial = false;
            reflector_commit(r, ev->id.version);
        }
    } else if (ev->type == WIRE_DELETED) {
        unstage(r, &ev->id);
    } else {
        stage(r, &ev->id, ev->doc.data, ev->doc.size);
    }
    return 0;
}

static int
on_document(void *arg, const char *doc, size_t size, struct err *e)
{
    struct reflector *r = arg;
    struct wire_event *ev = &r->event;
    struct err why = ERR_INIT;

    r->events++;
    r->guard.events++;
    r->guard.last_ms = clock_mono_ms();
    if (wire_event_read(doc, size, r->shelf->watched->projection, ev, &why) < 0) {
        log_warn(reflector_plural(r), "watch: %s", why.text);
        return stop(r, why.code == ERR_LIMIT ? END_OVERSIZE : END_ODD, e);
    }
    if (ev->type == WIRE_ERROR)
        return on_error_event(r, doc, size, e);
    bool named =
        ev->type == WIRE_BOOKMARK || (ev->id.name[0] != '\0' && ev->id.uid[0] != '\0');
    if (ev->type == WIRE_UNKNOWN || !ev->has_object || !named ||
        ev->id.version[0] == '\0') {
        on_odd_event(r);
        return 0;
    }
    return r->staging != NULL ? on_staged_event(r, ev) : on_live_event(r, ev, e);
}

int
reflector_on_watch(void *arg, const char *bytes, size_t size)
{
    struct reflector *r = arg;
    struct err e = ERR_INIT;
    int rc = jsonframe_feed(&r->frame, bytes, size, on_document, r, &e);

    if (rc < 0 && !r->stopped) {
        log_warn(reflector_plural(r), "watch: %s", e.text);
        stop(r, e.code == ERR_LIMIT ? END_OVERSIZE : END_ODD, &e);
    }
    r->hooks->settled(r->hooks->arg);
    return rc;
}

/* ---- pages ---- */

int
reflector_on_item(void *arg, const struct object_id *id, const void *doc, size_t size,
                  struct err *e UNUSED)
{
    struct reflector *r = arg;

    if (id->name[0] == '\0' || id->uid[0] == '\0')
        on_odd_event(r);
    else
        stage(r, id, doc, size);
    return 0;
}

int
reflector_on_page(void *arg, const char *bytes, size_t size)
{
    struct reflector *r = arg;
    struct err e = ERR_INIT;

    if (wire_list_feed(r->page, bytes, size, &e) == 0)
        return 0;
    log_warn(reflector_plural(r), "list: %s", e.text);
    if (e.code == ERR_LIMIT && r->page_items > PAGE_ITEMS_MIN)
        r->page_items /= 2;
    stop(r, e.code == ERR_LIMIT ? END_OVERSIZE : END_ODD, &e);
    return -1;
}
