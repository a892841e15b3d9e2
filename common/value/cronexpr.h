/* cronexpr.h - five-field cron expressions and the times they name.
 *
 * Fields: minute, hour, day of month, month (or JAN-DEC), day of week (0-6 or SUN-SAT);
 * lists, ranges, steps, `*` and `?`. When day of month or day of week is starred both
 * must match, otherwise either. A leading TZ=Zone or CRON_TZ=Zone reads the expression in
 * that zone of tzdata; without it times are UTC. A tick is every minute whose local time
 * matches: what daylight saving skips does not happen, what it repeats happens twice. */
#ifndef KELOS_COMMON_CRONEXPR_H
#define KELOS_COMMON_CRONEXPR_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/scoped.h"

struct cronexpr;

/* Also @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, as CronJobs
 * take. */
#define CRONEXPR_DESCRIPTORS 1u

/* Returns what the caller owns, or NULL with e (ERR_INVALID; the text is the reason
 * alone, the caller says which expression). */
struct cronexpr *cronexpr_parse(const char *text, unsigned flags, struct err *e);
/* The same in a zone of tzdata; "" : as the text says, else UTC. A zone and a text that begins
 * with TZ= exclude each other. */
struct cronexpr *cronexpr_parse_in(const char *text, const char *zone, unsigned flags,
                                   struct err *e);
void cronexpr_free(struct cronexpr *c);
SCOPED_DEFINE(cronexpr)

#define CRONEXPR_NEVER INT64_MIN

/* The first tick after `after_s` (seconds since 1970), or CRONEXPR_NEVER when the five
 * years that follow hold none. */
int64_t cronexpr_next(const struct cronexpr *c, int64_t after_s);

/* All ticks t with after_s < t <= now_s, ascending, at most `max`. Returns how many. */
size_t cronexpr_ticks(const struct cronexpr *c, int64_t after_s, int64_t now_s,
                      int64_t *out, size_t max);

#define CRONEXPR_ID_SIZE 16

/* The id of a tick's work item: "20260207-0900", UTC. */
void cronexpr_id(int64_t tick_s, char *out);

#endif
