/* test_job.c - the Job a Task wants: whole Jobs beside golden files, and single rules.
 * `make golden` writes the golden files anew; read their difference before committing it. */
#include "tests/reconciler/jobfixture.h"
#include "tests/support/rows.h"

#define OVERRIDES                                                                        \
    "'podOverrides':{'resources':{'requests':{'cpu':'500m'},'limits':{'memory':'2Gi'}}," \
    "'activeDeadlineSeconds':1800,'nodeSelector':{'pool':'agents'},"                     \
    "'env':[{'name':'HTTP_PROXY','value':'http://"                                       \
    "p:1'},{'name':'KELOS_MODEL','value':'no'}]}"

#define OVERRIDES_ALL                                                                    \
    "'podOverrides':{'labels':{'team':'platform','custom':'y',"                          \
    "'app.kubernetes.io/component':'x'},'resources':{'limits':{'memory':'2Gi'}},"        \
    "'activeDeadlineSeconds':60,'nodeSelector':{'pool':'agents'},"                       \
    "'env':[{'name':'A','value':'1'}],"                                                  \
    "'tolerations':[{'key':'dedicated','operator':'Equal','value':'ai-agents',"          \
    "'effect':'NoSchedule'}],'affinity':{'nodeAffinity':{"                               \
    "'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':80,'preference':{"     \
    "'matchExpressions':[{'key':'zone','operator':'In','values':['a']}]}}]}},"           \
    "'imagePullSecrets':[{'name':'corp-registry-creds'}],"                               \
    "'serviceAccountName':'bedrock-agent-sa',"                                           \
    "'volumes':[{'name':'ca-bundle','configMap':{'name':'corp-ca'}}],"                   \
    "'volumeMounts':[{'name':'ca-bundle','mountPath':'/etc/ssl/certs/corp'}],"           \
    "'podSecurityContext':{'runAsNonRoot':true,'seccompProfile':{'type':'"               \
    "RuntimeDefault'}},"                                                                 \
    "'containerSecurityContext':{'allowPrivilegeEscalation':false,"                      \
    "'readOnlyRootFilesystem':true,'capabilities':{'drop':['ALL']}},"                    \
    "'extraContainers':[{'name':'proxy','image':'corp/proxy:1'}],"                       \
    "'extraInitContainers':[{'name':'db','image':'postgres:16','restartPolicy':'Always'" \
    "},"                                                                                 \
    "{'name':'migrate','image':'corp/migrate:1'}]}"
#define FAILURE_POLICY                                                                   \
    "'podFailurePolicy':{'rules':[{'action':'Ignore','onPodConditions':["                \
    "{'type':'DisruptionTarget','status':'True'}]},{'action':'FailJob','onExitCodes':"   \
    "{'containerName':'kelos-agent','operator':'NotIn','values':[0]}}]}"

#define LABELS                                                                           \
    "'app.kubernetes.io/name':'kelos','app.kubernetes.io/component':'task',"             \
    "'app.kubernetes.io/managed-by':'kelos-controller','kelos.dev/task':'fix'"

/* One whole Job each. */
static const struct {
    const char *name, *spec, *workspace, *config, *secret;
} goldens[] = {
    {"minimal", "'model':'opus'", NULL, NULL, NULL},
    {"workspace", "'branch':'fix/1'", REPO ",'ref':'main'", NULL, NULL},
    {"workspace-token", "'branch':'fix/1'",
     REPO ",'ref':'main','remotes':[{'name':'upstream','url':'https://github.com/up/"
          "web.git'}],"
          "'files':[{'path':'CLAUDE.md','content':'hello'},"
          "{'path':'docs/a.md','content':'there'}]",
     NULL, "github-token"},
    {"enterprise-token", "", GHE, NULL, "forge-token"},
    {"commit", "", REPO ",'ref':'0123456789abcdef0123456789abcdef01234567'", NULL, NULL},
    {"agentconfig", "", REPO, CONFIG_ALL, NULL},
    {"overrides", "'model':'opus'," OVERRIDES, NULL, NULL, NULL},
    {"overrides-all", "'type':'codex','model':'o3','effort':'high'," OVERRIDES_ALL, REPO,
     NULL, "github-token"},
    {"failure-policy", "'type':'codex'," FAILURE_POLICY, NULL, NULL, NULL},
    {"setup-command", "'branch':'fix/1'",
     REPO ",'setupCommand':['sh','-c','npm ci --prefer-offline']", NULL, NULL},
    {"cursor", CRED("cursor", "api-key") ",'effort':'low'", NULL,
     "'agentsMD':'Be brief.'", NULL},
};

Test(job, is_as_its_golden_file_says)
{
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        struct task_view *t = make_task("fix", "", goldens[i].spec, "");
        const struct job_wish w = {.task = t,
                                   .workspace = goldens[i].workspace != NULL
                                                    ? make_workspace(goldens[i].workspace)
                                                    : NULL,
                                   .agent_config = goldens[i].config != NULL
                                                       ? make_config(goldens[i].config)
                                                       : NULL,
                                   .prompt = t->prompt,
                                   .token_secret = goldens[i].secret,
                                   .images = &images};
        SCOPED(json) json_t *got = build(&w);
        golden_compare(goldens[i].name, got);
    }
}

Test(job, of_each_agent_with_each_credential_is_as_its_golden_file_says)
{
    static const char *const credentials[] = {"api-key", "oauth", "none"};

    for (int a = 0; a < AGENT_TYPES; a++)
        for (size_t c = 0; c < sizeof credentials / sizeof *credentials; c++) {
            char spec[300], name[80];
            const char *type = agent_type_name((enum agent_type)a);
            snprintf(spec, sizeof spec,
                     "'type':'%s','credentials':{'type':'%s','secretRef':{'name':'s'}}",
                     type, credentials[c]);
            snprintf(name, sizeof name, "agents/%s-%s", type, credentials[c]);
            SCOPED(json) json_t *got = simple("", spec, NULL, NULL, NULL);
            golden_compare(name, got);
        }
}

/* ---- single rules ---- */

Test(job, the_credential_is_one_variable_by_type_and_kind)
{
    static const struct {
        const char *spec, *variable;
    } rows[] = {
        {CRED("claude-code", "api-key"), "ANTHROPIC_API_KEY"},
        {CRED("claude-code", "oauth"), "CLAUDE_CODE_OAUTH_TOKEN"},
        {CRED("codex", "api-key"), "CODEX_API_KEY"},
        {CRED("codex", "oauth"), "CODEX_AUTH_JSON"},
        {CRED("gemini", "api-key"), "GEMINI_API_KEY"},
        {CRED("gemini", "oauth"), "GEMINI_API_KEY"},
        {CRED("opencode", "api-key"), "OPENCODE_API_KEY"},
        {CRED("opencode", "oauth"), "OPENCODE_API_KEY"},
        {CRED("cursor", "api-key"), "CURSOR_API_KEY"},
        {CRED("cursor", "oauth"), "CURSOR_API_KEY"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        SCOPED(json) json_t *got = simple("", rows[i].spec, NULL, NULL, NULL);
        char want[200];
        snprintf(want, sizeof want, "KELOS_AGENT_TYPE=%s %s=@s/%s",
                 json_str_or(agent(got), "name", ""), rows[i].variable, rows[i].variable);
        cr_assert_str_eq(env_text(agent(got)), want);
    }
    row_claim("TE/CR1");
    row_claim("TE/CR3");
    row_claim("ADD/CN4");
}

Test(job, the_environment_has_its_order)
{
    static const struct {
        const char *row, *meta, *spec, *workspace, *secret, *want;
    } rows[] = {
        {"TE/JB1", "", "'model':'opus'", NULL, NULL,
         "KELOS_MODEL=opus KELOS_AGENT_TYPE=claude-code "
         "ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY"},
        {"TE/JB2", "", CRED("claude-code", "oauth"), NULL, NULL,
         "KELOS_AGENT_TYPE=claude-code "
         "CLAUDE_CODE_OAUTH_TOKEN=@s/CLAUDE_CODE_OAUTH_TOKEN"},
        {"TE/JB3", "", "", REPO ",'ref':'main'", "t",
         "KELOS_AGENT_TYPE=claude-code ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY "
         "KELOS_BASE_BRANCH=main GITHUB_TOKEN=@t/GITHUB_TOKEN GH_TOKEN=@t/GITHUB_TOKEN "
         "GH_CONFIG_DIR=/workspace/.gh-config "
         "KELOS_GITHUB_TOKEN_FILE=/kelos/github-token/GITHUB_TOKEN"},
        {"TE/JB4", "", CRED("codex", "api-key"), REPO ",'ref':'main'", NULL,
         "KELOS_AGENT_TYPE=codex CODEX_API_KEY=@s/CODEX_API_KEY KELOS_BASE_BRANCH=main"},
        {"TE/JB7", "", "", REPO, NULL,
         "KELOS_AGENT_TYPE=claude-code ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY"},
        {"TE/JB8", "'labels':{'kelos.dev/taskspawner':'kelos-workers'}", "", NULL, NULL,
         "KELOS_AGENT_TYPE=claude-code KELOS_TASKSPAWNER=kelos-workers "
         "ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY"},
        {"TE/RU8", "", "",
         REPO ",'remotes':[{'name':'upstream','url':'https://github.com/upstream-org/"
              "repo.git'}]",
         NULL,
         "KELOS_AGENT_TYPE=claude-code ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY "
         "KELOS_UPSTREAM_REPO=upstream-org/repo"},
        {"TE/RU9", "", "",
         REPO ",'remotes':[{'name':'upstream','url':'not-a-valid-url'}]", NULL,
         "KELOS_AGENT_TYPE=claude-code ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY"},
        {"TE/JB2", "", "'branch':'x'", NULL, NULL,
         "KELOS_BRANCH=x KELOS_AGENT_TYPE=claude-code "
         "ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY"},
        {"ADD/LT13", "", "'upstreamRepo':'a/b'",
         REPO ",'remotes':[{'name':'upstream','url':'https://github.com/c/d'}]", NULL,
         "KELOS_AGENT_TYPE=claude-code ANTHROPIC_API_KEY=@claude/ANTHROPIC_API_KEY "
         "KELOS_UPSTREAM_REPO=a/b"},
        {"ADD/EF1", "", CRED("codex", "api-key") ",'model':'m','effort':'xhigh'", NULL,
         NULL,
         "KELOS_MODEL=m KELOS_EFFORT=xhigh KELOS_AGENT_TYPE=codex "
         "CODEX_API_KEY=@s/CODEX_API_KEY"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        SCOPED(json)
        json_t *got =
            simple(rows[i].meta, rows[i].spec, rows[i].workspace, NULL, rows[i].secret);
        cr_assert_str_eq(env_text(agent(got)), rows[i].want, "%s: %s", rows[i].row,
                         env_text(agent(got)));
        row_claim(rows[i].row);
    }
    row_claim("ADD/LT3");
}

Test(job, has_the_retry_rules_and_no_more)
{
    SCOPED(json) json_t *got = simple("", "", NULL, NULL, NULL);
    SCOPED(string)
    char *rules = json_dump_canonical(json_at(got, "job.spec.podFailurePolicy.rules"));

    cr_assert_eq(json_int_or(got, "job.spec.backoffLimit", -1), 1);
    cr_assert_str_eq(rules,
                     "[{\"action\":\"Count\",\"onPodConditions\":[{\"status\":\"True\","
                     "\"type\":\"DisruptionTarget\"}]},{\"action\":\"FailJob\","
                     "\"onExitCodes\":{\"operator\":\"NotIn\",\"values\":[0]}}]");
    row_claim("TE/JB9");
    row_claim("ADD/FP1");
    cr_assert_null(json_at(got, "job.spec.activeDeadlineSeconds"));
    cr_assert_null(json_at(got, "job.spec.ttlSecondsAfterFinished"));
    cr_assert_null(json_object_get(agent(got), "resources"));
    cr_assert_null(json_at(got, "job.spec.template.spec.nodeSelector"));
    row_claim("TE/JB11");
    cr_assert_null(json_object_get(agent(got), "workingDir"));
    row_claim("TE/AC8");
    cr_assert_str_eq(json_str_or(got, "job.metadata.ownerReferences[0].kind", ""),
                     "Task");
    cr_assert_str_eq(json_str_or(got, "job.metadata.ownerReferences[0].uid", ""),
                     "uid-fix");
}

/* Word for word what v0.16 makes of it, but for the token that no agent needs. */
static const char plain_job[] =
    "{'apiVersion':'batch/v1','kind':'Job','metadata':{'name':'fix','namespace':'dev',"
    "'labels':{" LABELS "},'ownerReferences':[{'apiVersion':'kelos.dev/v1alpha1','kind':"
    "'Task','name':'fix','uid':'uid-fix','controller':true,'blockOwnerDeletion':true}]},"
    "'spec':{'backoffLimit':1,'podFailurePolicy':{'rules':[{'action':'Count',"
    "'onPodConditions':[{'type':'DisruptionTarget','status':'True'}]},{'action':'FailJob'"
    ","
    "'onExitCodes':{'operator':'NotIn','values':[0]}}]},'template':{'metadata':{'labels':"
    "{" LABELS "}},'spec':{'automountServiceAccountToken':false,'restartPolicy':'Never',"
    "%s'containers':[{'name':'claude-code','image':'kelos-dev/claude-code:latest',"
    "'command':['/kelos_entrypoint.sh'],'args':['Do it.'],'env':[%s{'name':"
    "'KELOS_AGENT_TYPE','value':'claude-code'},{'name':'ANTHROPIC_API_KEY','valueFrom':{"
    "'secretKeyRef':{'name':'claude','key':'ANTHROPIC_API_KEY'}}}%s]%s}]}}}}";
static const char plain_pod[] =
    "'securityContext':{'fsGroup':61100},'volumes':[{'name':'workspace','emptyDir':{}}],"
    "'initContainers':[{'name':'git-clone','image':'alpine/git:v2.47.2','args':['clone',"
    "'--branch','main','--no-single-branch','--depth','1','--',"
    "'https://github.com/acme/web.git','/workspace/repo'],'volumeMounts':[{'name':"
    "'workspace','mountPath':'/workspace'}],'securityContext':{'runAsUser':61100}}],";

static void
same_job(const char *spec, const char *workspace, json_t *want)
{
    SCOPED(json) json_t *got = simple("", spec, workspace, NULL, NULL);
    json_t *job = json_object_get(got, "job");

    cr_assert(json_equal(job, want), "%s is not %s",
              (char *)keep(json_dump_canonical(job)),
              (char *)keep(json_dump_canonical(want)));
    cr_assert_eq(json_array_size(json_object_get(got, "configMaps")), 0);
}

Test(job, without_additions_is_the_one_of_v0_16)
{
    same_job("", NULL, js(plain_job, "", "", "", ""));
    same_job("'model':'opus'", REPO ",'ref':'main'",
             js(plain_job, plain_pod, "{'name':'KELOS_MODEL','value':'opus'},",
                ",{'name':'KELOS_BASE_BRANCH','value':'main'}",
                ",'workingDir':'/workspace/repo','volumeMounts':[{'name':'workspace',"
                "'mountPath':'/workspace'}]"));
    row_claim("ADD/G1");
}

Test(job, images_come_from_the_task_then_the_flags_then_the_type)
{
    SCOPED(json) json_t *own = simple("", "'image':'acme/agent:1'", NULL, NULL, NULL);

    cr_assert_str_eq(json_str_or(agent(own), "image", ""), "acme/agent:1");
    cr_assert_str_eq(json_str_or(agent(own), "command[0]", ""), "/kelos_entrypoint.sh");
    cr_assert_str_eq(json_str_or(agent(own), "args[0]", ""), "Do it.");
    SCOPED(json) json_t *usual = simple("", "", NULL, NULL, NULL);
    for (size_t i = 0; i < 3; i++) {
        static const char *const same[] = {"command", "args", "env"};
        cr_assert(json_equal(json_object_get(agent(own), same[i]),
                             json_object_get(agent(usual), same[i])),
                  "%s", same[i]);
    }
    row_claim("TE/JB5");
    for (int i = 0; i < AGENT_TYPES; i++) {
        char spec[200], want[60];
        snprintf(spec, sizeof spec, "'type':'%s'", agent_type_name((enum agent_type)i));
        snprintf(want, sizeof want, "kelos-dev/%s:latest",
                 agent_type_name((enum agent_type)i));
        SCOPED(json) json_t *got = simple("", spec, NULL, NULL, NULL);
        cr_assert_str_eq(json_str_or(agent(got), "image", ""), want);
        cr_assert_str_eq(json_str_or(agent(got), "name", ""),
                         agent_type_name((enum agent_type)i));
    }
    row_claim("TE/JB6");
}

/* ---- AgentConfig ---- */

Test(job, agent_config_parts)
{
    SCOPED(json) json_t *md = simple("", "", NULL, "'agentsMD':'Be brief.'", NULL);
    SCOPED(json)
    json_t *plugins = simple("", "", NULL,
                             "'agentsMD':'x','plugins':[{'name':'team-tools','skills':[{'"
                             "name':'deploy','content':'d'}],"
                             "'agents':[{'name':'reviewer','content':'r'}]}]",
                             NULL);
    SCOPED(json) json_t *all = simple("", "", REPO, CONFIG_ALL, NULL);

    cr_assert_not_null(strstr(env_text(agent(md)), "KELOS_AGENTS_MD=Be brief."));
    cr_assert_null(json_at(md, "job.spec.template.spec.volumes"));
    cr_assert_null(json_at(md, "job.spec.template.spec.initContainers"));
    row_claim("TE/AC1");
    SCOPED(string)
    char *items = json_dump_canonical(
        json_at(plugins, "job.spec.template.spec.volumes[1].configMap.items"));
    cr_assert_str_eq(
        items, "[{\"key\":\"p0-s0\",\"path\":\"team-tools/skills/deploy/SKILL.md\"},"
               "{\"key\":\"p0-a0\",\"path\":\"team-tools/agents/reviewer.md\"}]");
    cr_assert_eq(
        json_array_size(json_at(plugins, "job.spec.template.spec.initContainers")), 1);
    row_claim("TE/AC2");
    row_claim("TE/AC3");
    row_claim("ADD/CD1");
    const char *skills = script_of(init_of(all, "skills-install"));
    cr_assert_not_null(strstr(skills, "apk add --no-cache git"));
    cr_assert_not_null(strstr(
        skills,
        "npx -y skills add 'vercel-labs/agent-skills' -a universal -y -g -s 'deploy'"));
    cr_assert_not_null(
        strstr(skills, "npx -y skills add 'anthropics/skills' -a universal -y -g\n"));
    cr_assert_not_null(strstr(skills, "chown -R 61100:61100 /kelos/plugin"));
    cr_assert_null(json_object_get(init_of(all, "skills-install"), "securityContext"));
    cr_assert_not_null(strstr(skills, "/kelos/plugin/skills-sh/skills"));
    row_claim("TE/AC4");
    row_claim("ADD/AC4");
    row_claim("ADD/SK1");
    cr_assert_str_eq(
        json_str_or(all, "job.spec.template.spec.initContainers[1].name", ""),
        "plugin-setup");
    cr_assert_str_eq(
        json_str_or(all, "job.spec.template.spec.initContainers[2].name", ""),
        "skills-install");
    row_claim("TE/AC5");
    row_claim("TE/AC7");
    row_claim("ADD/SK5");
    cr_assert_not_null(
        strstr(env_text(agent(all)),
               "KELOS_PLUGIN_DIR=/kelos/plugin KELOS_MCP_SERVERS={\"mcpServers\":{"
               "\"db\":{\"args\":[\"--readonly\"],\"command\":\"dbhub\",\"env\":{"
               "\"DSN\":\"x\"},\"type\":\"stdio\"},\"tracker\":{\"headers\":{"
               "\"X-Team\":\"a\"},\"type\":\"http\","
               "\"url\":\"https://mcp.example/t\"}}}"));
    row_claim("TE/AC11");
    row_claim("TE/AC12");
    row_claim("TE/AC14");
}

Test(job, agent_config_serves_every_agent)
{
    static const char *const types[] = {"codex", "gemini", "opencode"};

    for (size_t i = 0; i < 3; i++) {
        char spec[60];
        snprintf(spec, sizeof spec, "'type':'%s'", types[i]);
        SCOPED(json) json_t *got = simple("", spec, NULL, CONFIG_ALL, NULL);
        cr_assert_str_eq(json_str_or(agent(got), "name", ""), types[i]);
        cr_assert_not_null(strstr(env_text(agent(got)), "KELOS_MCP_SERVERS="));
        cr_assert_eq(
            json_array_size(json_at(got, "job.spec.template.spec.initContainers")), 2);
    }
    row_claim("TE/AC9");
    row_claim("TE/AC13");
}

/* ---- refusals ---- */

static const struct {
    const char *row, *spec, *workspace, *config, *why;
} refusals[] = {
    {"TE/JB10", "'type':'aider'", NULL, NULL, "unsupported agent type: aider"},
    {"RES/T18", "'branch':'bad..name'", REPO, NULL,
     "branch \"bad..name\" is not a name that git takes"},
    {"TE/WS7", "", REPO ",'files':[{'path':'../AGENTS.md','content':''}]", NULL,
     "invalid workspace file path \"../AGENTS.md\": path escapes repository root"},
    {"RES/W6", "", REPO ",'files':[{'path':'  ','content':''}]", NULL,
     "invalid workspace file path \"  \": path is empty"},
    {"RES/W7", "", REPO ",'files':[{'path':'a\\\\b','content':''}]", NULL,
     "invalid workspace file path \"a\\b\": path must use forward slashes"},
    {"RES/W8", "", REPO ",'files':[{'path':'a/..','content':''}]", NULL,
     "invalid workspace file path \"a/..\": path resolves to current directory"},
    {"RES/W8", "", REPO ",'files':[{'path':'.','content':''}]", NULL,
     "invalid workspace file path \".\": path resolves to current directory"},
    {"RES/W9", "", REPO ",'files':[{'path':'/etc/passwd','content':''}]", NULL,
     "invalid workspace file path \"/etc/passwd\": absolute paths are not allowed"},
    {"RES/W10", "", REPO ",'files':[{'path':'a/../../b','content':''}]", NULL,
     "invalid workspace file path \"a/../../b\": path escapes repository root"},
    {"RES/W10", "", REPO ",'files':[{'path':'..','content':''}]", NULL,
     "invalid workspace file path \"..\": path escapes repository root"},
    {"RES/W11", "", REPO ",'files':[{'path':'.git/hooks/pre-commit','content':''}]", NULL,
     "invalid workspace file path \".git/hooks/pre-commit\": path is inside .git"},
    {"RES/A4", "", NULL, "'plugins':[{'name':'../../etc'}]",
     "invalid plugin configuration: plugin name \"../../etc\" contains path separators"},
    {"RES/A5", "", NULL, "'plugins':[{'name':'.'}]",
     "invalid plugin configuration: plugin name \".\" is a path traversal"},
    {"RES/A6", "", NULL,
     "'plugins':[{'name':'p','skills':[{'name':'../evil','content':''}]}]",
     "invalid plugin configuration: skill name \"../evil\" contains path separators"},
    {"TE/AC10", "", NULL,
     "'plugins':[{'name':'p','agents':[{'name':'..','content':''}]}]",
     "invalid plugin configuration: agent name \"..\" is a path traversal"},
    {"RES/A7", "", NULL,
     "'mcpServers':[{'name':'github','type':'http'},{'name':'github','type':'http'}]",
     "invalid MCP server configuration: duplicate MCP server name \"github\""},
    {"RES/A8", "", NULL, "'mcpServers':[{'name':'foo/bar','type':'http'}]",
     "invalid MCP server configuration: MCP server name \"foo/bar\" contains path "
     "separators"},
    {"RES/A9", "", NULL, "'mcpServers':[{'name':'','type':'http'}]",
     "invalid MCP server configuration: MCP server name is empty"},
    {"TE/AC6", "", NULL, "'skills':[{'source':''}]",
     "invalid skills configuration: skills.sh source is empty"},
    {"ADD/SK4", "", NULL, "'plugins':[{'name':'skills-sh'}],'skills':[{'source':'a/b'}]",
     "invalid plugin configuration: plugin name \"skills-sh\" is reserved for skills.sh "
     "packages "
     "when spec.skills is set"},
};

Test(job, says_what_cannot_be_built)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct job_wanted out;
        struct err e = ERR_INIT;
        struct task_view *t = make_task("fix", "", refusals[i].spec, "");
        const struct job_wish w = {
            .task = t,
            .workspace =
                refusals[i].workspace ? make_workspace(refusals[i].workspace) : NULL,
            .agent_config = refusals[i].config ? make_config(refusals[i].config) : NULL,
            .prompt = "x",
            .images = &images};
        cr_assert_eq(job_build(&w, &out, &e), -1, "%s", refusals[i].row);
        cr_assert_str_eq(e.text, refusals[i].why);
        row_claim(refusals[i].row);
    }
}

Test(job, a_name_too_long_for_a_job_is_said)
{
    struct job_wanted out;
    struct err e = ERR_INIT;
    struct task_view *t =
        make_task("a-name-of-more-than-sixty-three-characters-that-no-label-may-have-x",
                  "", "", "");
    const struct job_wish w = {.task = t, .prompt = "x", .images = &images};

    cr_assert_eq(job_build(&w, &out, &e), -1);
    cr_assert_not_null(strstr(e.text, "63"));
    row_claim("RES/T19");
}

Test(job, the_older_group_keeps_its_names)
{
    struct task_view *t = make_task("fix", "", CRED("codex", "oauth") ",'model':'m'", "");
    const struct job_wish w = {.task = t, .prompt = "x", .images = &images};

    t->view.meta.profile = PROFILE_AXON;
    SCOPED(json) json_t *got = build(&w);
    cr_assert_eq(json_int_or(got, "job.spec.backoffLimit", -1), 0);
    cr_assert_null(json_at(got, "job.spec.podFailurePolicy"));
    cr_assert_str_eq(json_str_or(got, "job.metadata.labels[axon.io/task]", ""), "fix");
    cr_assert_str_eq(json_str_or(agent(got), "command[0]", ""), "/axon_entrypoint.sh");
    cr_assert_str_eq(env_text(agent(got)),
                     "AXON_MODEL=m KELOS_MODEL=m KELOS_AGENT_TYPE=codex "
                     "CODEX_API_KEY=@s/CODEX_API_KEY");
    row_claim("RES/X5");
}
