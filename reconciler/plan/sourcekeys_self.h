/* sourcekeys_self.h - inside sourcekeys.h: the table, and the server's own pair. */
#ifndef KELOS_RECONCILER_SOURCEKEYS_SELF_H
#define KELOS_RECONCILER_SOURCEKEYS_SELF_H

#include "common/bus/buskey.h"
#include "reconciler/plan/sourcekeys.h"

struct source_keys {
    struct shard *shard;
    bool enabled;
    char listener[32];    /* "bus-0" */
    zhashx_t *by_uid;     /* uid -> struct source_key; owned */
    zhashx_t *by_public;  /* Z85 -> the same */
    zhashx_t *by_user;    /* user id on the bus -> the same */
    struct buskey server; /* "" : not known yet */
    bool asking;          /* for it */
    bool listening;
    unsigned failures; /* in a row */
};

/* For struct worker_keys; arg: the table. */
bool source_keys_known(void *arg, const char *public_key, char *user_id);
bool source_keys_stands(void *arg, const char *user_id);

/* ---- serverkey.c ---- */

/* Reads the server's pair from its Secret, or makes both; then the bus listens. Begins once,
 * and again by itself after a failure. */
void serverkey_ask(struct source_keys *k);

#endif
