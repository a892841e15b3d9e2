/* bearer.h - a request to GitHub's API that a token in its head authorises: for a new token of
 * an App, or to give one back. */
#ifndef KELOS_COMMON_BEARER_H
#define KELOS_COMMON_BEARER_H

#include "common/http/http.h"
#include "common/secret.h"

/* Stays where it is while the request is used: it points into itself. The caller sets on_done
 * and arg of the request, and lets SCOPED(bearer) wipe the head. */
struct bearer {
    struct http_request request;
    const char *headers[3];
    struct buf authorization; /* owned */
};

/* Fills *b (whatever it held). `method` and `url` are borrowed; a POST has an empty body. The
 * answer is waited for 10 s. */
void bearer_fill(struct bearer *b, const char *method, const char *url,
                 const struct secret *token);
/* For SCOPED(bearer) struct bearer b = {0}. */
void bearer_scoped_free(struct bearer *b);

#endif
