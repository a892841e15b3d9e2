/* cmd_down.c - kelos down: ends local mode, keeps its data. */
#include "cli/command/commands.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/launch.h"
#include "cli/local.h"

static const struct flag flags[] = {
    {.name = "data",
     .type = FLAG_STRING,
     .value = "DIR",
     .help = "data directory (default $KELOS_LOCAL_DIR or ~/.kelos/local)"},
    {.name = "purge",
     .type = FLAG_BOOL,
     .help = "delete all Tasks, logs and other data too"},
    {.name = "yes",
     .letter = 'y',
     .type = FLAG_BOOL,
     .help = "do not ask before --purge"},
};

/* What local mode keeps in its directory; nothing else is deleted there. */
static const char *const owned[] = {
    "apiserver", "pods", "run", "log", "kubeconfig", "supervisor.pid", "up.lock", "port",
};

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int
purge(const char *dir, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        SCOPED(string) char *path = local_path(dir, owned[i]);
        struct stat st;

        if (lstat(path, &st) == 0 &&
            nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
            return err_errno(e, "%s", path);
    }
    rmdir(dir); /* stays when somebody put more into it */
    printf("Deleted the data in %s\n", dir);
    return 0;
}

static int
run_down(struct cli *c, struct err *e)
{
    SCOPED(string) char *dir = local_dir(args_string(c->args, "data"), e);
    bool all = args_bool(c->args, "purge");
    char question[4352];

    if (dir == NULL)
        return -1;
    if (all && !args_bool(c->args, "yes") && isatty(STDIN_FILENO)) {
        snprintf(question, sizeof(question), "Delete all data of local mode in %s?", dir);
        if (!cli_ask(question))
            return err_set(e, ERR_INVALID,
                           "nothing done (use --yes to skip this question)");
    }
    int was = launch_stop(dir, e);
    if (was < 0)
        return -1;
    if (was > 0)
        printf("Local mode has ended%s%s\n", all ? "" : "; its data stay in ",
               all ? "" : dir);
    else
        printf("Local mode does not run in %s\n", dir);
    return all ? purge(dir, e) : 0;
}

const struct command command_down = {
    .name = "down",
    .summary = "End local mode and the agents that it runs; data stay",
    .flags = FLAGS(flags),
    .no_config = true,
    .run = run_down,
};
