/* test_kube.c - one call is one result, whatever the server does. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/kube/kube_retry.h"
#include "tests/support/kube_rig.h"
#include "tests/support/rows.h"

Test(kube, gets_an_object_after_dropped_and_refused_attempts)
{
    static const struct fault_rule rules[] = {
        {"GET /api/v1/namespaces/d/pods/p", 1, 1, "drop"},
        {"GET /api/v1/namespaces/d/pods/p", 2, 2, "status 500\njson {}"},
        {"GET /api/v1/namespaces/d/pods/p", 3, 3, "cut 10 " POD},
        {"GET /api/v1/namespaces/d/pods/p", 4, 0, "json " POD},
    };
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    SCOPED(json) json_t *body = NULL;
    const struct kube_request req = {
        .verb = KUBE_GET, .res = kube_res(KUBE_PODS), .ns = "d", .name = "p"};

    cr_assert_eq(kube_call_wait(r.kube, &req, &body, NULL, &e), 0, "%s", e.text);
    cr_assert_str_eq(json_str_or(body, "metadata.uid", ""), "u1");
    cr_assert_eq(fault_count(r.fault), 4);
    cr_assert(strstr(fault_request(r.fault, 0), "Authorization: Bearer canary-token") !=
              NULL);
    rig_down(&r);
}

Test(kube, sends_who_it_is_and_escapes_what_goes_into_urls)
{
    static const struct fault_rule rules[] = {
        {"GET", 0, 0, "json {\"items\":[],\"metadata\":{}}"}};
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    const struct kube_param params[] = {{"labelSelector", "a=b,c in (d&e)"},
                                        {NULL, NULL}};
    const struct kube_request req = {
        .verb = KUBE_LIST, .res = kube_res(KUBE_TASKS), .ns = "d", .params = params};

    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), 0, "%s", e.text);
    const char *seen = fault_request(r.fault, 0);
    cr_assert(strstr(seen,
                     "GET /apis/kelos.dev/v1alpha1/namespaces/d/tasks?labelSelector="
                     "a%3Db%2Cc%20in%20%28d%26e%29\n") == seen,
              "%s", seen);
    cr_assert(strstr(seen, "\nUser-Agent: kelos-test/") != NULL);
    cr_assert(strstr(seen, " (linux/") != NULL);
    cr_assert(strstr(seen, "Accept-Encoding") == NULL);
    row_claim("KC/HTTP-9");
    static const char *const names[] = {"..", ".", "a/b", "a%2f", ""};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct kube_request bad = get_pod();
        bad.name = names[i];
        cr_expect_eq(kube_call_wait(r.kube, &bad, NULL, NULL, &e), -1);
        cr_expect_eq(e.code, ERR_INVALID);
    }
    cr_assert_eq(fault_count(r.fault), 1, "no bad name reached the server");
    row_claim("KC/HTTP-7");
    rig_down(&r);
}

Test(kube, follows_no_redirect)
{
    static const struct fault_rule rules[] = {
        {"GET", 0, 0, "status 302\nheader Location: http://127.0.0.1:1/\ntext x"}};
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    const struct kube_request req = get_pod();

    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), -1);
    cr_assert(strstr(e.text, "HTTP 302") != NULL, "%s", e.text);
    cr_assert_eq(fault_count(r.fault), 1);
    rig_down(&r);
}

Test(kube, bounds_answers)
{
    static const struct fault_rule rules[] = {
        {"/pods/p", 0, 0, "stream\nbytes 200000\nend"},
        {"/pods/e", 0, 0, "status 400\nstream\nbytes 4300000\nend"},
    };
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    struct kube_request req = get_pod();

    req.body_limit = 100000;
    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), -1);
    cr_assert_eq(e.code, ERR_LIMIT, "%s", e.text);
    req.name = "e";
    req.body_limit = 0;
    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), -1);
    cr_assert_eq(e.code, ERR_LIMIT);
    cr_assert(strstr(e.text, "HTTP_ERROR_BODY_BYTES") != NULL, "%s", e.text);
    cr_assert_eq(fault_count(r.fault), 2, "a crossed limit is not repeated");
    rig_down(&r);
}

Test(kube, deletes_with_preconditions_and_takes_gone_for_done)
{
    static const struct fault_rule rules[] = {
        {"/pods/p", 1, 1,
         "status 404\njson "
         "{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\",\"details\":{"
         "\"name\":\"p\"}}"},
        {"/pods/p", 2, 2,
         "status 409\njson {\"kind\":\"Status\",\"code\":409,\"reason\":\"Conflict\"}"},
        {"/pods/p", 3, 3, "status 404\ntext <html>not here</html>"},
        {"/pods/p", 4, 4, "status 202\njson {}"},
        {"/pods/p", 5, 0,
         "status 409\njson {\"kind\":\"Status\",\"code\":409,\"reason\":\"Conflict\"}"},
    };
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    struct kube_request req = {.verb = KUBE_DELETE,
                               .res = kube_res(KUBE_PODS),
                               .ns = "d",
                               .name = "p",
                               .uid = "u1"};

    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), 0, "%s", e.text);
    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), 0, "%s", e.text);
    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), -1,
                 "a 404 of the route says nothing");
    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), 0);
    req.resource_version = "9";
    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), -1);
    cr_assert_eq(e.code, ERR_CONFLICT, "somebody was faster: look again");
    cr_assert(strstr(fault_request(r.fault, 0), "\"propagationPolicy\":\"Background\"") !=
              NULL);
    cr_assert(strstr(fault_request(r.fault, 0), "\"preconditions\":{\"uid\":\"u1\"}") !=
              NULL);
    cr_assert(strstr(fault_request(r.fault, 4), "\"resourceVersion\":\"9\"") != NULL);
    row_claim("KC/WR-8");
    rig_down(&r);
}

Test(kube, sends_the_content_type_of_each_patch_and_who_manages_it)
{
    static const struct fault_rule rules[] = {{"PATCH", 0, 0, "json {}"}};
    static const struct {
        enum kube_verb verb;
        const char *type;
    } rows[] = {{KUBE_PATCH_MERGE, "application/merge-patch+json"},
                {KUBE_PATCH_JSON, "application/json-patch+json"},
                {KUBE_APPLY, "application/apply-patch+yaml"}};
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    SCOPED(json) json_t *body = json_pack("{s:{s:s}}", "metadata", "uid", "u");

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct kube_request req = {.verb = rows[i].verb,
                                         .res = kube_res(KUBE_TASKS),
                                         .ns = "d",
                                         .name = "t",
                                         .subresource = "status",
                                         .body = body,
                                         .field_manager = "kelos-status",
                                         .force = true};
        char type[80];
        snprintf(type, sizeof type, "Content-Type: %s\n", rows[i].type);
        cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), 0, "%s", e.text);
        cr_assert(strstr(fault_request(r.fault, (int)i), type) != NULL);
        cr_assert(strstr(fault_request(r.fault, (int)i),
                         "/tasks/t/status?fieldManager=kelos-status") != NULL);
    }
    cr_assert(strstr(fault_request(r.fault, 2), "&force=true") != NULL);
    cr_assert(strstr(fault_request(r.fault, 0), "force") == NULL);
    struct kube_request apply = {.verb = KUBE_APPLY,
                                 .res = kube_res(KUBE_TASKS),
                                 .ns = "d",
                                 .name = "t",
                                 .body = body};
    cr_assert_eq(kube_call_wait(r.kube, &apply, NULL, NULL, &e), -1,
                 "no manager, no apply");
    row_claim("KC/WR-4");
    row_claim("KC/WR-5");
    rig_down(&r);
}

Test(kube, refuses_bodies_that_the_server_would_refuse)
{
    static const struct fault_rule rules[] = {{"POST", 0, 0, "json {}"}};
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    char *big = malloc(3200000);

    memset(big, 'x', 3200000);
    big[3199999] = '\0';
    SCOPED(json) json_t *huge = json_pack("{s:s}", "spec", big);
    big[300000] = '\0';
    SCOPED(json)
    json_t *notes = json_pack("{s:{s:{s:s}}}", "metadata", "annotations", "a", big);
    struct kube_request req = {.verb = KUBE_CREATE,
                               .res = kube_res(KUBE_TASKS),
                               .ns = "d",
                               .name = "t",
                               .body = huge};
    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), -1);
    cr_assert_eq(e.code, ERR_LIMIT);
    cr_assert(strstr(e.text, "REQUEST_BODY_BYTES") != NULL, "%s", e.text);
    req.body = notes;
    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), -1);
    cr_assert(strstr(e.text, "annotations") != NULL, "%s", e.text);
    cr_assert_eq(fault_count(r.fault), 0);
    row_claim("KC/OBJ-8");
    free(big);
    rig_down(&r);
}

Test(kube, lists_all_pages_and_starts_again_when_one_expired)
{
    static const struct fault_rule rules[] = {
        {"pods?limit=500&continue=one", 1, 1,
         "status 410\njson {\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}"},
        {"pods?limit=500", 0, 0,
         "json "
         "{\"metadata\":{\"resourceVersion\":\"4\",\"continue\":\"one\"},\"items\":[{"
         "\"metadata\":{\"name\":\"old\"}}]}"},
        {"/pods", 0, 0,
         "json "
         "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[{\"metadata\":{\"name\":"
         "\"a\"}},{\"metadata\":{\"name\":\"b\"}}]}"},
    };
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    SCOPED(json)
    json_t *all = kube_list_wait(r.kube, kube_res(KUBE_PODS), "d", NULL, 0, NULL, &e);

    cr_assert(all != NULL, "%s", e.text);
    cr_assert_eq(json_array_size(json_object_get(all, "items")), 2);
    cr_assert_str_eq(json_str_or(all, "items[1].kind", ""), "Pod");
    cr_assert_str_eq(json_str_or(all, "items[0].apiVersion", ""), "v1");
    cr_assert_str_eq(json_str_or(all, "metadata.resourceVersion", ""), "5");
    rig_down(&r);
}

Test(kube, shows_each_warning_once)
{
    static const struct fault_rule rules[] = {
        {"GET", 0, 0, "header Warning: 299 - \"old \\\"kind\\\"\"\njson " POD}};
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    const struct kube_request req = get_pod();
    char path[] = "/tmp/kube-warn.XXXXXX", text[256] = "";
    int fd = mkstemp(path), kept = dup(2);

    dup2(fd, 2);
    kube_call_wait(r.kube, &req, NULL, NULL, &e);
    kube_call_wait(r.kube, &req, NULL, NULL, &e);
    dup2(kept, 2);
    cr_assert_gt(pread(fd, text, sizeof text - 1, 0), 0);
    cr_assert_str_eq(text, "Warning: old \"kind\"\n");
    unlink(path);
    close(fd);
    row_claim("KC/HTTP-10");
    rig_down(&r);
}

Test(kube, keeps_what_it_is_told_of_the_base_url)
{
    static const struct fault_rule rules[] = {{"GET", 0, 0, "json " POD}};
    struct fault *f = fault_start(rules, 1);
    struct err e = ERR_INIT;
    struct loop *loop = loop_poll_new(&e);
    struct kubeconfig *c = rig_config(fault_url(f));
    const struct kube_options o = {.actor = KUBE_AS_USER, .program = "kelos-test"};
    char server[128];

    snprintf(server, sizeof server, "%s/clusters/a", fault_url(f));
    free(c->server);
    c->server = strdup(server);
    struct kube *k = kube_new(loop, &c, &o, &e);
    const struct kube_request req = get_pod();
    cr_assert_eq(kube_call_wait(k, &req, NULL, NULL, &e), 0, "%s", e.text);
    cr_assert(strstr(fault_request(f, 0),
                     "GET /clusters/a/api/v1/namespaces/d/pods/p\n") != NULL);
    row_claim("KC/HTTP-8");
    kube_free(k);
    loop_free(loop);
    fault_stop(f);
}

Test(kube, changes_only_what_it_means_to_change)
{
    static const struct fault_rule rules[] = {{"PUT", 0, 0, "json {}"}};
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    SCOPED(json)
    json_t *object = json_pack("{s:{s:s},s:{},s:{}}", "metadata", "resourceVersion", "7",
                               "spec", "status");
    char name[16];

    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "unknown%d", i);
        json_object_set_new(object, name, json_integer(i));
        json_object_set_new(json_object_get(object, "metadata"), name, json_string(name));
        json_object_set_new(json_object_get(object, "spec"), name,
                            json_pack("{s:[n,b]}", "deep", 1));
    }
    SCOPED(json) json_t *before = json_deep_copy(object);
    json_put_bool(object, "spec.suspend", true);
    const struct kube_request req = {.verb = KUBE_UPDATE,
                                     .res = kube_res(KUBE_TASK_SPAWNERS),
                                     .ns = "d",
                                     .name = "t",
                                     .body = object};
    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), 0, "%s", e.text);
    const char *sent = strstr(fault_request(r.fault, 0), "\n\n") + 2;
    SCOPED(json) json_t *after = json_parse(sent, strlen(sent), 0, &e);
    json_drop(after, "spec.suspend");
    cr_assert(json_equal(before, after));
    row_claim("KC/OBJ-1");
    row_claim("KC/BUG-26");
    rig_down(&r);
}

Test(kube, lets_no_controller_have_a_name_generated)
{
    static const struct fault_rule rules[] = {{"POST", 0, 0, "status 201\njson {}"}};
    struct rig r = rig_up_as(rules, 1, KUBE_AS_RECONCILER);
    struct err e = ERR_INIT;
    SCOPED(json) json_t *body = json_pack("{s:{s:s}}", "metadata", "generateName", "x-");
    const struct kube_request req = {
        .verb = KUBE_CREATE, .res = kube_res(KUBE_JOBS), .ns = "d", .body = body};

    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), -1);
    cr_assert_eq(e.code, ERR_INVALID);
    cr_assert_eq(fault_count(r.fault), 0);
    cr_assert(kube_needs_fresh(kube_retry_class(&req)),
              "and the CLI does it on a fresh connection");
    row_claim("KC/WR-10");
    rig_down(&r);
}

Test(kube, limits_itself_only_where_it_is_told_to_and_never_in_local_mode)
{
    static const struct fault_rule rules[] = {{"GET", 0, 0, "json {}"}};
    struct fault *f = fault_start(rules, 1);
    struct err e = ERR_INIT;
    struct loop *loop = loop_poll_new(&e);
    const struct kube_options o = {
        .actor = KUBE_AS_USER, .qps = 20, .burst = 2, .allow_plain_http = true};
    const struct kube_request req = get_pod();
    char server[64];
    long long took[2];

    for (int i = 0; i < 2;
         i++) { /* 0.0.0.0 reaches the same server and is no loopback address */
        snprintf(server, sizeof server, "http://%s:%d", i == 0 ? "0.0.0.0" : "127.0.0.1",
                 fault_port(f));
        struct kubeconfig *c = rig_config(server);
        struct kube *k = kube_new(loop, &c, &o, &e);
        int first = fault_count(f);
        for (int n = 0; n < 10; n++)
            cr_assert_eq(kube_call_wait(k, &req, NULL, NULL, &e), 0, "%s", e.text);
        took[i] = fault_time_ms(f, first + 9) - fault_time_ms(f, first);
        kube_free(k);
    }
    cr_assert_geq(took[0], 350, "8 of them at 20 a second: %lld ms", took[0]);
    cr_assert_lt(took[1], took[0]);
    row_claim("KC/LOAD-2");
    loop_free(loop);
    fault_stop(f);
}

Test(kube, reads_times_as_kubernetes_writes_them)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"2026-01-02T03:04:05Z", 1767323045000},
                {"2026-01-02T03:04:05.123456Z", 1767323045123},
                {"2026-01-02T04:04:05+01:00", 1767323045000},
                {"2026-01-02T03:04:05.1Z", 1767323045100}};
    char text[RFC3339_SIZE];
    int64_t ms;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cr_expect_eq(rfc3339_parse(rows[i].text, &ms), 0, "%s", rows[i].text);
        cr_expect_eq(ms, rows[i].ms, "%s: %lld", rows[i].text, (long long)ms);
    }
    cr_assert_eq(rfc3339_parse(NULL, &ms), -1);
    cr_assert_eq(rfc3339_parse("yesterday", &ms), -1);
    rfc3339_format(1767323045999, text);
    cr_assert_str_eq(text, "2026-01-02T03:04:05Z");
    rfc3339_format_micro(1767323045000000, text);
    cr_assert_str_eq(text, "2026-01-02T03:04:05.000000Z");
    row_claim("KC/OBJ-5");
}

Test(kube, asks_for_metadata_alone_where_identity_is_enough)
{
    static const struct fault_rule rules[] = {{"GET", 0, 0, "json {}"}};
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    const struct kube_request req = {
        .verb = KUBE_LIST,
        .res = kube_res(KUBE_PODS),
        .ns = "d",
        .accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"};

    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), 0);
    cr_assert(
        strstr(fault_request(r.fault, 0),
               "\nAccept: "
               "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io\n") !=
        NULL);
    row_claim("KC/LIST-2");
    rig_down(&r);
}

static void
count_down(void *arg, const struct kube_result *r UNUSED)
{
    --*(int *)arg;
}

Test(kube, sends_what_ends_something_before_what_begins_it_but_lets_that_have_its_turn)
{
    enum { USUAL = 3, AHEAD = 20 };
    static const struct fault_rule rules[] = {{"GET", 0, 0, "json {}"}};
    struct fault *f = fault_start(rules, 1);
    struct err e = ERR_INIT;
    struct loop *loop = loop_poll_new(&e);
    /* One at a time: 0.0.0.0 reaches the same server and is no loopback address. */
    const struct kube_options o = {
        .actor = KUBE_AS_USER, .qps = 50, .burst = 1, .allow_plain_http = true};
    char server[64], seen[USUAL + AHEAD + 1] = "";
    int left = USUAL + AHEAD;
    bool done = false;

    snprintf(server, sizeof server, "http://0.0.0.0:%d", fault_port(f));
    struct kubeconfig *c = rig_config(server);
    struct kube *k = kube_new(loop, &c, &o, &e);
    for (int i = 0; i < USUAL + AHEAD; i++) {
        struct kube_request req = get_pod();
        req.ahead = i >= USUAL;
        req.name = req.ahead ? "ahead" : "usual";
        cr_assert_not_null(kube_call(k, &req, count_down, &left, &e), "%s", e.text);
    }
    cr_assert(kube_waiting(k));
    while (left > 0)
        cr_assert_neq(loop_poll_run(loop, &done, 10, &e), -1);
    cr_assert_not(kube_waiting(k));
    for (int i = 0; i < USUAL + AHEAD; i++)
        seen[i] = strstr(fault_request(f, i), "/ahead") != NULL ? 'a' : 'u';
    cr_assert_str_eq(seen, "aaaaaaaauaaaaaaaauaaaau");
    kube_free(k);
    loop_free(loop);
    fault_stop(f);
}

Test(kube, one_of_eight_that_act_together_keeps_to_its_part)
{
    static const struct fault_rule rules[] = {{"GET", 0, 0, "delay 20000\njson {}"}};
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    int left = 10;
    bool done = false;

    kube_share(r.kube, 8);
    for (int i = 0; i < 10; i++) {
        const struct kube_request req = get_pod();
        cr_assert_not_null(kube_call(r.kube, &req, count_down, &left, &e), "%s", e.text);
    }
    while (fault_count(r.fault) < 4)
        cr_assert_neq(loop_poll_run(r.loop, &done, 10, &e), -1);
    cr_assert_neq(loop_poll_run(r.loop, &done, 300, &e), -1);
    cr_assert_eq(fault_count(r.fault), 4, "%d of 32 in flight", fault_count(r.fault));
    cr_assert(kube_waiting(r.kube));
    rig_down(&r);
}

static void
count_up(void *arg)
{
    ++*(int *)arg;
}

Test(kube, is_full_when_as_many_wait_as_may_be_in_flight_and_says_when_it_is_not_any_more)
{
    static const struct fault_rule rules[] = {{"GET", 0, 0, "delay 20000\njson {}"}};
    struct rig r = rig_up(rules);
    struct kube_call *calls[8];
    struct err e = ERR_INIT;
    int left = 8, told = 0;
    bool done = false;

    kube_share(r.kube, 8);
    kube_on_room(r.kube, count_up, &told);
    for (int i = 0; i < 8; i++) {
        const struct kube_request req = get_pod();
        calls[i] = kube_call(r.kube, &req, count_down, &left, &e);
        cr_assert_not_null(calls[i], "%s", e.text);
    }
    while (fault_count(r.fault) < 4)
        cr_assert_neq(loop_poll_run(r.loop, &done, 10, &e), -1);
    cr_assert(kube_full(r.kube), "four are in flight, four wait");
    told = 0; /* while they were not sent yet, more of them waited */
    cr_assert_neq(loop_poll_run(r.loop, &done, 100, &e), -1);
    cr_assert_eq(told, 0);
    kube_cancel(calls[7]);
    while (told == 0)
        cr_assert_neq(loop_poll_run(r.loop, &done, 10, &e), -1);
    cr_assert_not(kube_full(r.kube));
    cr_assert(kube_waiting(r.kube));
    cr_assert_neq(loop_poll_run(r.loop, &done, 100, &e), -1);
    cr_assert_eq(told, 1, "once");
    rig_down(&r);
}

static void
until_none_waits(struct rig *r)
{
    struct err e = ERR_INIT;
    bool done = false;

    while (kube_waiting(r->kube))
        cr_assert_neq(loop_poll_run(r->loop, &done, 1, &e), -1);
}

Test(kube, is_full_of_what_a_server_that_fails_is_to_be_asked_again)
{
    enum { FULL = 4 * 16 };
    static const struct fault_rule rules[] = {{"GET", 0, 0, "status 500\njson {}"}};
    struct rig r = rig_up(rules);
    struct kube_call *calls[FULL];
    struct err e = ERR_INIT;
    int left = FULL;

    kube_share(r.kube, 8);
    for (int i = 0; i < FULL; i++) {
        const struct kube_request req = get_pod();
        calls[i] = kube_call(r.kube, &req, count_down, &left, &e);
        cr_assert_not_null(calls[i], "%s", e.text);
    }
    until_none_waits(&r);
    cr_assert(kube_full(r.kube), "each is asked again, after a while");
    kube_cancel(calls[0]);
    until_none_waits(&r);
    cr_assert_not(kube_full(r.kube));
    cr_assert_eq(left, FULL);
    rig_down(&r);
}
