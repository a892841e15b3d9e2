/* flagrows.h - flags that several commands have, as rows of their tables (args.h). */
#ifndef KELOS_CLI_FLAGROWS_H
#define KELOS_CLI_FLAGROWS_H

#include "cli/args.h"
#include "cli/cli.h"
#include "common/value/agent.h"

#define FLAGROW_YES                                                                      \
    {                                                                                    \
        .name = "yes", .letter = 'y', .type = FLAG_BOOL,                                 \
        .help = "replace what is there without asking"                                   \
    }

/* Which agent it is, and with which credential it runs. */
#define FLAGROWS_AGENT                                                                   \
    {.name = "type",                                                                     \
     .letter = 't',                                                                      \
     .type = FLAG_STRING,                                                                \
     .value = "AGENT",                                                                   \
     .help = "agent",                                                                    \
     .complete = COMPLETE_CHOICES,                                                       \
     .choices = agent_types},                                                            \
        {.name = "secret",                                                               \
         .type = FLAG_STRING,                                                            \
         .value = "NAME",                                                                \
         .help = "existing Secret with the credential",                                  \
         .complete = COMPLETE_SECRET},                                                   \
    {                                                                                    \
        .name = "credential-type", .type = FLAG_STRING, .value = "TYPE",                 \
        .help = "kind of credential", .complete = COMPLETE_CHOICES,                      \
        .choices = credential_types                                                      \
    }

/* A document instead of what is printed for people: `formats_` NULL-terminated. */
#define FLAGROW_OUTPUT(formats_, help_)                                                  \
    {                                                                                    \
        .name = "output", .letter = 'o', .type = FLAG_STRING, .value = "FORMAT",         \
        .help = help_, .complete = COMPLETE_CHOICES, .choices = formats_                 \
    }

#endif
