/* taskdoc.c - see taskdoc.h. */
#include "cli/taskdoc.h"
#include "cli/dialect.h"

#include <ctype.h>
#include <string.h>

#include "common/value/duration.h"
#include "common/data/json.h"
#include "common/kube/kube.h"

#define NS_PER_S 1000000000

int64_t
taskdoc_timeout(const char *text, struct err *e)
{
    int64_t ns;

    if (text[0] == '\0')
        return 0;
    if (duration_parse(text, &ns) < 0)
        return err_set(e, ERR_INVALID, "--timeout \"%s\": expected e.g. 90s, 30m, 1h30m",
                       text);
    if (ns < NS_PER_S)
        return err_set(e, ERR_INVALID, "--timeout must be 1s or more, not %s", text);
    return ns / NS_PER_S;
}

static void
set_env(json_t *list, json_t *entry)
{
    const char *name = json_str_or(entry, "name", "");

    for (size_t i = json_array_size(list); i-- > 0;)
        if (strcmp(json_str_or(json_array_get(list, i), "name", ""), name) == 0)
            json_array_remove(list, i);
    json_array_append_new(list, entry);
}

static bool
is_env_name(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_')
        return false;
    for (; *name != '\0'; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

/* {name, valueFrom: {secretKeyRef | configMapKeyRef: {name, key}}} */
static const char *
bad_reference(const json_t *from)
{
    const json_t *secret = json_at(from, "secretKeyRef"),
                 *map = json_at(from, "configMapKeyRef");
    const json_t *ref = secret != NULL ? secret : map;

    if ((secret == NULL) == (map == NULL))
        return "valueFrom needs one of secretKeyRef and configMapKeyRef";
    if (json_str_or(ref, "name", "")[0] == '\0' || json_str_or(ref, "key", "")[0] == '\0')
        return "valueFrom needs name and key";
    return NULL;
}

static int
add_configured(json_t *list, const json_t *entry, size_t index, struct err *e)
{
    const char *name = json_str_or(entry, "name", "");
    const json_t *value = json_at(entry, "value"), *from = json_at(entry, "valueFrom");
    const char *why = NULL;
    SCOPED(string) char *text = NULL;
    SCOPED(json) json_t *made = json_object();

    if (!is_env_name(name))
        why = "name is missing or no name of a variable";
    else if ((value == NULL) == (from == NULL))
        why = "needs one of value and valueFrom";
    else if (from != NULL)
        why = bad_reference(from);
    else if (json_is_object(value) || json_is_array(value))
        why = "value must be a text";
    if (why != NULL)
        return err_set(e, ERR_INVALID, "config: env[%zu]: %s", index, why);
    json_object_set_new(made, "name", json_string(name));
    if (from != NULL)
        json_object_set(made, "valueFrom", (json_t *)from);
    else if (json_is_string(value))
        json_object_set(made, "value", (json_t *)value);
    else
        json_object_set_new(made, "value",
                            json_string((text = json_dumps(value, JSON_ENCODE_ANY))));
    set_env(list, TAKE(made));
    return 0;
}

json_t *
taskdoc_env(const json_t *configured, char *const *texts, size_t count, struct err *e)
{
    SCOPED(json) json_t *list = json_array();

    for (size_t i = 0; i < json_array_size(configured); i++)
        if (add_configured(list, json_array_get(configured, i), i, e) < 0)
            return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(texts[i], '=');

        if (equals == NULL || equals == texts[i]) {
            err_set(e, ERR_INVALID, "--env \"%s\": expected NAME=VALUE", texts[i]);
            return NULL;
        }
        json_t *entry = json_object();
        json_object_set_new(entry, "name",
                            json_stringn(texts[i], (size_t)(equals - texts[i])));
        if (equals[1] != '\0')
            json_object_set_new(entry, "value", json_string(equals + 1));
        set_env(list, entry);
    }
    return TAKE(list);
}

static void
put_text(json_t *o, const char *path, const char *text)
{
    if (text != NULL && text[0] != '\0')
        json_put_str(o, path, text);
}

static json_t *
strings(char *const *texts, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static void
put_configs(json_t *o, const struct taskdoc *t)
{
    if (t->n_agent_configs == 1) {
        put_text(o, "spec.agentConfigRef.name", t->agent_configs[0]);
    } else if (t->n_agent_configs > 1) {
        json_t *list = json_array();

        for (size_t i = 0; i < t->n_agent_configs; i++)
            json_array_append_new(list, json_pack("{s:s}", "name", t->agent_configs[i]));
        json_put(o, "spec.agentConfigRefs", list);
    }
}

json_t *
taskdoc_build(const struct taskdoc *t)
{
    json_t *o = json_object();
    char version[64];

    json_put_str(o, "apiVersion",
                 kube_api_version(dialect_res(KUBE_TASKS), version, sizeof(version)));
    json_put_str(o, "kind", "Task");
    json_put_str(o, "metadata.name", t->name);
    json_put_str(o, "metadata.namespace", t->ns);
    json_put_str(o, "spec.type", t->type);
    json_put_str(o, "spec.prompt", t->prompt);
    json_put_str(o, "spec.credentials.type", t->credential_type);
    put_text(o, "spec.credentials.secretRef.name", t->secret);
    put_text(o, "spec.model", t->model);
    put_text(o, "spec.effort", t->effort);
    put_text(o, "spec.image", t->image);
    put_text(o, "spec.branch", t->branch);
    put_text(o, "spec.workspaceRef.name", t->workspace);
    put_configs(o, t);
    if (t->n_depends_on > 0)
        json_put(o, "spec.dependsOn", strings(t->depends_on, t->n_depends_on));
    if (t->timeout_s > 0)
        json_put_int(o, "spec.podOverrides.activeDeadlineSeconds", t->timeout_s);
    if (json_array_size(t->env) > 0)
        json_put(o, "spec.podOverrides.env", json_incref((json_t *)t->env));
    json_object_set_new(o, "status", json_object());
    return o;
}
