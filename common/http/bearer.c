/* bearer.c - see bearer.h. */
#include "common/http/bearer.h"

#include <string.h>

#define ANSWER_MS 10000

void
bearer_fill(struct bearer *b, const char *method, const char *url,
            const struct secret *token)
{
    *b = (struct bearer){.authorization = BUF_INIT};
    buf_printf(&b->authorization, "Authorization: Bearer %s", secret_reveal(token));
    b->headers[0] = buf_str(&b->authorization);
    b->headers[1] = "Accept: application/vnd.github.v3+json";
    b->request = (struct http_request){.method = method,
                                       .url = url,
                                       .headers = b->headers,
                                       .body = strcmp(method, "POST") == 0 ? "" : NULL,
                                       .total_ms = ANSWER_MS,
                                       .connect_ms = ANSWER_MS,
                                       .secret = true};
}

void
bearer_scoped_free(struct bearer *b)
{
    buf_wipe(&b->authorization);
}
