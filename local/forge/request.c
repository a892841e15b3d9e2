#include "local/forge/request.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"

static void
pairs_free(struct pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(pairs[i].name);
        free(pairs[i].value);
    }
}

void
request_free(struct request *q)
{
    pairs_free(q->query, q->n_query);
    pairs_free(q->headers, q->n_headers);
    for (size_t i = 0; i < q->n_segments; i++)
        free(q->segments[i]);
    free(q->path);
    free(q->prefix);
    free(q->token);
    *q = (struct request){0};
}

void
reply_free(struct reply *r)
{
    pairs_free(r->headers, r->n_headers);
    json_decref(r->body);
    *r = (struct reply){0};
}

void
request_set_path(struct request *q, const char *url)
{
    const char *rest = url;
    size_t size;

    if (strncmp(url, "/api/v3", 7) == 0 && (url[7] == '/' || url[7] == '\0'))
        rest = url + 7;
    q->prefix = strndup(url, (size_t)(rest - url));
    size = strlen(rest);
    q->path = strndup(rest, size);
    for (const char *p = rest; *p != '\0';) {
        size_t n = strcspn(p += *p == '/', "/");

        if (n == 0 && *p == '\0')
            break;
        if (q->n_segments == SEGMENTS_MAX) {
            q->too_many = true;
            break;
        }
        q->segments[q->n_segments++] = strndup(p, n);
        p += n;
    }
}

const char *
request_query(const struct request *q, const char *name)
{
    for (size_t i = 0; i < q->n_query; i++)
        if (strcmp(q->query[i].name, name) == 0)
            return q->query[i].value;
    return NULL;
}

const char *
request_header(const struct request *q, const char *name)
{
    for (size_t i = 0; i < q->n_headers; i++)
        if (strcasecmp(q->headers[i].name, name) == 0)
            return q->headers[i].value;
    return NULL;
}

const char *
request_arg(const struct request *q, const char *name)
{
    for (size_t i = 0; i < q->n_args; i++)
        if (strcmp(q->args[i].name, name) == 0)
            return q->args[i].value;
    return NULL;
}

static int64_t
whole_number(const char *text)
{
    char *end;
    long long v;

    if (text == NULL || *text < '0' || *text > '9')
        return -1;
    errno = 0;
    v = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0 ? v : -1;
}

int64_t
request_arg_number(const struct request *q, const char *name)
{
    return whole_number(request_arg(q, name));
}

void
reply_header(struct reply *r, const char *name, const char *fmt, ...)
{
    va_list ap;
    char *value = NULL;

    if (r->n_headers == ARRAY_LEN(r->headers))
        return;
    va_start(ap, fmt);
    if (vasprintf(&value, fmt, ap) < 0)
        value = NULL;
    va_end(ap);
    if (value != NULL)
        r->headers[r->n_headers++] = (struct pair){strdup(name), value};
}

void
reply_error(struct reply *r, int status, const char *fmt, ...)
{
    va_list ap;
    char text[512];

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    r->status = status;
    json_decref(r->body);
    r->body = json_pack("{s:s, s:s}", "message", text, "documentation_url",
                        "kelos-demo-forge --help");
}

/* ---- paging ---- */

static void
add_encoded(struct buf *b, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (strchr("-._~", *p) != NULL || (*p >= '0' && *p <= '9') ||
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))
            buf_add_char(b, (char)*p);
        else
            buf_printf(b, "%%%02X", *p);
    }
}

static void
add_link(struct buf *b, const struct request *q, const char *base, int64_t page,
         const char *rel)
{
    buf_printf(b, "%s<%s%s%s?", b->size > 0 ? ", " : "", base, q->prefix, q->path);
    for (size_t i = 0; i < q->n_query; i++) {
        if (strcmp(q->query[i].name, "page") == 0)
            continue;
        add_encoded(b, q->query[i].name);
        buf_add_char(b, '=');
        add_encoded(b, q->query[i].value);
        buf_add_char(b, '&');
    }
    buf_printf(b, "page=%lld>; rel=\"%s\"", (long long)page, rel);
}

/* A number of the query in 1 .. most; `fallback` when absent, -1 with the reply set. */
static int64_t
bounded(struct reply *r, const struct request *q, const char *name, int64_t fallback,
        int64_t most)
{
    const char *text = request_query(q, name);
    int64_t v = text != NULL ? whole_number(text) : fallback;

    if (v < 1 || v > most) {
        reply_error(r, 422, "query key %s: must be a number from 1 to %lld, not \"%s\"",
                    name, (long long)most, text);
        return -1;
    }
    return v;
}

void
reply_page(struct reply *r, const struct request *q, const char *base, json_t *all)
{
    SCOPED(buf) struct buf link = BUF_INIT;
    int64_t size = bounded(r, q, "per_page", 30, 100), page;
    int64_t total = (int64_t)json_array_size(all), pages;

    if (size < 0 || (page = bounded(r, q, "page", 1, 1000000)) < 0)
        return;
    pages = (total + size - 1) / size;
    r->status = 200;
    r->body = json_array();
    for (int64_t i = (page - 1) * size; i < page * size && i < total; i++)
        json_array_append(r->body, json_array_get(all, (size_t)i));
    if (page > 1)
        add_link(&link, q, base,
                 page - 1 < pages ? page - 1
                 : pages > 0      ? pages
                                  : 1,
                 "prev");
    if (page < pages) {
        add_link(&link, q, base, page + 1, "next");
        add_link(&link, q, base, pages, "last");
    }
    if (page > 1)
        add_link(&link, q, base, 1, "first");
    if (link.size > 0)
        reply_header(r, "Link", "%s", buf_str(&link));
}

/* ---- routes ---- */

/* Whether the path has the route's shape; fills the args. */
static bool
fits(const struct route *route, struct request *q)
{
    const char *p = route->path;
    size_t i = 0;

    q->n_args = 0;
    for (; *p != '\0'; i++) {
        size_t n = strcspn(++p, "/");

        if (i == q->n_segments)
            return false;
        if (*p == ':' && q->n_args < ARRAY_LEN(q->args))
            q->args[q->n_args++] = (struct pair){(char *)p + 1, q->segments[i]};
        else if (strlen(q->segments[i]) != n || strncmp(q->segments[i], p, n) != 0)
            return false;
        p += n;
    }
    return i == q->n_segments;
}

static const char *const route_arg_names[] = {"owner", "repo", "number", "id",
                                              "login", "org",  "slug"};

/* The names in a route end at a slash; give them their plain form. */
static void
name_args(struct request *q)
{
    for (size_t i = 0; i < q->n_args; i++)
        for (size_t k = 0; k < ARRAY_LEN(route_arg_names); k++) {
            size_t n = strlen(route_arg_names[k]);

            if (strncmp(q->args[i].name, route_arg_names[k], n) == 0 &&
                (q->args[i].name[n] == '/' || q->args[i].name[n] == '\0'))
                q->args[i].name = (char *)route_arg_names[k];
        }
}

static bool
query_known(const struct route *route, const struct request *q, struct reply *r)
{
    for (size_t i = 0; i < q->n_query; i++) {
        char key[128];

        snprintf(key, sizeof(key), " %s ", q->query[i].name);
        if (strstr(route->query, key) == NULL) {
            reply_error(r, 422, "%s %s: unknown query key \"%s\"; it knows:%s", q->method,
                        q->path, q->query[i].name,
                        *route->query != '\0' ? route->query : " none");
            return false;
        }
        for (size_t k = 0; k < i; k++)
            if (strcmp(q->query[i].name, q->query[k].name) == 0) {
                reply_error(r, 422, "%s %s: query key \"%s\" is given twice", q->method,
                            q->path, q->query[i].name);
                return false;
            }
    }
    return true;
}

void
routes_run(const struct route *routes, size_t n, struct forge *f, struct request *q,
           struct reply *r)
{
    const char *other = NULL;

    for (size_t i = 0; i < n && !q->too_many; i++) {
        if (!fits(&routes[i], q))
            continue;
        if (strcmp(routes[i].method, q->method) != 0) {
            other = routes[i].method;
            continue;
        }
        name_args(q);
        if (query_known(&routes[i], q, r))
            routes[i].handle(f, q, r);
        return;
    }
    if (other != NULL)
        reply_error(r, 404, "%s %s: this path knows only %s", q->method, q->path, other);
    else
        reply_error(r, 404, "%s %s: no such path", q->method, q->path);
}
