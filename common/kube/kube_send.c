/* kube_send.c - see kube_send.h; and what the answers of all requests have in common. */
#include "common/kube/kube_send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "common/log.h"

enum { LINES_MAX = 64 };

struct lines {
    char *text[LINES_MAX + 1];
    size_t count;
};

static int
add_line(void *arg, const char *line)
{
    struct lines *l = arg;

    if (l->count == LINES_MAX || (l->text[l->count] = strdup(line)) == NULL)
        return -1;
    l->count++;
    return 0;
}

static void
wipe_lines(struct lines *l)
{
    for (size_t i = 0; i < l->count; i++) {
        explicit_bzero(l->text[i], strlen(l->text[i]));
        free(l->text[i]);
    }
    l->count = 0;
}

static int
add_named(struct lines *l, const char *name, const char *value)
{
    char line[1024];

    snprintf(line, sizeof line, "%s: %s", name, value);
    return add_line(l, line);
}

struct http_call *
kube_send(struct kube *k, const struct kube_wire *w, struct http_request *r,
          unsigned *generation, struct err *e)
{
    struct lines lines = {.count = 0};
    bool changed = false;
    struct http_call *c = NULL;

    if (kube_auth_refresh(k->auth, clock_mono_ms(), &changed, e) < 0)
        return NULL;
    if (changed)
        http_drop_idle(k->http);
    *generation = kube_auth_generation(k->auth);
    if (add_named(&lines, "Accept", w->accept) < 0 ||
        (w->content_type != NULL &&
         add_named(&lines, "Content-Type", w->content_type) < 0) ||
        kube_auth_headers(k->auth, add_line, &lines) < 0) {
        err_set(e, ERR_LIMIT, "too many request headers");
    } else {
        r->method = w->method;
        r->url = w->url;
        r->headers = (const char *const *)lines.text;
        r->body = w->body;
        r->body_size = w->body_size;
        r->secret = w->secret;
        r->allow_plain = k->allow_plain;
        r->transport = kube_auth_transport(k->auth);
        c = http_start(k->http, r, e);
    }
    wipe_lines(&lines);
    return c;
}

/* ---- waiting on the server's word ---- */

int64_t
kube_jitter_ms(int64_t ms, int percent)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint32_t)clock_mono_ns();
    return ms + (int64_t)((double)ms * percent / 100.0 * ((double)random / UINT32_MAX));
}

void
kube_hold(struct kube *k, int64_t retry_after_ms)
{
    int64_t until = clock_mono_ms() + kube_jitter_ms(retry_after_ms, 25);

    if (until > k->hold_until_ms)
        k->hold_until_ms = until;
}

int64_t
kube_hold_left_ms(const struct kube *k)
{
    int64_t left = k->hold_until_ms - clock_mono_ms();
    return left > 0 ? left : 0;
}

/* ---- Warning: 299 - "text" ---- */

/* Unquotes the text of one Warning header; NULL when it is none of Kubernetes'. */
static const char *
warning_text(const char *value, char *out, size_t room)
{
    size_t n = 0;
    const char *p = strchr(value, '"');

    if (strncmp(value, "299 ", 4) != 0 || p == NULL)
        return NULL;
    for (p++; *p != '\0' && *p != '"' && n < room - 1; p++) {
        if (*p == '\\' && p[1] != '\0')
            p++;
        out[n++] = *p;
    }
    out[n] = '\0';
    return out;
}

void
kube_show_warnings(struct kube *k, const struct buf *headers)
{
    const char *line = buf_str(headers);
    char copy[2048], text[2048];

    for (; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncasecmp(line, "warning:", 8) != 0)
            continue;
        const char *value = line + 8 + strspn(line + 8, " \t");
        snprintf(copy, sizeof copy, "%.*s", (int)strcspn(value, "\n"), value);
        if (warning_text(copy, text, sizeof text) == NULL ||
            json_object_get(k->warnings_seen, text) != NULL ||
            json_object_size(k->warnings_seen) >= WARNINGS_MAX)
            continue;
        json_object_set_new(k->warnings_seen, text, json_true());
        if (k->actor == KUBE_AS_USER)
            fprintf(stderr, "Warning: %s\n", text);
        else
            log_warn(NULL, "the API server warns: %s", text);
    }
}
