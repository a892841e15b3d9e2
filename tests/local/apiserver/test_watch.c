/* test_watch.c - what watchers are told: in order, once, without gaps, from any version. */
#include "tests/local/apiserver/serverfixture.h"

TestSuite(watch, .init = server_start, .fini = server_stop);

#define CMS "/api/v1/namespaces/default/configmaps"

static struct reply
handle(const char *method, const char *path, const char *type, const char *text,
       const struct param *params, size_t n)
{
    struct reply r = REPLY_INIT;
    struct call c = {.method = method,
                     .path = path,
                     .content_type = type,
                     .body = text,
                     .size = strlen(text)};
    struct err e = ERR_INIT;

    for (size_t i = 0; i < n; i++)
        c.params[c.param_count++] = params[i];
    api_handle(&server, &c, &r);
    cr_assert_eq(store_commit(server.store, &e), 0, "%s", e.text);
    hub_flush(server.hub);
    return r;
}

static void
write_cm(const char *method, const char *name, const char *labels)
{
    char text[300], path[200];
    struct reply r;

    snprintf(text, sizeof text, "{\"metadata\":{\"name\":\"%s\",\"labels\":%s}}", name,
             labels);
    snprintf(path, sizeof path, CMS "%s%s", strcmp(method, "POST") == 0 ? "" : "/",
             strcmp(method, "POST") == 0 ? "" : name);
    r = handle(method, path,
               strcmp(method, "PATCH") == 0 ? "application/merge-patch+json"
                                            : "application/json",
               strcmp(method, "DELETE") == 0 ? "" : text, NULL, 0);
    cr_assert(r.code < 300, "%s %s: %s", method, path, buf_str(&r.body));
    reply_clear(&r);
}

/* Opens a watch; params in turn name, value, NULL. */
static struct stream *
watch(struct reply *r, const char *const *params)
{
    struct param list[PARAM_MAX] = {{"watch", "true"}};
    size_t n = 1;

    for (; params[0] != NULL; params += 2)
        list[n++] = (struct param){params[0], params[1]};
    *r = handle("GET", CMS, NULL, "", list, n);
    return r->stream;
}

/* What is there to read now, as an array of events. */
static json_t *
events(struct stream *s, bool *over)
{
    SCOPED(buf) struct buf text = BUF_INIT;
    char piece[7]; /* torn at awkward bytes */
    long n;
    json_t *out = json_array();

    while ((n = s->read(s, piece, sizeof piece)) > 0)
        buf_add(&text, piece, (size_t)n);
    *over = n < 0;
    char *save = NULL;
    for (char *line = text.size > 0 ? strtok_r(text.data, "\n", &save) : NULL;
         line != NULL; line = strtok_r(NULL, "\n", &save)) {
        json_t *event = json_loads(line, 0, NULL);

        cr_assert(event != NULL, "%s", line);
        json_array_append_new(out, event);
    }
    return out;
}

/* "ADDED a,MODIFIED a" */
static void
expect(struct stream *s, const char *wanted)
{
    bool over;
    SCOPED(json) json_t *list = events(s, &over);
    SCOPED(buf) struct buf text = BUF_INIT;
    size_t i;
    json_t *event;

    json_array_foreach(list, i, event)
        buf_printf(&text, "%s%s %s", i > 0 ? "," : "", json_str_or(event, "type", "?"),
                   json_str_or(event, "object.metadata.name", "-"));
    cr_expect_str_eq(buf_str(&text), wanted);
}

Test(watch, tells_each_change_once_and_in_order)
{
    static const char *const none[] = {NULL};
    struct reply r;
    bool over;

    write_cm("POST", "a", "{}");
    struct stream *s = watch(&r, none);
    expect(s, "ADDED a");
    expect(s, "");
    write_cm("POST", "b", "{}");
    write_cm("PATCH", "a", "{\"x\":\"1\"}");
    write_cm("DELETE", "b", "{}");
    SCOPED(json) json_t *list = events(s, &over);
    size_t i;
    json_t *event;
    long long last = 0;
    static const char *const types[] = {"ADDED", "MODIFIED", "DELETED"};
    cr_assert_eq(json_array_size(list), 3u);
    json_array_foreach(list, i, event)
    {
        long long v = atoll(json_str_or(event, "object.metadata.resourceVersion", "0"));

        cr_expect_str_eq(json_str_or(event, "type", ""), types[i]);
        cr_expect(v > last);
        last = v;
    }
    cr_expect_not(over);
    reply_clear(&r);
    cr_expect_eq(hub_count(server.hub), 0u);
}

Test(watch, resumes_from_any_version)
{
    char versions[20][24];
    struct reply r;

    for (int i = 0; i < 20; i++) {
        snprintf(versions[i], sizeof versions[i], "%lld",
                 (long long)store_version(server.store));
        write_cm(i == 0 ? "POST" : "PATCH", "a",
                 i % 2 == 0 ? "{\"n\":\"even\"}" : "{\"n\":\"odd\"}");
    }
    for (int i = 0; i < 20; i++) {
        const char *const params[] = {"resourceVersion", versions[i], NULL};
        struct stream *s = watch(&r, params);
        bool over;
        SCOPED(json) json_t *list = events(s, &over);

        cr_expect_eq(json_array_size(list), (size_t)(20 - i));
        cr_expect_str_eq(json_str_or(json_array_get(list, 0), "type", ""),
                         i == 0 ? "ADDED" : "MODIFIED");
        reply_clear(&r);
    }
}

Test(watch, label_changes_come_and_go)
{
    static const char *const params[] = {"labelSelector", "app=x", NULL};
    struct reply r;
    struct stream *s = watch(&r, params);
    bool over;

    write_cm("POST", "a", "{\"app\":\"y\"}");
    write_cm("POST", "b", "{\"app\":\"x\"}");
    expect(s, "ADDED b");
    write_cm("PATCH", "a", "{\"app\":\"x\"}");
    expect(s, "ADDED a");
    write_cm("PATCH", "a", "{\"other\":\"1\"}");
    expect(s, "MODIFIED a");
    write_cm("PATCH", "b", "{\"app\":\"z\"}");
    SCOPED(json) json_t *list = events(s, &over);
    cr_assert_eq(json_array_size(list), 1u);
    cr_expect_str_eq(json_str_or(json_array_get(list, 0), "type", ""), "DELETED");
    cr_expect_str_eq(
        json_str_or(json_array_get(list, 0), "object.metadata.labels.app", ""), "x");
    write_cm("DELETE", "b", "{}");
    expect(s, "");
    write_cm("DELETE", "a", "{}");
    expect(s, "DELETED a");
    reply_clear(&r);
}

Test(watch, initial_events_end_with_a_bookmark)
{
    static const char *const params[] = {"sendInitialEvents",
                                         "true",
                                         "resourceVersionMatch",
                                         "NotOlderThan",
                                         "allowWatchBookmarks",
                                         "true",
                                         NULL};
    struct reply r;
    bool over;

    write_cm("POST", "a", "{}");
    write_cm("POST", "b", "{}");
    struct stream *s = watch(&r, params);
    SCOPED(json) json_t *list = events(s, &over);
    cr_assert_eq(json_array_size(list), 3u);
    cr_expect_str_eq(json_str_or(json_array_get(list, 2), "type", ""), "BOOKMARK");
    cr_expect_str_eq(json_str_or(json_array_get(list, 2),
                                 "object.metadata.annotations[k8s.io/initial-events-end]",
                                 ""),
                     "true");
    cr_expect_eq(atoll(json_str_or(json_array_get(list, 2),
                                   "object.metadata.resourceVersion", "0")),
                 store_version(server.store));
    write_cm("DELETE", "a", "{}");
    expect(s, "DELETED a");
    now_ms += 70000;
    SCOPED(json) json_t *later = events(s, &over);
    cr_assert_eq(json_array_size(later), 1u);
    cr_expect_str_eq(json_str_or(json_array_get(later, 0), "type", ""), "BOOKMARK");
    cr_expect_eq(atoll(json_str_or(json_array_get(later, 0),
                                   "object.metadata.resourceVersion", "0")),
                 store_version(server.store));
    reply_clear(&r);
    row_claim("KC/SRV-4");
}

Test(watch, history_that_is_gone_is_expired)
{
    static const char *const params[] = {"resourceVersion", "1", NULL};
    static const char *const none[] = {"resourceVersion", "100000", NULL};
    struct reply r;
    struct err e = ERR_INIT;
    bool over;

    for (int i = 0; i < 30; i++)
        write_cm(i == 0 ? "POST" : "PATCH", "a",
                 i % 2 == 0 ? "{\"n\":\"even\"}" : "{\"n\":\"odd\"}");
    /* A watch of the future waits. */
    struct stream *s = watch(&r, none);
    cr_assert(s != NULL);
    expect(s, "");
    reply_clear(&r);
    char version[24];
    snprintf(version, sizeof version, "%lld",
             (long long)store_version(server.store) - 25);
    const char *const behind[] = {"resourceVersion", version, NULL};
    struct stream *slow = watch(&r, behind);
    struct reply refused;
    now_ms += 600000;
    cr_assert_eq(store_prune(server.store, now_ms, 300000, 10, &e), 0, "%s", e.text);
    cr_assert_eq(store_commit(server.store, &e), 0);
    cr_assert(watch(&refused, params) == NULL);
    cr_expect_eq(refused.code, 410);
    reply_clear(&refused);
    SCOPED(json) json_t *list = events(slow, &over);
    cr_expect(over);
    cr_expect_str_eq(json_str_or(json_array_get(list, 0), "type", ""), "ERROR");
    cr_expect_eq(json_int_or(json_array_get(list, 0), "object.code", 0), 410);
    cr_expect_str_eq(json_str_or(json_array_get(list, 0), "object.reason", ""),
                     "Expired");
    reply_clear(&r);
    row_claim("KC/SRV-2");
}

Test(watch, ends_at_its_time)
{
    static const char *const params[] = {"timeoutSeconds", "5", NULL};
    struct reply r;
    struct stream *s = watch(&r, params);
    bool over;

    json_decref(events(s, &over));
    cr_expect_not(over);
    now_ms += 6000;
    json_decref(events(s, &over));
    cr_expect(over);
    reply_clear(&r);
}

Test(watch, what_is_not_committed_is_not_told)
{
    static const char *const none[] = {NULL};
    struct reply r, w = REPLY_INIT;
    struct stream *s = watch(&r, none);
    struct err e = ERR_INIT;
    struct call c = {.method = "POST",
                     .path = CMS,
                     .content_type = "application/json",
                     .body = "{\"metadata\":{\"name\":\"a\"}}",
                     .size = 25};

    expect(s, "");
    api_handle(&server, &c, &w);
    cr_assert_eq(w.code, 201);
    expect(s, "");
    cr_assert_eq(store_commit(server.store, &e), 0);
    expect(s, "ADDED a");
    reply_clear(&w);
    reply_clear(&r);
}

/* A random history with many watchers, each with its own start and speed; each must end with
 * the state that a list shows, having seen versions rise. */
Test(watch, random_histories_lead_to_the_listed_state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    bool there[5] = {false};
    struct reply replies[8];
    SCOPED(json) json_t *views = json_array();
    bool over;

    srand(7);
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        static const char *const none[] = {NULL};

        watch(&replies[i], none);
        json_array_append_new(views, json_object());
    }
    for (int step = 0; step < 400; step++) {
        size_t n = (size_t)rand() % 5, reader = (size_t)rand() % ARRAY_LEN(replies);
        const char *method = !there[n] ? "POST" : rand() % 4 == 0 ? "DELETE" : "PATCH";
        char labels[32];

        snprintf(labels, sizeof labels, "{\"n\":\"%d\"}", step);
        write_cm(method, names[n], labels);
        there[n] = strcmp(method, "DELETE") != 0;
        for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
            if (i != reader && step != 399)
                continue;
            SCOPED(json) json_t *list = events(replies[i].stream, &over);
            json_t *view = json_array_get(views, i), *event;
            size_t k;

            json_array_foreach(list, k, event)
            {
                const char *name = json_str_or(event, "object.metadata.name", ""),
                           *type = json_str_or(event, "type", "");

                cr_expect_eq(json_object_get(view, name) == NULL,
                             strcmp(type, "ADDED") == 0, "%s %s", type, name);
                if (strcmp(type, "DELETED") == 0)
                    json_object_del(view, name);
                else
                    json_object_set(view, name, json_object_get(event, "object"));
            }
        }
    }
    struct reply r = handle("GET", CMS, NULL, "", NULL, 0);
    SCOPED(json) json_t *list = json_loadb(r.body.data, r.body.size, 0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        size_t k;
        json_t *item, *view = json_array_get(views, i);

        cr_expect_eq(json_object_size(view), json_array_size(json_at(list, "items")));
        json_array_foreach(json_at(list, "items"), k, item) cr_expect(json_equal(
            item, json_object_get(view, json_str_or(item, "metadata.name", ""))));
        reply_clear(&replies[i]);
    }
    reply_clear(&r);
    row_claim("KC/SRV-3");
}
