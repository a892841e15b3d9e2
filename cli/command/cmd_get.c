/* cmd_get.c - kelos get: tables, fields, YAML, JSON, and -w. */
#include "cli/command/commands.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/cli.h"
#include "cli/dialect.h"
#include "cli/flagrows.h"
#include "cli/follow.h"
#include "cli/jsonpath.h"
#include "cli/print.h"
#include "cli/resource.h"
#include "common/clock.h"
#include "common/data/json.h"

static const char *const formats[] = {"yaml", "json", "wide", "name", "jsonpath=TEMPLATE",
                                      NULL};

#define GET_FLAGS                                                                        \
    FLAGROW_OUTPUT(formats, "instead of a table"),                                       \
        {.name = "detail",                                                               \
         .letter = 'd',                                                                  \
         .type = FLAG_BOOL,                                                              \
         .help = "fields of one object instead of a table"},                             \
        {.name = "watch",                                                                \
         .letter = 'w',                                                                  \
         .type = FLAG_BOOL,                                                              \
         .help = "go on printing what changes"},                                         \
        {.name = "selector",                                                             \
         .letter = 'l',                                                                  \
         .type = FLAG_STRING,                                                            \
         .value = "LABELS",                                                              \
         .help = "only objects with these labels",                                       \
         .complete = COMPLETE_NOTHING},                                                  \
        {.name = "sort-by",                                                              \
         .type = FLAG_STRING,                                                            \
         .value = "COLUMN",                                                              \
         .help = "order the table by a column's title",                                  \
         .complete = COMPLETE_NOTHING},                                                  \
        {.name = "no-headers", .type = FLAG_BOOL, .help = "leave the titles out"},       \
    {                                                                                    \
        .name = "show-managed-fields", .type = FLAG_BOOL,                                \
        .help = "keep metadata.managedFields in YAML and JSON"                           \
    }

#define PHASE_FLAG(phases)                                                               \
    {                                                                                    \
        .name = "phase", .type = FLAG_SLICE, .value = "PHASE",                           \
        .complete = COMPLETE_CHOICES, .choices = phases, .help = "only of these phases"  \
    }

static const struct flag flags[] = {GET_FLAGS};
static const struct flag task_flags[] = {PHASE_FLAG(task_phases), GET_FLAGS};
static const struct flag spawner_flags[] = {PHASE_FLAG(spawner_phases), GET_FLAGS};
static const struct flag group_flags[] = {
    {.name = "all-namespaces",
     .letter = 'A',
     .type = FLAG_BOOL,
     .help = "of every namespace"},
};

/* What to show and how; filled before anything is asked of the cluster. */
struct view {
    const struct resource *resource;
    enum print_format format;
    const char *template;
    const char *name; /* NULL: a list */
    const char *ns;   /* NULL: all */
    bool all, wide, detail, headers;
    char *const *phases;
    size_t n_phases;
};

static int
check_phases(struct cli *c, struct view *v, struct err *e)
{
    const char *const *phases = v->resource->phases;
    SCOPED(buf) struct buf all = BUF_INIT;

    if (phases == NULL)
        return 0;
    v->n_phases = args_list(c->args, "phase", &v->phases);
    for (size_t p = 0; phases[p] != NULL; p++)
        buf_printf(&all, "%s%s", p > 0 ? ", " : "", phases[p]);
    for (size_t i = 0; i < v->n_phases; i++) {
        bool known = false;

        for (size_t p = 0; phases[p] != NULL; p++)
            known = known || strcmp(v->phases[i], phases[p]) == 0;
        if (!known)
            return err_set(e, ERR_INVALID, "phase \"%s\" unknown; choose %s",
                           v->phases[i], buf_str(&all));
    }
    return 0;
}

static int
read_view(struct cli *c, struct view *v, struct err *e)
{
    v->resource = command_leaf(c->path)->resource;
    if (print_parse(args_string(c->args, "output"), &v->format, &v->template, e) < 0)
        return -1;
    v->all = args_bool(c->args, "all-namespaces");
    v->wide = v->format == PRINT_WIDE;
    v->detail = args_bool(c->args, "detail");
    v->headers = !args_bool(c->args, "no-headers");
    v->name = args_count(c->args) > 0 ? args_word(c->args, 0) : NULL;
    if (v->name != NULL && v->all)
        return err_set(e, ERR_INVALID,
                       "NAME needs a single namespace; drop -A or use -n");
    if (check_phases(c, v, e) < 0)
        return -1;
    if (v->name != NULL && args_given(c->args, "selector"))
        return err_set(e, ERR_INVALID, "-l chooses among all: use it without NAME");
    if (v->name != NULL && kube_check_subdomain(v->name, e) < 0)
        return err_wrap(e, "%s \"%s\"", v->resource->name, v->name);
    if (!v->all && (v->ns = cli_namespace(c, false, e)) == NULL)
        return -1;
    return 0;
}

static bool
wanted(const struct view *v, const json_t *object)
{
    const char *phase = json_str_or(object, "status.phase", "");

    if (v->n_phases == 0 || v->name != NULL)
        return true;
    for (size_t i = 0; i < v->n_phases; i++)
        if (strcmp(v->phases[i], phase) == 0)
            return true;
    return false;
}

static void
filter(const struct view *v, json_t *list)
{
    json_t *items = json_object_get(list, "items");

    for (size_t i = json_array_size(items); i-- > 0;)
        if (!wanted(v, json_array_get(items, i)))
            json_array_remove(items, i);
}

static int
sort_table(struct cli *c, struct table *t, struct err *e)
{
    const char *by = args_string(c->args, "sort-by");

    if (by[0] == '\0')
        return 0;
    for (size_t i = 0; table_at(t, 0, i)[0] != '\0'; i++)
        if (strcasecmp(table_at(t, 0, i), by) == 0) {
            table_sort(t, i);
            return 0;
        }
    return err_set(e, ERR_INVALID, "--sort-by \"%s\": the table has no such column", by);
}

static int
show_table(struct cli *c, const struct view *v, const json_t *items, struct buf *out,
           struct err *e)
{
    SCOPED(table) struct table *t = table_new();
    int64_t now = clock_wall_ms();

    resource_header(v->resource, v->all, v->wide, t);
    for (size_t i = 0; i < json_array_size(items); i++)
        resource_row(v->resource, json_array_get(items, i), v->all, v->wide, now, t);
    if (sort_table(c, t, e) < 0)
        return -1;
    table_write(t, v->headers ? 0 : 1, NULL, 0, out);
    if (json_array_size(items) == 0 && v->name == NULL) {
        if (v->ns != NULL)
            fprintf(stderr, "%s in namespace %s\n", v->resource->none_found, v->ns);
        else
            fprintf(stderr, "%s in any namespace\n", v->resource->none_found);
    }
    return 0;
}

static void
show_names(const struct view *v, const json_t *items, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(items); i++)
        buf_printf(out, "%s/%s\n", v->resource->name,
                   json_str_or(json_array_get(items, i), "metadata.name", ""));
}

/* A list document as the server would write it: kind and version in the list and items. */
static void
complete_list(const struct view *v, json_t *list)
{
    const struct kube_resource *res = dialect_res(v->resource->id);
    json_t *items = json_object_get(list, "items");
    char version[128], kind[128];

    kube_api_version(res, version, sizeof(version));
    snprintf(kind, sizeof(kind), "%sList", res->kind);
    json_object_set_new(list, "apiVersion", json_string(version));
    json_object_set_new(list, "kind", json_string(kind));
    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *item = json_array_get(items, i);

        json_object_set_new(item, "apiVersion", json_string(version));
        json_object_set_new(item, "kind", json_string(res->kind));
    }
}

static int
show(struct cli *c, const struct view *v, json_t *object, struct buf *out, struct err *e)
{
    SCOPED(json) json_t *one = v->name != NULL ? json_pack("[O]", object) : NULL;
    const json_t *items = one != NULL ? one : json_object_get(object, "items");

    if (!args_bool(c->args, "show-managed-fields"))
        print_trim(object);
    switch (v->format) {
    case PRINT_YAML:
    case PRINT_JSON:
        return print_object(v->format, object, out, e);
    case PRINT_NAME:
        show_names(v, items, out);
        return 0;
    case PRINT_PATH:
        return jsonpath_write(v->template, object, out, e);
    case PRINT_TABLE:
    case PRINT_WIDE:
        break;
    }
    if (v->name != NULL && (v->detail || dialect()->older) && v->format == PRINT_TABLE) {
        v->resource->detail(object, clock_wall_ms(), out);
        return 0;
    }
    return show_table(c, v, items, out, e);
}

/* ---- -w ---- */

struct watching {
    struct cli *cli;
    const struct view *view;
    size_t widths[24];
    bool titled;
};

static int
on_change(void *arg, const json_t *object, bool gone, struct err *e)
{
    struct watching *w = arg;
    const struct view *v = w->view;
    SCOPED(buf) struct buf out = BUF_INIT;

    if (gone || !wanted(v, object))
        return 0;
    if (v->format == PRINT_TABLE || v->format == PRINT_WIDE) {
        SCOPED(table) struct table *t = table_new();

        resource_header(v->resource, v->all, v->wide, t);
        resource_row(v->resource, object, v->all, v->wide, clock_wall_ms(), t);
        table_write(t, w->titled || !v->headers ? 1 : 0, w->widths, ARRAY_LEN(w->widths),
                    &out);
        w->titled = true;
        return print_flush(&out, e);
    }
    SCOPED(json) json_t *copy = json_copy((json_t *)object);
    struct view single = *v;
    single.name = json_str_or(object, "metadata.name", "");
    if (v->format == PRINT_YAML)
        buf_add_str(&out, "---\n");
    if (show(w->cli, &single, copy, &out, e) < 0)
        return -1;
    if (v->format == PRINT_PATH)
        buf_add_char(&out, '\n');
    return print_flush(&out, e);
}

static int
run_get(struct cli *c, struct err *e)
{
    struct view v = {0};
    const char *selector = args_string(c->args, "selector");
    SCOPED(buf) struct buf out = BUF_INIT;
    SCOPED(json) json_t *found = NULL;

    if (read_view(c, &v, e) < 0)
        return -1;
    const struct kube_resource *res = dialect_res(v.resource->id);
    selector = selector[0] != '\0' ? selector : NULL;
    if (args_bool(c->args, "watch")) {
        struct watching w = {.cli = c, .view = &v};

        return follow(c, res, v.ns, v.name, selector, -1, on_change, &w, e) < 0 ? -1 : 0;
    }
    if (v.name != NULL) {
        struct kube_request r = {
            .verb = KUBE_GET, .res = res, .ns = v.ns, .name = v.name};

        if (cli_call(c, &r, &found, NULL, e) < 0)
            return -1;
    } else {
        if ((found = cli_list(c, res, v.ns, selector, e)) == NULL)
            return -1;
        complete_list(&v, found);
        filter(&v, found);
    }
    return show(c, &v, found, &out, e) < 0 ? -1 : print_flush(&out, e);
}

static const struct command get_task = {
    .name = "task",
    .aliases = task_aliases,
    .words = "[NAME]",
    .summary = "Show Tasks",
    .examples = "  kelos get tasks\n"
                "  kelos get tasks --phase Running,Pending -w\n"
                "  kelos get task fix-login -d\n"
                "  kelos get task fix-login -o jsonpath='{.status.results.commit}'\n",
    .flags = FLAGS(task_flags),
    .max_words = 1,
    .noun = "task",
    .completes = COMPLETE_TASK,
    .resource = &resource_task,
    .run = run_get,
};
static const struct command get_spawner = {
    .name = "taskspawner",
    .aliases = spawner_aliases,
    .words = "[NAME]",
    .summary = "Show TaskSpawners",
    .flags = FLAGS(spawner_flags),
    .max_words = 1,
    .noun = "taskspawner",
    .completes = COMPLETE_SPAWNER,
    .resource = &resource_spawner,
    .run = run_get,
};
static const struct command get_workspace = {
    .name = "workspace",
    .aliases = workspace_aliases,
    .words = "[NAME]",
    .summary = "Show Workspaces",
    .flags = FLAGS(flags),
    .max_words = 1,
    .noun = "workspace",
    .completes = COMPLETE_WORKSPACE,
    .resource = &resource_workspace,
    .run = run_get,
};
static const struct command get_agentconfig = {
    .name = "agentconfig",
    .newer = true,
    .aliases = agentconfig_aliases,
    .words = "[NAME]",
    .summary = "Show AgentConfigs",
    .flags = FLAGS(flags),
    .max_words = 1,
    .noun = "agentconfig",
    .completes = COMPLETE_AGENTCONFIG,
    .resource = &resource_agentconfig,
    .run = run_get,
};

static const struct command *const children[] = {
    &get_agentconfig, &get_task, &get_spawner, &get_workspace, NULL,
};

const struct command command_get = {
    .name = "get",
    .summary = "Show Tasks, TaskSpawners, Workspaces and AgentConfigs",
    .inherited = FLAGS(group_flags),
    .children = children,
    .verb = "shown",
    .choices = "task, taskspawner, workspace or agentconfig",
};
