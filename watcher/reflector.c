/* reflector.c - see reflector.h: attempts, their ends, guards; the I/O around reflect.c. */
#include "watcher/reflector_self.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"

#define ACCEPT "application/json;drop=metadata.managedFields, application/json"
/* Nothing else is taken: a server that does not know them answers 406, and no value comes. */
#define ACCEPT_METADATA "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define ACCEPT_METADATA_LIST                                                             \
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

static void begin(struct reflector *r, struct reflect_plan plan);
static void on_end(void *arg, const struct kube_stream_end *end);

static double
random_fraction(void)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint32_t)clock_mono_ns();
    return (double)random / UINT32_MAX;
}

static void start_attempt(struct reflector *r);

/* A page is whole. Returns true when the next one was asked for. */
static bool
page_done(struct reflector *r, enum reflect_end *end)
{
    struct err e = ERR_INIT;

    if (wire_list_end(r->page, &e) < 0) {
        log_warn(reflector_plural(r), "list: %s", e.text);
        *end = END_ODD;
        return false;
    }
    if (r->token == NULL)
        snprintf(r->list_version, sizeof r->list_version, "%s",
                 wire_list_version(r->page));
    char *token = strdup(wire_list_continue(r->page));
    if (token != NULL && *token != '\0') {
        free(r->token);
        r->token = token;
        start_attempt(r);
        return true;
    }
    free(token);
    reflector_commit(r, r->list_version);
    *end = END_LISTED;
    return false;
}

/* ---- attempts ---- */

/* Ends the stream that runs, for a reason of our own. */
static void
cut_stream(struct reflector *r, enum reflect_end why)
{
    struct kube_stream_end cut = {.retry_after_ms = -1, .lasted_ms = 0};

    kube_stream_cancel(r->stream);
    r->stopped = true;
    r->why = why;
    on_end(r, &cut);
}

static void
on_guard(void *arg)
{
    struct reflector *r = arg;
    struct err e = ERR_INIT;
    int64_t again = 0;
    int end = guard_check(&r->guard, clock_mono_ms(), &again);

    r->guard_timer = 0;
    if (end == 0) {
        r->guard_timer = loop_timer(r->loop, again - clock_mono_ms(), on_guard, r, &e);
        return;
    }
    cut_stream(r, (enum reflect_end)end);
}

static void
arm_guard(struct reflector *r)
{
    struct err e = ERR_INIT;
    int64_t now = clock_mono_ms(), again = now;

    loop_timer_stop(r->loop, r->guard_timer);
    if (guard_check(&r->guard, now, &again) == 0)
        r->guard_timer = loop_timer(r->loop, again - now, on_guard, r, &e);
}

static void
on_open(void *arg)
{
    struct reflector *r = arg;

    r->guard.opened_ms = r->guard.last_ms = clock_mono_ms();
    if (r->start == START_FOLLOW)
        r->shelf->stale_since = 0;
    arm_guard(r);
}

static enum reflect_end
classify(const struct reflector *r, const struct kube_stream_end *end)
{
    if (r->stopped)
        return r->why;
    if (end->http_status >= 300 && !end->ambiguous)
        return reflector_end_of_status(r, &end->status);
    if (end->err.code == ERR_NONE)
        return END_CLEAN;
    return end->err.code == ERR_FORBIDDEN ? END_FORBIDDEN : END_BROKEN;
}

/* Health is said once per change. */
static void
see_health(struct reflector *r, enum reflect_end why, const struct err *e)
{
    const char *plural = reflector_plural(r);

    if (r->state.degraded && !r->was_degraded)
        log_warn(plural, "degraded: cannot watch %s: %s", plural,
                 e->code != ERR_NONE ? e->text : reflect_end_name(why));
    if (!r->state.degraded && r->was_degraded)
        log_info(plural, "watched again");
    r->was_degraded = r->state.degraded;
    if (r->state.missing && !r->state.synced)
        r->shelf->complete = true; /* no such API: there is nothing to list */
    if (r->shelf->watched->metadata_only && (r->state.degraded || why == END_ODD))
        r->shelf->complete = true; /* nobody waits for it */
}

static void
on_end(void *arg, const struct kube_stream_end *end)
{
    struct reflector *r = arg;
    int64_t now = clock_mono_ms();
    enum reflect_end why = classify(r, end);

    r->stream = NULL;
    loop_timer_stop(r->loop, r->guard_timer);
    r->guard_timer = 0;
    jsonframe_reset(&r->frame);
    bool later = r->token != NULL;
    if (why == END_CLEAN && r->start == START_PAGED_LIST && page_done(r, &why))
        return;
    reflector_drop_staging(r);
    const struct reflect_report report = {
        .end = why,
        .start =
            r->start == START_STREAM_LIST && !r->guard.initial ? START_FOLLOW : r->start,
        .lasted_ms = end->lasted_ms,
        .open_ms = r->guard.opened_ms != 0 ? now - r->guard.opened_ms : 0,
        .events = r->events,
        .retry_after_ms =
            r->retry_after_ms >= 0 ? r->retry_after_ms : end->retry_after_ms,
        .later_page = later,
    };
    struct reflect_plan plan = reflect_next(&r->state, &report, now, random_fraction());
    if (plan.delay_ms > 0 && r->shelf->stale_since == 0)
        r->shelf->stale_since = clock_wall_ms();
    const char *detail = r->stopped ? "" : end->err.text;
    if (why != END_LISTED && why != END_CLEAN && why != END_RENEWED)
        log_event(r->was_degraded ? LEVEL_DEBUG : LEVEL_INFO, reflector_plural(r),
                  "watch: %s%s%s; again in %lld ms", reflect_end_name(why),
                  *detail != '\0' ? ": " : "", detail, (long long)plan.delay_ms);
    if (r->hooks->restarted != NULL && why != END_LISTED)
        r->hooks->restarted(r->hooks->arg, r->shelf->watched, why);
    see_health(r, why, &end->err);
    begin(r, plan);
    r->hooks->settled(r->hooks->arg);
}

static void
add_param(struct kube_param *params, int *n, const char *name, const char *value)
{
    params[(*n)++] = (struct kube_param){name, value};
}

/* The parameters of one attempt. `timeout` and `limit` hold the texts of numbers. */
static void
fill_params(const struct reflector *r, struct kube_param *params, const char *timeout,
            const char *limit)
{
    bool paged = r->start == START_PAGED_LIST;
    const char *version = r->start == START_FOLLOW ? r->state.version : r->state.bound;
    int n = 0;

    if (r->shelf->watched->selector != NULL)
        add_param(params, &n, "labelSelector", r->shelf->watched->selector);
    if (paged) {
        if (!r->state.page_unlimited)
            add_param(params, &n, "limit", limit);
        if (r->token != NULL)
            add_param(params, &n, "continue", r->token);
    } else {
        add_param(params, &n, "watch", "true");
        add_param(params, &n, "allowWatchBookmarks", "true");
        add_param(params, &n, "timeoutSeconds", timeout);
    }
    if (r->start == START_STREAM_LIST)
        add_param(params, &n, "sendInitialEvents", "true");
    if (*version != '\0' && r->token == NULL)
        add_param(params, &n, "resourceVersion", version);
    if (r->start == START_STREAM_LIST || (paged && *version != '\0' && r->token == NULL))
        add_param(params, &n, "resourceVersionMatch", "NotOlderThan");
}

/* Prepares what the attempt fills. Returns -1 when memory ran out. */
static int
prepare(struct reflector *r)
{
    bool list = r->start != START_FOLLOW;

    r->stopped = false;
    r->retry_after_ms = -1;
    r->events = 0;
    r->frame = (struct jsonframe){.limit = LIMIT_OBJECT_BYTES + 1024};
    if (list && r->token == NULL) {
        reflector_drop_staging(r);
        r->staging = cache_new(r->shelf->watched);
        if (r->hooks->listing != NULL)
            r->hooks->listing(r->hooks->arg, r->shelf->watched);
    }
    if (r->start == START_PAGED_LIST) {
        wire_list_free(r->page);
        r->page = wire_list_new(r->shelf->watched->projection, reflector_on_item, r);
    }
    return (list && r->staging == NULL) ||
                   (r->start == START_PAGED_LIST && r->page == NULL)
               ? -1
               : 0;
}

static const char *
accepted(const struct reflector *r)
{
    if (!r->shelf->watched->metadata_only)
        return ACCEPT;
    return r->start == START_PAGED_LIST ? ACCEPT_METADATA_LIST : ACCEPT_METADATA;
}

static void
start_attempt(struct reflector *r)
{
    bool paged = r->start == START_PAGED_LIST;
    struct kube_param params[10] = {{NULL, NULL}};
    struct kube_stream_end failed = {.retry_after_ms = -1};
    char timeout[16], limit[16];
    int seconds = 300 + (int)(random_fraction() * 300);

    if (prepare(r) < 0)
        err_set(&failed.err, ERR_SYSTEM, "out of memory");
    snprintf(timeout, sizeof timeout, "%d", seconds);
    snprintf(limit, sizeof limit, "%u", r->page_items);
    fill_params(r, params, timeout, limit);
    const struct kube_stream_request q = {
        .req = {.verb = paged ? KUBE_LIST : KUBE_WATCH,
                .res = kube_res(r->shelf->watched->res),
                .params = params,
                .accept = accepted(r)},
        .on_data = paged ? reflector_on_page : reflector_on_watch,
        .on_open = on_open,
        .on_end = on_end,
        .arg = r,
        .total_ms = paged ? 60000 : 0,
    };
    r->guard = (struct guard){.deadline_ms = clock_mono_ms() + (seconds + 30) * 1000,
                              .initial = r->start == START_STREAM_LIST};
    if (failed.err.code == ERR_NONE)
        r->stream = kube_stream(r->kube, &q, &failed.err);
    if (r->stream == NULL)
        on_end(r, &failed);
    else if (!paged)
        arm_guard(r);
}

static void
on_start(void *arg)
{
    struct reflector *r = arg;

    r->start_timer = 0;
    start_attempt(r);
}

/* Never from the stack of the attempt before. */
static void
begin(struct reflector *r, struct reflect_plan plan)
{
    struct err e = ERR_INIT;

    r->start = plan.start;
    r->start_timer = loop_timer(r->loop, plan.delay_ms, on_start, r, &e);
    if (r->start_timer < 0)
        log_error(reflector_plural(r), "watch: %s", e.text);
}

/* ---- objects that left the selector ---- */

static void
on_relabel(void *arg, const struct object_id *id, const void *doc, size_t size, bool gone)
{
    struct reflector *r = arg;
    struct entry *e = cache_find(r->shelf->cache, id->ns, id->name);
    int order;

    if (e == NULL || strcmp(entry_uid(e), id->uid) != 0)
        return;
    if (kube_version_compare(entry_version(e), id->version, &order) && order > 0)
        return; /* the watch has shown something newer meanwhile */
    if (gone)
        reflector_take(r, e, id->version, false);
    else
        reflector_put(r, id, doc, size);
    r->hooks->settled(r->hooks->arg);
}

/* ---- life ---- */

struct reflector *
reflector_new(struct shelf *shelf, struct kube *kube, struct loop *loop,
              const struct reflector_hooks *hooks,
              const struct reflector_options *options, struct err *e)
{
    SCOPED(reflector) struct reflector *r = calloc(1, sizeof *r);

    if (r == NULL ||
        (r->relabel = relabel_new(kube, loop, shelf->watched, on_relabel, r)) == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    r->shelf = shelf;
    r->kube = kube;
    r->loop = loop;
    r->hooks = hooks;
    r->event = (struct wire_event)WIRE_EVENT_INIT;
    r->page_items =
        options->page_items != 0 ? options->page_items : LIMIT_LIST_PAGE_ITEMS;
    r->state.first_ms = options->backoff_first_ms;
    r->state.cap_ms = options->backoff_cap_ms;
    begin(r, reflect_begin(&r->state, clock_mono_ms()));
    return TAKE(r);
}

void
reflector_free(struct reflector *r)
{
    if (r == NULL)
        return;
    kube_stream_cancel(r->stream);
    loop_timer_stop(r->loop, r->start_timer);
    loop_timer_stop(r->loop, r->guard_timer);
    relabel_free(r->relabel);
    reflector_drop_staging(r);
    jsonframe_reset(&r->frame);
    buf_free(&r->event.doc);
    free(r);
}

void
reflector_renew(struct reflector *r)
{
    reflect_renew(&r->state);
    if (r->stream != NULL) {
        cut_stream(r, END_RENEWED);
        return;
    }
    loop_timer_stop(r->loop, r->start_timer);
    begin(r, reflect_begin(&r->state, clock_mono_ms()));
}

bool
reflector_renewing(const struct reflector *r)
{
    return reflect_renewing(&r->state);
}

bool
reflector_degraded(const struct reflector *r)
{
    return r->state.degraded;
}

void
reflector_unseen(struct reflector *r, const char *ns, const char *name, const char *uid,
                 const char *version)
{
    struct entry *e = cache_find(r->shelf->cache, ns, name);
    bool same = e != NULL && strcmp(entry_uid(e), uid) == 0;
    const char *seen = same ? entry_version(e) : r->state.version;
    bool follows = r->start == START_FOLLOW || !r->guard.initial;
    int order;

    if (r->stream == NULL || r->start == START_PAGED_LIST || !follows ||
        strcmp(seen, version) == 0 ||
        (kube_version_compare(seen, version, &order) && order > 0))
        return; /* it is known here, or the stream has just begun */
    log_warn(
        reflector_plural(r),
        "the server has version %s of %s/%s, the watch does not show it: starting it "
        "anew",
        version, ns, name);
    cut_stream(r, END_SILENT);
}

void
reflector_deleted(struct reflector *r, const char *ns, const char *name, const char *uid)
{
    struct entry *e = cache_find(r->shelf->cache, ns, name);

    if (e == NULL || strcmp(entry_uid(e), uid) != 0)
        return;
    e->deleted = true;
    relabel_deleted(r->relabel, uid);
}
