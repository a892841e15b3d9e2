/* guard.c - see guard.h. */
#include "local/apiserver/guard.h"

#include <string.h>
#include <strings.h>

#include "common/base64.h"

static bool
same_secret(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned char diff = n != m;

    for (size_t i = 0; i < n; i++)
        diff |= (unsigned char)(a[i] ^ b[i < m ? i : 0]);
    return diff == 0 && m > 0;
}

/* "Basic " + base64("kelos:" + token), in the Proxy-Authorization header: kubectl sends no bearer
 * token over plain HTTP, but it does tell a proxy the password of its URL. Our kubeconfig
 * names ourselves as that proxy. */
static bool
proxy_password(const char *header_text, const char *token)
{
    SCOPED(buf) struct buf plain = BUF_INIT;
    struct err ignored = ERR_INIT;
    bool good;

    if (header_text == NULL || strncasecmp(header_text, "Basic ", 6) != 0 ||
        base64_decode(&plain, header_text + 6, strlen(header_text + 6), &ignored) < 0)
        return false;
    good = strncmp(buf_str(&plain), "kelos:", 6) == 0 &&
           same_secret(buf_str(&plain) + 6, token);
    buf_wipe(&plain);
    return good;
}

static bool
own_name(const char *host)
{
    size_t n = strcspn(host, ":");

    return (n == 9 && (strncasecmp(host, "localhost", 9) == 0 ||
                       strncmp(host, "127.0.0.1", 9) == 0)) ||
           strncmp(host, "[::1]", 5) == 0;
}

bool
guard_refuses(const struct guard *g, const char *token, struct fault *f)
{
    if (g->host == NULL || !own_name(g->host)) {
        fault_set(f, 421, "BadRequest",
                  "this server answers to 127.0.0.1 and localhost only");
        return true;
    }
    if (g->authorization != NULL && strncasecmp(g->authorization, "Bearer ", 7) == 0 &&
        same_secret(g->authorization + 7, token))
        return false;
    if (proxy_password(g->proxy_authorization, token))
        return false;
    fault_set(f, 401, "Unauthorized", "Unauthorized");
    return true;
}
