/* test_weak_job.c - where our Jobs do better than the original's: the rows W-G and W-J of the
 * specification, and those of the additions that show in the Job. */
#include "tests/reconciler/jobfixture.h"
#include "tests/support/rows.h"

#include "reconciler/job/repo.h"

#define SECRET_REPO REPO ",'secretRef':{'name':'tok'}"

/* A Job under a policy. */
static json_t *
under(const struct job_policy *policy, const char *spec, const char *workspace,
      const char *config, const char *secret, struct err *e)
{
    struct job_wanted out;
    struct task_view *t = make_task("fix", "", spec, "");
    const struct job_wish w = {
        .task = t,
        .workspace = workspace != NULL ? make_workspace(workspace) : NULL,
        .agent_config = config != NULL ? make_config(config) : NULL,
        .prompt = t->prompt,
        .token_secret = secret,
        .images = &images,
        .policy = policy};

    if (job_build(&w, &out, e) < 0)
        return NULL;
    return keep(json_pack("{s:o,s:o}", "configMaps", out.config_maps, "job", out.job));
}

static const json_t *
pod(const json_t *got)
{
    return json_at(got, "job.spec.template.spec");
}

static const char *
text_of(const json_t *v)
{
    return v != NULL ? keep(json_dump_canonical(v)) : "";
}

/* All init containers, then the agent. */
static size_t
built_in(const json_t *got, const json_t **out)
{
    const json_t *init = json_at(pod(got), "initContainers");
    size_t n = 0;

    for (; n < json_array_size(init); n++)
        out[n] = json_array_get(init, n);
    out[n++] = agent(got);
    return n;
}

/* ---- the kubelet's $(NAME) ---- */

Test(weak_job, a_dollar_from_outside_is_no_variable)
{
    SCOPED(json)
    json_t *got = simple(
        "", "'model':'$(A)','podOverrides':{'env':[{'name':'U','value':'$(KEPT)'}]}",
        REPO ",'files':[{'path':'a$(B).md','content':'x'}],'remotes':[{'name':"
             "'up','url':'https://h/$(C)'}]",
        "'agentsMD':'cost: $(ANTHROPIC_API_KEY) $$','mcpServers':[{'name':'m','type'"
        ":'http','url':'https://h','headers':{'A':'Bearer $(GITHUB_TOKEN)'}}]",
        NULL);
    struct task_view *t = make_task("fix", "", "", "");
    struct job_wanted out;
    struct err e = ERR_INIT;
    const struct job_wish w = {
        .task = t, .prompt = "leak $(GITHUB_TOKEN) and 5$", .images = &images};

    cr_assert_eq(job_build(&w, &out, &e), 0);
    cr_assert_str_eq(json_str_or(out.job, "spec.template.spec.containers[0].args[0]", ""),
                     "leak $$(GITHUB_TOKEN) and 5$$");
    job_wanted_free(&out);
    const char *env = env_text(agent(got));
    cr_assert_not_null(strstr(env, "KELOS_MODEL=$$(A)"));
    cr_assert_not_null(strstr(env, "cost: $$(ANTHROPIC_API_KEY) $$$$"));
    cr_assert_not_null(strstr(env, "Bearer $(GITHUB_TOKEN)")); /* the documented way */
    cr_assert_not_null(strstr(env, "U=$(KEPT)"));
    cr_assert_not_null(strstr(script_of(init_of(got, "workspace-files")), "a$$(B).md"));
    cr_assert_not_null(strstr(script_of(init_of(got, "remote-setup")), "h/$$(C)"));
    row_claim("TE/W-J1");
}

Test(weak_job, no_text_is_longer_than_a_process_can_take)
{
    char *big = keep(malloc(200001));
    char *config = NULL, *workspace = NULL;
    const json_t *all[16];

    memset(big, 'x', 200000);
    big[200000] = '\0';
    cr_assert(asprintf(&config,
                       "'agentsMD':'%s','plugins':[{'name':'p','skills':[{'name':"
                       "'s','content':'%s'}]}]",
                       big, big) > 0);
    cr_assert(asprintf(&workspace, REPO ",'files':[{'path':'a','content':'%s'}]", big) >
              0);
    struct task_view *t = make_task("fix", "", "", "");
    struct job_wanted out;
    struct err e = ERR_INIT;
    const struct job_wish w = {.task = t,
                               .prompt = big,
                               .workspace = make_workspace(workspace),
                               .agent_config = make_config(config),
                               .images = &images};
    cr_assert_eq(job_build(&w, &out, &e), 0, "%s", e.text);
    json_t *got =
        keep(json_pack("{s:o,s:o}", "configMaps", out.config_maps, "job", out.job));
    size_t n = built_in(got, all);
    for (size_t i = 0; i < n; i++)
        cr_assert_lt(strlen(text_of(all[i])), 16384);
    size_t found = 0;
    for (size_t i = 0; i < json_array_size(json_at(got, "configMaps")); i++) {
        const json_t *map = json_array_get(json_at(got, "configMaps"), i);
        const char *key;
        json_t *value;
        json_object_foreach(json_object_get((json_t *)map, "data"), key, value)
        {
            found += json_string_length(value) == 200000;
        }
        cr_assert_str_eq(json_str_or(map, "metadata.ownerReferences[0].uid", ""),
                         "uid-fix");
    }
    cr_assert_eq(found, 4); /* prompt, instructions, file, skill */
    row_claim("TE/W-J2");
    free(config);
    free(workspace);
}

/* ---- rights of the Pod ---- */

Test(weak_job, no_cluster_token_and_on_demand_the_restricted_level)
{
    static const struct job_policy restricted = {.restricted = true};
    struct err e = ERR_INIT;
    const json_t *all[16];
    const json_t *plain = under(NULL, "", SECRET_REPO, CONFIG_ALL, "tok", &e);

    cr_assert(json_is_false(json_at(pod(plain), "automountServiceAccountToken")));
    cr_assert_null(json_object_get(agent(plain), "securityContext"));
    const json_t *got =
        under(&restricted, "'branch':'b'",
              SECRET_REPO ",'remotes':[{'name':'up','url':'https://h/a/b'}],"
                          "'files':[{'path':'a','content':'x'}]",
              CONFIG_ALL, "tok", &e);
    cr_assert_not_null(got, "%s", e.text);
    size_t n = built_in(got, all);
    cr_assert_eq(n, 7);
    for (size_t i = 0; i < n; i++)
        cr_assert_str_eq(
            text_of(json_object_get(all[i], "securityContext")),
            "{\"allowPrivilegeEscalation\":false,\"capabilities\":{\"drop\":["
            "\"ALL\"]},\"runAsNonRoot\":true,\"runAsUser\":61100,"
            "\"seccompProfile\":{\"type\":\"RuntimeDefault\"}}",
            "%s", json_str_or(all[i], "name", ""));
    cr_assert_str_eq(text_of(json_at(pod(got), "securityContext")),
                     "{\"fsGroup\":61100}");
    row_claim("TE/W-J3");
    /* skills without root: git alone, no package is installed */
    const json_t *skills = init_of(got, "skills-install");
    cr_assert_str_eq(json_str_or(skills, "image", ""), images.git);
    cr_assert_null(strstr(script_of(skills), "apk"));
    cr_assert_null(strstr(script_of(skills), "npx"));
    cr_assert_null(strstr(script_of(skills), "chown"));
    cr_assert_not_null(
        strstr(script_of(skills),
               "take 'https://github.com/vercel-labs/agent-skills' '' 'deploy'\n"));
    row_claim("ADD/AW6");
    /* what the Task says about its own container holds */
    got = under(&restricted,
                "'podOverrides':{'containerSecurityContext':{'runAsUser':1000}}", NULL,
                NULL, NULL, &e);
    cr_assert_str_eq(text_of(json_object_get(agent(got), "securityContext")),
                     "{\"runAsUser\":1000}");
}

Test(weak_job, skills_can_be_pinned_to_a_commit)
{
    struct err e = ERR_INIT;
#define SHA "0123456789abcdef0123456789abcdef01234567"
    const json_t *got =
        under(NULL, "", NULL,
              "'skills':[{'source':'a/b#" SHA "','skill':'x'},{'source':"
              "'https://git.corp.example/t/s.git#" SHA "','secretRef':{'name':'k'}}]",
              NULL, &e);
    const json_t *c = init_of(got, "skills-install");

    cr_assert_str_eq(json_str_or(c, "image", ""), images.git);
    cr_assert_str_eq(text_of(json_object_get(c, "securityContext")),
                     "{\"runAsUser\":61100}");
    cr_assert_not_null(
        strstr(script_of(c), "\ntake 'https://github.com/a/b' '" SHA "' 'x'\n"));
    cr_assert_not_null(strstr(
        script_of(c), "; take 'https://git.corp.example/t/s.git' '" SHA "' '' )\n"));
    cr_assert_null(strstr(script_of(c), "apk"));
    /* beside one that is not pinned, the tool comes along; the pinned one stays with git */
    got = under(NULL, "", NULL, "'skills':[{'source':'a/b#" SHA "'},{'source':'c/d'}]",
                NULL, &e);
    c = init_of(got, "skills-install");
    cr_assert_str_eq(json_str_or(c, "image", ""), images.node);
    cr_assert_not_null(strstr(script_of(c), "\ntake 'https://github.com/a/b' '" SHA));
    cr_assert_not_null(strstr(script_of(c), "\nnpx -y skills add 'c/d' -a universal"));
}

Test(weak_job, the_token_can_be_a_file_only)
{
    static const struct job_policy file = {.token_file = true};
    struct err e = ERR_INIT;
    const json_t *all[16];
    const json_t *got = under(&file, "'branch':'b'", SECRET_REPO, NULL, "tok", &e);
    size_t n = built_in(got, all);

    cr_assert_eq(n, 3);
    for (size_t i = 0; i < n; i++) {
        const char *env = env_text(all[i]);
        cr_assert_null(strstr(env, "GITHUB_TOKEN=@"), "%s", env);
        cr_assert_null(strstr(env, "GH_TOKEN"), "%s", env);
        cr_assert_not_null(
            strstr(env, "KELOS_GITHUB_TOKEN_FILE=/kelos/github-token/GITHUB_TOKEN"));
    }
    cr_assert_str_eq(json_str_or(pod(got), "volumes[1].secret.secretName", ""), "tok");
    row_claim("ADD/AW13");
}

Test(weak_job, the_controller_can_refuse_members)
{
    static const struct job_policy p = {
        .refused =
            "volumes.hostPath,serviceAccountName,containerSecurityContext.privileged"};
    static const struct {
        const char *spec, *why;
    } rows[] = {
        {"'serviceAccountName':'admin'",
         "podOverrides.serviceAccountName: refused by this controller "
         "(--refuse-pod-overrides)"},
        {"'volumes':[{'name':'a','emptyDir':{}},{'name':'h','hostPath':{'path':'/'}}]",
         "podOverrides.volumes.hostPath: refused by this controller "
         "(--refuse-pod-overrides)"},
        {"'containerSecurityContext':{'privileged':true}",
         "podOverrides.containerSecurityContext.privileged: refused by this controller "
         "(--refuse-pod-overrides)"},
        {"'containerSecurityContext':{'privileged':false},'volumes':[{'name':'a',"
         "'emptyDir':{}}],'serviceAccountName':''",
         NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = ERR_INIT;
        char spec[300];
        snprintf(spec, sizeof spec, "'podOverrides':{%s}", rows[i].spec);
        const json_t *got = under(&p, spec, NULL, NULL, NULL, &e);
        cr_assert_eq(got == NULL, rows[i].why != NULL, "%s", rows[i].spec);
        if (rows[i].why != NULL)
            cr_assert_str_eq(e.text, rows[i].why);
        cr_assert_not_null(
            under(NULL, spec, NULL, NULL, NULL, &e)); /* by default: none */
    }
    row_claim("ADD/AW9");
}

/* ---- images ---- */

Test(weak_job, pull_policies_are_of_the_flags_images)
{
    struct images all = images;
    struct job_wanted out;
    struct err e = ERR_INIT;

    all.pull_policy[AGENT_CLAUDE_CODE] = "Never";
    all.git_pull = "Always";
    all.node_pull = "IfNotPresent";
    for (int own = 0; own < 2; own++) {
        struct task_view *t =
            make_task("fix", "", own ? "'image':'corp/agent:1'" : "", "");
        const struct job_wish w = {.task = t,
                                   .prompt = "x",
                                   .workspace = make_workspace(REPO),
                                   .agent_config = make_config(CONFIG_ALL),
                                   .images = &all};
        cr_assert_eq(job_build(&w, &out, &e), 0);
        json_t *got =
            keep(json_pack("{s:o,s:o}", "configMaps", out.config_maps, "job", out.job));
        cr_assert_str_eq(json_str_or(agent(got), "imagePullPolicy", "none"),
                         own ? "none" : "Never");
        cr_assert_str_eq(json_str_or(init_of(got, "git-clone"), "imagePullPolicy", ""),
                         "Always");
        cr_assert_str_eq(json_str_or(init_of(got, "plugin-setup"), "imagePullPolicy", ""),
                         "Always");
        cr_assert_str_eq(
            json_str_or(init_of(got, "skills-install"), "imagePullPolicy", ""),
            "IfNotPresent");
    }
    row_claim("TE/W-J5");
    /* tini is looked for by the entrypoint: the command is the same for every image */
    struct task_view *t = make_task("fix", "", "'image':'mirror/claude-code:1'", "");
    const struct job_wish w = {.task = t, .prompt = "x", .images = &all};
    cr_assert_eq(job_build(&w, &out, &e), 0);
    cr_assert_str_eq(
        text_of(json_at(out.job, "spec.template.spec.containers[0].command")),
        "[\"/kelos_entrypoint.sh\"]");
    job_wanted_free(&out);
}

/* ---- what stays out of the Job, and what is not taken from the user ---- */

Test(weak_job, variables_that_name_our_paths_are_not_the_users)
{
    SCOPED(json)
    json_t *got = simple(
        "",
        "'podOverrides':{'env':[{'name':'KELOS_GITHUB_TOKEN_FILE','value':'/etc/x'},"
        "{'name':'KELOS_PLUGIN_DIR','value':'/etc'},{'name':'KELOS_SETUP_COMMAND',"
        "'value':'[]'},{'name':'KELOS_SESSION_SETUP_ONLY','value':'1'},"
        "{'name':'KELOS_MODEL','value':'m'},{'name':'KELOS_EFFORT','value':'low'},"
        "{'name':'KELOS_BASE_BRANCH','value':'dev'}]}",
        NULL, NULL, NULL);

    cr_assert_str_eq(env_text(agent(got)),
                     "KELOS_AGENT_TYPE=claude-code "
                     "ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY KELOS_MODEL=m "
                     "KELOS_EFFORT=low KELOS_BASE_BRANCH=dev");
    row_claim("ADD/AW21");
}

Test(weak_job, a_failed_agent_is_not_run_again)
{
    SCOPED(json) json_t *got = simple("", "", NULL, NULL, NULL);
    const json_t *rule = json_at(got, "job.spec.podFailurePolicy.rules[1]");

    cr_assert_str_eq(json_str_or(rule, "action", ""), "FailJob");
    cr_assert_str_eq(text_of(json_object_get(rule, "onExitCodes")),
                     "{\"operator\":\"NotIn\",\"values\":[0]}");
    row_claim("ADD/AW3");
}

Test(weak_job, values_of_mcp_servers_stay_in_a_secret_with_owner_and_labels)
{
    struct err e = ERR_INIT;
    struct task_view *t = make_task("fix", "", "", "");
    const struct job_wish w = {
        .task = t,
        .prompt = "x",
        .agent_config = make_config(
            "'mcpServers':[{'name':'m','type':'http','url':'https://h','headersFrom':"
            "{'secretRef':{'name':'s'}}}],'plugins':[{'name':'p','skills':[{'name':'s',"
            "'content':'c'}]}]"),
        .values = js("{'secret/s':{'data':{'Authorization':'Q0FOQVJZLTc='}}}"),
        .images = &images};
    struct job_wanted out;

    cr_assert_eq(job_build(&w, &out, &e), 0, "%s", e.text);
    const char *job = text_of(out.job);
    cr_assert_null(strstr(job, "CANARY-7"));
    cr_assert_null(strstr(job, "Q0FOQVJZLTc="));
    cr_assert_eq(json_array_size(out.config_maps), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *o = json_array_get(out.config_maps, i);
        bool secret = strcmp(json_str_or(o, "kind", ""), "Secret") == 0;
        cr_assert_eq(strstr(text_of(o), "Q0FOQVJZLTc=") != NULL ||
                         strstr(text_of(o), "eyJtY3BTZXJ2ZXJz") != NULL,
                     secret);
        const json_t *labels = json_at(o, "metadata.labels");
        cr_assert_str_eq(json_string_value(json_object_get(labels, "kelos.dev/task")),
                         "fix");
        cr_assert_str_eq(json_str_or(o, "metadata.ownerReferences[0].uid", ""),
                         "uid-fix");
    }
    row_claim("ADD/AW2");
    job_wanted_free(&out);
}

/* ---- repositories ---- */

Test(weak_job, repository_urls_are_parsed_as_urls)
{
    static const struct {
        const char *url, *host, *owner, *name, *api;
    } rows[] = {
        {"https://github.com/o/my.repo.git", "github.com", "o", "my.repo", ""},
        {"https://u:p@github.com/o/r", "github.com", "o", "r", ""},
        {"https://GitHub.com/o/r", "github.com", "o", "r", ""},
        {"git://github.com/o/r", "github.com", "o", "r", ""},
        {"https://Corp.GHE.com/o/r", "corp.ghe.com", "o", "r",
         "https://api.corp.ghe.com"},
        {"https://git.example:8443/o/r", "git.example:8443", "o", "r",
         "https://git.example:8443/api/v3"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct repo r;
        char api[300];
        repo_parse(rows[i].url, &r);
        repo_api_base(&r, api, sizeof api);
        cr_expect_str_eq(r.host, rows[i].host, "%s", rows[i].url);
        cr_expect_str_eq(r.owner, rows[i].owner, "%s", rows[i].url);
        cr_expect_str_eq(r.name, rows[i].name, "%s", rows[i].url);
        cr_expect_str_eq(api, rows[i].api, "%s", rows[i].url);
    }
    row_claim("TE/W-G7");
}

Test(weak_job, names_that_git_would_read_as_options_are_refused)
{
    static const struct {
        const char *spec, *workspace, *why;
    } rows[] = {
        {"'branch':'-x'", REPO, "branch \"-x\" is not a name that git takes"},
        {"'branch':'a..b'", REPO, "branch \"a..b\" is not a name that git takes"},
        {"", REPO ",'ref':'--upload-pack=x'",
         "workspace ref \"--upload-pack=x\" begins with a dash"},
        {"", REPO ",'remotes':[{'name':'-x','url':'https://h/a/b'}]",
         "invalid workspace remote \"-x\": begins with a dash"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = ERR_INIT;
        cr_assert_null(under(NULL, rows[i].spec, rows[i].workspace, NULL, NULL, &e));
        cr_assert_str_eq(e.text, rows[i].why);
    }
    SCOPED(json) json_t *got = simple("", "", REPO ",'ref':'v1'", NULL, NULL);
    cr_assert_str_eq(text_of(json_object_get(init_of(got, "git-clone"), "args")),
                     "[\"clone\",\"--branch\",\"v1\",\"--no-single-branch\",\"--depth\","
                     "\"1\",\"--\",\"https://github.com/acme/web.git\","
                     "\"/workspace/repo\"]");
    row_claim("TE/W-G5");
}

Test(weak_job, history_is_as_deep_as_the_workspace_says)
{
    static const struct {
        const char *workspace, *depth;
    } rows[] = {
        {REPO, "1"}, {REPO ",'cloneDepth':50", "50"}, {REPO ",'cloneDepth':0", NULL}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        SCOPED(json) json_t *got = simple("", "", rows[i].workspace, NULL, NULL);
        const char *args = text_of(json_object_get(init_of(got, "git-clone"), "args"));
        char want[40];
        snprintf(want, sizeof want, "\"--depth\",\"%s\"", rows[i].depth);
        cr_assert_eq(strstr(args, "--depth") != NULL, rows[i].depth != NULL);
        if (rows[i].depth != NULL)
            cr_assert_not_null(strstr(args, want), "%s", args);
    }
}
