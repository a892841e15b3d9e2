/* http_call.h - one request inside common/http: shared by http.c and http_easy.c only. */
#ifndef KELOS_COMMON_HTTP_CALL_H
#define KELOS_COMMON_HTTP_CALL_H

#include <curl/curl.h>

#include "common/http/http.h"

struct http_call {
    struct http_call *next, *prev;
    struct http *owner;
    CURL *easy;
    http_trust_fn *trust; /* NULL: libcurl's own roots */
    void *trust_arg;
    http_guard_fn *guard; /* NULL: none */
    void *guard_arg;
    struct curl_slist *headers, *connect_to;
    struct buf body;         /* of the request; wiped when secret */
    struct buf answer;       /* of the response */
    struct buf answer_lines; /* headers of the response */
    char error[CURL_ERROR_SIZE];
    http_header_fn *on_header;
    int (*on_status)(void *arg, int status);
    http_data_fn *on_data;
    http_done_fn *on_done;
    void *arg;
    bool secret, added, cancelled, headers_done, refused;
    int status;
    struct err why; /* why a callback or a limit ended it */
    int64_t started_ms;
};

/* Sets every option of c->easy from the request. Returns 0, or -1 with *e set. */
int http_easy_setup(struct http_call *c, const struct http_request *r,
                    const char *user_agent, struct err *e);

/* What became of a transfer that libcurl ended with `rc`. */
void http_easy_outcome(struct http_call *c, CURLcode rc, struct http_response *out);

#endif
