/* test_kube_retry.c - what is sent again, after what, and how often. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/kube/kube_retry.h"
#include "tests/support/kube_rig.h"
#include "tests/support/rows.h"

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
    while (http_in_flight(kube_http(r.kube)) > 0) /* until the 429 is in */
        loop_poll_run(r.loop, &t.done, 20, &e);
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
