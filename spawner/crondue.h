/* crondue.h - which ticks of a schedule are handed out now. Pure. */
#ifndef KELOS_SPAWNER_CRONDUE_H
#define KELOS_SPAWNER_CRONDUE_H

#include "common/value/cronexpr.h"
#include "common/limits.h"

/* What becomes of ticks that nobody was there for (cron.catchUp). */
enum cron_catch_up {
    CATCH_UP_ONE, /* the newest of them */
    CATCH_UP_NONE,
    CATCH_UP_ALL /* at most LIMIT_CRON_CATCH_UP at a time, the oldest first */
};

/* A tick is on time for so long. */
#define CRON_ON_TIME_S 60

/* "", "one", "none", "all"; -1 when the text is none of them. */
int cron_catch_up_parse(const char *text);

/* The ticks t with last_s < t <= now_s that are handed out, ascending; `out` holds
 * LIMIT_CRON_CATCH_UP. Those until handed_s were handed out before and wait: all of them come
 * again; the policy is for those after it. Returns how many. */
size_t cron_due(const struct cronexpr *c, enum cron_catch_up policy, int64_t last_s,
                int64_t handed_s, int64_t now_s, int64_t *out);

#endif
