/* jsonpath.c - see jsonpath.h. */
#include "local/apiserver/view/jsonpath.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"

#define RESULTS_MAX 1000
#define STEPS_MAX 100000 /* several ".." multiply */

struct search {
    json_t *found; /* owned by the caller */
    int steps;
};

static void walk(json_t *value, const char *p, struct search *out);

static void
walk_all(json_t *value, const char *rest, struct search *out)
{
    const char *key;
    size_t i;
    json_t *item;

    if (json_is_array(value)) {
        json_array_foreach(value, i, item) walk(item, rest, out);
    } else if (json_is_object(value)) {
        json_object_foreach(value, key, item) walk(item, rest, out);
    }
}

/* "..name": the value itself and everything below. */
static void
walk_deep(json_t *value, const char *rest, struct search *out)
{
    const char *key;
    size_t i;
    json_t *item;

    walk(value, rest, out);
    if (json_is_array(value)) {
        json_array_foreach(value, i, item) walk_deep(item, rest, out);
    } else if (json_is_object(value)) {
        json_object_foreach(value, key, item) walk_deep(item, rest, out);
    }
}

/* The text of a literal of a filter: quoted or bare. Returns what follows. */
static const char *
literal(const char *p, char *out, size_t size)
{
    size_t n = 0;
    char quote = *p == '"' || *p == '\'' ? *p++ : '\0';

    while (*p != '\0' && (quote != '\0' ? *p != quote : *p != ')' && *p != ' ')) {
        if (n + 1 < size)
            out[n++] = *p;
        p++;
    }
    out[n] = '\0';
    return quote != '\0' && *p == quote ? p + 1 : p;
}

static void
value_text(const json_t *v, char *out, size_t size)
{
    out[0] = '\0';
    if (json_is_string(v))
        snprintf(out, size, "%s", json_string_value(v));
    else if (json_is_integer(v))
        snprintf(out, size, "%lld", (long long)json_integer_value(v));
    else if (json_is_boolean(v))
        snprintf(out, size, "%s", json_is_true(v) ? "true" : "false");
}

static bool
compare(const json_t *value, const char *op, const char *wanted)
{
    char text[512];

    value_text(value, text, sizeof text);
    if (strcmp(op, "==") == 0)
        return value != NULL && strcmp(text, wanted) == 0;
    if (strcmp(op, "!=") == 0)
        return value == NULL || strcmp(text, wanted) != 0;
    if (!json_is_number(value))
        return false;
    double a = json_number_value(value), b = strtod(wanted, NULL);
    return *op == '>' ? (op[1] == '=' ? a >= b : a > b) : (op[1] == '=' ? a <= b : a < b);
}

/* "?(@.type=="Ready")" behind the bracket. */
static void
walk_filter(json_t *value, const char *p, struct search *out)
{
    char left[256], op[3] = "", right[256];
    const char *close;
    size_t n = strcspn(p, "=!<>)"), i;
    json_t *item;

    if (n >= sizeof left)
        return;
    memcpy(left, p, n);
    left[n] = '\0';
    while (n > 0 && left[n - 1] == ' ')
        left[--n] = '\0';
    p += strcspn(p, "=!<>)");
    for (n = 0; n < 2 && strchr("=!<>", *p) != NULL && *p != '\0'; n++)
        op[n] = *p++;
    while (*p == ' ')
        p++;
    p = literal(p, right, sizeof right);
    if ((close = strchr(p, ']')) == NULL)
        return;
    json_array_foreach(value, i, item)
    {
        SCOPED(json)
        json_t *found = left[0] == '@' ? jsonpath_find(item, left + 1) : NULL;
        json_t *first = json_array_get(found, 0);

        if (op[0] == '\0' ? first != NULL : compare(first, op, right))
            walk(item, close + 1, out);
    }
}

static void
walk_slice(json_t *value, const char *p, const char *close, struct search *out)
{
    long size = (long)json_array_size(value), from = 0, to = size;
    const char *colon = memchr(p, ':', (size_t)(close - p));
    char *end;

    from = strtol(p, &end, 10);
    if (colon == NULL)
        to = from + 1;
    else if (colon + 1 < close)
        to = strtol(colon + 1, NULL, 10);
    if (from < 0) {
        to = colon == NULL ? from + size + 1 : to;
        from += size;
    }
    if (to < 0)
        to += size;
    for (long i = from < 0 ? 0 : from; i < to && i < size; i++)
        walk(json_array_get(value, (size_t)i), close + 1, out);
}

static void
walk_bracket(json_t *value, const char *p, struct search *out)
{
    char key[256];

    if (*p == '\'' || *p == '"') {
        p = literal(p, key, sizeof key);
        if (*p == ']')
            walk(json_object_get(value, key), p + 1, out);
        return;
    }
    const char *close = strchr(p, ']');
    if (close == NULL)
        return;
    if (*p == '*')
        walk_all(value, close + 1, out);
    else if (p[0] == '?' && p[1] == '(')
        walk_filter(value, p + 2, out);
    else
        walk_slice(value, p, close, out);
}

static void
walk(json_t *value, const char *p, struct search *out)
{
    char key[256];
    size_t n = 0;

    if (value == NULL || json_array_size(out->found) >= RESULTS_MAX ||
        ++out->steps > STEPS_MAX)
        return;
    if (*p == '\0' || (*p == '.' && p[1] == '\0')) {
        json_array_append(out->found, value);
        return;
    }
    if (*p == '[') {
        walk_bracket(value, p + 1, out);
        return;
    }
    if (p[0] == '.' && p[1] == '.') {
        walk_deep(value, p + 1, out);
        return;
    }
    if (*p == '.')
        p++;
    if (*p == '[') {
        walk_bracket(value, p + 1, out);
        return;
    }
    for (; *p != '\0' && *p != '.' && *p != '['; p++) {
        if (*p == '\\' && p[1] != '\0')
            p++;
        if (n + 1 < sizeof key)
            key[n++] = *p;
    }
    key[n] = '\0';
    if (strcmp(key, "*") == 0)
        walk_all(value, p, out);
    else
        walk(json_object_get(value, key), p, out);
}

json_t *
jsonpath_find(const json_t *root, const char *path)
{
    struct search s = {json_array(), 0};

    walk((json_t *)root, path, &s);
    return s.found;
}
