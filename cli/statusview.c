/* statusview.c - see statusview.h. */
#include "cli/statusview.h"

#include <stdio.h>

#include "cli/age.h"
#include "cli/table.h"
#include "common/data/json.h"

static void
cell_number(struct table *t, long long value, const char *unit)
{
    char text[48];

    snprintf(text, sizeof(text), "%lld%s", value, unit);
    table_cell(t, text);
}

static void
worker_row(struct table *t, const json_t *worker)
{
    char uptime[AGE_SIZE];

    table_row(t);
    table_cell(t, json_str_or(worker, "id", ""));
    table_cell(t, json_bool_or(worker, "degraded", false)
                      ? "degraded"
                      : json_str_or(worker, "state", ""));
    cell_number(t, json_int_or(worker, "pid", 0), "");
    table_cell(t, age_format(json_int_or(worker, "uptimeMs", 0), uptime));
    cell_number(t, json_int_or(worker, "restarts", 0), "");
    cell_number(t, json_int_or(worker, "pssKiB", 0), "K");
    table_cell(t, json_str_or(worker, "lastExit", ""));
}

static void
write_workers(const json_t *report, struct buf *out)
{
    static const char *const titles[] = {"WORKER",   "STATE",  "PID",      "UP",
                                         "RESTARTS", "MEMORY", "LAST EXIT"};
    const json_t *workers = json_at(report, "workers");
    SCOPED(table) struct table *t = table_new();

    table_row(t);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        table_cell(t, titles[i]);
    for (size_t i = 0; i < json_array_size(workers); i++)
        worker_row(t, json_array_get(workers, i));
    table_write(t, 0, NULL, 0, out);
}

bool
statusview_write(const json_t *report, struct buf *out)
{
    const json_t *degraded = json_at(report, "degraded");
    bool ready = json_bool_or(report, "ready", false);
    char uptime[AGE_SIZE];

    buf_printf(out, "Supervisor %lld, version %s, up %s: %s%s%s\n",
               (long long)json_int_or(report, "pid", 0),
               json_str_or(report, "version", "?"),
               age_format(json_int_or(report, "uptimeMs", 0), uptime),
               ready ? "ready" : "not ready", ready ? "" : ": ",
               ready ? "" : json_str_or(report, "reason", ""));
    if (json_at(report, "leadership") != NULL)
        buf_printf(out, "Leadership: %s (%s)\n",
                   json_bool_or(report, "leadership.leader", false) ? "here"
                                                                    : "elsewhere",
                   json_str_or(report, "leadership.identity", ""));
    for (size_t i = 0; i < json_array_size(degraded); i++)
        buf_printf(out, "Degraded: %s\n", json_string_value(json_array_get(degraded, i)));
    buf_add_char(out, '\n');
    write_workers(report, out);
    return ready && json_array_size(degraded) == 0;
}
