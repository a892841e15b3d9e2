/* agentmerge.c - see agentmerge.h. */
#include "reconciler/job/agentmerge.h"

#include <string.h>

#include "common/data/json.h"

static void
add_instructions(struct agentmerge *m, const char *text)
{
    if (text == NULL)
        return;
    if (m->agents_md.size > 0)
        buf_add_str(&m->agents_md, "\n\n");
    buf_add_str(&m->agents_md, text);
    m->config.agents_md = buf_str(&m->agents_md);
}

static void
add_plugins(struct agentmerge *m, const struct agentconfig_view *a)
{
    struct agentconfig_view *c = &m->config;
    struct plugin *all;

    if (a->n_plugins == 0)
        return;
    all = pool_alloc(&m->arena, (c->n_plugins + a->n_plugins) * sizeof *all);
    if (c->n_plugins > 0)
        memcpy(all, c->plugins, c->n_plugins * sizeof *all);
    memcpy(all + c->n_plugins, a->plugins, a->n_plugins * sizeof *all);
    c->plugins = all;
    c->n_plugins += a->n_plugins;
}

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
has_skill(const struct agentconfig_view *c, const struct skill_source *skill)
{
    for (size_t i = 0; i < c->n_skills; i++)
        if (same_text(c->skills[i].source, skill->source) &&
            same_text(c->skills[i].skill, skill->skill) &&
            same_text(c->skills[i].secret, skill->secret))
            return true;
    return false;
}

static void
add_skills(struct agentmerge *m, const struct agentconfig_view *a)
{
    struct agentconfig_view *c = &m->config;
    struct skill_source *all;

    if (a->n_skills == 0)
        return;
    all = pool_alloc(&m->arena, (c->n_skills + a->n_skills) * sizeof *all);
    if (c->n_skills > 0)
        memcpy(all, c->skills, c->n_skills * sizeof *all);
    c->skills = all;
    for (size_t i = 0; i < a->n_skills; i++)
        if (!has_skill(c, &a->skills[i]))
            c->skills[c->n_skills++] = a->skills[i];
}

static void
add_servers(struct agentmerge *m, const json_t *servers)
{
    if (json_array_size(servers) > 0 && m->config.mcp == NULL)
        m->config.mcp = json_array();
    for (size_t i = 0; i < json_array_size(servers); i++) {
        json_t *server = json_array_get(servers, i);
        const char *name = json_str_or(server, "name", "");
        size_t at = 0;
        while (at < json_array_size(m->config.mcp) &&
               strcmp(json_str_or(json_array_get(m->config.mcp, at), "name", ""), name) !=
                   0)
            at++;
        if (at < json_array_size(m->config.mcp))
            json_array_set(m->config.mcp, at, server);
        else
            json_array_append(m->config.mcp, server);
    }
}

void
agentmerge_add(struct agentmerge *m, const struct agentconfig_view *a)
{
    add_instructions(m, a->agents_md);
    add_plugins(m, a);
    add_skills(m, a);
    add_servers(m, a->mcp);
}

void
agentmerge_scoped_free(struct agentmerge *m)
{
    json_decref(m->config.mcp);
    pool_free(&m->arena);
    buf_free(&m->agents_md);
}
