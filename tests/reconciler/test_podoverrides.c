/* test_podoverrides.c - what a Task says about its Pod, its Job's failures, its credentials. */
#include "tests/reconciler/jobfixture.h"
#include "tests/support/rows.h"

#include "reconciler/plan/itemtask.h"

#define PO(members) "'podOverrides':{" members "}"

static const json_t *
pod(const json_t *got)
{
    return json_at(got, "job.spec.template.spec");
}

/* The member as text; "" when it is not there. */
static const char *
text_of(const json_t *object, const char *path)
{
    const json_t *v = json_at(object, path);

    return v != NULL ? keep(json_dump_canonical(v)) : "";
}

static void
expect_refused(const char *row, const char *spec, const char *why)
{
    struct job_wanted out;
    struct err e = ERR_INIT;
    struct task_view *t = make_task("fix", "", spec, "");
    const struct job_wish w = {.task = t, .prompt = "x", .images = &images};

    cr_assert_eq(job_build(&w, &out, &e), -1, "%s: %s", row, spec);
    cr_assert_str_eq(e.text, why, "%s: %s", row, e.text);
}

Test(podoverrides, labels_of_the_user_are_on_job_and_pod_below_the_built_in_ones)
{
    SCOPED(json)
    json_t *got = simple(
        "",
        PO("'labels':{'team':'platform','custom':'y','app.kubernetes.io/component':'x'}"),
        NULL, "'plugins':[{'name':'p','skills':[{'name':'s','content':'c'}]}]", NULL);
    static const char *const places[] = {"job.metadata.labels",
                                         "job.spec.template.metadata.labels"};

    for (size_t i = 0; i < 2; i++) {
        const json_t *labels = json_at(got, places[i]);
        cr_assert_str_eq(text_of(labels, "team"), "\"platform\"");
        cr_assert_str_eq(text_of(labels, "custom"), "\"y\"");
        cr_assert_eq(json_object_size(labels), 6);
        cr_assert_str_eq(
            json_string_value(json_object_get(labels, "app.kubernetes.io/component")),
            "task");
        cr_assert_str_eq(json_string_value(json_object_get(labels, "kelos.dev/task")),
                         "fix");
    }
    cr_assert_null(json_at(got, "configMaps[0].metadata.labels.team"));
    row_claim("ADD/PO1");
}

Test(podoverrides, scheduling_is_as_given)
{
    static const struct {
        const char *member, *value;
    } rows[] = {
        {"tolerations", "[{'effect':'NoSchedule','key':'dedicated','operator':'Equal',"
                        "'value':'ai-agents'}]"},
        {"affinity",
         "{'nodeAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':["
         "{'preference':{},'weight':80}]}}"},
        {"imagePullSecrets", "[{'name':'corp-registry-creds'}]"},
        {"nodeSelector", "{'a':'b'}"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char spec[400];
        snprintf(spec, sizeof spec, "'podOverrides':{'%s':%s}", rows[i].member,
                 rows[i].value);
        SCOPED(json) json_t *got = simple("", spec, NULL, NULL, NULL);
        const json_t *want = js("%s", rows[i].value);
        cr_assert(json_equal(json_object_get(pod(got), rows[i].member), want), "%s",
                  rows[i].member);
    }
    row_claim("ADD/PO2");
    SCOPED(json)
    json_t *all = simple("",
                         CRED("codex", "api-key") "," PO(
                             "'labels':{'a':'b'},'tolerations':[{'key':'k'}],"
                             "'affinity':{'podAffinity':{}},'nodeSelector':{'n':'s'},"
                             "'imagePullSecrets':[{'name':'i'}],"
                             "'resources':{'limits':{'cpu':'1'}},"
                             "'activeDeadlineSeconds':60,"
                             "'env':[{'name':'X','value':'1'}]"),
                         NULL, NULL, NULL);
    cr_assert_str_eq(text_of(pod(all), "tolerations"), "[{\"key\":\"k\"}]");
    cr_assert_str_eq(text_of(pod(all), "affinity"), "{\"podAffinity\":{}}");
    cr_assert_str_eq(text_of(pod(all), "nodeSelector"), "{\"n\":\"s\"}");
    cr_assert_str_eq(text_of(pod(all), "imagePullSecrets"), "[{\"name\":\"i\"}]");
    cr_assert_str_eq(text_of(agent(all), "resources"), "{\"limits\":{\"cpu\":\"1\"}}");
    cr_assert_eq(json_int_or(all, "job.spec.activeDeadlineSeconds", 0), 60);
    cr_assert_str_eq(text_of(all, "job.metadata.labels.a"), "\"b\"");
    cr_assert_not_null(strstr(env_text(agent(all)), "X=1"));
    row_claim("ADD/PO3");
}

Test(podoverrides, nothing_given_is_nothing_set)
{
    static const char *const specs[] = {
        "", PO("'labels':{},'tolerations':[],'affinity':{},"
               "'imagePullSecrets':[],'serviceAccountName':'',"
               "'nodeSelector':{},'volumes':[]")};
    static const char *const absent[] = {
        "nodeSelector",       "tolerations", "affinity",        "imagePullSecrets",
        "serviceAccountName", "volumes",     "securityContext", "initContainers"};

    for (size_t s = 0; s < 2; s++) {
        SCOPED(json) json_t *got = simple("", specs[s], NULL, NULL, NULL);
        for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
            cr_assert_null(json_object_get(pod(got), absent[i]), "%s", absent[i]);
        cr_assert_null(json_object_get(agent(got), "resources"));
        cr_assert_null(json_at(got, "job.spec.activeDeadlineSeconds"));
        cr_assert_eq(json_array_size(json_object_get(pod(got), "containers")), 1);
        cr_assert_str_eq(text_of(pod(got), "automountServiceAccountToken"), "false");
    }
    row_claim("ADD/PO4");
}

Test(podoverrides, volumes_and_mounts_follow_the_built_in_ones)
{
    static const char *const spec =
        PO("'volumes':[{'name':'ca-bundle','configMap':{'name':'corp-ca'}}],"
           "'volumeMounts':[{'name':'ca-bundle','mountPath':'/etc/ssl/certs/corp'}]");
    SCOPED(json) json_t *alone = simple("", spec, NULL, NULL, NULL);
    SCOPED(json) json_t *with = simple("", spec, REPO, NULL, "t");

    cr_assert_str_eq(text_of(pod(alone), "volumes"),
                     "[{\"configMap\":{\"name\":\"corp-ca\"},\"name\":\"ca-bundle\"}]");
    cr_assert_str_eq(text_of(agent(alone), "volumeMounts"),
                     "[{\"mountPath\":\"/etc/ssl/certs/corp\",\"name\":\"ca-bundle\"}]");
    cr_assert_str_eq(text_of(pod(with), "volumes[0].name"), "\"workspace\"");
    cr_assert_str_eq(text_of(pod(with), "volumes[2].name"), "\"ca-bundle\"");
    cr_assert_str_eq(text_of(agent(with), "volumeMounts[0].name"), "\"workspace\"");
    cr_assert_str_eq(text_of(agent(with), "volumeMounts[2].name"), "\"ca-bundle\"");
    row_claim("ADD/PO5");
}

Test(podoverrides, reserved_names_of_volumes_are_refused)
{
    static const char *const prefixed[] = {"kelos-plugin", "kelos-plugin-src",
                                           "kelos-github-token", "kelos-cache"};

    expect_refused("PO6", PO("'volumes':[{'name':'workspace'}]"),
                   "podOverrides.volumes: \"workspace\" is a Kelos-reserved volume name");
    for (size_t i = 0; i < 4; i++) {
        char spec[200], why[200];
        snprintf(spec, sizeof spec, "'podOverrides':{'volumes':[{'name':'%s'}]}",
                 prefixed[i]);
        snprintf(why, sizeof why,
                 "podOverrides.volumes: \"%s\" uses the reserved \"kelos-\" volume name "
                 "prefix",
                 prefixed[i]);
        expect_refused("PO6", spec, why);
    }
    expect_refused("PO6", PO("'volumes':[{'name':'scratch'},{'name':'scratch'}]"),
                   "podOverrides.volumes: duplicate volume name \"scratch\"");
    row_claim("ADD/PO6");
}

Test(podoverrides, a_pod_security_context_keeps_the_group_of_the_checkout)
{
#define STRICT_POD                                                                       \
    "'podSecurityContext':{'runAsNonRoot':true,'seccompProfile':{'type':'"               \
    "RuntimeDefault'}}"
    SCOPED(json) json_t *with = simple("", PO(STRICT_POD), REPO, NULL, NULL);
    SCOPED(json)
    json_t *own =
        simple("", PO("'podSecurityContext':{'fsGroup':2000}"), REPO, NULL, NULL);
    SCOPED(json) json_t *alone = simple("", PO(STRICT_POD), NULL, NULL, NULL);
    SCOPED(json)
    json_t *own_alone =
        simple("", PO("'podSecurityContext':{'fsGroup':2000}"), NULL, NULL, NULL);

    cr_assert_str_eq(
        text_of(pod(with), "securityContext"),
        "{\"fsGroup\":61100,\"runAsNonRoot\":true,\"seccompProfile\":{\"type\":"
        "\"RuntimeDefault\"}}");
    cr_assert_str_eq(text_of(pod(own), "securityContext"), "{\"fsGroup\":2000}");
    cr_assert_str_eq(
        text_of(pod(alone), "securityContext"),
        "{\"runAsNonRoot\":true,\"seccompProfile\":{\"type\":\"RuntimeDefault\"}}");
    cr_assert_str_eq(text_of(pod(own_alone), "securityContext"), "{\"fsGroup\":2000}");
    row_claim("ADD/PO7");
}

Test(podoverrides, a_container_security_context_is_the_agents_alone)
{
    SCOPED(json)
    json_t *got =
        simple("",
               PO("'containerSecurityContext':{'allowPrivilegeEscalation':false,"
                  "'readOnlyRootFilesystem':true,'capabilities':{'drop':['ALL']}}"),
               REPO, NULL, NULL);

    cr_assert_str_eq(
        text_of(agent(got), "securityContext"),
        "{\"allowPrivilegeEscalation\":false,\"capabilities\":{\"drop\":[\"ALL\"]},"
        "\"readOnlyRootFilesystem\":true}");
    cr_assert_str_eq(text_of(init_of(got, "git-clone"), "securityContext"),
                     "{\"runAsUser\":61100}");
    row_claim("ADD/PO8");
}

Test(podoverrides, reserved_names_of_containers_are_refused)
{
    static const char *const lists[] = {"extraContainers", "extraInitContainers"};
    static const char *const reserved[] = {
        "git-clone",    "remote-setup",   "branch-setup", "workspace-files",
        "plugin-setup", "skills-install", "claude-code"};
    char spec[200], why[200];

    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
            snprintf(spec, sizeof spec, "'podOverrides':{'%s':[{'name':'%s'}]}", lists[l],
                     reserved[i]);
            snprintf(why, sizeof why,
                     "podOverrides: \"%s\" is a Kelos-reserved container name",
                     reserved[i]);
            expect_refused("PO9", spec, why);
        }
        snprintf(spec, sizeof spec, "'podOverrides':{'%s':[{'name':'kelos-foo'}]}",
                 lists[l]);
        expect_refused("PO9", spec,
                       "podOverrides: \"kelos-foo\" uses the reserved \"kelos-\" "
                       "container name prefix");
        snprintf(spec, sizeof spec, "'podOverrides':{'%s':[{'name':'db'},{'name':'db'}]}",
                 lists[l]);
        expect_refused("PO9", spec, "podOverrides: duplicate container name \"db\"");
    }
    row_claim("ADD/PO9");
    expect_refused(
        "PO14",
        PO("'extraContainers':[{'name':'db'}],'extraInitContainers':[{'name':'db'}]"),
        "podOverrides: container name \"db\" appears in both extraContainers and "
        "extraInitContainers");
    row_claim("ADD/PO14");
}

Test(podoverrides, more_containers_come_behind_the_built_in_ones)
{
    SCOPED(json)
    json_t *other = simple("", PO("'extraContainers':[{'name':'codex','image':'i'}]"),
                           NULL, NULL, NULL);
    SCOPED(json)
    json_t *got = simple(
        "",
        PO("'extraContainers':[{'name':'proxy','image':'corp/proxy:1'}],"
           "'extraInitContainers':[{'name':'db','image':'d','restartPolicy':'Always'},"
           "{'name':'migrate','image':'m'}]"),
        REPO, CONFIG_ALL, "t");
    const json_t *init = json_object_get(pod(got), "initContainers");

    cr_assert_str_eq(text_of(pod(other), "containers[1].name"), "\"codex\"");
    row_claim("ADD/PO10");
    cr_assert_eq(json_array_size(json_object_get(pod(got), "containers")), 2);
    cr_assert_str_eq(text_of(pod(got), "containers[0].name"), "\"claude-code\"");
    cr_assert_str_eq(text_of(pod(got), "containers[1]"),
                     "{\"image\":\"corp/proxy:1\",\"name\":\"proxy\"}");
    row_claim("ADD/PO11");
    size_t n = json_array_size(init);
    cr_assert_str_eq(json_str_or(json_array_get(init, 0), "name", ""), "git-clone");
    cr_assert_str_eq(json_str_or(json_array_get(init, n - 2), "name", ""), "db");
    row_claim("ADD/PO12");
    cr_assert_str_eq(json_str_or(json_array_get(init, n - 2), "restartPolicy", ""),
                     "Always");
    cr_assert_str_eq(json_str_or(json_array_get(init, n - 1), "name", ""), "migrate");
    cr_assert_null(json_object_get(json_array_get(init, n - 1), "restartPolicy"));
    row_claim("ADD/PO13");
}

Test(podoverrides, an_account_brings_its_token)
{
    SCOPED(json)
    json_t *got =
        simple("", PO("'serviceAccountName':'bedrock-agent-sa'"), NULL, NULL, NULL);

    cr_assert_str_eq(text_of(pod(got), "serviceAccountName"), "\"bedrock-agent-sa\"");
    cr_assert_null(json_object_get(pod(got), "automountServiceAccountToken"));
    row_claim("ADD/PO15");
}

Test(podoverrides, the_setup_command_is_the_workspaces_alone)
{
    static const char *const spec =
        PO("'env':[{'name':'KELOS_SETUP_COMMAND','value':'x'},"
           "{'name':'KELOS_SESSION_SETUP_ONLY','value':'1'},"
           "{'name':'KELOS_PLUGIN_DIR','value':'/x'}]");
    SCOPED(json)
    json_t *with =
        simple("", spec, REPO ",'setupCommand':['sh','-c','npm ci --prefer-offline']",
               NULL, NULL);
    SCOPED(json) json_t *without = simple("", spec, REPO, NULL, NULL);

    cr_assert_str_eq(
        env_text(agent(with)),
        "KELOS_AGENT_TYPE=claude-code ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY "
        "KELOS_SETUP_COMMAND=[\"sh\",\"-c\",\"npm ci --prefer-offline\"]");
    cr_assert_str_eq(
        env_text(agent(without)),
        "KELOS_AGENT_TYPE=claude-code ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY");
    row_claim("ADD/PO16");
    row_claim("ADD/SC1");
    SCOPED(json)
    json_t *dollar =
        simple("", "", REPO ",'setupCommand':['echo','$(GITHUB_TOKEN)']", NULL, NULL);
    cr_assert_not_null(
        strstr(env_text(agent(dollar)), "[\"echo\",\"$$(GITHUB_TOKEN)\"]"));
}

/* ---- failure policy ---- */

Test(failurepolicy, is_the_tasks_own_whole_or_the_built_in)
{
    static const char two[] =
        "'podFailurePolicy':{'rules':[{'action':'Ignore','onPodConditions':[{'type':"
        "'DisruptionTarget','status':'True'}]},{'action':'FailJob','onExitCodes':{'"
        "operator':"
        "'NotIn','values':[0]}}]}";
    SCOPED(json) json_t *own = simple("", two, NULL, NULL, NULL);
    SCOPED(json)
    json_t *empty = simple("", "'podFailurePolicy':{'rules':[]}", NULL, NULL, NULL);
    SCOPED(json)
    json_t *alias = simple(
        "",
        CRED("codex", "api-key") ",'podFailurePolicy':{'rules':[{'action':'FailJob',"
                                 "'onExitCodes':{'containerName':'kelos-agent',"
                                 "'operator':'In','values':[3]}}]}",
        NULL, NULL, NULL);

    cr_assert_str_eq(
        text_of(own, "job.spec.podFailurePolicy.rules"),
        "[{\"action\":\"Ignore\",\"onPodConditions\":[{\"status\":\"True\",\"type\":"
        "\"DisruptionTarget\"}]},{\"action\":\"FailJob\",\"onExitCodes\":{\"operator\":"
        "\"NotIn\",\"values\":[0]}}]");
    cr_assert_eq(json_int_or(own, "job.spec.backoffLimit", -1), 1);
    row_claim("ADD/FP2");
    cr_assert_str_eq(text_of(empty, "job.spec.podFailurePolicy"), "{\"rules\":[]}");
    row_claim("ADD/FP4");
    cr_assert_str_eq(
        text_of(alias, "job.spec.podFailurePolicy.rules[0].onExitCodes.containerName"),
        "\"codex\"");
    row_claim("ADD/FP5");
    expect_refused(
        "FP3", "'podFailurePolicy':{'rules':[{'action':'FailIndex'}]}",
        "podFailurePolicy.rules[0].action: FailIndex is not supported for Task Jobs");
    row_claim("ADD/FP3");
}

/* ---- credentials of no kind, cursor ---- */

Test(credentials, none_leaves_it_to_the_user)
{
    SCOPED(json)
    json_t *bedrock = simple("",
                             "'credentials':{'type':'none'}," PO(
                                 "'serviceAccountName':'sa','env':["
                                 "{'name':'CLAUDE_CODE_USE_BEDROCK','value':'1'},"
                                 "{'name':'AWS_REGION','value':'us-east-1'}]"),
                             NULL, NULL, NULL);
    SCOPED(json)
    json_t *own =
        simple("",
               "'credentials':{'type':'none','secretRef':{'name':'unused'}}," PO(
                   "'env':[{'name':'ANTHROPIC_API_KEY','valueFrom':{'secretKeyRef':{"
                   "'name':'mine','key':'K'}}}]"),
               NULL, NULL, NULL);

    cr_assert_str_eq(env_text(agent(bedrock)),
                     "KELOS_AGENT_TYPE=claude-code "
                     "CLAUDE_CODE_USE_BEDROCK=1 AWS_REGION=us-east-1");
    cr_assert_str_eq(text_of(pod(bedrock), "serviceAccountName"), "\"sa\"");
    row_claim("ADD/CN1");
    cr_assert_str_eq(env_text(agent(own)),
                     "KELOS_AGENT_TYPE=claude-code ANTHROPIC_API_KEY=@mine/K");
    row_claim("ADD/CN3");
}

Test(cursor, has_its_image_name_and_credential)
{
    SCOPED(json) json_t *got = simple("", CRED("cursor", "api-key"), NULL, NULL, NULL);
    SCOPED(json)
    json_t *own =
        simple("", CRED("cursor", "api-key") ",'image':'acme/c:1'", NULL, NULL, NULL);

    cr_assert_str_eq(json_str_or(agent(got), "image", ""), "kelos-dev/cursor:latest");
    cr_assert_str_eq(json_str_or(agent(own), "image", ""), "acme/c:1");
    cr_assert_str_eq(json_str_or(agent(got), "name", ""), "cursor");
    cr_assert_str_eq(env_text(agent(got)),
                     "KELOS_AGENT_TYPE=cursor CURSOR_API_KEY=@s/CURSOR_API_KEY");
    row_claim("ADD/CU1");
}

/* ---- TaskSpawners ---- */

Test(podoverrides, a_spawned_task_carries_the_template_unchanged)
{
    static const char *const members[] = {"podOverrides",    "podFailurePolicy",
                                          "effort",          "credentials",
                                          "agentConfigRefs", "upstreamRepo"};
    json_t *object =
        js("{'metadata':{'name':'often','namespace':'dev'},'spec':{'when':{'cron':{'"
           "schedule':"
           "'@daily'}},'taskTemplate':{'type':'cursor','credentials':{'type':'none'},"
           "'effort':'high','upstreamRepo':'a/b','agentConfigRefs':[{'name':'x'}],"
           "'podFailurePolicy':{'rules':[]},'podOverrides':{'labels':{'a':'b'},"
           "'tolerations':[{'key':'k'}],'extraContainers':[],'affinity':{'x':{}},"
           "'serviceAccountName':'sa'}}}}");
    struct spawner_view *s = make_view(KIND_TASK_SPAWNER, 0, object);
    const struct item item = {.id = "1",
                              .title = "t",
                              .body = "",
                              .url = "",
                              .comments = "",
                              .kind = "",
                              .time = "",
                              .schedule = ""};
    struct err e = ERR_INIT;
    json_t *task = keep(item_task(s, &item, &e));

    cr_assert_not_null(task, "%s", e.text);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        cr_assert(
            json_equal(json_object_get(json_object_get(task, "spec"), members[i]),
                       json_object_get(json_at(object, "spec.taskTemplate"), members[i])),
            "%s", members[i]);
    row_claim("ADD/PO18");
}
