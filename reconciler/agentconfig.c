/* agentconfig.c - an AgentConfig's part of the Pod: instructions, plugins, skills, MCP. */
#include <string.h>

#include "reconciler/gitscript.h"
#include "reconciler/job.h"

#define PLUGIN_DIR "/kelos/plugin"

int
component_check(const char *what, const char *name, struct err *e)
{
    if (*name == '\0')
        return err_set(e, ERR_INVALID, "%s name is empty", what);
    if (strpbrk(name, "/\\") != NULL)
        return err_set(e, ERR_INVALID, "%s name \"%s\" contains path separators", what,
                       name);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return err_set(e, ERR_INVALID, "%s name \"%s\" is a path traversal", what, name);
    return 0;
}

/* The ConfigMap of plugin contents while it is filled. */
struct plugin_map {
    json_t *data, *items;
    size_t bytes;
};

/* A file that comes again replaces the earlier one: of two plugins of one name the later wins. */
static void
drop_path(struct plugin_map *m, const char *path)
{
    for (size_t i = 0; i < json_array_size(m->items); i++) {
        const json_t *item = json_array_get(m->items, i);
        if (strcmp(json_str_or(item, "path", ""), path) != 0)
            continue;
        json_object_del(m->data, json_str_or(item, "key", ""));
        json_array_remove(m->items, i);
        return;
    }
}

static int
add_text(struct plugin_map *m, const char *what, const struct named_text *t,
         const char *key, const char *format, const char *plugin, struct err *e)
{
    SCOPED(buf) struct buf path = BUF_INIT;
    const char *gap = strstr(format, "%s");

    if (component_check(what, t->name, e) < 0)
        return -1;
    buf_printf(&path, "%s/%.*s%s%s", plugin, (int)(gap - format), format, t->name,
               gap + 2);
    drop_path(m, buf_str(&path));
    json_object_set_new(m->data, key, json_string(t->content));
    json_array_append_new(m->items,
                          json_pack("{s:s,s:s}", "key", key, "path", buf_str(&path)));
    m->bytes += strlen(t->content);
    return 0;
}

static int
fill_plugins(struct plugin_map *m, const struct agentconfig_view *a, struct err *e)
{
    char key[64];

    for (size_t i = 0; i < a->n_plugins; i++) {
        const struct plugin *p = &a->plugins[i];
        if (component_check("plugin", p->name, e) < 0)
            return -1;
        if (strcmp(p->name, "skills-sh") == 0 && a->n_skills > 0)
            return err_set(e, ERR_INVALID,
                           "plugin name \"skills-sh\" is reserved for skills.sh "
                           "packages when spec.skills is set");
        for (size_t j = 0; j < p->n_skills; j++) {
            snprintf(key, sizeof key, "p%zu-s%zu", i, j);
            if (add_text(m, "skill", &p->skills[j], key, "skills/%s/SKILL.md", p->name,
                         e) < 0)
                return -1;
        }
        for (size_t j = 0; j < p->n_agents; j++) {
            snprintf(key, sizeof key, "p%zu-a%zu", i, j);
            if (add_text(m, "agent", &p->agents[j], key, "agents/%s.md", p->name, e) < 0)
                return -1;
        }
    }
    if (m->bytes > JOB_PLUGIN_BYTES)
        return err_set(
            e, ERR_INVALID,
            "plugin content totals %zu bytes, exceeding the %d byte ConfigMap budget",
            m->bytes, JOB_PLUGIN_BYTES);
    return 0;
}

static int
add_plugins(struct pod_parts *p, struct err *e)
{
    const struct agentconfig_view *a = p->wish->agent_config;
    struct plugin_map m = {json_object(), json_array(), 0};
    char name[300];

    if (fill_plugins(&m, a, e) < 0) {
        json_decref(m.data);
        json_decref(m.items);
        return err_wrap(e, "invalid plugin configuration");
    }
    snprintf(name, sizeof name, "%s-plugins", p->wish->task->view.meta.name);
    json_array_append_new(p->config_maps,
                          json_pack("{s:s,s:s,s:o,s:o}", "apiVersion", "v1", "kind",
                                    "ConfigMap", "metadata",
                                    owned_metadata(p->wish, name), "data", m.data));
    json_array_append_new(p->volumes,
                          json_pack("{s:s,s:{s:s,s:o}}", "name", "kelos-plugin-src",
                                    "configMap", "name", name, "items", m.items));
    json_array_append_new(
        p->init,
        json_pack("{s:s,s:s,s:[s,s,o],s:{s:i},s:[o,o]}", "name", "plugin-setup", "image",
                  p->wish->images->git, "command", "sh", "-c", literal(gitscript_plugins),
                  "securityContext", "runAsUser", 61100, "volumeMounts",
                  volume_mount("kelos-plugin", PLUGIN_DIR, false),
                  volume_mount("kelos-plugin-src", "/kelos-plugin-src", true)));
    return 0;
}

static int
add_skills(struct pod_parts *p, struct err *e)
{
    const struct agentconfig_view *a = p->wish->agent_config;
    SCOPED(buf) struct buf script = BUF_INIT;

    buf_add_str(&script, "set -eu\napk add --no-cache git\n");
    for (size_t i = 0; i < a->n_skills; i++) {
        if (*a->skills[i].source == '\0')
            return err_set(e, ERR_INVALID,
                           "invalid skills configuration: skills.sh source is empty");
        buf_add_str(&script, "npx -y skills add ");
        gitscript_quote(&script, a->skills[i].source);
        buf_add_str(&script, " -a universal -y -g");
        if (a->skills[i].skill != NULL) {
            buf_add_str(&script, " -s ");
            gitscript_quote(&script, a->skills[i].skill);
        }
        buf_add_char(&script, '\n');
    }
    buf_add_str(&script,
                "if [ ! -d " PLUGIN_DIR "/.agents/skills ]; then\n"
                "    echo 'skills-install: no skill was installed' >&2\n"
                "    exit 1\n"
                "fi\n"
                "mkdir -p " PLUGIN_DIR "/skills-sh/skills\n"
                "mv " PLUGIN_DIR "/.agents/skills/* " PLUGIN_DIR "/skills-sh/skills/\n"
                "rm -rf " PLUGIN_DIR "/.agents " PLUGIN_DIR "/.npm\n"
                "chown -R 61100:61100 " PLUGIN_DIR "\n");
    json_array_append_new(
        p->init,
        json_pack("{s:s,s:s,s:[s,s,o],s:[o],s:[o]}", "name", "skills-install", "image",
                  p->wish->images->node, "command", "sh", "-c", literal(buf_str(&script)),
                  "env", env_literal("HOME", PLUGIN_DIR), "volumeMounts",
                  volume_mount("kelos-plugin", PLUGIN_DIR, false)));
    return 0;
}

/* What an entry of KELOS_MCP_SERVERS holds, in this order; empty ones are left out. */
static const char *const mcp_members[] = {"type", "command", "args",
                                          "url",  "headers", "env"};

static bool
empty_value(const json_t *v)
{
    return v == NULL || json_is_null(v) ||
           (json_is_string(v) && json_string_length(v) == 0) ||
           (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

static int
add_server(json_t *servers, const json_t *item, struct err *e)
{
    const char *name = json_str_or(item, "name", "");

    if (component_check("MCP server", name, e) < 0)
        return -1;
    if (json_object_get(servers, name) != NULL)
        return err_set(e, ERR_INVALID, "duplicate MCP server name \"%s\"", name);
    json_t *entry = json_object();
    for (size_t i = 0; i < sizeof mcp_members / sizeof *mcp_members; i++) {
        json_t *value = json_object_get(item, mcp_members[i]);
        if (!empty_value(value))
            json_object_set(entry, mcp_members[i], value);
    }
    return json_object_set_new(servers, name, entry);
}

/* The text of KELOS_MCP_SERVERS, sorted; checked at the time the volumes are made. */
static json_t *
mcp_value(const struct agentconfig_view *a, struct err *e)
{
    SCOPED(json) json_t *servers = json_object();

    for (size_t i = 0; i < json_array_size(a->mcp); i++)
        if (add_server(servers, json_array_get(a->mcp, i), e) < 0) {
            err_wrap(e, "invalid MCP server configuration");
            return NULL;
        }
    SCOPED(json) json_t *all = json_pack("{s:O}", "mcpServers", servers);
    SCOPED(string) char *text = json_dump_canonical(all);
    return json_string(text);
}

int
agentconfig_add(struct pod_parts *p, struct err *e)
{
    const struct agentconfig_view *a = p->wish->agent_config;

    if (a == NULL)
        return 0;
    if (a->n_plugins > 0 || a->n_skills > 0) {
        json_array_append_new(
            p->volumes, json_pack("{s:s,s:{}}", "name", "kelos-plugin", "emptyDir"));
        json_array_append_new(p->mounts, volume_mount("kelos-plugin", PLUGIN_DIR, false));
    }
    if (a->n_plugins > 0 && add_plugins(p, e) < 0)
        return -1;
    if (a->n_skills > 0 && add_skills(p, e) < 0)
        return -1;
    if (a->mcp != NULL) {
        SCOPED(json) json_t *value = mcp_value(a, e);
        return value != NULL ? 0 : -1;
    }
    return 0;
}

void
agentconfig_env(struct pod_parts *p)
{
    const struct agentconfig_view *a = p->wish->agent_config;
    struct err ignored = ERR_INIT;

    if (a == NULL)
        return;
    if (a->agents_md != NULL && strlen(a->agents_md) > JOB_INLINE_BYTES) {
        json_object_set_new(p->content, "agents-md", json_string(a->agents_md));
        env_add(p->env, env_literal("KELOS_AGENTS_MD_FILE", "/kelos/content/agents-md"));
    } else if (a->agents_md != NULL) {
        env_add(p->env, env_literal("KELOS_AGENTS_MD", a->agents_md));
    }
    if (a->n_plugins > 0 || a->n_skills > 0)
        env_add(p->env, env_literal("KELOS_PLUGIN_DIR", PLUGIN_DIR));
    if (a->mcp != NULL) /* $(NAME) stays: the only way to a token in a header */
        env_add(p->env, json_pack("{s:s,s:o}", "name", "KELOS_MCP_SERVERS", "value",
                                  mcp_value(a, &ignored)));
}
