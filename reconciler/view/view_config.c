/* view_config.c - the fields of Workspaces and AgentConfigs. */
#include "reconciler/view/view.h"

/* Reads a list of objects with two texts each; `second` may be absent when it is optional. */
static int
read_pairs(struct view *v, const json_t *list, const char *what, const char *first,
           const char *second, struct named_text **out, size_t *n, struct err *e)
{
    *n = json_array_size(list);
    *out = *n > 0 ? pool_alloc(&v->arena, *n * sizeof **out) : NULL;
    for (size_t i = 0; i < *n; i++) {
        const json_t *item = json_array_get(list, i);
        const char *name = NULL, *content = NULL;
        if (json_get_str(item, first, &name, e) < 0 ||
            json_get_str(item, second, &content, e) < 0)
            return err_wrap(e, "%s[%zu]", what, i);
        (*out)[i] =
            (struct named_text){pool_str(&v->arena, name), pool_str(&v->arena, content)};
    }
    return 0;
}

static int
read_setup(struct workspace_view *w, const json_t *object, struct err *e)
{
    struct texts words;
    json_t *list = NULL;

    if (view_texts(&w->view, object, "spec.setupCommand", false, &words, e) < 0 ||
        json_opt_arr(object, "spec.setupCommand", &list, e) < 0)
        return -1;
    if (words.n > 0) {
        SCOPED(string) char *text = json_dump_canonical(list);
        w->setup = pool_str(&w->view.arena, text);
    }
    return 0;
}

int
workspace_view_read(struct view *v, const json_t *object, struct err *e)
{
    struct workspace_view *w = (struct workspace_view *)v;
    struct named_text *remotes = NULL;
    const char *repo = NULL;
    json_t *list = NULL, *files = NULL;

    w->depth = 1;
    if (json_get_str(object, "spec.repo", &repo, e) < 0 ||
        view_opt(v, object, "spec.ref", &w->ref, e) < 0 ||
        view_opt(v, object, "spec.secretRef.name", &w->secret, e) < 0 ||
        read_setup(w, object, e) < 0 ||
        json_opt_int(object, "spec.cloneDepth", &w->depth, e) < 0 ||
        json_opt_arr(object, "spec.remotes", &list, e) < 0 ||
        json_opt_arr(object, "spec.files", &files, e) < 0 ||
        read_pairs(v, list, "spec.remotes", "name", "url", &remotes, &w->n_remotes, e) <
            0 ||
        read_pairs(v, files, "spec.files", "path", "content", &w->files, &w->n_files, e) <
            0)
        return -1;
    if (w->depth < 0 || w->depth > INT32_MAX)
        return err_set(e, ERR_INVALID,
                       "spec.cloneDepth: %lld is not within 0 and 2147483647",
                       (long long)w->depth);
    w->repo = pool_str(&v->arena, repo);
    if (w->n_remotes > 0)
        w->remotes = pool_alloc(&v->arena, w->n_remotes * sizeof *w->remotes);
    for (size_t i = 0; i < w->n_remotes; i++)
        w->remotes[i] = (struct workspace_remote){remotes[i].name, remotes[i].content};
    return 0;
}

static int
read_plugin_skills(struct view *v, const json_t *list, struct plugin *p, struct err *e)
{
    struct named_text *texts;

    if (read_pairs(v, list, "skills", "name", "content", &texts, &p->n_skills, e) < 0)
        return -1;
    p->skills =
        p->n_skills > 0 ? pool_alloc(&v->arena, p->n_skills * sizeof *p->skills) : NULL;
    for (size_t i = 0; i < p->n_skills; i++) {
        struct plugin_skill *s = &p->skills[i];
        json_t *files = NULL;
        *s = (struct plugin_skill){.name = texts[i].name, .content = texts[i].content};
        if (json_opt_arr(json_array_get(list, i), "files", &files, e) < 0 ||
            read_pairs(v, files, "files", "path", "content", &s->files, &s->n_files, e) <
                0)
            return err_wrap(e, "skills[%zu]", i);
    }
    return 0;
}

static int
read_plugins(struct agentconfig_view *a, const json_t *list, struct err *e)
{
    struct view *v = &a->view;

    a->n_plugins = json_array_size(list);
    if (a->n_plugins > 0)
        a->plugins = pool_alloc(&v->arena, a->n_plugins * sizeof *a->plugins);
    for (size_t i = 0; i < a->n_plugins; i++) {
        const json_t *item = json_array_get(list, i);
        struct plugin *p = &a->plugins[i];
        const char *name = NULL;
        json_t *skills = NULL, *agents = NULL;
        if (json_get_str(item, "name", &name, e) < 0 ||
            json_opt_arr(item, "skills", &skills, e) < 0 ||
            json_opt_arr(item, "agents", &agents, e) < 0 ||
            read_plugin_skills(v, skills, p, e) < 0 ||
            read_pairs(v, agents, "agents", "name", "content", &p->agents, &p->n_agents,
                       e) < 0)
            return err_wrap(e, "spec.plugins[%zu]", i);
        p->name = pool_str(&v->arena, name);
    }
    return 0;
}

static int
read_skills(struct agentconfig_view *a, const json_t *list, struct err *e)
{
    struct view *v = &a->view;

    a->n_skills = json_array_size(list);
    if (a->n_skills > 0)
        a->skills = pool_alloc(&v->arena, a->n_skills * sizeof *a->skills);
    for (size_t i = 0; i < a->n_skills; i++) {
        const json_t *item = json_array_get(list, i);
        a->skills[i].source = pool_str(&v->arena, json_str_or(item, "source", ""));
        if (view_opt(v, item, "skill", &a->skills[i].skill, e) < 0 ||
            view_opt(v, item, "secretRef.name", &a->skills[i].secret, e) < 0)
            return err_wrap(e, "spec.skills[%zu]", i);
    }
    return 0;
}

static void
add_secret(struct agentconfig_view *a, const char *name)
{
    if (name != NULL && *name != '\0')
        a->secrets.at[a->secrets.n++] = pool_str(&a->view.arena, name);
}

/* Of wrong shapes nothing is taken here: who uses the servers says what is wrong. */
static void
read_secrets(struct agentconfig_view *a)
{
    size_t i, k, room = a->n_skills;
    json_t *server, *entry;

    json_array_foreach(a->mcp, i, server) room +=
        2 + json_array_size(json_object_get(server, "envValueFrom"));
    if (room == 0)
        return;
    a->secrets.at = pool_alloc(&a->view.arena, room * sizeof *a->secrets.at);
    for (i = 0; i < a->n_skills; i++)
        add_secret(a, a->skills[i].secret);
    json_array_foreach(a->mcp, i, server)
    {
        add_secret(a, json_str_or(server, "headersFrom.secretRef.name", NULL));
        add_secret(a, json_str_or(server, "envFrom.secretRef.name", NULL));
        json_array_foreach(json_object_get(server, "envValueFrom"), k, entry)
            add_secret(a, json_str_or(entry, "valueFrom.secretKeyRef.name", NULL));
    }
}

int
agentconfig_view_read(struct view *v, const json_t *object, struct err *e)
{
    struct agentconfig_view *a = (struct agentconfig_view *)v;
    json_t *plugins = NULL, *skills = NULL, *mcp = NULL;

    if (view_opt(v, object, "spec.agentsMD", &a->agents_md, e) < 0 ||
        json_opt_arr(object, "spec.plugins", &plugins, e) < 0 ||
        json_opt_arr(object, "spec.skills", &skills, e) < 0 ||
        json_opt_arr(object, "spec.mcpServers", &mcp, e) < 0 ||
        read_plugins(a, plugins, e) < 0 || read_skills(a, skills, e) < 0)
        return -1;
    a->mcp = json_array_size(mcp) > 0 ? json_incref(mcp) : NULL;
    read_secrets(a);
    return 0;
}

/* Nothing of it is shown but that it is there, and which version. */
int
secret_view_read(struct view *v, const json_t *object, struct err *e)
{
    (void)v;
    (void)object;
    (void)e;
    return 0;
}
