/* format.c - see format.h. */
#include "local/apiserver/schema/format.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/value/duration.h"
#include "common/scoped.h"
#include "common/macros.h"
#include "local/apiserver/names.h"

static bool
is_date_time(const char *text)
{
    int64_t ms;

    return rfc3339_parse(text, &ms) == 0;
}

static bool
is_date(const char *text)
{
    char stamp[64];

    return strlen(text) == 10 &&
           snprintf(stamp, sizeof stamp, "%sT00:00:00Z", text) > 0 && is_date_time(stamp);
}

static bool
is_uuid(const char *text)
{
    for (int i = 0; i < 36; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-'
                                                    : !isxdigit((unsigned char)text[i]))
            return false;
    return text[36] == '\0';
}

static bool
is_ipv4(const char *text)
{
    unsigned char a[16];

    return inet_pton(AF_INET, text, a) == 1;
}

static bool
is_ipv6(const char *text)
{
    unsigned char a[16];

    return inet_pton(AF_INET6, text, a) == 1;
}

static bool
is_cidr(const char *text)
{
    char address[64];
    size_t n = strcspn(text, "/");
    char *end;

    if (text[n] != '/' || n >= sizeof address || !isdigit((unsigned char)text[n + 1]))
        return false;
    memcpy(address, text, n);
    address[n] = '\0';
    long bits = strtol(text + n + 1, &end, 10);
    return *end == '\0' &&
           ((is_ipv4(address) && bits <= 32) || (is_ipv6(address) && bits <= 128));
}

static bool
is_uri(const char *text)
{
    const char *colon = strchr(text, ':');

    if (colon == NULL || !isalpha((unsigned char)text[0]) || colon[1] == '\0')
        return false;
    for (const char *p = text; p < colon; p++)
        if (!isalnum((unsigned char)*p) && strchr("+-.", *p) == NULL)
            return false;
    return strpbrk(colon, " \t\n<>\"") == NULL;
}

static bool
is_email(const char *text)
{
    const char *at = strchr(text, '@');

    return at != NULL && at > text && strchr(at + 1, '@') == NULL && at[1] != '\0' &&
           strpbrk(text, " \t\n") == NULL;
}

static bool
is_base64(const char *text)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    struct err ignored = ERR_INIT;

    return strpbrk(text, " \t") == NULL &&
           base64_decode(&out, text, strlen(text), &ignored) == 0;
}

static bool
is_hostname(const char *text)
{
    return name_subdomain(text) == NULL;
}

static bool
is_duration(const char *text)
{
    int64_t ns;

    return duration_parse(text, &ns) == 0;
}

const char *
format_check(const char *format, const char *text)
{
    /* clang-format off */
    static const struct { const char *name; bool (*check)(const char *); const char *why; } formats[] = {
        {"date-time", is_date_time, "not an RFC 3339 time"},  {"date", is_date, "not a date"},
        {"duration", is_duration, "not a duration"},          {"uuid", is_uuid, "not a UUID"},
        {"ipv4", is_ipv4, "not an IPv4 address"},             {"ipv6", is_ipv6, "not an IPv6 address"},
        {"cidr", is_cidr, "not an address range"},            {"uri", is_uri, "not a URI"},
        {"email", is_email, "not an e-mail address"},         {"hostname", is_hostname, "not a host name"},
        {"byte", is_base64, "illegal base64 data"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (strcmp(format, formats[i].name) == 0)
            return formats[i].check(text) ? NULL : formats[i].why;
    return NULL;
}
