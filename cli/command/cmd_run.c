/* cmd_run.c - kelos run: one Task, with the Secret and Workspace that it needs. */
#include "cli/command/commands.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/age.h"
#include "cli/cli.h"
#include "cli/dialect.h"
#include "cli/credential.h"
#include "cli/dryrun.h"
#include "cli/flagrows.h"
#include "cli/follow.h"
#include "cli/logs.h"
#include "cli/runplan.h"
#include "cli/upsert.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "common/value/agent.h"

static const struct flag flags[] = {
    {.name = "prompt",
     .letter = 'p',
     .type = FLAG_STRING,
     .value = "TEXT",
     .help = "what the agent is asked, @FILE or - for standard input (required, unless "
             "given as word or by --prompt-file)",
     .complete = COMPLETE_NOTHING},
    {.name = "prompt-file",
     .type = FLAG_STRING,
     .value = "FILE",
     .help = "the same from a file, - for standard input"},
    FLAGROWS_AGENT,
    {.name = "model",
     .type = FLAG_STRING,
     .value = "MODEL",
     .help = "model of the agent",
     .complete = COMPLETE_NOTHING},
    {.name = "effort",
     .type = FLAG_STRING,
     .value = "WORD",
     .help = "how hard the agent thinks, in its own words",
     .complete = COMPLETE_NOTHING},
    {.name = "image",
     .type = FLAG_STRING,
     .value = "IMAGE",
     .help = "agent image instead of the default one",
     .complete = COMPLETE_NOTHING},
    {.name = "name",
     .type = FLAG_STRING,
     .value = "NAME",
     .help = "name of the Task (default task- and 5 characters)",
     .complete = COMPLETE_NOTHING},
    {.name = "workspace",
     .type = FLAG_STRING,
     .value = "NAME",
     .help = "Workspace that the agent works in",
     .complete = COMPLETE_WORKSPACE},
    {.name = "no-workspace",
     .type = FLAG_BOOL,
     .help = "none, whatever the configuration file says"},
    {.name = "agent-config",
     .type = FLAG_ARRAY,
     .value = "NAME",
     .help = "AgentConfig (repeatable)",
     .complete = COMPLETE_AGENTCONFIG},
    {.name = "no-agent-config",
     .type = FLAG_BOOL,
     .help = "none, whatever the configuration file says"},
    {.name = "depends-on",
     .type = FLAG_ARRAY,
     .value = "TASK",
     .help = "Task that must have succeeded first (repeatable)",
     .complete = COMPLETE_TASK},
    {.name = "branch",
     .type = FLAG_STRING,
     .value = "BRANCH",
     .help = "branch to work on; one Task at a time holds it",
     .complete = COMPLETE_NOTHING},
    {.name = "timeout",
     .type = FLAG_STRING,
     .value = "DURATION",
     .help = "longest run, e.g. 30m",
     .complete = COMPLETE_NOTHING},
    {.name = "env",
     .type = FLAG_ARRAY,
     .value = "NAME=VALUE",
     .help = "variable of the agent (repeatable)",
     .complete = COMPLETE_NOTHING},
    {.name = "watch",
     .letter = 'w',
     .type = FLAG_BOOL,
     .help = "print the phases until the Task has ended; exit 1 when it failed"},
    {.name = "follow",
     .letter = 'f',
     .type = FLAG_BOOL,
     .help = "print the transcript as it grows, like kelos logs -f"},
    DRYRUN_FLAGS,
    FLAGROW_YES,
};

/* Writes in the order of need; says what is already there when a later step fails. */
static int
write_all(struct cli *c, const char *ns, const struct runplan *p, struct err *e)
{
    bool yes = args_bool(c->args, "yes");
    struct kube_request create = {.verb = KUBE_CREATE,
                                  .res = dialect_res(KUBE_TASKS),
                                  .ns = ns,
                                  .name = json_str_or(p->task, "metadata.name", ""),
                                  .body = p->task};
    SCOPED(buf) struct buf written = BUF_INIT;

    if (p->credential != NULL) {
        if (upsert_secret(c, ns, CREDENTIAL_SECRET, p->credential, yes, e) < 0)
            return -1;
        buf_printf(&written, " secret/%s", CREDENTIAL_SECRET);
    }
    if (p->workspace_secret != NULL) {
        if (upsert_secret(c, ns, INLINE_SECRET, p->workspace_secret, yes, e) < 0)
            return -1;
        buf_printf(&written, " secret/%s", INLINE_SECRET);
    }
    if (p->workspace != NULL) {
        SCOPED(json)
        json_t *made = upsert_workspace(c, ns, INLINE_WORKSPACE, p->workspace, yes, e);

        if (made == NULL ||
            (p->workspace_secret != NULL &&
             upsert_own(c, ns, INLINE_SECRET, p->workspace_secret, made, e) < 0))
            return -1;
        buf_printf(&written, " workspace/%s", INLINE_WORKSPACE);
    }
    cli_mark(p->task);
    if (cli_call(c, &create, NULL, NULL, e) < 0) {
        if (written.size > 0)
            fprintf(stderr, "Already in place:%s\n", buf_str(&written));
        return -1;
    }
    printf("task/%s created\n", create.name);
    fflush(stdout);
    return 0;
}

/* ---- -w ---- */

/* What was printed last: phases for scripts, a person at a terminal also hears why and how long. */
struct watching {
    char said[320];
    const char *name;
    bool terminal;
    int64_t began_ms;
};

static void
say_state(struct watching *w, const json_t *task, const char *phase)
{
    const char *message = json_str_or(task, "status.message", "");
    char now[sizeof(w->said)], age[AGE_SIZE];

    snprintf(now, sizeof(now), "%s%s%.*s", phase,
             w->terminal && message[0] != '\0' ? ": " : "",
             w->terminal ? (int)strcspn(message, "\n") : 0, message);
    if (phase[0] == '\0' || strcmp(now, w->said) == 0)
        return;
    if (w->terminal)
        printf("task/%s %s (%s)\n", w->name, now,
               age_format(clock_mono_ms() - w->began_ms, age));
    else
        printf("task/%s %s\n", w->name, now);
    fflush(stdout);
    memcpy(w->said, now, sizeof(now));
}

/* What came of it, under its last state; the answer itself is kelos logs' to show. */
static void
say_results(const json_t *task)
{
    const char *key;
    json_t *value;

    json_object_foreach(json_at(task, "status.results"), key, value)
    {
        if (strcmp(key, "response") != 0 && json_is_string(value))
            printf("  %-20s %s\n", key, json_string_value(value));
    }
    fflush(stdout);
}

static int
on_task(void *arg, const json_t *task, bool gone, struct err *e)
{
    struct watching *w = arg;
    const char *phase = json_str_or(task, "status.phase", "");
    bool ended = strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;

    if (gone)
        return err_set(e, ERR_NOT_FOUND, "task/%s was deleted", w->name);
    say_state(w, task, phase);
    if (w->terminal && ended)
        say_results(task);
    if (strcmp(phase, "Succeeded") == 0)
        return 1;
    if (strcmp(phase, "Failed") != 0)
        return 0;
    fprintf(stderr, "See: %s logs %s, %s get tasks %s -d\n", dialect()->program, w->name,
            dialect()->program, w->name);
    return err_set(e, ERR_INVALID, "task/%s failed: %s", w->name,
                   json_str_or(task, "status.message", "no reason recorded"));
}

static int
watch_task(struct cli *c, const char *ns, const char *name, struct err *e)
{
    struct watching w = {.name = name,
                         .terminal = isatty(STDOUT_FILENO) == 1,
                         .began_ms = clock_mono_ms()};

    return follow(c, dialect_res(KUBE_TASKS), ns, name, NULL, -1, on_task, &w, e) < 0 ? -1
                                                                                      : 0;
}

/* Writes what is planned, then stays as long as the flags say. */
static int
start(struct cli *c, const char *ns, const struct runplan *p, struct err *e)
{
    const char *name = json_str_or(p->task, "metadata.name", "");
    struct logs_options o = {.follow = true, .container = "", .tail = "", .since = ""};

    if (write_all(c, ns, p, e) < 0)
        return -1;
    if (args_bool(c->args, "follow"))
        return logs_show(c, ns, name, &o, e);
    return args_bool(c->args, "watch") ? watch_task(c, ns, name, e) : 0;
}

static int
run_planned(struct cli *c, struct runplan *p, enum dryrun dry, enum print_format format,
            struct err *e)
{
    const char *ns = cli_namespace(c, dry == DRYRUN_CLIENT, e);

    if (ns == NULL)
        return -1;
    json_put_str(p->task, "metadata.namespace", ns);
    if (dry == DRYRUN_NONE)
        return start(c, ns, p, e);
    SCOPED(json) json_t *objects = runplan_objects(p, ns);
    return dryrun_show(c, objects, dry == DRYRUN_SERVER, format, e);
}

static int
run_run(struct cli *c, struct err *e)
{
    struct runplan p = {0};
    enum print_format format;
    int dry = dryrun_read(c->args, &format, e);

    if (dry < 0 || runplan_make(c, &p, e) < 0)
        return -1;
    int rc = run_planned(c, &p, (enum dryrun)dry, format, e);
    runplan_free(&p);
    return rc;
}

const struct command command_run = {
    .name = "run",
    .words = "[PROMPT]",
    .summary = "Create a Task from the command line",
    .examples =
        "  kelos run -p \"Fix the login form\" --workspace shop --branch fix-login -w\n"
        "  kelos run --prompt-file task.md --type codex --follow\n"
        "  kelos run -p \"Tidy the changelog\" --secret my-key --dry-run\n",
    .flags = FLAGS(flags),
    .max_words = SIZE_MAX,
    .noun = "task",
    .completes = COMPLETE_NOTHING,
    .run = run_run,
};
