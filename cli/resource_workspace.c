/* resource_workspace.c - Workspaces: columns and fields. */
#include "cli/resource.h"

#include "common/data/json.h"
#include "common/macros.h"

static void
repo_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    buf_add_str(out, json_str_or(o, "spec.repo", ""));
}

static void
ref_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    buf_add_str(out, json_str_or(o, "spec.ref", ""));
}

static void
secret_cell(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    buf_add_str(out, json_str_or(o, "spec.secretRef.name", "-"));
}

static const struct column columns[] = {
    {"REPO", repo_cell, false},
    {"REF", ref_cell, false},
    {"SECRET", secret_cell, true},
};

static void
detail(const json_t *o, int64_t now_ms UNUSED, struct buf *out)
{
    const json_t *remotes = json_at(o, "spec.remotes"), *files = json_at(o, "spec.files");
    SCOPED(buf) struct buf text = BUF_INIT;

    detail_names(out, o);
    detail_path(out, "Repo", o, "spec.repo", false);
    detail_path(out, "Ref", o, "spec.ref", true);
    detail_path(out, "Secret", o, "spec.secretRef.name", true);
    for (size_t i = 0; i < json_array_size(remotes); i++)
        buf_printf(&text, "%s%s %s", i > 0 ? "\n" : "",
                   json_str_or(json_array_get(remotes, i), "name", ""),
                   json_str_or(json_array_get(remotes, i), "url", ""));
    detail_field(out, "Remotes", buf_str(&text), true);
    buf_clear(&text);
    for (size_t i = 0; i < json_array_size(files); i++)
        buf_printf(&text, "%s%s", i > 0 ? "\n" : "",
                   json_str_or(json_array_get(files, i), "path", ""));
    detail_field(out, "Files", text.size > 0 ? buf_str(&text) : "", true);
}

const char *const workspace_aliases[] = {"workspaces", "ws", NULL};

const struct resource resource_workspace = {
    .id = KUBE_WORKSPACES,
    .name = "workspace",
    .none_found = "no workspaces found",
    .columns = columns,
    .n_columns = ARRAY_LEN(columns),
    .detail = detail,
};
