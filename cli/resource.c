/* resource.c - see resource.h. */
#include "cli/resource.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/age.h"
#include "cli/dialect.h"
#include "common/clock.h"
#include "common/data/json.h"

#define LABEL_WIDTH 20

/* The older dialect's Tasks have fewer columns; -o wide shows all. */
static bool
is_shown(const struct resource *r, const struct column *column, bool wide)
{
    if (dialect()->older && r->id == KUBE_TASKS && !wide)
        return strcmp(column->title, "TYPE") == 0 || strcmp(column->title, "PHASE") == 0;
    return wide || !column->wide;
}

void
resource_header(const struct resource *r, bool namespaces, bool wide, struct table *t)
{
    table_row(t);
    if (namespaces)
        table_cell(t, "NAMESPACE");
    table_cell(t, "NAME");
    for (size_t i = 0; i < r->n_columns; i++)
        if (is_shown(r, &r->columns[i], wide))
            table_cell(t, r->columns[i].title);
    table_cell(t, "AGE");
}

void
resource_row(const struct resource *r, const json_t *object, bool namespaces, bool wide,
             int64_t now_ms, struct table *t)
{
    char age[AGE_SIZE];

    table_row(t);
    if (namespaces)
        table_cell(t, json_str_or(object, "metadata.namespace", ""));
    table_cell(t, json_str_or(object, "metadata.name", ""));
    for (size_t i = 0; i < r->n_columns; i++) {
        SCOPED(buf) struct buf cell = BUF_INIT;

        if (!is_shown(r, &r->columns[i], wide))
            continue;
        r->columns[i].write(object, now_ms, &cell);
        table_cell(t, buf_str(&cell));
    }
    table_cell(
        t, age_since(json_str_or(object, "metadata.creationTimestamp", ""), now_ms, age));
}

void
detail_field(struct buf *out, const char *label, const char *value, bool optional)
{
    size_t width = strlen(label) + 1;

    if (optional && value[0] == '\0')
        return;
    buf_printf(out, "%s:", label);
    if (value[0] != '\0') {
        for (; width < LABEL_WIDTH; width++)
            buf_add_char(out, ' ');
    }
    for (; *value != '\0'; value++) {
        buf_add_char(out, *value);
        if (*value == '\n' && value[1] == '\0')
            return;
        if (*value == '\n')
            buf_printf(out, "%*s", LABEL_WIDTH, "");
    }
    buf_add_char(out, '\n');
}

void
detail_path(struct buf *out, const char *label, const json_t *object, const char *path,
            bool optional)
{
    const json_t *value = json_at(object, path);
    SCOPED(buf) struct buf text = BUF_INIT;

    if (json_is_string(value))
        buf_add_str(&text, json_string_value(value));
    else if (json_is_integer(value))
        buf_printf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_boolean(value))
        buf_add_str(&text, json_is_true(value) ? "true" : "false");
    detail_field(out, label, buf_str(&text), optional);
}

void
detail_time(struct buf *out, const char *label, const json_t *object, const char *path)
{
    int64_t wall_ms;
    char text[128], zone[64];
    struct tm tm;

    if (rfc3339_parse(json_str_or(object, path, ""), &wall_ms) < 0)
        return;
    time_t seconds = (time_t)(wall_ms / 1000);
    localtime_r(&seconds, &tm);
    strftime(text, 64, "%Y-%m-%dT%H:%M:%S", &tm);
    if (tm.tm_gmtoff == 0)
        strcpy(zone, "Z");
    else
        snprintf(zone, sizeof(zone), "%c%02ld:%02ld", tm.tm_gmtoff < 0 ? '-' : '+',
                 labs(tm.tm_gmtoff) / 3600, labs(tm.tm_gmtoff) / 60 % 60);
    strcat(text, zone);
    detail_field(out, label, text, true);
}

void
detail_names(struct buf *out, const json_t *object)
{
    detail_path(out, "Name", object, "metadata.name", false);
    detail_path(out, "Namespace", object, "metadata.namespace", false);
}

void
detail_conditions(struct buf *out, const json_t *object)
{
    const json_t *list = json_at(object, "status.conditions");
    SCOPED(buf) struct buf text = BUF_INIT;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i);
        const char *reason = json_str_or(c, "reason", ""),
                   *say = json_str_or(c, "message", "");

        buf_printf(&text, "%s%s=%s", i > 0 ? "\n" : "", json_str_or(c, "type", ""),
                   json_str_or(c, "status", ""));
        if (reason[0] != '\0')
            buf_printf(&text, " (%s)", reason);
        if (say[0] != '\0') /* more lines are those of the message, shown above */
            buf_printf(&text, " %.*s", (int)strcspn(say, "\n"), say);
    }
    detail_field(out, "Conditions", buf_str(&text), true);
}

void
join_strings(struct buf *out, const json_t *list, const char *between)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));

        buf_printf(out, "%s%s", i > 0 ? between : "", text != NULL ? text : "");
    }
}
