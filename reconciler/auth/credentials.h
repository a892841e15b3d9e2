/* credentials.h - Secrets in use: read by name, kept in memory for a while, tokens exchanged.
 *
 * Nothing is listed or watched here. An entry is read again when it is older than SECRET_AGE_MS
 * or known to have changed; the keys that asked are queued when it was read. */
#ifndef KELOS_RECONCILER_CREDENTIALS_H
#define KELOS_RECONCILER_CREDENTIALS_H

#include "common/secret.h"
#include "reconciler/shard.h"

/* How long a Secret that was read is believed. */
#define SECRET_AGE_MS 60000

enum cred_kind { CRED_GITHUB, CRED_JIRA };
enum cred_state {
    CRED_PENDING, /* being read; the key comes again */
    CRED_READY,
    CRED_RETRY, /* not now: message; the key comes again */
    CRED_FAILED /* wrong as it is: message; read again after half a minute */
};

/* Borrowed until the next event. */
struct credential {
    enum cred_state state;
    bool busy;                  /* being read anew; the key comes again */
    bool app;                   /* a GitHub App: `token` was exchanged for its key */
    const struct secret *token; /* NULL: none */
    const struct secret *user;  /* Jira's; NULL: none */
    int64_t expires_ms;         /* wall, of an exchanged token; 0: unknown or never */
    int64_t renew_ms;     /* wall, of an exchanged token: when it is to be replaced */
    const char *identity; /* what makes two credentials the same: hex of a hash */
    const char *message;  /* the cause; with CRED_READY: why a token that still lives was
                                 * not renewed, or "" */
    int64_t again_ms;     /* wall: when to ask again */
};

struct credentials *credentials_new(struct shard *s);
void credentials_free(struct credentials *c);

/* The credential in Secret ns/name, for the API at `api_base` ("" : github.com). `key` is
 * queued when there is news. */
struct credential credential_get(struct credentials *c, enum cred_kind kind,
                                 const char *ns, const char *name, const char *api_base,
                                 const char *key);
/* A source says that it was refused: read it again now. */
void credential_doubt(struct credentials *c, const char *ns, const char *name);
/* The Secret has changed, appeared or gone: it is read again when it is asked for, and what was
 * good stays good until then. */
void credential_changed(struct credentials *c, const char *ns, const char *name);

/* ---- revoke.c: the tokens of Apps that nobody uses any more ---- */

/* A token of the App in Secret ns/name, for the API at api_base, that was made before this
 * process began. */
void credential_learn(struct credentials *c, const char *ns, const char *name,
                      const char *api_base, const struct secret *token,
                      int64_t expires_ms);

/* Whether anybody uses the App in Secret ns/name at that API; and whether anybody holds this
 * very token. */
struct token_users {
    bool (*app)(void *arg, const char *ns, const char *name, const char *api_base);
    bool (*token)(void *arg, const struct secret *token);
    void *arg;
};

/* Tells the forge, once each and without waiting, that the tokens of Apps without users are not
 * to be taken any more, and forgets them. A failure is logged: they end by themselves. */
void credentials_revoke(struct credentials *c, const struct token_users *users);

#endif
