/* main.c - the kelos command: finds the command, reads its flags, runs it. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/dialect.h"
#include "cli/help.h"
#include "cli/print.h"

static int
show_help(const struct command_path *path, struct err *e)
{
    SCOPED(buf) struct buf out = BUF_INIT;

    help_write(path, &out);
    return print_flush(&out, e);
}

/* A group that got no command, or a wrong one: its help on stdout, what is wrong on stderr. */
static int
run_group(const struct command_path *path, const struct args *args, struct err *e)
{
    const char *word = args_count(args) > 0 ? args_word(args, 0) : NULL;

    if (path->depth == 1 && word != NULL)
        return command_group_error(path, word, e);
    if (show_help(path, e) < 0)
        return -1;
    return path->depth == 1 ? 0 : command_group_error(path, word, e);
}

static int
run_command(struct cli *c, struct err *e)
{
    const struct command *leaf = command_leaf(c->path);

    if (args_bool(c->args, "help"))
        return show_help(c->path, e);
    if (leaf->run == NULL)
        return run_group(c->path, c->args, e);
    if (command_check_words(c->path, c->args, e) < 0)
        return -1;
    c->config =
        leaf->no_config ? config_empty() : config_load(args_string(c->args, "config"), e);
    if (c->config == NULL || args_required(c->args, e) < 0)
        return -1;
    return leaf->run(c, e);
}

/* Returns the exit status, or -1 with *e set. */
static int
run_line(char **words, size_t count, struct err *e)
{
    struct command_path path;
    struct flag_set sets[MAX_FLAG_SETS];
    char **rest = calloc(count + 1, sizeof(*rest));
    struct cli c = {.path = &path};
    SCOPED(args) struct args *args = NULL;
    int rc = -1;

    if (rest == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    size_t left = command_find(words, count, &path, rest);
    if (command_leaf(&path)->raw) {
        c.raw = rest;
        c.n_raw = left;
        left = 0;
    }
    args = args_parse(sets, command_flag_sets(&path, sets), rest, left, e);
    c.args = args;
    if (args != NULL && (rc = run_command(&c, e)) == 0)
        rc = c.status;
    cli_close(&c);
    free(rest);
    return rc;
}

int
main(int argc, char **argv)
{
    struct err e = ERR_INIT;

    signal(SIGPIPE, SIG_IGN);
    dialect_choose(argc > 0 ? argv[0] : NULL);
    int status = run_line(argv + 1, argc > 0 ? (size_t)argc - 1 : 0, &e);
    if (status >= 0)
        return status;
    if (e.text[0] != '\0')
        fprintf(stderr, "Error: %s\n", e.text);
    return 1;
}
