/* report.h - what a heartbeat reports: counts of what a cluster has, and no name of anything. */
#ifndef KELOS_CLI_INSTALL_REPORT_H
#define KELOS_CLI_INSTALL_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"
#include "common/err.h"

/* What it says besides counts; borrowed. */
struct report_about {
    const char *version, *kubernetes, *environment;
    const char *installation; /* a random number that says nothing but "the same again" */
};

/* Counts that objects are added to, and then made into a report. */
struct report;
struct report *report_new(void);
void report_free(struct report *r);
SCOPED_DEFINE(report)
/* Counts a Task, TaskSpawner, Workspace or AgentConfig; reads no text of a user's. */
void report_add(struct report *r, const json_t *object);
/* {"event", "distinct_id", "properties"}; the caller owns. */
json_t *report_json(const struct report *r, const struct report_about *a);

/* Counts what the cluster has, page by page, and gives the text that would be sent. With `keep`
 * the installation's number is made, and kept in the ConfigMap kelos-telemetry of `ns`, when it
 * has none yet. Returns text the caller frees, or NULL with *e set. */
char *report_text(struct cli *c, const char *ns, const char *environment, bool keep,
                  struct err *e);

/* Whether the environment says DO_NOT_TRACK (anything but nothing, 0 and false). */
bool report_unwanted(void);

#endif
