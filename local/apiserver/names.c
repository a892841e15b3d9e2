/* names.c - see names.h. */
#include "local/apiserver/names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool
lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool
alnum(char c)
{
    return lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool
is_label(const char *p, size_t n)
{
    if (n == 0 || n > 63 || !lower_alnum(p[0]) || !lower_alnum(p[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!lower_alnum(p[i]) && p[i] != '-')
            return false;
    return true;
}

static bool
is_subdomain(const char *p, size_t n)
{
    if (n == 0 || n > 253)
        return false;
    for (;;) {
        const char *dot = memchr(p, '.', n);
        size_t part = dot != NULL ? (size_t)(dot - p) : n;

        /* Only the whole is bounded: parts of more than 63 are allowed in object names. */
        if (part == 0 || !lower_alnum(p[0]) || !lower_alnum(p[part - 1]))
            return false;
        for (size_t i = 0; i < part; i++)
            if (!lower_alnum(p[i]) && p[i] != '-')
                return false;
        if (dot == NULL)
            return true;
        n -= part + 1;
        p = dot + 1;
    }
}

const char *
name_subdomain(const char *text)
{
    size_t n = strlen(text);

    if (n > 253)
        return "must be no more than 253 characters";
    return is_subdomain(text, n)
               ? NULL
               : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                 "characters, '-' or '.', and must start and end with an alphanumeric "
                 "character";
}

const char *
name_label(const char *text)
{
    size_t n = strlen(text);

    if (n > 63)
        return "must be no more than 63 characters";
    return is_label(text, n)
               ? NULL
               : "a lowercase RFC 1123 label must consist of lower case alphanumeric "
                 "characters "
                 "or '-', and must start and end with an alphanumeric character";
}

const char *
name_path_segment(const char *text)
{
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return "may not be '.' or '..'";
    return strpbrk(text, "/%") != NULL ? "may not contain '/' or '%'" : NULL;
}

static bool
is_word(const char *p, size_t n)
{
    if (n == 0 || n > 63 || !alnum(p[0]) || !alnum(p[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!alnum(p[i]) && p[i] != '-' && p[i] != '_' && p[i] != '.')
            return false;
    return true;
}

const char *
name_qualified(const char *text)
{
    const char *slash = strchr(text, '/');

    if (slash != NULL) {
        if (!is_subdomain(text, (size_t)(slash - text)))
            return "prefix part must be a lowercase RFC 1123 subdomain";
        text = slash + 1;
    }
    return is_word(text, strlen(text))
               ? NULL
               : "name part must consist of at most 63 alphanumeric characters, '-', '_' "
                 "or '.', and must start and end with an alphanumeric character";
}

const char *
name_label_value(const char *text)
{
    return *text == '\0' || is_word(text, strlen(text))
               ? NULL
               : "a valid label must be an empty string or consist of at most 63 "
                 "alphanumeric characters, '-', "
                 "'_' or '.', and must start and end with an alphanumeric character";
}
