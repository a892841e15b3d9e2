/* test_shard.c - what a shard queues, when, and with what priority; what it remembers of its own
 * writes. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/live.h"
#include "reconciler/resync.h"
#include "reconciler/task/taskmemory.h"

#define NOW AT("2026-01-01T01:00:00Z")

static struct shard
shard_up(void)
{
    return (struct shard){.store = store_new(), .queue = queue_new(), .count = 1};
}

static void
shard_down(struct shard *s)
{
    store_free(s->store);
    queue_free(s->queue);
}

/* As a watch would show it: with the version, created then. */
static void
show(struct shard *s, const char *name, const char *version, const char *created)
{
    char meta[200];

    snprintf(meta, sizeof meta, "'resourceVersion':'%s','creationTimestamp':'%s'",
             version, created);
    struct view *v = &make_task(name, meta, "", "")->view, *now = v;
    n_kept--; /* the store owns it */
    SCOPED(view) struct view *old = store_put(s->store, &v, 1);
    wake(s, old, now);
}

Test(shard, what_a_user_did_just_now_goes_before_first_lists_and_resyncs)
{
    struct shard s = shard_up();
    char fresh[RFC3339_SIZE];
    struct view *old = &make_task("x", "'resourceVersion':'5'", "", "")->view;

    rfc3339_format(clock_wall_ms(), fresh);
    show(&s, "of-old", "1", "2026-01-01T00:00:00Z");
    show(&s, "of-now", "2", fresh);
    cr_assert_str_eq(queue_take(s.queue, 0), "task/0/dev/of-now");
    cr_assert_str_eq(queue_take(s.queue, 0), "task/0/dev/of-old");
    queue_done(s.queue, "task/0/dev/of-now");
    queue_done(s.queue, "task/0/dev/of-old");
    show(&s, "of-now", "2", fresh); /* a sweep that brings nothing new */
    show(&s, "of-old", "9", "2026-01-01T00:00:00Z");
    cr_assert_str_eq(queue_take(s.queue, 0), "task/0/dev/of-old");
    cr_assert_str_eq(queue_take(s.queue, 0), "task/0/dev/of-now");
    cr_assert_not(wake_has_time(old, NULL, NOW), "an end is news");
    row_claim("KC/Q-4");
    shard_down(&s);
}

Test(shard, every_key_comes_again_about_every_ten_hours)
{
    struct shard s = shard_up();
    char fresh[RFC3339_SIZE], key[64];
    int keys = 0;

    cr_assert_eq(resync_delay_ms(0), 9 * 3600 * 1000);
    cr_assert_eq(resync_delay_ms(1), 11 * 3600 * 1000);
    rfc3339_format(clock_wall_ms(), fresh);
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "t%d", i);
        show(&s, key, "1", fresh);
    }
    for (const char *k; (k = queue_take(s.queue, 0)) != NULL;) {
        snprintf(key, sizeof key, "%s", k);
        queue_done(s.queue, key);
    }
    resync_all(&s);
    cr_assert_eq(queue_depth(s.queue), 20);
    show(&s, "fresh", "2", fresh);
    cr_assert_str_eq(queue_take(s.queue, 0), "task/0/dev/fresh", "low priority");
    while (queue_take(s.queue, 0) != NULL)
        keys++;
    cr_assert_eq(keys, 20);
    /* What has its time is found anew from the object alone, as after a restart. */
    struct task_view *t = make_task("ttl", "", "'ttlSecondsAfterFinished':7200",
                                    "'phase':'Succeeded','completionTime':'2026-01-01T00:"
                                    "00:00Z'");
    const struct task_facts f = {.task = t, .auth = AUTH_READY, .counted = true};
    struct decision d = {.n = 0};
    task_decide(&f, NOW, &d);
    keep(d.arena.chunks);
    cr_assert_not_null(decision_find(&d, ACT_WAKE));
    cr_assert_eq(decision_find(&d, ACT_WAKE)->at_ms, AT("2026-01-01T02:00:00Z"));
    row_claim("KC/CACHE-5");
    shard_down(&s);
}

Test(shard, a_view_counts_only_once_it_shows_its_own_last_write)
{
    struct echo x = {.version = NULL};

    cr_assert(echo_seen(&x, "99"), "nothing was written");
    echo_wrote(&x, "100");
    cr_assert_not(echo_seen(&x, "99"));
    cr_assert_gt(x.until_ms, clock_mono_ms() + ECHO_MS / 2);
    echo_wrote(&x, "98"); /* answers may overtake each other */
    cr_assert_str_eq(x.version, "100");
    cr_assert(echo_seen(&x, "101"), "somebody else's later write is progress, too");
    echo_wrote(&x, "not-a-number");
    cr_assert_not(echo_seen(&x, "101"), "then only the very version counts");
    cr_assert(echo_seen(&x, "not-a-number"));
    echo_forget(&x);
    cr_assert(echo_seen(&x, "1"));
}

Test(shard, a_conflict_is_looked_into_after_ten_milliseconds_give_or_take_one)
{
    cr_assert_eq(live_conflict_ms(0), 9);
    cr_assert_eq(live_conflict_ms(0.5), 10);
    cr_assert_eq(live_conflict_ms(1), 11);
    cr_assert_eq(CONFLICTS_MAX, 5);
}
