/* simulate.c - see simulate.h. */
#include "cli/simulate.h"

#include <stdlib.h>
#include <string.h>

#include "cli/local.h"
#include "cli/manifest.h"
#include "cli/subprocess.h"
#include "cli/value.h"
#include "common/data/json.h"
#include "common/limits.h"
#include "common/data/yaml.h"

void
simulation_release(struct simulation *s)
{
    json_decref(s->spawner);
    json_decref(s->workspace);
    json_decref(s->secret);
    *s = (struct simulation){.spawner = NULL};
}

static int
get(struct cli *c, enum kube_res id, const char *ns, const char *name, json_t **out,
    struct err *e)
{
    struct kube_request r = {.verb = KUBE_GET,
                             .res = kube_res(id),
                             .ns = ns,
                             .name = name,
                             .secret = id == KUBE_SECRETS};

    return cli_call(c, &r, out, NULL, e);
}

int
simulation_get(struct cli *c, const char *ns, const char *name, struct simulation *s,
               struct err *e)
{
    return get(c, KUBE_TASK_SPAWNERS, ns, name, &s->spawner, e);
}

/* ---- a file ---- */

/* As the server would keep it, with its defaults. */
static int
complete(struct cli *c, const struct manifest *m, json_t **out, struct err *e)
{
    const struct kube_param dry[] = {{"dryRun", "All"}, {NULL, NULL}};
    struct kube_request r = {.verb = KUBE_APPLY,
                             .res = m->res,
                             .ns = m->ns,
                             .name = m->name,
                             .body = m->doc->value,
                             .force = true,
                             .params = dry,
                             .secret = m->res == kube_res(KUBE_SECRETS)};

    if (cli_call(c, &r, out, NULL, e) < 0)
        return err_wrap(e, "%s:%d: %s/%s", m->file, m->doc->line, m->res->singular,
                        m->name);
    return 0;
}

/* The document of that kind and name (NULL: any); 1 when there is one, 0, or -1. */
static int
find(struct cli *c, const char *ns, const char *file, const struct yaml_docs *docs,
     enum kube_res id, const char *name, json_t **out, struct err *e)
{
    struct manifest m, found = {.file = NULL};

    for (size_t i = 0; i < docs->count; i++) {
        if (docs->docs[i].value == NULL || json_is_null(docs->docs[i].value))
            continue;
        if (manifest_read(file, &docs->docs[i], ns, args_given(c->args, "namespace"), &m,
                          e) < 0)
            return -1;
        if (m.res != kube_res(id) || (name != NULL && strcmp(m.name, name) != 0))
            continue;
        if (found.file != NULL)
            return err_set(
                e, ERR_INVALID,
                "%s: holds several documents of kind %s: say which, by its name", file,
                m.res->kind);
        found = m;
    }
    if (found.file == NULL)
        return 0;
    return complete(c, &found, out, e) < 0 ? -1 : 1;
}

static const char *
workspace_of(const struct simulation *s)
{
    return json_str_or(s->spawner, "spec.taskTemplate.workspaceRef.name", "");
}

static const char *
secret_of(const struct simulation *s)
{
    if (json_at(s->spawner, "spec.when.jira") != NULL)
        return json_str_or(s->spawner, "spec.when.jira.secretRef.name", "");
    return json_str_or(s->workspace, "spec.secretRef.name", "");
}

static struct yaml_docs *
read_docs(const char *file, struct err *e)
{
    if (strcmp(file, "-") != 0)
        return yaml_read(file, e);
    char *text = value_read_file("--filename", "-", e);
    struct yaml_docs *docs =
        text != NULL ? yaml_parse(text, strlen(text), "standard input", e) : NULL;
    value_free(text);
    return docs;
}

int
simulation_read(struct cli *c, const char *ns, const char *file, const char *name,
                struct simulation *s, struct err *e)
{
    SCOPED(yaml_docs) struct yaml_docs *docs = read_docs(file, e);
    const char *shown = strcmp(file, "-") == 0 ? "standard input" : file;
    int found;

    if (docs == NULL ||
        (found = find(c, ns, shown, docs, KUBE_TASK_SPAWNERS, name, &s->spawner, e)) < 0)
        return -1;
    if (found == 0)
        return err_set(e, ERR_INVALID, "%s: holds no TaskSpawner%s%s", shown,
                       name != NULL ? " named " : "", name != NULL ? name : "");
    if (*workspace_of(s) != '\0' &&
        find(c, ns, shown, docs, KUBE_WORKSPACES, workspace_of(s), &s->workspace, e) < 0)
        return -1;
    return *secret_of(s) != '\0' &&
                   find(c, ns, shown, docs, KUBE_SECRETS, secret_of(s), &s->secret, e) < 0
               ? -1
               : 0;
}

/* ---- the programs ---- */

/* Hands `question` to a program and reads its answer; one with "error" is ours. */
static json_t *
ask(const char *program, const char *flag, const json_t *question, struct err *e)
{
    SCOPED(string) char *path = local_program(program, e);
    SCOPED(string) char *text = path != NULL ? json_dump_compact(question) : NULL;
    const char *const argv[] = {path, flag, NULL};
    SCOPED(buf) struct buf out = {.limit = LIMIT_PLAN_ONCE_BYTES};
    struct buf in = {.data = text, .size = text != NULL ? strlen(text) : 0};

    if (path == NULL)
        return NULL;
    int status = subprocess_feed(argv, &in, &out, e);
    if (text != NULL)
        explicit_bzero(text, in.size);
    SCOPED(json)
    json_t *answer = status >= 0
                         ? json_parse(buf_str(&out), out.size, LIMIT_PLAN_ONCE_BYTES, e)
                         : NULL;
    buf_wipe(&out);
    const char *error = json_str_or(answer, "error", NULL);
    if (answer == NULL) {
        err_wrap(e, "%s", program);
        return NULL;
    }
    if (error != NULL || status != 0) {
        err_set(e, ERR_INVALID, "%s", error != NULL ? error : "no answer");
        return NULL;
    }
    return TAKE(answer);
}

/* What the cluster adds to the objects of a file. What is not there is the planner's to say. */
static int
get_rest(struct cli *c, const char *ns, struct simulation *s, struct err *e)
{
    struct err why = ERR_INIT;

    if (s->workspace == NULL && *workspace_of(s) != '\0' &&
        get(c, KUBE_WORKSPACES, ns, workspace_of(s), &s->workspace, &why) < 0 &&
        why.code != ERR_NOT_FOUND) {
        *e = why;
        return -1;
    }
    if (s->secret == NULL && *secret_of(s) != '\0')
        return get(c, KUBE_SECRETS, ns, secret_of(s), &s->secret, e);
    return 0;
}

/* Tasks without what the planner does not read. */
static json_t *
list_tasks(struct cli *c, const char *ns, struct err *e)
{
    SCOPED(json) json_t *list = cli_list(c, kube_res(KUBE_TASKS), ns, NULL, e);
    json_t *tasks = list != NULL ? json_incref(json_object_get(list, "items")) : NULL;
    size_t i;
    json_t *task;

    json_array_foreach(tasks, i, task)
    {
        json_drop(task, "metadata.managedFields");
        json_drop(task, "status.outputs");
        json_drop(task, "status.results");
    }
    return tasks;
}

json_t *
simulation_run(struct cli *c, const char *ns, struct simulation *s, struct err *e)
{
    if (get_rest(c, ns, s, e) < 0)
        return NULL;
    SCOPED(json)
    json_t *first = json_pack("{s:s, s:O, s:O*, s:O*}", "step", "source", "spawner",
                              s->spawner, "workspace", s->workspace, "secret", s->secret);
    SCOPED(json) json_t *request = ask("kelos-reconciler", "--plan-once", first, e);
    if (request == NULL)
        return NULL;
    SCOPED(json)
    json_t *answer =
        ask("kelos-spawner", "--list-once", json_object_get(request, "request"), e);
    SCOPED(json) json_t *tasks = answer != NULL ? list_tasks(c, ns, e) : NULL;
    if (tasks == NULL)
        return NULL;
    SCOPED(json)
    json_t *second = json_pack("{s:s, s:O, s:O, s:O}", "step", "plan", "spawner",
                               s->spawner, "answer", answer, "tasks", tasks);
    return ask("kelos-reconciler", "--plan-once", second, e);
}
