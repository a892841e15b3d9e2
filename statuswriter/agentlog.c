/* agentlog.c - see agentlog.h. */
#include "statuswriter/agentlog.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "common/limits.h"
#include "common/macros.h"
#include "common/utf8.h"

/* The members that any agent's lines are asked for, by path. */
/* clang-format off */
#define FIELDS(X)                                                       \
    X(TYPE,            "type",                              64)         \
    X(SUBTYPE,         "subtype",                           64)         \
    X(IS_ERROR,        "is_error",                          8)          \
    X(TERMINAL_REASON, "terminal_reason",                   64)         \
    X(STOP_REASON,     "stop_reason",                       64)         \
    X(RESULT,          "result",                            LIMIT_RESPONSE_BYTES) \
    X(COST,            "total_cost_usd",                    64)         \
    X(U_INPUT,         "usage.input_tokens",                64)         \
    X(U_OUTPUT,        "usage.output_tokens",               64)         \
    X(U_CACHE_READ,    "usage.cache_read_input_tokens",     64)         \
    X(U_CACHED,        "usage.cached_input_tokens",         64)         \
    X(U_INPUT_C,       "usage.inputTokens",                 64)         \
    X(U_OUTPUT_C,      "usage.outputTokens",                64)         \
    X(S_INPUT,         "stats.input_tokens",                64)         \
    X(S_OUTPUT,        "stats.output_tokens",               64)         \
    X(S_CACHED,        "stats.cached",                      64)         \
    X(S_INPUT_C,       "stats.inputTokens",                 64)         \
    X(S_OUTPUT_C,      "stats.outputTokens",                64)         \
    X(P_INPUT,         "part.tokens.input",                 64)         \
    X(P_OUTPUT,        "part.tokens.output",                64)         \
    X(P_CACHE_READ,    "part.tokens.cache.read",            64)         \
    X(P_COST,          "part.cost",                         64)         \
    X(P_TEXT,          "part.text",                         LIMIT_RESPONSE_BYTES) \
    X(TEXT,            "text",                              LIMIT_RESPONSE_BYTES) \
    X(ITEM_TYPE,       "item.type",                         64)         \
    X(ITEM_TEXT,       "item.text",                         LIMIT_RESPONSE_BYTES) \
    X(ROLE,            "role",                              64)         \
    X(CONTENT,         "content",                           LIMIT_RESPONSE_BYTES) \
    X(DELTA,           "delta",                             8)
/* clang-format on */

#define FIELD_ENUM(name, path, max) F_##name,
enum field { FIELDS(FIELD_ENUM) N_FIELDS };

#define FIELD_ROW(name, path, max) {path, max},
static const struct {
    const char *path;
    size_t max;
} fields[] = {FIELDS(FIELD_ROW)};

enum kind { NONE, STRING, NUMBER, TRUTH };

struct value {
    enum kind kind;
    struct buf text; /* the string, or the number as it was spelled, or "true" */
    bool cut;
};

#define PATH_MAX_BYTES 128
#define PATH_LEVELS 6

/* One line while it is parsed. Only the paths of objects matter; within an array, or
 * deeper than any field, `unnamed` counts the containers instead. */
struct line {
    char path[PATH_MAX_BYTES];
    size_t ends[PATH_LEVELS]; /* the path's length at each open object */
    unsigned open;            /* open objects that have a path */
    unsigned unnamed;
    bool key_fits;
    struct value values[N_FIELDS];
};

struct agent_profile;

struct agentlog {
    const struct agent_profile *profile; /* NULL: unknown type */
    struct buf buffer;                   /* the unfinished line */
    bool too_long;                       /* its rest is dropped */
    struct line line;
    char cost[AGENTLOG_NUMBER], input[AGENTLOG_NUMBER], output[AGENTLOG_NUMBER];
    char cache_read[AGENTLOG_NUMBER];
    int64_t sum_input, sum_output, sum_cache;
    double sum_cost;
    struct buf response;
    bool response_cut;
    char problem[256];
    bool spoke;    /* there was a JSON object */
    bool finished; /* the line that ends a run was there, or may have been */
};

struct agent_profile {
    const char *type;
    void (*take)(struct agentlog *a);
    const char *last; /* the line that ends a whole run; NULL: this agent prints none */
};

/* ---- one line's members ---- */

static enum field
field_of(const struct line *l)
{
    if (l->unnamed > 0 || !l->key_fits || l->open == 0)
        return N_FIELDS;
    for (size_t i = 0; i < N_FIELDS; i++)
        if (strcmp(l->path, fields[i].path) == 0)
            return (enum field)i;
    return N_FIELDS;
}

static void
keep(struct line *l, enum kind kind, const char *s, size_t size)
{
    enum field f = field_of(l);

    if (f == N_FIELDS)
        return;
    struct value *v = &l->values[f];
    size_t kept = utf8_cut(s, size, fields[f].max);
    buf_clear(&v->text);
    v->kind = kind;
    v->cut = kept < size;
    if (kind == NUMBER && v->cut)
        v->kind = NONE;
    buf_add(&v->text, s, kept);
}

static int
on_null(void *self)
{
    keep(self, NONE, "", 0);
    return 1;
}

static int
on_bool(void *self, int truth)
{
    keep(self, TRUTH, truth ? "true" : "false", truth ? 4 : 5);
    return 1;
}

static int
on_number(void *self, const char *s, size_t size)
{
    keep(self, NUMBER, s, size);
    return 1;
}

static int
on_string(void *self, const unsigned char *s, size_t size)
{
    keep(self, STRING, (const char *)s, size);
    return 1;
}

static int
on_open_map(void *self)
{
    struct line *l = self;

    if (l->unnamed > 0 || (l->open > 0 && !l->key_fits) || l->open == PATH_LEVELS)
        l->unnamed++;
    else
        l->ends[l->open++] = strlen(l->path);
    l->key_fits = false;
    return 1;
}

static int
on_open_array(void *self)
{
    struct line *l = self;

    l->unnamed++;
    return 1;
}

static int
on_close(void *self)
{
    struct line *l = self;

    if (l->unnamed > 0) {
        l->unnamed--;
    } else if (l->open > 0) {
        l->open--;
        l->path[l->ends[l->open]] = '\0';
    }
    return 1;
}

static int
on_key(void *self, const unsigned char *s, size_t size)
{
    struct line *l = self;

    if (l->unnamed > 0 || l->open == 0)
        return 1;
    size_t at = l->ends[l->open - 1];
    l->key_fits = at + size + 2 <= sizeof l->path && memchr(s, '\0', size) == NULL &&
                  memchr(s, '.', size) == NULL;
    l->path[at] = '\0';
    if (!l->key_fits)
        return 1;
    if (at > 0)
        l->path[at++] = '.';
    memcpy(l->path + at, s, size);
    l->path[at + size] = '\0';
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_bool,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_open_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_close,
    .yajl_start_array = on_open_array,
    .yajl_end_array = on_close,
};

/* Returns whether the text begins with a JSON object. */
static bool
line_parse(struct line *l, const char *s, size_t size)
{
    size_t blanks = 0;

    while (blanks < size && strchr(" \t\r", s[blanks]) != NULL && s[blanks] != '\0')
        blanks++;
    if (blanks == size || s[blanks] != '{')
        return false;
    for (size_t i = 0; i < N_FIELDS; i++) {
        l->values[i].kind = NONE;
        buf_clear(&l->values[i].text);
    }
    l->path[0] = '\0';
    l->open = l->unnamed = 0;
    l->key_fits = false;
    yajl_handle h = yajl_alloc(&callbacks, NULL, l);
    if (h == NULL)
        return false;
    yajl_config(h, yajl_allow_trailing_garbage, 1);
    bool ok = yajl_parse(h, (const unsigned char *)s, size) == yajl_status_ok &&
              yajl_complete_parse(h) == yajl_status_ok;
    yajl_free(h);
    return ok;
}

/* ---- what the agents say ---- */

static const char *
text_of(const struct agentlog *a, enum field f)
{
    const struct value *v = &a->line.values[f];

    return v->kind == STRING ? buf_str(&v->text) : "";
}

static bool
is(const struct agentlog *a, enum field f, const char *want)
{
    return strcmp(text_of(a, f), want) == 0;
}

static bool
is_true(const struct agentlog *a, enum field f)
{
    const struct value *v = &a->line.values[f];

    return v->kind == TRUTH && strcmp(buf_str(&v->text), "true") == 0;
}

/* The number as it was spelled; "" when the member is none. */
static void
copy_number(const struct agentlog *a, enum field f, char *out)
{
    const struct value *v = &a->line.values[f];

    if (v->kind == NUMBER)
        snprintf(out, AGENTLOG_NUMBER, "%s", buf_str(&v->text));
    else
        out[0] = '\0';
}

static void
copy_either(const struct agentlog *a, enum field f, enum field other, char *out)
{
    copy_number(a, f, out);
    if (out[0] == '\0')
        copy_number(a, other, out);
}

/* A cache count is an extra: 0 is not worth a line. */
static void
copy_count(const struct agentlog *a, enum field f, char *out)
{
    copy_number(a, f, out);
    if (strcmp(out, "0") == 0)
        out[0] = '\0';
}

static void
add_count(const struct agentlog *a, enum field f, int64_t *sum)
{
    const struct value *v = &a->line.values[f];
    char *end = NULL;

    if (v->kind != NUMBER)
        return;
    errno = 0;
    int64_t n = strtoll(buf_str(&v->text), &end, 10);
    if (errno != 0 || *end != '\0')
        return;
    if (__builtin_add_overflow(*sum, n, sum))
        *sum = n > 0 ? INT64_MAX : INT64_MIN;
}

static void
take_response(struct agentlog *a, enum field f)
{
    const struct value *v = &a->line.values[f];

    if (v->kind != STRING || v->text.size == 0)
        return;
    buf_clear(&a->response);
    buf_add(&a->response, v->text.data, v->text.size);
    a->response_cut = v->cut;
}

/* "a=x, b=y" of the parts that are wrong. */
static void
add_part(char *parts, size_t size, const char *name, const char *value)
{
    size_t used = strlen(parts);

    snprintf(parts + used, size - used, "%s%s=%s", used > 0 ? ", " : "", name, value);
}

static void
judge_claude(struct agentlog *a)
{
    const char *subtype = text_of(a, F_SUBTYPE),
               *terminal = text_of(a, F_TERMINAL_REASON);
    const char *stop = text_of(a, F_STOP_REASON);
    char parts[200] = "";

    a->problem[0] = '\0';
    /* A line without a subtype is not judged by it. */
    if (is_true(a, F_IS_ERROR) || (*subtype != '\0' && strcmp(subtype, "success") != 0)) {
        if (*subtype != '\0')
            add_part(parts, sizeof parts, "subtype", subtype);
        if (is_true(a, F_IS_ERROR))
            add_part(parts, sizeof parts, "is_error", "true");
        snprintf(a->problem, sizeof a->problem,
                 "Claude Code returned an unsuccessful result (%s)", parts);
        return;
    }
    if (*terminal != '\0' && strcmp(terminal, "completed") != 0)
        add_part(parts, sizeof parts, "terminal_reason", terminal);
    if (*stop != '\0' && strcmp(stop, "end_turn") != 0)
        add_part(parts, sizeof parts, "stop_reason", stop);
    if (*parts != '\0')
        snprintf(a->problem, sizeof a->problem, "Claude Code run incomplete (%s)", parts);
}

static void
take_claude(struct agentlog *a)
{
    if (!is(a, F_TYPE, "result"))
        return;
    a->finished = true;
    copy_number(a, F_COST, a->cost);
    copy_number(a, F_U_INPUT, a->input);
    copy_number(a, F_U_OUTPUT, a->output);
    copy_count(a, F_U_CACHE_READ, a->cache_read);
    take_response(a, F_RESULT);
    judge_claude(a);
}

static void
take_cursor(struct agentlog *a)
{
    if (!is(a, F_TYPE, "result"))
        return;
    a->finished = true;
    copy_number(a, F_U_INPUT_C, a->input);
    copy_number(a, F_U_OUTPUT_C, a->output);
    take_response(a, F_RESULT);
}

static void
take_codex(struct agentlog *a)
{
    if (is(a, F_TYPE, "turn.completed")) {
        a->finished = true;
        add_count(a, F_U_INPUT, &a->sum_input);
        add_count(a, F_U_OUTPUT, &a->sum_output);
        add_count(a, F_U_CACHED, &a->sum_cache);
    } else if (is(a, F_TYPE, "item.completed") && is(a, F_ITEM_TYPE, "agent_message")) {
        take_response(a, F_ITEM_TEXT);
    }
}

static void
take_gemini(struct agentlog *a)
{
    if (is(a, F_TYPE, "result")) {
        a->finished = true;
        copy_either(a, F_S_INPUT_C, F_S_INPUT, a->input);
        copy_either(a, F_S_OUTPUT_C, F_S_OUTPUT, a->output);
        copy_count(a, F_S_CACHED, a->cache_read);
    } else if (is(a, F_TYPE, "message") && is(a, F_ROLE, "assistant") &&
               !is_true(a, F_DELTA)) {
        take_response(a, F_CONTENT);
    }
}

static void
take_opencode(struct agentlog *a)
{
    if (is(a, F_TYPE, "step_finish")) {
        const struct value *cost = &a->line.values[F_P_COST];
        double usd = cost->kind == NUMBER ? strtod(buf_str(&cost->text), NULL) : 0;

        add_count(a, F_P_INPUT, &a->sum_input);
        add_count(a, F_P_OUTPUT, &a->sum_output);
        add_count(a, F_P_CACHE_READ, &a->sum_cache);
        if (isfinite(usd) && usd > 0)
            a->sum_cost += usd;
    } else if (is(a, F_TYPE, "text")) {
        take_response(a, F_TEXT);
        take_response(a, F_P_TEXT);
    }
}

static const struct agent_profile profiles[] = {
    {"claude-code", take_claude, "result"}, {"codex", take_codex, "turn.completed"},
    {"gemini", take_gemini, "result"},      {"opencode", take_opencode, NULL},
    {"cursor", take_cursor, "result"},
};

/* ---- the stream ---- */

struct agentlog *
agentlog_new(const char *type)
{
    struct agentlog *a = calloc(1, sizeof *a);

    if (a == NULL)
        return NULL;
    for (size_t i = 0; type != NULL && i < ARRAY_LEN(profiles); i++)
        if (strcmp(type, profiles[i].type) == 0)
            a->profile = &profiles[i];
    return a;
}

void
agentlog_free(struct agentlog *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < N_FIELDS; i++)
        buf_free(&a->line.values[i].text);
    buf_free(&a->buffer);
    buf_free(&a->response);
    free(a);
}

static void
end_line(struct agentlog *a)
{
    if (!a->too_long && !a->buffer.failed &&
        line_parse(&a->line, buf_str(&a->buffer), a->buffer.size)) {
        a->spoke = true;
        a->profile->take(a);
    }
    if (a->too_long || a->buffer.failed) {
        a->finished = true; /* nobody knows what it was */
        buf_free(&a->buffer);
    }
    buf_clear(&a->buffer);
    a->buffer.failed = false;
    a->too_long = false;
}

void
agentlog_feed(struct agentlog *a, const void *bytes, size_t size)
{
    const char *s = bytes;

    while (a->profile != NULL && size > 0) {
        const char *nl = memchr(s, '\n', size);
        size_t part = nl != NULL ? (size_t)(nl - s) : size;

        if (!a->too_long && a->buffer.size + part > LIMIT_CAPTURE_LINE_BYTES)
            a->too_long = true;
        if (!a->too_long)
            buf_add(&a->buffer, s, part);
        if (nl == NULL)
            return;
        end_line(a);
        s += part + 1;
        size -= part + 1;
    }
}

void
agentlog_end(struct agentlog *a)
{
    if (a->profile != NULL && a->buffer.size > 0)
        end_line(a);
}

static void
print_count(int64_t n, char *out)
{
    if (n > 0)
        snprintf(out, AGENTLOG_NUMBER, "%" PRId64, n);
}

void
agentlog_report(const struct agentlog *a, struct agentlog_report *out)
{
    *out = (struct agentlog_report){.response = buf_str(&a->response),
                                    .response_size = a->response.size,
                                    .response_truncated = a->response_cut};
    memcpy(out->cost, a->cost, sizeof out->cost);
    memcpy(out->input, a->input, sizeof out->input);
    memcpy(out->output, a->output, sizeof out->output);
    memcpy(out->cache_read, a->cache_read, sizeof out->cache_read);
    memcpy(out->problem, a->problem, sizeof out->problem);
    if (a->spoke && !a->finished && a->profile->last != NULL)
        snprintf(out->unfinished, sizeof out->unfinished,
                 "%s run incomplete (no %s line)", a->profile->type, a->profile->last);
    print_count(a->sum_input, out->input);
    print_count(a->sum_output, out->output);
    print_count(a->sum_cache, out->cache_read);
    if (a->sum_cost > 0)
        snprintf(out->cost, sizeof out->cost, "%.10g", a->sum_cost);
}
