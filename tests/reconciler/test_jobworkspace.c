/* test_jobworkspace.c - what a Workspace adds to the Job. */
#include "tests/reconciler/jobfixture.h"
#include "tests/support/rows.h"

Test(jobworkspace, clones_with_exactly_these_arguments)
{
    SCOPED(json) json_t *with_ref = simple("", "", REPO ",'ref':'main'", NULL, NULL);
    SCOPED(json) json_t *without = simple("", "", REPO, NULL, NULL);
    SCOPED(string)
    char *a = json_dump_canonical(json_at(init_of(with_ref, "git-clone"), "args"));
    SCOPED(string)
    char *b = json_dump_canonical(json_at(init_of(without, "git-clone"), "args"));

    cr_assert_str_eq(
        a, "[\"clone\",\"--branch\",\"main\",\"--no-single-branch\",\"--depth\",\"1\","
           "\"--\",\"https://github.com/acme/web.git\",\"/workspace/repo\"]");
    cr_assert_eq(
        json_int_or(init_of(with_ref, "git-clone"), "securityContext.runAsUser", 0),
        61100);
    cr_assert_eq(
        json_int_or(with_ref, "job.spec.template.spec.securityContext.fsGroup", 0),
        61100);
    cr_assert_str_eq(json_str_or(agent(with_ref), "workingDir", ""), "/workspace/repo");
    cr_assert_null(json_object_get(init_of(with_ref, "git-clone"), "command"));
    row_claim("TE/WS1");
    cr_assert_str_eq(b, "[\"clone\",\"--no-single-branch\",\"--depth\",\"1\",\"--\","
                        "\"https://github.com/acme/web.git\",\"/workspace/repo\"]");
    row_claim("TE/WS2");
    cr_assert_null(init_of(without, "remote-setup"));
    row_claim("TE/WS9");
    cr_assert_null(json_at(without, "job.spec.template.spec.volumes[1]"));
    row_claim("ADD/LT2");
}

Test(jobworkspace, clones_with_the_token_through_a_helper)
{
    SCOPED(json)
    json_t *got = simple("", "'branch':'x'", REPO ",'ref':'main'", NULL, "t");
    const json_t *clone = init_of(got, "git-clone"),
                 *branch = init_of(got, "branch-setup");

    cr_assert_eq(json_array_size(json_at(clone, "command")), 3);
    cr_assert_str_eq(json_str_or(clone, "command[0]", ""), "sh");
    cr_assert_not_null(strstr(script_of(clone), "git -c credential.helper="));
    cr_assert_not_null(
        strstr(script_of(clone), "git -C /workspace/repo config credential.helper"));
    cr_assert_str_eq(json_str_or(clone, "args[0]", ""), "--");
    cr_assert_str_eq(env_text(clone),
                     "GITHUB_TOKEN=@t/GITHUB_TOKEN GH_TOKEN=@t/GITHUB_TOKEN "
                     "KELOS_GITHUB_TOKEN_FILE=/kelos/github-token/GITHUB_TOKEN");
    row_claim("TE/WS3");
    row_claim("TE/WS5");
    row_claim("TE/WS15");
    cr_assert_not_null(strstr(script_of(branch), "credential.helper"));
    cr_assert_not_null(strstr(env_text(branch), "GITHUB_TOKEN=@t/GITHUB_TOKEN"));
    cr_assert_not_null(strstr(env_text(branch), "KELOS_BRANCH=x"));
    row_claim("TE/WS13");
    cr_assert_str_eq(
        json_str_or(got, "job.spec.template.spec.volumes[1].secret.secretName", ""), "t");
    row_claim("ADD/LT1");
}

Test(jobworkspace, an_enterprise_host_has_its_own_variables)
{
    SCOPED(json) json_t *got = simple("", "", GHE, NULL, "t");

    cr_assert_not_null(strstr(env_text(agent(got)), "GH_HOST=git.corp.example"));
    cr_assert_not_null(
        strstr(env_text(agent(got)), "GH_ENTERPRISE_TOKEN=@t/GITHUB_TOKEN"));
    cr_assert_null(strstr(env_text(agent(got)), "GH_TOKEN"));
    cr_assert_not_null(strstr(env_text(agent(got)), "GITHUB_TOKEN=@t/GITHUB_TOKEN"));
    const char *clone = env_text(init_of(got, "git-clone"));
    cr_assert_str_eq(clone, "GH_HOST=git.corp.example GITHUB_TOKEN=@t/GITHUB_TOKEN "
                            "GH_ENTERPRISE_TOKEN=@t/GITHUB_TOKEN "
                            "KELOS_GITHUB_TOKEN_FILE=/kelos/github-token/GITHUB_TOKEN");
    row_claim("TE/WS4");
}

Test(jobworkspace, files_and_remotes_are_quoted)
{
    SCOPED(json)
    json_t *got =
        simple("", "'branch':'x'",
               REPO ",'files':[{'path':'CLAUDE.md','content':'hello'},{'path':'a/b.md',"
                    "'content':'there'}],'remotes':[{'name':'private',"
                    "'url':'https://github.com/user/repo.git'},{'name':'bad;rm -rf /',"
                    "'url':'https://x/$(whoami)'}]",
               NULL, NULL);
    const char *files = script_of(init_of(got, "workspace-files"));
    const char *remotes = script_of(init_of(got, "remote-setup"));
    const json_t *all = json_at(got, "job.spec.template.spec.initContainers");

    cr_assert_not_null(strstr(files, "'/workspace/repo/CLAUDE.md' 'aGVsbG8='"));
    cr_assert_not_null(strstr(files, "'/workspace/repo/a/b.md' 'dGhlcmU='"));
    SCOPED(json)
    json_t *plain = simple("", "",
                           REPO ",'files':[{'path':'CLAUDE.md','content':'hello'},"
                                "{'path':'a/b.md','content':'there'}]",
                           NULL, NULL);
    cr_assert_eq(json_array_size(json_at(plain, "job.spec.template.spec.initContainers")),
                 2);
    cr_assert_str_eq(script_of(init_of(plain, "workspace-files")), files);
    row_claim("TE/WS6");
    cr_assert_not_null(
        strstr(remotes, "git remote add 'private' 'https://github.com/user/repo.git'"));
    cr_assert_eq(
        json_int_or(init_of(got, "remote-setup"), "securityContext.runAsUser", 0), 61100);
    row_claim("TE/WS8");
    cr_assert_not_null(
        strstr(remotes, "git remote add 'bad;rm -rf /' 'https://x/$$(whoami)'"));
    row_claim("TE/WS11");
    cr_assert_eq(json_array_size(all), 4);
    cr_assert_str_eq(json_str_or(json_array_get(all, 1), "name", ""), "remote-setup");
    cr_assert_str_eq(json_str_or(json_array_get(all, 2), "name", ""), "branch-setup");
    row_claim("TE/WS10");
    const char *branch = script_of(json_array_get(all, 2));
    cr_assert_not_null(strstr(branch, "$KELOS_BRANCH"));
    cr_assert_not_null(strstr(branch, "git fetch"));
    cr_assert_not_null(strstr(branch, "git checkout"));
    cr_assert_null(strstr(branch, "credential.helper"));
    cr_assert_str_eq(env_text(json_array_get(all, 2)), "KELOS_BRANCH=x");
    cr_assert_not_null(strstr(env_text(agent(got)), "KELOS_BRANCH=x "));
    row_claim("TE/WS12");
}

Test(jobworkspace, a_branch_without_a_workspace_is_told_to_the_agent_alone)
{
    SCOPED(json) json_t *got = simple("", "'branch':'x'", NULL, NULL, NULL);

    cr_assert_null(json_at(got, "job.spec.template.spec.initContainers"));
    cr_assert_not_null(strstr(env_text(agent(got)), "KELOS_BRANCH=x "));
    row_claim("TE/WS14");
}

Test(jobworkspace, large_texts_travel_in_a_config_map)
{
    struct task_view *t = make_task("fix", "", "", "");
    char *prompt = malloc(200 * 1024 + 1);

    memset(prompt, '$', 200 * 1024);
    prompt[200 * 1024] = '\0';
    const struct job_wish w = {.task = t, .prompt = prompt, .images = &images};
    SCOPED(json) json_t *got = build(&w);
    cr_assert_str_eq(json_str_or(got, "configMaps[0].metadata.name", ""), "fix-content");
    cr_assert_eq(strlen(json_str_or(got, "configMaps[0].data.prompt", "")), 200 * 1024);
    cr_assert_not_null(
        strstr(env_text(agent(got)), "KELOS_PROMPT_FILE=/kelos/content/prompt"));
    cr_assert_str_eq(json_str_or(agent(got), "volumeMounts[0].mountPath", ""),
                     "/kelos/content");
    free(prompt);
}

Test(jobworkspace, a_dollar_of_the_outside_stays_a_dollar)
{
    struct task_view *t = make_task("fix", "", "", "");
    const struct job_wish w = {
        .task = t, .prompt = "say $(GITHUB_TOKEN) $$", .images = &images};
    SCOPED(json) json_t *got = build(&w);

    cr_assert_str_eq(json_str_or(agent(got), "args[0]", ""), "say $$(GITHUB_TOKEN) $$$$");
}
