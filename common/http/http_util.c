/* http_util.c - see http.h: the helpers. */
#include "common/http/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/macros.h"

bool
http_header(const struct buf *headers, const char *name, char *out, size_t room)
{
    const char *line = buf_str(headers);
    size_t size = strlen(name);

    while (*line != '\0') {
        size_t n = strcspn(line, "\n");
        if (n > size && line[size] == ':' && strncasecmp(line, name, size) == 0) {
            const char *value = line + size + 1;
            while (*value == ' ' || *value == '\t')
                value++;
            snprintf(out, room, "%.*s", (int)(line + n - value), value);
            return true;
        }
        line += n + (line[n] == '\n');
    }
    return false;
}

int64_t
http_retry_after_ms(const struct buf *headers, int64_t now_ms)
{
    char value[64];
    char *end;

    if (!http_header(headers, "Retry-After", value, sizeof value))
        return -1;
    if (isdigit((unsigned char)value[0])) {
        long long seconds = strtoll(value, &end, 10);
        if (*end != '\0')
            return -1;
        return seconds > 86400 ? 86400000 : seconds * 1000;
    }
    time_t at = curl_getdate(value, NULL);
    if (at == (time_t)-1)
        return -1;
    if (at >
        now_ms / 1000 + 86400) /* before it is multiplied: a year may have many digits */
        return 86400000;
    int64_t wait = (int64_t)at * 1000 - now_ms;
    return wait < 0 ? 0 : wait;
}

int
http_escape(struct buf *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            buf_add_char(out, (char)c);
        } else {
            char code[3] = {'%', hex[c >> 4], hex[c & 15]};
            buf_add(out, code, 3);
        }
    }
    return out->failed ? -1 : 0;
}

/* The host of an URL without brackets, "" when there is none. */
static void
host_of(const char *url, char *out, size_t room)
{
    const char *at = strstr(url, "://");
    const char *user;

    out[0] = '\0';
    if (at == NULL)
        return;
    at += 3;
    size_t size = strcspn(at, "/?#");
    if ((user = memrchr(at, '@', size)) != NULL) {
        size -= (size_t)(user + 1 - at);
        at = user + 1;
    }
    if (*at == '[') {
        at++;
        size = strcspn(at, "]");
    } else {
        size_t colon = strcspn(at, ":");
        size = colon < size ? colon : size;
    }
    snprintf(out, room, "%.*s", (int)size, at);
}

bool
http_is_loopback(const char *url)
{
    char host[256];

    host_of(url, host, sizeof host);
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0)
        return true;
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host);
}

void
http_redact_header(const char *line, char *out, size_t room)
{
    static const char *const secret[] = {
        "Authorization", "Proxy-Authorization", "Cookie",       "Set-Cookie",
        "PRIVATE-TOKEN", "X-Api-Key",           "X-Auth-Token", "X-Amz-Security-Token",
    };

    for (size_t i = 0; i < ARRAY_LEN(secret); i++) {
        size_t n = strlen(secret[i]);
        if (strncasecmp(line, secret[i], n) == 0 && line[n] == ':') {
            snprintf(out, room, "%.*s: ***", (int)n, line);
            return;
        }
    }
    snprintf(out, room, "%s", line);
}
