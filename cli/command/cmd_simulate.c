/* cmd_simulate.c - kelos simulate taskspawner: what it would do now, item by item. */
#include "cli/command/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/print.h"
#include "cli/resource.h"
#include "cli/simulate.h"
#include "common/data/json.h"
#include "common/macros.h"

/* More Tasks would start than --max-tasks allows. */
#define STATUS_TOO_MANY 3

static const struct flag flags[] = {
    {.name = "filename",
     .letter = 'f',
     .type = FLAG_STRING,
     .value = "FILE",
     .help = "take the TaskSpawner (and the Workspace and Secret it names) from a file"},
    {.name = "max-tasks",
     .type = FLAG_STRING,
     .value = "N",
     .complete = COMPLETE_NOTHING,
     .help = "exit with 3 when more than so many Tasks would start now"},
    {.name = "output",
     .letter = 'o',
     .type = FLAG_STRING,
     .value = "FORMAT",
     .help = "a document instead of lines",
     .complete = COMPLETE_CHOICES,
     .choices = (const char *const[]){"json", "yaml", NULL}},
};

/* ---- text ---- */

static const struct {
    const char *state, *words;
} results[] = {
    {"Starts", "matches, starts now"},
    {"HasTask", "matches, already has its Task"},
    {"WaitsForMaxConcurrency", "matches, waits for a slot (maxConcurrency)"},
    {"WaitsForMaxTotalTasks", "matches, waits: maxTotalTasks is used up"},
    {"WaitsForResume", "matches, waits: the TaskSpawner is suspended"},
    {"Past", "matches, its time has passed"},
    {"Fails", "matches, but becomes no Task"},
};

static const char *
words_of(const char *state)
{
    for (size_t i = 0; i < ARRAY_LEN(results); i++)
        if (strcmp(results[i].state, state) == 0)
            return results[i].words;
    return state;
}

/* "Issue #3 Fix the parser", "PROJ-7 Broken login", "tick 2026-…" */
static void
add_heading(struct buf *out, const json_t *item)
{
    const char *id = json_str_or(item, "id", "");
    int64_t number = json_int_or(item, "number", 0);
    const char *kind = json_str_or(item, "kind", "");

    if (json_str_or(item, "time", NULL) != NULL) {
        buf_printf(out, "tick %s\n", json_str_or(item, "time", ""));
        return;
    }
    if (strcmp(kind, "PR") == 0 || strcmp(kind, "Issue") == 0)
        buf_printf(out, "%s #%lld", kind, (long long)number);
    else
        buf_add_str(out, id);
    buf_printf(out, " %s\n", json_str_or(item, "title", ""));
}

static void
add_indented(struct buf *out, const char *text)
{
    for (const char *line = text; *line != '\0';) {
        size_t n = strcspn(line, "\n");

        buf_printf(out, "%s%.*s\n", n > 0 ? "      " : "", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

static void
add_item(struct buf *out, const json_t *item)
{
    const char *prompt = json_str_or(item, "prompt", NULL);
    const char *phase = json_str_or(item, "taskPhase", NULL);
    const char *reason = json_str_or(item, "reason", NULL);

    add_heading(out, item);
    buf_printf(out, "  %s%s%s\n", words_of(json_str_or(item, "state", "")),
               reason != NULL ? ": " : "", reason != NULL ? reason : "");
    buf_printf(out, "  Task:   %s%s%s%s\n", json_str_or(item, "task", ""),
               phase != NULL ? " (" : "", phase != NULL ? phase : "",
               phase != NULL ? ")" : "");
    if (json_str_or(item, "branch", NULL) != NULL)
        buf_printf(out, "  Branch: %s\n", json_str_or(item, "branch", ""));
    if (prompt != NULL) {
        buf_add_str(out, "  Prompt:\n");
        add_indented(out, prompt);
    }
    buf_add_char(out, '\n');
}

static void
add_limit(struct buf *out, const json_t *plan, const char *limit, const char *count,
          const char *what)
{
    if (json_at(plan, limit) != NULL)
        buf_printf(out, ", %lld of %lld %s", (long long)json_int_or(plan, count, 0),
                   (long long)json_int_or(plan, limit, 0), what);
}

static void
add_summary(struct buf *out, const json_t *plan)
{
    const json_t *excluded = json_object_get(plan, "excluded");

    buf_printf(out, "taskspawner/%s: ", json_str_or(plan, "name", ""));
    buf_printf(out, "%zu match", json_array_size(json_object_get(plan, "items")));
    if (excluded != NULL)
        buf_printf(out, ", %zu excluded", json_array_size(excluded));
    buf_printf(
        out, ": %lld would start now, %lld wait, %lld have their Task, %lld become none",
        (long long)json_int_or(plan, "starting", 0),
        (long long)json_int_or(plan, "waiting", 0),
        (long long)json_int_or(plan, "existing", 0),
        (long long)json_int_or(plan, "failing", 0));
    add_limit(out, plan, "limits.maxConcurrency", "limits.activeTasks",
              "slots are taken");
    add_limit(out, plan, "limits.maxTotalTasks", "limits.totalTasksCreated",
              "Tasks have been created");
    buf_add_char(out, '\n');
}

static void
print_plan(const json_t *plan, struct buf *out)
{
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(plan, "items"), i, row) add_item(out, row);
    json_array_foreach(json_object_get(plan, "excluded"), i, row)
    {
        add_heading(out, row);
        buf_printf(out, "  excluded by %s\n\n", json_str_or(row, "rule", ""));
    }
    if (json_str_or(plan, "warning", NULL) != NULL)
        buf_printf(out, "Warning: %s\n", json_str_or(plan, "warning", ""));
    add_summary(out, plan);
}

/* ---- the command ---- */

static int
read_max(const struct args *args, long *max, struct err *e)
{
    const char *text = args_string(args, "max-tasks");
    char *end;

    *max = -1;
    if (!args_given(args, "max-tasks"))
        return 0;
    errno = 0;
    *max = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *max < 0)
        return err_set(e, ERR_INVALID, "--max-tasks \"%s\": expected a number, 0 or more",
                       text);
    return 0;
}

static int
read_spawner(struct cli *c, const char *ns, struct simulation *s, struct err *e)
{
    const char *name = args_count(c->args) > 0 ? args_word(c->args, 0) : NULL;

    if (args_given(c->args, "filename"))
        return simulation_read(c, ns, args_string(c->args, "filename"), name, s, e);
    if (name == NULL)
        return err_set(e, ERR_INVALID,
                       "taskspawner NAME missing: give one, or a file with -f");
    return simulation_get(c, ns, name, s, e);
}

static int
show(struct cli *c, const json_t *plan, struct err *e)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    enum print_format format;

    if (print_parse_document(args_string(c->args, "output"), &format, e) < 0)
        return -1;
    if (!args_given(c->args, "output"))
        print_plan(plan, &out);
    else if (print_object(format, plan, &out, e) < 0)
        return -1;
    return print_flush(&out, e);
}

static int
run_simulate(struct cli *c, struct err *e)
{
    struct simulation s = {.spawner = NULL};
    enum print_format format; /* checked before anything is asked */
    long max;

    if (read_max(c->args, &max, e) < 0 ||
        print_parse_document(args_string(c->args, "output"), &format, e) < 0)
        return -1;
    const char *ns = cli_namespace(c, false, e);
    if (ns == NULL || cli_kube(c, e) == NULL)
        return -1;
    SCOPED(json)
    json_t *plan = read_spawner(c, ns, &s, e) < 0 ? NULL : simulation_run(c, ns, &s, e);
    simulation_release(&s);
    if (plan == NULL || show(c, plan, e) < 0)
        return -1;
    if (max >= 0 && json_int_or(plan, "starting", 0) > max)
        c->status = STATUS_TOO_MANY;
    return 0;
}

static const struct command simulate_spawner = {
    .name = "taskspawner",
    .aliases = spawner_aliases,
    .words = "[NAME]",
    .summary = "Ask its source and show which Tasks would start; change nothing",
    .examples = "  kelos simulate taskspawner fix-bugs\n"
                "  kelos simulate taskspawner -f spawner.yaml --max-tasks 5\n"
                "  kelos simulate taskspawner fix-bugs -o json\n",
    .flags = FLAGS(flags),
    .max_words = 1,
    .noun = "taskspawner",
    .completes = COMPLETE_SPAWNER,
    .run = run_simulate,
};
static const struct command *const children[] = {&simulate_spawner, NULL};

const struct command command_simulate = {
    .newer = true,
    .name = "simulate",
    .summary = "Show what a TaskSpawner would do now",
    .children = children,
    .verb = "simulated",
    .choices = "taskspawner",
};
