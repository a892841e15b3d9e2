/* ghgroup.c - see ghpoll.h: spawns on one repository that share its listing. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "spawner/ghpoll.h"

static void
add_lower(struct buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        buf_add_char(out, (char)tolower((unsigned char)*p));
}

bool
gh_is_wide(const struct source *src, const char *key)
{
    for (size_t i = 0; i < src->n_wide; i++)
        if (strcmp(src->wide[i], key) == 0)
            return true;
    return false;
}

int
gh_group_key(const struct source *src, const struct spawn *s, struct buf *out)
{
    const struct ghfilter *f = s->spec;
    const struct ghquery all = {true, true, true};

    add_lower(out, s->owner);
    buf_add_char(out, '/');
    add_lower(out, s->repo);
    buf_printf(out, " %s%s", f->pull_source ? "pulls " : "", f->state);
    if (gh_is_wide(src, buf_str(out))) {
        buf_add_char(out, ' ');
        ghfilter_query(f, all, out);
    }
    return out->failed ? -1 : 0;
}

static bool
same_texts(const struct texts *a, const struct texts *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

/* The server takes a list with commas: a label that holds one is looked for here. */
static bool
can_be_listed(const struct texts *labels)
{
    for (size_t i = 0; i < labels->n; i++)
        if (strchr(labels->items[i], ',') != NULL)
            return false;
    return true;
}

/* What all members want alike is left to the server. */
void
gh_choose_query(struct repo_poll *p)
{
    const struct ghfilter *first = p->group->members[0]->spec;

    p->merged = false;
    /* What a rule excludes is wanted in a simulation, too. */
    if (p->group->source->explain != NULL || first->pull_source) {
        p->query = (struct ghquery){false, false, false};
        return;
    }
    p->query = (struct ghquery){can_be_listed(&first->labels), true, true};
    for (size_t i = 1; i < p->group->n; i++) {
        const struct ghfilter *f = p->group->members[i]->spec;

        p->query.labels &= same_texts(&first->labels, &f->labels);
        p->query.assignee &= strcmp(first->assignee, f->assignee) == 0;
        p->query.author &= strcmp(first->author, f->author) == 0;
    }
    p->merged = !p->query.labels || !p->query.assignee || !p->query.author;
}

static size_t
put_commands(const struct ghfilter *f, const char **out)
{
    const struct texts *const lists[] = {&f->exclude_comments, &f->policy.exclude};
    const char *const triggers[] = {f->trigger, f->policy.trigger};
    size_t n = 0;

    for (size_t i = 0; i < 2; i++) {
        if (*triggers[i] != '\0')
            out[n++] = triggers[i];
        for (size_t k = 0; k < lists[i]->n; k++)
            out[n++] = lists[i]->items[k];
    }
    return n;
}

int
gh_collect_commands(struct repo_poll *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->group->n; i++) {
        const struct ghfilter *f = p->group->members[i]->spec;

        n += 2 + f->exclude_comments.n + f->policy.exclude.n;
    }
    free(p->commands);
    if ((p->commands = calloc(n + 1, sizeof(*p->commands))) == NULL)
        return -1;
    n = 0;
    for (size_t i = 0; i < p->group->n; i++)
        n += put_commands(p->group->members[i]->spec, p->commands + n);
    return 0;
}

void
gh_forget(struct group *g)
{
    struct repo_poll *p = g->state;

    if (p == NULL)
        return;
    ghlisting_free(p->listing);
    ghdetails_free(p->details);
    ghaccess_free(p->access);
    json_decref(p->candidates);
    free(p->commands);
    free(p);
    g->state = NULL;
}

static bool
are_among(const char **these, const char **those)
{
    for (; *these != NULL; these++) {
        const char **one = those;
        while (*one != NULL && strcmp(*one, *these) != 0)
            one++;
        if (*one == NULL)
            return false;
    }
    return true;
}

void
gh_changed(struct group *g)
{
    struct repo_poll *p = g->state;

    if (p == NULL)
        return;
    /* What is held was cut down to the commands of the old members. */
    const char **old = p->commands;
    p->commands = NULL;
    if (old == NULL || gh_collect_commands(p) < 0 || !are_among(p->commands, old))
        ghdetails_forget(p->details);
    free(old);
}

bool
gh_is_pulls(const struct group *g)
{
    return ((const struct ghfilter *)g->members[0]->spec)->pull_source;
}

struct repo_poll *
gh_poll_of(struct group *g)
{
    struct repo_poll *p = g->state;

    if (p == NULL && (p = calloc(1, sizeof(*p))) != NULL) {
        p->group = g;
        p->listing = ghlisting_new(g, gh_is_pulls(g) ? "pull requests" : "issues");
        p->details = ghdetails_new(g);
        p->access = ghaccess_new(g);
        g->state = p;
        if (p->listing == NULL || p->details == NULL || p->access == NULL)
            gh_forget(g);
    }
    return g->state;
}
