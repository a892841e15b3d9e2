/* commands.h - the rows of the command table, one file each; see command.h. */
#ifndef KELOS_CLI_COMMANDS_H
#define KELOS_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command command_apply;
extern const struct command command_complete;
extern const struct command command_complete_plain;
extern const struct command command_completion;
extern const struct command command_create;
extern const struct command command_delete;
extern const struct command command_demo;
extern const struct command command_down;
extern const struct command command_get;
extern const struct command command_help;
extern const struct command command_init;
extern const struct command command_install;
extern const struct command command_logs;
extern const struct command command_report;
extern const struct command command_resume;
extern const struct command command_run;
extern const struct command command_simulate;
extern const struct command command_status;
extern const struct command command_suspend;
extern const struct command command_uninstall;
extern const struct command command_up;
extern const struct command command_version;

#endif
