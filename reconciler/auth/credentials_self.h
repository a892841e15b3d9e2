/* credentials_self.h - inside credentials.h: what was read, and the tokens that came of it. */
#ifndef KELOS_RECONCILER_CREDENTIALS_SELF_H
#define KELOS_RECONCILER_CREDENTIALS_SELF_H

#include "reconciler/auth/credentials.h"

/* Each is renewed with little of its life left, so two live at a time; more only where the
 * source refused some, or a shard began anew often. */
#define TOKENS_ISSUED 4

/* A GitHub App's token that was given out. */
struct token_issued {
    struct secret *token; /* owned; NULL: the place is free */
    int64_t expires_ms;   /* wall */
};

/* One Secret, as one kind of credential for one API. */
struct entry {
    struct credentials *all;
    enum cred_kind kind;
    char *ns, *name, *api_base;
    enum cred_state state;
    bool app, busy, doubted;
    bool changed; /* while it was being read */
    struct secret *token, *user;
    struct token_issued
        issued[TOKENS_ISSUED]; /* of an App, before `token`, still alive */
    char identity[65];
    char message[1200];
    int64_t read_ms, issued_ms, expires_ms,
        again_ms; /* wall; those of the token: of an app's */
    unsigned failures;
    zlistx_t *keys; /* who waits; owned texts */
    struct kube_call *call;
    struct http_call *exchange;
};

struct credentials {
    struct shard *shard;
    zhashx_t *entries;
    zlistx_t *revokes; /* calls under way: struct revoke (revoke.c) */
};

/* The entry of that Secret, made when it is new. */
struct entry *credentials_entry(struct credentials *c, enum cred_kind kind,
                                const char *ns, const char *name, const char *api_base);

/* ---- revoke.c ---- */

/* The entry's token is about to be replaced or dropped: an App's is kept in `issued`. */
void revoke_keep(struct entry *en);
/* Frees what is kept, of an entry that goes. */
void revoke_forget(struct entry *en);
/* Ends the calls under way. */
void revoke_stop(struct credentials *c);

#endif
