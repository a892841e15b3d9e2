/* http.h - HTTP requests on libcurl's multi interface, inside an event loop.
 *
 * One struct http per process, made after fork and exec (and after the sandbox). No
 * redirects, http and https only, every host can be held against an allow-list, bodies
 * are bounded. Nothing here repeats a request: who may repeat what is decided by the
 * caller (common/kube for Kubernetes) from http_response.outcome. */
#ifndef KELOS_COMMON_HTTP_H
#define KELOS_COMMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/loop.h"
#include "common/scoped.h"

/* How a connection is made. All texts are borrowed for the call of http_start only. */
struct http_transport {
    const char *ca_file;   /* PEM bundle instead of the system's roots */
    const char *ca_pem;    /* the same inline; wins over ca_file */
    const char *cert_file; /* client certificate and key, files or inline PEM */
    const char *key_file;
    const char *cert_pem;
    const char *key_pem;
    const char *server_name; /* SNI and certificate name instead of the URL's host */
    const char *proxy; /* http://, https://, socks5:// URL; NULL: the environment's */
    bool insecure;     /* no certificate check */
};

enum http_outcome {
    HTTP_ANSWERED, /* there is a status; the body is complete unless err says otherwise */
    HTTP_NOT_SENT, /* resolve, connect or TLS failed: the server has not seen the request
                    */
    HTTP_AMBIGUOUS, /* the server may have acted: reset, cut, time passed */
    HTTP_ABORTED    /* a callback or http_cancel ended it, or a limit was crossed */
};

struct http_response {
    enum http_outcome outcome;
    int status;       /* 0 without an answer */
    const char *body; /* NUL-terminated; "" for streamed requests */
    size_t body_size;
    const struct buf *headers; /* "Name: value\n" lines of the final answer */
    struct err err;            /* ERR_NONE when answered whole, whatever the status */
    int64_t elapsed_ms;
    const char *connected_ip; /* "" when never connected */
    bool untrusted;           /* the peer's certificate was refused */
};

/* A callback gives 0 to go on, -1 to end the request (outcome HTTP_ABORTED). */
typedef int http_header_fn(void *arg, const char *name, const char *value);
typedef int http_data_fn(void *arg, const char *bytes, size_t size);
/* Called once per started request, from the loop, unless http_cancel came first. The
 * response is borrowed for the call. New requests may be started from here. */
typedef void http_done_fn(void *arg, const struct http_response *r);

/* Everything is copied by http_start. */
struct http_request {
    const char *method; /* "GET" when NULL */
    const char *url;
    const char *const *headers; /* "Name: value", ends with NULL; NULL: none */
    const void *body;
    size_t body_size;
    size_t body_limit;  /* of the answer; 0: LIMIT_HTTP_BODY_BYTES. Not for on_data */
    int64_t connect_ms; /* 0: 10 s */
    int64_t total_ms;   /* 0: 32 s; -1: none (watches, followed logs) */
    bool fresh_connect; /* never on a reused connection: curl would resend it silently */
    bool compressed;    /* ask for gzip; never on a watch */
    bool secret;        /* the request body is wiped once it was sent */
    bool allow_plain;   /* credentials over plain http to a host that is not loopback */
    const struct http_transport *transport; /* NULL: system roots, environment's proxy */
    http_header_fn *on_header; /* each header of the final answer, after on_status */
    int (*on_status)(void *arg, int status);
    http_data_fn *on_data; /* streams the body of a 2xx answer instead of collecting it */
    http_done_fn *on_done;
    void *arg;
};

struct http;
struct http_call;

/* `user_agent` is copied. Returns a client the caller owns, or NULL with *e set. */
struct http *http_new(struct loop *loop, const char *user_agent, struct err *e);
/* Ends all requests without calling back, and frees; NULL is allowed. */
void http_free(struct http *h);
SCOPED_DEFINE(http)

/* Only these hosts ("api.github.com", "127.0.0.1"; ends with NULL) may be asked, others
 * are refused with ERR_FORBIDDEN before anything is resolved. NULL allows all. Copied. */
int http_allow_hosts(struct http *h, const char *const *hosts, struct err *e);
/* Requests without a CA of their own trust what fn sets on libcurl's handle (CURL *), instead
 * of libcurl's own file: see castore.h. */
typedef void http_trust_fn(void *arg, void *easy);
void http_trust(struct http *h, http_trust_fn *fn, void *arg);
/* fn is asked just before each request that may change something (all but GET and HEAD) is
 * sent on its connection; false ends it with HTTP_ABORTED and ERR_FORBIDDEN, and the server has
 * seen nothing. From then on a connection's unsent bytes die with it: a process that is killed
 * leaves the kernel nothing to deliver later. Set it before the first request. */
typedef bool http_guard_fn(void *arg);
void http_guard(struct http *h, http_guard_fn *fn, void *arg);
/* Idle connections are closed, so that new ones present new certificates. */
void http_drop_idle(struct http *h);

/* Starts a request. Returns a handle that is valid until on_done, or NULL with *e set and
 * no callback to come: ERR_INVALID (URL), ERR_FORBIDDEN (host, or credentials over plain
 * http to a host that is not loopback), ERR_SYSTEM. */
struct http_call *http_start(struct http *h, const struct http_request *r, struct err *e);
/* Ends it; on_done is not called. */
void http_cancel(struct http_call *c);
size_t http_in_flight(const struct http *h);

/* Blocking, for programs with loop_poll: starts the request and runs the loop until it is
 * done. r->on_done and r->arg must be NULL. Fills *out; release with http_result_free.
 * Returns 0 when answered (any status), -1 with *e set otherwise (*out then only holds
 * the outcome). */
struct http_result {
    enum http_outcome outcome;
    int status;
    struct buf body;
    struct buf headers;
};
int http_wait(struct http *h, const struct http_request *r, struct http_result *out,
              struct err *e);
void http_result_free(struct http_result *r);

/* ---- helpers ---- */

/* A header's value in "Name: value\n" lines, copied (cut) into out; false when absent. */
bool http_header(const struct buf *headers, const char *name, char *out, size_t room);
/* Seconds of a Retry-After header (number or HTTP date, now_ms is wall time) in ms; -1:
 * none. */
int64_t http_retry_after_ms(const struct buf *headers, int64_t now_ms);
/* Adds the text with everything but A-Z a-z 0-9 - . _ ~ percent-encoded. */
int http_escape(struct buf *out, const char *text);
/* Whether the URL's host is 127.0.0.0/8, ::1 or localhost. */
bool http_is_loopback(const char *url);
/* Copies a "Name: value" line with the value of Authorization, Cookie, tokens … as
 * ***. */
void http_redact_header(const char *line, char *out, size_t room);

#endif
