#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/metrics/metrics.h"
#include "tests/support/rows.h"

static struct page one, two;

static void
name_page(struct page *p, const char *worker)
{
    memset(p, 0, sizeof *p);
    snprintf(p->worker, sizeof p->worker, "%s", worker);
}

static const char *
exported(struct buf *out)
{
    const struct page *pages[] = {&one, NULL, &two};

    buf_clear(out);
    metrics_export(pages, 3, out);
    return buf_str(out);
}

Test(metrics, counters_of_all_workers_are_summed_where_the_table_says_so)
{
    struct buf out = BUF_INIT;
    struct metrics *a, *b;

    name_page(&one, "shard-0");
    name_page(&two, "shard-1");
    a = metrics_new(&one);
    b = metrics_new(&two);
    metric_add(a, METRIC_TASK_CREATED, 2, "dev", "codex");
    metric_add(b, METRIC_TASK_CREATED, 3, "dev", "codex");
    metric_set(a, METRIC_QUEUE_DEPTH, 7, "tasks");
    metric_set(b, METRIC_QUEUE_DEPTH, 8, "tasks");
    exported(&out);
    cr_expect_not_null(
        strstr(buf_str(&out),
               "\nkelos_task_created_total{namespace=\"dev\",type=\"codex\"} 5\n"));
    cr_expect_not_null(strstr(
        buf_str(&out), "kelos_queue_depth{queue=\"tasks\",worker=\"shard-0\"} 7\n"));
    cr_expect_not_null(strstr(
        buf_str(&out), "kelos_queue_depth{queue=\"tasks\",worker=\"shard-1\"} 8\n"));
    buf_free(&out);
    metrics_free(a);
    metrics_free(b);
}

Test(metrics, what_was_counted_survives_the_worker)
{
    const struct page *pages[] = {&one};
    struct metrics *m;

    name_page(&one, "shard-0");
    for (int life = 0; life < 5; life++) {
        m = metrics_new(&one);
        metric_add(m, METRIC_RECONCILE_ERRORS, 1, "task");
        metrics_free(m);
    }
    cr_expect_eq(metrics_value(pages, 1, METRIC_RECONCILE_ERRORS, METRIC_LABELS("task")),
                 5);
    cr_expect_eq(one.n_series, 1);
}

Test(metrics, histograms_have_cumulative_buckets_sum_and_count)
{
    struct buf out = BUF_INIT;
    struct metrics *m;

    name_page(&one, "shard-0");
    name_page(&two, "");
    m = metrics_new(&one);
    metric_observe(m, METRIC_TASK_DURATION, 10, "dev", "codex", "Succeeded");
    metric_observe(m, METRIC_TASK_DURATION, 100, "dev", "codex", "Succeeded");
    metric_observe(m, METRIC_TASK_DURATION, 9999, "dev", "codex", "Succeeded");
    exported(&out);
#define L "{namespace=\"dev\",type=\"codex\",phase=\"Succeeded\""
    cr_expect_not_null(
        strstr(buf_str(&out), "kelos_task_duration_seconds_bucket" L ",le=\"30\"} 1\n"));
    cr_expect_not_null(
        strstr(buf_str(&out), "kelos_task_duration_seconds_bucket" L ",le=\"120\"} 2\n"));
    cr_expect_not_null(strstr(buf_str(&out), "kelos_task_duration_seconds_bucket" L
                                             ",le=\"3600\"} 2\n"));
    cr_expect_not_null(strstr(buf_str(&out), "kelos_task_duration_seconds_bucket" L
                                             ",le=\"+Inf\"} 3\n"));
    cr_expect_not_null(
        strstr(buf_str(&out), "kelos_task_duration_seconds_sum" L "} 10109\n"));
    cr_expect_not_null(
        strstr(buf_str(&out), "kelos_task_duration_seconds_count" L "} 3\n"));
    buf_free(&out);
    metrics_free(m);
}

Test(metrics, every_row_is_exported_before_anything_is_counted)
{
    static const char *const names[] = {
        "kelos_task_created_total",      "kelos_task_completed_total",
        "kelos_task_duration_seconds",   "kelos_reconcile_errors_total",
        "kelos_task_cost_usd_total",     "kelos_task_input_tokens_total",
        "kelos_task_output_tokens_total"};
    struct buf out = BUF_INIT;

    name_page(&one, "");
    name_page(&two, "");
    exported(&out);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char line[128];

        snprintf(line, sizeof line, "# TYPE %s ", names[i]);
        cr_expect_not_null(strstr(buf_str(&out), line), "%s", names[i]);
    }
    buf_free(&out);
}

Test(metrics, label_values_are_escaped)
{
    struct buf out = BUF_INIT;
    struct metrics *m;

    name_page(&one, "w");
    name_page(&two, "");
    m = metrics_new(&one);
    metric_add(m, METRIC_TASK_CREATED, 1, "a\"b\\c\nd", "");
    exported(&out);
    cr_expect_not_null(
        strstr(buf_str(&out), "namespace=\"a\\\"b\\\\c\\nd\",type=\"\"} 1\n"), "%s",
        buf_str(&out));
    buf_free(&out);
    metrics_free(m);
}

Test(metrics, a_full_table_drops_new_series_and_keeps_the_old)
{
    const struct page *pages[] = {&one};
    struct metrics *m;
    char ns[16];

    log_init("test", LEVEL_ERROR, LOG_TEXT);
    name_page(&one, "w");
    m = metrics_new(&one);
    for (int i = 0; i < PAGE_SERIES + 50; i++) {
        snprintf(ns, sizeof ns, "ns-%d", i);
        metric_add(m, METRIC_TASK_CREATED, 1, ns, "t");
    }
    metric_add(m, METRIC_TASK_CREATED, 1, "ns-0", "t");
    cr_expect_eq(one.n_series, PAGE_SERIES);
    cr_expect_eq(metrics_value(pages, 1, METRIC_TASK_CREATED, METRIC_LABELS("ns-0", "t")),
                 2);
    metrics_free(m);
}

/* A worker may scribble over its page; its readers must not care. */
Test(metrics, a_scribbled_page_harms_no_reader)
{
    struct buf out = BUF_INIT;

    name_page(&two, "");
    for (unsigned seed = 0; seed < 50; seed++) {
        srand(seed);
        for (size_t i = 0; i + 16 <= sizeof one; i += 16)
            ((unsigned char *)&one)[i + (size_t)rand() % 16] = (unsigned char)rand();
        memset(&one.n_series, 0xff, sizeof one.n_series);
        exported(&out);
    }
    buf_free(&out);
}

Test(metrics, without_a_page_nothing_is_counted)
{
    metric_add(NULL, METRIC_TASK_CREATED, 1, "a", "b");
    metric_set(NULL, METRIC_QUEUE_DEPTH, 1, "q");
    metric_observe(NULL, METRIC_LOOP_LAG, 1);
}

Test(metrics, labels_have_a_bound)
{
    struct buf out = BUF_INIT;
    char model[1000];

    memset(model, 'm', sizeof model - 1);
    model[sizeof model - 1] = '\0';
    name_page(&one, "shard-0");
    name_page(&two, "shard-1");
    struct metrics *a = metrics_new(&one);
    metric_add(a, METRIC_TASK_COST, 1.5, "dev", "codex", "spawner", model);
    const char *text = exported(&out), *at = strstr(text, "model=\"");
    cr_assert_not_null(at);
    cr_assert_lt(strspn(at + 7, "m"), PAGE_LABELS_MAX);
    cr_assert_gt(strspn(at + 7, "m"), 100);
    row_claim("TE/W-O5"); /* with numbers_that_would_spoil_a_counter_are_not_taken */
    metrics_free(a);
    buf_free(&out);
}
