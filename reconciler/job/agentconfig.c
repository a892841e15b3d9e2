/* agentconfig.c - an AgentConfig's part of the Pod: instructions, plugins, skills, MCP. */
#include <string.h>

#include "common/base64.h"
#include "reconciler/job/inputs.h"
#include "reconciler/job/job.h"
#include "reconciler/job/mcp.h"
#include "reconciler/job/plugins.h"
#include "reconciler/job/skills.h"

#define PLUGIN_DIR "/kelos/plugin"
#define MCP_KEY "KELOS_MCP_SERVERS"

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

/* The Secret that holds the servers when one of them has a value from elsewhere: what was read
 * from Secrets stays in one. */
static void
keep_servers(struct pod_parts *p, const char *text)
{
    char name[300];
    SCOPED(buf) struct buf encoded = BUF_INIT;

    snprintf(name, sizeof name, "%s-mcp", p->wish->task->view.meta.name);
    base64_encode(&encoded, text, strlen(text));
    json_array_append_new(p->config_maps,
                          json_pack("{s:s,s:s,s:s,s:o,s:{s:s}}", "apiVersion", "v1",
                                    "kind", "Secret", "type", "Opaque", "metadata",
                                    owned_metadata(p->wish, name), "data", MCP_KEY,
                                    buf_str(&encoded)));
    buf_wipe(&encoded);
    p->mcp = env_secret(MCP_KEY, name, MCP_KEY);
}

static int
add_servers(struct pod_parts *p, struct err *e)
{
    const struct agentconfig_view *a = p->wish->agent_config;
    SCOPED(json) json_t *servers = mcp_resolve(a->mcp, p->wish->values, e);
    SCOPED(string) char *text = servers != NULL ? mcp_text(servers, e) : NULL;

    if (text == NULL)
        return -1;
    if (mcp_is_secret(a->mcp)) {
        keep_servers(p, text);
        explicit_bzero(text, strlen(text));
    } else { /* $(NAME) stays: the older way to a token in a header */
        p->mcp = json_pack("{s:s,s:s}", "name", MCP_KEY, "value", text);
    }
    return 0;
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
    if (a->n_plugins > 0 && plugins_add(p, e) < 0)
        return -1;
    if (a->n_skills > 0 && skills_add(p, e) < 0)
        return -1;
    return a->mcp != NULL ? add_servers(p, e) : 0;
}

void
agentconfig_env(struct pod_parts *p)
{
    const struct agentconfig_view *a = p->wish->agent_config;

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
    if (p->mcp != NULL)
        json_array_append(p->env, p->mcp);
}
