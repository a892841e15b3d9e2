/* reflect.c - see reflect.h. */
#include "watcher/reflect.h"

#include <stdio.h>
#include <string.h>

enum {
    FIRST_MS = 800,
    CAP_MS = 30000,
    HEALTHY_MS = 120000, /* of health forget earlier failures */
    STEADY_MS = 5000,    /* open: a stream that breaks then is no failure in a row */
    BACK_AGAIN = 2,      /* failures that count when a server is back: 3.2 s */
    WAITED_MS = 4000,    /* the cap of a list that somebody waits for */
    LIST_MS = 30000,     /* since the last list: the next one need not wait */
    SHORT_MS = 1000,     /* a clean end before it is suspicious */
    SERVER_PATIENCE_MS = 60000, /* of 500s before listing again */
    BEHIND_MS = 1000,
    BEHIND_TRIES = 10,
    FALLBACK_MS = 600000,
    NO_EVENT_MS = 10000, /* of a streaming list: an old server ignores the wish */
    BOOKMARK_MS = 180000,
};

const char *
reflect_end_name(enum reflect_end end)
{
    static const char *const names[REFLECT_ENDS] = {
        [END_CLEAN] = "ended by the server",
        [END_BROKEN] = "connection broken",
        [END_BUSY] = "too many requests",
        [END_EXPIRED] = "version expired",
        [END_SERVER] = "server error",
        [END_ODD] = "unexpected error",
        [END_BEHIND] = "server is behind",
        [END_UNAUTHORIZED] = "unauthorized",
        [END_FORBIDDEN] = "forbidden",
        [END_MISSING] = "no such API",
        [END_UNSUPPORTED] = "no streaming list",
        [END_OVERSIZE] = "over a limit",
        [END_BACKWARD] = "version went backwards",
        [END_SILENT] = "silent too long",
        [END_RENEWED] = "asked for anew",
        [END_LISTED] = "listed",
    };
    return names[end];
}

/* ---- planning ---- */

static enum reflect_start
list_start(const struct reflect *r, int64_t now_ms)
{
    if (r->page_unlimited || (r->fallback_ms != 0 && now_ms < r->fallback_ms))
        return START_PAGED_LIST;
    return START_STREAM_LIST;
}

static enum reflect_start
next_start(const struct reflect *r, int64_t now_ms)
{
    return r->synced && !r->must_list ? START_FOLLOW : list_start(r, now_ms);
}

/* 800 ms, doubled, at most 30 s (4 s while somebody waits), times 1 .. 2. */
static int64_t
back_off(struct reflect *r, double random)
{
    int64_t first = r->first_ms > 0 ? r->first_ms : FIRST_MS;
    int64_t cap = r->cap_ms > 0 ? r->cap_ms : CAP_MS;
    int64_t ms = r->attempts < 16 ? first << r->attempts : cap;

    r->attempts++;
    if (r->waited_for && cap > WAITED_MS)
        cap = WAITED_MS;
    if (ms > cap)
        ms = cap;
    return ms + (int64_t)((double)ms * random);
}

struct reflect_plan
reflect_begin(struct reflect *r, int64_t now_ms)
{
    return (struct reflect_plan){next_start(r, now_ms), 0};
}

/* The version cannot be followed any more: list, but not what is older than it. Where that was
 * tried in vain, ask for the newest state. */
static void
list_again(struct reflect *r, const struct reflect_report *report)
{
    bool bound_failed = report->start != START_FOLLOW && r->bound[0] != '\0';

    r->must_list = true;
    if (bound_failed)
        r->bound[0] = '\0';
    else if (report->start == START_FOLLOW)
        snprintf(r->bound, sizeof r->bound, "%s", r->version);
}

static int64_t
on_clean(struct reflect *r, const struct reflect_report *p, double random)
{
    bool well = p->start == START_FOLLOW && (p->lasted_ms >= SHORT_MS || p->events > 0);
    return well ? 0 : back_off(r, random);
}

static int64_t
on_expired(struct reflect *r, const struct reflect_report *p, int64_t now_ms,
           double random)
{
    bool first = r->attempts == 0 ||
                 (p->start == START_FOLLOW && now_ms - r->listed_ms >= LIST_MS);

    if (p->later_page)
        r->page_unlimited = true; /* the same list once more, in one piece */
    else
        list_again(r, p);
    int64_t delay = back_off(r, random);
    return first ? 0 : delay;
}

static int64_t
on_server(struct reflect *r, const struct reflect_report *p, int64_t now_ms,
          double random)
{
    if (r->server_ms == 0)
        r->server_ms = now_ms;
    else if (now_ms - r->server_ms >= SERVER_PATIENCE_MS && p->start == START_FOLLOW)
        list_again(r, p);
    return back_off(r, random);
}

static int64_t
on_behind(struct reflect *r)
{
    if (++r->behind > BEHIND_TRIES) {
        r->must_list = true;
        r->bound[0] = '\0';
        r->behind = 0;
    }
    return BEHIND_MS;
}

static int64_t
on_oversize(struct reflect *r, const struct reflect_report *p, int64_t now_ms,
            double random)
{
    if (++r->oversize > 1)
        r->degraded = true;
    list_again(r, p);
    r->fallback_ms = now_ms + FALLBACK_MS; /* pages can be made smaller */
    return back_off(r, random);
}

/* Failures that do not count any more: load balancers cut streams, and what was followed or
 * listed meanwhile was no failure; a server that answers again is not one that was away. A
 * version that expires at once, again and again, counts. */
static void
forgive(struct reflect *r, const struct reflect_report *p)
{
    bool cut = p->end == END_BROKEN || p->end == END_BUSY || p->end == END_SERVER;
    bool steady = p->start == START_FOLLOW && p->open_ms >= STEADY_MS;
    bool followed = p->start == START_FOLLOW && p->events > 0;
    bool away = p->end == END_BROKEN && p->open_ms == 0;

    if ((cut && (steady || followed)) || (p->end == END_EXPIRED && steady))
        r->attempts = 0;
    if (r->away && !away && r->attempts > BACK_AGAIN)
        r->attempts = BACK_AGAIN;
    r->away = away;
}

struct reflect_plan
reflect_next(struct reflect *r, const struct reflect_report *p, int64_t now_ms,
             double random)
{
    int64_t delay = 0;

    if (r->healthy_ms != 0 && now_ms - r->healthy_ms >= HEALTHY_MS)
        r->attempts = r->oversize = 0;
    forgive(r, p);
    r->healthy_ms = 0;
    if (p->end != END_SERVER)
        r->server_ms = 0;
    if (p->end != END_BEHIND)
        r->behind = 0;
    r->missing = p->end == END_MISSING;
    if (r->missing)
        r->waited_for = false; /* there is nothing to list */
    if (p->end != END_OVERSIZE && p->end != END_CLEAN && p->end != END_BROKEN)
        r->degraded = p->end == END_FORBIDDEN || p->end == END_MISSING ||
                      p->end == END_UNAUTHORIZED;
    switch (p->end) {
    case END_CLEAN:
        delay = on_clean(r, p, random);
        break;
    case END_BUSY:
        delay = back_off(r, random);
        if (p->retry_after_ms > delay)
            delay = p->retry_after_ms;
        break;
    case END_EXPIRED:
        delay = on_expired(r, p, now_ms, random);
        break;
    case END_SERVER:
        delay = on_server(r, p, now_ms, random);
        break;
    case END_ODD:
    case END_BACKWARD:
        list_again(r, p);
        delay = back_off(r, random);
        break;
    case END_BEHIND:
        delay = on_behind(r);
        break;
    case END_UNSUPPORTED:
        r->fallback_ms = now_ms + FALLBACK_MS;
        break;
    case END_OVERSIZE:
        delay = on_oversize(r, p, now_ms, random);
        break;
    case END_BROKEN:
    case END_UNAUTHORIZED:
    case END_FORBIDDEN:
    case END_MISSING:
    case END_SILENT:
        delay = back_off(r, random);
        break;
    case END_RENEWED:
    case END_LISTED:
    case REFLECT_ENDS:
        break;
    }
    return (struct reflect_plan){next_start(r, now_ms), delay};
}

void
reflect_renew(struct reflect *r)
{
    r->must_list = r->waited_for = true;
    r->missing = false;
    r->bound[0] = '\0';
    r->attempts = 0;
}

/* An API that is not there has nothing to list. */
bool
reflect_renewing(const struct reflect *r)
{
    return (r->must_list || !r->synced) && !r->missing;
}

void
reflect_listed(struct reflect *r, const char *version, int64_t now_ms)
{
    snprintf(r->version, sizeof r->version, "%s", version);
    r->bound[0] = '\0';
    r->synced = true;
    r->must_list = r->waited_for = r->page_unlimited = false;
    r->degraded = r->missing = false;
    r->behind = 0;
    r->server_ms = 0;
    r->healthy_ms = r->listed_ms = now_ms;
}

void
reflect_advance(struct reflect *r, const char *version, int64_t now_ms)
{
    if (*version != '\0')
        snprintf(r->version, sizeof r->version, "%s", version);
    r->degraded = r->missing = false;
    r->server_ms = 0;
    r->behind = 0;
    if (r->healthy_ms == 0)
        r->healthy_ms = now_ms;
}

/* ---- guards ---- */

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int
guard_check(const struct guard *g, int64_t now_ms, int64_t *again_ms)
{
    int64_t due = g->deadline_ms;

    if (now_ms >= g->deadline_ms)
        return END_SILENT;
    if (g->opened_ms != 0 && g->initial && g->events == 0) {
        if (now_ms - g->opened_ms >= NO_EVENT_MS)
            return END_UNSUPPORTED;
        due = earlier(due, g->opened_ms + NO_EVENT_MS);
    }
    if (g->bookmark_seen) {
        if (now_ms - g->last_ms >= BOOKMARK_MS)
            return END_SILENT;
        due = earlier(due, g->last_ms + BOOKMARK_MS);
    }
    *again_ms = due;
    return 0;
}
