/* inputs.c - see inputs.h. */
#include "reconciler/job/inputs.h"

#include <stdlib.h>
#include <string.h>

#include "common/data/apptoken.h"
#include "reconciler/job/mcp.h"
#include "reconciler/job/skills.h"

#define KEY_MAX 300

static void
make_key(char *out, const char *kind, const char *name)
{
    snprintf(out, KEY_MAX, "%s/%s", kind, name);
}

/* ---- what is wanted ---- */

static void
want(void *arg, const char *kind, const char *name)
{
    json_t *wanted = arg;
    char key[KEY_MAX];

    make_key(key, kind, name);
    for (size_t i = 0; i < json_array_size(wanted); i++)
        if (strcmp(json_string_value(json_array_get(wanted, i)), key) == 0)
            return;
    json_array_append_new(wanted, json_string(key));
}

json_t *
inputs_wanted(const struct agentconfig_view *a)
{
    json_t *wanted = json_array();

    if (a == NULL)
        return wanted;
    for (size_t i = 0; i < a->n_skills; i++)
        if (a->skills[i].secret != NULL)
            want(wanted, INPUT_SECRET, a->skills[i].secret);
    mcp_references(a->mcp, want, wanted);
    return wanted;
}

/* ---- what is there ---- */

json_t *
inputs_data(const json_t *values, const char *kind, const char *name)
{
    char key[KEY_MAX];

    make_key(key, kind, name);
    return json_object_get(json_object_get(values, key), "data");
}

bool
inputs_has(const json_t *values, const char *kind, const char *name)
{
    char key[KEY_MAX];

    make_key(key, kind, name);
    return json_is_object(json_object_get(values, key));
}

struct secret *
inputs_value(const json_t *values, const char *kind, const char *name, const char *key)
{
    char at[KEY_MAX];

    make_key(at, kind, name);
    const json_t *object = json_object_get(values, at);
    const json_t *data = json_object_get(object, "data");
    if (strcmp(kind, INPUT_SECRET) == 0)
        return secret_value(data, key);
    const json_t *text = json_object_get(data, key);
    if (json_is_string(text))
        return secret_new(json_string_value(text), json_string_length(text));
    return secret_value(json_object_get(object, "binaryData"), key);
}

int
inputs_check(const struct agentconfig_view *a, const json_t *values, const char **reason,
             struct err *e)
{
    if (a == NULL)
        return 0;
    *reason = "SkillsAuthSecretFailed";
    if (skills_check(a, values, e) < 0)
        return err_wrap(e, "Failed to validate skills auth secret");
    *reason = "MCPSecretFailed";
    SCOPED(json) json_t *servers = mcp_resolve(a->mcp, values, e);
    return servers != NULL ? 0 : err_wrap(e, "Failed to resolve MCP server secret");
}

/* ---- reading ---- */

struct inputs_read {
    struct kube *kube;
    char *ns;
    json_t *wanted, *values;
    size_t next;
    struct kube_call *call;
    inputs_read_fn *done;
    void *arg;
};

static int read_next(struct inputs_read *r, struct err *e);

static void
on_read(void *arg, const struct kube_result *res)
{
    struct inputs_read *r = arg;
    const char *key = json_string_value(json_array_get(r->wanted, r->next));
    struct err e = res->err;

    r->call = NULL;
    if (res->err.code == ERR_NONE) {
        json_object_set(r->values, key, res->body);
    } else if (res->err.code == ERR_NOT_FOUND) {
        json_object_set_new(r->values, key, json_null());
    } else {
        err_wrap(&e, "reading %s", key);
        r->done(r->arg, NULL, &e);
        return;
    }
    e = (struct err)ERR_INIT;
    r->next++;
    if (r->next == json_array_size(r->wanted))
        r->done(r->arg, r->values, &e);
    else if (read_next(r, &e) < 0)
        r->done(r->arg, NULL, &e);
}

static int
read_next(struct inputs_read *r, struct err *e)
{
    const char *key = json_string_value(json_array_get(r->wanted, r->next));
    bool secret = strncmp(key, INPUT_SECRET "/", sizeof INPUT_SECRET) == 0;
    const struct kube_request q = {.verb = KUBE_GET,
                                   .res =
                                       kube_res(secret ? KUBE_SECRETS : KUBE_CONFIG_MAPS),
                                   .ns = r->ns,
                                   .name = strchr(key, '/') + 1,
                                   .secret = true};

    r->call = kube_call(r->kube, &q, on_read, r, e);
    return r->call != NULL ? 0 : err_wrap(e, "reading %s", key);
}

struct inputs_read *
inputs_read_start(struct kube *k, const char *ns, json_t *wanted, inputs_read_fn *done,
                  void *arg, struct err *e)
{
    struct inputs_read *r = calloc(1, sizeof *r);

    if (r == NULL || (r->ns = strdup(ns)) == NULL)
        abort();
    r->kube = k;
    r->wanted = json_incref(wanted);
    r->values = json_object();
    r->done = done;
    r->arg = arg;
    if (read_next(r, e) == 0)
        return r;
    inputs_read_free(r);
    return NULL;
}

void
inputs_read_free(struct inputs_read *r)
{
    if (r == NULL)
        return;
    if (r->call != NULL)
        kube_cancel(r->call);
    json_decref(r->wanted);
    json_decref(r->values);
    free(r->ns);
    free(r);
}
