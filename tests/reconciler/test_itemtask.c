/* test_itemtask.c - names and metadata of the Task that a work item becomes. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/plan/plan.h"

#define EIGHTY                                                                           \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct spawner_view *
make_spawner(const char *github, const char *task)
{
    return make_view(
        KIND_TASK_SPAWNER, 0,
        js("{'metadata':{'name':'bugs','namespace':'dev','uid':'u1'},'spec':{"
           "'when':{'githubIssues':{%s}},'taskTemplate':{'type':'claude-code',"
           "'credentials':{'type':'api-key','secretRef':{'name':'s'}},"
           "'workspaceRef':{'name':'web'}%s%s}}}",
           github, *task ? "," : "", task));
}

static const struct item issue = {.id = "42",
                                  .number = 42,
                                  .title = "Fix THE Bug: crash on startup!",
                                  .body = "",
                                  .url = "",
                                  .comments = "",
                                  .kind = "Issue",
                                  .time = "",
                                  .schedule = "",
                                  .branch = ""};

Test(itemtask, texts_become_names)
{
    static const struct {
        const char *row, *in, *out;
    } rows[] = {
        {"SP/N1", "UPPER_case", "upper-case"},
        {"SP/N2", "pr #42", "pr--42"},
        {"SP/N3", "-leading-and-trailing.", "leading-and-trailing"},
        {"SP/N4", "a..b", "a.b"},
        {"SP/N4", "a.-b", "a.b"},
        {"SP/N4", "a-.b", "a.b"},
        {"SP/N5", "\xf0\x9f\x9a\x80go\xf0\x9f\x9a\x80\xf0\x9f\x9a\x80x\xf0\x9f\x9a\x80",
         "go--x"},
        {"SP/N7", "org/repo:tag", "org-repo-tag"},
        {"SP/N8", "Fix THE Bug: crash on startup!", "fix-the-bug--crash-on-startup"},
        {"SP/N9", EIGHTY, NULL},
        {"SP/N6", "..", ""},
        {"SP/N6", "---", ""},
        {"SP/N6", "", ""},
    };
    char out[ITEM_NAME_SIZE];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        item_name_sanitise(rows[i].in, out);
        if (rows[i].out != NULL)
            cr_assert_str_eq(out, rows[i].out, "%s: %s", rows[i].in, out);
        else
            cr_assert(strlen(out) == 63 && strspn(out, "a") == 63, "%s", out);
        if (strcmp(rows[i].row, "SP/N6") != 0)
            row_claim(rows[i].row);
    }
}

Test(itemtask, a_name_that_cannot_be_made_is_an_error)
{
    static const struct {
        const char *row, *name, *why;
    } rows[] = {
        {"SP/N6", "---", "leaves no name"},
        {"SP/N10", "{{index . \\\"Nope\\\"}}", "a value is missing"},
        {"", "{{.Context}}", "Context"},
        {"", "{{index . \\\"Context\\\"}}", "a value is missing"},
        {"", "x{{if}}",
         "failed to render name template: parsing template: template: name:1:"},
    };
    char out[ITEM_NAME_SIZE], task[200];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = ERR_INIT;
        snprintf(task, sizeof task, "'nameTemplate':'%s'", rows[i].name);
        struct spawner_view *s = make_spawner("", task);
        cr_assert_eq(item_name(s, &issue, out, &e), -1, "%s", rows[i].name);
        cr_assert_not_null(strstr(e.text, rows[i].why), "%s", e.text);
        if (*rows[i].row != '\0')
            row_claim(rows[i].row);
    }
    struct err e = ERR_INIT;
    cr_assert_eq(item_name(make_spawner("", "'nameTemplate':'{{.Kind}}-{{.Title}}'"),
                           &issue, out, &e),
                 0);
    cr_assert_str_eq(out, "issue-fix-the-bug--crash-on-startup");
}

Test(itemtask, an_upper_case_id_is_a_name_all_the_same)
{
    char out[ITEM_NAME_SIZE];

    item_task_name("ts", "PROJ-42", out);
    cr_assert_str_eq(out, "ts-proj-42");
    row_claim("SP/W14");
    item_task_name("ts", EIGHTY, out);
    cr_assert_eq(strlen(out), 63);
    row_claim("SP/W15");
}

Test(itemtask, what_a_user_asks_for_does_not_replace_what_is_ours)
{
    struct err e = ERR_INIT;
    struct spawner_view *s = make_spawner(
        "",
        "'metadata':{'labels':{'kelos.dev/taskspawner':'other','issue':'{{.Number}}'},"
        "'annotations':{'kelos.dev/source-number':'999','note':'{{.Kind}}'}}");
    json_t *t = keep(item_task(s, &issue, &e));

    cr_assert_not_null(t, "%s", e.text);
    cr_assert_str_eq(json_str_or(t, "metadata.labels[kelos.dev/taskspawner]", ""),
                     "bugs");
    cr_assert_str_eq(json_str_or(t, "metadata.labels.issue", ""), "42");
    cr_assert_str_eq(json_str_or(t, "metadata.annotations[kelos.dev/source-number]", ""),
                     "42");
    cr_assert_str_eq(json_str_or(t, "metadata.annotations[kelos.dev/source-kind]", ""),
                     "issue");
    cr_assert_str_eq(json_str_or(t, "metadata.annotations.note", ""), "Issue");
    s = make_spawner("", "'metadata':{'labels':{'x':'{{.Nope}}'}}");
    cr_assert_null(item_task(s, &issue, &e));
    cr_assert_not_null(strstr(e.text, "label[x]"), "%s", e.text);
}

Test(itemtask, prompts_of_either_version_are_understood)
{
    static const struct {
        const char *prompt, *gives;
    } rows[] = {
        {"{{.Title}} {{.Number}}", "Fix THE Bug: crash on startup! 42"},
        {"{{with index . \\\"Branch\\\"}}{{.}}{{else}}main{{end}}", "main"},
        {"{{if index . \\\"Number\\\" -}} n{{.Number}} {{- end}}", "n42"},
        {"{{$c := index . \\\"Context\\\"}}{{if $c}}x{{else}}none{{end}}", "none"},
        {"{{index . \\\"Kind\\\" | printf \\\"%s!\\\"}}", "Issue!"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        char task[200];

        snprintf(task, sizeof task, "'promptTemplate':'%s'", rows[i].prompt);
        json_t *t = keep(item_task(make_spawner("", task), &issue, &e));
        cr_assert_not_null(t, "%s: %s", rows[i].prompt, e.text);
        cr_assert_str_eq(json_str_or(t, "spec.prompt", ""), rows[i].gives);
    }
}

Test(itemtask, a_task_is_owned_by_its_spawner)
{
    struct err e = ERR_INIT;
    json_t *t = keep(item_task(make_spawner("", ""), &issue, &e));
    const json_t *owner = json_at(t, "metadata.ownerReferences[0]");

    cr_assert_str_eq(json_str_or(owner, "kind", ""), "TaskSpawner");
    cr_assert_str_eq(json_str_or(owner, "uid", ""), "u1");
    cr_assert(json_bool_or(owner, "controller", false));
    row_claim("SP/W4");
}

Test(itemtask, the_polled_repository_is_the_upstream)
{
    static const char *const repos[] = {"o/r", "https://github.com/o/r.git",
                                        "https://ghe.example.com/o/r",
                                        "git@github.com:o/r.git"};
    struct err e = ERR_INIT;
    char github[200];

    for (size_t i = 0; i < sizeof repos / sizeof *repos; i++) {
        snprintf(github, sizeof github, "'repo':'%s'", repos[i]);
        json_t *t = keep(item_task(make_spawner(github, ""), &issue, &e));
        cr_assert_str_eq(json_str_or(t, "spec.upstreamRepo", ""), "o/r", "%s", repos[i]);
    }
    json_t *t =
        keep(item_task(make_spawner("'repo':'o/r'", "'upstreamRepo':'a/b'"), &issue, &e));
    cr_assert_str_eq(json_str_or(t, "spec.upstreamRepo", ""), "a/b");
    t = keep(item_task(make_spawner("'repo':'o/r'", "'upstreamRepo':''"), &issue, &e));
    cr_assert_str_eq(json_str_or(t, "spec.upstreamRepo", ""), "o/r");
    t = keep(item_task(make_spawner("", ""), &issue, &e));
    cr_assert_null(json_at(t, "spec.upstreamRepo"));
}

/* Everything that a Task may have beside prompt and branch. */
Test(itemtask, fields_of_the_template_reach_the_task_unchanged)
{
    static const char fields[] =
        "'type':'claude-code','credentials':{'type':'none','secretRef':{'name':'s'}},"
        "'model':'opus','image':'acme/agent:1','workspaceRef':{'name':'web'},"
        "'agentConfigRefs':[{'name':'a'},{'name':'b'}],'dependsOn':['first'],"
        "'effort':'high','podFailurePolicy':{'rules':[{'action':'Ignore',"
        "'onPodConditions':[{'type':'DisruptionTarget','status':'True'}]}]},"
        "'upstreamRepo':'a/b','ttlSecondsAfterFinished':0,'podOverrides':{"
        "'labels':{'team':'x'},'tolerations':[],'affinity':{'nodeAffinity':{}},"
        "'imagePullSecrets':[{'name':'r'}],'serviceAccountName':'sa',"
        "'volumes':[{'name':'v','emptyDir':{}}],'volumeMounts':[{'name':'v',"
        "'mountPath':'/v'}],'podSecurityContext':{'runAsNonRoot':true},"
        "'containerSecurityContext':{'privileged':false},'extraContainers':[{'name':'x',"
        "'image':'i','unknown':1}],'extraInitContainers':[{'name':'y','image':'i'}],"
        "'resources':{'limits':{'cpu':2,'memory':'1024Mi'}},'activeDeadlineSeconds':60,"
        "'env':[{'name':'A','value':''}],'nodeSelector':{'pool':'agents'}}";
    const struct spawner_view *s = make_view(
        KIND_TASK_SPAWNER, 0,
        js("{'metadata':{'name':'bugs','namespace':'dev','uid':'u1'},'spec':{"
           "'when':{'githubIssues':{}},'taskTemplate':{%s,'promptTemplate':'p'}}}",
           fields));
    struct err e = ERR_INIT;
    SCOPED(json) json_t *task = item_task(s, &issue, &e);

    cr_assert_not_null(task, "%s", e.text);
    json_t *spec = json_object_get(task, "spec");
    json_object_del(spec, "prompt");
    SCOPED(json) json_t *want = json_incref(js("{%s}", fields));
    cr_assert(json_equal(spec, want), "%s", (char *)keep(json_dump_canonical(spec)));
    row_claim("ADD/G3");
}

Test(itemtask, a_long_name_is_cut_to_63_with_a_hash_that_stays)
{
    char one[ITEM_NAME_SIZE], two[ITEM_NAME_SIZE], again[ITEM_NAME_SIZE];

    item_task_name(EIGHTY, "1", one);
    item_task_name(EIGHTY, "2", two);
    item_task_name(EIGHTY, "1", again);
    cr_assert_eq(strlen(one), 63);
    cr_assert_str_neq(one, two, "what is cut off still counts");
    cr_assert_str_eq(one, again);
    cr_assert_str_eq(one + 54, "-95e9e804", "in every process and version: %s", one);
    item_task_name("bugs", "42", one);
    cr_assert_str_eq(one, "bugs-42", "a short one is left as it is");
    row_claim("KC/OBJ-7");
}
