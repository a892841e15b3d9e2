/* cli.c - see cli.h. */
#include "cli/cli.h"
#include "cli/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/local.h"
#include "common/data/json.h"
#include "common/value/duration.h"
#include "common/kube/kubeexec.h"
#include "version.h"

#define DEFAULT_TIMEOUT_MS 30000

const char *const credential_types[] = {"api-key", "oauth", "none", NULL};
const char *const task_phases[] = {"Pending",   "Running", "Waiting",
                                   "Succeeded", "Failed",  NULL};
const char *const spawner_phases[] = {"Pending", "Running", "Suspended", "Failed", NULL};

void
cli_close(struct cli *c)
{
    kube_free(c->kube);
    kubeexec_free(c->exec);
    loop_free(c->loop);
    config_free(c->config);
    free(c->namespace_);
    free(c->context);
}

static int
no_cluster(const struct cli *c, struct err *e)
{
    if (command_leaf(c->path)->cluster_only)
        return err_set(e, ERR_NOT_FOUND,
                       "kubeconfig: no cluster is configured: name a file with "
                       "--kubeconfig or $KUBECONFIG (local mode needs no installation)");
    return err_set(e, ERR_NOT_FOUND,
                   "kubeconfig: no cluster is configured: `kelos up` starts one on this "
                   "machine, or name a file with --kubeconfig or $KUBECONFIG");
}

/* --kubeconfig, $KUBECONFIG and the configuration file are a choice; without one a running
 * local mode comes before ~/.kube/config. */
static struct kubeconfig *
load_kubeconfig(struct cli *c, struct err *e)
{
    struct kubeconfig_options o = {0};
    const char *given = args_string(c->args, "kubeconfig");
    const char *context = args_string(c->args, "context");
    const char *configured = config_get(c->config, "kubeconfig");
    SCOPED(string) char *path = NULL;

    kubeconfig_options_from_env(&o);
    if (given[0] != '\0') {
        path = strdup(given);
    } else if (o.env == NULL || o.env[0] == '\0') {
        if (configured[0] != '\0')
            path = config_expand_home(configured);
        else if (context[0] == '\0' && args_string(c->args, "cluster")[0] == '\0' &&
                 !command_leaf(c->path)->cluster_only)
            path = local_kubeconfig();
    }
    o.path = path;
    o.context = context;
    o.cluster = args_string(c->args, "cluster");
    o.user = args_string(c->args, "user");
    struct kubeconfig *k = kubeconfig_load(&o, e);
    if (k == NULL) {
        if (e->code == ERR_NOT_FOUND && given[0] == '\0')
            no_cluster(c, e);
        else
            err_wrap(e, "kubeconfig");
    }
    return k;
}

static int
read_timeout(struct cli *c, struct err *e)
{
    const char *text = args_string(c->args, "request-timeout");
    int64_t ns;

    c->timeout_ms = DEFAULT_TIMEOUT_MS;
    if (text[0] == '\0')
        return 0;
    if (duration_parse(text, &ns) < 0 || ns <= 0)
        return err_set(e, ERR_INVALID,
                       "--request-timeout \"%s\": expected e.g. 10s or 2m", text);
    c->timeout_ms = ns / 1000000;
    return 0;
}

static void
adjust(struct cli *c, struct kubeconfig *k)
{
    const char *as = args_string(c->args, "as");

    if (as[0] != '\0') {
        free(k->as);
        k->as = strdup(as);
    }
    if (args_bool(c->args, "insecure-skip-tls-verify")) {
        k->insecure = true;
        free(k->ca_file);
        free(k->ca_pem);
        k->ca_file = k->ca_pem = NULL;
    }
    for (size_t i = 0; i < json_array_size(k->warnings); i++)
        fprintf(stderr, "Warning: kubeconfig: %s\n",
                json_string_value(json_array_get(k->warnings, i)));
}

struct kube *
cli_kube(struct cli *c, struct err *e)
{
    struct kube_options o = {
        .actor = KUBE_AS_USER, .program = "kelos", .component = "cli"};
    SCOPED(kubeconfig) struct kubeconfig *k = NULL;

    if (c->kube != NULL)
        return c->kube;
    if (read_timeout(c, e) < 0 || (k = load_kubeconfig(c, e)) == NULL)
        return NULL;
    adjust(c, k);
    if (asprintf(&c->context, "%s, context %s", k->source, k->context) < 0)
        c->context = NULL;
    if (c->namespace_ == NULL)
        c->namespace_ = strdup(k->namespace_);
    if ((c->loop = loop_poll_new(e)) == NULL)
        return NULL;
    const struct kubeexec_options x = {.terminal = isatty(STDIN_FILENO) == 1};
    if ((c->kube = kube_new(c->loop, &k, &o, e)) == NULL ||
        (c->exec = kubeexec_attach(c->kube, &x, e)) == NULL)
        return NULL;
    return c->kube;
}

const char *
cli_namespace(struct cli *c, bool lenient, struct err *e)
{
    const char *environment = getenv("KELOS_NAMESPACE");
    const char *chosen = "";

    if (args_given(c->args, "namespace"))
        chosen = args_string(c->args, "namespace");
    else if (environment != NULL && environment[0] != '\0')
        chosen = environment;
    else
        chosen = config_get(c->config, "namespace");
    if (chosen[0] != '\0') {
        if (kube_check_label(chosen, e) < 0) {
            err_wrap(e, "namespace \"%s\"", chosen);
            return NULL;
        }
        free(c->namespace_);
        c->namespace_ = strdup(chosen);
    } else if (c->namespace_ == NULL) {
        struct err why = ERR_INIT;

        if (!lenient)
            return cli_kube(c, e) != NULL ? c->namespace_ : NULL;
        SCOPED(kubeconfig) struct kubeconfig *k = load_kubeconfig(c, &why);
        c->namespace_ = strdup(k != NULL ? k->namespace_ : "default");
    }
    return c->namespace_;
}

static const char *
verb_word(enum kube_verb verb)
{
    static const char *const words[] = {
        [KUBE_GET] = "get",           [KUBE_LIST] = "list",
        [KUBE_WATCH] = "watch",       [KUBE_CREATE] = "create",
        [KUBE_UPDATE] = "update",     [KUBE_PATCH_MERGE] = "update",
        [KUBE_PATCH_JSON] = "update", [KUBE_APPLY] = "apply",
        [KUBE_DELETE] = "delete",
    };

    return words[verb];
}

int
cli_refused(struct cli *c, const char *verb, const struct kube_resource *res,
            const struct kube_status *status, struct err *e)
{
    const char *advice = "";

    if (status->reason == KUBE_UNAUTHORIZED)
        advice = "; the credentials are refused or have expired: log in again";
    if (status->reason == KUBE_NO_ROUTE)
        return err_set(
            e, e->code,
            "%s %s: %s does not serve %s.%s: %s is not installed there; use `%s "
            "install` for a cluster, or `kelos up` for this machine alone",
            verb, res->singular, kube_server(c->kube), res->plural, res->group,
            dialect()->program, dialect()->program);
    struct err why = *e;
    err_set(e, why.code, "%s %s: %s%s", verb, res->singular, why.text, advice);
    if (why.code == ERR_UNAVAILABLE)
        err_set(e, why.code, "%s %s: %s (%s)", verb, res->singular, why.text,
                c->context != NULL ? c->context : kube_server(c->kube));
    return -1;
}

int
cli_call(struct cli *c, struct kube_request *r, json_t **body, struct kube_status *status,
         struct err *e)
{
    struct kube_status mine = {0};

    if (cli_kube(c, e) == NULL)
        return -1;
    if (status == NULL)
        status = &mine;
    r->deadline_ms = c->timeout_ms;
    if (r->verb == KUBE_CREATE && r->repeat == KUBE_REPEAT_AUTO)
        r->repeat = KUBE_REPEAT_NEVER;
    if (r->field_manager == NULL &&
        (r->verb == KUBE_APPLY || r->verb == KUBE_CREATE || r->verb == KUBE_PATCH_MERGE))
        r->field_manager = "kelos";
    json_t *answer = NULL;
    if (kube_call_wait(c->kube, r, &answer, status, e) < 0)
        return cli_refused(c, verb_word(r->verb), r->res, status, e);
    if (body != NULL)
        *body = answer;
    else
        json_decref(answer);
    return 0;
}

json_t *
cli_list(struct cli *c, const struct kube_resource *res, const char *ns,
         const char *selector, struct err *e)
{
    struct kube_status status = {0};

    if (cli_kube(c, e) == NULL)
        return NULL;
    json_t *list = kube_list_wait(c->kube, res, ns, selector, c->timeout_ms, &status, e);
    if (list == NULL)
        cli_refused(c, "list", res, &status, e);
    return list;
}

int
cli_list_served(struct cli *c, const struct kube_resource *res, json_t **list,
                struct err *e)
{
    struct kube_status status = {0};
    struct err why = ERR_INIT;

    if (cli_kube(c, e) == NULL)
        return -1;
    *list = kube_list_wait(c->kube, res, NULL, NULL, c->timeout_ms, &status, &why);
    if (*list != NULL || status.reason == KUBE_NO_ROUTE)
        return 0;
    *e = why;
    return cli_refused(c, "list", res, &status, e);
}

json_t *
cli_object(const struct kube_resource *res, const char *ns, const char *name)
{
    char version[128];
    json_t *o = json_object();

    json_put_str(o, "apiVersion", kube_api_version(res, version, sizeof(version)));
    json_put_str(o, "kind", res->kind);
    json_put_str(o, "metadata.name", name);
    json_put_str(o, "metadata.namespace", ns);
    return o;
}

void
cli_mark(json_t *object)
{
    json_put_str(object, "metadata.labels[app.kubernetes.io/managed-by]", CLI_MARK);
}

bool
cli_is_yes(const char *answer)
{
    size_t size;

    answer += strspn(answer, " \t\r\n");
    size = strcspn(answer, " \t\r\n");
    if (answer[size + strspn(answer + size, " \t\r\n")] != '\0')
        return false;
    return (size == 1 && strncasecmp(answer, "y", 1) == 0) ||
           (size == 3 && strncasecmp(answer, "yes", 3) == 0);
}

bool
cli_ask(const char *question)
{
    char line[256];

    fprintf(stderr, "%s [y/N]: ", question);
    fflush(stderr);
    return fgets(line, sizeof(line), stdin) != NULL && cli_is_yes(line);
}

void
cli_random_suffix(char *out, size_t n)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    unsigned char byte;

    for (size_t i = 0; i < n; i++) {
        do {
            if (getrandom(&byte, 1, 0) != 1)
                abort();
        } while (byte >= 256 / (sizeof(alphabet) - 1) * (sizeof(alphabet) - 1));
        out[i] = alphabet[byte % (sizeof(alphabet) - 1)];
    }
    out[n] = '\0';
}
