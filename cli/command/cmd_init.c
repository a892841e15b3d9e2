/* cmd_init.c - kelos init: a commented configuration file to start from. */
#include "cli/command/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/dialect.h"
#include "cli/init_text.h"

static const struct flag flags[] = {
    {.name = "force",
     .letter = 'f',
     .type = FLAG_BOOL,
     .help = "replace an existing file"},
};

/* Makes the folders above `path`, each 0700; those that exist keep their mode. */
static int
make_folders(const char *path, struct err *e)
{
    SCOPED(string) char *folder = strdup(path);

    for (char *p = folder + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
        *p = '\0';
        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
            return err_errno(e, "%s", folder);
    }
    return 0;
}

/* Written beside and renamed, so that a full disk leaves the old file. */
static int
write_file(const char *path, struct err *e)
{
    SCOPED(string) char *beside = NULL;
    SCOPED(fd) int fd = -1;
    const char *template = dialect()->older ? init_template_older : init_template;
    size_t size = strlen(template);

    if (asprintf(&beside, "%s.XXXXXX", path) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if ((fd = mkstemp(beside)) < 0)
        return err_errno(e, "%s", path);
    if (fchmod(fd, 0600) < 0 || write(fd, template, size) != (ssize_t)size ||
        fsync(fd) < 0 || rename(beside, path) < 0) {
        err_errno(e, "%s", path);
        unlink(beside);
        return -1;
    }
    return 0;
}

static int
run_init(struct cli *c, struct err *e)
{
    SCOPED(string) char *path = config_path(args_string(c->args, "config"));

    if (path == NULL)
        return err_set(e, ERR_INVALID, "HOME is not set; name the file with --config");
    if (access(path, F_OK) == 0 && !args_bool(c->args, "force"))
        return err_set(e, ERR_EXISTS, "%s exists; use --force to replace it", path);
    if (make_folders(path, e) < 0 || write_file(path, e) < 0)
        return -1;
    printf("%s created\n", path);
    if (!dialect()->older)
        printf("\n" init_next_steps, path);
    return 0;
}

const struct command command_init = {
    .name = "init",
    .summary = "Write a configuration file to start from",
    .flags = FLAGS(flags),
    .no_config = true,
    .run = run_init,
};
