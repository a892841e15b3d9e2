/* table.c - see table.h. */
#include "local/apiserver/view/table.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/macros.h"
#include "local/apiserver/view/cells.h"
#include "local/apiserver/view/jsonpath.h"

void
age_text(int64_t ms, char *out)
{
    int64_t s = ms / 1000, m = s / 60, h = m / 60, d = h / 24;

    if (s < 0)
        snprintf(out, 24, "0s");
    else if (s < 120)
        snprintf(out, 24, "%llds", (long long)s);
    else if (m < 10)
        snprintf(out, 24, s % 60 != 0 ? "%lldm%llds" : "%lldm", (long long)m,
                 (long long)(s % 60));
    else if (m < 180)
        snprintf(out, 24, "%lldm", (long long)m);
    else if (h < 8)
        snprintf(out, 24, m % 60 != 0 ? "%lldh%lldm" : "%lldh", (long long)h,
                 (long long)(m % 60));
    else if (h < 48)
        snprintf(out, 24, "%lldh", (long long)h);
    else if (d < 8)
        snprintf(out, 24, h % 24 != 0 ? "%lldd%lldh" : "%lldd", (long long)d,
                 (long long)(h % 24));
    else if (d < 730)
        snprintf(out, 24, "%lldd", (long long)d);
    else
        snprintf(out, 24, d % 365 != 0 ? "%lldy%lldd" : "%lldy", (long long)(d / 365),
                 (long long)(d % 365));
}

static void
add_text(struct buf *out, const char *text)
{
    json_add_quoted(out, text, strlen(text));
}

static void
add_value(struct buf *out, const json_t *v)
{
    SCOPED(string) char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

    buf_add_str(out, text != NULL ? text : "null");
}

static void
add_column(struct buf *out, const struct column *c, bool name_format)
{
    buf_add_str(out, "{\"name\":");
    add_text(out, c->name);
    buf_add_str(out, ",\"type\":");
    add_text(out, c->type);
    buf_add_str(out, ",\"format\":");
    add_text(out, name_format ? "name" : c->format != NULL ? c->format : "");
    buf_add_str(out, ",\"description\":");
    add_text(out, c->description != NULL ? c->description : "");
    buf_printf(out, ",\"priority\":%d}", c->priority);
}

void
table_columns(const struct resource *r, struct buf *out)
{
    static const struct column name = {"Name", "string", "name", "Name of the object",
                                       NULL,   0};
    const struct cell_set *cells = cells_of(r);

    buf_add_char(out, '[');
    add_column(out, &name, true);
    for (size_t i = 0; r->custom && i < r->column_count; i++) {
        buf_add_char(out, ',');
        add_column(out, &r->columns[i], false);
    }
    for (size_t i = 0; !r->custom && i < cells->count; i++) {
        buf_add_char(out, ',');
        add_column(out, &cells->columns[i], false);
    }
    buf_add_char(out, ']');
}

/* A cell of a CRD's column: dates as ages, one value as itself, several as a list. */
static void
add_custom_cell(const struct column *c, const json_t *obj, int64_t now_ms,
                struct buf *out)
{
    SCOPED(json) json_t *found = jsonpath_find(obj, c->path);
    json_t *v = json_array_get(found, 0);
    char age[24];
    int64_t at;

    if (v == NULL || json_is_null(v)) {
        buf_add_str(out, strcmp(c->type, "date") == 0 ? "\"<unknown>\"" : "null");
    } else if (strcmp(c->type, "date") == 0) {
        if (rfc3339_parse(json_string_value(v), &at) < 0) {
            buf_add_str(out, "\"<invalid>\"");
            return;
        }
        age_text(now_ms - at, age);
        add_text(out, age);
    } else if (strcmp(c->type, "string") == 0 && !json_is_string(v)) {
        SCOPED(string) char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

        add_text(out, text != NULL ? text : "");
    } else {
        add_value(out, v);
    }
}

json_t *
partial_object(const json_t *obj, const char *version)
{
    char api[48];
    json_t *meta = json_object_get(obj, "metadata");

    snprintf(api, sizeof api, "meta.k8s.io/%s", version);
    return json_pack("{s:s, s:s, s:O*}", "kind", "PartialObjectMetadata", "apiVersion",
                     api, "metadata", meta);
}

void
table_row(const struct resource *r, const json_t *obj, enum include include,
          const char *version, int64_t now_ms, struct buf *out)
{
    buf_add_str(out, "{\"cells\":[");
    add_text(out, json_str_or(obj, "metadata.name", ""));
    for (size_t i = 0; r->custom && i < r->column_count; i++) {
        buf_add_char(out, ',');
        add_custom_cell(&r->columns[i], obj, now_ms, out);
    }
    if (!r->custom)
        cells_add(r, obj, now_ms, out);
    buf_add_char(out, ']');
    if (include == INCLUDE_OBJECT) {
        buf_add_str(out, ",\"object\":");
        add_value(out, obj);
    } else if (include == INCLUDE_METADATA) {
        SCOPED(json) json_t *part = partial_object(obj, version);

        buf_add_str(out, ",\"object\":");
        add_value(out, part);
    }
    buf_add_char(out, '}');
}
