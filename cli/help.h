/* help.h - the text of --help, from the command's row. */
#ifndef KELOS_CLI_HELP_H
#define KELOS_CLI_HELP_H

#include "cli/command.h"
#include "common/buf.h"

/* Appends the help of the command at the end of the path. */
void help_write(const struct command_path *path, struct buf *out);

#endif
