/* spawnerbus.c - the Secret <name>-bus, with the key that lets the Pod of a TaskSpawner join the
 * controller as the source of that TaskSpawner and of no other. Who deletes the Secret gets a
 * new key within a minute; the one before is refused from then on. */
#include "reconciler/owner.h"
#include "reconciler/plan/spawnerpod.h"

#include <openssl/crypto.h>

#include "common/bus/buskey.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/data/apptoken.h"
#include "reconciler/plan/sourcekeys.h"

static void write_bus(struct spawner_run *r, struct buskey *key, const json_t *live);

static void
bus_name_of(const struct spawner_run *r, char *out)
{
    workload_secret_name(r->meta.name, out, 254);
}

/* The pair of KELOS_BUS_KEY, when it is for this controller; false: a new text is needed, with
 * a new pair when `key` is empty. */
static bool
usable(struct spawner_run *r, const json_t *secret, struct buskey *key)
{
    SCOPED(secret)
    struct secret *text = secret_value(json_object_get(secret, "data"), WORKLOAD_BUS_KEY);
    char server[BUSKEY_SIZE];
    struct err e = ERR_INIT;

    if (text == NULL || buskey_parse(secret_reveal(text), server, key, &e) < 0) {
        buskey_wipe(key);
        return false;
    }
    return strcmp(server, source_keys_server_public(r->shard)) == 0;
}

/* The key may join; a Pod that has another is started anew. */
static void
allow(struct spawner_run *r, struct buskey *key)
{
    struct spawner_memory *m = spawner_run_memory(r);
    char text[2 * BUSKEY_SIZE];
    struct err e = ERR_INIT;

    if (source_keys_allow(r->shard, r->meta.uid, r->meta.ns, r->meta.name,
                          key->public_key, &e) < 0) {
        buskey_wipe(key);
        spawner_pod_refuse(r, e.text);
        return;
    }
    snprintf(text, sizeof text, "%s:%s", source_keys_server_public(r->shard),
             key->public_key);
    spawner_pod_hash(text, m->pod.bus_mark, sizeof m->pod.bus_mark - 1);
    m->pod.bus_ms = clock_mono_ms();
    buskey_wipe(key);
    spawner_run_pod(r);
}

/* Reads the Secret with the TaskSpawner's keys. */
static void
get_bus(struct spawner_run *r, kube_done_fn *on_read)
{
    char name[254];
    const struct kube_request q = {.verb = KUBE_GET,
                                   .res = kube_res(KUBE_SECRETS),
                                   .ns = r->meta.ns,
                                   .name = name,
                                   .secret = true};
    struct err e = ERR_INIT;

    bus_name_of(r, name);
    if (kube_call(r->shard->kube, &q, on_read, r, &e) == NULL)
        spawner_run_fail(r, &e);
}

static void
on_bus(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    struct buskey key = {.public_key = ""};
    char name[254], why[400];
    SHARD_BUSY(r->shard, r->key);

    if (spawner_run_memory(r) == NULL) {
        spawner_run_end(r);
        return;
    }
    if (res->err.code == ERR_NOT_FOUND) {
        write_bus(r, &key, NULL);
        return;
    }
    if (res->err.code != ERR_NONE) {
        spawner_run_fail(r, &res->err);
        return;
    }
    bus_name_of(r, name);
    if (!owner_controls(res->body, r->meta.uid)) {
        snprintf(
            why, sizeof why,
            "Secret \"%s\" exists and is not of this TaskSpawner: delete it, or give "
            "the TaskSpawner another name",
            name);
        spawner_pod_refuse(r, why);
        return;
    }
    if (usable(r, res->body, &key))
        allow(r, &key);
    else
        write_bus(r, &key, res->body);
}

static void
read_bus(struct spawner_run *r)
{
    get_bus(r, on_bus);
}

static void
on_written(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    SHARD_BUSY(r->shard, r->key);

    if (res->err.code != ERR_NONE && res->err.code != ERR_EXISTS)
        spawner_run_fail(r, &res->err);
    else
        read_bus(r); /* what the server has is what counts */
}

/* Writes the text with this key, or with a new one when there is none. */
static void
write_bus(struct spawner_run *r, struct buskey *key, const json_t *live)
{
    char text[BUSKEY_TEXT_SIZE], name[254];
    struct err e = ERR_INIT;

    if (spawner_pod_took(r, POD_WROTE_BUS)) {
        err_set(&e, ERR_BUSY,
                "the Secret with the bus key does not keep what is written");
        spawner_run_fail(r, &e);
        return;
    }
    if (key->public_key[0] == '\0' && buskey_make(key, &e) < 0) {
        spawner_run_fail(r, &e);
        return;
    }
    buskey_format(source_keys_server_public(r->shard), key->secret_key, text);
    buskey_wipe(key);
    bus_name_of(r, name);
    SCOPED(json) json_t *body = workload_secret(&r->meta, text);
    const struct kube_request q = {.verb = live == NULL ? KUBE_CREATE : KUBE_PATCH_MERGE,
                                   .res = kube_res(KUBE_SECRETS),
                                   .ns = r->meta.ns,
                                   .name = name,
                                   .body = body,
                                   .secret = true,
                                   .repeat = live == NULL ? KUBE_REPEAT_NAMED
                                                          : KUBE_REPEAT_AUTO};
    OPENSSL_cleanse(text, sizeof text);
    if (live != NULL) {
        json_put_str(body, "metadata.uid", json_str_or(live, "metadata.uid", ""));
        json_put_str(body, "metadata.resourceVersion",
                     json_str_or(live, "metadata.resourceVersion", ""));
    }
    if (kube_call(r->shard->kube, &q, on_written, r, &e) == NULL)
        spawner_run_fail(r, &e);
}

void
spawner_pod_read_bus(struct spawner_run *r)
{
    if (!source_keys_enabled(r->shard))
        spawner_pod_refuse(r,
                           "a source in a Pod of its own joins the controller over tcp: "
                           "start it with --bus-port");
    else if (source_keys_server_public(r->shard) == NULL)
        spawner_run_finalize(r); /* all come again when it is there */
    else
        read_bus(r);
}

/* ---- no longer ---- */

static void
on_bus_gone(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    SHARD_BUSY(r->shard, r->key);

    if (res->err.code != ERR_NONE && res->err.code != ERR_NOT_FOUND &&
        res->err.code != ERR_GONE && res->err.code != ERR_CONFLICT)
        log_warn(r->key, "delete of the Secret with the bus key: %s", res->err.text);
    spawner_run_pod(r);
}

static void
on_bus_found(void *arg, const struct kube_result *res)
{
    struct spawner_run *r = arg;
    char name[254];
    const struct kube_request q = {.verb = KUBE_DELETE,
                                   .res = kube_res(KUBE_SECRETS),
                                   .ns = r->meta.ns,
                                   .name = name,
                                   .uid = json_str_or(res->body, "metadata.uid", ""),
                                   .secret = true};
    struct err e = ERR_INIT;
    SHARD_BUSY(r->shard, r->key);

    bus_name_of(r, name);
    if (res->err.code != ERR_NONE || !owner_controls(res->body, r->meta.uid)) {
        spawner_run_pod(r);
        return;
    }
    if (kube_call(r->shard->kube, &q, on_bus_gone, r, &e) == NULL)
        spawner_run_fail(r, &e);
}

void
spawner_pod_drop_bus(struct spawner_run *r)
{
    get_bus(r, on_bus_found);
}
