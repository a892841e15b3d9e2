/* cli.h - what a running command holds: its words, the configuration, the cluster. */
#ifndef KELOS_CLI_CLI_H
#define KELOS_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/args.h"
#include "cli/command.h"
#include "cli/config.h"
#include "common/kube/kube.h"
#include "common/loop.h"

struct kubeexec;

/* One per process, on main's stack. The cluster is reached for only by the commands that
 * ask for it. */
struct cli {
    const struct command_path *path; /* borrowed */
    const struct args *args;         /* borrowed */
    char **raw;                      /* the words of a raw command; borrowed */
    size_t n_raw;
    struct config *config; /* owned; never NULL once a command runs */
    struct loop *loop;     /* owned; NULL before cli_kube */
    struct kube *kube;     /* owned; likewise */
    struct kubeexec *exec; /* owned; likewise: credential plugins */
    char *namespace_;      /* owned; see cli_namespace */
    char *context;         /* owned; where the kubeconfig came from, for errors */
    int64_t timeout_ms;    /* of one call; set by cli_kube */
    int status;            /* exit status of a command that went well */
};

/* Releases what the commands opened. */
void cli_close(struct cli *c);

/* The client for the chosen cluster, made on the first call; borrowed. NULL with *e set
 * ("kubeconfig: …"). */
struct kube *cli_kube(struct cli *c, struct err *e);

/* The namespace to work in: -n, $KELOS_NAMESPACE, the configuration file, the context of
 * the kubeconfig, "default". Borrowed. Returns NULL with *e set when the kubeconfig is
 * needed and unreadable, unless `lenient`: then "default". */
const char *cli_namespace(struct cli *c, bool lenient, struct err *e);

/* One call, with the errors of the API server put in the words of a user: "get task: …",
 * and what to do where that is known. Sets deadline and field manager of *r, and that a create
 * is not sent twice. Returns 0 and *body (NULL is allowed; the caller owns), or -1. */
int cli_call(struct cli *c, struct kube_request *r, json_t **body,
             struct kube_status *status, struct err *e);

/* All objects of a collection; NULL with *e set. ns NULL: of all namespaces. */
json_t *cli_list(struct cli *c, const struct kube_resource *res, const char *ns,
                 const char *selector, struct err *e);

/* All objects of a kind in every namespace, which the server may not serve: then *list is NULL.
 * Returns 0 and *list (the caller owns), or -1 with *e set. */
int cli_list_served(struct cli *c, const struct kube_resource *res, json_t **list,
                    struct err *e);

/* Puts a refusal in words, as cli_call does. Always -1. */
int cli_refused(struct cli *c, const char *verb, const struct kube_resource *res,
                const struct kube_status *status, struct err *e);

/* "apiVersion", "kind", "metadata" with name and namespace. Returns an object the caller owns. */
json_t *cli_object(const struct kube_resource *res, const char *ns, const char *name);

/* Labels an object as made by this program. */
#define CLI_MARK "kelos-cli"
void cli_mark(json_t *object);

/* Asks on stderr, reads a line of stdin: "y" or "yes" means yes. */
bool cli_ask(const char *question);
/* The rule behind it: whether an answer means yes. */
bool cli_is_yes(const char *answer);

/* NULL-terminated, as flags offer them: kinds of credentials, phases of a Task and of a
 * TaskSpawner. */
extern const char *const credential_types[];
extern const char *const task_phases[];
extern const char *const spawner_phases[];

/* Writes n random characters of the alphabet without vowels and look-alikes, and a NUL. */
void cli_random_suffix(char *out, size_t n);

#endif
