/* metrics.h - counters, gauges and histograms in the worker's shared page.
 *
 * The page belongs to the worker's slot, not to its incarnation: what was counted
 * survives every death and never falls. One writer (the worker), any number of readers;
 * values are atomics; a series, once made, stays. Names, labels and types: metrics.def.
 *
 *     metric_add(m, METRIC_TASK_CREATED, 1, "dev", "claude-code");
 *     metric_set(m, METRIC_QUEUE_DEPTH, n, "tasks");
 *     metric_observe(m, METRIC_LOOP_LAG, seconds);
 *
 * One label value per label name of the row, in its order. A NULL `m` counts nothing. A
 * full table (LIMIT_METRIC_SERIES) is logged once; new series are then dropped, old ones
 * go on. */
#ifndef KELOS_COMMON_METRICS_H
#define KELOS_COMMON_METRICS_H

#include "common/buf.h"
#include "common/metrics/pages.h"
#include "common/scoped.h"

/* clang-format off */
enum metric {
#define METRIC(NAME, TYPE, SCOPE, name, labels, help) METRIC_##NAME,
#include "common/metrics/metrics.def"
#undef METRIC
    N_METRICS
};
/* clang-format on */

struct metrics;

/* The writing end over a page (pages.h). The caller owns the result; the page stays the
 * caller's. NULL when memory ran out. */
struct metrics *metrics_new(struct page *page);
void metrics_free(struct metrics *m);
SCOPED_DEFINE(metrics)

/* `labels`: the values, NULL-terminated. Use the macros below. */
void metrics_add(struct metrics *m, enum metric id, double by, const char *const *labels);
void metrics_set(struct metrics *m, enum metric id, double to, const char *const *labels);
void metrics_observe(struct metrics *m, enum metric id, double value,
                     const char *const *labels);

#define METRIC_LABELS(...) ((const char *const[]){"", ##__VA_ARGS__, NULL} + 1)
#define metric_add(m, id, by, ...)                                                       \
    metrics_add((m), (id), (by), METRIC_LABELS(__VA_ARGS__))
#define metric_set(m, id, to, ...)                                                       \
    metrics_set((m), (id), (to), METRIC_LABELS(__VA_ARGS__))
#define metric_observe(m, id, value, ...)                                                \
    metrics_observe((m), (id), (value), METRIC_LABELS(__VA_ARGS__))

/* The reading end: Prometheus text exposition (version 0.0.4) of all pages together,
 * every row of metrics.def with HELP and TYPE even when it has no series yet. NULL pages
 * are skipped. */
void metrics_export(const struct page *const *pages, size_t n_pages, struct buf *out);

/* One value over all pages (a histogram gives its count); 0 when there is no such
 * series. */
double metrics_value(const struct page *const *pages, size_t n_pages, enum metric id,
                     const char *const *labels);

#endif
