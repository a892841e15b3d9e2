/* upsert.c - see upsert.h. */
#include "cli/upsert.h"
#include "cli/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/data/json.h"

#define OWN_TRIES 4
#define REFUSED "not replaced; nothing created (use --yes to skip this question)"

/* Whether the base64 text is the value. */
static bool
holds(const char *base64, const char *value)
{
    struct buf encoded = BUF_INIT;
    bool same = base64_encode(&encoded, value, strlen(value)) == 0 &&
                strcmp(base64, buf_str(&encoded)) == 0;

    buf_wipe(&encoded);
    return same;
}

size_t
upsert_differences(const json_t *data, const json_t *values, size_t *missing,
                   struct buf *names)
{
    const char *key;
    json_t *value;
    size_t count = 0;

    *missing = 0;
    json_object_foreach((json_t *)values, key, value)
    {
        const json_t *there = json_object_get(data, key);

        if (json_is_string(there) &&
            holds(json_string_value(there), json_string_value(value)))
            continue;
        if (there == NULL)
            ++*missing;
        buf_printf(names, "%s%s", count++ > 0 ? ", " : "", key);
    }
    return count;
}

json_t *
upsert_secret_object(const char *ns, const char *name, const json_t *values)
{
    json_t *o = cli_object(kube_res(KUBE_SECRETS), ns, name);

    cli_mark(o);
    json_object_set(o, "stringData", (json_t *)values);
    return o;
}

int
upsert_secret(struct cli *c, const char *ns, const char *name, const json_t *values,
              bool yes, struct err *e)
{
    const struct kube_resource *res = kube_res(KUBE_SECRETS);
    struct kube_request get = {
        .verb = KUBE_GET, .res = res, .ns = ns, .name = name, .secret = true};
    SCOPED(json) json_t *there = NULL;
    SCOPED(buf) struct buf names = BUF_INIT, question = BUF_INIT;
    struct err why = ERR_INIT;
    size_t missing;

    if (cli_call(c, &get, &there, NULL, &why) < 0) {
        if (why.code != ERR_NOT_FOUND) {
            *e = why;
            return -1;
        }
        SCOPED(json) json_t *made = upsert_secret_object(ns, name, values);
        struct kube_request create = {.verb = KUBE_CREATE,
                                      .res = res,
                                      .ns = ns,
                                      .name = name,
                                      .body = made,
                                      .secret = true};
        return cli_call(c, &create, NULL, NULL, e);
    }
    size_t count =
        upsert_differences(json_object_get(there, "data"), values, &missing, &names);
    if (count == 0)
        return 0;
    if (count > missing) {
        buf_printf(&question, "secret/%s holds another %s. Replace it?", name,
                   buf_str(&names));
        if (!yes && !cli_ask(buf_str(&question)))
            return err_set(e, ERR_INVALID, REFUSED);
    }
    json_object_set(there, "stringData", (json_t *)values);
    struct kube_request put = {.verb = KUBE_UPDATE,
                               .res = res,
                               .ns = ns,
                               .name = name,
                               .body = there,
                               .secret = true};
    return cli_call(c, &put, NULL, NULL, e);
}

/* Whether every field of `spec` has the same value in `there`. */
static bool
has_fields(const json_t *there, const json_t *spec)
{
    const char *key;
    json_t *value;

    json_object_foreach(
        (json_t *)spec, key,
        value) if (!json_equal(json_object_get(there, key), value)) return false;
    /* A reference or a branch that the configuration no longer names is a difference. */
    return (json_object_get(spec, "ref") != NULL ||
            json_object_get(there, "ref") == NULL) &&
           (json_object_get(spec, "secretRef") != NULL ||
            json_object_get(there, "secretRef") == NULL);
}

/* ---- a Secret that goes with its Workspace ---- */

/* Puts the Workspace among the owners; one of its name that is gone makes room. Returns whether
 * anything changed. */
static bool
add_owner(json_t *secret, const json_t *workspace)
{
    const char *uid = json_str_or(workspace, "metadata.uid", "");
    const char *name = json_str_or(workspace, "metadata.name", "");
    json_t *metadata = json_object_get(secret, "metadata");
    json_t *owners = json_object_get(metadata, "ownerReferences");

    if (!json_is_array(owners)) {
        owners = json_array();
        json_object_set_new(metadata, "ownerReferences", owners);
    }
    for (size_t i = json_array_size(owners); i-- > 0;) {
        const json_t *owner = json_array_get(owners, i);

        if (strcmp(json_str_or(owner, "uid", ""), uid) == 0)
            return false;
        if (strcmp(json_str_or(owner, "kind", ""), "Workspace") == 0 &&
            strcmp(json_str_or(owner, "name", ""), name) == 0)
            json_array_remove(owners, i);
    }
    json_array_append_new(owners,
                          json_pack("{s:s,s:s,s:s,s:s}", "apiVersion",
                                    json_str_or(workspace, "apiVersion", ""), "kind",
                                    "Workspace", "name", name, "uid", uid));
    return true;
}

/* 0; -1 with ERR_NOT_FOUND or ERR_CONFLICT when it was changed or collected meanwhile. */
static int
own_once(struct cli *c, const char *ns, const char *secret, const json_t *workspace,
         struct err *e)
{
    const struct kube_resource *res = kube_res(KUBE_SECRETS);
    struct kube_request get = {
        .verb = KUBE_GET, .res = res, .ns = ns, .name = secret, .secret = true};
    SCOPED(json) json_t *there = NULL;

    if (cli_call(c, &get, &there, NULL, e) < 0)
        return -1;
    if (strcmp(json_str_or(there, "metadata.labels[app.kubernetes.io/managed-by]", ""),
               CLI_MARK) != 0 ||
        !add_owner(there, workspace))
        return 0;
    struct kube_request put = {.verb = KUBE_UPDATE,
                               .res = res,
                               .ns = ns,
                               .name = secret,
                               .body = there,
                               .secret = true};
    return cli_call(c, &put, NULL, NULL, e);
}

int
upsert_own(struct cli *c, const char *ns, const char *secret, const json_t *values,
           const json_t *workspace, struct err *e)
{
    for (int i = 1;; i++) {
        struct err why = ERR_INIT;

        if (own_once(c, ns, secret, workspace, &why) == 0)
            return 0;
        if (i == OWN_TRIES || (why.code != ERR_CONFLICT && why.code != ERR_NOT_FOUND)) {
            *e = why;
            return -1;
        }
        /* An earlier Workspace of the name may just have taken it along. */
        if (why.code == ERR_NOT_FOUND &&
            upsert_secret(c, ns, secret, values, true, e) < 0)
            return -1;
    }
}

/* ---- a Workspace ---- */

json_t *
upsert_workspace(struct cli *c, const char *ns, const char *name, const json_t *spec,
                 bool yes, struct err *e)
{
    const struct kube_resource *res = dialect_res(KUBE_WORKSPACES);
    SCOPED(json) json_t *made = cli_object(res, ns, name);
    struct kube_request create = {
        .verb = KUBE_CREATE, .res = res, .ns = ns, .name = name, .body = made};
    struct kube_request get = {.verb = KUBE_GET, .res = res, .ns = ns, .name = name};
    SCOPED(json) json_t *there = NULL;
    SCOPED(buf) struct buf question = BUF_INIT;
    struct err why = ERR_INIT;
    const char *key;
    json_t *value, *after = NULL;

    cli_mark(made);
    json_object_set(made, "spec", (json_t *)spec);
    if (cli_call(c, &create, &after, NULL, &why) == 0)
        return after;
    if (why.code != ERR_EXISTS) {
        *e = why;
        return NULL;
    }
    if (cli_call(c, &get, &there, NULL, e) < 0)
        return NULL;
    json_t *old = json_object_get(there, "spec");
    if (has_fields(old, spec))
        return TAKE(there);
    buf_printf(
        &question,
        "workspace/%s exists with another repository, ref or secret. Replace them?",
        name);
    if (!yes && !cli_ask(buf_str(&question))) {
        err_set(e, ERR_INVALID, REFUSED);
        return NULL;
    }
    json_object_del(old, "ref");
    json_object_del(old, "secretRef");
    json_object_foreach((json_t *)spec, key, value) json_object_set(old, key, value);
    struct kube_request put = {
        .verb = KUBE_UPDATE, .res = res, .ns = ns, .name = name, .body = there};
    return cli_call(c, &put, &after, NULL, e) < 0 ? NULL : after;
}
