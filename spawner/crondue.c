/* crondue.c - see crondue.h. */
#include "spawner/crondue.h"

#include <stdbool.h>
#include <string.h>

#include "common/macros.h"

static const struct {
    const char *text;
    enum cron_catch_up policy;
} policies[] = {{"", CATCH_UP_ONE},
                {"one", CATCH_UP_ONE},
                {"none", CATCH_UP_NONE},
                {"all", CATCH_UP_ALL}};

/* How far to look back for the newest tick: a schedule of minutes must not be walked
 * through from years ago. */
static const int64_t windows_s[] = {3600, 86400, 32 * 86400, 366 * 86400LL, INT64_MAX};

int
cron_catch_up_parse(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(policies); i++)
        if (strcmp(policies[i].text, text) == 0)
            return (int)policies[i].policy;
    return -1;
}

static size_t
newest(const struct cronexpr *c, int64_t last_s, int64_t now_s, int64_t *out)
{
    for (size_t i = 0; i < ARRAY_LEN(windows_s); i++) {
        bool whole = now_s - last_s <= windows_s[i];
        int64_t from = whole ? last_s : now_s - windows_s[i];
        size_t n = cronexpr_ticks(c, from, now_s, out, LIMIT_CRON_CATCH_UP);

        while (n == LIMIT_CRON_CATCH_UP && cronexpr_next(c, out[n - 1]) <= now_s &&
               cronexpr_next(c, out[n - 1]) != CRONEXPR_NEVER)
            n = cronexpr_ticks(c, out[n - 1], now_s, out, LIMIT_CRON_CATCH_UP);
        if (n > 0) {
            out[0] = out[n - 1];
            return 1;
        }
        if (whole)
            break;
    }
    return 0;
}

/* Those that the policy gives, at most `room`. */
static size_t
made_up(const struct cronexpr *c, enum cron_catch_up policy, int64_t last_s,
        int64_t now_s, int64_t *out, size_t room)
{
    int64_t on_time = now_s - CRON_ON_TIME_S, scratch[LIMIT_CRON_CATCH_UP];

    if (policy == CATCH_UP_ONE) {
        if (room == 0 || newest(c, last_s, now_s, scratch) == 0)
            return 0;
        out[0] = scratch[0];
        return 1;
    }
    if (policy == CATCH_UP_NONE && last_s < on_time)
        last_s = on_time;
    return cronexpr_ticks(c, last_s, now_s, out, room);
}

size_t
cron_due(const struct cronexpr *c, enum cron_catch_up policy, int64_t last_s,
         int64_t handed_s, int64_t now_s, int64_t *out)
{
    size_t n = 0;

    if (handed_s > now_s)
        handed_s = now_s;
    if (handed_s > last_s) {
        n = cronexpr_ticks(c, last_s, handed_s, out, LIMIT_CRON_CATCH_UP);
        last_s = handed_s;
    }
    return n + made_up(c, policy, last_s, now_s, out + n, LIMIT_CRON_CATCH_UP - n);
}
