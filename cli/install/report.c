/* report.c - see report.h. */
#include "cli/install/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "common/data/json.h"
#include "common/value/agent.h"
#include "common/macros.h"
#include "version.h"

#define PAGE "200"
#define CONFIG_MAP "kelos-telemetry"
#define ID_KEY "installationId"

struct report {
    json_t *types, *phases;     /* of Tasks: name of ours to count */
    json_t *namespaces, *kinds; /* sets: of namespaces, of sources */
    int64_t tasks, spawners, configs, workspaces;
    int64_t input, output; /* tokens */
    double cost;
};

/* Words that are ours; what a user may have chosen freely is "other". */
static const char *const sources[][2] = {{"githubIssues", "github"},
                                         {"githubPullRequests", "github"},
                                         {"cron", "cron"},
                                         {"jira", "jira"}};

struct report *
report_new(void)
{
    struct report *r = calloc(1, sizeof(*r));

    if (r == NULL)
        abort();
    r->types = json_object();
    r->phases = json_object();
    r->namespaces = json_object();
    r->kinds = json_object();
    return r;
}

void
report_free(struct report *r)
{
    if (r == NULL)
        return;
    json_decref(r->types);
    json_decref(r->phases);
    json_decref(r->namespaces);
    json_decref(r->kinds);
    free(r);
}

/* ---- counting ---- */

static void
count(json_t *map, const char *word, const char *const *known)
{
    const char *key = "other";

    for (size_t i = 0; known[i] != NULL; i++)
        if (strcmp(known[i], word) == 0)
            key = known[i];
    json_object_set_new(map, key, json_integer(json_int_or(map, key, 0) + 1));
}

static void
add_task(struct report *r, const json_t *o)
{
    r->tasks++;
    count(r->types, json_str_or(o, "spec.type", ""), agent_types);
    count(r->phases, json_str_or(o, "status.phase", "Pending"), task_phases);
    r->cost += strtod(json_str_or(o, "status.results.cost-usd", "0"), NULL);
    r->input += strtoll(json_str_or(o, "status.results.input-tokens", "0"), NULL, 10);
    r->output += strtoll(json_str_or(o, "status.results.output-tokens", "0"), NULL, 10);
}

static void
add_spawner(struct report *r, const json_t *o)
{
    const json_t *when = json_at(o, "spec.when");

    r->spawners++;
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (json_object_get(when, sources[i][0]) != NULL)
            json_object_set_new(r->kinds, sources[i][1], json_true());
}

void
report_add(struct report *r, const json_t *object)
{
    const char *kind = json_str_or(object, "kind", "");

    if (strcmp(kind, "Task") == 0)
        add_task(r, object);
    else if (strcmp(kind, "TaskSpawner") == 0)
        add_spawner(r, object);
    else if (strcmp(kind, "Workspace") == 0)
        r->workspaces++;
    else if (strcmp(kind, "AgentConfig") == 0)
        r->configs++;
    else
        return;
    json_object_set_new(r->namespaces, json_str_or(object, "metadata.namespace", ""),
                        json_true());
}

static json_t *
source_names(const struct report *r)
{
    static const char *const sorted[] = {"cron", "github", "jira"};
    json_t *list = json_array();

    for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
        if (json_object_get(r->kinds, sorted[i]) != NULL)
            json_array_append_new(list, json_string(sorted[i]));
    return list;
}

json_t *
report_json(const struct report *r, const struct report_about *a)
{
    json_t *p = json_object(), *o = json_object();

    json_put_str(p, "version", a->version);
    json_put_str(p, "k8s_version", a->kubernetes);
    json_put_str(p, "environment", a->environment);
    json_put_int(p, "tasks_total", r->tasks);
    json_object_set(p, "tasks_by_type", r->types);
    json_object_set(p, "tasks_by_phase", r->phases);
    json_put_int(p, "feature_task_spawners", r->spawners);
    json_put_int(p, "feature_agent_configs", r->configs);
    json_put_int(p, "feature_workspaces", r->workspaces);
    json_object_set_new(p, "feature_source_types", source_names(r));
    json_put_int(p, "scale_namespaces", (int64_t)json_object_size(r->namespaces));
    json_object_set_new(p, "usage_total_cost_usd", json_real(r->cost));
    json_put_int(p, "usage_total_input_tokens", r->input);
    json_put_int(p, "usage_total_output_tokens", r->output);
    json_put_str(o, "event", "telemetry_report");
    json_put_str(o, "distinct_id", a->installation);
    json_object_set_new(o, "properties", p);
    return o;
}

/* ---- asking the cluster ---- */

static int
add_kind(struct cli *c, struct report *r, enum kube_res id, struct err *e)
{
    char from[4096] = "";

    do {
        const struct kube_param params[] = {
            {"limit", PAGE}, {from[0] != '\0' ? "continue" : NULL, from}, {NULL, NULL}};
        struct kube_request q = {
            .verb = KUBE_LIST, .res = kube_res(id), .params = params};
        SCOPED(json) json_t *page = NULL;
        size_t i;
        json_t *o;

        if (cli_call(c, &q, &page, NULL, e) < 0)
            return -1;
        json_array_foreach(json_object_get(page, "items"), i, o)
        {
            json_put_str(o, "kind", q.res->kind); /* items of a list do not say it */
            report_add(r, o);
        }
        snprintf(from, sizeof(from), "%s", json_str_or(page, "metadata.continue", ""));
    } while (from[0] != '\0');
    return 0;
}

/* What the server says of itself to everybody. */
static void
kubernetes_version(struct cli *c, char *out, size_t room)
{
    const struct kubeconfig *k = kube_config(c->kube);
    const struct http_transport way = {.ca_file = k->ca_file,
                                       .ca_pem = k->ca_pem,
                                       .server_name = k->server_name,
                                       .proxy = k->proxy,
                                       .insecure = k->insecure};
    SCOPED(string) char *url = NULL;
    struct err ignored = ERR_INIT;
    struct http_result answer = {0};

    snprintf(out, room, "unknown");
    if (asprintf(&url, "%s/version", kube_server(c->kube)) < 0)
        return;
    const struct http_request r = {
        .url = url, .total_ms = c->timeout_ms, .transport = &way};
    if (http_wait(kube_http(c->kube), &r, &answer, &ignored) == 0 &&
        answer.status == 200) {
        SCOPED(json)
        json_t *said = json_parse(buf_str(&answer.body), answer.body.size, 0, &ignored);
        snprintf(out, room, "%s", json_str_or(said, "gitVersion", "unknown"));
    }
    http_result_free(&answer);
}

static void
random_id(char *out, size_t room)
{
    unsigned char b[16];

    if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
        abort();
    b[6] = (b[6] & 0x0f) | 0x40; /* a UUID of version 4 */
    b[8] = (b[8] & 0x3f) | 0x80;
    snprintf(out, room,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
             b[13], b[14], b[15]);
}

/* The number kept in the ConfigMap, which is made when there is none. */
static int
installation(struct cli *c, const char *ns, bool keep, char *out, size_t room,
             struct err *e)
{
    const struct kube_resource *res = kube_res(KUBE_CONFIG_MAPS);
    struct kube_request get = {
        .verb = KUBE_GET, .res = res, .ns = ns, .name = CONFIG_MAP};
    SCOPED(json) json_t *found = NULL;
    struct err why = ERR_INIT;

    if (cli_call(c, &get, &found, NULL, &why) == 0) {
        snprintf(out, room, "%s", json_str_or(found, "data." ID_KEY, ""));
        return 0;
    }
    if (why.code != ERR_NOT_FOUND) {
        *e = why;
        return -1;
    }
    snprintf(out, room, "(a random number, made for the first report)");
    if (!keep)
        return 0;
    SCOPED(json) json_t *made = cli_object(res, ns, CONFIG_MAP);
    random_id(out, room);
    json_put_str(made, "data." ID_KEY, out);
    struct kube_request create = {
        .verb = KUBE_CREATE, .res = res, .ns = ns, .name = CONFIG_MAP, .body = made};
    return cli_call(c, &create, NULL, NULL, e);
}

char *
report_text(struct cli *c, const char *ns, const char *environment, bool keep,
            struct err *e)
{
    static const enum kube_res kinds[] = {KUBE_TASKS, KUBE_TASK_SPAWNERS, KUBE_WORKSPACES,
                                          KUBE_AGENT_CONFIGS};
    SCOPED(report) struct report *r = report_new();
    char kubernetes[128], id[64];
    const struct report_about about = {KELOS_VERSION, kubernetes, environment, id};

    if (cli_kube(c, e) == NULL)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (add_kind(c, r, kinds[i], e) < 0)
            return NULL;
    if (installation(c, ns, keep, id, sizeof(id), e) < 0)
        return NULL;
    kubernetes_version(c, kubernetes, sizeof(kubernetes));
    SCOPED(json) json_t *report = report_json(r, &about);
    return json_dump_pretty(report);
}

bool
report_unwanted(void)
{
    const char *said = getenv("DO_NOT_TRACK");

    return said != NULL && said[0] != '\0' && strcmp(said, "0") != 0 &&
           strcasecmp(said, "false") != 0;
}
