/* job.c - see job.h. */
#include "reconciler/job/job.h"

#include <string.h>

#include "common/macros.h"
#include "reconciler/job/failurepolicy.h"
#include "reconciler/job/podoverrides.h"

#define CONTENT_DIR "/kelos/content"

#define AGENT_UID 61100

const struct job_policy *
job_policy_of(const struct job_wish *w)
{
    static const struct job_policy none = {.refused = NULL};

    return w->policy != NULL ? w->policy : &none;
}

json_t *
built_in_context(const struct job_wish *w)
{
    if (!job_policy_of(w)->restricted)
        return json_pack("{s:i}", "runAsUser", AGENT_UID);
    return json_pack("{s:i,s:b,s:b,s:{s:[s]},s:{s:s}}", "runAsUser", AGENT_UID,
                     "runAsNonRoot", 1, "allowPrivilegeEscalation", 0, "capabilities",
                     "drop", "ALL", "seccompProfile", "type", "RuntimeDefault");
}

void
git_container(const struct job_wish *w, json_t *container)
{
    json_object_set_new(container, "image", json_string(w->images->git));
    if (w->images->git_pull != NULL)
        json_object_set_new(container, "imagePullPolicy",
                            json_string(w->images->git_pull));
    json_object_set_new(container, "securityContext", built_in_context(w));
}

json_t *
literal(const char *text)
{
    SCOPED(buf) struct buf out = BUF_INIT;

    for (; *text != '\0'; text++) {
        buf_add_char(&out, *text);
        if (*text == '$')
            buf_add_char(&out, '$');
    }
    return json_string(buf_str(&out));
}

json_t *
env_literal(const char *name, const char *value)
{
    return json_pack("{s:s,s:o}", "name", name, "value", literal(value));
}

json_t *
env_secret(const char *name, const char *secret, const char *key)
{
    return json_pack("{s:s,s:{s:{s:s,s:s}}}", "name", name, "valueFrom", "secretKeyRef",
                     "key", key, "name", secret);
}

void
env_add(json_t *env, json_t *variable)
{
    json_array_append_new(env, variable);
}

json_t *
volume_mount(const char *volume, const char *path, bool read_only)
{
    json_t *m = json_pack("{s:s,s:s}", "name", volume, "mountPath", path);

    if (read_only)
        json_object_set_new(m, "readOnly", json_true());
    return m;
}

static json_t *
labels_of(const struct job_wish *w)
{
    const struct profile *p = profile_of(w->task->view.meta.profile);

    return json_pack("{s:s,s:s,s:s,s:s}", "app.kubernetes.io/name", p->label_name,
                     "app.kubernetes.io/component", "task",
                     "app.kubernetes.io/managed-by", p->managed_by, p->label_task,
                     w->task->view.meta.name);
}

static json_t *
owner_reference(const struct job_wish *w)
{
    const struct meta *m = &w->task->view.meta;

    return json_pack("{s:s,s:s,s:s,s:s,s:b,s:b}", "apiVersion",
                     profile_of(m->profile)->api_version, "kind", "Task", "name", m->name,
                     "uid", m->uid, "controller", 1, "blockOwnerDeletion", 1);
}

json_t *
owned_metadata(const struct job_wish *w, const char *name)
{
    return json_pack("{s:s,s:s,s:o,s:[o]}", "name", name, "namespace",
                     w->task->view.meta.ns, "labels", labels_of(w), "ownerReferences",
                     owner_reference(w));
}

/* The variable that carries the credential; NULL for a type or kind that does not exist. */
static const char *
credential_variable(const struct pod_parts *p, int agent)
{
    const char *type = p->wish->task->credentials_type;

    if (type == NULL || (strcmp(type, "api-key") != 0 && strcmp(type, "oauth") != 0))
        return NULL;
    return agent_secret_key(agent, strcmp(type, "oauth") == 0,
                            !p->profile->codex_oauth_file);
}

static int
add_credential(struct pod_parts *p, int agent, struct err *e)
{
    const struct task_view *t = p->wish->task;
    const char *variable = credential_variable(p, agent);

    if (t->credentials_type != NULL && strcmp(t->credentials_type, "none") == 0)
        return 0;
    if (variable == NULL)
        return err_set(e, ERR_INVALID, "unsupported credentials type: %s",
                       t->credentials_type != NULL ? t->credentials_type : "");
    if (t->credentials_secret == NULL)
        return err_set(e, ERR_INVALID, "credentials.secretRef.name is empty");
    env_add(p->env, env_secret(variable, t->credentials_secret, variable));
    return 0;
}

static bool
env_has(const json_t *env, const char *name)
{
    for (size_t i = 0; i < json_array_size(env); i++)
        if (strcmp(json_str_or(json_array_get(env, i), "name", ""), name) == 0)
            return true;
    return false;
}

/* Variables of the user that are never passed on: they name paths of ours, or change what
 * the entrypoint does. */
static bool
env_reserved(const char *name)
{
    static const char *const names[] = {"KELOS_SETUP_COMMAND", "KELOS_SESSION_SETUP_ONLY",
                                        "KELOS_PROMPT_FILE",   "KELOS_AGENTS_MD_FILE",
                                        "KELOS_PLUGIN_DIR",    "KELOS_GITHUB_TOKEN_FILE"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void
add_user_env(struct pod_parts *p)
{
    const json_t *user = json_object_get(p->wish->task->pod_overrides, "env");
    SCOPED(json) json_t *built_in = json_copy(p->env);

    for (size_t i = 0; i < json_array_size(user); i++) {
        json_t *variable = json_array_get(user, i);
        const char *name = json_str_or(variable, "name", "");
        if (!env_has(built_in, name) && !env_reserved(name))
            json_array_append(p->env, variable);
    }
}

static int
add_env(struct pod_parts *p, int agent, struct err *e)
{
    const struct task_view *t = p->wish->task;

    if (t->model != NULL && p->profile->env_model != NULL)
        env_add(p->env, env_literal(p->profile->env_model, t->model));
    if (t->model != NULL)
        env_add(p->env, env_literal("KELOS_MODEL", t->model));
    if (t->effort != NULL)
        env_add(p->env, env_literal("KELOS_EFFORT", t->effort));
    if (t->branch != NULL)
        env_add(p->env, env_literal("KELOS_BRANCH", t->branch));
    env_add(p->env, env_literal("KELOS_AGENT_TYPE", t->type));
    if (t->spawner != NULL)
        env_add(p->env, env_literal("KELOS_TASKSPAWNER", t->spawner));
    if (add_credential(p, agent, e) < 0)
        return -1;
    workspace_env(p);
    agentconfig_env(p);
    return 0;
}

/* The prompt as the argument, or where to read it when it is too long for one. */
static json_t *
prompt_argument(struct pod_parts *p)
{
    const char *prompt = p->wish->prompt;

    if (strlen(prompt) <= JOB_INLINE_BYTES)
        return literal(prompt);
    json_object_set_new(p->content, "prompt", json_string(prompt));
    env_add(p->env, env_literal("KELOS_PROMPT_FILE", CONTENT_DIR "/prompt"));
    return json_string("The prompt is in the file " CONTENT_DIR "/prompt.");
}

static void
add_content(struct pod_parts *p)
{
    char name[300];
    bool agent_reads = json_object_get(p->content, "prompt") != NULL ||
                       json_object_get(p->content, "agents-md") != NULL;

    if (json_object_size(p->content) == 0)
        return;
    snprintf(name, sizeof name, "%s-content", p->wish->task->view.meta.name);
    json_array_append_new(p->config_maps,
                          json_pack("{s:s,s:s,s:o,s:O}", "apiVersion", "v1", "kind",
                                    "ConfigMap", "metadata",
                                    owned_metadata(p->wish, name), "data", p->content));
    json_array_append_new(p->volumes, json_pack("{s:s,s:{s:s}}", "name", "kelos-content",
                                                "configMap", "name", name));
    if (agent_reads)
        json_array_append_new(p->mounts,
                              volume_mount("kelos-content", CONTENT_DIR, true));
}

static json_t *
agent_container(struct pod_parts *p, int agent)
{
    const struct task_view *t = p->wish->task;
    const struct images *images = p->wish->images;
    const char *image = t->image != NULL ? t->image : images->image[agent];
    json_t *prompt = prompt_argument(p);

    add_user_env(p);
    add_content(p);
    podoverrides_volumes(p);
    json_t *c =
        json_pack("{s:s,s:s,s:[s],s:[o],s:O}", "name", t->type, "image",
                  image != NULL ? image : p->profile->default_images[agent], "command",
                  p->profile->entrypoint, "args", prompt, "env", p->env);
    /* The flag is about the flag's image: one of the Task's own may be anywhere. */
    if (t->image == NULL && images->pull_policy[agent] != NULL)
        json_object_set_new(c, "imagePullPolicy",
                            json_string(images->pull_policy[agent]));
    if (p->wish->workspace != NULL)
        json_object_set_new(c, "workingDir", json_string("/workspace/repo"));
    if (json_array_size(p->mounts) > 0)
        json_object_set(c, "volumeMounts", p->mounts);
    if (job_policy_of(p->wish)->restricted)
        json_object_set_new(c, "securityContext", built_in_context(p->wish));
    podoverrides_agent(p, c);
    return c;
}

static json_t *
pod_spec(struct pod_parts *p, json_t *container)
{
    json_t *spec =
        json_pack("{s:s,s:[o]}", "restartPolicy", "Never", "containers", container);

    if (json_array_size(p->volumes) > 0)
        json_object_set(spec, "volumes", p->volumes);
    if (json_array_size(p->init) > 0)
        json_object_set(spec, "initContainers", p->init);
    podoverrides_pod(p, spec);
    return spec;
}

static json_t *
job_object(struct pod_parts *p, json_t *container)
{
    const struct job_wish *w = p->wish;
    json_t *deadline = json_object_get(w->task->pod_overrides, "activeDeadlineSeconds");
    json_t *spec =
        json_pack("{s:i}", "backoffLimit", p->profile->retry_disruption ? 1 : 0);

    if (p->profile->retry_disruption)
        json_object_set_new(spec, "podFailurePolicy", failurepolicy_of(w->task));
    if (deadline != NULL)
        json_object_set(spec, "activeDeadlineSeconds", deadline);
    json_t *labels = podoverrides_labels(w->task, labels_of(w));
    json_t *metadata = owned_metadata(w, w->task->view.meta.name);
    json_object_set(metadata, "labels", labels);
    json_object_set_new(spec, "template",
                        json_pack("{s:{s:o},s:o}", "metadata", "labels", labels, "spec",
                                  pod_spec(p, container)));
    return json_pack("{s:s,s:s,s:o,s:o}", "apiVersion", "batch/v1", "kind", "Job",
                     "metadata", metadata, "spec", spec);
}

static int
fill(struct pod_parts *p, int agent, struct err *e)
{
    const struct task_view *t = p->wish->task;

    if (agent < 0)
        return err_set(e, ERR_INVALID, "unsupported agent type: %s",
                       t->type != NULL ? t->type : "");
    if (strlen(t->view.meta.name) > 63)
        return err_set(e, ERR_INVALID,
                       "the Task's name has %zu characters, a Job's may have 63",
                       strlen(t->view.meta.name));
    if (workspace_add(p, e) < 0 || agentconfig_add(p, e) < 0 ||
        podoverrides_check(t, job_policy_of(p->wish)->refused, e) < 0)
        return -1;
    return add_env(p, agent, e);
}

int
job_build(const struct job_wish *w, struct job_wanted *out, struct err *e)
{
    int agent = agent_type_parse(w->task->type);
    struct pod_parts p = {
        .wish = w,
        .profile = profile_of(w->task->view.meta.profile),
        .volumes = json_array(),
        .init = json_array(),
        .mounts = json_array(),
        .env = json_array(),
        .config_maps = json_array(),
        .content = json_object(),
    };
    int result = fill(&p, agent, e);

    *out = (struct job_wanted){NULL, NULL};
    if (result == 0) {
        out->job = job_object(&p, agent_container(&p, agent));
        out->config_maps = json_incref(p.config_maps);
    }
    json_decref(p.volumes);
    json_decref(p.init);
    json_decref(p.mounts);
    json_decref(p.env);
    json_decref(p.config_maps);
    json_decref(p.content);
    json_decref(p.mcp);
    return result;
}

void
job_wanted_free(struct job_wanted *w)
{
    json_decref(w->config_maps);
    json_decref(w->job);
    *w = (struct job_wanted){NULL, NULL};
}
