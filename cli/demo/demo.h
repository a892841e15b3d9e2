/* demo.h - the parts of kelos demo: a stage, a play on it, and the judgement. */
#ifndef KELOS_CLI_DEMO_H
#define KELOS_CLI_DEMO_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"

#define DEMO_REPO "acme/shop"
#define DEMO_SPAWNER "issues"
#define DEMO_DEPENDENT "release-notes"
#define DEMO_MATCHING 3

/* Everything that the demo makes, all below `home`. */
struct stage {
    char *home;       /* a private folder, removed at the end */
    char *data;       /* home/data: of local mode */
    char *bare;       /* home/git/acme/shop.git */
    char *manifest;   /* home/demo.yaml */
    char *kubeconfig; /* home/data/kubeconfig */
    int git_port, forge_port;
    pid_t git_daemon, forge;
    bool up; /* local mode was started */
};

/* ---- demo_stage.c ---- */

/* Makes the folder, the repository, both servers, and the manifest. *s is zeroed by the
 * caller and struck with stage_strike, also after a failure. */
int stage_build(struct stage *s, struct err *e);
/* Starts local mode in it. */
int stage_up(struct stage *s, struct err *e);
/* Ends everything and removes the folder. Returns how many processes were left over. */
int stage_strike(struct stage *s, bool keep);

/* Closes an issue of the forge. */
int stage_close_issue(const struct stage *s, int number, struct err *e);
/* How often the forge was asked so far, -1 with *e set. */
int64_t stage_calls(const struct stage *s, struct err *e);
/* The commit of a branch in the bare repository, as text; "" when there is none. */
int stage_commit(const struct stage *s, const char *branch, struct buf *out,
                 struct err *e);
/* The files' text that the last commit of a branch brought. */
int stage_change(const struct stage *s, const char *branch, struct buf *out,
                 struct err *e);

/* ---- demo_text.c ---- */

/* The forge's issues and the manifest that is applied, with the ports filled in. */
void demo_issues(struct buf *out);
void demo_manifest(int git_port, int forge_port, struct buf *out);
/* The matching issues in the order that priorityLabels gives. */
extern const int demo_order[DEMO_MATCHING];

/* ---- demo_check.c: pure ---- */

/* All that was seen of the Tasks, in the order of the API server's watch events: a list of
 * Task objects, each as it was then. */

/* Exactly the matching issues became Tasks, in priority order. */
int demo_check_order(const json_t *history, struct err *e);
/* At no time two spawned Tasks were neither waiting to be seen nor finished. */
int demo_check_concurrency(const json_t *history, struct err *e);
/* The newest state of a Task, NULL when it was never seen; borrowed. */
const json_t *demo_newest(const json_t *history, const char *name);
/* Whether all expected Tasks have ended; -1 with *e set when one failed. */
int demo_finished(const json_t *history, struct err *e);
/* Whether `prompt` quotes what the Tasks before reported. */
int demo_check_prompt(const json_t *history, const char *prompt, struct err *e);

/* ---- demo_play.c ---- */

/* Applies the manifest, shows the Tasks until they have ended, judges. */
int demo_play(struct stage *s, struct err *e);

/* ---- demo_show.c: the live table ---- */
struct show;
struct show *show_new(void);
void show_free(struct show *s);
/* Shows the newest states: a table drawn again on a terminal, a line per change elsewhere. */
void show_update(struct show *s, const json_t *history);

#endif
