/* runplan.c - see runplan.h. */
#include "cli/runplan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/credential.h"
#include "cli/taskdoc.h"
#include "cli/upsert.h"
#include "cli/value.h"
#include "common/data/json.h"
#include "common/value/agent.h"

/* Passes a text on that was read from a file; an empty one is a mistake. */
static char *
not_empty(const char *flag, const char *from, char *text, struct err *e)
{
    if (text == NULL || text[0] != '\0')
        return text;
    err_set(e, ERR_INVALID, "%s %s is empty", flag, from);
    value_free(text);
    return NULL;
}

/* The prompt: -p, --prompt-file or the one word. Caller frees. */
static char *
read_prompt(struct cli *c, struct err *e)
{
    const char *file = args_string(c->args, "prompt-file");
    bool given = args_given(c->args, "prompt");
    size_t words = args_count(c->args);

    if (words > 1) {
        err_set(e, ERR_INVALID,
                "%zu words where one prompt was expected: put it in quotes", words);
        return NULL;
    }
    if (given + (file[0] != '\0') + (words == 1) > 1) {
        err_set(e, ERR_INVALID,
                "use one of --prompt, --prompt-file and a prompt as word");
        return NULL;
    }
    if (file[0] != '\0') {
        return not_empty("--prompt-file", file, value_read_file("--prompt-file", file, e),
                         e);
    }
    const char *text =
        words == 1 ? args_word(c->args, 0) : args_string(c->args, "prompt");
    if (text[0] == '\0') {
        err_set(e, ERR_INVALID,
                "required flag missing: --prompt TEXT (or --prompt-file FILE)");
        return NULL;
    }
    /* A word is taken as it is, whatever it begins with: the way for texts of others. */
    return words == 1
               ? strdup(text)
               : not_empty("--prompt", text,
                           value_read("--prompt", text, VALUE_FILE | VALUE_STDIN, e), e);
}

/* The value of a flag when it stands on the line, else of the configuration. */
static const char *
flag_or_key(struct cli *c, const char *flag, const char *key)
{
    return args_given(c->args, flag) ? args_string(c->args, flag)
                                     : config_get(c->config, key);
}

static int
plan_app(struct cli *c, struct runplan *p, struct err *e)
{
    const char *path = config_get(c->config, "workspace.githubApp.privateKeyPath");
    p->workspace_secret = credential_app(
        "githubApp.privateKeyPath", config_get(c->config, "workspace.githubApp.appID"),
        config_get(c->config, "workspace.githubApp.installationID"), path, e);
    return p->workspace_secret != NULL ? 0 : -1;
}

/* The workspace of the configuration file, when it is described and not only named. */
static int
plan_inline(struct cli *c, struct runplan *p, struct err *e)
{
    const char *token = config_get(c->config, "workspace.token");
    const char *ref = config_get(c->config, "workspace.ref");
    bool app = config_get(c->config, "workspace.githubApp.appID")[0] != '\0' ||
               config_get(c->config, "workspace.githubApp.privateKeyPath")[0] != '\0';

    if (token[0] != '\0' && app)
        return err_set(e, ERR_INVALID,
                       "workspace in %s has both token and githubApp; keep one",
                       config_file(c->config));
    p->workspace = json_pack("{s:s}", "repo", config_get(c->config, "workspace.repo"));
    if (ref[0] != '\0')
        json_put_str(p->workspace, "ref", ref);
    if (token[0] != '\0') {
        char *value = value_read("workspace.token", token, VALUE_FILE | VALUE_ENV, e);

        if (value == NULL)
            return -1;
        p->workspace_secret = json_pack("{s:s}", "GITHUB_TOKEN", value);
        value_free(value);
    } else if (app && plan_app(c, p, e) < 0) {
        return -1;
    }
    if (p->workspace_secret != NULL)
        json_put_str(p->workspace, "secretRef.name", INLINE_SECRET);
    return 0;
}

static int
plan_workspace(struct cli *c, struct runplan *p, struct taskdoc *t, struct err *e)
{
    t->workspace = args_string(c->args, "workspace");
    if (args_bool(c->args, "no-workspace")) {
        t->workspace = "";
        return 0;
    }
    if (!args_given(c->args, "workspace"))
        t->workspace = config_get(c->config, "workspace.name");
    if (t->workspace[0] != '\0' || config_get(c->config, "workspace.repo")[0] == '\0')
        return 0;
    t->workspace = INLINE_WORKSPACE;
    return plan_inline(c, p, e);
}

static int
plan_credential(struct cli *c, struct runplan *p, struct credential *credential,
                struct taskdoc *t, struct err *e)
{
    if (credential_choose(c->config, t->type, args_string(c->args, "secret"),
                          args_string(c->args, "credential-type"), credential, e) < 0)
        return -1;
    t->secret = credential->secret;
    t->credential_type = credential->type;
    if (credential->value != NULL)
        p->credential = json_pack("{s:s}", credential->key, credential->value);
    return 0;
}

static int
check_names(const struct taskdoc *t, struct err *e)
{
    const struct {
        const char *what, *name;
    } names[] = {{"--name", t->name}, {"workspace", t->workspace}, {"secret", t->secret}};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].name[0] != '\0' && kube_check_subdomain(names[i].name, e) < 0)
            return err_wrap(e, "%s \"%s\"", names[i].what, names[i].name);
    if (strlen(t->name) > 63)
        return err_set(e, ERR_INVALID, "--name \"%s\": longer than 63 characters",
                       t->name);
    for (size_t i = 0; i < t->n_depends_on; i++)
        if (kube_check_subdomain(t->depends_on[i], e) < 0)
            return err_wrap(e, "--depends-on \"%s\"", t->depends_on[i]);
    for (size_t i = 0; i < t->n_agent_configs; i++)
        if (kube_check_subdomain(t->agent_configs[i], e) < 0)
            return err_wrap(e, "--agent-config \"%s\"", t->agent_configs[i]);
    return 0;
}

static void
read_flags(struct cli *c, struct taskdoc *t)
{
    t->type = flag_or_key(c, "type", "type");
    if (t->type[0] == '\0')
        t->type = agent_types[0];
    t->model = flag_or_key(c, "model", "model");
    t->effort = flag_or_key(c, "effort", "effort");
    t->image = args_string(c->args, "image");
    t->branch = args_string(c->args, "branch");
    t->n_depends_on = args_list(c->args, "depends-on", &t->depends_on);
    t->n_agent_configs = args_list(c->args, "agent-config", &t->agent_configs);
}

static void
warn_type(const char *type)
{
    for (size_t i = 0; agent_types[i] != NULL; i++)
        if (strcmp(agent_types[i], type) == 0)
            return;
    fprintf(
        stderr,
        "Warning: --type %s is not known to this program (claude-code, codex, gemini, "
        "opencode, cursor); the server decides\n",
        type);
}

static int
fill(struct cli *c, struct runplan *p, struct taskdoc *t, struct credential *credential,
     struct err *e)
{
    SCOPED(json) json_t *env = NULL;
    char *const *texts;
    char made[32] = "task-";
    char *configured[1] = {(char *)config_get(c->config, "agentConfig")};

    read_flags(c, t);
    if (!args_given(c->args, "agent-config") && configured[0][0] != '\0' &&
        !args_bool(c->args, "no-agent-config")) {
        t->agent_configs = configured;
        t->n_agent_configs = 1;
    }
    t->name = args_string(c->args, "name");
    if (t->name[0] == '\0') {
        cli_random_suffix(made + strlen(made), 5);
        t->name = made;
    }
    if ((t->timeout_s = taskdoc_timeout(args_string(c->args, "timeout"), e)) < 0)
        return -1;
    size_t count = args_list(c->args, "env", &texts);
    if ((env = taskdoc_env(config_list(c->config, "env"), texts, count, e)) == NULL)
        return -1;
    t->env = env;
    if (plan_credential(c, p, credential, t, e) < 0 || plan_workspace(c, p, t, e) < 0 ||
        check_names(t, e) < 0)
        return -1;
    warn_type(t->type);
    p->task = taskdoc_build(t);
    if (p->task == NULL || json_at(p->task, "spec.prompt") == NULL)
        return err_set(e, ERR_INVALID, "--prompt: the text is not UTF-8");
    return 0;
}

/* What the older group's Tasks have no field for is said, not dropped. */
static int
check_fields(const json_t *task, struct err *e)
{
    static const char *const fields[] = {"type",  "prompt",       "credentials", "model",
                                         "image", "workspaceRef", "podOverrides"};
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(task, "spec"), key, value)
    {
        bool known = !dialect()->older;

        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
            known = known || strcmp(fields[i], key) == 0;
        if (!known)
            return err_set(e, ERR_INVALID,
                           "Tasks of axon.io have no spec.%s; kelos run makes one of "
                           "kelos.dev, which has",
                           key);
    }
    return 0;
}

int
runplan_make(struct cli *c, struct runplan *out, struct err *e)
{
    struct credential credential = {0};
    struct taskdoc t = {.ns = ""};

    *out = (struct runplan){0};
    char *prompt = read_prompt(c, e);
    if (prompt == NULL)
        return -1;
    t.prompt = prompt;
    int rc = fill(c, out, &t, &credential, e);
    if (rc == 0)
        rc = check_fields(out->task, e);
    credential_free(&credential);
    free(prompt);
    if (rc < 0)
        runplan_free(out);
    return rc;
}

json_t *
runplan_objects(const struct runplan *p, const char *ns)
{
    json_t *list = json_array();

    if (p->credential != NULL)
        json_array_append_new(list,
                              upsert_secret_object(ns, CREDENTIAL_SECRET, p->credential));
    if (p->workspace_secret != NULL)
        json_array_append_new(
            list, upsert_secret_object(ns, INLINE_SECRET, p->workspace_secret));
    if (p->workspace != NULL) {
        json_t *workspace =
            cli_object(dialect_res(KUBE_WORKSPACES), ns, INLINE_WORKSPACE);

        json_object_set(workspace, "spec", p->workspace);
        json_array_append_new(list, workspace);
    }
    json_array_append(list, p->task);
    return list;
}

void
runplan_free(struct runplan *p)
{
    json_decref(p->credential);
    json_decref(p->workspace_secret);
    json_decref(p->workspace);
    json_decref(p->task);
    *p = (struct runplan){0};
}
