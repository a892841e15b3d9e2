/* apptoken.h - GitHub App credentials, the JWT they sign, and the answer they bring. Pure. */
#ifndef KELOS_COMMON_APPTOKEN_H
#define KELOS_COMMON_APPTOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/data/json.h"
#include "common/scoped.h"
#include "common/secret.h"

/* A token is renewed so much before its end. */
#define APPTOKEN_MARGIN_MS 300000

struct apptoken; /* parsed credentials */

/* Whether a Secret's data (JSON object of base64 texts) is a GitHub App's: all of appID,
 * installationID and privateKey are there, even if empty. */
bool apptoken_is(const json_t *data);

/* Reads them. The caller owns; NULL with ERR_INVALID "missing appID in secret data", "parsing
 * private key: ...". */
struct apptoken *apptoken_new(const json_t *data, struct err *e);
void apptoken_free(struct apptoken *a);
SCOPED_DEFINE(apptoken)

const char *apptoken_app(const struct apptoken *a);
const char *apptoken_installation(const struct apptoken *a);

/* The signed JWT (RS256): issued a minute ago, nine minutes to live. NULL with *e set. */
struct secret *apptoken_jwt(const struct apptoken *a, int64_t now_ms, struct err *e);

/* "<base>/app/installations/<id>/access_tokens"; base "" is https://api.github.com. */
void apptoken_url(const struct apptoken *a, const char *api_base, char *out, size_t room);
/* "<base>/installation/token", where a token is given back. */
void apptoken_revoke_url(const char *api_base, char *out, size_t room);

/* Reads the answer: the token, and *expires_ms (0 when absent). NULL with *e: ERR_INVALID for
 * what will not mend by itself (401, 404 …), ERR_BUSY for 429 and 5xx; the text is
 * "GitHub API returned status 401: ..." or "decoding response: ...". */
struct secret *apptoken_answer(int status, const char *body, size_t size,
                               int64_t *expires_ms, struct err *e);

/* When a token that was issued at issued_ms and ends at expires_ms is to be renewed:
 * APPTOKEN_MARGIN_MS before its end, or, when it lives only a short while, with a third of its
 * life left. An unknown end (0) counts as a minute's life. All are wall times. */
int64_t apptoken_renew_ms(int64_t issued_ms, int64_t expires_ms);
/* How long to wait after a renewal has failed: half of the life that is left, from a second to
 * half a minute; half a minute when nothing is left, or the end is unknown. */
int64_t apptoken_retry_ms(int64_t expires_ms, int64_t now_ms);

/* A text of a Secret's data, decoded from base64; NULL when absent or not base64. */
struct secret *secret_value(const json_t *data, const char *key);

#endif
