/* test_workload.c - the Deployment or CronJob of each acceptance row, looked into and beside a
 * golden file; and what counts as a difference from one that stands. `make golden` writes the
 * files anew. */
#include "tests/reconciler/jobfixture.h"
#include "tests/support/rows.h"

#include "reconciler/owner.h"
#include "reconciler/isolate/workload.h"

static const struct isolation isolation = {
    .possible = true,
    .image = "kelos-dev/kelos-spawner:latest",
    .pull_policy = "",
    .refresher_image = "kelos-dev/kelos-token-refresher:latest",
    .refresher_pull_policy = "",
    .address = "kelos-controller-bus.kelos-system.svc",
    .port = 7440,
    .requests = {.items = {{"cpu", "5m"}, {"memory", "16Mi"}}, .n = 2},
    .limits = {.items = {{"memory", "128Mi"}}, .n = 1},
};

#define ISSUES "'githubIssues':{}"
#define CRON "'cron':{'schedule':'0 9 * * 1'}"
#define JIRA(more)                                                                       \
    "'jira':{'baseUrl':'https://jira.example.com','project':'ENG','secretRef':{'name':"  \
    "'j'}" more "}"
#define KELOS "'repo':'https://github.com/kelos-dev/kelos.git'"
#define SECRET ",'secretRef':{'name':'gh'}"
#define ENTERPRISE "'repo':'https://github.example.com/my-org/my-repo.git'"

static struct spawner_view *
spawner_of(const char *when, bool workspace, const char *more)
{
    return make_view(
        KIND_TASK_SPAWNER, 0,
        js("{'metadata':{'name':'bugs','namespace':'dev','uid':'u1'},'spec':{'when':{%s},"
           "'taskTemplate':{'type':'claude-code','credentials':{'type':'none'}%s}%s}}",
           when, workspace ? ",'workspaceRef':{'name':'web'}" : "", more));
}

struct given {
    const char *name, *when, *workspace;
    bool app;
    const char *more; /* of the spec */
};
#define GIVEN(n, w, workspace_of, ...)                                                   \
    {                                                                                    \
        .name = n, .when = w, .workspace = workspace_of, ##__VA_ARGS__                   \
    }

static json_t *
made(const struct given *g)
{
    return keep(workload_build(&(struct workload_wish){
        .spawner =
            spawner_of(g->when, g->workspace != NULL, g->more != NULL ? g->more : ""),
        .workspace = g->workspace != NULL ? make_workspace(g->workspace) : NULL,
        .app = g->app,
        .github_api = "",
        .bus_mark = "0123456789abcdef",
        .shard = 1,
        .isolation = &isolation}));
}

static const json_t *
pod_of(const json_t *o)
{
    const json_t *cron = json_at(o, "spec.jobTemplate.spec.template.spec");

    return cron != NULL ? cron : json_at(o, "spec.template.spec");
}

/* The arguments that are the original's: all but our last. */
static const char *
args(const json_t *o)
{
    static char text[4096];
    const json_t *list = json_at(pod_of(o), "containers[0].args");
    size_t n = 0, count = json_array_size(list);

    cr_assert(count > 0);
    cr_expect_str_eq(json_string_value(json_array_get(list, count - 1)),
                     "--controller=tcp://kelos-controller-bus.kelos-system.svc:7441");
    text[0] = '\0';
    for (size_t i = 0; i + 1 < count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i > 0 ? " " : "",
                              json_string_value(json_array_get(list, i)));
    return text;
}

/* The environment that is the original's. */
static const char *
env(const json_t *o)
{
    static char text[4096];
    static const char ours[] = "KELOS_BUS_KEY=@bugs-bus/KELOS_BUS_KEY";
    const char *all = env_text(json_at(pod_of(o), "containers[0]"));
    size_t n = strlen(all), end = sizeof ours - 1;

    cr_assert(n >= end && strcmp(all + n - end, ours) == 0, "%s", all);
    snprintf(text, sizeof text, "%.*s", (int)(n > end ? n - end - 1 : 0), all);
    return text;
}

static size_t
count(const json_t *o, const char *list)
{
    return json_array_size(json_object_get(pod_of(o), list));
}

#define NAMED "--taskspawner-name=bugs --taskspawner-namespace=dev"
#define OURS_REPO " --github-owner=kelos-dev --github-repo=kelos"
#define TOKEN_FILE " --github-token-file=/shared/token/GITHUB_TOKEN"

static void
expect(const struct given *g, const char *want_args, const char *want_env, bool sidecar)
{
    json_t *o = made(g);

    cr_expect_str_eq(args(o), want_args, "%s: %s", g->name, args(o));
    cr_expect_str_eq(env(o), want_env, "%s: %s", g->name, env(o));
    cr_expect_eq(count(o, "containers"), 1, "%s", g->name);
    cr_expect_eq(count(o, "initContainers"), sidecar ? 1 : 0, "%s", g->name);
    cr_expect_eq(count(o, "volumes"), sidecar ? 2 : 0, "%s", g->name);
    cr_expect_eq(json_array_size(json_at(pod_of(o), "containers[0].volumeMounts")),
                 sidecar ? 1 : 0, "%s", g->name);
    if (sidecar) {
        cr_expect(json_bool_or(pod_of(o), "containers[0].volumeMounts[0].readOnly", 0));
        cr_expect_str_eq(json_str_or(pod_of(o), "initContainers[0].name", ""),
                         "token-refresher");
        cr_expect_str_eq(json_str_or(pod_of(o), "initContainers[0].restartPolicy", ""),
                         "Always");
    }
    golden_compare(g->name, o);
}

Test(workload, a_repository_with_a_token)
{
    expect(&(struct given)GIVEN("rows/SP-D1", ISSUES, KELOS SECRET), NAMED OURS_REPO,
           "GITHUB_TOKEN=@gh/GITHUB_TOKEN", false);
    row_claim("SP/D1");
    row_claim("RES/SP2");
}

Test(workload, an_enterprise_host_has_its_own_api)
{
    expect(&(struct given)GIVEN("rows/SP-D2", ISSUES, ENTERPRISE SECRET),
           NAMED " --github-owner=my-org --github-repo=my-repo"
                 " --github-api-base-url=https://github.example.com/api/v3",
           "GITHUB_TOKEN=@gh/GITHUB_TOKEN", false);
    row_claim("SP/D2");
}

Test(workload, an_app_has_a_sidecar_that_refreshes_its_token)
{
    const struct given g = GIVEN("rows/SP-D3", ISSUES, KELOS SECRET, .app = true);

    expect(&g, NAMED OURS_REPO TOKEN_FILE, "", true);
    cr_expect_str_eq(env_text(json_at(pod_of(made(&g)), "initContainers[0]")),
                     "APP_ID=@gh/appID INSTALLATION_ID=@gh/installationID");
    row_claim("SP/D3");
}

Test(workload, an_app_of_an_enterprise_host_is_refreshed_there)
{
    const struct given g = GIVEN("rows/SP-D4", ISSUES, ENTERPRISE SECRET, .app = true);

    expect(&g,
           NAMED " --github-owner=my-org --github-repo=my-repo"
                 " --github-api-base-url=https://github.example.com/api/v3" TOKEN_FILE,
           "", true);
    cr_expect_str_eq(env_text(json_at(pod_of(made(&g)), "initContainers[0]")),
                     "APP_ID=@gh/appID INSTALLATION_ID=@gh/installationID "
                     "GITHUB_API_BASE_URL=https://github.example.com/api/v3");
    row_claim("SP/D4");
    row_claim("RES/SP3");
}

Test(workload, the_override_names_the_repository)
{
    expect(&(struct given)GIVEN("rows/SP-D5",
                                "'githubIssues':{'repo':'https://github.com/upstream-org/"
                                "upstream-repo.git'}",
                                "'repo':'https://github.com/fork/kelos.git'" SECRET),
           NAMED " --github-owner=upstream-org --github-repo=upstream-repo",
           "GITHUB_TOKEN=@gh/GITHUB_TOKEN", false);
    row_claim("SP/D5");
    expect(
        &(struct given)GIVEN("rows/SP-D6",
                             "'githubIssues':{'repo':'https://github.example.com/my-org/"
                             "my-repo.git'}",
                             KELOS SECRET),
        NAMED " --github-owner=my-org --github-repo=my-repo"
              " --github-api-base-url=https://github.example.com/api/v3",
        "GITHUB_TOKEN=@gh/GITHUB_TOKEN", false);
    row_claim("SP/D6");
    row_claim("RES/SP5");
}

static bool
optional(const json_t *o, size_t i)
{
    const json_t *list = json_at(pod_of(o), "containers[0].env");

    return json_bool_or(json_array_get(list, i), "valueFrom.secretKeyRef.optional",
                        false);
}

Test(workload, jira_with_and_without_a_query)
{
    const struct given with = GIVEN("rows/SP-D7", JIRA(",'jql':'status = Open'"), NULL);
    static const char project[] = " --jira-base-url=https://jira.example.com "
                                  "--jira-project=ENG";
    char text[300];

    snprintf(text, sizeof text, "%s%s --jira-jql=status = Open", NAMED, project);
    expect(&with, text, "JIRA_USER=@j/JIRA_USER JIRA_TOKEN=@j/JIRA_TOKEN", false);
    cr_expect(optional(made(&with), 0) && !optional(made(&with), 1));
    row_claim("SP/D7");
    snprintf(text, sizeof text, "%s%s", NAMED, project);
    expect(&(struct given)GIVEN("rows/SP-D8", JIRA(""), NULL), text,
           "JIRA_USER=@j/JIRA_USER JIRA_TOKEN=@j/JIRA_TOKEN", false);
    expect(&(struct given)GIVEN("rows/SP-D8-empty", JIRA(",'jql':''"), NULL), text,
           "JIRA_USER=@j/JIRA_USER JIRA_TOKEN=@j/JIRA_TOKEN", false);
    row_claim("SP/D8");
    row_claim("RES/SP6");
}

Test(workload, a_schedule_is_a_cron_job)
{
    expect(&(struct given)GIVEN("rows/SP-D17", CRON, KELOS SECRET),
           NAMED OURS_REPO " --one-shot", "GITHUB_TOKEN=@gh/GITHUB_TOKEN", false);
    row_claim("SP/D17");
    expect(&(struct given)GIVEN("rows/SP-D18", CRON, NULL), NAMED " --one-shot", "",
           false);
    row_claim("SP/D18");
    expect(&(struct given)GIVEN("rows/SP-D19", CRON, KELOS SECRET, .app = true),
           NAMED OURS_REPO TOKEN_FILE " --one-shot", "", true);
    row_claim("SP/D19");
    row_claim("RES/SP8");
}

Test(workload, suspended_runs_nothing)
{
    json_t *polling =
        made(&(struct given)GIVEN("", ISSUES, KELOS, .more = ",'suspend':true"));
    json_t *cron = made(&(struct given)GIVEN("", CRON, NULL, .more = ",'suspend':true"));

    cr_expect_eq(json_int_or(polling, "spec.replicas", -1), 0);
    cr_expect(json_bool_or(cron, "spec.suspend", false));
}

/* No privilege, no writable root, no cluster credential, bounded; one Pod at a time. */
Test(workload, a_pod_can_do_little)
{
    json_t *o = made(&(struct given)GIVEN("", ISSUES, KELOS SECRET, .app = true));
    static const char *const lists[] = {"containers[0]", "initContainers[0]"};

    cr_expect_not(json_bool_or(pod_of(o), "automountServiceAccountToken", true));
    cr_expect_str_eq(json_str_or(o, "spec.strategy.type", ""), "Recreate");
    cr_expect_str_eq(json_str_or(pod_of(o), "securityContext.seccompProfile.type", ""),
                     "RuntimeDefault");
    cr_expect(json_bool_or(pod_of(o), "securityContext.runAsNonRoot", false));
    for (size_t i = 0; i < 2; i++) {
        const json_t *c = json_at(pod_of(o), lists[i]);
        cr_expect(json_bool_or(c, "securityContext.runAsNonRoot", false));
        cr_expect(json_bool_or(c, "securityContext.readOnlyRootFilesystem", false));
        cr_expect_not(json_bool_or(c, "securityContext.allowPrivilegeEscalation", true));
        cr_expect_str_eq(json_str_or(c, "securityContext.capabilities.drop[0]", ""),
                         "ALL");
        cr_expect_eq(json_int_or(c, "securityContext.runAsUser", 0), 65532);
        cr_expect_str_eq(json_str_or(c, "resources.requests.cpu", ""), "5m");
        cr_expect_str_eq(json_str_or(c, "resources.requests.memory", ""), "16Mi");
        cr_expect_str_eq(json_str_or(c, "resources.limits.memory", ""), "128Mi");
        cr_expect_null(json_at(c, "resources.limits.cpu"));
    }
    row_claim("SP/W30");
}

/* What runs in the image itself: it has no shell. */
Test(workload, a_spawner_that_hangs_is_restarted)
{
    static const struct given all[] = {GIVEN("", ISSUES, KELOS), GIVEN("", CRON, NULL)};

    for (size_t i = 0; i < 2; i++) {
        json_t *probe = json_at(pod_of(made(&all[i])), "containers[0].livenessProbe");

        cr_assert_not_null(probe);
        cr_expect(json_equal(json_at(probe, "exec.command"),
                             js("['/kelos-spawner','--alive','dev/bugs']")));
        cr_expect_gt(json_int_or(probe, "timeoutSeconds", 0) * 1000, 4000);
        cr_expect_geq(json_int_or(probe, "periodSeconds", 0), 30, "costs near nothing");
        cr_expect_gt(json_int_or(probe, "failureThreshold", 0), 1);
    }
}

/* ---- comparison ---- */

/* As an API server gives it back: with what it adds by itself. */
static json_t *
stored(const json_t *want)
{
    json_t *o = keep(json_deep_copy(want));
    bool cron = json_at(o, "spec.jobTemplate") != NULL;
    json_t *pod = (json_t *)pod_of(o), *list = json_object_get(pod, "volumes");

    json_put_str(o, "metadata.uid", "w1");
    json_put_str(o, "metadata.resourceVersion", "7");
    json_put_str(pod, "dnsPolicy", "ClusterFirst");
    json_put_str(pod, "containers[0].terminationMessagePath", "/dev/termination-log");
    json_put_str(pod, "containers[0].imagePullPolicy", "Always");
    if (json_array_size(list) > 0) {
        json_put_int(pod, "volumes[1].secret.defaultMode", 420);
        json_put_str(pod, "initContainers[0].imagePullPolicy", "Always");
    }
    if (!cron)
        json_put_int(o, "spec.progressDeadlineSeconds", 600);
    json_put_str(o, "status.x", "y");
    return o;
}

static const struct given app = GIVEN("", ISSUES, KELOS SECRET, .app = true);
static const struct given pat = GIVEN("", ISSUES, KELOS SECRET);
static const struct given job = GIVEN("", CRON, KELOS SECRET, .app = true);

Test(workload, what_the_server_adds_is_no_difference)
{
    static const struct given *const all[] = {&app, &pat, &job};

    for (size_t i = 0; i < 3; i++)
        cr_expect_null(workload_patch(made(all[i]), stored(made(all[i]))), "%zu", i);
    row_claim("SP/W9");
    row_claim("RES/R14");
}

/* What `live` is after the patch has no difference left. */
static void
settles(const json_t *want, const json_t *live)
{
    SCOPED(json) json_t *patch = workload_patch(want, live);

    cr_assert_not_null(patch);
    cr_expect_str_eq(json_str_or(patch, "metadata.uid", ""), "w1");
    cr_expect_str_eq(json_str_or(patch, "metadata.resourceVersion", ""), "7");
    SCOPED(json) json_t *after = json_merge(live, patch);
    cr_expect_null(workload_patch(want, after));
}

Test(workload, suspension_changes_the_replicas_alone)
{
    json_t *want =
        made(&(struct given)GIVEN("", ISSUES, KELOS SECRET, .more = ",'suspend':true"));
    SCOPED(json) json_t *patch = workload_patch(want, stored(made(&pat)));

    cr_assert_not_null(patch);
    cr_expect_eq(json_int_or(patch, "spec.replicas", -1), 0);
    cr_expect_eq(json_object_size(json_object_get(patch, "spec")), 1);
}

Test(workload, a_secret_that_becomes_an_apps_and_back)
{
    settles(made(&app), stored(made(&pat)));
    settles(made(&pat), stored(made(&app)));
}

Test(workload, all_that_has_drifted_is_restored)
{
    json_t *live = stored(made(&job));
    json_t *pod = (json_t *)pod_of(live);

    json_put_str(pod, "containers[0].image", "evil:1");
    json_object_del(json_at(pod, "containers[0]"), "volumeMounts");
    json_object_set_new(pod, "initContainers", json_array());
    json_array_append_new(json_object_get(pod, "volumes"),
                          js("{'name':'x','emptyDir':{}}"));
    settles(made(&job), live);
    json_t *extra = stored(made(&pat));
    json_object_set(json_at(pod_of(extra), "containers[0]"), "volumeMounts",
                    js("[{'name':'x','mountPath':'/x'}]"));
    settles(made(&pat), extra);
}

Test(workload, other_resources_and_a_lost_probe_are_written)
{
    json_t *live = stored(made(&pat));

    json_put_str(live, "spec.template.spec.containers[0].resources.limits.memory", "1Gi");
    settles(made(&pat), live);
    json_object_del(json_at(pod_of(live), "containers[0]"), "livenessProbe");
    settles(made(&pat), live);
}

Test(workload, a_container_that_somebody_added_stays)
{
    json_t *live = stored(made(&pat));

    json_array_append_new(json_object_get((json_t *)pod_of(live), "containers"),
                          js("{'name':'mesh','image':'m:1'}"));
    cr_expect_null(workload_patch(made(&pat), live));
    SCOPED(json) json_t *patch = workload_patch(made(&app), live);
    cr_assert_not_null(patch);
    cr_expect_str_eq(json_str_or(patch, "spec.template.spec.containers[1].name", ""),
                     "mesh");
}

Test(workload, the_owner_is_the_controller_alone)
{
    cr_expect(owner_controls(made(&pat), "u1"));
    cr_expect_not(owner_controls(made(&pat), "u2"));
    cr_expect_not(
        owner_controls(js("{'metadata':{'ownerReferences':[{'uid':'u1'}]}}"), "u1"));
}

Test(workload, the_annotation_overrules_the_flag)
{
    struct {
        const char *note;
        bool by_default, possible, want, wrong;
    } cases[] = {
        {"", false, false, false, false},      {"", true, true, true, false},
        {"pod", false, true, true, false},     {"pod", false, false, false, true},
        {"process", true, true, false, false}, {"elsewhere", true, true, false, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct isolation o = {.by_default = cases[i].by_default,
                              .possible = cases[i].possible};
        char wrong[200];
        struct spawner_view *v = spawner_of(ISSUES, true, "");
        v->isolation = *cases[i].note != '\0' ? cases[i].note : NULL;
        cr_expect_eq(workload_wanted(v, &o, wrong, sizeof wrong), cases[i].want, "%zu",
                     i);
        cr_expect_eq(*wrong != '\0', cases[i].wrong, "%zu: %s", i, wrong);
    }
}
