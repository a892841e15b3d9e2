/* yamlout.c - see yaml.h: the writing half. */
#include "common/data/yaml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/limits.h"
#include "common/data/yamlscalar.h"

static int
on_output(void *arg, unsigned char *bytes, size_t size)
{
    return buf_add(arg, bytes, size) == 0;
}

static int
emit(yaml_emitter_t *out, yaml_event_t *ev)
{
    return yaml_emitter_emit(out, ev) ? 0 : -1;
}

static int
emit_scalar(yaml_emitter_t *out, const char *text, size_t size, yaml_scalar_style_t style)
{
    yaml_event_t ev;

    if (!yaml_scalar_event_initialize(&ev, NULL, NULL, (const yaml_char_t *)text,
                                      (int)size, 1, 1, style))
        return -1;
    return emit(out, &ev);
}

static int
emit_text(yaml_emitter_t *out, const char *text, size_t size)
{
    yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;

    if (yaml_scalar_ambiguous(text, size))
        style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    else if (memchr(text, '\n', size) != NULL)
        style = YAML_LITERAL_SCALAR_STYLE;
    return emit_scalar(out, text, size, style);
}

static int
emit_real(yaml_emitter_t *out, double real)
{
    char text[40];

    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    return emit_scalar(out, text, strlen(text), YAML_PLAIN_SCALAR_STYLE);
}

static int emit_value(yaml_emitter_t *out, const json_t *v, int depth);

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
emit_map(yaml_emitter_t *out, const json_t *v, int depth)
{
    size_t n = 0, count = json_object_size(v);
    SCOPED(string) char *memory = calloc(count + 1, sizeof(char *));
    const char **keys = (const char **)(void *)memory;
    yaml_event_t ev;
    const char *key;
    json_t *item;

    if (keys == NULL ||
        !yaml_mapping_start_event_initialize(&ev, NULL, NULL, 1,
                                             YAML_BLOCK_MAPPING_STYLE) ||
        emit(out, &ev) < 0)
        return -1;
    json_object_foreach((json_t *)v, key, item) keys[n++] = key;
    qsort(keys, count, sizeof *keys, by_text);
    for (size_t i = 0; i < count; i++)
        if (emit_text(out, keys[i], strlen(keys[i])) < 0 ||
            emit_value(out, json_object_get(v, keys[i]), depth + 1) < 0)
            return -1;
    return yaml_mapping_end_event_initialize(&ev) ? emit(out, &ev) : -1;
}

static int
emit_list(yaml_emitter_t *out, const json_t *v, int depth)
{
    yaml_event_t ev;

    if (!yaml_sequence_start_event_initialize(&ev, NULL, NULL, 1,
                                              YAML_BLOCK_SEQUENCE_STYLE) ||
        emit(out, &ev) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(v); i++)
        if (emit_value(out, json_array_get(v, i), depth + 1) < 0)
            return -1;
    return yaml_sequence_end_event_initialize(&ev) ? emit(out, &ev) : -1;
}

static int
emit_value(yaml_emitter_t *out, const json_t *v, int depth)
{
    char text[32];

    if (depth > LIMIT_YAML_DEPTH)
        return -1;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return emit_map(out, v, depth);
    case JSON_ARRAY:
        return emit_list(out, v, depth);
    case JSON_STRING:
        return emit_text(out, json_string_value(v), json_string_length(v));
    case JSON_REAL:
        return emit_real(out, json_real_value(v));
    case JSON_INTEGER:
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(v));
        return emit_scalar(out, text, strlen(text), YAML_PLAIN_SCALAR_STYLE);
    case JSON_TRUE:
        return emit_scalar(out, "true", 4, YAML_PLAIN_SCALAR_STYLE);
    case JSON_FALSE:
        return emit_scalar(out, "false", 5, YAML_PLAIN_SCALAR_STYLE);
    case JSON_NULL:
        break;
    }
    return emit_scalar(out, "null", 4, YAML_PLAIN_SCALAR_STYLE);
}

static int
emit_document(yaml_emitter_t *out, const json_t *value)
{
    yaml_event_t ev;

    if (!yaml_stream_start_event_initialize(&ev, YAML_UTF8_ENCODING) ||
        emit(out, &ev) < 0)
        return -1;
    if (!yaml_document_start_event_initialize(&ev, NULL, NULL, NULL, 1) ||
        emit(out, &ev) < 0)
        return -1;
    if (emit_value(out, value, 0) < 0)
        return -1;
    if (!yaml_document_end_event_initialize(&ev, 1) || emit(out, &ev) < 0)
        return -1;
    return yaml_emitter_flush(out) ? 0 : -1;
}

int
yaml_dump(const json_t *value, struct buf *out, struct err *e)
{
    yaml_emitter_t emitter;

    if (!yaml_emitter_initialize(&emitter))
        return err_set(e, ERR_SYSTEM, "YAML: out of memory");
    yaml_emitter_set_output(&emitter, on_output, out);
    yaml_emitter_set_width(&emitter, -1);
    yaml_emitter_set_indent(&emitter, 2);
    yaml_emitter_set_unicode(&emitter, 1);
    int rc = emit_document(&emitter, value);
    if (rc < 0)
        err_set(e, ERR_LIMIT, "YAML: %s",
                emitter.problem != NULL ? emitter.problem
                                        : "nested too deep (YAML_DEPTH)");
    yaml_emitter_delete(&emitter);
    return rc;
}
