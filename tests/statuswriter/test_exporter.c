#include <criterion/criterion.h>
#include <string.h>

#include "common/macros.h"
#include "common/clock.h"
#include "common/metrics/metrics.h"
#include "common/worker/worker_self.h"
#include "statuswriter/exporter.h"
#include "statuswriter/podlog.h"
#include "tests/support/exposition.h"
#include "tests/support/rows.h"

Test(exporter, addresses_are_read)
{
    const struct {
        const char *text;
        int rc;
        const char *host, *port;
    } cases[] = {
        {"0", 0, NULL, NULL},
        {"", 0, NULL, NULL},
        {":8080", 1, "", "8080"},
        {"127.0.0.1:9", 1, "127.0.0.1", "9"},
        {"[::1]:8080", 1, "::1", "8080"},
        {"localhost:1", 1, "localhost", "1"},
        {"8080", -1, NULL, NULL},
        {":", -1, NULL, NULL},
        {":0", -1, NULL, NULL},
        {":65536", -1, NULL, NULL},
        {":80x", -1, NULL, NULL},
        {"::1:80", -1, NULL, NULL},
        {":-1", -1, NULL, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char host[64], port[8];
        struct err e = ERR_INIT;

        cr_assert_eq(exporter_address(cases[i].text, host, port, &e), cases[i].rc, "%s",
                     cases[i].text);
        if (cases[i].rc == 1) {
            cr_assert_str_eq(host, cases[i].host);
            cr_assert_str_eq(port, cases[i].port);
        }
    }
}

static void
some_metrics(void *arg, struct buf *out)
{
    (void)arg;
    buf_add_str(out, "# HELP x y\n# TYPE x counter\nx 1\n");
}

static bool
ready_or_not(void *arg, const char **reason)
{
    *reason = "watcher: not ready";
    return arg != NULL;
}

/* What the last renewal says. */
static bool
healthy_or_not(void *arg, const char **reason)
{
    *reason = "the Lease";
    return arg == NULL || strcmp(arg, "sick") != 0;
}

Test(exporter, paths_answer_what_their_listener_serves)
{
    const struct exporter_view health = {false,        true,           some_metrics,
                                         ready_or_not, healthy_or_not, NULL};
    const struct exporter_view ready = {true,         true,           some_metrics,
                                        ready_or_not, healthy_or_not, (void *)"x"};
    const struct exporter_view sick = {false,        true,           some_metrics,
                                       ready_or_not, healthy_or_not, (void *)"sick"};
    const struct {
        const struct exporter_view *v;
        const char *method, *path;
        unsigned status;
        const char *body;
    } cases[] = {
        {&health, "GET", "/healthz", 200, "ok"},
        {&health, "GET", "/readyz", 503, "not ready: watcher: not ready\n"},
        {&health, "GET", "/metrics", 404, NULL},
        {&sick, "GET", "/healthz", 503, "not healthy: the Lease\n"},
        {&sick, "GET", "/readyz", 200, "ok"},
        {&ready, "GET", "/readyz", 200, "ok"},
        {&ready, "HEAD", "/healthz", 200, "ok"},
        {&ready, "GET", "/metrics", 200, NULL},
        {&ready, "POST", "/healthz", 405, NULL},
        {&ready, "GET", "/", 404, NULL},
        {&ready, "GET", "/healthz/", 404, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(buf) struct buf out = BUF_INIT;

        cr_assert_eq(exporter_answer(cases[i].v, cases[i].method, cases[i].path, &out),
                     cases[i].status, "%s %s", cases[i].method, cases[i].path);
        if (cases[i].body != NULL)
            cr_assert_str_eq(buf_str(&out), cases[i].body);
    }
}

Test(exporter,
     a_leader_is_unhealthy_when_its_last_renewal_is_older_than_duration_and_20_s)
{
    const int64_t renewed = 1000000, limit = (15 + 20) * 1000;

    cr_expect(worker_lease_healthy(renewed, renewed));
    cr_expect(worker_lease_healthy(renewed, renewed + limit));
    cr_expect_not(worker_lease_healthy(renewed, renewed + limit + 1));
    cr_expect(worker_lease_healthy(0, renewed + limit + 1), "who does not lead");
    /* and long before that nobody writes */
    cr_expect(worker_lease_holds(renewed, renewed + 9999));
    cr_expect_not(worker_lease_holds(renewed, renewed + 10000));
    cr_expect_not(worker_lease_holds(0, 5));
}

static bool
page_healthy(void *arg, const char **reason)
{
    return worker_healthy(arg, reason);
}

Test(exporter, healthz_looks_at_the_renewal_in_the_watchers_page)
{
    const struct {
        int64_t age_ms;
        unsigned status;
    } cases[] = {{0, 200}, {9000, 200}, {34000, 200}, {36000, 503}, {-1, 200}};
    struct err e = ERR_INIT;
    int fd = page_create("test", &e);
    struct page *page = page_map(fd, true, &e);
    struct worker none = {.id = "statuswriter"};
    struct worker elects = {.id = "statuswriter", .lease_page = page_map(fd, false, &e)};
    struct exporter_view v = {false,        true,         some_metrics,
                              ready_or_not, page_healthy, &elects};

    cr_assert(page != NULL && elects.lease_page != NULL, "%s", e.text);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(buf) struct buf out = BUF_INIT;

        atomic_store(&page->lease_renewed_ms,
                     cases[i].age_ms < 0 ? 0 : clock_boot_ms() - cases[i].age_ms);
        cr_expect_eq(exporter_answer(&v, "GET", "/healthz", &out), cases[i].status,
                     "renewed %lld ms ago: %s", (long long)cases[i].age_ms,
                     buf_str(&out));
    }
    SCOPED(buf) struct buf out = BUF_INIT;
    v.arg = &none;
    cr_expect_eq(exporter_answer(&v, "GET", "/healthz", &out), 200,
                 "without an election");
    row_claim("KC/LE-8");
}

Test(exporter, process_metrics_are_well_formed)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    char why[256];

    exporter_process(&out);
    cr_assert_eq(exposition_check(buf_str(&out), why, sizeof(why)), 5, "%s", why);
    cr_assert(strstr(buf_str(&out), "\nprocess_resident_memory_bytes ") != NULL);
}

Test(exporter, every_upstream_metric_is_there_before_anything_was_counted)
{
    static const char *const names[] = {
        "kelos_task_created_total counter",      "kelos_task_completed_total counter",
        "kelos_task_duration_seconds histogram", "kelos_reconcile_errors_total counter",
        "kelos_task_cost_usd_total counter",     "kelos_task_input_tokens_total counter",
        "kelos_task_output_tokens_total counter"};
    SCOPED(buf) struct buf out = BUF_INIT;
    char why[256], line[128];

    metrics_export(NULL, 0, &out);
    cr_assert_geq(exposition_check(buf_str(&out), why, sizeof(why)), 0, "%s", why);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(line, sizeof(line), "# TYPE %s\n", names[i]);
        cr_assert(strstr(buf_str(&out), line) != NULL, "%s", line);
    }
}

Test(exposition, the_checker_finds_faults)
{
    static const char *const bads[] = {
        "x 1",                                            /* no newline at the end */
        "# TYPE x counter\nx one\n",                      /* no number */
        "# TYPE x counter\n# TYPE x counter\nx 1\n",      /* typed twice */
        "# TYPE x widget\nx 1\n",                         /* no such type */
        "# TYPE x counter\nx{a=\"1\" 1\n",                /* label set not closed */
        "# TYPE x counter\nx{a=\"1\"} 1\nx{a=\"1\"} 2\n", /* series twice */
        "# TYPE x counter\nx -1\n", /* counters do not fall below 0 */
        ("# TYPE h histogram\n"     /* a bucket below the one before it */
         "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n"),
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n", /* no +Inf */
        "1x 1\n",
    };
    char why[256];

    for (size_t i = 0; i < ARRAY_LEN(bads); i++)
        cr_assert_eq(exposition_check(bads[i], why, sizeof(why)), -1, "%zu", i);
    cr_assert_eq(
        exposition_check(
            "# HELP h t\n# TYPE h histogram\nh_bucket{n=\"a\",le=\"1\"} 1\n"
            "h_bucket{n=\"a\",le=\"+Inf\"} 3\nh_sum{n=\"a\"} 7.5\nh_count{n=\"a\"} 3\n",
            why, sizeof(why)),
        4, "%s", why);
}

static enum podlog_end
end_of(int http, enum err_code code)
{
    const struct kube_stream_end end = {.http_status = http, .err = {.code = code}};

    return podlog_end(&end);
}

Test(podlog, ends_of_a_stream)
{
    cr_assert_eq(end_of(200, ERR_NONE), PODLOG_DONE);
    cr_assert_eq(end_of(200, ERR_UNAVAILABLE), PODLOG_AGAIN);
    cr_assert_eq(end_of(0, ERR_UNAVAILABLE), PODLOG_AWAY);
    cr_assert_eq(end_of(400, ERR_INVALID), PODLOG_AGAIN);
    cr_assert_eq(end_of(401, ERR_UNAUTHORIZED), PODLOG_AWAY);
    cr_assert_eq(end_of(403, ERR_FORBIDDEN), PODLOG_AWAY);
    cr_assert_eq(end_of(404, ERR_NOT_FOUND), PODLOG_GONE);
    cr_assert_eq(end_of(429, ERR_BUSY), PODLOG_AWAY);
    cr_assert_eq(end_of(503, ERR_UNAVAILABLE), PODLOG_AWAY);
    cr_assert_eq(end_of(500, ERR_UNKNOWN), PODLOG_AGAIN);
    row_claim("KC/LOG-2");
}
