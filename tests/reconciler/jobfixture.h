/* jobfixture.h - builds Jobs from short JSON texts and looks into them. */
#ifndef KELOS_TESTS_RECONCILER_JOBFIXTURE_H
#define KELOS_TESTS_RECONCILER_JOBFIXTURE_H

#include "tests/reconciler/fixture.h"

#include "reconciler/job/job.h"

#define REPO "'repo':'https://github.com/acme/web.git'"
#define GHE "'repo':'https://git.corp.example/acme/web.git'"
#define CONFIG_ALL                                                                       \
    "'agentsMD':'Be brief.','plugins':[{'name':'team-tools','skills':[{'name':'deploy'," \
    "'content':'# Deploy'}],'agents':[{'name':'reviewer','content':'You review.'}]}],"   \
    "'skills':[{'source':'vercel-labs/agent-skills','skill':'deploy'},"                  \
    "{'source':'anthropics/skills'}],'mcpServers':[{'name':'tracker','type':'http',"     \
    "'url':'https://mcp.example/"                                                        \
    "t','headers':{'X-Team':'a'}},{'name':'db','type':'stdio',"                          \
    "'command':'dbhub','args':['--readonly'],'env':{'DSN':'x'}}]"
#define CRED(agent_type, cred)                                                           \
    "'type':'" agent_type "','credentials':{'type':'" cred "','secretRef':{'name':'s'}}"

static const struct images images = {.git = "alpine/git:v2.47.2",
                                     .node = "node:22.14.0-alpine"};

static inline struct workspace_view *
make_workspace(const char *spec)
{
    return make_view(
        KIND_WORKSPACE, 0,
        js("{'metadata':{'name':'web','namespace':'dev'},'spec':{%s}}", spec));
}

static inline struct agentconfig_view *
make_config(const char *spec)
{
    return make_view(
        KIND_AGENT_CONFIG, 0,
        js("{'metadata':{'name':'rules','namespace':'dev'},'spec':{%s}}", spec));
}

static inline json_t *
build(const struct job_wish *w)
{
    struct job_wanted out;
    struct err e = ERR_INIT;

    cr_assert_eq(job_build(w, &out, &e), 0, "%s", e.text);
    return json_pack("{s:o,s:o}", "configMaps", out.config_maps, "job", out.job);
}

static inline const json_t *
agent(const json_t *got)
{
    return json_at(got, "job.spec.template.spec.containers[0]");
}

static inline const json_t *
init_of(const json_t *got, const char *name)
{
    const json_t *all = json_at(got, "job.spec.template.spec.initContainers");

    for (size_t i = 0; i < json_array_size(all); i++)
        if (strcmp(json_str_or(json_array_get(all, i), "name", ""), name) == 0)
            return json_array_get(all, i);
    return NULL;
}

/* "A B=value C=@secret/key": the list in its order. */
static inline const char *
env_text(const json_t *container)
{
    static char text[4096];
    const json_t *env = json_object_get(container, "env");
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(env); i++) {
        const json_t *v = json_array_get(env, i);
        const char *value = json_str_or(v, "value", NULL);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i > 0 ? " " : "",
                              json_str_or(v, "name", "?"));
        if (value != NULL)
            n += (size_t)snprintf(text + n, sizeof text - n, "=%s", value);
        else
            n += (size_t)snprintf(text + n, sizeof text - n, "=@%s/%s",
                                  json_str_or(v, "valueFrom.secretKeyRef.name", ""),
                                  json_str_or(v, "valueFrom.secretKeyRef.key", ""));
    }
    return text;
}

static inline const char *
script_of(const json_t *container)
{
    return json_str_or(container, "command[2]", "");
}

/* Compares with golden/NAME.json as canonical text; `make golden` writes it instead. */
static inline void
golden_compare(const char *name, const json_t *got)
{
    SCOPED(string) char *text = json_dump_pretty(got);
    char path[200];
    json_error_t why;

    snprintf(path, sizeof path, "tests/reconciler/golden/%s.json", name);
    if (getenv("KELOS_GOLDEN") != NULL && strcmp(getenv("KELOS_GOLDEN"), "write") == 0) {
        FILE *f = fopen(path, "w");
        cr_assert_not_null(f, "%s", path);
        fprintf(f, "%s\n", text);
        fclose(f);
        return;
    }
    SCOPED(json) json_t *want = json_load_file(path, 0, &why);
    cr_assert_not_null(want, "%s: %s", path, why.text);
    SCOPED(string) char *want_text = json_dump_pretty(want);
    cr_expect_str_eq(text, want_text, "%s differs from what is built; see `make golden`",
                     path);
}

static inline json_t *
simple(const char *meta, const char *spec, const char *workspace, const char *config,
       const char *secret)
{
    struct task_view *t = make_task("fix", meta, spec, "");
    const struct job_wish w = {
        .task = t,
        .workspace = workspace != NULL ? make_workspace(workspace) : NULL,
        .agent_config = config != NULL ? make_config(config) : NULL,
        .prompt = t->prompt,
        .token_secret = secret,
        .images = &images};

    return build(&w);
}

#endif
