/* resource_agentconfig.c - AgentConfigs: columns and fields. */
#include "cli/resource.h"

#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "common/utf8.h"

#define SHOWN_BYTES 80

static void
count(const json_t *o, const char *path, struct buf *out)
{
    buf_printf(out, "%zu", json_array_size(json_at(o, path)));
}

static void
plugins_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    count(o, "spec.plugins", out);
}

static void
skills_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    count(o, "spec.skills", out);
}

static void
servers_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    count(o, "spec.mcpServers", out);
}

static const struct column columns[] = {
    {"PLUGINS", plugins_cell, false},
    {"SKILLS", skills_cell, false},
    {"MCP SERVERS", servers_cell, false},
};

/* "skills=[a,b]" */
static void
add_names(struct buf *out, const char *label, const json_t *list)
{
    if (json_array_size(list) == 0)
        return;
    buf_printf(out, "%s%s=[", out->size > 0 ? ", " : "", label);
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_printf(out, "%s%s", i > 0 ? "," : "",
                   json_str_or(json_array_get(list, i), "name", ""));
    buf_add_char(out, ']');
}

static void
plugins_field(struct buf *out, const json_t *list)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *plugin = json_array_get(list, i);
        SCOPED(buf) struct buf inner = BUF_INIT;

        add_names(&inner, "skills", json_at(plugin, "skills"));
        add_names(&inner, "agents", json_at(plugin, "agents"));
        buf_printf(&text, "%s%s", i > 0 ? "\n" : "", json_str_or(plugin, "name", ""));
        if (inner.size > 0)
            buf_printf(&text, " (%s)", buf_str(&inner));
    }
    detail_field(out, "Plugins", buf_str(&text), true);
}

static void
skills_field(struct buf *out, const json_t *list)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *skill = json_array_get(list, i);
        const char *name = json_str_or(skill, "skill", "");

        buf_printf(&text, "%s%s", i > 0 ? "\n" : "", json_str_or(skill, "source", ""));
        if (name[0] != '\0')
            buf_printf(&text, " (skill=%s)", name);
    }
    detail_field(out, "Skills", buf_str(&text), true);
}

static void
servers_field(struct buf *out, const json_t *list)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    for (size_t i = 0; i < json_array_size(list); i++)
        buf_printf(&text, "%s%s (%s)", i > 0 ? "\n" : "",
                   json_str_or(json_array_get(list, i), "name", ""),
                   json_str_or(json_array_get(list, i), "type", ""));
    detail_field(out, "MCP Servers", buf_str(&text), true);
}

static void
detail(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    const char *instructions = json_str_or(o, "spec.agentsMD", "");
    size_t size = strlen(instructions);
    SCOPED(buf) struct buf text = BUF_INIT;

    buf_add(&text, instructions, utf8_cut(instructions, size, SHOWN_BYTES));
    if (text.size < size)
        buf_add_str(&text, "...");
    detail_names(out, o);
    detail_field(out, "Agents MD", buf_str(&text), true);
    plugins_field(out, json_at(o, "spec.plugins"));
    skills_field(out, json_at(o, "spec.skills"));
    servers_field(out, json_at(o, "spec.mcpServers"));
}

const char *const agentconfig_aliases[] = {"agentconfigs", "ac", NULL};

const struct resource resource_agentconfig = {
    .id = KUBE_AGENT_CONFIGS,
    .name = "agentconfig",
    .none_found = "no agent configs found",
    .columns = columns,
    .n_columns = ARRAY_LEN(columns),
    .detail = detail,
};
