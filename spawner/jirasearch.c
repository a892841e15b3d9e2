#include "spawner/jirasearch.h"

#include <stdint.h>
#include <string.h>

#include "common/base64.h"
#include "common/limits.h"
#include "spawner/fetch.h"
#include "spawner/jirafields.h"

#define FIELDS "summary,status,labels,comment,issuetype,description,reporter"

enum { PAGE_ITEMS = 100 };

/* Issues [at, to) of the search are still to be read. */
struct span {
    struct jirasearch *of;
    struct fetch *fetch; /* NULL: there is none under way */
    size_t at, to;
    bool begun;
};

struct jirasearch {
    struct group *group;
    bool old; /* the older endpoint; remembered */
    /* a read */
    const char *jql;
    struct items *set;                     /* in the order of the answers */
    size_t places[LIMIT_SOURCE_SET_ITEMS]; /* of its rows, in the search */
    struct span spans[LIMIT_SOURCE_PAGES];
    size_t n_spans, pages;
    size_t step;   /* issues of a page; 0: not known, or pages by token */
    int64_t total; /* of all */
    char *token;   /* of the next page; NULL: none */
    bool dry;      /* a page was empty: there is nothing behind it */
    bool truncated;
    jirasearch_fn *done;
    void *arg;
};

struct jirasearch *
jirasearch_new(struct group *g)
{
    struct jirasearch *s = calloc(1, sizeof(*s));

    if (s != NULL)
        s->group = g;
    return s;
}

static void
cancel(struct jirasearch *s)
{
    for (size_t i = 0; i < s->n_spans; i++) {
        fetch_cancel(s->spans[i].fetch);
        s->spans[i].fetch = NULL;
    }
}

void
jirasearch_clear(struct jirasearch *s)
{
    cancel(s);
    items_free(s->set);
    free(s->token);
    s->set = NULL;
    s->token = NULL;
    s->n_spans = s->pages = s->step = 0;
    s->total = 0;
    s->dry = s->truncated = false;
}

void
jirasearch_free(struct jirasearch *s)
{
    if (s == NULL)
        return;
    jirasearch_clear(s);
    free(s);
}

/* ---- requests ---- */

static void
add_authorization(struct buf *out, const struct source *src)
{
    SCOPED(buf) struct buf both = BUF_INIT;

    if (src->token == NULL)
        return;
    if (src->user == NULL) {
        buf_printf(out, "Authorization: Bearer %s", secret_reveal(src->token));
        return;
    }
    buf_printf(&both, "%s:%s", secret_reveal(src->user), secret_reveal(src->token));
    buf_add_str(out, "Authorization: Basic ");
    base64_encode(out, both.data, both.size);
    buf_wipe(&both);
}

static void
page_url(const struct jirasearch *s, size_t at, struct buf *url)
{
    buf_printf(url, "%s/rest/api/2/search%s?fields=", s->group->source->base,
               s->old ? "" : "/jql");
    http_escape(url, FIELDS);
    buf_add_str(url, "&jql=");
    http_escape(url, s->jql);
    buf_printf(url, "&maxResults=%d", PAGE_ITEMS);
    if (s->old)
        buf_printf(url, "&startAt=%zu", at);
    else if (s->token != NULL) {
        buf_add_str(url, "&nextPageToken=");
        http_escape(url, s->token);
    }
}

static void on_page(void *arg, const struct fetch_result *r);

static void
fail(struct jirasearch *s, const struct failure *f)
{
    cancel(s);
    s->done(s->arg, f);
}

/* False: it has failed, and the read is over. */
static bool
ask(struct span *c)
{
    struct jirasearch *s = c->of;
    SCOPED(buf) struct buf url = BUF_INIT;
    SCOPED(buf) struct buf authorization = BUF_INIT;
    const char *headers[3] = {"Accept: application/json", NULL, NULL};
    struct failure f = {0};
    struct err e = ERR_INIT;

    c->begun = true;
    page_url(s, c->at, &url);
    add_authorization(&authorization, s->group->source);
    if (authorization.size > 0)
        headers[1] = buf_str(&authorization);
    c->fetch = fetch_start(s->group, buf_str(&url), headers, on_page, c, &e);
    buf_wipe(&authorization);
    if (c->fetch != NULL)
        return true;
    failure_set(&f, "Refused", "Jira API: %s", e.text);
    fail(s, &f);
    return false;
}

/* ---- which pages ---- */

static struct span *
add_span(struct jirasearch *s, size_t from, size_t to)
{
    struct span *c = &s->spans[s->n_spans++];

    *c = (struct span){.of = s, .at = from, .to = to};
    return c;
}

/* Spans for what no span is for yet. */
static void
plan(struct jirasearch *s)
{
    while (s->step > 0 && !s->dry && s->n_spans < LIMIT_SOURCE_PAGES) {
        size_t from = s->spans[s->n_spans - 1].to, left;

        if (s->total <= (int64_t)from)
            return;
        left = (size_t)s->total - from;
        add_span(s, from, from + (left < s->step ? left : s->step));
    }
}

/* Asks for what is to be read, or ends the read. */
static void
pump(struct jirasearch *s)
{
    size_t under_way = 0;

    plan(s);
    for (size_t i = 0; i < s->n_spans; i++)
        under_way += s->spans[i].fetch != NULL;
    for (size_t i = 0; i < s->n_spans && under_way < LIMIT_SOURCE_CALLS; i++) {
        struct span *c = &s->spans[i];

        /* A page that is shorter than it should be leaves a rest. */
        if (c->fetch != NULL || c->at >= c->to || (s->dry && !c->begun))
            continue;
        if (s->pages + under_way >= LIMIT_SOURCE_PAGES) {
            s->truncated = true;
            break;
        }
        if (!ask(c))
            return;
        under_way++;
    }
    if (under_way > 0)
        return;
    if (s->step > 0 && !s->dry && s->total > (int64_t)s->spans[s->n_spans - 1].to)
        s->truncated = true;
    s->done(s->arg, NULL);
}

/* ---- answers ---- */

/* Takes the page's issues. -1 with *e set: it is none. */
static int
take_page(struct span *c, const struct fetch_result *r, struct jira_page *page,
          struct err *e)
{
    struct jirasearch *s = c->of;
    size_t before = s->set->n;

    if (jira_page(s->set, s->group->source->base, r->body, r->body_size, page, e) < 0)
        return -1;
    for (size_t i = before; i < s->set->n; i++)
        s->places[i] = c->at + (i - before);
    s->pages++;
    c->at += page->n;
    return 0;
}

/* What follows a page, by what it says. */
static void
go_on(struct span *c, struct jira_page *page)
{
    struct jirasearch *s = c->of;

    free(s->token);
    s->token = NULL;
    if (!s->old && page->token != NULL) {
        s->token = TAKE(page->token);
        c->to = SIZE_MAX;
        return;
    }
    free(page->token);
    /* A server that knows one endpoint only may answer for both. */
    s->old = s->old || page->total >= 0;
    if (page->n == 0) {
        s->dry = true;
        c->to = c->at;
    } else if (s->step == 0) {
        s->step = page->n;
        c->to = c->at;
    }
    if (page->total > s->total)
        s->total = page->total;
}

static void
on_page(void *arg, const struct fetch_result *r)
{
    struct span *c = arg;
    struct jirasearch *s = c->of;
    struct jira_page page;
    struct failure f = {0};
    struct err e = ERR_INIT;

    c->fetch = NULL;
    if (r->err.code == ERR_NONE && r->status == 404 && !s->old) {
        s->old = true;
        (void)ask(c);
        return;
    }
    if (r->err.code != ERR_NONE || r->status != 200) {
        fetch_failure(s->group->source, r, &f);
        fail(s, &f);
        return;
    }
    if (take_page(c, r, &page, &e) < 0) {
        failure_set(&f, e.code == ERR_LIMIT ? "TooLarge" : "Malformed", "Jira API: %s",
                    e.text);
        fail(s, &f);
        return;
    }
    go_on(c, &page);
    pump(s);
}

void
jirasearch_read(struct jirasearch *s, const char *jql, jirasearch_fn *done, void *arg)
{
    struct failure f = {0};

    jirasearch_clear(s);
    s->jql = jql;
    s->done = done;
    s->arg = arg;
    if ((s->set = items_new()) == NULL) {
        failure_set(&f, "Unavailable", "out of memory");
        done(arg, &f);
        return;
    }
    (void)ask(add_span(s, 0, SIZE_MAX));
}

/* ---- what was found ---- */

struct found {
    size_t place;
    const struct msg_item *row;
};

static int
by_place(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

static int
by_id(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int order = strcmp(x->row->id, y->row->id);

    return order != 0 ? order : by_place(a, b);
}

/* An issue that moves while the pages are read shows up on two of them: its first place counts.
 * Returns how many are left, in the order of the search. */
static size_t
only_once(struct found *all, size_t n)
{
    size_t kept = 0;

    qsort(all, n, sizeof(*all), by_id);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(all[i].row->id, all[kept - 1].row->id) != 0)
            all[kept++] = all[i];
    qsort(all, kept, sizeof(*all), by_place);
    return kept;
}

struct items *
jirasearch_items(const struct jirasearch *s)
{
    struct found *all = calloc(s->set->n + 1, sizeof(*all));
    struct items *out = items_new();

    if (all == NULL || out == NULL) {
        free(all);
        items_free(out);
        return NULL;
    }
    for (size_t i = 0; i < s->set->n; i++)
        all[i] = (struct found){s->places[i], &s->set->rows[i]};
    size_t n = only_once(all, s->set->n);
    for (size_t i = 0; i < n; i++)
        (void)items_add(out, all[i].row); /* it counts what does not fit */
    free(all);
    return out;
}

void
jirasearch_warning(const struct jirasearch *s, struct buf *out)
{
    if (s->truncated)
        buf_printf(out,
                   "more than %zu issues match (SOURCE_PAGES); the rest is not looked "
                   "at: narrow the JQL",
                   s->set->n);
    else if (s->set->left_out > 0)
        buf_printf(out, "%zu items do not fit (SOURCE_SET_BYTES, SOURCE_SET_ITEMS)",
                   s->set->left_out);
}
