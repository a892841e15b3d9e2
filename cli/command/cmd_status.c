/* cmd_status.c - kelos status: the processes of local mode, and what is wrong with them. */
#include "cli/command/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/flagrows.h"
#include "cli/launch.h"
#include "cli/local.h"
#include "cli/statusview.h"
#include "cli/subprocess.h"
#include "common/data/json.h"
#include "common/macros.h"

static const char *const formats[] = {"json", NULL};
static const struct flag flags[] = {
    {.name = "data",
     .type = FLAG_STRING,
     .value = "DIR",
     .help = "data directory (default $KELOS_LOCAL_DIR or ~/.kelos/local)"},
    FLAGROW_OUTPUT(formats, "all that is known"),
};

static int
read_status(const char *dir, struct buf *out, struct err *e)
{
    SCOPED(string) char *program = local_program("kelos-bus", e);
    SCOPED(string) char *run_dir = local_path(dir, "run");
    const char *argv[] = {program, "status", "--json", "--run-dir", run_dir, NULL};

    if (program == NULL)
        return -1;
    int status = subprocess_run(argv, NULL, out, true, e);
    if (status > 0)
        return err_set(e, ERR_UNAVAILABLE,
                       "the supervisor does not answer; its log: %s/log/supervisor.log",
                       dir);
    return status;
}

static int
run_status(struct cli *c, struct err *e)
{
    SCOPED(string) char *dir = local_dir(args_string(c->args, "data"), e);
    const char *format = args_string(c->args, "output");
    SCOPED(buf) struct buf text = BUF_INIT, view = BUF_INIT;
    char server[256] = "";

    if (dir == NULL)
        return -1;
    if (format[0] != '\0' && strcmp(format, "json") != 0)
        return err_set(e, ERR_INVALID, "-o \"%s\" unsupported; choose json", format);
    if (local_running(dir) == 0)
        return err_set(e, ERR_NOT_FOUND,
                       "local mode does not run in %s; start it with: kelos up", dir);
    if (read_status(dir, &text, e) < 0)
        return -1;
    if (format[0] != '\0') {
        fputs(buf_str(&text), stdout);
        return 0;
    }
    SCOPED(json) json_t *status = json_parse(buf_str(&text), text.size, 0, e);
    if (status == NULL)
        return err_wrap(e, "status");
    launch_server(dir, server, sizeof(server));
    printf("Local mode runs in %s\n", dir);
    printf("API %s, kubeconfig %s/kubeconfig\n\n", server, dir);
    bool good = statusview_write(status, &view);
    fputs(buf_str(&view), stdout);
    return good ? 0 : err_set(e, ERR_UNAVAILABLE, "%s", "");
}

const struct command command_status = {
    .name = "status",
    .summary = "Show the processes of local mode and what is wrong with them",
    .flags = FLAGS(flags),
    .no_config = true,
    .run = run_status,
};
