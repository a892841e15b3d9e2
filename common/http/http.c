/* http.c - see http.h: the client and the life of its requests. */
#include "common/http/http_call.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/log.h"

/* So long without a request, connections are closed: each holds some ten KiB. */
#define IDLE_MS 5000
/* As many are kept until then, so that a burst that ebbs does not open them anew. */
#define CONNECTIONS_KEPT 64L

SCOPED_DEFINE_AS(curlu, CURLU *, curl_url_cleanup)
SCOPED_DEFINE_AS(curl_text, char *, curl_free)

struct http {
    struct loop *loop;
    CURLM *multi;
    char *user_agent;
    char **hosts;            /* allow-list, ends with NULL; NULL: all */
    struct http_call *calls; /* all of them */
    size_t n_calls;
    http_trust_fn *trust;
    void *trust_arg;
    http_guard_fn *guard;
    void *guard_arg;
    int timer;          /* libcurl's */
    int sweeper;        /* removes what was cancelled inside a callback */
    int idler;          /* closes what nobody has used for IDLE_MS */
    int64_t idle_ms;    /* when the last request ended */
    bool inside;        /* libcurl is on the stack: its handles must not be touched */
    int64_t dropped_ms; /* connections made before are not used again; 0: none */
};

static void finish_calls(struct http *h);
static void wait_idle(struct http *h);

/* ---- freeing ---- */

static void
call_free(struct http_call *c)
{
    struct http *h = c->owner;

    if (c->added)
        curl_multi_remove_handle(h->multi, c->easy);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else if (h->calls == c)
        h->calls = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    if (--h->n_calls == 0) {
        h->idle_ms = clock_mono_ms();
        wait_idle(h);
    }
    if (c->easy != NULL)
        curl_easy_cleanup(c->easy);
    for (struct curl_slist *s = c->headers; s != NULL; s = s->next)
        explicit_bzero(s->data, strlen(s->data)); /* one of them is Authorization */
    curl_slist_free_all(c->headers);
    curl_slist_free_all(c->connect_to);
    if (c->secret) {
        buf_wipe(&c->body);
        buf_wipe(&c->answer);
    }
    buf_free(&c->body);
    buf_free(&c->answer);
    buf_free(&c->answer_lines);
    free(c);
}
SCOPED_DEFINE_AS(call, struct http_call *, call_free)

/* ---- libcurl and the loop ---- */

static void
on_ready(void *arg, int fd, int events)
{
    struct http *h = arg;
    int running;
    int mask = (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
               (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);

    h->inside = true;
    curl_multi_socket_action(h->multi, fd, mask, &running);
    h->inside = false;
    finish_calls(h);
}

static void
on_time(void *arg)
{
    struct http *h = arg;
    int running;

    h->timer = 0;
    h->inside = true;
    curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    h->inside = false;
    finish_calls(h);
}

static int
on_curl_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *arg,
               void *seen UNUSED)
{
    struct http *h = arg;
    struct err e = ERR_INIT;
    int events = what == CURL_POLL_IN      ? LOOP_READ
                 : what == CURL_POLL_OUT   ? LOOP_WRITE
                 : what == CURL_POLL_INOUT ? LOOP_READ | LOOP_WRITE
                                           : 0;

    if (loop_watch(h->loop, fd, events, on_ready, h, &e) < 0) {
        log_error(NULL, "http: %s", e.text);
        return -1;
    }
    return 0;
}

static int
on_curl_timer(CURLM *multi UNUSED, long ms, void *arg)
{
    struct http *h = arg;
    struct err e = ERR_INIT;

    loop_timer_stop(h->loop, h->timer);
    h->timer = 0;
    if (ms < 0)
        return 0;
    h->timer = loop_timer(h->loop, ms, on_time, h, &e);
    if (h->timer < 0) {
        h->timer = 0;
        log_error(NULL, "http: %s", e.text);
        return -1;
    }
    return 0;
}

static void
finish_call(struct http_call *c, CURLcode rc)
{
    struct http_response r;

    curl_multi_remove_handle(c->owner->multi, c->easy);
    c->added = false;
    if (!c->cancelled) {
        http_easy_outcome(c, rc, &r);
        c->on_done(c->arg, &r);
    }
    call_free(c);
}

/* Starts what was started, and ends what was ended, while libcurl was on the stack. */
static void
settle(struct http *h)
{
    struct http_call *next;

    for (struct http_call *c = h->calls; c != NULL; c = next) {
        next = c->next;
        if (c->cancelled)
            call_free(c);
        else if (!c->added && curl_multi_add_handle(h->multi, c->easy) == CURLM_OK)
            c->added = true;
    }
}

static void
finish_calls(struct http *h)
{
    int left;
    CURLMsg *m;

    while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
        char *p = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode rc = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p);
        finish_call((struct http_call *)(void *)p, rc);
    }
    settle(h);
}

static void
on_sweep(void *arg)
{
    struct http *h = arg;

    h->sweeper = 0;
    settle(h);
}

static void
sweep_soon(struct http *h)
{
    struct err ignored = ERR_INIT;

    if (h->sweeper <= 0)
        h->sweeper = loop_timer(h->loop, 0, on_sweep, h, &ignored);
}

/* ---- idle connections ---- */

static CURLM *
multi_new(struct http *h)
{
    CURLM *multi = curl_multi_init();

    if (multi == NULL)
        return NULL;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, h);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    return multi;
}

static void
on_idle(void *arg)
{
    struct http *h = arg;
    CURLM *fresh;

    h->idler = 0;
    if (h->n_calls > 0)
        return;
    if (clock_mono_ms() < h->idle_ms + IDLE_MS) {
        wait_idle(h);
        return;
    }
    if ((fresh = multi_new(h)) == NULL)
        return;
    curl_multi_cleanup(h->multi); /* libcurl has no other way to close them */
    h->multi = fresh;
    loop_timer_stop(h->loop, h->timer);
    h->timer = 0;
    malloc_trim(0); /* they lay scattered among what a burst took */
}

/* Nothing is asked: if it stays so for IDLE_MS, the connections go. */
static void
wait_idle(struct http *h)
{
    struct err ignored = ERR_INIT;
    int64_t left = h->idle_ms + IDLE_MS - clock_mono_ms();

    if (h->idler <= 0)
        h->idler = loop_timer(h->loop, left > 0 ? left : 0, on_idle, h, &ignored);
}

/* ---- the client ---- */

struct http *
http_new(struct loop *loop, const char *user_agent, struct err *e)
{
    static bool once;
    SCOPED(http) struct http *h = calloc(1, sizeof *h);

    if (!once && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        err_set(e, ERR_SYSTEM, "libcurl cannot start");
        return NULL;
    }
    once = true;
    if (h == NULL || (h->user_agent = strdup(user_agent)) == NULL ||
        (h->multi = multi_new(h)) == NULL) {
        err_set(e, ERR_SYSTEM, "http: out of memory");
        return NULL;
    }
    h->loop = loop;
    return TAKE(h);
}

void
http_trust(struct http *h, http_trust_fn *fn, void *arg)
{
    h->trust = fn;
    h->trust_arg = arg;
}

void
http_guard(struct http *h, http_guard_fn *fn, void *arg)
{
    h->guard = fn;
    h->guard_arg = arg;
}

static void
free_texts(char **texts)
{
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
        free(texts[i]);
    free(texts);
}

void
http_free(struct http *h)
{
    if (h == NULL)
        return;
    while (h->calls != NULL)
        call_free(h->calls);
    if (h->multi != NULL)
        curl_multi_cleanup(h->multi);
    loop_timer_stop(h->loop, h->timer);
    loop_timer_stop(h->loop, h->sweeper);
    loop_timer_stop(h->loop, h->idler);
    free_texts(h->hosts);
    free(h->user_agent);
    free(h);
}

int
http_allow_hosts(struct http *h, const char *const *hosts, struct err *e)
{
    size_t n = 0;

    free_texts(h->hosts);
    h->hosts = NULL;
    if (hosts == NULL)
        return 0;
    while (hosts[n] != NULL)
        n++;
    h->hosts = calloc(n + 1, sizeof *h->hosts);
    for (size_t i = 0; h->hosts != NULL && i < n; i++)
        if ((h->hosts[i] = strdup(hosts[i])) == NULL)
            break;
    if (h->hosts == NULL || (n > 0 && h->hosts[n - 1] == NULL))
        return err_set(e, ERR_SYSTEM, "out of memory");
    return 0;
}

void
http_drop_idle(struct http *h)
{
    h->dropped_ms = clock_mono_ms();
}

size_t
http_in_flight(const struct http *h)
{
    return h->n_calls;
}

/* ---- requests ---- */

static bool
host_listed(const struct http *h, const char *host)
{
    for (size_t i = 0; h->hosts[i] != NULL; i++)
        if (strcasecmp(h->hosts[i], host) == 0)
            return true;
    return false;
}

static bool
has_credentials(const struct http_request *r)
{
    for (size_t i = 0; r->headers != NULL && r->headers[i] != NULL; i++)
        if (strncasecmp(r->headers[i], "Authorization:", 14) == 0)
            return true;
    return false;
}

/* What can be told from the URL alone. */
static int
check_url(struct http *h, const struct http_request *r, struct err *e)
{
    SCOPED(curlu) CURLU *u = curl_url();
    SCOPED(curl_text) char *scheme = NULL;
    SCOPED(curl_text) char *host = NULL;

    if (u == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if (curl_url_set(u, CURLUPART_URL, r->url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return err_set(e, ERR_INVALID, "not an URL: %.200s", r->url);
    if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        return err_set(e, ERR_INVALID, "%.20s:// is not spoken here, only http and https",
                       scheme);
    if (h->hosts != NULL && !host_listed(h, host))
        return err_set(e, ERR_FORBIDDEN,
                       "host %.200s is not among those this process may ask", host);
    if (strcmp(scheme, "http") == 0 && has_credentials(r) && !r->allow_plain &&
        !http_is_loopback(r->url))
        return err_set(e, ERR_FORBIDDEN,
                       "credentials are not sent over plain http to %.200s; use https",
                       host);
    return 0;
}

/* Old connections would still present old certificates. */
static void
avoid_old_connections(struct http *h, struct http_call *c)
{
    if (h->dropped_ms == 0)
        return;
    int64_t age_s = (clock_mono_ms() - h->dropped_ms) / 1000;
    if (age_s < 2)
        curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
    else
        curl_easy_setopt(c->easy, CURLOPT_MAXLIFETIME_CONN, (long)age_s - 1);
}

struct http_call *
http_start(struct http *h, const struct http_request *r, struct err *e)
{
    if (check_url(h, r, e) < 0)
        return NULL;
    struct http_call *made = calloc(1, sizeof *made);
    if (made == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    made->owner = h;
    made->next = h->calls;
    if (h->calls != NULL)
        h->calls->prev = made;
    h->calls = made;
    h->n_calls++;
    SCOPED(call) struct http_call *c = made;
    c->on_header = r->on_header;
    c->on_status = r->on_status;
    c->on_data = r->on_data;
    c->on_done = r->on_done;
    c->arg = r->arg;
    c->secret = r->secret;
    c->trust = h->trust;
    c->trust_arg = h->trust_arg;
    c->guard = h->guard;
    c->guard_arg = h->guard_arg;
    c->started_ms = clock_mono_ms();
    if ((c->easy = curl_easy_init()) == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    if (http_easy_setup(c, r, h->user_agent, e) < 0)
        return NULL;
    avoid_old_connections(h, c);
    if (!h->inside) {
        CURLMcode rc = curl_multi_add_handle(h->multi, c->easy);
        if (rc != CURLM_OK) {
            err_set(e, ERR_SYSTEM, "http: %s", curl_multi_strerror(rc));
            return NULL;
        }
        c->added = true;
    }
    return TAKE(c);
}

void
http_cancel(struct http_call *c)
{
    if (c == NULL)
        return;
    c->cancelled = true;
    /* libcurl or finish_calls may still hold the handle: it goes with the next round */
    sweep_soon(c->owner);
}

/* ---- blocking ---- */

struct waiting {
    struct http_result *out;
    struct err *e;
    bool done;
};

static void
on_waited(void *arg, const struct http_response *r)
{
    struct waiting *w = arg;

    w->done = true;
    w->out->outcome = r->outcome;
    w->out->status = r->status;
    if (r->err.code != ERR_NONE) {
        err_set(w->e, r->err.code, "%s", r->err.text);
        return;
    }
    buf_add(&w->out->body, r->body, r->body_size);
    buf_add(&w->out->headers, buf_str(r->headers), r->headers->size);
}

int
http_wait(struct http *h, const struct http_request *r, struct http_result *out,
          struct err *e)
{
    struct err inner = ERR_INIT;
    struct waiting w = {.out = out, .e = &inner};
    struct http_request copy = *r;

    *out = (struct http_result){.outcome = HTTP_NOT_SENT};
    copy.on_done = on_waited;
    copy.arg = &w;
    struct http_call *c = http_start(h, &copy, e);
    if (c == NULL)
        return -1;
    int rc = loop_poll_run(h->loop, &w.done, -1, e);
    if (rc != 1) {
        http_cancel(c);
        return rc < 0 ? -1 : err_set(e, ERR_SYSTEM, "the event loop ended too early");
    }
    if (inner.code != ERR_NONE)
        return err_set(e, inner.code, "%s", inner.text);
    return 0;
}

void
http_result_free(struct http_result *r)
{
    buf_free(&r->body);
    buf_free(&r->headers);
}
