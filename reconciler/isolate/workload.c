/* workload.c - see workload.h. */
#include "reconciler/isolate/workload.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/macros.h"
#include "proto/message.h"
#include "reconciler/job/wish.h"

#define TOKEN_DIR "/shared/token"
#define TOKEN_FILE TOKEN_DIR "/GITHUB_TOKEN"
#define APP_DIR "/etc/github-app"
#define PROGRAM "/kelos-spawner"
/* Who the image runs as. */
#define USER_ID 65532

bool
workload_wanted(const struct spawner_view *v, const struct isolation *o, char *wrong,
                size_t room)
{
    const char *says = v->isolation;

    snprintf(wrong, room, "%s", "");
    if (says == NULL || strcmp(says, "process") == 0)
        return says == NULL && o->by_default;
    if (strcmp(says, "pod") != 0)
        snprintf(wrong, room, "annotation %s: \"%.100s\" is neither process nor pod",
                 profile_of(v->view.meta.profile)->note_isolation, says);
    else if (!o->possible)
        snprintf(
            wrong, room,
            "annotation %s: this controller makes no Pods for sources; start it with "
            "--spawner-isolation",
            profile_of(v->view.meta.profile)->note_isolation);
    else
        return true;
    return false;
}

unsigned
workload_kind(const struct spawner_view *v)
{
    return v->source == SOURCE_CRON ? KIND_CRON_JOB : KIND_DEPLOYMENT;
}

void
workload_secret_name(const char *spawner, char *out, size_t room)
{
    snprintf(out, room, "%.249s-bus", spawner);
}

/* ---- arguments and environment ---- */

static void
add_arg(json_t *args, const char *flag, const char *value)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    buf_printf(&text, "--%s=%s", flag, value);
    json_array_append_new(args, json_string(buf_str(&text)));
}

/* The API of the source's repository; "" for GitHub's own. */
static void
api_base(const struct workload_wish *w, char *out, size_t room)
{
    struct repo repo;

    *out = '\0';
    if (w->workspace == NULL)
        return;
    wish_repo(w->spawner, w->workspace, &repo);
    repo_api_base(&repo, out, room);
    if (*out == '\0')
        snprintf(out, room, "%s", w->github_api);
}

static void
add_repo_args(const struct workload_wish *w, json_t *args)
{
    char base[600];
    struct repo repo;

    if (w->workspace == NULL)
        return;
    wish_repo(w->spawner, w->workspace, &repo);
    add_arg(args, "github-owner", repo.owner);
    add_arg(args, "github-repo", repo.name);
    api_base(w, base, sizeof base);
    if (*base != '\0')
        add_arg(args, "github-api-base-url", base);
    if (w->app)
        add_arg(args, "github-token-file", TOKEN_FILE);
}

static void
add_jira_args(const struct spawner_view *v, json_t *args)
{
    const char *jql = json_str_or(v->when, "jira.jql", "");

    add_arg(args, "jira-base-url", v->jira_base != NULL ? v->jira_base : "");
    add_arg(args, "jira-project", json_str_or(v->when, "jira.project", ""));
    if (*jql != '\0')
        add_arg(args, "jira-jql", jql);
}

/* The original's, in its order; ours comes last. */
static json_t *
make_args(const struct workload_wish *w)
{
    const struct spawner_view *v = w->spawner;
    json_t *args = json_array();
    char address[320];

    add_arg(args, "taskspawner-name", v->view.meta.name);
    add_arg(args, "taskspawner-namespace", v->view.meta.ns);
    add_repo_args(w, args);
    if (v->source == SOURCE_JIRA)
        add_jira_args(v, args);
    if (v->source == SOURCE_CRON)
        json_array_append_new(args, json_string("--one-shot"));
    snprintf(address, sizeof address, "tcp://%.255s:%lld", w->isolation->address,
             (long long)(w->isolation->port + w->shard));
    add_arg(args, "controller", address);
    return args;
}

static json_t *
env_of(const char *name, const char *secret, const char *key, bool optional)
{
    json_t *ref = json_pack("{s:s,s:s}", "name", secret, "key", key);

    if (optional)
        json_object_set_new(ref, "optional", json_true());
    return json_pack("{s:s,s:{s:o}}", "name", name, "valueFrom", "secretKeyRef", ref);
}

static json_t *
make_env(const struct workload_wish *w)
{
    const struct spawner_view *v = w->spawner;
    json_t *env = json_array();
    char secret[254];

    if (w->workspace != NULL && w->workspace->secret != NULL && !w->app)
        json_array_append_new(
            env, env_of("GITHUB_TOKEN", w->workspace->secret, "GITHUB_TOKEN", false));
    if (v->source == SOURCE_JIRA && v->jira_secret != NULL) {
        json_array_append_new(env,
                              env_of("JIRA_USER", v->jira_secret, "JIRA_USER", true));
        json_array_append_new(env,
                              env_of("JIRA_TOKEN", v->jira_secret, "JIRA_TOKEN", false));
    }
    workload_secret_name(v->view.meta.name, secret, sizeof secret);
    json_array_append_new(env, env_of(WORKLOAD_BUS_KEY, secret, WORKLOAD_BUS_KEY, false));
    return env;
}

/* ---- containers ---- */

static json_t *
confined(void)
{
    return json_pack("{s:b,s:b,s:b,s:i,s:{s:[s]}}", "allowPrivilegeEscalation", 0,
                     "readOnlyRootFilesystem", 1, "runAsNonRoot", 1, "runAsUser", USER_ID,
                     "capabilities", "drop", "ALL");
}

static json_t *
amounts(const struct resource_list *list)
{
    json_t *o = json_object();

    for (size_t i = 0; i < list->n; i++)
        json_object_set_new(o, list->items[i].name, json_string(list->items[i].amount));
    return o;
}

static json_t *
resources(const struct isolation *o)
{
    return json_pack("{s:o,s:o}", "requests", amounts(&o->requests), "limits",
                     amounts(&o->limits));
}

/* Restarted when its loop has not turned for a minute and a half; costs one short program
 * every half minute. */
static json_t *
liveness(const struct meta *m)
{
    SCOPED(buf) struct buf which = BUF_INIT;

    buf_printf(&which, "%s/%s", m->ns, m->name);
    return json_pack("{s:{s:[s,s,s]},s:i,s:i,s:i,s:i}", "exec", "command", PROGRAM,
                     "--alive", buf_str(&which), "initialDelaySeconds", 10,
                     "periodSeconds", 30, "timeoutSeconds", 5, "failureThreshold", 3);
}

static json_t *
container_of(const struct isolation *o, const char *name, const char *image,
             const char *pull_policy, json_t *command)
{
    json_t *c =
        json_pack("{s:s,s:s,s:o,s:o,s:o}", "name", name, "image", image, "command",
                  command, "securityContext", confined(), "resources", resources(o));

    if (*pull_policy != '\0')
        json_object_set_new(c, "imagePullPolicy", json_string(pull_policy));
    return c;
}

static json_t *
spawner_container(const struct workload_wish *w)
{
    const struct isolation *o = w->isolation;
    json_t *c =
        container_of(o, "spawner", o->image, o->pull_policy, json_pack("[s]", PROGRAM));

    json_object_set_new(c, "livenessProbe", liveness(&w->spawner->view.meta));
    json_object_set_new(c, "args", make_args(w));
    json_object_set_new(c, "env", make_env(w));
    if (w->app)
        json_object_set_new(c, "volumeMounts",
                            json_pack("[{s:s,s:s,s:b}]", "name", "github-token",
                                      "mountPath", TOKEN_DIR, "readOnly", 1));
    return c;
}

/* A native sidecar: it keeps the token fresh for as long as the Pod runs. */
static json_t *
refresher_container(const struct workload_wish *w)
{
    const struct isolation *o = w->isolation;
    const char *secret = w->workspace->secret;
    json_t *c =
        container_of(o, "token-refresher", o->refresher_image, o->refresher_pull_policy,
                     json_pack("[s,s]", PROGRAM, "--refresh-token"));
    json_t *env = json_array();
    char base[600];

    json_array_append_new(env, env_of("APP_ID", secret, "appID", false));
    json_array_append_new(env,
                          env_of("INSTALLATION_ID", secret, "installationID", false));
    api_base(w, base, sizeof base);
    if (*base != '\0')
        json_array_append_new(
            env, json_pack("{s:s,s:s}", "name", "GITHUB_API_BASE_URL", "value", base));
    json_object_set_new(c, "env", env);
    json_object_set_new(c, "restartPolicy", json_string("Always"));
    json_object_set_new(c, "volumeMounts",
                        json_pack("[{s:s,s:s},{s:s,s:s,s:b}]", "name", "github-token",
                                  "mountPath", TOKEN_DIR, "name", "github-app-secret",
                                  "mountPath", APP_DIR, "readOnly", 1));
    return c;
}

/* ---- the object ---- */

static json_t *
make_labels(const struct meta *m)
{
    const struct profile *p = profile_of(m->profile);

    return json_pack("{s:s,s:s,s:s,s:s}", "app.kubernetes.io/name", p->label_name,
                     "app.kubernetes.io/component", "spawner",
                     "app.kubernetes.io/managed-by", p->managed_by, p->label_spawner,
                     m->name);
}

static json_t *
make_meta(const struct meta *m, const char *name)
{
    return json_pack("{s:s,s:s,s:o,s:[{s:s,s:s,s:s,s:s,s:b,s:b}]}", "name", name,
                     "namespace", m->ns, "labels", make_labels(m), "ownerReferences",
                     "apiVersion", profile_of(m->profile)->api_version, "kind",
                     "TaskSpawner", "name", m->name, "uid", m->uid, "controller", 1,
                     "blockOwnerDeletion", 1);
}

static json_t *
make_pod(const struct workload_wish *w)
{
    const struct meta *m = &w->spawner->view.meta;
    const struct profile *p = profile_of(m->profile);
    bool cron = w->spawner->source == SOURCE_CRON;
    json_t *spec = json_pack(
        "{s:s,s:b,s:s,s:{s:b,s:{s:s}},s:[o]}", "serviceAccountName", p->spawner_account,
        "automountServiceAccountToken", 0, "restartPolicy", cron ? "Never" : "Always",
        "securityContext", "runAsNonRoot", 1, "seccompProfile", "type", "RuntimeDefault",
        "containers", spawner_container(w));

    if (w->app) {
        json_object_set_new(spec, "initContainers",
                            json_pack("[o]", refresher_container(w)));
        json_object_set_new(spec, "volumes",
                            json_pack("[{s:s,s:{}},{s:s,s:{s:s}}]", "name",
                                      "github-token", "emptyDir", "name",
                                      "github-app-secret", "secret", "secretName",
                                      w->workspace->secret));
    }
    return json_pack("{s:{s:o,s:{s:s}},s:o}", "metadata", "labels", make_labels(m),
                     "annotations", p->note_bus_mark, w->bus_mark, "spec", spec);
}

static json_t *
make_deployment(const struct workload_wish *w)
{
    const struct meta *m = &w->spawner->view.meta;

    /* Two Pods of one TaskSpawner would poll twice, so the old one ends first. */
    return json_pack("{s:s,s:s,s:o,s:{s:i,s:{s:s},s:{s:o},s:o}}", "apiVersion", "apps/v1",
                     "kind", "Deployment", "metadata", make_meta(m, m->name), "spec",
                     "replicas", w->spawner->suspend ? 0 : 1, "strategy", "type",
                     "Recreate", "selector", "matchLabels", make_labels(m), "template",
                     make_pod(w));
}

static json_t *
make_cron_job(const struct workload_wish *w)
{
    const struct spawner_view *v = w->spawner;
    const struct meta *m = &v->view.meta;
    json_t *o = json_pack(
        "{s:s,s:s,s:o,s:{s:s,s:s,s:i,s:i,s:b,s:{s:{s:o},s:{s:i,s:o}}}}", "apiVersion",
        "batch/v1", "kind", "CronJob", "metadata", make_meta(m, m->name), "spec",
        "schedule", v->schedule != NULL ? v->schedule : "", "concurrencyPolicy", "Forbid",
        "successfulJobsHistoryLimit", 3, "failedJobsHistoryLimit", 1, "suspend",
        v->suspend, "jobTemplate", "metadata", "labels", make_labels(m), "spec",
        "backoffLimit", 0, "template", make_pod(w));

    if (v->time_zone != NULL)
        json_put_str(o, "spec.timeZone", v->time_zone);
    return o;
}

json_t *
workload_build(const struct workload_wish *w)
{
    return workload_kind(w->spawner) == KIND_CRON_JOB ? make_cron_job(w)
                                                      : make_deployment(w);
}

json_t *
workload_secret(const struct meta *m, const char *bus_key)
{
    char name[254];

    workload_secret_name(m->name, name, sizeof name);
    return json_pack("{s:s,s:s,s:s,s:o,s:{s:s}}", "apiVersion", "v1", "kind", "Secret",
                     "type", "Opaque", "metadata", make_meta(m, name), "stringData",
                     WORKLOAD_BUS_KEY, bus_key);
}
