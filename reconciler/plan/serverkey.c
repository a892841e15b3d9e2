/* serverkey.c - the pair that the controller proves itself with, one for each installation: in
 * the Secret kelos-bus-server of its own namespace, made by whoever needs it first, and looked at
 * once a minute from then on. */
#include "reconciler/plan/sourcekeys_self.h"

#include "common/base64.h"
#include "common/log.h"
#include "reconciler/plan/sources_self.h"

#define SECRET_NAME "kelos-bus-server"
#define PUBLIC_FIELD "public-key"
#define PRIVATE_FIELD "secret-key"
#define RETRY_FIRST_MS 1000
#define RETRY_CAP_MS 30000
#define LOOK_MS 60000 /* how often the Secret is looked at once it was read */

static void read_secret(struct source_keys *k);
static void look_later(struct source_keys *k);

static const char *
own_namespace(const struct shard *s)
{
    const char *own = getenv("POD_NAMESPACE");

    return own != NULL && *own != '\0' ? own : kube_namespace(s->kube);
}

static void
on_retry(void *arg, struct worker *w)
{
    (void)w;
    read_secret(arg);
}

static void
retry(struct source_keys *k, const char *why)
{
    unsigned shift = k->failures < 5 ? k->failures : 5;
    int64_t delay = (int64_t)RETRY_FIRST_MS << shift;

    k->failures++;
    log_warn(NULL, "Secret %s/%s: %s", own_namespace(k->shard), SECRET_NAME, why);
    worker_after(k->shard->worker, delay < RETRY_CAP_MS ? delay : RETRY_CAP_MS, on_retry,
                 k);
}

/* ---- it is there ---- */

static void
queue_again(void *arg, struct view *v)
{
    shard_add_spawner(arg, v->meta.profile, v->meta.ns, v->meta.name);
}

static void
open_door(struct source_keys *k)
{
    const struct worker_keys keys = {
        .known = source_keys_known, .stands = source_keys_stands, .arg = k};
    struct shard *s = k->shard;
    struct err e = ERR_INIT;

    k->asking = false;
    if (worker_bind_keys(s->worker, s->sources->bus, k->listener, k->server.secret_key,
                         &keys, &e) < 0) {
        worker_fail(s->worker, &e);
        return;
    }
    k->listening = true;
    look_later(k);
    store_each(s->store, KIND_TASK_SPAWNER, queue_again, s);
    shard_work(s);
}

static int
field(const json_t *secret, const char *name, char *out, struct err *e)
{
    SCOPED(buf) struct buf text = {.limit = 256};
    const char *coded =
        json_string_value(json_object_get(json_object_get(secret, "data"), name));
    int rc = 0;

    if (coded == NULL || base64_decode(&text, coded, strlen(coded), e) < 0 ||
        !buskey_valid(buf_str(&text)))
        rc = err_set(
            e, ERR_INVALID,
            "data.%s is not 40 characters of Z85; delete the Secret to have a new "
            "pair made",
            name);
    else
        snprintf(out, BUSKEY_SIZE, "%s", buf_str(&text));
    buf_wipe(&text);
    return rc;
}

static int
take_pair(struct buskey *out, const json_t *secret, struct err *e)
{
    struct buskey pair;
    char follows[BUSKEY_SIZE] = "";
    int rc = -1;

    if (field(secret, PUBLIC_FIELD, pair.public_key, e) == 0 &&
        field(secret, PRIVATE_FIELD, pair.secret_key, e) == 0 &&
        buskey_public_of(pair.secret_key, follows, e) == 0) {
        rc =
            strcmp(follows, pair.public_key) == 0
                ? 0
                : err_set(e, ERR_INVALID,
                          "its two keys are no pair; delete the Secret to have a new one "
                          "made");
        if (rc == 0)
            *out = pair;
    }
    buskey_wipe(&pair);
    return rc;
}

/* ---- making it ---- */

static void
add_field(json_t *data, const char *name, const char *key)
{
    SCOPED(buf) struct buf text = BUF_INIT;

    base64_encode(&text, key, strlen(key));
    json_object_set_new(data, name, json_string(buf_str(&text)));
    buf_wipe(&text);
}

static json_t *
secret_object(const struct source_keys *k, const struct buskey *pair)
{
    json_t *data = json_object();

    add_field(data, PUBLIC_FIELD, pair->public_key);
    add_field(data, PRIVATE_FIELD, pair->secret_key);
    return json_pack("{s:s,s:s,s:{s:s,s:s,s:{s:s,s:s}},s:s,s:o}", "apiVersion", "v1",
                     "kind", "Secret", "metadata", "name", SECRET_NAME, "namespace",
                     own_namespace(k->shard), "labels", "app.kubernetes.io/name", "kelos",
                     "app.kubernetes.io/managed-by", "kelos-controller", "type", "Opaque",
                     "data", data);
}

/* Made, or another shard was faster: either way the server says what it is. */
static void
on_created(void *arg, const struct kube_result *r)
{
    struct source_keys *k = arg;

    if (r->err.code == ERR_NONE || r->err.code == ERR_EXISTS)
        read_secret(k);
    else
        retry(k, r->err.text);
}

static int
write_secret(struct source_keys *k, const struct buskey *pair, kube_done_fn *done,
             struct err *e)
{
    SCOPED(json) json_t *body = secret_object(k, pair);
    const struct kube_request q = {.verb = KUBE_CREATE,
                                   .res = kube_res(KUBE_SECRETS),
                                   .ns = own_namespace(k->shard),
                                   .name = SECRET_NAME,
                                   .body = body,
                                   .secret = true,
                                   .repeat = KUBE_REPEAT_NAMED};

    return kube_call(k->shard->kube, &q, done, k, e) != NULL ? 0 : -1;
}

static void
make_secret(struct source_keys *k)
{
    struct buskey pair;
    struct err e = ERR_INIT;

    if (buskey_make(&pair, &e) < 0 || write_secret(k, &pair, on_created, &e) < 0)
        retry(k, e.text);
    buskey_wipe(&pair);
}

static void
on_read(void *arg, const struct kube_result *r)
{
    struct source_keys *k = arg;
    struct err e = ERR_INIT;

    if (r->err.code == ERR_NOT_FOUND)
        make_secret(k);
    else if (r->err.code != ERR_NONE)
        retry(k, r->err.text);
    else if (take_pair(&k->server, r->body, &e) < 0)
        retry(k, e.text);
    else
        open_door(k);
}

static int
get_secret(struct source_keys *k, kube_done_fn *done, struct err *e)
{
    const struct kube_request q = {.verb = KUBE_GET,
                                   .res = kube_res(KUBE_SECRETS),
                                   .ns = own_namespace(k->shard),
                                   .name = SECRET_NAME,
                                   .secret = true};

    return kube_call(k->shard->kube, &q, done, k, e) != NULL ? 0 : -1;
}

static void
read_secret(struct source_keys *k)
{
    struct err e = ERR_INIT;

    if (get_secret(k, on_read, &e) < 0)
        retry(k, e.text);
}

/* ---- afterwards: one that was deleted is put back as it was, for the Pods know its public half;
 * one that holds another pair is taken up by a new start ---- */

static void
on_put_back(void *arg, const struct kube_result *r)
{
    struct source_keys *k = arg;

    if (r->err.code == ERR_NONE)
        log_warn(NULL, "Secret %s/%s was deleted: put back with the same keys",
                 own_namespace(k->shard), SECRET_NAME);
    else if (r->err.code != ERR_EXISTS) /* another shard was faster */
        log_warn(NULL, "Secret %s/%s: %s", own_namespace(k->shard), SECRET_NAME,
                 r->err.text);
}

static void
compare(struct source_keys *k, const json_t *secret)
{
    struct buskey pair = {.public_key = ""};
    struct err e = ERR_INIT, other = ERR_INIT;

    if (take_pair(&pair, secret, &e) < 0)
        log_warn(NULL, "Secret %s/%s: %s; going on with the pair it had",
                 own_namespace(k->shard), SECRET_NAME, e.text);
    else if (strcmp(pair.public_key, k->server.public_key) != 0) {
        err_set(&other, ERR_CONFLICT,
                "Secret %s/%s holds another pair of keys: starting anew with it",
                own_namespace(k->shard), SECRET_NAME);
        worker_fail(k->shard->worker, &other);
    }
    buskey_wipe(&pair);
}

static void
on_looked(void *arg, const struct kube_result *r)
{
    struct source_keys *k = arg;
    struct err e = ERR_INIT;

    if (r->err.code == ERR_NONE)
        compare(k, r->body);
    else if (r->err.code != ERR_NOT_FOUND)
        log_warn(NULL, "Secret %s/%s: %s", own_namespace(k->shard), SECRET_NAME,
                 r->err.text);
    else if (write_secret(k, &k->server, on_put_back, &e) < 0)
        log_warn(NULL, "Secret %s/%s: %s", own_namespace(k->shard), SECRET_NAME, e.text);
    look_later(k);
}

static void
on_look(void *arg, struct worker *w)
{
    struct source_keys *k = arg;
    struct err e = ERR_INIT;

    (void)w;
    if (!k->shard->leader || k->shard->stopping || get_secret(k, on_looked, &e) < 0)
        look_later(k);
}

static void
look_later(struct source_keys *k)
{
    worker_after(k->shard->worker, LOOK_MS, on_look, k);
}

void
serverkey_ask(struct source_keys *k)
{
    if (k->asking)
        return;
    k->asking = true;
    read_secret(k);
}
