/* cmd_logs.c - kelos logs. */
#include "cli/command/commands.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/logs.h"
#include "common/value/duration.h"

static const struct flag flags[] = {
    {.name = "follow",
     .letter = 'f',
     .type = FLAG_BOOL,
     .help = "wait for the run, go on until it has ended; exit 1 when it failed"},
    {.name = "raw",
     .type = FLAG_BOOL,
     .help = "the agent's own format, not a transcript; on a terminal with its control "
             "characters"},
    {.name = "container",
     .letter = 'c',
     .type = FLAG_STRING,
     .value = "NAME",
     .help = "one container instead of the agent's",
     .complete = COMPLETE_NOTHING},
    {.name = "tail",
     .type = FLAG_STRING,
     .value = "LINES",
     .help = "only the last lines",
     .complete = COMPLETE_NOTHING},
    {.name = "since",
     .type = FLAG_STRING,
     .value = "DURATION",
     .help = "only what is younger, e.g. 10m",
     .complete = COMPLETE_NOTHING},
    {.name = "timestamps",
     .type = FLAG_BOOL,
     .help = "each line with its time, not rendered"},
    {.name = "previous", .type = FLAG_BOOL, .help = "of the container's run before"},
};

static int
read_options(struct cli *c, struct logs_options *o, char *since, size_t size,
             struct err *e)
{
    const char *text = args_string(c->args, "since");
    int64_t ns;

    *o = (struct logs_options){
        .follow = args_bool(c->args, "follow"),
        .raw = args_bool(c->args, "raw"),
        .timestamps = args_bool(c->args, "timestamps"),
        .previous = args_bool(c->args, "previous"),
        .container = args_string(c->args, "container"),
        .tail = args_string(c->args, "tail"),
        .since = since,
    };
    since[0] = '\0';
    for (const char *p = o->tail; *p != '\0'; p++)
        if (!isdigit((unsigned char)*p) || p - o->tail > 8)
            return err_set(e, ERR_INVALID, "--tail \"%s\": expected a number of lines",
                           o->tail);
    if (text[0] == '\0')
        return 0;
    if (duration_parse(text, &ns) < 0 || ns < 1000000000)
        return err_set(e, ERR_INVALID, "--since \"%s\": expected e.g. 90s, 30m, 1h30m",
                       text);
    snprintf(since, size, "%lld", (long long)(ns / 1000000000));
    return 0;
}

static int
run_logs(struct cli *c, struct err *e)
{
    struct logs_options o;
    const char *name = args_word(c->args, 0);
    const char *ns;
    char since[32];

    if (read_options(c, &o, since, sizeof(since), e) < 0)
        return -1;
    if (kube_check_subdomain(name, e) < 0)
        return err_wrap(e, "task \"%s\"", name);
    if ((ns = cli_namespace(c, false, e)) == NULL)
        return -1;
    return logs_show(c, ns, name, &o, e);
}

const struct command command_logs = {
    .name = "logs",
    .words = "NAME",
    .summary = "Show what the agent of a Task said and did",
    .examples = "  kelos logs fix-login -f\n"
                "  kelos logs fix-login 2>/dev/null   # the agent's words only\n",
    .flags = FLAGS(flags),
    .min_words = 1,
    .max_words = 1,
    .noun = "task",
    .completes = COMPLETE_TASK,
    .run = run_logs,
};
