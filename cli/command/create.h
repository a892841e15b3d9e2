/* create.h - what the commands below kelos create share, one file each. */
#ifndef KELOS_CLI_COMMAND_CREATE_H
#define KELOS_CLI_COMMAND_CREATE_H

#include "cli/cli.h"
#include "cli/command/commands.h"
#include "cli/dryrun.h"

extern const struct command create_workspace;
extern const struct command create_spawner;

/* Creates the object, marked as made by this program, and says so. Returns what the server made
 * of it, which the caller owns, or NULL with *e set. */
json_t *create_object(struct cli *c, const char *ns, json_t *object, struct err *e);

/* The same, or what --dry-run shows. */
int create_or_show(struct cli *c, const char *ns, json_t *object, enum dryrun dry,
                   enum print_format format, struct err *e);

#endif
