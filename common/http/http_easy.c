/* http_easy.c - see http_call.h: one request in libcurl's terms. */
#include "common/http/http_call.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"

enum { HEADER_BYTES = 256 << 10 };

SCOPED_DEFINE_AS(curlu, CURLU *, curl_url_cleanup)
SCOPED_DEFINE_AS(curl_text, char *, curl_free)

/* ---- callbacks of libcurl ---- */

/* Dead peers are noticed on silent connections: a watch may say nothing for minutes. */
static int
on_socket(void *arg, curl_socket_t fd, curlsocktype purpose UNUSED)
{
    static const struct {
        int level, option, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},          {IPPROTO_TCP, TCP_KEEPIDLE, 15},
        {IPPROTO_TCP, TCP_KEEPINTVL, 15},       {IPPROTO_TCP, TCP_KEEPCNT, 3},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 45000},
    };

    const struct http_call *c = arg;
    const struct linger none = {.l_onoff = 1, .l_linger = 0};

    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        setsockopt(fd, options[i].level, options[i].option, &options[i].value,
                   sizeof options[i].value);
    if (c->guard != NULL)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    return CURL_SOCKOPT_OK;
}

/* The connection stands, and the request goes next: the last moment to hold it back. */
static int
on_before_request(void *arg, char *ip UNUSED, char *local_ip UNUSED, int port UNUSED,
                  int local_port UNUSED)
{
    struct http_call *c = arg;

    if (c->guard(c->guard_arg))
        return CURL_PREREQFUNC_OK;
    err_set(&c->why, ERR_FORBIDDEN, "held back: this process may not write now");
    return CURL_PREREQFUNC_ABORT;
}

/* Hands the complete headers of the final answer to the caller. */
static int
give_headers(struct http_call *c)
{
    const char *line = buf_str(&c->answer_lines);

    c->headers_done = true;
    if (c->on_status != NULL && c->on_status(c->arg, c->status) < 0)
        return -1;
    while (c->on_header != NULL && *line != '\0') {
        char copy[8192];
        size_t n = strcspn(line, "\n");
        snprintf(copy, sizeof copy, "%.*s", (int)n, line);
        char *value = strchr(copy, ':');
        if (value != NULL) {
            *value++ = '\0';
            value += strspn(value, " \t");
            if (c->on_header(c->arg, copy, value) < 0)
                return -1;
        }
        line += n + (line[n] == '\n');
    }
    return 0;
}

static size_t
on_header_line(char *bytes, size_t one UNUSED, size_t size, void *arg)
{
    struct http_call *c = arg;
    size_t n = size;

    while (n > 0 && (bytes[n - 1] == '\r' || bytes[n - 1] == '\n'))
        n--;
    if (c->cancelled)
        return 0;
    if (c->headers_done)
        return size; /* trailers */
    if (n > 5 && strncasecmp(bytes, "HTTP/", 5) == 0) {
        const char *code = memchr(bytes, ' ', n);
        c->status = code != NULL ? atoi(code) : 0;
        buf_clear(&c->answer_lines);
    } else if (n > 0) {
        buf_add(&c->answer_lines, bytes, n);
        buf_add_char(&c->answer_lines, '\n');
    } else if (c->status >= 200 && give_headers(c) < 0) {
        c->refused = true;
        return 0;
    }
    if (c->answer_lines.failed) {
        err_set(&c->why, ERR_LIMIT, "the answer's headers are over %d bytes",
                HEADER_BYTES);
        return 0;
    }
    return size;
}

static size_t
on_body(char *bytes, size_t one UNUSED, size_t size, void *arg)
{
    struct http_call *c = arg;

    if (c->cancelled)
        return 0;
    if (c->on_data != NULL && c->status < 300) {
        if (c->on_data(c->arg, bytes, size) == 0)
            return size;
        c->refused = true;
        return 0;
    }
    if (c->status >= 400 &&
        (c->answer.limit == 0 || c->answer.limit > LIMIT_HTTP_ERROR_BODY_BYTES))
        c->answer.limit = LIMIT_HTTP_ERROR_BODY_BYTES;
    if (buf_add(&c->answer, bytes, size) == 0)
        return size;
    err_set(&c->why, ERR_LIMIT, "the answer's body is over the limit of %zu bytes (%s)",
            c->answer.limit,
            c->status >= 400 ? "HTTP_ERROR_BODY_BYTES" : "HTTP_BODY_BYTES");
    return 0;
}

/* libcurl's own trace, at log level debug: header lines only, credentials as ***. */
static int
on_trace(CURL *easy UNUSED, curl_infotype type, char *bytes, size_t size,
         void *arg UNUSED)
{
    char line[512], masked[512];

    if (type != CURLINFO_HEADER_OUT && type != CURLINFO_HEADER_IN)
        return 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(bytes + at, '\n', size - at);
        size_t n = end != NULL ? (size_t)(end - bytes) - at : size - at;
        size_t text = n > 0 && bytes[at + n - 1] == '\r' ? n - 1 : n;
        if (text > 0 && text < sizeof line) {
            snprintf(line, sizeof line, "%.*s", (int)text, bytes + at);
            http_redact_header(line, masked, sizeof masked);
            log_debug(NULL, "http %s %s", type == CURLINFO_HEADER_OUT ? ">" : "<",
                      masked);
        }
        at += n + 1;
    }
    return 0;
}

/* ---- options ---- */

static int
set_blob(CURL *easy, CURLoption option, const char *text)
{
    struct curl_blob blob = {(void *)(uintptr_t)text, strlen(text), CURL_BLOB_COPY};
    return curl_easy_setopt(easy, option, &blob) == CURLE_OK ? 0 : -1;
}

/* Sets the inline form when there is one, else the file form. */
static int
set_pem(CURL *easy, CURLoption blob, CURLoption file, const char *pem, const char *path)
{
    if (pem != NULL)
        return set_blob(easy, blob, pem);
    if (path != NULL)
        return curl_easy_setopt(easy, file, path) == CURLE_OK ? 0 : -1;
    return 0;
}

/* libcurl takes the name for SNI and certificate from the URL: the URL gets that name,
 * the connection still goes to the real host, and Host stays what it was. */
static int
use_server_name(struct http_call *c, const char *url, const char *name, struct err *e)
{
    char text[1200];
    SCOPED(curlu) CURLU *u = curl_url();
    SCOPED(curl_text) char *host = NULL;
    SCOPED(curl_text) char *port = NULL;
    SCOPED(curl_text) char *renamed = NULL;

    if (u == NULL || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
        curl_url_set(u, CURLUPART_HOST, name, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_URL, &renamed, 0) != CURLUE_OK)
        return err_set(e, ERR_INVALID, "TLS server name %.200s does not fit the URL",
                       name);
    snprintf(text, sizeof text, "%s:%s:%s:%s", name, port, host, port);
    struct curl_slist *list = curl_slist_append(NULL, text);
    snprintf(text, sizeof text, "Host: %s:%s", host, port);
    struct curl_slist *headers = curl_slist_append(c->headers, text);
    if (list == NULL || headers == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    c->connect_to = list;
    c->headers = headers;
    curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, list);
    curl_easy_setopt(c->easy, CURLOPT_URL, renamed);
    return 0;
}

/* Loopback never goes through a proxy; a proxy that was given overrides the
 * environment. */
static int
set_proxy(CURL *easy, const char *url, const char *proxy, struct err *e)
{
    char text[2100];

    if (proxy != NULL && *proxy != '\0') {
        if (strncmp(proxy, "http://", 7) != 0 && strncmp(proxy, "https://", 8) != 0 &&
            strncmp(proxy, "socks5://", 9) != 0 && strncmp(proxy, "socks5h://", 10) != 0)
            return err_set(e, ERR_INVALID,
                           "proxy URL must start with http, https or socks5");
        /* the proxy resolves names, as Go has it */
        if (strncmp(proxy, "socks5://", 9) == 0)
            snprintf(text, sizeof text, "socks5h://%s", proxy + 9);
        else
            snprintf(text, sizeof text, "%s", proxy);
        curl_easy_setopt(easy, CURLOPT_PROXY, text);
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
        return 0;
    }
    if (http_is_loopback(url))
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    else if (strncasecmp(url, "http:", 5) == 0 && getenv("http_proxy") == NULL &&
             getenv("HTTP_PROXY") != NULL)
        curl_easy_setopt(easy, CURLOPT_PROXY, getenv("HTTP_PROXY"));
    return 0;
}

static int
set_transport(struct http_call *c, const struct http_request *r, struct err *e)
{
    static const struct http_transport plain;
    const struct http_transport *t = r->transport != NULL ? r->transport : &plain;
    CURL *easy = c->easy;

    if (set_pem(easy, CURLOPT_CAINFO_BLOB, CURLOPT_CAINFO, t->ca_pem, t->ca_file) < 0 ||
        set_pem(easy, CURLOPT_SSLCERT_BLOB, CURLOPT_SSLCERT, t->cert_pem, t->cert_file) <
            0 ||
        set_pem(easy, CURLOPT_SSLKEY_BLOB, CURLOPT_SSLKEY, t->key_pem, t->key_file) < 0)
        return err_set(e, ERR_INVALID, "TLS: certificates cannot be used");
    if (t->ca_pem != NULL || t->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* no other root counts */
    else if (c->trust != NULL)
        c->trust(c->trust_arg, easy);
    if (t->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (t->server_name != NULL && strncasecmp(r->url, "https:", 6) == 0 &&
        use_server_name(c, r->url, t->server_name, e) < 0)
        return -1;
    return set_proxy(easy, r->url, t->proxy, e);
}

static int
set_headers(struct http_call *c, const struct http_request *r, struct err *e)
{
    /* libcurl would ask "100-continue" and wait for large bodies */
    struct curl_slist *list = curl_slist_append(c->headers, "Expect:");

    for (size_t i = 0; list != NULL && r->headers != NULL && r->headers[i] != NULL; i++) {
        if (strpbrk(r->headers[i], "\r\n") != NULL) {
            c->headers = list;
            return err_set(e, ERR_INVALID, "a header holds a line break");
        }
        struct curl_slist *more = curl_slist_append(list, r->headers[i]);
        if (more == NULL)
            curl_slist_free_all(list);
        list = more;
    }
    c->headers = list;
    if (list == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    return 0;
}

static void
set_method(struct http_call *c, const struct http_request *r)
{
    const char *method = r->method != NULL ? r->method : "GET";

    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
    if (r->body != NULL || strcmp(method, "POST") == 0) {
        curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, buf_str(&c->body));
        curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.size);
    }
    if (strcmp(method, "HEAD") != 0)
        curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, method);
}

static void
set_callbacks(struct http_call *c)
{
    curl_easy_setopt(c->easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(c->easy, CURLOPT_SOCKOPTDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header_line);
    curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    if (log_level() >= LEVEL_DEBUG) {
        curl_easy_setopt(c->easy, CURLOPT_VERBOSE, 1L);
        curl_easy_setopt(c->easy, CURLOPT_DEBUGFUNCTION, on_trace);
    }
}

int
http_easy_setup(struct http_call *c, const struct http_request *r, const char *user_agent,
                struct err *e)
{
    CURL *easy = c->easy;
    int64_t total_ms = r->total_ms == 0 ? 32000 : r->total_ms;

    c->answer_lines.limit = HEADER_BYTES;
    c->answer.limit = r->body_limit != 0 ? r->body_limit : LIMIT_HTTP_BODY_BYTES;
    if (r->body != NULL && buf_add(&c->body, r->body, r->body_size) < 0)
        return err_set(e, ERR_SYSTEM, "out of memory");
    curl_easy_setopt(easy, CURLOPT_URL, r->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(r->connect_ms > 0 ? r->connect_ms : 10000));
    if (total_ms > 0)
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)total_ms);
    /* libcurl 7.88 may write a request onto a reused HTTP/2 connection and never send it:
     * seen with a real API server, each second call of a quiet client hung. */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (r->fresh_connect)
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (r->compressed)
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    set_callbacks(c);
    set_method(c, r);
    if (c->guard != NULL && r->method != NULL && strcmp(r->method, "GET") != 0 &&
        strcmp(r->method, "HEAD") != 0) {
        curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_before_request);
        curl_easy_setopt(easy, CURLOPT_PREREQDATA, c);
    }
    if (set_headers(c, r, e) < 0 || set_transport(c, r, e) < 0)
        return -1;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers);
    return 0;
}

/* ---- outcome ---- */

/* The server cannot have seen the request. */
static bool
not_sent(const struct http_call *c, CURLcode rc)
{
    static const CURLcode before[] = {
        CURLE_UNSUPPORTED_PROTOCOL,
        CURLE_URL_MALFORMAT,
        CURLE_COULDNT_RESOLVE_PROXY,
        CURLE_COULDNT_RESOLVE_HOST,
        CURLE_COULDNT_CONNECT,
        CURLE_SSL_CONNECT_ERROR,
        CURLE_SSL_CERTPROBLEM,
        CURLE_SSL_CIPHER,
        CURLE_PEER_FAILED_VERIFICATION,
        CURLE_SSL_CACERT_BADFILE,
        CURLE_SSL_ISSUER_ERROR,
        CURLE_SSL_ENGINE_NOTFOUND,
        CURLE_PROXY,
        CURLE_INTERFACE_FAILED,
        CURLE_SSL_INVALIDCERTSTATUS,
        CURLE_NO_CONNECTION_AVAILABLE,
        CURLE_OUT_OF_MEMORY,
        CURLE_FAILED_INIT,
    };
    long sent = 0;

    for (size_t i = 0; i < ARRAY_LEN(before); i++)
        if (rc == before[i])
            return true;
    /* a timeout while connecting: no byte of the request went out */
    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent);
    return rc == CURLE_OPERATION_TIMEDOUT && sent == 0;
}

void
http_easy_outcome(struct http_call *c, CURLcode rc, struct http_response *out)
{
    char *ip = NULL;

    *out = (struct http_response){
        .outcome = HTTP_ANSWERED,
        .status = c->status,
        .body = buf_str(&c->answer),
        .body_size = c->answer.size,
        .headers = &c->answer_lines,
        .elapsed_ms = clock_mono_ms() - c->started_ms,
    };
    curl_easy_getinfo(c->easy, CURLINFO_PRIMARY_IP, &ip);
    out->connected_ip = ip != NULL ? ip : "";
    if (rc == CURLE_OK)
        return;
    const char *why = c->error[0] != '\0' ? c->error : curl_easy_strerror(rc);
    if (c->refused || c->why.code != ERR_NONE) {
        out->outcome = HTTP_ABORTED;
        if (c->why.code != ERR_NONE)
            out->err = c->why;
        else
            err_set(&out->err, ERR_PROTO, "the answer was refused");
    } else if (not_sent(c, rc)) {
        out->outcome = HTTP_NOT_SENT;
        out->untrusted =
            rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_ISSUER_ERROR;
        err_set(&out->err, rc == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_UNAVAILABLE,
                "%s", why);
    } else {
        out->outcome = HTTP_AMBIGUOUS;
        err_set(&out->err, rc == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_UNKNOWN,
                "%s", why);
    }
}
