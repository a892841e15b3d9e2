/* podoverrides.c - see podoverrides.h. */
#include "reconciler/job/podoverrides.h"

#include <string.h>

#include "common/macros.h"
#include "reconciler/job/failurepolicy.h"

#define FS_GROUP 61100
#define RESERVED_PREFIX "kelos-"

static const char *const init_names[] = {"git-clone",    "remote-setup",
                                         "branch-setup", "workspace-files",
                                         "plugin-setup", "skills-install"};

static json_t *
override(const struct task_view *t, const char *member)
{
    return json_object_get(t->pod_overrides, member);
}

/* Absent, null and empty lists, maps and texts all mean: not set. */
static bool
given(const json_t *v)
{
    if (json_is_array(v))
        return json_array_size(v) > 0;
    if (json_is_object(v))
        return json_object_size(v) > 0;
    return v != NULL && !json_is_null(v) &&
           !(json_is_string(v) && json_string_length(v) == 0);
}

/* ---- checks ---- */

static bool
is_prefixed(const char *name)
{
    return strncmp(name, RESERVED_PREFIX, strlen(RESERVED_PREFIX)) == 0;
}

/* Whether an entry of the list before `end` has the name. */
static bool
named_before(const json_t *list, size_t end, const char *name)
{
    for (size_t i = 0; i < end; i++)
        if (strcmp(json_str_or(json_array_get(list, i), "name", ""), name) == 0)
            return true;
    return false;
}

static int
check_volumes(const json_t *volumes, struct err *e)
{
    for (size_t i = 0; i < json_array_size(volumes); i++) {
        const char *name = json_str_or(json_array_get(volumes, i), "name", "");
        if (is_prefixed(name))
            return err_set(
                e, ERR_INVALID,
                "podOverrides.volumes: \"%s\" uses the reserved \"kelos-\" volume name "
                "prefix",
                name);
        if (strcmp(name, "workspace") == 0)
            return err_set(
                e, ERR_INVALID,
                "podOverrides.volumes: \"workspace\" is a Kelos-reserved volume name");
        if (named_before(volumes, i, name))
            return err_set(e, ERR_INVALID,
                           "podOverrides.volumes: duplicate volume name \"%s\"", name);
    }
    return 0;
}

static bool
is_built_in(const struct task_view *t, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(init_names); i++)
        if (strcmp(init_names[i], name) == 0)
            return true;
    return t->type != NULL && strcmp(t->type, name) == 0;
}

static int
check_containers(const struct task_view *t, const char *member, struct err *e)
{
    const json_t *list = override(t, member);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_str_or(json_array_get(list, i), "name", "");
        if (*name == '\0')
            return err_set(e, ERR_INVALID, "podOverrides.%s[%zu]: the name is empty",
                           member, i);
        if (is_prefixed(name))
            return err_set(
                e, ERR_INVALID,
                "podOverrides: \"%s\" uses the reserved \"kelos-\" container name prefix",
                name);
        if (is_built_in(t, name))
            return err_set(e, ERR_INVALID,
                           "podOverrides: \"%s\" is a Kelos-reserved container name",
                           name);
        if (named_before(list, i, name))
            return err_set(e, ERR_INVALID,
                           "podOverrides: duplicate container name \"%s\"", name);
    }
    return 0;
}

static int
check_both(const struct task_view *t, struct err *e)
{
    const json_t *beside = override(t, "extraContainers"),
                 *before = override(t, "extraInitContainers");

    for (size_t i = 0; i < json_array_size(beside); i++) {
        const char *name = json_str_or(json_array_get(beside, i), "name", "");
        if (named_before(before, json_array_size(before), name))
            return err_set(
                e, ERR_INVALID,
                "podOverrides: container name \"%s\" appears in both extraContainers and "
                "extraInitContainers",
                name);
    }
    return 0;
}

/* Whether something is set at the dotted path (size bytes); a list is asked entry by entry. */
static bool
set_at(const json_t *v, const char *path, size_t size)
{
    char name[64];
    size_t part = 0;

    if (json_is_array(v) && size > 0) {
        for (size_t i = 0; i < json_array_size(v); i++)
            if (set_at(json_array_get(v, i), path, size))
                return true;
        return false;
    }
    if (size == 0)
        return given(v) && !json_is_false(v);
    while (part < size && path[part] != '.')
        part++;
    snprintf(name, sizeof name, "%.*s", (int)part, path);
    size_t used = part < size ? part + 1 : part;
    return set_at(json_object_get(v, name), path + used, size - used);
}

/* What the controller's owner does not leave to those who write Tasks. */
static int
check_refused(const struct task_view *t, const char *refused, struct err *e)
{
    for (const char *at = refused; at != NULL && *at != '\0';) {
        size_t size = strcspn(at, ",");
        if (size > 0 && set_at(t->pod_overrides, at, size))
            return err_set(e, ERR_INVALID,
                           "podOverrides.%.*s: refused by this controller "
                           "(--refuse-pod-overrides)",
                           (int)size, at);
        at += size + (at[size] == ',');
    }
    return 0;
}

int
podoverrides_check(const struct task_view *t, const char *refused, struct err *e)
{
    if (check_refused(t, refused, e) < 0 ||
        check_volumes(override(t, "volumes"), e) < 0 ||
        check_containers(t, "extraContainers", e) < 0 ||
        check_containers(t, "extraInitContainers", e) < 0 || check_both(t, e) < 0)
        return -1;
    return failurepolicy_check(t, e);
}

/* ---- places ---- */

void
podoverrides_volumes(struct pod_parts *p)
{
    const struct task_view *t = p->wish->task;

    json_array_extend(p->volumes, override(t, "volumes"));
    json_array_extend(p->mounts, override(t, "volumeMounts"));
}

void
podoverrides_agent(const struct pod_parts *p, json_t *container)
{
    static const char *const members[][2] = {
        {"resources", "resources"}, {"containerSecurityContext", "securityContext"}};

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *value = override(p->wish->task, members[i][0]);
        if (value != NULL)
            json_object_set(container, members[i][1], value);
    }
}

/* Files of the checkout belong to the agent's group also when the user says how it runs. */
static json_t *
security_context(const struct pod_parts *p)
{
    json_t *given_one = override(p->wish->task, "podSecurityContext");
    bool workspace = p->wish->workspace != NULL;

    if (!json_is_object(given_one))
        return workspace ? json_pack("{s:i}", "fsGroup", FS_GROUP) : NULL;
    json_t *context = json_deep_copy(given_one);
    if (workspace && !given(json_object_get(context, "fsGroup")))
        json_object_set_new(context, "fsGroup", json_integer(FS_GROUP));
    return context;
}

static void
append(json_t *spec, const char *member, const json_t *list)
{
    json_t *all = json_object_get(spec, member);

    if (json_array_size(list) == 0)
        return;
    if (all == NULL)
        json_object_set_new(spec, member, all = json_array());
    json_array_extend(all, (json_t *)list);
}

void
podoverrides_pod(const struct pod_parts *p, json_t *spec)
{
    static const char *const verbatim[] = {"nodeSelector", "tolerations", "affinity",
                                           "imagePullSecrets", "serviceAccountName"};
    const struct task_view *t = p->wish->task;
    json_t *context = security_context(p);

    for (size_t i = 0; i < ARRAY_LEN(verbatim); i++)
        if (given(override(t, verbatim[i])))
            json_object_set(spec, verbatim[i], override(t, verbatim[i]));
    /* The token of an account is mounted only for those who ask for an account. */
    if (!given(override(t, "serviceAccountName")))
        json_object_set_new(spec, "automountServiceAccountToken", json_false());
    if (context != NULL)
        json_object_set_new(spec, "securityContext", context);
    append(spec, "containers", override(t, "extraContainers"));
    append(spec, "initContainers", override(t, "extraInitContainers"));
}

json_t *
podoverrides_labels(const struct task_view *t, json_t *built_in)
{
    json_t *user = override(t, "labels");
    json_t *all = json_is_object(user) ? json_copy(user) : json_object();

    json_object_update(all, built_in);
    json_decref(built_in);
    return all;
}
