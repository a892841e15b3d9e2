/* selector.c - see selector.h. */
#include "local/apiserver/selector.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "local/apiserver/object.h"

enum op { OP_EQ, OP_NEQ, OP_IN, OP_NOT_IN, OP_EXISTS, OP_NOT_EXISTS, OP_GT, OP_LT };

struct term {
    bool field;
    char *key; /* owned */
    enum op op;
    char **values; /* owned */
    size_t count;
};

struct selector {
    struct term *terms;
    size_t count;
};

/* clang-format off */
static const struct { const char *type; const char *paths[10]; } selectable[] = {
    {"Pod",       {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
                   "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName"}},
    {"Event",     {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
                   "involvedObject.apiVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "type"}},
    {"Secret",    {"type"}},
    {"Job",       {"status.successful"}},
    {"Namespace", {"status.phase"}},
    {"Node",      {"spec.unschedulable"}},
    {"ReplicaSet", {"status.replicas"}},
};
/* clang-format on */

bool
selector_field(const struct resource *r, size_t i, char *path, size_t size)
{
    if (r->custom) {
        const char *p = json_str_or(json_array_get(r->selectable, i), "jsonPath", NULL);

        if (p == NULL)
            return false;
        snprintf(path, size, "%s", *p == '.' ? p + 1 : p);
        return true;
    }
    for (size_t k = 0; k < ARRAY_LEN(selectable); k++) {
        if (r->type == NULL || strcmp(selectable[k].type, r->type) != 0)
            continue;
        if (i >= ARRAY_LEN(selectable[k].paths) || selectable[k].paths[i] == NULL)
            return false;
        snprintf(path, size, "%s", selectable[k].paths[i]);
        return true;
    }
    return false;
}

void
selector_free(struct selector *sel)
{
    if (sel == NULL)
        return;
    for (size_t i = 0; i < sel->count; i++) {
        for (size_t k = 0; k < sel->terms[i].count; k++)
            free(sel->terms[i].values[k]);
        free(sel->terms[i].values);
        free(sel->terms[i].key);
    }
    free(sel->terms);
    free(sel);
}

static struct term *
add_term(struct selector *sel, const char *key, size_t size, enum op op)
{
    struct term *terms = realloc(sel->terms, (sel->count + 1) * sizeof *terms);

    if (terms == NULL)
        return NULL;
    sel->terms = terms;
    struct term *t = &terms[sel->count];
    *t = (struct term){.op = op, .key = strndup(key, size)};
    if (t->key == NULL)
        return NULL;
    sel->count++;
    return t;
}

static int
add_value(struct term *t, const char *text, size_t size)
{
    char **values = realloc(t->values, (t->count + 1) * sizeof *values);

    if (values == NULL)
        return -1;
    t->values = values;
    if ((values[t->count] = strndup(text, size)) == NULL)
        return -1;
    t->count++;
    return 0;
}

static bool
label_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.' || c == '/';
}

static const char *
skip_space(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static const char *
word_end(const char *p)
{
    while (label_char(*p))
        p++;
    return p;
}

/* "(a, b, c)" */
static const char *
parse_set(const char *p, struct term *t)
{
    if (*p++ != '(')
        return NULL;
    for (;;) {
        p = skip_space(p);
        const char *end = word_end(p);

        if (add_value(t, p, (size_t)(end - p)) < 0)
            return NULL;
        p = skip_space(end);
        if (*p == ')')
            return p + 1;
        if (*p++ != ',')
            return NULL;
    }
}

static const char *
parse_operator(const char *p, const char *key, size_t size, struct selector *sel)
{
    /* clang-format off */
    static const struct { const char *text; enum op op; } words[] = {
        {"==", OP_EQ}, {"!=", OP_NEQ}, {"=", OP_EQ}, {"notin", OP_NOT_IN}, {"in", OP_IN}, {">", OP_GT}, {"<", OP_LT},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct term *t;

        if (strncmp(p, words[i].text, strlen(words[i].text)) != 0)
            continue;
        p = skip_space(p + strlen(words[i].text));
        if ((t = add_term(sel, key, size, words[i].op)) == NULL)
            return NULL;
        if (words[i].op == OP_IN || words[i].op == OP_NOT_IN)
            return parse_set(p, t);
        const char *end = word_end(p);
        return add_value(t, p, (size_t)(end - p)) < 0 ? NULL : end;
    }
    return NULL;
}

static const char *
parse_requirement(const char *p, struct selector *sel)
{
    bool no = *p == '!';

    p = skip_space(no ? p + 1 : p);
    const char *end = word_end(p), *next = skip_space(end);
    if (end == p)
        return NULL;
    if (no || *next == ',' || *next == '\0')
        return add_term(sel, p, (size_t)(end - p), no ? OP_NOT_EXISTS : OP_EXISTS) == NULL
                   ? NULL
                   : next;
    return parse_operator(next, p, (size_t)(end - p), sel);
}

static int
parse_labels(struct selector *sel, const char *text, struct err *e)
{
    const char *p = skip_space(text);

    while (*p != '\0') {
        if ((p = parse_requirement(p, sel)) == NULL)
            return err_set(
                e, ERR_INVALID,
                "unable to parse requirement: found an error in label selector \"%s\"",
                text);
        p = skip_space(p);
        if (*p == ',')
            p = skip_space(p + 1);
        else if (*p != '\0')
            return err_set(
                e, ERR_INVALID,
                "unable to parse requirement: unexpected '%c' in label selector \"%s\"",
                *p, text);
    }
    return 0;
}

static bool
field_known(const struct resource *r, const char *key)
{
    char path[128];

    if (r == NULL || strcmp(key, "metadata.name") == 0 ||
        strcmp(key, "metadata.namespace") == 0)
        return true;
    for (size_t i = 0; selector_field(r, i, path, sizeof path); i++)
        if (strcmp(path, key) == 0)
            return true;
    return false;
}

/* One "path=value"; a backslash escapes comma, equals and itself in the value. */
static const char *
parse_field(struct selector *sel, const char *p, const struct resource *r, struct err *e)
{
    SCOPED(buf) struct buf value = BUF_INIT;
    size_t n = strcspn(p, "=!,");
    const char *at = p + n;
    bool no = at[0] == '!' && at[1] == '=';
    struct term *t;

    if (n == 0 || (*at != '=' && !no)) {
        err_set(e, ERR_INVALID, "invalid field selector: \"%s\"", p);
        return NULL;
    }
    if ((t = add_term(sel, p, n, no ? OP_NEQ : OP_EQ)) == NULL)
        return NULL;
    t->field = true;
    if (!field_known(r, t->key)) {
        err_set(e, ERR_INVALID, "field label not supported: %s", t->key);
        return NULL;
    }
    for (at += no || at[1] == '=' ? 2 : 1; *at != '\0' && *at != ','; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        buf_add_char(&value, *at);
    }
    if (add_value(t, buf_str(&value), value.size) < 0)
        return NULL;
    return *at == ',' ? at + 1 : at;
}

struct selector *
selector_parse(const char *labels, const char *fields, const struct resource *r,
               struct err *e)
{
    SCOPED(selector) struct selector *sel = calloc(1, sizeof *sel);

    if (sel == NULL) {
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    if (labels != NULL && parse_labels(sel, labels, e) < 0)
        return NULL;
    while (fields != NULL && *fields != '\0')
        if ((fields = parse_field(sel, fields, r, e)) == NULL)
            return NULL;
    return TAKE(sel);
}

static bool
one_of(const struct term *t, const char *value)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->values[i], value) == 0)
            return true;
    return false;
}

static bool
compare_numbers(const struct term *t, const char *value)
{
    char *end_a, *end_b;
    long long a = strtoll(value, &end_a, 10), b = strtoll(t->values[0], &end_b, 10);

    if (*value == '\0' || *end_a != '\0' || *t->values[0] == '\0' || *end_b != '\0')
        return false;
    return t->op == OP_GT ? a > b : a < b;
}

static bool
term_match(const struct term *t, const json_t *obj)
{
    char text[1024];
    const char *value;

    if (t->field) {
        field_text(obj, t->key, text, sizeof text);
        return one_of(t, text) == (t->op == OP_EQ);
    }
    value = json_string_value(json_object_get(json_at(obj, "metadata.labels"), t->key));
    switch (t->op) {
    case OP_EXISTS:
        return value != NULL;
    case OP_NOT_EXISTS:
        return value == NULL;
    case OP_EQ:
    case OP_IN:
        return value != NULL && one_of(t, value);
    case OP_NEQ:
    case OP_NOT_IN:
        return value == NULL || !one_of(t, value);
    default:
        return value != NULL && compare_numbers(t, value);
    }
}

bool
selector_match(const struct selector *sel, const json_t *obj)
{
    for (size_t i = 0; i < sel->count; i++)
        if (!term_match(&sel->terms[i], obj))
            return false;
    return true;
}

bool
selector_empty(const struct selector *sel)
{
    return sel->count == 0;
}
