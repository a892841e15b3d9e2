/* Columns, fields, JSONPath, manifests, status. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/jsonpath.h"
#include "cli/manifest.h"
#include "cli/print.h"
#include "cli/resource.h"
#include "cli/statusview.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "common/macros.h"
#include "common/data/yaml.h"
#include "tests/support/rows.h"

static json_t *
yaml(const char *text)
{
    struct err e = ERR_INIT;
    json_t *value = yaml_parse_one(text, strlen(text), "test", &e);

    cr_assert_not_null(value, "%s", e.text);
    return value;
}

static int64_t
at(const char *time)
{
    int64_t ms = 0;

    cr_assert_eq(rfc3339_parse(time, &ms), 0);
    return ms;
}

static const char full_task[] =
    "metadata: {name: fix-login, namespace: default, creationTimestamp: "
    "'2026-03-03T08:00:00Z'}\n"
    "spec:\n"
    "  type: claude-code\n"
    "  prompt: Repair the login form\n"
    "  credentials: {type: oauth, secretRef: {name: kelos-credentials}}\n"
    "  model: opus\n"
    "  image: my/image:1\n"
    "  branch: feat/login\n"
    "  dependsOn: [task-a, task-b]\n"
    "  workspaceRef: {name: shop}\n"
    "  agentConfigRef: {name: reviewer}\n"
    "  ttlSecondsAfterFinished: 3600\n"
    "  podOverrides: {activeDeadlineSeconds: 7200}\n"
    "status:\n"
    "  phase: Succeeded\n"
    "  jobName: fix-login\n"
    "  podName: fix-login-abc\n"
    "  startTime: '2026-03-03T09:00:00Z'\n"
    "  completionTime: '2026-03-03T09:07:12Z'\n"
    "  message: all good\n"
    "  outputs: ['https://git.example.com/pr/1', 'commit: 1f2e3d4']\n"
    "  results: {pr: '1', branch: feat/login}\n";

static void
check_table(const struct resource *r, const char *document, bool namespaces,
            const char *wanted)
{
    SCOPED(json) json_t *object = yaml(document);
    SCOPED(table) struct table *t = table_new();
    SCOPED(buf) struct buf out = BUF_INIT;

    resource_header(r, namespaces, false, t);
    if (json_object_size(object) > 0)
        resource_row(r, object, namespaces, false, at("2026-03-05T11:00:00Z"), t);
    table_write(t, 0, NULL, 0, &out);
    cr_expect_str_eq(buf_str(&out), wanted, "%s", buf_str(&out));
}

Test(resource, tables_have_these_columns)
{
    check_table(&resource_task, full_task, false,
                "NAME        TYPE          PHASE       BRANCH       WORKSPACE   AGENT "
                "CONFIG   DURATION   AGE\n"
                "fix-login   claude-code   Succeeded   feat/login   shop        reviewer "
                "      7m12s      2d3h\n");
    check_table(&resource_task,
                "metadata: {name: t, namespace: team, creationTimestamp: "
                "'2026-03-05T10:59:56Z'}\n"
                "spec: {type: codex}\n",
                true,
                "NAMESPACE   NAME   TYPE    PHASE   BRANCH   WORKSPACE   AGENT CONFIG   "
                "DURATION   AGE\n"
                "team        t      codex           -        -           -              "
                "-          4s\n");
    check_table(&resource_spawner,
                "metadata: {name: weekly, creationTimestamp: '2026-03-04T09:00:00Z'}\n"
                "spec: {when: {cron: {schedule: '0 9 * * 1'}}}\n"
                "status: {phase: Suspended, totalDiscovered: 3, totalTasksCreated: 2}\n",
                false,
                "NAME     SOURCE            PHASE       DISCOVERED   TASKS   AGE\n"
                "weekly   cron: 0 9 * * 1   Suspended   3            2       26h\n");
    check_table(
        &resource_spawner,
        "metadata: {name: b, creationTimestamp: '2026-03-04T09:00:00Z'}\n"
        "spec: {when: {githubIssues: {}}, taskTemplate: {workspaceRef: {name: shop}}}\n",
        false,
        "NAME   SOURCE   PHASE   DISCOVERED   TASKS   AGE\n"
        "b      shop             0            0       26h\n");
    check_table(&resource_workspace,
                "metadata: {name: docs, creationTimestamp: '2026-03-05T07:55:00Z'}\n"
                "spec: {repo: 'https://git.example.com/acme/docs.git'}\n",
                false,
                "NAME   REPO                                    REF   AGE\n"
                "docs   https://git.example.com/acme/docs.git         3h5m\n");
    check_table(&resource_agentconfig,
                "metadata: {name: a, creationTimestamp: '2026-03-05T07:55:00Z'}\n"
                "spec: {plugins: [{name: x}], skills: [{source: a}, {source: b}]}\n",
                false,
                "NAME   PLUGINS   SKILLS   MCP SERVERS   AGE\n"
                "a      1         2        0             3h5m\n");
    check_table(&resource_agentconfig, "{}\n", true,
                "NAMESPACE   NAME   PLUGINS   SKILLS   MCP SERVERS   AGE\n");
    row_claim("CLI/G05");
}

static char *
detail(const struct resource *r, const char *document)
{
    SCOPED(json) json_t *object = yaml(document);
    struct buf out = BUF_INIT;

    setenv("TZ", "UTC", 1);
    r->detail(object, at("2026-03-05T11:00:00Z"), &out);
    return buf_take(&out);
}

Test(resource, a_full_task_shows_every_field)
{
    SCOPED(string) char *text = detail(&resource_task, full_task);

    cr_assert_str_eq(text,
                     "Name:               fix-login\n"
                     "Namespace:          default\n"
                     "Type:               claude-code\n"
                     "Phase:              Succeeded\n"
                     "Prompt:             Repair the login form\n"
                     "Secret:             kelos-credentials\n"
                     "Credential Type:    oauth\n"
                     "Model:              opus\n"
                     "Image:              my/image:1\n"
                     "Branch:             feat/login\n"
                     "Depends On:         task-a, task-b\n"
                     "Workspace:          shop\n"
                     "Agent Config:       reviewer\n"
                     "TTL:                3600s\n"
                     "Timeout:            7200s\n"
                     "Job:                fix-login\n"
                     "Pod:                fix-login-abc\n"
                     "Start Time:         2026-03-03T09:00:00Z\n"
                     "Completion Time:    2026-03-03T09:07:12Z\n"
                     "Duration:           7m12s\n"
                     "Message:            all good\n"
                     "Outputs:            https://git.example.com/pr/1\n"
                     "                    commit: 1f2e3d4\n"
                     "Results:            branch=feat/login\n"
                     "                    pr=1\n",
                     "%s", text);
    row_claim("CLI/G07");
}

static void
check_absent(const char *text, const char *const *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_expect_null(strstr(text, labels[i]), "%s in\n%s", labels[i], text);
}

Test(resource, what_a_task_has_not_is_not_shown)
{
    static const char *const labels[] = {
        "Model:",     "Image:",        "Branch:",     "Depends On:",
        "Workspace:", "Agent Config:", "TTL:",        "Timeout:",
        "Job:",       "Pod:",          "Start Time:", "Completion Time:",
        "Duration:",  "Message:",      "Outputs:",    "Results:"};
    SCOPED(string)
    char *text =
        detail(&resource_task, "metadata: {name: t, namespace: d}\n"
                               "spec: {type: codex, prompt: \"two\\nlines\\n\"}\n");

    check_absent(text, labels, ARRAY_LEN(labels));
    cr_expect_not_null(
        strstr(text, "Prompt:             two\n                    lines\n"), "%s", text);
    row_claim("CLI/G08");
}

Test(resource, a_cron_spawner_shows_its_schedule)
{
    SCOPED(string)
    char *text =
        detail(&resource_spawner,
               "metadata: {name: w, namespace: d}\n"
               "spec: {when: {cron: {schedule: '0 9 * * 1'}}, pollInterval: 5m,\n"
               "       taskTemplate: {type: codex, model: m}}\n"
               "status: {deploymentName: w, totalDiscovered: 3, totalTasksCreated: 2}\n");
    static const char *const lines[] = {
        "Source:             Cron\n",  "Schedule:           0 9 * * 1\n",
        "Task Type:          codex\n", "Model:              m\n",
        "Poll Interval:      5m\n",    "Deployment:         w\n",
        "Discovered:         3\n",     "Tasks Created:      2\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        cr_expect_not_null(strstr(text, lines[i]), "%s in\n%s", lines[i], text);
    row_claim("CLI/G09");
}

Test(resource, a_workspace_shows_what_is_set)
{
    static const char *const labels[] = {"Ref:", "Secret:"};
    SCOPED(string)
    char *full =
        detail(&resource_workspace, "metadata: {name: w, namespace: d}\n"
                                    "spec: {repo: r, ref: main, secretRef: {name: s}}\n");
    SCOPED(string)
    char *minimal = detail(&resource_workspace,
                           "metadata: {name: w, namespace: d}\nspec: {repo: r}\n");

    cr_expect_str_eq(
        full, "Name:               w\nNamespace:          d\nRepo:               r\n"
              "Ref:                main\nSecret:             s\n");
    check_absent(minimal, labels, ARRAY_LEN(labels));
    row_claim("CLI/G10");
}

Test(resource, an_agentconfig_lists_its_parts)
{
    static const char *const labels[] = {"Agents MD:", "Plugins:", "MCP Servers:"};
    SCOPED(string)
    char *full = detail(
        &resource_agentconfig,
        "metadata: {name: a, namespace: d}\n"
        "spec:\n  agentsMD: short\n"
        "  plugins: [{name: p, skills: [{name: review}], agents: [{name: triage}]}]\n"
        "  skills: [{source: a/b}, {source: c/d, skill: x}]\n"
        "  mcpServers: [{name: github, type: http}, {name: db, type: stdio}]\n");
    SCOPED(string)
    char *minimal =
        detail(&resource_agentconfig, "metadata: {name: a, namespace: d}\nspec: {}\n");

    cr_expect_str_eq(
        full,
        "Name:               a\nNamespace:          d\n"
        "Agents MD:          short\n"
        "Plugins:            p (skills=[review], agents=[triage])\n"
        "Skills:             a/b\n                    c/d (skill=x)\n"
        "MCP Servers:        github (http)\n                    db (stdio)\n",
        "%s", full);
    check_absent(minimal, labels, ARRAY_LEN(labels));
    row_claim("CLI/G11");
}

/* What the original's fields hide, break or cut. */
Test(resource, fields_of_several_lines_are_indented_and_none_is_hidden)
{
    static const char *const task_lines[] = {
        "Prompt:             one\n                    two\n",
        "Conditions:         Ready=False (Blocked) waits\n",
        "Results:            cost-usd=0.25\n",
    };
    static const char *const spawner_lines[] = {
        "Source:             Jira\n", "Project:            SHOP\n",
        "Suspend:            true\n", "CronJob:            w\n",
        "Active:             2\n",    "Conditions:         Ready=True (Polled)\n",
    };
    SCOPED(string)
    char *task = detail(&resource_task, "metadata: {name: t, namespace: d}\n"
                                        "spec: {type: codex, prompt: \"one\\ntwo\"}\n"
                                        "status: {results: {cost-usd: '0.25'}, "
                                        "conditions: [{type: Ready, status: 'False',"
                                        " reason: Blocked, message: waits}]}\n");
    SCOPED(string)
    char *spawner = detail(
        &resource_spawner,
        "metadata: {name: w, namespace: d}\n"
        "spec: {suspend: true, when: {jira: {project: SHOP}}, taskTemplate: {type: x}}\n"
        "status: {cronJobName: w, activeTasks: 2, conditions: [{type: Ready, status: "
        "'True', reason: Polled}]}\n");
    SCOPED(buf) struct buf long_text = BUF_INIT;

    buf_add_char(&long_text, 'x'); /* the 80th byte is the first half of a character */
    for (int i = 0; i < 100; i++)
        buf_add_str(&long_text, "\303\244");
    SCOPED(json)
    json_t *config = json_pack("{s:{s:s}}", "spec", "agentsMD", buf_str(&long_text));
    SCOPED(buf) struct buf cut = BUF_INIT;

    for (size_t i = 0; i < ARRAY_LEN(task_lines); i++)
        cr_expect_not_null(strstr(task, task_lines[i]), "%s in\n%s", task_lines[i], task);
    for (size_t i = 0; i < ARRAY_LEN(spawner_lines); i++)
        cr_expect_not_null(strstr(spawner, spawner_lines[i]), "%s in\n%s",
                           spawner_lines[i], spawner);
    resource_agentconfig.detail(config, 0, &cut);
    const char *agents = strstr(buf_str(&cut), "Agents MD:");
    cr_assert_not_null(agents, "%s", buf_str(&cut));
    cr_expect_eq(strspn(agents + 20, "x\303\244"), 79, "%s", agents);
    cr_expect_eq(strncmp(agents + 99, "...", 3), 0, "%s", agents);

    SCOPED(json)
    json_t *object = yaml("metadata: {name: t, managedFields: [{manager: kelos}]}\n");
    print_trim(object);
    cr_expect_null(json_at(object, "metadata.managedFields"));
    row_claim("CLI/W27");
}

Test(jsonpath, reads_what_scripts_ask_for)
{
    static const struct {
        const char *template, *out;
    } rows[] = {
        {"{.status.phase}", "Succeeded"},
        {"{.spec.dependsOn[1]}", "task-b"},
        {"{.spec.dependsOn[-1]}", "task-b"},
        {"{.spec.dependsOn[*]}", "task-a task-b"},
        {"{['status']['phase']}!", "Succeeded!"},
        {"{.metadata.name}{\"\\t\"}{.status.results.pr}", "fix-login\t1"},
        {"{$.status.phase}", "Succeeded"},
        {"{.nothing.here}", ""},
        {"{.status.results}", "{\"branch\":\"feat/login\",\"pr\":\"1\"}"},
        {"{.spec.ttlSecondsAfterFinished}", "3600"},
    };
    SCOPED(json) json_t *task = yaml(full_task);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(buf) struct buf out = BUF_INIT;
        struct err e = ERR_INIT;

        cr_assert_eq(jsonpath_write(rows[i].template, task, &out, &e), 0, "%s: %s",
                     rows[i].template, e.text);
        cr_expect_str_eq(buf_str(&out), rows[i].out, "%s: %s", rows[i].template,
                         buf_str(&out));
    }
}

Test(jsonpath, malformed_templates_are_errors)
{
    static const char *const bads[] = {"{.a",     "{a}",     "{}",   "{.a[}",
                                       "{.a[x]}", "{.a..b}", "{\"x}"};

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        SCOPED(buf) struct buf out = BUF_INIT;
        struct err e = ERR_INIT;
        SCOPED(json) json_t *task = yaml("a: {b: 1}\n");

        cr_expect_eq(jsonpath_write(bads[i], task, &out, &e), -1, "%s", bads[i]);
    }
}

/* ---- manifests ---- */

static int
read_manifest(const char *text, bool fixed, char *said)
{
    struct err e = ERR_INIT;
    SCOPED(yaml_docs)
    struct yaml_docs *docs = yaml_parse(text, strlen(text), "f.yaml", &e);
    struct manifest m;

    cr_assert_not_null(docs, "%s", e.text);
    int rc = manifest_read("f.yaml", &docs->docs[0], "team", fixed, &m, &e);
    snprintf(said, 1024, "%s", rc < 0 ? e.text : m.ns != NULL ? m.ns : "");
    return rc;
}

Test(manifest, mistakes_name_file_and_line)
{
    static const struct {
        const char *text, *mentions;
    } rows[] = {
        {"- a\n", "f.yaml:1: expected an object"},
        {"kind: Task\n", "apiVersion"},
        {"apiVersion: v1\n", "kind"},
        {"apiVersion: kelos.dev/v1alpha1\nkind: Tusk\nmetadata: {name: x}\n",
         "f.yaml:2: kind \"Tusk\" in apiVersion \"kelos.dev/v1alpha1\" is unknown; did "
         "you mean Task?"},
        {"apiVersion: kelos.dev/v9\nkind: Task\nmetadata: {name: x}\n",
         "f.yaml:1: kind \"Task\" in apiVersion \"kelos.dev/v9\" is unknown; use "
         "kelos.dev/v1alpha1"},
        {"apiVersion: v1\nkind: Secret\nmetadata: {}\n", "f.yaml:3: metadata.name"},
        {"apiVersion: v1\nkind: Secret\nmetadata: {name: a/b}\n", "f.yaml:3"},
    };
    char said[1024];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cr_expect_eq(read_manifest(rows[i].text, false, said), -1, "%s", rows[i].text);
        cr_expect_not_null(strstr(said, rows[i].mentions), "%s", said);
    }
}

Test(manifest, the_namespace_is_filled_in_or_must_agree)
{
    char said[1024];

    cr_expect_eq(
        read_manifest("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", true, said),
        0);
    cr_expect_str_eq(said, "team");
    cr_expect_eq(read_manifest("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
                               true, said),
                 0);
    cr_expect_str_eq(said, "");
    cr_expect_eq(
        read_manifest("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\n",
                      false, said),
        0);
    cr_expect_str_eq(said, "b");
    cr_expect_eq(
        read_manifest("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\n",
                      true, said),
        -1);
}

static void
add_path(void *arg, const char *path)
{
    buf_printf(arg, "%s ", path);
}

Test(manifest, fields_that_the_server_left_out_are_found)
{
    static const char text[] =
        "apiVersion: kelos.dev/v1alpha1\nkind: Workspace\n"
        "metadata: {name: w}\n"
        "spec:\n  repo: r\n  reff: main\n  files: [{path: a, conten: b}]\n"
        "  remotes: []\nextra: 1\n";
    struct err e = ERR_INIT;
    SCOPED(yaml_docs)
    struct yaml_docs *docs = yaml_parse(text, strlen(text), "f.yaml", &e);
    SCOPED(json)
    json_t *answer = yaml("apiVersion: kelos.dev/v1alpha1\nkind: Workspace\n"
                          "metadata: {name: w, uid: u}\n"
                          "spec: {repo: r, files: [{path: a}]}\n");
    SCOPED(buf) struct buf found = BUF_INIT;
    struct manifest m;

    cr_assert_eq(manifest_read("f.yaml", &docs->docs[0], "d", false, &m, &e), 0, "%s",
                 e.text);
    manifest_unknown_fields(&m, answer, add_path, &found);
    cr_expect_str_eq(buf_str(&found), "spec.reff spec.files[0].conten extra ", "%s",
                     buf_str(&found));
    cr_expect_eq(yaml_line(&docs->docs[0], "spec.reff"), 6);
}

/* ---- status ---- */

Test(statusview, tells_what_is_degraded)
{
    SCOPED(json)
    json_t *good = yaml(
        "{pid: 7, version: latest, uptimeMs: 60000, ready: true, reason: '', degraded: "
        "[],\n"
        " leadership: {leader: true, identity: me}, workers: [\n"
        " {id: watcher, state: up, pid: 8, uptimeMs: 5000, restarts: 1, pssKiB: 900,\n"
        "  degraded: false, lastExit: killed by SIGKILL}]}\n");
    SCOPED(json)
    json_t *bad = yaml(
        "{ready: false, reason: watcher is waiting, degraded: [watcher keeps dying],\n"
        " workers: []}\n");
    SCOPED(buf) struct buf one = BUF_INIT, two = BUF_INIT;

    cr_expect(statusview_write(good, &one));
    cr_expect_not_null(strstr(buf_str(&one), "up 60s: ready"), "%s", buf_str(&one));
    cr_expect_not_null(strstr(buf_str(&one), "Leadership: here (me)"));
    cr_expect_not_null(strstr(buf_str(&one), "watcher   up      8"), "%s", buf_str(&one));
    cr_expect_not(statusview_write(bad, &two));
    cr_expect_not_null(strstr(buf_str(&two), "not ready: watcher is waiting"));
    cr_expect_not_null(strstr(buf_str(&two), "Degraded: watcher keeps dying"));
}

Test(print, managed_fields_are_left_out)
{
    SCOPED(json)
    json_t *list = yaml("{metadata: {managedFields: []}, items: [{metadata: {name: a, "
                        "managedFields: []}}]}\n");

    print_trim(list);
    cr_expect_null(json_at(list, "metadata.managedFields"));
    cr_expect_null(json_at(list, "items[0].metadata.managedFields"));
    cr_expect_str_eq(json_str_or(list, "items[0].metadata.name", ""), "a");
}
