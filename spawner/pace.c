#include "spawner/pace.h"

#include <stdlib.h>
#include <string.h>

#include "common/http/http.h"

static bool
number_header(const struct buf *headers, const char *name, int64_t *out)
{
    char text[32];
    char *end;
    long long v;

    if (!http_header(headers, name, text, sizeof(text)) || *text < '0' || *text > '9')
        return false;
    v = strtoll(text, &end, 10);
    if (*end != '\0')
        return false;
    *out = v;
    return true;
}

void
quota_read(struct quota *q, const struct buf *headers)
{
    int64_t reset;

    (void)number_header(headers, "X-RateLimit-Limit", &q->limit);
    (void)number_header(headers, "X-RateLimit-Remaining", &q->left);
    if (number_header(headers, "X-RateLimit-Reset", &reset) && reset < INT64_MAX / 1000)
        q->reset = reset * 1000;
}

static int64_t
jittered(int64_t ms, double random)
{
    return ms + (int64_t)((double)ms * PACE_JITTER_PERCENT / 100.0 * random);
}

int64_t
pace_next_ms(int64_t interval_ms, const struct quota *q, double random)
{
    int64_t ms = interval_ms < PACE_FLOOR_MS ? PACE_FLOOR_MS : interval_ms;

    if (q->limit > 0 && q->left >= 0 && q->left < q->limit / 10)
        ms *= 2;
    return jittered(ms, random);
}

int64_t
pace_failed_ms(int64_t interval_ms, unsigned failures, double random)
{
    int64_t cap = interval_ms > PACE_ERROR_CAP_MS ? interval_ms : PACE_ERROR_CAP_MS;
    int64_t ms = PACE_ERROR_FIRST_MS;

    for (unsigned i = 1; i < failures && ms < cap; i++)
        ms *= 2;
    return jittered(ms < cap ? ms : cap, random);
}

int64_t
pace_limited_until(int status, const struct buf *headers, const char *body, unsigned hits,
                   int64_t now)
{
    struct quota q = QUOTA_UNKNOWN;
    int64_t wait = http_retry_after_ms(headers, now), backed;

    if (status != 403 && status != 429)
        return 0;
    quota_read(&q, headers);
    if (wait < 0 && q.left == 0 && q.reset > 0)
        wait = q.reset > now ? q.reset - now : 1000;
    if (wait < 0) {
        /* A plain 403 is about rights, not about limits. */
        if (status == 403 && q.left != 0 && strcasestr(body, "rate limit") == NULL &&
            strcasestr(body, "abuse") == NULL)
            return 0;
        backed = (int64_t)PACE_SECONDARY_MS << (hits < 6 ? hits : 6);
        wait = backed;
    }
    if (wait > PACE_WAIT_CAP_MS)
        wait = PACE_WAIT_CAP_MS;
    return now + (wait < 1000 ? 1000 : wait);
}
