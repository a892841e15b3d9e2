/* plugins.c - see plugins.h. */
#include "reconciler/job/plugins.h"

#include <string.h>

#include "reconciler/job/gitscript.h"

#define PLUGIN_DIR "/kelos/plugin"
#define PATH_BYTES 2048

/* All files of all plugins: `data` by key, `items` {key, path} in order. */
struct tree {
    json_t *data, *items;
};

static void
tree_scoped_free(struct tree *t)
{
    json_decref(t->data);
    json_decref(t->items);
}

/* A file that comes again replaces the earlier one: of two plugins of one name the later wins. */
static void
drop_path(struct tree *t, const char *path)
{
    for (size_t i = 0; i < json_array_size(t->items); i++) {
        const json_t *item = json_array_get(t->items, i);
        if (strcmp(json_str_or(item, "path", ""), path) != 0)
            continue;
        json_object_del(t->data, json_str_or(item, "key", ""));
        json_array_remove(t->items, i);
        return;
    }
}

static int
add_file(struct tree *t, const char *path, const char *key, const char *content,
         struct err *e)
{
    if (strlen(content) > PLUGIN_MAP_BYTES)
        return err_set(
            e, ERR_INVALID,
            "plugin content totals %zu bytes, exceeding the %d byte ConfigMap budget of "
            "one file",
            strlen(content), PLUGIN_MAP_BYTES);
    drop_path(t, path);
    json_object_set_new(t->data, key, json_string(content));
    json_array_append_new(t->items, json_pack("{s:s,s:s}", "key", key, "path", path));
    return 0;
}

static int
add_skill_files(struct tree *t, const char *plugin, const struct plugin_skill *s,
                const char *key, struct err *e)
{
    char cleaned[1100], path[PATH_BYTES], file_key[96];

    for (size_t f = 0; f < s->n_files; f++) {
        const char *fault = path_clean(s->files[f].name, cleaned, sizeof cleaned);
        if (fault != NULL)
            return err_set(e, ERR_INVALID, "file path \"%s\" of skill \"%s\": %s",
                           s->files[f].name, s->name, fault);
        snprintf(path, sizeof path, "%s/skills/%s/%s", plugin, s->name, cleaned);
        snprintf(file_key, sizeof file_key, "%s-f%zu", key, f);
        if (add_file(t, path, file_key, s->files[f].content, e) < 0)
            return -1;
    }
    return 0;
}

static int
add_skill(struct tree *t, const char *plugin, const struct plugin_skill *s,
          const char *key, struct err *e)
{
    char path[PATH_BYTES];

    if (component_check("skill", s->name, e) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/skills/%s/SKILL.md", plugin, s->name);
    if (add_file(t, path, key, s->content, e) < 0)
        return -1;
    return add_skill_files(t, plugin, s, key, e);
}

static int
add_agent(struct tree *t, const char *plugin, const struct named_text *a, const char *key,
          struct err *e)
{
    char path[PATH_BYTES];

    if (component_check("agent", a->name, e) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/agents/%s.md", plugin, a->name);
    return add_file(t, path, key, a->content, e);
}

static int
add_plugin(struct tree *t, const struct plugin *p, size_t i, struct err *e)
{
    char key[64];

    for (size_t j = 0; j < p->n_skills; j++) {
        snprintf(key, sizeof key, "p%zu-s%zu", i, j);
        if (add_skill(t, p->name, &p->skills[j], key, e) < 0)
            return -1;
    }
    for (size_t j = 0; j < p->n_agents; j++) {
        snprintf(key, sizeof key, "p%zu-a%zu", i, j);
        if (add_agent(t, p->name, &p->agents[j], key, e) < 0)
            return -1;
    }
    return 0;
}

static int
fill(struct tree *t, const struct agentconfig_view *a, struct err *e)
{
    for (size_t i = 0; i < a->n_plugins; i++) {
        const struct plugin *p = &a->plugins[i];
        if (component_check("plugin", p->name, e) < 0)
            return -1;
        if (strcmp(p->name, "skills-sh") == 0 && a->n_skills > 0)
            return err_set(e, ERR_INVALID,
                           "plugin name \"skills-sh\" is reserved for skills.sh "
                           "packages when spec.skills is set");
        if (add_plugin(t, p, i, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- ConfigMaps ---- */

/* Adds one ConfigMap with these items' data; returns its volume source. */
static json_t *
add_map(struct pod_parts *p, const struct tree *t, json_t *items, size_t n)
{
    char name[300];
    json_t *data = json_object();

    snprintf(name, sizeof name, n == 0 ? "%s-plugins" : "%s-plugins-%zu",
             p->wish->task->view.meta.name, n + 1);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const char *key = json_str_or(json_array_get(items, i), "key", "");
        json_object_set(data, key, json_object_get(t->data, key));
    }
    json_array_append_new(p->config_maps,
                          json_pack("{s:s,s:s,s:o,s:o}", "apiVersion", "v1", "kind",
                                    "ConfigMap", "metadata",
                                    owned_metadata(p->wish, name), "data", data));
    return json_pack("{s:s,s:o}", "name", name, "items", items);
}

/* Fills ConfigMaps in the order of the files; a list of their volume sources. */
static json_t *
split(struct pod_parts *p, const struct tree *t, struct err *e)
{
    SCOPED(json) json_t *sources = json_array();
    json_t *items = json_array();
    size_t used = 0, total = 0;

    for (size_t i = 0; i < json_array_size(t->items); i++) {
        json_t *item = json_array_get(t->items, i);
        size_t size =
            json_string_length(json_object_get(t->data, json_str_or(item, "key", "")));
        total += size;
        if (used + size > PLUGIN_MAP_BYTES) {
            json_array_append_new(sources,
                                  add_map(p, t, items, json_array_size(sources)));
            items = json_array();
            used = 0;
        }
        json_array_append(items, item);
        used += size;
    }
    json_array_append_new(sources, add_map(p, t, items, json_array_size(sources)));
    if (json_array_size(sources) > PLUGIN_MAPS) {
        err_set(e, ERR_INVALID,
                "plugin content totals %zu bytes, exceeding the %d byte ConfigMap budget "
                "%d times",
                total, PLUGIN_MAP_BYTES, PLUGIN_MAPS);
        return NULL;
    }
    return TAKE(sources);
}

/* One ConfigMap is a volume of its own, several are one projected volume. */
static json_t *
volume_of(const json_t *sources)
{
    size_t n = json_array_size(sources);
    json_t *projected;

    if (n == 1)
        return json_pack("{s:s,s:O}", "name", "kelos-plugin-src", "configMap",
                         json_array_get(sources, 0));
    projected = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            projected, json_pack("{s:O}", "configMap", json_array_get(sources, i)));
    return json_pack("{s:s,s:{s:o}}", "name", "kelos-plugin-src", "projected", "sources",
                     projected);
}

int
plugins_add(struct pod_parts *p, struct err *e)
{
    SCOPED(tree) struct tree t = {json_object(), json_array()};

    if (fill(&t, p->wish->agent_config, e) < 0)
        return err_wrap(e, "invalid plugin configuration");
    SCOPED(json) json_t *sources = split(p, &t, e);
    if (sources == NULL)
        return err_wrap(e, "invalid plugin configuration");
    json_array_append_new(p->volumes, volume_of(sources));
    json_t *c = json_pack("{s:s,s:[s,s,o],s:[o,o]}", "name", "plugin-setup", "command",
                          "sh", "-c", literal(gitscript_plugins), "volumeMounts",
                          volume_mount("kelos-plugin", PLUGIN_DIR, false),
                          volume_mount("kelos-plugin-src", "/kelos-plugin-src", true));
    git_container(p->wish, c);
    json_array_append_new(p->init, c);
    return 0;
}
