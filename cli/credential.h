/* credential.h - what a Task signs in with: an existing Secret, or a token to put in one. */
#ifndef KELOS_CLI_CREDENTIAL_H
#define KELOS_CLI_CREDENTIAL_H

#include <stdbool.h>

#include "cli/config.h"
#include "cli/dialect.h"
#include "common/err.h"

#define CREDENTIAL_SECRET (dialect()->credential_secret)

/* The choice. `value` is set when a Secret of ours has to hold it. */
struct credential {
    const char *secret; /* name; "" with type none; borrowed */
    const char *type;   /* "api-key", "oauth", "none"; borrowed */
    const char *key;    /* of the Secret, "" when `value` is NULL; static */
    char *value;        /* owned */
};

/* The key of a Secret for an agent and a credential type; static. */
const char *credential_key(const char *agent, const char *type);

/* Chooses by precedence: `secret` (a flag's value), the configuration's secret, oauthToken,
 * apiKey. `type` is a flag's value, "" when not given; it wins. Files named with @ are
 * read. Returns 0 with *out filled (release with credential_free), or -1. */
int credential_choose(const struct config *config, const char *agent, const char *secret,
                      const char *type, struct credential *out, struct err *e);
void credential_free(struct credential *c);

/* The Secret's keys for a GitHub App; its private key is read from the file, every byte of it.
 * `what` is the flag or key that named the file. The caller owns; NULL with *e set. */
json_t *credential_app(const char *what, const char *app, const char *installation,
                       const char *path, struct err *e);

#endif
