/* follow.c - see follow.h. */
#include "cli/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "common/limits.h"

#define RETRY_FIRST_MS 100
#define RETRY_CAP_MS 2000
#define WATCH_SECONDS "300"

struct follower {
    struct cli *cli;
    const struct kube_resource *res;
    const char *ns, *name, *selector;
    follow_fn *fn;
    void *arg;
    json_t *seen;      /* "namespace/name" to the object as last reported */
    char version[129]; /* where the watch goes on; "" when a list is due */
    struct buf line;
    int verdict;    /* of fn: 0, 1, -1 */
    bool moved;     /* the watch brought something since it was opened */
    struct err err; /* of fn */
};

static const char *
key_of(const json_t *object, char *key, size_t size)
{
    snprintf(key, size, "%s/%s", json_str_or(object, "metadata.namespace", ""),
             json_str_or(object, "metadata.name", ""));
    return key;
}

/* Reports the object unless this very version was reported before. */
static void
report(struct follower *f, const json_t *object, bool gone)
{
    char key[400];
    const json_t *before;

    if (f->verdict != 0)
        return;
    if (f->name != NULL && strcmp(json_str_or(object, "metadata.name", ""), f->name) != 0)
        return;
    before = json_object_get(f->seen, key_of(object, key, sizeof(key)));
    if (!gone && before != NULL &&
        strcmp(json_str_or(before, "metadata.resourceVersion", "?"),
               json_str_or(object, "metadata.resourceVersion", "")) == 0)
        return;
    if (gone)
        json_object_del(f->seen, key);
    else
        json_object_set(f->seen, key, (json_t *)object);
    f->verdict = f->fn(f->arg, object, gone, &f->err);
}

/* What was reported and is not in the new list has been deleted. */
static void
report_missing(struct follower *f, const json_t *items)
{
    SCOPED(json) json_t *left = json_copy(f->seen);
    const char *key;
    json_t *object;
    char name[400];

    for (size_t i = 0; i < json_array_size(items); i++)
        json_object_del(left, key_of(json_array_get(items, i), name, sizeof(name)));
    json_object_foreach(left, key, object) report(f, object, true);
}

static int
list_all(struct follower *f, struct err *e)
{
    SCOPED(json) json_t *list = cli_list(f->cli, f->res, f->ns, f->selector, e);

    if (list == NULL)
        return -1;
    const json_t *items = json_object_get(list, "items");
    report_missing(f, items);
    for (size_t i = 0; i < json_array_size(items); i++)
        report(f, json_array_get(items, i), false);
    snprintf(f->version, sizeof(f->version), "%s",
             json_str_or(list, "metadata.resourceVersion", ""));
    return 0;
}

static int
list_one(struct follower *f, struct err *e)
{
    struct kube_request r = {
        .verb = KUBE_GET, .res = f->res, .ns = f->ns, .name = f->name};
    SCOPED(json) json_t *object = NULL;

    if (cli_call(f->cli, &r, &object, NULL, e) < 0)
        return -1;
    report(f, object, false);
    snprintf(f->version, sizeof(f->version), "%s",
             json_str_or(object, "metadata.resourceVersion", ""));
    return 0;
}

static void
on_event(struct follower *f, const char *line, size_t size)
{
    struct err e = ERR_INIT;
    SCOPED(json) json_t *event = json_parse(line, size, 2 * LIMIT_OBJECT_BYTES, &e);
    const json_t *object = json_object_get(event, "object");
    const char *type = json_str_or(event, "type", "");

    if (object == NULL)
        return;
    if (strcmp(type, "ERROR") == 0) { /* the history is gone: list again */
        f->version[0] = '\0';
        return;
    }
    f->moved = true;
    snprintf(f->version, sizeof(f->version), "%s",
             json_str_or(object, "metadata.resourceVersion", f->version));
    if (strcmp(type, "BOOKMARK") != 0)
        report(f, object, strcmp(type, "DELETED") == 0);
}

static int
on_data(void *arg, const char *bytes, size_t size)
{
    struct follower *f = arg;

    while (size > 0) {
        const char *end = memchr(bytes, '\n', size);
        size_t part = end != NULL ? (size_t)(end - bytes) : size;

        if (f->line.size + part > 2 * LIMIT_OBJECT_BYTES)
            return -1;
        buf_add(&f->line, bytes, part);
        if (end == NULL)
            return 0;
        on_event(f, buf_str(&f->line), f->line.size);
        buf_clear(&f->line);
        if (f->verdict != 0 || f->version[0] == '\0')
            return -1;
        bytes += part + 1;
        size -= part + 1;
    }
    return 0;
}

/* One watch, until it ends. Returns -1 when the server refuses it for good. */
static int
watch_once(struct follower *f, int64_t wait_ms, struct err *e)
{
    char field[300];
    snprintf(field, sizeof(field), "metadata.name=%s", f->name != NULL ? f->name : "");
    struct kube_param params[7] = {{"watch", "true"},
                                   {"resourceVersion", f->version},
                                   {"allowWatchBookmarks", "true"},
                                   {"timeoutSeconds", WATCH_SECONDS}};
    size_t n = 4;
    if (f->name != NULL)
        params[n++] = (struct kube_param){"fieldSelector", field};
    if (f->selector != NULL)
        params[n++] = (struct kube_param){"labelSelector", f->selector};
    struct kube_stream_request r = {
        .req = {.verb = KUBE_WATCH, .res = f->res, .ns = f->ns, .params = params},
        .on_data = on_data,
        .arg = f,
        .total_ms = wait_ms,
    };
    struct kube_stream_end end = {0};
    struct err why = ERR_INIT;

    buf_clear(&f->line);
    f->moved = false;
    if (kube_stream_wait(f->cli->kube, &r, &end, &why) < 0 && end.http_status >= 400) {
        if (end.status.reason == KUBE_EXPIRED) {
            f->version[0] = '\0';
            return 0;
        }
        if (end.http_status == 401 || end.http_status == 403 || end.http_status == 404) {
            *e = why;
            return cli_refused(f->cli, "watch", f->res, &end.status, e);
        }
        f->version[0] = '\0'; /* no watches here: look again after a pause */
    }
    return 0;
}

static int
follow_on(struct follower *f, int64_t wait_ms, struct err *e)
{
    int64_t until = wait_ms < 0 ? INT64_MAX : clock_mono_ms() + wait_ms;
    struct backoff backoff = {RETRY_FIRST_MS, RETRY_CAP_MS, 20, 0};
    bool listed = false;

    for (;;) {
        if (f->version[0] == '\0') {
            struct err why = ERR_INIT;

            if ((f->name != NULL ? list_one(f, &why) : list_all(f, &why)) < 0) {
                /* Once it worked, an API server that is away is waited for. */
                if (!listed || (why.code != ERR_UNAVAILABLE && why.code != ERR_TIMEOUT)) {
                    *e = why;
                    return -1;
                }
            } else {
                listed = true;
            }
        }
        int64_t left = wait_ms < 0 ? 0 : until - clock_mono_ms();
        if (f->verdict == 0 && f->version[0] != '\0' && (wait_ms < 0 || left > 0) &&
            watch_once(f, left, e) < 0)
            return -1;
        if (f->verdict < 0)
            *e = f->err;
        if (f->verdict != 0)
            return f->verdict;
        if (clock_mono_ms() >= until)
            return 0;
        if (f->moved) {
            backoff_reset(&backoff);
            continue;
        }
        int64_t pause = backoff_next_ms(&backoff);
        usleep((useconds_t)(pause < until - clock_mono_ms() ? pause : 1) * 1000);
    }
}

int
follow(struct cli *c, const struct kube_resource *res, const char *ns, const char *name,
       const char *selector, int64_t wait_ms, follow_fn *fn, void *arg, struct err *e)
{
    struct follower f = {.cli = c,
                         .res = res,
                         .ns = ns,
                         .name = name,
                         .selector = selector,
                         .fn = fn,
                         .arg = arg,
                         .seen = json_object(),
                         .err = ERR_INIT};

    int verdict = cli_kube(c, e) == NULL ? -1 : follow_on(&f, wait_ms, e);
    json_decref(f.seen);
    buf_free(&f.line);
    return verdict;
}
