/* source_jira.c - issues of a Jira project (when.jira). */
#include "spawner/source_jira.h"

#include <string.h>

#include "common/data/json.h"
#include "spawner/jirafields.h"
#include "spawner/jirasearch.h"

struct query {
    char *project;
    char *jql; /* whole */
};

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
jira_forget(struct group *g)
{
    jirasearch_free(g->state);
    g->state = NULL;
}

/* All members have the same query: each gets what it finds. */
static void
on_found(void *arg, const struct failure *f)
{
    struct group *g = arg;
    SCOPED(buf) struct buf warning = BUF_INIT;

    if (f == NULL)
        jirasearch_warning(g->state, &warning);
    for (size_t i = 0; f == NULL && i < g->n; i++) {
        struct items *copy = jirasearch_items(g->state);

        if (copy != NULL)
            source_items(g->members[i], &copy, "", 0, buf_str(&warning));
    }
    jirasearch_clear(g->state);
    source_done(g, f, 0);
}

static void
jira_poll(struct group *g)
{
    const struct query *q = g->members[0]->spec;
    struct failure f = {0};

    if (g->state == NULL && (g->state = jirasearch_new(g)) == NULL) {
        failure_set(&f, "Unavailable", "out of memory");
        source_done(g, &f, 0);
        return;
    }
    jirasearch_read(g->state, q->jql, on_found, g);
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
