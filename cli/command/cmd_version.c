/* cmd_version.c - kelos version, kelos help. */
#include "cli/command/commands.h"

#include <stdint.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/help.h"
#include "cli/print.h"
#include "version.h"

static int
run_version(struct cli *c UNUSED, struct err *e UNUSED)
{
    puts(KELOS_VERSION);
    return 0;
}

const struct command command_version = {
    .name = "version",
    .summary = "Print the version of this program",
    .no_config = true,
    .run = run_version,
};

static int
run_help(struct cli *c, struct err *e)
{
    char *rest[64];
    size_t count = c->n_raw < 64 ? c->n_raw : 64;
    struct command_path path;
    SCOPED(buf) struct buf out = BUF_INIT;

    if (command_find(c->raw, count, &path, rest) > 0)
        return command_group_error(&path, rest[0], e);
    help_write(&path, &out);
    return print_flush(&out, e);
}

const struct command command_help = {
    .name = "help",
    .words = "[COMMAND...]",
    .summary = "Say more about a command",
    .max_words = SIZE_MAX,
    .no_config = true,
    .raw = true,
    .run = run_help,
};
