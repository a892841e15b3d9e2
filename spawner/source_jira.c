/* source_jira.c - issues of a Jira project (when.jira).
 *
 * Asks the newer endpoint (/search/jql, pages by token); where that does not exist the older
 * one (/search, pages by number), going on behind what was read already. */
#include "spawner/source_jira.h"

#include <string.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "spawner/fetch.h"
#include "spawner/jirafields.h"

#define FIELDS "summary,status,labels,comment,issuetype,description,reporter"

enum { PAGE_ITEMS = 100 };

struct query {
    char *project;
    char *jql; /* whole */
};

struct jira_poll {
    struct group *group;
    struct fetch *fetch;
    struct items *set;
    size_t received; /* issues read so far */
    unsigned pages;
    bool old; /* the older endpoint; remembered */
    bool truncated;
    char *token; /* of the next page, newer endpoint */
};

/* ---- spawns ---- */

static void
jira_spec_free(void *spec)
{
    struct query *q = spec;

    free(q->project);
    free(q->jql);
    free(q);
}

static void *
jira_read(const struct spawn *s, const json_t *when, struct err *e)
{
    SCOPED(buf) struct buf jql = BUF_INIT;
    const char *project = NULL, *filter = "";
    struct query *q;

    (void)s;
    if (json_get_str(when, "jira.project", &project, e) < 0 ||
        json_opt_str(when, "jira.jql", &filter, e) < 0)
        return NULL;
    if (*project == '\0') {
        err_set(e, ERR_INVALID, "jira.project: is empty");
        return NULL;
    }
    if (jira_jql(project, filter, &jql) < 0 || (q = calloc(1, sizeof(*q))) == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    q->project = strdup(project);
    q->jql = buf_take(&jql);
    return q;
}

/* Spawns with one query share it. */
static int
jira_group_key(const struct source *src, const struct spawn *s, struct buf *out)
{
    (void)src;
    return buf_add_str(out, ((const struct query *)s->spec)->jql);
}

static void
poll_clear(struct jira_poll *p)
{
    items_free(p->set);
    free(p->token);
    p->set = NULL;
    p->token = NULL;
    p->received = p->pages = 0;
    p->truncated = false;
}

static void
jira_forget(struct group *g)
{
    struct jira_poll *p = g->state;

    if (p == NULL)
        return;
    fetch_cancel(p->fetch);
    poll_clear(p);
    free(p);
    g->state = NULL;
}

/* ---- requests ---- */

static void
add_base64(struct buf *out, const char *bytes, size_t size)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < size; i += 3) {
        unsigned v = (unsigned)(unsigned char)bytes[i] << 16;

        if (i + 1 < size)
            v |= (unsigned)(unsigned char)bytes[i + 1] << 8;
        if (i + 2 < size)
            v |= (unsigned char)bytes[i + 2];
        buf_add_char(out, digits[v >> 18]);
        buf_add_char(out, digits[v >> 12 & 63]);
        buf_add_char(out, i + 1 < size ? digits[v >> 6 & 63] : '=');
        buf_add_char(out, i + 2 < size ? digits[v & 63] : '=');
    }
}

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
    add_base64(out, both.data, both.size);
    buf_wipe(&both);
}

static void
page_url(const struct jira_poll *p, struct buf *url)
{
    const struct query *q = p->group->members[0]->spec;

    buf_printf(url, "%s/rest/api/2/search%s?fields=", p->group->source->base,
               p->old ? "" : "/jql");
    http_escape(url, FIELDS);
    buf_add_str(url, "&jql=");
    http_escape(url, q->jql);
    buf_printf(url, "&maxResults=%d", PAGE_ITEMS);
    if (p->old)
        buf_printf(url, "&startAt=%zu", p->received);
    else if (p->token != NULL) {
        buf_add_str(url, "&nextPageToken=");
        http_escape(url, p->token);
    }
}

static void on_page(void *arg, const struct fetch_result *r);

static void
fail(struct jira_poll *p, const struct failure *f)
{
    poll_clear(p);
    source_done(p->group, f, 0);
}

static void
ask(struct jira_poll *p)
{
    SCOPED(buf) struct buf url = BUF_INIT;
    SCOPED(buf) struct buf authorization = BUF_INIT;
    const char *headers[3] = {"Accept: application/json", NULL, NULL};
    struct failure f = {0};
    struct err e = ERR_INIT;

    page_url(p, &url);
    add_authorization(&authorization, p->group->source);
    if (authorization.size > 0)
        headers[1] = buf_str(&authorization);
    p->fetch = fetch_start(p->group, buf_str(&url), headers, on_page, p, &e);
    buf_wipe(&authorization);
    if (p->fetch == NULL) {
        failure_set(&f, "Refused", "Jira API: %s", e.text);
        fail(p, &f);
    }
}

/* ---- answers ---- */

/* Reads a page. Returns 1 when more follow, 0 at the end, -1 with *e set. */
static int
take_page(struct jira_poll *p, const struct fetch_result *r, struct err *e)
{
    struct jira_page page;

    if (jira_page(p->set, p->group->source->base, r->body, r->body_size, p->old,
                  p->received, &page, e) < 0)
        return -1;
    p->received += page.n;
    p->pages++;
    free(p->token);
    p->token = page.token;
    return page.more;
}

static void
finish(struct jira_poll *p)
{
    struct group *g = p->group;
    SCOPED(buf) struct buf warning = BUF_INIT;

    if (p->truncated)
        buf_printf(&warning,
                   "more than %d issues match (SOURCE_PAGES); the rest is not looked at: "
                   "narrow the JQL",
                   LIMIT_SOURCE_PAGES * PAGE_ITEMS);
    else if (p->set->left_out > 0)
        buf_printf(&warning, "%zu items do not fit (SOURCE_SET_BYTES, SOURCE_SET_ITEMS)",
                   p->set->left_out);
    for (size_t i = 0; i < g->n; i++) {
        struct items *copy = items_new();

        for (size_t k = 0; copy != NULL && k < p->set->n; k++)
            (void)items_add(copy, &p->set->rows[k]);
        if (copy != NULL)
            source_items(g->members[i], &copy, "", 0, buf_str(&warning));
    }
    poll_clear(p);
    source_done(g, NULL, 0);
}

static void
on_page(void *arg, const struct fetch_result *r)
{
    struct jira_poll *p = arg;
    struct failure f = {0};
    struct err e = ERR_INIT;
    int more;

    p->fetch = NULL;
    if (r->err.code == ERR_NONE && r->status == 404 && !p->old) {
        p->old = true;
        ask(p);
        return;
    }
    if (r->err.code != ERR_NONE || r->status != 200) {
        fetch_failure(p->group->source, r, &f);
        fail(p, &f);
        return;
    }
    if ((more = take_page(p, r, &e)) < 0) {
        failure_set(&f, e.code == ERR_LIMIT ? "TooLarge" : "Malformed", "Jira API: %s",
                    e.text);
        fail(p, &f);
        return;
    }
    p->truncated = more > 0 && p->pages >= LIMIT_SOURCE_PAGES;
    if (more > 0 && !p->truncated)
        ask(p);
    else
        finish(p);
}

static void
jira_poll(struct group *g)
{
    struct jira_poll *p = g->state;
    struct failure f = {0};

    if (p == NULL && (p = g->state = calloc(1, sizeof(*p))) != NULL)
        p->group = g;
    if (p == NULL || (p->set = items_new()) == NULL) {
        failure_set(&f, "Unavailable", "out of memory");
        source_done(g, &f, 0);
        return;
    }
    ask(p);
}

const struct source_type source_jira = {
    .name = "jira",
    .who = "Jira",
    .default_base = "",
    .read = jira_read,
    .spec_free = jira_spec_free,
    .group_key = jira_group_key,
    .poll = jira_poll,
    .forget = jira_forget,
};
