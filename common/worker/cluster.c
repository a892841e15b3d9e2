#include "common/worker/cluster.h"

#include <stdio.h>
#include <string.h>

/* The file's directory: a rotated file is another inode. */
static int
grant_folder(struct sandbox *s, const char *file, struct err *e)
{
    char folder[4096];
    char *slash;

    if (file == NULL || *file == '\0')
        return 0;
    if (strlen(file) >= sizeof(folder))
        return err_set(e, ERR_LIMIT, "%.60s...: the path is too long", file);
    strcpy(folder, file);
    if ((slash = strrchr(folder, '/')) == NULL)
        return sandbox_allow(s, ".", SANDBOX_READ, e);
    slash[slash == folder ? 1 : 0] = '\0';
    return sandbox_allow(s, folder, SANDBOX_READ, e);
}

int
cluster_prepare(struct worker *w, struct sandbox *s, struct kubeconfig **out,
                struct err *e)
{
    struct kubeconfig_options o = {.in_cluster_first = true};
    SCOPED(kubeconfig) struct kubeconfig *config = NULL;
    const char *path = worker_kubeconfig(w);

    kubeconfig_options_from_env(&o);
    if (path != NULL && *path != '\0')
        o.path = path;
    if ((config = kubeconfig_load(&o, e)) == NULL)
        return -1;
    if (grant_folder(s, config->token_file, e) < 0 ||
        grant_folder(s, config->ca_file, e) < 0 ||
        grant_folder(s, config->cert_file, e) < 0 ||
        grant_folder(s, config->key_file, e) < 0)
        return -1;
    *out = TAKE(config);
    return 0;
}

static void
observe(void *arg, enum kube_verb verb, const struct kube_resource *res, int status,
        int64_t elapsed_ms)
{
    static const char *const verbs[] = {
        [KUBE_GET] = "get",          [KUBE_LIST] = "list",
        [KUBE_WATCH] = "watch",      [KUBE_CREATE] = "create",
        [KUBE_UPDATE] = "update",    [KUBE_PATCH_MERGE] = "patch",
        [KUBE_PATCH_JSON] = "patch", [KUBE_APPLY] = "apply",
        [KUBE_DELETE] = "delete"};
    struct metrics *m = worker_metrics(arg);
    char code[16];

    snprintf(code, sizeof(code), "%d", status);
    metric_add(m, METRIC_API_CALLS, 1, verbs[verb], res->plural, code);
    metric_observe(m, METRIC_API_LATENCY, (double)elapsed_ms / 1000, verbs[verb]);
}

struct kube *
cluster_connect(struct worker *w, struct loop *loop, struct kubeconfig **config,
                enum kube_actor actor, const char *program, struct err *e)
{
    char who[512];
    const struct kube_options o = {.actor = actor, .program = program, .component = who};
    struct kube *k;

    /* With an election each request says whose it is: it stands in the server's audit log. */
    if (*worker_identity(w) != '\0')
        snprintf(who, sizeof who, "%s %s", worker_id(w), worker_identity(w));
    else
        snprintf(who, sizeof who, "%s", worker_id(w));
    if ((k = kube_new(loop, config, &o, e)) == NULL)
        return NULL;
    kube_observe(k, observe, w);
    if (worker_elects(w))
        http_guard(kube_http(k), worker_may_write, w);
    return k;
}
