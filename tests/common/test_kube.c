/* test_kube.c - one call is one result, whatever the server does. */
#include "common/kube/kube.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/kube/kube_retry.h"
#include "tests/support/fault.h"
#include "tests/support/rows.h"

struct rig {
    struct fault *fault;
    struct loop *loop;
    struct kube *kube;
};

static struct kubeconfig *
config_for(const char *url)
{
    struct kubeconfig *c = calloc(1, sizeof *c);

    c->source = strdup("test");
    c->context = strdup("test");
    c->server = strdup(url);
    c->namespace_ = strdup("d");
    c->token = secret_new("canary-token", 12);
    return c;
}

static struct rig
rig_up_as(const struct fault_rule *rules, size_t n, enum kube_actor actor)
{
    struct rig r;
    struct err e = ERR_INIT;

    r.fault = fault_start(rules, n);
    r.loop = loop_poll_new(&e);
    struct kubeconfig *c = config_for(fault_url(r.fault));
    const struct kube_options o = {.actor = actor,
                                   .program = "kelos-test",
                                   .backoff_first_ms = 10,
                                   .backoff_cap_ms = 50};
    r.kube = kube_new(r.loop, &c, &o, &e);
    cr_assert(r.kube != NULL, "%s", e.text);
    return r;
}

static void
rig_down(struct rig *r)
{
    kube_free(r->kube);
    loop_free(r->loop);
    fault_stop(r->fault);
}

#define rig_up(rules) rig_up_as(rules, ARRAY_LEN(rules), KUBE_AS_USER)
#define POD                                                                              \
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"uid\":\"u1\",\"resourceVersion\":" \
    "\"7\"}}"

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

static struct kube_request
get_pod(void)
{
    return (struct kube_request){
        .verb = KUBE_GET, .res = kube_res(KUBE_PODS), .ns = "d", .name = "p"};
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

/* ---- the table of repeats: class by event ---- */

struct sample {
    const char *label;
    struct kube_request r;
    int repeats[4]; /* after not sent, ambiguous, wait, server: 0 no, 1 once, 2 yes */
};

Test(kube, repeats_by_the_table)
{
    const struct sample rows[] = {
        {"get", {.verb = KUBE_GET}, {2, 2, 2, 2}},
        {"list", {.verb = KUBE_LIST}, {2, 2, 2, 2}},
        {"named create",
         {.verb = KUBE_CREATE, .repeat = KUBE_REPEAT_NAMED},
         {2, 2, 2, 2}},
        {"event", {.verb = KUBE_CREATE, .repeat = KUBE_REPEAT_ONCE}, {2, 1, 2, 0}},
        {"generateName", {.verb = KUBE_CREATE}, {2, 0, 2, 0}},
        {"put", {.verb = KUBE_UPDATE}, {2, 2, 2, 2}},
        {"merge patch", {.verb = KUBE_PATCH_MERGE}, {2, 2, 2, 2}},
        {"apply", {.verb = KUBE_APPLY}, {2, 2, 2, 2}},
        {"json patch", {.verb = KUBE_PATCH_JSON}, {2, 0, 2, 0}},
        {"guarded",
         {.verb = KUBE_PATCH_JSON, .repeat = KUBE_REPEAT_GUARDED},
         {2, 2, 2, 2}},
        {"delete with uid", {.verb = KUBE_DELETE, .uid = "u"}, {2, 2, 2, 2}},
        {"delete by name", {.verb = KUBE_DELETE}, {2, 0, 2, 0}},
        {"never", {.verb = KUBE_UPDATE, .repeat = KUBE_REPEAT_NEVER}, {2, 0, 2, 0}},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int event = 0; event < RETRY_EVENTS; event++) {
            enum retry_class class = kube_retry_class(&rows[i].r);
            int most = rows[i].repeats[event] == 2 ? 9 : rows[i].repeats[event];
            for (int attempts = 1; attempts <= 11; attempts++)
                cr_expect_eq(kube_may_retry(class, (enum retry_event)event, attempts),
                             attempts <= most, "%s, event %d, %d attempts", rows[i].label,
                             event, attempts);
            cr_expect_eq(kube_needs_fresh(class), rows[i].repeats[RETRY_AMBIGUOUS] != 2,
                         "%s", rows[i].label);
        }
}

static const char job[] = "{\"metadata\":{\"name\":\"j\"}}";

static int
create_job(struct rig *r, enum kube_repeat repeat, struct err *e)
{
    SCOPED(json) json_t *body = json_parse(job, strlen(job), 0, e);
    const struct kube_request req = {.verb = KUBE_CREATE,
                                     .res = kube_res(KUBE_JOBS),
                                     .ns = "d",
                                     .name = "j",
                                     .body = body,
                                     .repeat = repeat};

    return kube_call_wait(r->kube, &req, NULL, NULL, e);
}

Test(kube, posts_once_when_a_reused_connection_dies_after_the_server_read_it)
{
    static const struct fault_rule rules[] = {
        {"GET", 0, 0, "json " POD},
        {"POST", 0, 0, "drop"},
    };
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    const struct kube_request req = get_pod();

    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), 0);
    cr_assert_eq(create_job(&r, KUBE_REPEAT_AUTO, &e), -1);
    cr_assert_eq(fault_matching(r.fault, "POST"), 1,
                 "neither libcurl nor we may send it again");
    cr_assert_eq(e.code, ERR_UNKNOWN);
    row_claim("KC/HTTP-2");
    row_claim("KC/BUG-30");
    rig_down(&r);
}

Test(kube, repeats_a_named_create_and_reports_that_it_exists)
{
    static const struct fault_rule rules[] = {
        {"POST", 1, 1, "drop"},
        {"POST", 2, 0,
         "status 409\njson "
         "{\"kind\":\"Status\",\"code\":409,\"reason\":\"AlreadyExists\",\"details\":"
         "{\"name\":\"j\"}}"},
    };
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;

    cr_assert_eq(create_job(&r, KUBE_REPEAT_NAMED, &e), -1);
    cr_assert_eq(e.code, ERR_EXISTS);
    rig_down(&r);
}

Test(kube, waits_for_everybody_when_the_server_says_so)
{
    static const struct fault_rule rules[] = {
        {"POST", 1, 1, "status 429\nheader Retry-After: 1\njson {}"},
        {"POST", 2, 0, "status 201\njson {}"},
        {"GET", 0, 0, "json " POD},
    };
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;

    cr_assert_eq(create_job(&r, KUBE_REPEAT_AUTO, &e), 0, "%s", e.text);
    cr_assert_geq(fault_time_ms(r.fault, 1) - fault_time_ms(r.fault, 0), 990);
    cr_assert_leq(fault_time_ms(r.fault, 1) - fault_time_ms(r.fault, 0), 5000);
    rig_down(&r);
}

struct two {
    int left;
    bool done;
};

static void
on_one(void *arg, const struct kube_result *r)
{
    struct two *t = arg;

    (void)r;
    t->done = --t->left == 0;
}

Test(kube, holds_back_other_calls_too_and_keeps_few_in_flight)
{
    static const struct fault_rule rules[] = {
        {"POST", 1, 1, "status 429\nheader Retry-After: 1\njson {}"},
        {"POST", 2, 0, "status 201\njson {}"},
        {"GET", 0, 0, "delay 20\njson " POD},
    };
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    struct two t = {.left = 101};
    SCOPED(json) json_t *body = json_parse(job, strlen(job), 0, &e);
    const struct kube_request post = {.verb = KUBE_CREATE,
                                      .res = kube_res(KUBE_JOBS),
                                      .ns = "d",
                                      .name = "j",
                                      .body = body,
                                      .repeat = KUBE_REPEAT_NAMED};
    const struct kube_request req = get_pod();

    cr_assert(kube_call(r.kube, &post, on_one, &t, &e) != NULL);
    while (fault_count(r.fault) == 0)
        loop_poll_run(r.loop, &t.done, 20, &e);
    loop_poll_run(r.loop, &t.done, 100, &e); /* the 429 is in */
    for (int i = 0; i < 100; i++)
        cr_assert(kube_call(r.kube, &req, on_one, &t, &e) != NULL);
    while (!t.done)
        cr_assert(loop_poll_run(r.loop, &t.done, 1000, &e) >= 0 &&
                  http_in_flight(kube_http(r.kube)) <= 32);
    for (int i = 1; i < fault_count(r.fault); i++)
        cr_assert_geq(fault_time_ms(r.fault, i) - fault_time_ms(r.fault, 0), 990);
    cr_assert_eq(fault_count(r.fault), 102);
    row_claim("KC/LOAD-1");
    row_claim("KC/LOAD-3");
    rig_down(&r);
}

Test(kube, gives_up_after_ten_attempts_or_at_its_deadline)
{
    static const struct fault_rule rules[] = {
        {"/pods/p", 0, 0, "status 500\njson {}"},
        {"/pods/slow", 0, 0, "delay 30000\njson {}"},
    };
    struct rig r = rig_up(rules);
    struct err e = ERR_INIT;
    struct kube_request req = get_pod();

    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), -1);
    cr_assert_eq(fault_count(r.fault), 10);
    req.name = "slow";
    req.deadline_ms = 100;
    cr_assert_eq(kube_call_wait(r.kube, &req, NULL, NULL, &e), -1);
    cr_assert_eq(e.code, ERR_TIMEOUT, "%s", e.text);
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
    json_t *all = kube_list_wait(r.kube, kube_res(KUBE_PODS), "d", NULL, NULL, &e);

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
    struct kubeconfig *c = config_for(fault_url(f));
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

/* ---- what each actor may do ---- */

Test(kube, refuses_what_the_table_does_not_give_an_actor)
{
    static const struct {
        enum kube_actor actor;
        enum kube_verb verb;
        enum kube_res res;
        const char *sub;
        bool may;
    } rows[] = {
        {KUBE_AS_USER, KUBE_DELETE, KUBE_SECRETS, NULL, true},
        {KUBE_AS_WATCHER, KUBE_WATCH, KUBE_TASKS, NULL, true},
        {KUBE_AS_WATCHER, KUBE_GET, KUBE_SECRETS, NULL, false},
        {KUBE_AS_WATCHER, KUBE_WATCH, KUBE_SECRETS, NULL, false},
        {KUBE_AS_WATCHER, KUBE_CREATE, KUBE_JOBS, NULL, false},
        {KUBE_AS_WATCHER, KUBE_PATCH_MERGE, KUBE_TASKS, "status", false},
        {KUBE_AS_WATCHER, KUBE_UPDATE, KUBE_LEASES, NULL, true},
        {KUBE_AS_WATCHER, KUBE_DELETE, KUBE_LEASES, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_CREATE, KUBE_JOBS, NULL, true},
        {KUBE_AS_RECONCILER, KUBE_DELETE, KUBE_AXON_TASKS, NULL, true},
        {KUBE_AS_RECONCILER, KUBE_GET, KUBE_SECRETS, NULL, true},
        {KUBE_AS_RECONCILER, KUBE_LIST, KUBE_SECRETS, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_WATCH, KUBE_TASKS, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_PATCH_MERGE, KUBE_TASKS, "status", false},
        {KUBE_AS_RECONCILER, KUBE_UPDATE, KUBE_TASKS, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_DELETE, KUBE_WORKSPACES, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_CREATE, KUBE_CLUSTER_ROLES, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_CREATE, KUBE_EVENTS, NULL, false},
        {KUBE_AS_RECONCILER, KUBE_UPDATE, KUBE_LEASES, NULL, false},
        {KUBE_AS_STATUSWRITER, KUBE_PATCH_MERGE, KUBE_TASKS, "status", true},
        {KUBE_AS_STATUSWRITER, KUBE_PATCH_MERGE, KUBE_TASKS, NULL, false},
        {KUBE_AS_STATUSWRITER, KUBE_GET, KUBE_PODS, "log", true},
        {KUBE_AS_STATUSWRITER, KUBE_CREATE, KUBE_EVENTS, NULL, true},
        {KUBE_AS_STATUSWRITER, KUBE_GET, KUBE_SECRETS, NULL, false},
        {KUBE_AS_STATUSWRITER, KUBE_DELETE, KUBE_TASKS, NULL, false},
        {KUBE_AS_STATUSWRITER, KUBE_CREATE, KUBE_JOBS, NULL, false},
        {KUBE_AS_RUNNER, KUBE_PATCH_MERGE, KUBE_PODS, "status", true},
        {KUBE_AS_RUNNER, KUBE_CREATE, KUBE_JOBS, NULL, false},
        {KUBE_AS_RUNNER, KUBE_LIST, KUBE_SECRETS, NULL, false},
        {KUBE_AS_RUNNER, KUBE_PATCH_MERGE, KUBE_TASKS, NULL, false},
        {KUBE_AS_SPAWNER, KUBE_GET, KUBE_TASKS, NULL, false},
        {KUBE_AS_SPAWNER, KUBE_CREATE, KUBE_TASKS, NULL, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        int rc = kube_allowed(rows[i].actor, rows[i].verb, kube_res(rows[i].res),
                              rows[i].sub, &e);
        cr_expect_eq(rc == 0, rows[i].may, "row %zu: %s", i, e.text);
        cr_expect(rc == 0 || e.code == ERR_FORBIDDEN);
    }
}

Test(kube, sends_nothing_that_the_table_refuses)
{
    static const struct fault_rule rules[] = {{"", 0, 0, "json {}"}};
    struct rig r = rig_up_as(rules, 1, KUBE_AS_WATCHER);
    struct err e = ERR_INIT;

    cr_assert_eq(create_job(&r, KUBE_REPEAT_NAMED, &e), -1);
    cr_assert_eq(e.code, ERR_FORBIDDEN);
    cr_assert_eq(fault_count(r.fault), 0);
    rig_down(&r);
}

Test(kube, knows_its_resources)
{
    cr_assert_eq(kube_res_find(NULL, "task"), kube_res(KUBE_TASKS));
    cr_assert_eq(kube_res_find("axon.io", "Tasks"), kube_res(KUBE_AXON_TASKS));
    cr_assert_eq(kube_res_find(NULL, "jobs.batch"), kube_res(KUBE_JOBS));
    cr_assert_eq(kube_res_find(NULL, "po"), kube_res(KUBE_PODS));
    cr_assert_eq(kube_res_find(NULL, "nothing"), NULL);
    cr_assert_eq(kube_res_of("batch/v1", "Job"), kube_res(KUBE_JOBS));
    cr_assert_eq(kube_res_of("v1", "Job"), NULL);
}

Test(kube, orders_versions_only_where_they_are_ordered)
{
    static const struct {
        const char *a, *b;
        bool can;
        int order;
    } rows[] = {
        {"9", "10", true, -1}, {"10", "9", true, 1},
        {"7", "7", true, 0},   {"340282366920938463463374607431768211455", "9", true, 1},
        {"", "1", false, 0},   {"01", "1", false, 0},
        {"1a", "1", false, 0}, {"-1", "1", false, 0}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int order = 0;
        cr_expect_eq(kube_version_compare(rows[i].a, rows[i].b, &order), rows[i].can,
                     "%zu", i);
        cr_expect_eq((order > 0) - (order < 0), rows[i].order, "%zu", i);
    }
    row_claim("KC/OBJ-3");
}

Test(kube, knows_names)
{
    struct err e = ERR_INIT;

    cr_assert_eq(kube_check_subdomain("a.b-c.1", &e), 0);
    cr_assert_eq(kube_check_label("fix-42", &e), 0);
    static const char *const bads[] = {"",     "A",  "a_b", "-a",   "a-",
                                       "a..b", ".a", "a.",  "a-.b", "a.-b"};
    for (size_t i = 0; i < ARRAY_LEN(bads); i++)
        cr_expect_eq(kube_check_subdomain(bads[i], &e), -1, "%s", bads[i]);
    cr_assert_eq(kube_check_label("a.b", &e), -1);
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
        struct kubeconfig *c = config_for(server);
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
