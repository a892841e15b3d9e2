/* sourcekeys.c - see sourcekeys.h: the table. serverkey.c has the server's own pair. */
#include "reconciler/plan/sourcekeys_self.h"

#include "common/log.h"
#include "reconciler/plan/sources_self.h"

/* One TaskSpawner's key. */
struct source_key {
    char uid[65], ns[64], name[254];
    char public_key[BUSKEY_SIZE];
    char user_id[MESSAGE_ORIGIN_MAX + 1];
};

static void
source_key_free(void **item)
{
    free(*item);
    *item = NULL;
}

struct source_keys *
source_keys_new(struct shard *s, struct err *e)
{
    struct source_keys *k = calloc(1, sizeof *k);

    if (k == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    k->shard = s;
    k->by_uid = zhashx_new();
    k->by_public = zhashx_new();
    k->by_user = zhashx_new();
    zhashx_set_destructor(k->by_uid, source_key_free);
    snprintf(k->listener, sizeof k->listener, "bus-%lld", (long long)s->index);
    k->enabled = s->worker != NULL && worker_has_listener(s->worker, k->listener);
    return k;
}

void
source_keys_free(struct source_keys *k)
{
    if (k == NULL)
        return;
    zhashx_destroy(&k->by_user);
    zhashx_destroy(&k->by_public);
    zhashx_destroy(&k->by_uid);
    buskey_wipe(&k->server);
    free(k);
}

bool
source_keys_enabled(const struct shard *s)
{
    return s->keys != NULL && s->keys->enabled;
}

const char *
source_keys_server_public(struct shard *s)
{
    if (!source_keys_enabled(s))
        return NULL;
    if (*s->keys->server.public_key != '\0')
        return s->keys->server.public_key;
    serverkey_ask(s->keys);
    return NULL;
}

const char *
source_keys_of(const struct shard *s, const char *uid)
{
    const struct source_key *key =
        s->keys != NULL ? zhashx_lookup(s->keys->by_uid, uid) : NULL;

    return key != NULL ? key->public_key : NULL;
}

/* First unknown, then closed: what comes from it in between is refused. */
void
source_keys_revoke(struct shard *s, const char *uid)
{
    struct source_keys *k = s->keys;
    struct source_key *key =
        k != NULL && uid != NULL ? zhashx_lookup(k->by_uid, uid) : NULL;
    char user_id[sizeof key->user_id];

    if (key == NULL)
        return;
    log_info(NULL, "%s/%s: its spawner's key is revoked", key->ns, key->name);
    snprintf(user_id, sizeof user_id, "%s", key->user_id);
    zhashx_delete(k->by_public, key->public_key);
    zhashx_delete(k->by_user, user_id);
    zhashx_delete(k->by_uid, uid);
    if (s->sources != NULL)
        bus_expel(s->sources->bus, user_id);
}

static int
check(const struct source_keys *k, const char *uid, const char *public_key, struct err *e)
{
    const struct source_key *other = zhashx_lookup(k->by_public, public_key);

    if (!k->enabled)
        return err_set(e, ERR_FORBIDDEN,
                       "spawners in Pods need a port to join: start the controller with "
                       "--bus-port");
    if (!buskey_valid(public_key))
        return err_set(e, ERR_INVALID, "the bus key is not 40 characters of Z85");
    if (other != NULL && strcmp(other->uid, uid) != 0)
        return err_set(e, ERR_CONFLICT, "the bus key belongs to TaskSpawner %s/%s",
                       other->ns, other->name);
    return 0;
}

/* The source of a TaskSpawner hangs on its key. */
struct queue_ask {
    struct shard *shard;
    const char *uid;
};

static void
queue_if(void *arg, struct view *v)
{
    const struct queue_ask *ask = arg;

    if (strcmp(v->meta.uid, ask->uid) == 0)
        shard_add_spawner(ask->shard, v->meta.profile, v->meta.ns, v->meta.name);
}

int
source_keys_allow(struct shard *s, const char *uid, const char *ns, const char *name,
                  const char *public_key, struct err *e)
{
    struct source_keys *k = s->keys;
    struct source_key *key = zhashx_lookup(k->by_uid, uid);
    char worker[BUSKEY_WORKER_SIZE];
    struct peer peer;

    if (check(k, uid, public_key, e) < 0)
        return -1;
    if (key != NULL && strcmp(key->public_key, public_key) == 0)
        return 0;
    source_keys_revoke(s, uid);
    if ((key = calloc(1, sizeof *key)) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    buskey_worker(public_key, worker);
    peer_format(&peer, ROLE_SPAWNER, worker, 1);
    snprintf(key->uid, sizeof key->uid, "%s", uid);
    snprintf(key->ns, sizeof key->ns, "%s", ns);
    snprintf(key->name, sizeof key->name, "%s", name);
    snprintf(key->public_key, sizeof key->public_key, "%s", public_key);
    snprintf(key->user_id, sizeof key->user_id, "%s", peer.user_id);
    zhashx_insert(k->by_uid, uid, key);
    zhashx_insert(k->by_public, public_key, key);
    zhashx_insert(k->by_user, key->user_id, key);
    (void)source_keys_server_public(s);
    store_each(s->store, KIND_TASK_SPAWNER, queue_if, &(struct queue_ask){s, uid});
    return 0;
}

/* ---- who asks: the zap handler and the bus ---- */

bool
source_keys_known(void *arg, const char *public_key, char *user_id)
{
    const struct source_keys *k = arg;
    const struct source_key *key = zhashx_lookup(k->by_public, public_key);

    if (key != NULL)
        snprintf(user_id, MESSAGE_ORIGIN_MAX + 1, "%s", key->user_id);
    return key != NULL;
}

bool
source_keys_stands(void *arg, const char *user_id)
{
    const struct source_keys *k = arg;

    return zhashx_lookup(k->by_user, user_id) != NULL;
}
