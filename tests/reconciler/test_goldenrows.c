/* test_goldenrows.c - the whole Job of each acceptance row that makes one, beside a golden file
 * of the row's name: golden/rows/TE-JB1.json. A row with several inputs has several files.
 * `make golden` writes them anew; read their difference before committing it. */
#include "tests/reconciler/jobfixture.h"

#include "reconciler/job/agentmerge.h"

#define PO(members) "'podOverrides':{" members "}"
#define SCHEDULING                                                                       \
    "'labels':{'team':'platform','custom':'y','app.kubernetes.io/component':'x'},"       \
    "'tolerations':[{'key':'dedicated','operator':'Equal','value':'ai-agents',"          \
    "'effect':'NoSchedule'}],'affinity':{'nodeAffinity':{"                               \
    "'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':80,'preference':{"     \
    "'matchExpressions':[{'key':'zone','operator':'In','values':['a']}]}}]}},"           \
    "'imagePullSecrets':[{'name':'corp-registry-creds'}]"
#define CA                                                                               \
    PO("'volumes':[{'name':'ca-bundle','configMap':{'name':'corp-ca'}}],"                \
       "'volumeMounts':[{'name':'ca-bundle','mountPath':'/etc/ssl/certs/corp'}]")
#define NON_ROOT "'runAsNonRoot':true,'seccompProfile':{'type':'RuntimeDefault'}"
#define NONE(type) "'type':'" type "','credentials':{'type':'none'}"
#define UPSTREAM "'remotes':[{'name':'upstream','url':'https://github.com/c/d'}]"
#define PLUGIN(name, parts) "{'name':'" name "'," parts "}"
#define ONE(kind, name, content)                                                         \
    "'" kind "':[{'name':'" name "','content':'" content "'}]"
#define MCP(servers) "'mcpServers':[" servers "]"
#define HTTP(name, url) "{'name':'" name "','type':'http','url':'" url "'}"
#define ENV_FROM_KEYS                                                                    \
    "{'name':'db','type':'stdio','command':'dbhub','envValueFrom':[{'name':'A',"         \
    "'valueFrom':{'secretKeyRef':{'name':'s','key':'k','optional':true}}},{'name':'B',"  \
    "'valueFrom':{'configMapKeyRef':{'name':'c','key':'k','optional':true}}}]}"
#define SETUP "'setupCommand':['sh','-c','npm ci --prefer-offline']"
#define FAIL_FAST                                                                        \
    "'podFailurePolicy':{'rules':[{'action':'Ignore','onPodConditions':[{'type':"        \
    "'DisruptionTarget','status':'True'}]},{'action':'FailJob','onExitCodes':{"          \
    "'operator':'NotIn','values':[0]}}]}"
#define ALIAS                                                                            \
    "'podFailurePolicy':{'rules':[{'action':'FailJob','onExitCodes':{'containerName':"   \
    "'kelos-agent','operator':'NotIn','values':[0]}}]}"

#define ROW(n, s, ...)                                                                   \
    {                                                                                    \
        .name = n, .spec = s, ##__VA_ARGS__                                              \
    }

/* One Job each; what is NULL or left out is not there. `secret` is the effective one of the
 * Workspace, `values` what Secrets and ConfigMaps hold. */
static const struct row {
    const char *name, *spec, *workspace, *secret, *meta, *values;
    const char *configs[3];
} rows[] = {
    ROW("TE-JB1", CRED("claude-code", "api-key") ",'model':'opus'"),
    ROW("TE-JB2", CRED("claude-code", "oauth")),
    ROW("TE-JB3", CRED("claude-code", "api-key"), REPO ",'ref':'main'", "github-token"),
    ROW("TE-JB4", CRED("codex", "api-key"), REPO ",'ref':'main'"),
    ROW("TE-JB5", "'image':'acme/agent:1','model':'opus'"),
    ROW("TE-JB6-claude-code", "'type':'claude-code'"),
    ROW("TE-JB6-codex", "'type':'codex'"),
    ROW("TE-JB6-gemini", "'type':'gemini'"),
    ROW("TE-JB6-opencode", "'type':'opencode'"),
    ROW("TE-JB6-cursor", "'type':'cursor'"),
    ROW("TE-JB7-no-ref", "", REPO),
    ROW("TE-JB7-no-workspace", ""),
    ROW("TE-JB8-label", "", NULL, NULL,
        "'labels':{'kelos.dev/taskspawner':'kelos-workers'}"),
    ROW("TE-JB8-no-label", "", NULL, NULL, "'labels':{'other':'label'}"),
    ROW("TE-JB9", "", REPO),
    ROW("TE-JB11", CRED("codex", "api-key"), REPO),
    ROW("ADD-PO1", PO("'labels':{'team':'platform','custom':'y',"
                      "'app.kubernetes.io/component':'x'}")),
    ROW("ADD-PO2", PO(SCHEDULING)),
    ROW("ADD-PO3",
        "'type':'codex'," PO(
            SCHEDULING
            ",'resources':{'requests':{'cpu':'500m','memory':'512Mi'},'limits':{'cpu':2,"
            "'memory':'2Gi'}},'activeDeadlineSeconds':1800,'nodeSelector':{'pool':'"
            "agents'},"
            "'env':[{'name':'HTTP_PROXY','value':'http://"
            "p:1'}],'serviceAccountName':'sa'")),
    ROW("ADD-PO4", ""),
    ROW("ADD-PO5-workspace", CA, REPO),
    ROW("ADD-PO5-no-workspace", CA),
    ROW("ADD-PO7-workspace", PO("'podSecurityContext':{" NON_ROOT "}"), REPO),
    ROW("ADD-PO7-fs-group", PO("'podSecurityContext':{'fsGroup':2000}"), REPO),
    ROW("ADD-PO7-no-workspace", PO("'podSecurityContext':{" NON_ROOT "}")),
    ROW("ADD-PO8",
        PO("'containerSecurityContext':{'allowPrivilegeEscalation':false,"
           "'readOnlyRootFilesystem':true,'capabilities':{'drop':['ALL']}}"),
        REPO),
    ROW("ADD-PO10", PO("'extraContainers':[{'name':'codex','image':'i'}]")),
    ROW("ADD-PO11", PO("'extraContainers':[{'name':'proxy','image':'corp/proxy:1'}]")),
    ROW("ADD-PO12", PO("'extraInitContainers':[{'name':'db','image':'postgres:16'}]"),
        REPO, "github-token"),
    ROW("ADD-PO13",
        PO("'extraInitContainers':[{'name':'db','image':'postgres:16',"
           "'restartPolicy':'Always'},{'name':'migrate','image':'corp/m:1'}]")),
    ROW("ADD-PO15", PO("'serviceAccountName':'bedrock-agent-sa'")),
    ROW("ADD-PO16-setup", PO("'env':[{'name':'KELOS_SETUP_COMMAND','value':'x'}]"),
        REPO "," SETUP),
    ROW("ADD-PO16-no-setup", PO("'env':[{'name':'KELOS_SETUP_COMMAND','value':'x'}]"),
        REPO),
    ROW("ADD-FP1", CRED("codex", "api-key")),
    ROW("ADD-FP2", FAIL_FAST),
    ROW("ADD-FP4", "'podFailurePolicy':{'rules':[]}"),
    ROW("ADD-FP5", "'type':'codex'," ALIAS),
    ROW("ADD-CN1", NONE("claude-code") "," PO(
                       "'env':[{'name':'CLAUDE_CODE_USE_BEDROCK',"
                       "'value':'1'},{'name':'AWS_REGION','value':'us-east-1'}],"
                       "'serviceAccountName':'bedrock-agent-sa'")),
    ROW("ADD-CN3",
        "'type':'claude-code','credentials':{'type':'none','secretRef':{'name':"
        "'unused'}}," PO("'env':[{'name':'ANTHROPIC_API_KEY','valueFrom':{"
                         "'secretKeyRef':{'name':'mine','key':'KEY'}}}]")),
    ROW("ADD-CN4-api-key", CRED("cursor", "api-key")),
    ROW("ADD-CN4-oauth", CRED("cursor", "oauth")),
    ROW("ADD-AR1", "", .configs = {"'agentsMD':'A'", "'agentsMD':''", "'agentsMD':'B'"}),
    ROW("ADD-AR2", "", .configs = {CONFIG_ALL}),
    ROW("ADD-AR3", "",
        .configs =
            {"'plugins':[" PLUGIN(
                 "kit", ONE("skills", "x", "1") "," ONE("agents", "a", "A")) "]",
             "'plugins':[" PLUGIN(
                 "kit",
                 ONE("skills", "x", "2") "," ONE(
                     "agents", "b",
                     "B")) "," PLUGIN("p3", "'skills':[]") "],'skills':[{'source':'a/b',"
                                                           "'secretRef':{'name':'s'}}]"}),
    ROW("ADD-AR4", "",
        .configs = {MCP("{'name':'github','type':'http','url':'https://1','headers':{'a':"
                        "'b'}},{'name':'db','type':'stdio','command':'c'}"),
                    MCP(HTTP("github", "https://2") "," HTTP("x", "https://3"))}),
    ROW("ADD-MS1", "",
        .values = "{'secret/s':{'data':{'Authorization':'c2VjcmV0','X-From-Secret':"
                  "'b3RoZXI='}}}",
        .configs = {MCP(
            "{'name':'m','type':'http','url':'https://m','headers':{'X-Inline':"
            "'i','authorization':'plain'},'headersFrom':{'secretRef':{'name':"
            "'s'}}}")}),
    ROW("ADD-MS2", "",
        .values = "{'secret/s':{'data':{'K':'b3RoZXI='}},'secret/all':{'data':{"
                  "'DB_PASSWORD':'c2VjcmV0','DB_HOST':'b3RoZXI=','SHARED':'c2VjcmV0'}}}",
        .configs = {MCP(
            "{'name':'m','type':'stdio','command':'c','env':{'DSN':'d','SHARED':"
            "'1'},'envValueFrom':[{'name':'SHARED','valueFrom':{'secretKeyRef':{"
            "'name':'s','key':'K'}}}],'envFrom':{'secretRef':{'name':'all'}}}")}),
    ROW("ADD-MS3", "",
        .values = "{'secret/s':{'data':{'k':'c2VjcmV0'}},'configmap/c':{'data':{'k':"
                  "'plain'}}}",
        .configs = {MCP(ENV_FROM_KEYS)}),
    ROW("ADD-MS5", "", .values = "{'secret/s':null,'configmap/c':{'data':{'other':'x'}}}",
        .configs = {MCP(ENV_FROM_KEYS)}),
    ROW("ADD-MS10", "",
        .configs = {MCP(
            "{'name':'t','type':'http','url':'https://t','headers':{'X-Team':"
            "'a'}},{'name':'db','type':'stdio','command':'c','env':{'DSN':'x'}}")}),
    ROW("ADD-SC1-setup", "", REPO "," SETUP),
    ROW("ADD-SC1-none", "", REPO),
    ROW("ADD-SC6", "", REPO ",'setupCommand':['printf','$(HOME) $X <&>\\n']"),
    ROW("ADD-EF1-effort", CRED("codex", "api-key") ",'model':'m','effort':'xhigh'"),
    ROW("ADD-EF1-none", CRED("codex", "api-key") ",'model':'m'"),
    ROW("ADD-CU1-default", CRED("cursor", "api-key")),
    ROW("ADD-CU1-image", CRED("cursor", "api-key") ",'image':'acme/cursor:1'"),
    ROW("ADD-LT1-reference-image", "'branch':'x'", REPO, "github-token"),
    ROW("ADD-LT1-custom-image", "'branch':'x','image':'acme/agent:1'", REPO,
        "github-token"),
    ROW("ADD-LT2", "'branch':'x'", REPO),
    ROW("ADD-LT3", CRED("claude-code", "api-key"), REPO ",'ref':'main'", "github-token"),
    ROW("ADD-LT10", "", GHE, "fix-github-token"),
    ROW("ADD-LT13-no-remote", "'upstreamRepo':'a/b'", REPO),
    ROW("ADD-LT13-remote", "'upstreamRepo':'a/b'", REPO "," UPSTREAM),
    ROW("ADD-LT13-no-workspace", "'upstreamRepo':'a/b'"),
    ROW("ADD-CD1", "",
        .configs = {"'plugins':[" PLUGIN(
            "team-tools",
            ONE("skills", "deploy", "d") "," ONE("agents", "reviewer", "r")) "]"}),
    ROW("ADD-CD2", "",
        .configs =
            {"'plugins':[{'name':'a','skills':[{'name':'s','content':'1'},{'name':'t',"
             "'content':'2'}],'agents':[{'name':'x','content':'3'}]},{'name':'b',"
             "'agents':[{'name':'y','content':'4'}]}]"}),
    ROW("ADD-CD7", "", .configs = {"'skills':[{'source':'a/b'}]"}),
    ROW("ADD-SK1", "",
        .configs = {"'skills':[{'source':'vercel-labs/agent-skills','skill':'deploy'},"
                    "{'source':'anthropics/skills'}]"}),
    ROW("ADD-SK2", "",
        .values = "{'secret/a':{'data':{'GITHUB_TOKEN':'c2VjcmV0'}},'secret/b':{'data':{"
                  "'GITHUB_TOKEN':'b3RoZXI='}}}",
        .configs =
            {"'skills':[{'source':'o/r','secretRef':{'name':'a'}},{'source':'o/s',"
             "'secretRef':{'name':'a'}},{'source':'https://git.corp.example:8443/a/b',"
             "'secretRef':{'name':'b'}},{'source':'anthropics/skills'}]"}),
    ROW("ADD-SK4", "",
        .configs = {"'plugins':[" PLUGIN("skills-sh", ONE("skills", "x", "1")) "]"}),
    ROW("ADD-SK5", "",
        .configs = {"'plugins':[" PLUGIN(
            "p", ONE("skills", "x", "1")) "],'skills':[{'source':'a/b'}]"}),
};

static json_t *
job_of(const struct row *row, const struct agentmerge *merged)
{
    struct task_view *t =
        make_task("fix", row->meta != NULL ? row->meta : "", row->spec, "");
    const struct agentconfig_view *config = NULL;

    if (row->configs[0] != NULL)
        config = merged != NULL ? &merged->config : make_config(row->configs[0]);
    return build(&(struct job_wish){
        .task = t,
        .workspace = row->workspace != NULL ? make_workspace(row->workspace) : NULL,
        .agent_config = config,
        .prompt = t->prompt,
        .token_secret = row->secret,
        .values = row->values != NULL ? js("%s", row->values) : NULL,
        .images = &images});
}

Test(goldenrows, each_row_has_its_job)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        SCOPED(agentmerge) struct agentmerge merged = {0};
        bool several = rows[i].configs[1] != NULL;
        char name[80];

        for (size_t c = 0; several && c < 3 && rows[i].configs[c] != NULL; c++)
            agentmerge_add(&merged, make_config(rows[i].configs[c]));
        SCOPED(json) json_t *got = job_of(&rows[i], several ? &merged : NULL);
        snprintf(name, sizeof name, "rows/%s", rows[i].name);
        golden_compare(name, got);
    }
}

/* ADD/CD6: too long to be read in a file, so the file has a short one in its place. */
Test(goldenrows, a_long_prompt_has_its_job)
{
    struct task_view *t = make_task("fix", "", "", "");
    char *prompt = keep(malloc(200 * 1024 + 1));

    memset(prompt, 'x', 200 * 1024);
    prompt[200 * 1024] = '\0';
    SCOPED(json)
    json_t *got =
        build(&(struct job_wish){.task = t, .prompt = prompt, .images = &images});
    json_t *data =
        json_object_get(json_array_get(json_object_get(got, "configMaps"), 0), "data");
    cr_assert_eq(json_string_length(json_object_get(data, "prompt")), 200 * 1024);
    json_object_set_new(data, "prompt", json_string("204800 times x"));
    golden_compare("rows/ADD-CD6", got);
}
