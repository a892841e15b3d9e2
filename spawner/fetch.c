#include "spawner/fetch.h"

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/utf8.h"
#include "spawner/link.h"

enum { REDIRECTS_MAX = 3, HEADERS_MAX = 8, QUOTED_BYTES = 1024 };

struct fetch {
    struct group *group;
    struct http_call *call;
    char *headers[HEADERS_MAX + 1];
    fetch_fn *fn;
    void *arg;
    unsigned redirects;
};

/* ---- requests ---- */

static void
fetch_free(struct fetch *f)
{
    for (size_t i = 0; i < HEADERS_MAX && f->headers[i] != NULL; i++) {
        explicit_bzero(f->headers[i], strlen(f->headers[i]));
        free(f->headers[i]);
    }
    free(f);
}

void
fetch_cancel(struct fetch *f)
{
    if (f == NULL)
        return;
    http_cancel(f->call);
    fetch_free(f);
}

static void
count(struct source *src, int status)
{
    char code[16];

    snprintf(code, sizeof(code), "%d", status);
    metric_add(src->metrics, METRIC_SOURCE_CALLS, 1, src->type->name, code);
    if (src->quota.left >= 0)
        metric_set(src->metrics, METRIC_SOURCE_QUOTA, (double)src->quota.left,
                   src->type->name);
}

static void on_answer(void *arg, const struct http_response *r);

static int
send_get(struct fetch *f, const char *url, struct err *e)
{
    struct source *src = f->group->source;
    struct http_request q = {.url = url,
                             .headers = (const char *const *)f->headers,
                             .compressed = true,
                             .secret = true,
                             .on_done = on_answer,
                             .arg = f};

    if (!url_same_origin(src->base, url))
        return err_set(e, ERR_FORBIDDEN, "%.200s is not below %s", url, src->base);
    f->group->calls++;
    return (f->call = http_start(src->http, &q, e)) != NULL ? 0 : -1;
}

/* Whether the answer is a redirect that may be followed, and was. */
static bool
follow(struct fetch *f, const struct http_response *r)
{
    const char *base = f->group->source->base;
    char where[2048], url[4096];
    struct err e = ERR_INIT;

    if ((r->status != 301 && r->status != 302 && r->status != 307 && r->status != 308) ||
        f->redirects >= REDIRECTS_MAX ||
        !http_header(r->headers, "Location", where, sizeof(where)))
        return false;
    if (where[0] == '/' && where[1] != '/')
        snprintf(url, sizeof(url), "%.*s%s", (int)url_origin_size(base), base, where);
    else
        snprintf(url, sizeof(url), "%s", where);
    if (!url_same_origin(base, url))
        return false;
    f->redirects++;
    return send_get(f, url, &e) == 0;
}

static void
on_answer(void *arg, const struct http_response *r)
{
    struct fetch *f = arg;
    struct source *src = f->group->source;
    struct fetch_result out = {.status = r->status,
                               .body = r->body,
                               .body_size = r->body_size,
                               .headers = r->headers,
                               .err = r->err};
    int64_t now = clock_wall_ms();

    if (r->outcome != HTTP_ANSWERED && out.err.code == ERR_NONE)
        err_set(&out.err, ERR_UNAVAILABLE, "no whole answer");
    if (r->status != 0)
        quota_read(&src->quota, r->headers);
    count(src, r->status);
    if (out.err.code == ERR_NONE && follow(f, r))
        return;
    out.redirected = r->status >= 300 && r->status < 400 && r->status != 304;
    out.limited_until =
        pace_limited_until(r->status, r->headers, r->body, src->limit_hits, now);
    if (out.limited_until > 0) {
        src->limit_hits++;
        if (out.limited_until > src->gate)
            src->gate = out.limited_until;
    } else if (r->status != 0)
        src->limit_hits = 0;
    f->call = NULL;
    f->fn(f->arg, &out);
    fetch_free(f);
}

struct fetch *
fetch_start(struct group *g, const char *url, const char *const *headers, fetch_fn *fn,
            void *arg, struct err *e)
{
    struct fetch *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        err_errno(e, "request");
        return NULL;
    }
    f->group = g;
    f->fn = fn;
    f->arg = arg;
    for (size_t i = 0; i < HEADERS_MAX && headers[i] != NULL; i++)
        f->headers[i] = strdup(headers[i]);
    if (send_get(f, url, e) < 0) {
        fetch_free(f);
        return NULL;
    }
    return f;
}

/* ---- failures ---- */

static const struct {
    int from, to;
    const char *reason;
    bool credential;
} meanings[] = {
    {401, 401, "Unauthorized", true}, {403, 403, "Forbidden", true},
    {404, 404, "NotFound", false},    {410, 410, "NotFound", false},
    {422, 422, "Invalid", false},     {400, 499, "Refused", false},
    {500, 599, "Unavailable", false},
};

void
fetch_failure(const struct source *src, const struct fetch_result *r, struct failure *out)
{
    SCOPED(buf) struct buf body = BUF_INIT;
    const char *who = src->type->who;

    *out = (struct failure){.reason = "Unavailable"};
    if (r->err.code != ERR_NONE) {
        failure_set(out, r->err.code == ERR_LIMIT ? "TooLarge" : "Unavailable",
                    "%s API: %s", who, r->err.text);
        return;
    }
    utf8_add_clean(&body, r->body,
                   r->body_size < QUOTED_BYTES ? r->body_size : QUOTED_BYTES);
    failure_set(out, "Refused", "%s API returned status %d: %s", who, r->status,
                buf_str(&body));
    if (r->redirected) {
        failure_set(out, "Refused",
                    "%s API redirects (status %d) to another host or too often", who,
                    r->status);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (r->status >= meanings[i].from && r->status <= meanings[i].to) {
            out->reason = meanings[i].reason;
            out->credential = meanings[i].credential;
            break;
        }
    if (r->limited_until > 0) {
        char until[RFC3339_SIZE];

        rfc3339_format(r->limited_until, until);
        failure_set(out, "RateLimited",
                    "%s API returned status %d, the rate limit is used up until %s: %s",
                    who, r->status, until, buf_str(&body));
        out->reason = "RateLimited";
        out->retry_at = r->limited_until;
        out->credential = false;
    }
}
