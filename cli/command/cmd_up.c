/* cmd_up.c - kelos up: starts local mode and says what runs where. */
#include "cli/command/commands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/launch.h"
#include "cli/local.h"

static const struct flag flags[] = {
    {.name = "data",
     .type = FLAG_STRING,
     .value = "DIR",
     .help = "data directory (default $KELOS_LOCAL_DIR or ~/.kelos/local)"},
    {.name = "port",
     .type = FLAG_STRING,
     .value = "PORT",
     .complete = COMPLETE_NOTHING,
     .help = "port of the API on loopback (default: chosen once, then kept)"},
    {.name = "shards",
     .type = FLAG_STRING,
     .value = "N",
     .complete = COMPLETE_NOTHING,
     .help = "reconciler processes (default 1)"},
    {.name = "metrics-bind-address",
     .type = FLAG_STRING,
     .value = "ADDRESS",
     .complete = COMPLETE_NOTHING,
     .help = "HOST:PORT of /metrics (default: none)"},
    {.name = "sandbox",
     .type = FLAG_STRING,
     .value = "MODE",
     .complete = COMPLETE_NOTHING,
     .help = "auto, require or off"},
    {.name = "foreground", .type = FLAG_BOOL, .help = "stay, log to standard error"},
};

static int
read_number(struct cli *c, const char *flag, long low, long high, long *out,
            struct err *e)
{
    const char *text = args_string(c->args, flag);
    char *end;

    *out = 0;
    if (text[0] == '\0')
        return 0;
    *out = strtol(text, &end, 10);
    if (*end != '\0' || *out < low || *out > high)
        return err_set(e, ERR_INVALID, "--%s \"%s\": expected a number from %ld to %ld",
                       flag, text, low, high);
    return 0;
}

static void
say_what_runs(const struct launch *l, const char *server)
{
    printf("Local mode runs.\n"
           "  API         %s\n"
           "  kubeconfig  %s/kubeconfig\n"
           "  data        %s\n"
           "  log         %s\n",
           server, l->dir, l->dir, l->foreground ? "standard error" : l->log_path);
    printf("kelos commands use it by themselves; for kubectl:\n"
           "  export KUBECONFIG=%s/kubeconfig\n"
           "To stop it: kelos down%s%s\n",
           l->dir, l->named ? " --data " : "", l->named ? l->dir : "");
    fflush(stdout);
}

static pid_t forward_to;

static void
forward(int signal)
{
    kill(forward_to, signal);
}

/* Waits for the supervisor and passes SIGTERM and SIGINT on to it. */
static int
stay(struct launch *l, struct err *e)
{
    struct sigaction action = {.sa_handler = forward};
    int status;

    forward_to = l->pid;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    while (waitpid(l->pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_errno(e, "waiting for the supervisor");
    launch_forget(l->dir);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return err_set(e, ERR_SYSTEM, "the supervisor ended with %s %d",
                   WIFEXITED(status) ? "status" : "signal",
                   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static int
run_up(struct cli *c, struct err *e)
{
    struct launch l = {0};
    SCOPED(string) char *dir = local_dir(args_string(c->args, "data"), e);
    char server[256];
    long shards;
    int rc = -1;

    if (dir == NULL)
        return -1;
    l.dir = dir;
    l.named = args_given(c->args, "data");
    l.foreground = args_bool(c->args, "foreground");
    l.sandbox = args_string(c->args, "sandbox");
    l.metrics = args_string(c->args, "metrics-bind-address");
    if (read_number(c, "port", 1, 65535, &l.port, e) < 0 ||
        read_number(c, "shards", 1, 64, &shards, e) < 0)
        return -1;
    l.shards = shards;
    if (launch_start(&l, e) == 0) {
        if (launch_server(dir, server, sizeof(server)) < 0)
            server[0] = '\0';
        say_what_runs(&l, server);
        rc = l.foreground ? stay(&l, e) : 0;
    }
    launch_release(&l);
    return rc;
}

const struct command command_up = {
    .name = "up",
    .summary = "Start local mode: all of Kelos on this machine, no cluster needed",
    .examples = "  kelos up\n"
                "  kelos up --data /srv/kelos --port 6443\n"
                "  export KUBECONFIG=~/.kelos/local/kubeconfig; kubectl get tasks\n",
    .flags = FLAGS(flags),
    .no_config = true,
    .run = run_up,
};
