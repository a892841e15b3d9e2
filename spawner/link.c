#include "spawner/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { URL_MAX = 2048, PAGES_MAX = 1000000 };

size_t
url_origin_size(const char *url)
{
    const char *p = strstr(url, "://");

    if (p == NULL || p == url)
        return 0;
    p += 3;
    return (size_t)(p - url) + strcspn(p, "/?#");
}

bool
url_same_origin(const char *base, const char *url)
{
    size_t n = url_origin_size(base);

    return n > 0 && url_origin_size(url) == n && strncasecmp(base, url, n) == 0;
}

/* The URL of <...>; rel="`rel`". */
static bool
link_rel(const char *link, const char *rel, char *out, size_t room)
{
    char want[32];
    int size = snprintf(want, sizeof(want), "rel=\"%s\"", rel);

    for (const char *p = link; (p = strchr(p, '<')) != NULL;) {
        const char *end = strchr(p, '>');
        size_t n;

        if (end == NULL)
            return false;
        n = (size_t)(end - p - 1);
        end++;
        end += strspn(end, " \t");
        if (*end == ';') {
            end++;
            end += strspn(end, " \t");
            if (strncmp(end, want, (size_t)size) == 0 && n < room) {
                memcpy(out, p + 1, n);
                out[n] = '\0';
                return true;
            }
        }
        p = end;
    }
    return false;
}

bool
link_next(const char *link, char *out, size_t room)
{
    return link_rel(link, "next", out, room);
}

/* Where the number of the query's `page=` stands; NULL without one. */
static const char *
page_number(const char *url)
{
    const char *p = strchr(url, '?');

    for (; p != NULL; p = strchr(p + 1, '&'))
        if (strncmp(p + 1, "page=", 5) == 0 && p[6] >= '1' && p[6] <= '9')
            return p + 6;
    return NULL;
}

unsigned
link_pages(const char *link)
{
    char next[URL_MAX], last[URL_MAX];
    const char *two, *n;
    unsigned long pages;
    char *end;

    if (!link_rel(link, "next", next, sizeof(next)) ||
        !link_rel(link, "last", last, sizeof(last)) ||
        (two = page_number(next)) == NULL || (n = page_number(last)) == NULL)
        return 0;
    pages = strtoul(n, &end, 10);
    if (two - next != n - last || strncmp(next, last, (size_t)(two - next)) != 0 ||
        two[0] != '2' || strcmp(two + 1, end) != 0 || pages < 2 || pages > PAGES_MAX)
        return 0;
    return (unsigned)pages;
}

bool
link_page_url(const char *second, unsigned n, char *out, size_t room)
{
    const char *two = page_number(second);
    int size;

    if (two == NULL)
        return false;
    size = snprintf(out, room, "%.*s%u%s", (int)(two - second), second, n, two + 1);
    return size > 0 && (size_t)size < room;
}
