/* metrics.c - see metrics.h. */
#include "common/metrics/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

enum metric_type { COUNTER, GAUGE, HISTOGRAM };
enum metric_scope { TREE, WORKER };

/* clang-format off */
static const struct row {
    enum metric_type type;
    enum metric_scope scope;
    const char *name, *labels, *help;
} rows[N_METRICS] = {
#define METRIC(NAME, TYPE, SCOPE, name, labels, help) [METRIC_##NAME] = {TYPE, SCOPE, name, labels, help},
#include "common/metrics/metrics.def"
#undef METRIC
};
/* clang-format on */

#define N_BUCKETS 8

/* Upper bounds; a Task lasts minutes, everything else fractions of a second. */
static const double task_buckets[N_BUCKETS] = {30, 60, 120, 300, 600, 1200, 1800, 3600};
static const double io_buckets[N_BUCKETS] = {0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30};

static const double poll_buckets[N_BUCKETS] = {0.5, 1, 2, 5, 10, 30, 60, 120};

static const double *
buckets_of(enum metric id)
{
    if (id == METRIC_SPAWNER_DURATION)
        return poll_buckets;
    return id == METRIC_TASK_DURATION ? task_buckets : io_buckets;
}

/* values[]: counter and gauge use [0]; histogram: sum, count, then N_BUCKETS buckets,
 * each not cumulative. */
enum { V_SUM = 0, V_COUNT = 1, V_BUCKETS = 2 };

#define INDEX_SIZE 4096 /* twice the series and more: short probes */

struct metrics {
    struct page *page;          /* borrowed */
    uint16_t index[INDEX_SIZE]; /* series number + 1 by hash; 0: free */
    bool full_logged;
};

_Static_assert(INDEX_SIZE > 2 * PAGE_SERIES, "the index must stay sparse");
_Static_assert(V_BUCKETS + N_BUCKETS <= PAGE_VALUES, "a histogram must fit a series");

static double
value_get(const _Atomic uint64_t *v)
{
    uint64_t bits =
        atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)v, memory_order_relaxed);
    double d;

    memcpy(&d, &bits, sizeof d);
    return d;
}

static void
value_put(_Atomic uint64_t *v, double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof bits);
    atomic_store_explicit(v, bits, memory_order_relaxed);
}

static uint32_t
hash(enum metric id, const char *labels)
{
    uint32_t h = 2166136261u ^ (uint32_t)id * 16777619u;

    for (; *labels != '\0'; labels++)
        h = (h ^ (uint8_t)*labels) * 16777619u;
    return h;
}

/* Joins the values, each ended by 0x1f; what does not fit is cut. */
static void
join_labels(const char *const *labels, char *out)
{
    size_t n = 0;

    for (; *labels != NULL; labels++) {
        for (const char *s = *labels; *s != '\0' && n < PAGE_LABELS_MAX - 2; s++)
            out[n++] = *s == 0x1f ? '?' : *s;
        if (n < PAGE_LABELS_MAX - 1)
            out[n++] = 0x1f;
    }
    out[n] = '\0';
}

static uint32_t
series_count(const struct page *p)
{
    uint32_t n = atomic_load_explicit(&((struct page *)(uintptr_t)p)->n_series,
                                      memory_order_acquire);

    return n < PAGE_SERIES ? n : PAGE_SERIES;
}

static void
index_put(struct metrics *m, uint32_t number)
{
    const struct page_series *s = &m->page->series[number];
    uint32_t at = hash((enum metric)s->metric, s->labels) % INDEX_SIZE;

    while (m->index[at] != 0)
        at = (at + 1) % INDEX_SIZE;
    m->index[at] = (uint16_t)(number + 1);
}

struct metrics *
metrics_new(struct page *page)
{
    struct metrics *m = calloc(1, sizeof *m);
    uint32_t n;

    if (m == NULL)
        return NULL;
    m->page = page;
    n = series_count(page);
    for (uint32_t i = 0; i < n; i++) {
        page->series[i].labels[PAGE_LABELS_MAX - 1] = '\0';
        index_put(m, i);
    }
    return m;
}

void
metrics_free(struct metrics *m)
{
    free(m);
}

static struct page_series *
series_new(struct metrics *m, enum metric id, const char *labels)
{
    uint32_t n = series_count(m->page);
    struct page_series *s;

    if (n >= PAGE_SERIES) {
        if (!m->full_logged)
            log_warn(NULL,
                     "metrics: METRIC_SERIES (%d) reached, new series of %s are dropped",
                     PAGE_SERIES, rows[id].name);
        m->full_logged = true;
        return NULL;
    }
    s = &m->page->series[n];
    s->metric = (uint32_t)id;
    memcpy(s->labels, labels, strlen(labels) + 1);
    atomic_store_explicit(&s->used, 1, memory_order_release);
    atomic_store_explicit(&m->page->n_series, n + 1, memory_order_release);
    index_put(m, n);
    return s;
}

static struct page_series *
series_of(struct metrics *m, enum metric id, const char *const *values)
{
    char labels[PAGE_LABELS_MAX];
    uint32_t at;

    join_labels(values, labels);
    at = hash(id, labels) % INDEX_SIZE;
    for (; m->index[at] != 0; at = (at + 1) % INDEX_SIZE) {
        struct page_series *s = &m->page->series[m->index[at] - 1];

        if (s->metric == (uint32_t)id && strcmp(s->labels, labels) == 0)
            return s;
    }
    return series_new(m, id, labels);
}

void
metrics_add(struct metrics *m, enum metric id, double by, const char *const *labels)
{
    struct page_series *s = m != NULL ? series_of(m, id, labels) : NULL;

    if (s != NULL)
        value_put(&s->values[0], value_get(&s->values[0]) + by);
}

void
metrics_set(struct metrics *m, enum metric id, double to, const char *const *labels)
{
    struct page_series *s = m != NULL ? series_of(m, id, labels) : NULL;

    if (s != NULL)
        value_put(&s->values[0], to);
}

void
metrics_observe(struct metrics *m, enum metric id, double value,
                const char *const *labels)
{
    struct page_series *s = m != NULL ? series_of(m, id, labels) : NULL;
    const double *bounds = buckets_of(id);

    if (s == NULL)
        return;
    value_put(&s->values[V_SUM], value_get(&s->values[V_SUM]) + value);
    value_put(&s->values[V_COUNT], value_get(&s->values[V_COUNT]) + 1);
    for (int i = 0; i < N_BUCKETS; i++)
        if (value <= bounds[i]) {
            _Atomic uint64_t *v = &s->values[V_BUCKETS + i];

            value_put(v, value_get(v) + 1);
            break;
        }
}

/* ---- reading ---- */

/* One line's worth: the same metric and labels of several pages, summed. */
struct sample {
    const char *labels;
    const char *worker; /* WORKER scope, else "" */
    double values[PAGE_VALUES];
};

struct samples {
    struct sample *items;
    size_t count;
    size_t capacity;
};

static struct sample *
sample_of(struct samples *set, const char *labels, const char *worker)
{
    struct sample *grown;

    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i].labels, labels) == 0 &&
            strcmp(set->items[i].worker, worker) == 0)
            return &set->items[i];
    if (set->count == set->capacity) {
        size_t capacity = set->capacity > 0 ? set->capacity * 2 : 32;

        if ((grown = realloc(set->items, capacity * sizeof *grown)) == NULL)
            return NULL;
        set->items = grown;
        set->capacity = capacity;
    }
    set->items[set->count] = (struct sample){.labels = labels, .worker = worker};
    return &set->items[set->count++];
}

static bool
labels_terminated(const struct page_series *s)
{
    return memchr(s->labels, '\0', PAGE_LABELS_MAX) != NULL;
}

static void
collect(const struct page *const *pages, size_t n_pages, enum metric id,
        struct samples *set)
{
    for (size_t p = 0; p < n_pages; p++) {
        uint32_t n = pages[p] != NULL ? series_count(pages[p]) : 0;

        for (uint32_t i = 0; i < n; i++) {
            const struct page_series *s = &pages[p]->series[i];
            struct sample *sample;

            if (s->metric != (uint32_t)id || !labels_terminated(s) ||
                memchr(pages[p]->worker, '\0', sizeof pages[p]->worker) == NULL)
                continue;
            sample = sample_of(set, s->labels,
                               rows[id].scope == WORKER ? pages[p]->worker : "");
            for (int v = 0; sample != NULL && v < PAGE_VALUES; v++)
                sample->values[v] += value_get(&s->values[v]);
        }
    }
}

static void
put_escaped(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\' || s[i] == '"')
            buf_add_char(out, '\\');
        if (s[i] == '\n')
            buf_add_str(out, "\\n");
        else
            buf_add_char(out, s[i]);
    }
}

/* {namespace="dev",type="x",le="30"} or nothing. */
static void
put_labels(struct buf *out, enum metric id, const struct sample *s, const char *le)
{
    const char *name = rows[id].labels, *value = s->labels;
    const char *open = "{";

    while (*name != '\0' && *value != '\0') {
        size_t name_size = strcspn(name, ","), value_size = strcspn(value, "\x1f");

        buf_printf(out, "%s%.*s=\"", open, (int)name_size, name);
        put_escaped(out, value, value_size);
        buf_add_char(out, '"');
        open = ",";
        name += name_size + (name[name_size] == ',');
        value += value_size + (value[value_size] == 0x1f);
    }
    if (*s->worker != '\0') {
        buf_printf(out, "%sworker=\"", open);
        put_escaped(out, s->worker, strlen(s->worker));
        buf_add_char(out, '"');
        open = ",";
    }
    if (le != NULL) {
        buf_printf(out, "%sle=\"%s\"", open, le);
        open = ",";
    }
    if (*open == ',')
        buf_add_char(out, '}');
}

/* The shortest spelling that reads back as the same number: 2.35, not 2.3500000000000001. */
static void
put_value(struct buf *out, double value)
{
    char text[32];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_printf(out, " %s\n", text);
}

static void
put_histogram(struct buf *out, enum metric id, const struct sample *s)
{
    double below = 0;
    char le[32];

    for (int i = 0; i < N_BUCKETS; i++) {
        below += s->values[V_BUCKETS + i];
        snprintf(le, sizeof le, "%g", buckets_of(id)[i]);
        buf_printf(out, "%s_bucket", rows[id].name);
        put_labels(out, id, s, le);
        put_value(out, below);
    }
    buf_printf(out, "%s_bucket", rows[id].name);
    put_labels(out, id, s, "+Inf");
    put_value(out, s->values[V_COUNT]);
    buf_printf(out, "%s_sum", rows[id].name);
    put_labels(out, id, s, NULL);
    put_value(out, s->values[V_SUM]);
    buf_printf(out, "%s_count", rows[id].name);
    put_labels(out, id, s, NULL);
    put_value(out, s->values[V_COUNT]);
}

void
metrics_export(const struct page *const *pages, size_t n_pages, struct buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};

    for (int id = 0; id < N_METRICS; id++) {
        struct samples set = {0};

        collect(pages, n_pages, (enum metric)id, &set);
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[id].name, rows[id].help,
                   rows[id].name, types[rows[id].type]);
        for (size_t i = 0; i < set.count; i++) {
            if (rows[id].type == HISTOGRAM) {
                put_histogram(out, (enum metric)id, &set.items[i]);
                continue;
            }
            buf_add_str(out, rows[id].name);
            put_labels(out, (enum metric)id, &set.items[i], NULL);
            put_value(out, set.items[i].values[0]);
        }
        free(set.items);
    }
}

double
metrics_value(const struct page *const *pages, size_t n_pages, enum metric id,
              const char *const *labels)
{
    char joined[PAGE_LABELS_MAX];
    double sum = 0;

    join_labels(labels, joined);
    for (size_t p = 0; p < n_pages; p++) {
        uint32_t n = pages[p] != NULL ? series_count(pages[p]) : 0;

        for (uint32_t i = 0; i < n; i++) {
            const struct page_series *s = &pages[p]->series[i];

            if (s->metric == (uint32_t)id &&
                strncmp(s->labels, joined, PAGE_LABELS_MAX) == 0)
                sum += value_get(&s->values[rows[id].type == HISTOGRAM ? V_COUNT : 0]);
        }
    }
    return sum;
}
