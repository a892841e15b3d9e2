#include "spawner/link.h"

#include <string.h>
#include <strings.h>

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

bool
link_next(const char *link, char *out, size_t room)
{
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
            if (strncmp(end, "rel=\"next\"", 10) == 0 && n < room) {
                memcpy(out, p + 1, n);
                out[n] = '\0';
                return true;
            }
        }
        p = end;
    }
    return false;
}
