/* test_rules.c - what the schemas of our own types refuse: the "invalid input" rows. */
#include "tests/local/apiserver/serverfixture.h"

TestSuite(rules, .init = server_start, .fini = server_stop);

/* A row: the spec as YAML over a good one, and what the refusal says (NULL: it is taken). */
struct rule_case {
    const char *row; /* claimed when the check has passed; NULL: none */
    const char *plural, *spec, *said;
};

static const char *
base(const char *plural)
{
    if (strcmp(plural, "tasks") == 0)
        return "{type: codex, prompt: p, credentials: {type: api-key, secretRef: {name: "
               "s}}}";
    if (strcmp(plural, "workspaces") == 0)
        return "{repo: 'https://example.com/a/b.git'}";
    if (strcmp(plural, "agentconfigs") == 0)
        return "{}";
    return "{when: {githubIssues: {}}, taskTemplate: {type: codex, workspaceRef: {name: "
           "w}, credentials: {type: api-key, secretRef: {name: s}}}}";
}

static const char *
kind(const char *plural)
{
    return strcmp(plural, "tasks") == 0          ? "Task"
           : strcmp(plural, "workspaces") == 0   ? "Workspace"
           : strcmp(plural, "agentconfigs") == 0 ? "AgentConfig"
                                                 : "TaskSpawner";
}

static void
check(const struct rule_case *c, int number)
{
    struct err e = ERR_INIT;
    SCOPED(json)
    json_t *whole = yaml_parse_one(base(c->plural), strlen(base(c->plural)), "base", &e);
    SCOPED(json) json_t *over = yaml_parse_one(c->spec, strlen(c->spec), "row", &e);
    SCOPED(json) json_t *spec = json_merge(whole, over);
    char path[200], name[32];
    struct reply r = REPLY_INIT;

    cr_assert(whole != NULL && over != NULL, "%s: %s", c->spec, e.text);
    snprintf(name, sizeof name, "n%d", number);
    SCOPED(json)
    json_t *obj =
        json_pack("{s:s, s:s, s:{s:s}, s:O}", "apiVersion", "kelos.dev/v1alpha1", "kind",
                  kind(c->plural), "metadata", "name", name, "spec", spec);
    SCOPED(string) char *text = json_dumps(obj, JSON_COMPACT);
    snprintf(path, sizeof path, "/apis/kelos.dev/v1alpha1/namespaces/default/%s",
             c->plural);
    struct call call = {.method = "POST",
                        .path = path,
                        .content_type = "application/json",
                        .body = text,
                        .size = strlen(text)};
    api_handle(&server, &call, &r);
    if (c->said == NULL)
        cr_expect_eq(r.code, 201, "%s: %s", c->spec, buf_str(&r.body));
    else
        cr_expect(r.code == 422 && strstr(buf_str(&r.body), c->said) != NULL, "%s: %d %s",
                  c->spec, r.code, buf_str(&r.body));
    if (c->row != NULL &&
        (c->said == NULL ? r.code == 201
                         : r.code == 422 && strstr(buf_str(&r.body), c->said) != NULL))
        row_claim(c->row);
    reply_clear(&r);
}

Test(rules, of_tasks)
{
    static const struct rule_case rows[] = {
        {NULL, "tasks", "{}", NULL},
        {"RES/T1", "tasks", "{type: copilot}", "spec.type"},
        {"RES/T2", "tasks", "{credentials: {type: token}}", "spec.credentials.type"},
        {NULL, "tasks", "{type: null}", "spec.type"},
        {NULL, "tasks", "{prompt: null}", "spec.prompt"},
        {NULL, "tasks", "{credentials: {type: null}}", "spec.credentials.type"},
        {NULL, "tasks", "{credentials: {secretRef: {name: null}}}",
         "spec.credentials.secretRef.name"},
        {"RES/T3", "tasks", "{credentials: null}", "spec.credentials"},
        {"RES/T4", "tasks", "{ttlSecondsAfterFinished: -1}",
         "spec.ttlSecondsAfterFinished"},
        {"RES/T5", "tasks", "{podOverrides: {activeDeadlineSeconds: 0}}",
         "spec.podOverrides.activeDeadlineSeconds"},
        {"RES/T6", "tasks", "{podOverrides: {resources: {limits: {memory: 4 GB}}}}",
         "spec.podOverrides.resources.limits.memory"},
        {NULL, "tasks",
         "{podOverrides: {resources: {limits: {cpu: 2, memory: 1Gi}, requests: {cpu: "
         "'0.5'}}}}",
         NULL},
        {"RES/T9", "tasks", "{prompt: ''}", "spec.prompt"},
        {NULL, "tasks", "{dependsOn: ['']}", "spec.dependsOn[0]"},
        {"RES/T18", "tasks", "{branch: 'bad..name'}", "spec.branch"},
        {NULL, "tasks", "{branch: '-x'}", "spec.branch"},
        {"RES/T21", "tasks", "{ttlSecondsAfterFinished: 2147483648}",
         "spec.ttlSecondsAfterFinished"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i], (int)i);
}

Test(rules, of_workspaces)
{
    static const struct rule_case rows[] = {
        {NULL, "workspaces", "{repo: null}", "spec.repo"},
        {NULL, "workspaces", "{repo: owner/name}", "spec.repo"},
        {"RES/W1", "workspaces", "{repo: 'ssh://git@host/o/r'}", "spec.repo"},
        {"RES/W2", "workspaces", "{remotes: [{name: origin, url: 'https://a.b/c'}]}",
         "is reserved for the clone source"},
        {"RES/W3", "workspaces",
         "{remotes: [{name: a, url: 'https://a.b/c'}, {name: a, url: 'https://a.b/d'}]}",
         "remote names must be unique"},
        {NULL, "workspaces", "{remotes: [{name: a, url: 'not-a-url'}]}",
         "spec.remotes[0].url"},
        {"RES/W4", "workspaces", "{remotes: [{name: '', url: 'https://a.b/c'}]}",
         "spec.remotes[0].name"},
        {NULL, "workspaces", "{files: [{path: a}]}", "spec.files[0].content"},
        {"RES/W5", "workspaces", "{files: [{path: '', content: x}]}",
         "spec.files[0].path"},
        {"RES/W12", "workspaces", "{repo: 'https://'}", "spec.repo"},
        {NULL, "workspaces",
         "{files: [{path: a, content: ''}], remotes: [{name: a, url: 'https://a.b/c'}]}",
         NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i], (int)i);
}

Test(rules, of_agentconfigs)
{
    static const struct rule_case rows[] = {
        {NULL, "agentconfigs", "{}", NULL},
        {NULL, "agentconfigs", "{mcpServers: [{name: '', type: http, url: u}]}",
         "spec.mcpServers[0].name"},
        {NULL, "agentconfigs", "{mcpServers: [{name: a}]}", "spec.mcpServers[0].type"},
        {"RES/A1", "agentconfigs", "{mcpServers: [{name: a, type: grpc}]}",
         "spec.mcpServers[0].type"},
        {NULL, "agentconfigs", "{plugins: [{name: ''}]}", "spec.plugins[0].name"},
        {NULL, "agentconfigs", "{skills: [{source: ''}]}", "spec.skills[0].source"},
        {"RES/A2", "agentconfigs", "{plugins: [{name: p, skills: [{name: s}]}]}",
         "spec.plugins[0].skills[0].content"},
        {"RES/A3", "agentconfigs",
         "{mcpServers: [{name: a, type: http, url: u, headers: {X: 1}}]}",
         "spec.mcpServers[0].headers.X"},
        {NULL, "agentconfigs", "{mcpServers: [{name: a, type: http}]}",
         "spec.mcpServers[0]"},
        {"RES/A10", "agentconfigs", "{mcpServers: [{name: a, type: stdio}]}",
         "spec.mcpServers[0]"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i], (int)i);
}

Test(rules, of_taskspawners)
{
    static const struct rule_case rows[] = {
        {NULL, "taskspawners", "{}", NULL},
        {"RES/S1", "taskspawners", "{taskTemplate: {workspaceRef: null}}",
         "workspaceRef is required"},
        {NULL, "taskspawners", "{when: {githubIssues: {state: merged}}}",
         "spec.when.githubIssues.state"},
        {NULL, "taskspawners", "{maxConcurrency: -1}", "spec.maxConcurrency"},
        {NULL, "taskspawners", "{maxTotalTasks: -1}", "spec.maxTotalTasks"},
        {"RES/S2", "taskspawners", "{taskTemplate: {type: copilot}}",
         "spec.taskTemplate.type"},
        {NULL, "taskspawners",
         "{when: {githubIssues: null, jira: {baseUrl: 'jira.example.com', project: P, "
         "secretRef: {name: s}}}}",
         "spec.when.jira.baseUrl"},
        {NULL, "taskspawners",
         "{when: {githubIssues: null, jira: {baseUrl: 'https://j.example.com'}}}",
         "spec.when.jira.project"},
        {"RES/S3", "taskspawners", "{when: {githubIssues: null, cron: {}}}",
         "spec.when.cron.schedule"},
        {"RES/S4", "taskspawners", "{when: {githubIssues: null}}", "spec.when"},
        {"RES/S5", "taskspawners", "{when: {cron: {schedule: '* * * * *'}}}",
         "spec.when"},
        {"RES/S6", "taskspawners", "{when: {githubIssues: {types: [prs]}}}",
         "spec.when.githubIssues.types[0]"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i], (int)i);
}

Test(rules, a_task_needs_a_spec_and_a_short_name)
{
    static const struct {
        const char *row, *path, *text;
        int code;
    } rows[] = {
        {"RES/T8", "tasks", "{\"metadata\":{\"name\":\"t\"}}", 422},
        {"RES/W13", "workspaces", "{\"metadata\":{\"name\":\"t\"}}", 422},
        {"RES/T19", "tasks",
         "{\"metadata\":{\"name\":"
         "\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg\"},\"spec\":"
         "{\"type\":\"codex\",\"prompt\":\"p\","
         "\"credentials\":{\"type\":\"api-key\",\"secretRef\":{\"name\":\"s\"}}}}",
         422},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[200];
        struct reply r = REPLY_INIT;
        struct call call = {.method = "POST",
                            .path = path,
                            .content_type = "application/json",
                            .body = rows[i].text,
                            .size = strlen(rows[i].text)};

        snprintf(path, sizeof path, "/apis/kelos.dev/v1alpha1/namespaces/default/%s",
                 rows[i].path);
        api_handle(&server, &call, &r);
        cr_expect_eq(r.code, rows[i].code, "%s: %s", rows[i].row, buf_str(&r.body));
        if (r.code == rows[i].code)
            row_claim(rows[i].row);
        reply_clear(&r);
    }
}
