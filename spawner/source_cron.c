/* source_cron.c - the ticks of a schedule (when.cron).
 *
 * The watermark is the last tick that was handed out and taken: what of the ticks behind it is
 * made up for is the schedule's policy, and a clock that is set back makes none twice. */
#include "spawner/source_cron.h"

#include "common/clock.h"
#include "common/data/json.h"
#include "common/limits.h"
#include "spawner/crondue.h"

enum { LATE_MS = 500 /* a tick is handed out up to this much after its time */ };

struct schedule {
    char *text;
    struct cronexpr *expr;
    enum cron_catch_up policy;
};

static void
cron_spec_free(void *spec)
{
    struct schedule *c = spec;

    cronexpr_free(c->expr);
    free(c->text);
    free(c);
}

static void *
cron_read(const struct spawn *s, const json_t *when, struct err *e)
{
    struct schedule *c = calloc(1, sizeof(*c));
    const char *text = NULL, *zone = "", *policy = "";
    int parsed = -1;

    if (c == NULL) {
        err_errno(e, "cron");
        return NULL;
    }
    if (json_get_str(when, "cron.schedule", &text, e) < 0 ||
        json_opt_str(when, "cron.timeZone", &zone, e) < 0 ||
        json_opt_str(when, "cron.catchUp", &policy, e) < 0 ||
        (c->text = strdup(text)) == NULL) {
        cron_spec_free(c);
        return NULL;
    }
    if ((parsed = cron_catch_up_parse(policy)) < 0) {
        err_set(e, ERR_INVALID, "cron.catchUp: must be none, one or all");
        cron_spec_free(c);
        return NULL;
    }
    c->policy = (enum cron_catch_up)parsed;
    if ((c->expr = cronexpr_parse_in(text, zone, CRONEXPR_DESCRIPTORS, e)) == NULL) {
        err_wrap(e, "parsing cron schedule \"%.200s\"", text);
        cron_spec_free(c);
        return NULL;
    }
    if (s->watermark == 0 && s->created == 0) {
        err_set(e, ERR_INVALID, "cron: neither a last tick nor a creation time is known");
        cron_spec_free(c);
        return NULL;
    }
    return c;
}

/* Each schedule is its own group: it has its own next time. */
static int
cron_group_key(const struct source *src, const struct spawn *s, struct buf *out)
{
    (void)src;
    return buf_printf(out, "%u/%s/%s %s", s->shard, s->ns, s->name, s->uid);
}

static void
add_tick(struct items *set, const struct schedule *c, int64_t tick_s)
{
    char id[CRONEXPR_ID_SIZE], time[RFC3339_SIZE];
    const struct msg_item item = {
        .id = id, .title = time, .time = time, .schedule = c->text};

    cronexpr_id(tick_s, id);
    rfc3339_format(tick_s * 1000, time);
    (void)items_add(set, &item);
}

/* The wall time of the next look, 0 when the schedule never fires. */
static int64_t
next_look(const struct schedule *c, int64_t after_s)
{
    int64_t next = cronexpr_next(c->expr, after_s);

    return next == CRONEXPR_NEVER ? INT64_MAX : next * 1000 + random() % LATE_MS;
}

static void
cron_poll(struct group *g)
{
    struct spawn *s = g->members[0];
    const struct schedule *c = s->spec;
    SCOPED(items) struct items *set = items_new();
    int64_t *ticks = calloc(LIMIT_CRON_CATCH_UP, sizeof(*ticks));
    int64_t now_s = clock_wall_ms() / 1000;
    int64_t last = (s->watermark != 0 ? s->watermark : s->created) / 1000;
    size_t n = 0;

    if (set != NULL && ticks != NULL)
        n = cron_due(c->expr, c->policy, last, s->handed / 1000, now_s, ticks);
    for (size_t i = 0; i < n; i++)
        add_tick(set, c, ticks[i]);
    if (n > 0)
        source_items(s, &set, "", ticks[n - 1] * 1000, "");
    else if ((s->digest[0] == '\0' || s->force) && set != NULL)
        source_items(s, &set, "", s->watermark,
                     cronexpr_next(c->expr, now_s) == CRONEXPR_NEVER
                         ? "the schedule never fires"
                         : "");
    /* More ticks than were handed out: they follow when these have been taken. */
    source_done(g, NULL,
                n == LIMIT_CRON_CATCH_UP ? clock_wall_ms() + 1000
                                         : next_look(c, now_s > last ? now_s : last));
    free(ticks);
}

static void
cron_forget(struct group *g)
{
    (void)g; /* nothing is ever in flight or held */
}

const struct source_type source_cron = {
    .name = "cron",
    .who = "cron",
    .default_base = "",
    .read = cron_read,
    .spec_free = cron_spec_free,
    .group_key = cron_group_key,
    .poll = cron_poll,
    .forget = cron_forget,
};
