/* yamlscalar.c - see yamlscalar.h. */
#include "common/data/yamlscalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/macros.h"
#include "common/scoped.h"
#include "common/utf8.h"

#define TAG "tag:yaml.org,2002:"

enum word { WORD_TRUE, WORD_FALSE, WORD_NULL, WORD_NO_NUMBER };

static const struct {
    const char *text;
    enum word word;
} words[] = {
    {"y", WORD_TRUE},          {"Y", WORD_TRUE},          {"yes", WORD_TRUE},
    {"Yes", WORD_TRUE},        {"YES", WORD_TRUE},        {"true", WORD_TRUE},
    {"True", WORD_TRUE},       {"TRUE", WORD_TRUE},       {"on", WORD_TRUE},
    {"On", WORD_TRUE},         {"ON", WORD_TRUE},         {"n", WORD_FALSE},
    {"N", WORD_FALSE},         {"no", WORD_FALSE},        {"No", WORD_FALSE},
    {"NO", WORD_FALSE},        {"false", WORD_FALSE},     {"False", WORD_FALSE},
    {"FALSE", WORD_FALSE},     {"off", WORD_FALSE},       {"Off", WORD_FALSE},
    {"OFF", WORD_FALSE},       {"", WORD_NULL},           {"~", WORD_NULL},
    {"null", WORD_NULL},       {"Null", WORD_NULL},       {"NULL", WORD_NULL},
    {".nan", WORD_NO_NUMBER},  {".NaN", WORD_NO_NUMBER},  {".NAN", WORD_NO_NUMBER},
    {".inf", WORD_NO_NUMBER},  {".Inf", WORD_NO_NUMBER},  {".INF", WORD_NO_NUMBER},
    {"+.inf", WORD_NO_NUMBER}, {"+.Inf", WORD_NO_NUMBER}, {"+.INF", WORD_NO_NUMBER},
    {"-.inf", WORD_NO_NUMBER}, {"-.Inf", WORD_NO_NUMBER}, {"-.INF", WORD_NO_NUMBER},
};

static int
find_word(const char *text, size_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strlen(words[i].text) == size && memcmp(words[i].text, text, size) == 0)
            return (int)words[i].word;
    return -1;
}

/* A date, or a date and time: text to us, a timestamp to others. */
static bool
is_date(const char *s)
{
    if (strspn(s, "0123456789") != 4 || s[4] != '-')
        return false;
    for (const char *p = s + 5; *p != '\0'; p++)
        if (strchr("0123456789-:.+TtZz ", *p) == NULL)
            return false;
    return true;
}

/* Integers in the bases of a prefix. 0 and *out, or -1. */
static int
read_integer(const char *s, long long *out)
{
    bool minus = *s == '-';
    const char *digits = s + (*s == '-' || *s == '+');
    int base = 10;
    char *end;

    if (digits[0] == '0' && digits[1] != '\0') {
        char p = (char)tolower((unsigned char)digits[1]);
        base = p == 'x' ? 16 : p == 'b' ? 2 : 8;
        digits += p == 'x' || p == 'b' || p == 'o' ? 2 : 1;
    }
    if (!isxdigit((unsigned char)*digits))
        return -1;
    errno = 0;
    unsigned long long v = strtoull(digits, &end, base);
    if (errno != 0 || *end != '\0' || v > (unsigned long long)INT64_MAX + minus)
        return -1;
    *out = minus ? (long long)(0 - v) : (long long)v;
    return 0;
}

/* [-+]?(.digits|digits[.digits])([eE][-+]?digits)? */
static bool
is_float(const char *s)
{
    size_t before, after = 0;

    s += *s == '-' || *s == '+';
    before = strspn(s, "0123456789");
    s += before;
    if (*s == '.') {
        after = strspn(s + 1, "0123456789");
        s += 1 + after;
    }
    if (before + after == 0)
        return false;
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '-' || *s == '+';
        size_t n = strspn(s, "0123456789");
        if (n == 0)
            return false;
        s += n;
    }
    return *s == '\0';
}

/* 190:20:30 and 1:30.5 are numbers to a YAML 1.1 reader. */
static bool
is_base_60(const char *s)
{
    bool colon = false;

    s += *s == '-' || *s == '+';
    if (!isdigit((unsigned char)*s))
        return false;
    for (; *s != '\0'; s++) {
        if (*s == ':')
            colon = true;
        else if (!isdigit((unsigned char)*s) && *s != '_' && *s != '.')
            return false;
    }
    return colon;
}

/* The number a text stands for, NULL when it is none. */
static json_t *
number(const char *text)
{
    char digits[128];
    size_t n = 0;
    long long whole;

    if (strchr("+-.0123456789", text[0]) == NULL || text[0] == '\0' || is_date(text))
        return NULL;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '_' && text[0] != '.')
            continue;
        if (n == sizeof digits - 1)
            return NULL;
        digits[n++] = *p;
    }
    digits[n] = '\0';
    if (text[0] != '.' && read_integer(digits, &whole) == 0)
        return json_integer(whole);
    if (!is_float(digits))
        return NULL;
    double real = strtod(digits, NULL);
    if (!isfinite(real))
        return NULL;
    if (real == floor(real) && fabs(real) < 9007199254740992.0)
        return json_integer((json_int_t)real);
    return json_real(real);
}

static json_t *
text_value(const char *text, size_t size)
{
    SCOPED(buf) struct buf repaired = BUF_INIT;

    if (utf8_valid(text, size))
        return json_stringn(text, size);
    return utf8_add_clean(&repaired, text, size) < 0
               ? NULL
               : json_stringn(repaired.data, repaired.size);
}

static json_t *
plain(const char *text, size_t size, struct err *e)
{
    json_t *v = NULL;

    switch (find_word(text, size)) {
    case WORD_TRUE:
        return json_true();
    case WORD_FALSE:
        return json_false();
    case WORD_NULL:
        return json_null();
    case WORD_NO_NUMBER:
        err_set(e, ERR_INVALID, "%s has no JSON form", text);
        return NULL;
    default:
        break;
    }
    if (strlen(text) == size)
        v = number(text);
    return v != NULL ? v : text_value(text, size);
}

json_t *
yaml_scalar(const char *text, size_t size, const char *tag, struct err *e)
{
    if (tag == NULL || strncmp(tag, TAG, strlen(TAG)) != 0)
        return tag == NULL ? plain(text, size, e) : text_value(text, size);
    const char *type = tag + strlen(TAG);
    if (strcmp(type, "str") == 0 || strcmp(type, "timestamp") == 0 ||
        strcmp(type, "binary") == 0)
        return text_value(text, size);
    json_t *v = plain(text, size, e);
    if (v == NULL)
        return NULL;
    if ((strcmp(type, "int") == 0 && json_is_integer(v)) ||
        (strcmp(type, "float") == 0 && json_is_number(v)) ||
        (strcmp(type, "bool") == 0 && json_is_boolean(v)) ||
        (strcmp(type, "null") == 0 && json_is_null(v)))
        return v;
    json_decref(v);
    err_set(e, ERR_INVALID, "%.60s is no !!%.20s", text, type);
    return NULL;
}

bool
yaml_scalar_ambiguous(const char *text, size_t size)
{
    struct err ignored = ERR_INIT;

    if (find_word(text, size) >= 0)
        return true;
    if (strlen(text) != size)
        return false; /* a NUL inside: the emitter quotes it */
    json_t *v = plain(text, size, &ignored);
    bool other = !json_is_string(v);
    json_decref(v);
    return other || is_date(text) || is_base_60(text) || strcmp(text, "<<") == 0;
}
