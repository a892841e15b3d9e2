/* cmd_create_spawner.c - kelos create taskspawner: the common sources, without writing YAML. */
#include "cli/command/create.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/credential.h"
#include "cli/dialect.h"
#include "cli/dryrun.h"
#include "cli/flagrows.h"
#include "cli/resource.h"
#include "cli/upsert.h"
#include "cli/value.h"
#include "common/data/json.h"
#include "common/value/agent.h"

#define TEXT(flag, word, complete_as, text)                                              \
    {                                                                                    \
        .name = flag, .type = FLAG_STRING, .value = word, .complete = complete_as,       \
        .help = text                                                                     \
    }
static const char *const states[] = {"open", "closed", "all", NULL};

static const struct flag flags[] = {
    TEXT("cron", "SCHEDULE", COMPLETE_NOTHING, "a Task at each tick, e.g. \"0 9 * * 1\""),
    TEXT("time-zone", "ZONE", COMPLETE_NOTHING, "of --cron (default UTC)"),
    {.name = "github-issues",
     .type = FLAG_BOOL,
     .help = "a Task for each issue of the Workspace's repository"},
    {.name = "github-pulls", .type = FLAG_BOOL, .help = "a Task for each pull request"},
    {.name = "label",
     .type = FLAG_ARRAY,
     .value = "LABEL",
     .complete = COMPLETE_NOTHING,
     .help = "that an issue or pull request must have (repeatable)"},
    {.name = "exclude-label",
     .type = FLAG_ARRAY,
     .value = "LABEL",
     .complete = COMPLETE_NOTHING,
     .help = "that it must not have (repeatable)"},
    {.name = "state",
     .type = FLAG_STRING,
     .value = "STATE",
     .complete = COMPLETE_CHOICES,
     .choices = states,
     .help = "that it must be in (default open)"},
    TEXT("jira-url", "URL", COMPLETE_NOTHING, "a Task for each issue of this Jira"),
    TEXT("jira-project", "KEY", COMPLETE_NOTHING, "its project"),
    TEXT("jira-secret", "NAME", COMPLETE_SECRET, "Secret with JIRA_TOKEN and JIRA_USER"),
    TEXT("jira-jql", "QUERY", COMPLETE_NOTHING, "a further filter"),
    {.name = "prompt",
     .letter = 'p',
     .type = FLAG_STRING,
     .value = "TEMPLATE",
     .help =
         "prompt over the item, e.g. \"Fix {{.Title}}\", or @FILE (default: title and "
         "text)"},
    FLAGROWS_AGENT,
    TEXT("model", "MODEL", COMPLETE_NOTHING, "model of the agent"),
    TEXT("image", "IMAGE", COMPLETE_NOTHING, "agent image instead of the default one"),
    TEXT("workspace", "NAME", COMPLETE_WORKSPACE, "Workspace that the agents work in"),
    TEXT("agent-config", "NAME", COMPLETE_AGENTCONFIG, "AgentConfig"),
    TEXT("branch", "TEMPLATE", COMPLETE_NOTHING, "branch, e.g. \"fix-{{.Number}}\""),
    TEXT("poll-interval", "DURATION", COMPLETE_NOTHING, "between two looks (default 5m)"),
    TEXT("max-concurrency", "N", COMPLETE_NOTHING, "most Tasks that run at a time"),
    TEXT("max-total-tasks", "N", COMPLETE_NOTHING, "most Tasks in all"),
    {.name = "suspend", .type = FLAG_BOOL, .help = "make none until kelos resume"},
    DRYRUN_FLAGS,
    FLAGROW_YES,
};

/* Where the text of a flag stands in the object, and of which source it is. */
static const struct {
    const char *flag, *path, *source;
} texts[] = {
    {"cron", "spec.when.cron.schedule", "cron"},
    {"time-zone", "spec.when.cron.timeZone", "cron"},
    {"jira-url", "spec.when.jira.baseUrl", "jira-url"},
    {"jira-project", "spec.when.jira.project", "jira-url"},
    {"jira-secret", "spec.when.jira.secretRef.name", "jira-url"},
    {"jira-jql", "spec.when.jira.jql", "jira-url"},
    {"model", "spec.taskTemplate.model", NULL},
    {"image", "spec.taskTemplate.image", NULL},
    {"workspace", "spec.taskTemplate.workspaceRef.name", NULL},
    {"agent-config", "spec.taskTemplate.agentConfigRef.name", NULL},
    {"branch", "spec.taskTemplate.branch", NULL},
    {"poll-interval", "spec.pollInterval", NULL},
};

/* ---- checks ---- */

/* The one flag that names the source; NULL with *e set. */
static const char *
source_of(const struct args *args, struct err *e)
{
    static const char *const sources[] = {"cron", "github-issues", "github-pulls",
                                          "jira-url"};
    const char *found = NULL;

    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        bool given = args_bool(args, sources[i]) || args_string(args, sources[i])[0];

        if (given && found != NULL) {
            err_set(e, ERR_INVALID, "use --%s or --%s, not both", found, sources[i]);
            return NULL;
        }
        found = given ? sources[i] : found;
    }
    if (found == NULL)
        err_set(e, ERR_INVALID,
                "say where work comes from: --cron, --github-issues, --github-pulls or "
                "--jira-url");
    return found;
}

static int
check_source(const struct args *args, const char *source, struct err *e)
{
    static const char *const filters[] = {"label", "exclude-label", "state"};
    static const char *const jira[] = {"jira-project", "jira-secret"};
    bool github = strncmp(source, "github-", 7) == 0;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].source != NULL && strcmp(texts[i].source, source) != 0 &&
            args_given(args, texts[i].flag))
            return err_set(e, ERR_INVALID, "--%s does not go with --%s", texts[i].flag,
                           source);
    for (size_t i = 0; i < ARRAY_LEN(filters); i++)
        if (!github && args_given(args, filters[i]))
            return err_set(e, ERR_INVALID, "--%s does not go with --%s", filters[i],
                           source);
    for (size_t i = 0; i < ARRAY_LEN(jira); i++)
        if (strcmp(source, "jira-url") == 0 && args_string(args, jira[i])[0] == '\0')
            return err_set(e, ERR_INVALID, "required flag missing: --%s, with --jira-url",
                           jira[i]);
    if (github && args_string(args, "workspace")[0] == '\0')
        return err_set(e, ERR_INVALID,
                       "required flag missing: --workspace, whose repository --%s looks "
                       "at",
                       source);
    return 0;
}

/* ---- the object ---- */

static int
put_count(json_t *o, const struct args *args, const char *flag, const char *path,
          struct err *e)
{
    const char *text = args_string(args, flag);
    char *end;

    if (!args_given(args, flag))
        return 0;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || n < 0 || n > 2147483647)
        return err_set(e, ERR_INVALID, "--%s \"%s\": expected a number, 0 or more", flag,
                       text);
    json_put_int(o, path, n);
    return 0;
}

static void
put_list(json_t *source, const struct args *args, const char *flag, const char *key)
{
    char *const *values;
    size_t count = args_list(args, flag, &values);

    for (size_t i = 0; i < count; i++) {
        if (json_object_get(source, key) == NULL)
            json_object_set_new(source, key, json_array());
        json_array_append_new(json_object_get(source, key), json_string(values[i]));
    }
}

static void
put_github(json_t *o, const struct args *args, const char *source)
{
    json_t *fields = json_object();

    put_list(fields, args, "label", "labels");
    put_list(fields, args, "exclude-label", "excludeLabels");
    if (args_given(args, "state"))
        json_put_str(fields, "state", args_string(args, "state"));
    json_put(o,
             strcmp(source, "github-issues") == 0 ? "spec.when.githubIssues"
                                                  : "spec.when.githubPullRequests",
             fields);
}

static int
put_prompt(json_t *o, const struct args *args, struct err *e)
{
    if (!args_given(args, "prompt"))
        return 0;
    char *text = value_read("--prompt", args_string(args, "prompt"), VALUE_FILE, e);
    if (text == NULL)
        return -1;
    json_put_str(o, "spec.taskTemplate.promptTemplate", text);
    value_free(text);
    return 0;
}

static json_t *
spawner_object(struct cli *c, const char *source, const struct credential *credential,
               const char *type, struct err *e)
{
    SCOPED(json)
    json_t *o = cli_object(dialect_res(KUBE_TASK_SPAWNERS), "", args_word(c->args, 0));

    if (strncmp(source, "github-", 7) == 0)
        put_github(o, c->args, source);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (args_string(c->args, texts[i].flag)[0] != '\0')
            json_put_str(o, texts[i].path, args_string(c->args, texts[i].flag));
    json_put_str(o, "spec.taskTemplate.type", type);
    json_put_str(o, "spec.taskTemplate.credentials.type", credential->type);
    if (credential->secret[0] != '\0')
        json_put_str(o, "spec.taskTemplate.credentials.secretRef.name",
                     credential->secret);
    if (args_bool(c->args, "suspend"))
        json_put(o, "spec.suspend", json_true());
    if (put_prompt(o, c->args, e) < 0 ||
        put_count(o, c->args, "max-concurrency", "spec.maxConcurrency", e) < 0 ||
        put_count(o, c->args, "max-total-tasks", "spec.maxTotalTasks", e) < 0)
        return NULL;
    return TAKE(o);
}

/* ---- the command ---- */

static int
write_spawner(struct cli *c, json_t *object, const json_t *secret, int dry,
              enum print_format format, struct err *e)
{
    const char *ns = cli_namespace(c, dry == DRYRUN_CLIENT, e);
    SCOPED(json) json_t *objects = NULL;

    if (ns == NULL)
        return -1;
    json_put_str(object, "metadata.namespace", ns);
    if (dry == DRYRUN_NONE) {
        if (secret != NULL && upsert_secret(c, ns, CREDENTIAL_SECRET, secret,
                                            args_bool(c->args, "yes"), e) < 0)
            return -1;
        SCOPED(json) json_t *made = create_object(c, ns, object, e);
        return made != NULL ? 0 : -1;
    }
    objects = json_array();
    if (secret != NULL)
        json_array_append_new(objects,
                              upsert_secret_object(ns, CREDENTIAL_SECRET, secret));
    json_array_append(objects, object);
    return dryrun_show(c, objects, dry == DRYRUN_SERVER, format, e);
}

static int
run_spawner(struct cli *c, struct err *e)
{
    const char *type = args_string(c->args, "type"), *source;
    struct credential credential;
    enum print_format format;
    int dry = dryrun_read(c->args, &format, e);

    if (dry < 0)
        return -1;
    if (kube_check_subdomain(args_word(c->args, 0), e) < 0)
        return err_wrap(e, "taskspawner \"%s\"", args_word(c->args, 0));
    if ((source = source_of(c->args, e)) == NULL || check_source(c->args, source, e) < 0)
        return -1;
    if (type[0] == '\0')
        type = config_get(c->config, "type")[0] != '\0' ? config_get(c->config, "type")
                                                        : agent_types[0];
    if (credential_choose(c->config, type, args_string(c->args, "secret"),
                          args_string(c->args, "credential-type"), &credential, e) < 0)
        return -1;
    SCOPED(json)
    json_t *secret = credential.value != NULL
                         ? json_pack("{s:s}", credential.key, credential.value)
                         : NULL;
    SCOPED(json) json_t *object = spawner_object(c, source, &credential, type, e);
    credential_free(&credential);
    return object != NULL ? write_spawner(c, object, secret, dry, format, e) : -1;
}

const struct command create_spawner = {
    .name = "taskspawner",
    .newer = true,
    .aliases = spawner_aliases,
    .words = "NAME",
    .summary = "Turn issues, pull requests or a clock into Tasks",
    .examples =
        "  kelos create taskspawner fix-bugs --github-issues --label bug --workspace "
        "shop \\\n"
        "      -p \"Fix this: {{.Title}} {{.Body}}\" --branch \"fix-{{.Number}}\" "
        "--max-concurrency 2\n"
        "  kelos create taskspawner tidy --cron \"0 9 * * 1\" --workspace shop -p "
        "@tidy.md\n"
        "  kelos create taskspawner fix-bugs ... --dry-run | kelos simulate taskspawner "
        "-f -\n",
    .flags = FLAGS(flags),
    .min_words = 1,
    .max_words = 1,
    .noun = "taskspawner",
    .completes = COMPLETE_NOTHING,
    .run = run_spawner,
};
