/* dryrun.h - what a command would write, as documents: --dry-run, --dry-run=server. */
#ifndef KELOS_CLI_DRYRUN_H
#define KELOS_CLI_DRYRUN_H

#include <jansson.h>

#include "cli/cli.h"
#include "cli/flagrows.h"
#include "cli/print.h"
#include "common/err.h"

/* The two flags of a command that can show instead of write: rows of its table. */
extern const char *const dryrun_places[];
extern const char *const dryrun_formats[];
#define DRYRUN_FLAGS                                                                     \
    {.name = "dry-run",                                                                  \
     .type = FLAG_BOOL,                                                                  \
     .help = "print what would be written and contact nothing; =server: the server "     \
             "checks it, too",                                                           \
     .choices = dryrun_places},                                                          \
        FLAGROW_OUTPUT(dryrun_formats, "of --dry-run")

enum dryrun {
    DRYRUN_NONE,   /* write */
    DRYRUN_CLIENT, /* contact nothing */
    DRYRUN_SERVER
};

/* Reads both flags. Returns an enum dryrun, or -1 with *e set. */
int dryrun_read(const struct args *args, enum print_format *format, struct err *e);

/* Prints the objects, which a command would write in this order: it creates the last one and
 * creates or changes those before. With `server` the server is asked what would become of each,
 * and that is printed. Of Secrets the keys are named in a comment, the values not shown. */
int dryrun_show(struct cli *c, const json_t *objects, bool server,
                enum print_format format, struct err *e);

#endif
