#include <criterion/criterion.h>

#include "supervisor/child.h"

#define NO_JITTER 0.5

static struct child
in_state(enum child_state state)
{
    struct child c;

    child_init(&c, 1000);
    c.state = state;
    return c;
}

/* What each cell must do and where it must lead; EV_EXIT without progress, first death. */
static const struct {
    enum child_state from;
    enum child_event event;
    enum child_action action;
    enum child_state to;
} cells[] = {
    {CHILD_OFF, EV_START, DO_SPAWN, CHILD_STARTING},
    {CHILD_OFF, EV_READY, DO_NOTHING, CHILD_OFF},
    {CHILD_OFF, EV_EXIT, DO_NOTHING, CHILD_OFF},
    {CHILD_OFF, EV_DEADLINE, DO_NOTHING, CHILD_OFF},
    {CHILD_OFF, EV_STOP, DO_FORGET, CHILD_OFF},
    {CHILD_OFF, EV_STUCK, DO_NOTHING, CHILD_OFF},
    {CHILD_OFF, EV_FROZEN, DO_NOTHING, CHILD_OFF},
    {CHILD_STARTING, EV_START, DO_NOTHING, CHILD_STARTING},
    {CHILD_STARTING, EV_READY, DO_NOTHING, CHILD_UP},
    {CHILD_STARTING, EV_EXIT, DO_SPAWN, CHILD_STARTING},
    {CHILD_STARTING, EV_DEADLINE, DO_KILL, CHILD_STARTING},
    {CHILD_STARTING, EV_STOP, DO_ASK, CHILD_STOPPING},
    {CHILD_STARTING, EV_STUCK, DO_ABORT, CHILD_STARTING},
    {CHILD_STARTING, EV_FROZEN, DO_KILL, CHILD_STARTING},
    {CHILD_UP, EV_START, DO_NOTHING, CHILD_UP},
    {CHILD_UP, EV_READY, DO_NOTHING, CHILD_UP},
    {CHILD_UP, EV_EXIT, DO_SPAWN, CHILD_STARTING},
    {CHILD_UP, EV_DEADLINE, DO_KILL, CHILD_UP},
    {CHILD_UP, EV_STOP, DO_ASK, CHILD_STOPPING},
    {CHILD_UP, EV_STUCK, DO_ABORT, CHILD_UP},
    {CHILD_UP, EV_FROZEN, DO_KILL, CHILD_UP},
    {CHILD_STOPPING, EV_START, DO_NOTHING, CHILD_STOPPING},
    {CHILD_STOPPING, EV_READY, DO_NOTHING, CHILD_STOPPING},
    {CHILD_STOPPING, EV_EXIT, DO_FORGET, CHILD_OFF},
    {CHILD_STOPPING, EV_DEADLINE, DO_KILL, CHILD_STOPPING},
    {CHILD_STOPPING, EV_STOP, DO_NOTHING, CHILD_STOPPING},
    {CHILD_STOPPING, EV_STUCK, DO_NOTHING, CHILD_STOPPING},
    {CHILD_STOPPING, EV_FROZEN, DO_KILL, CHILD_STOPPING},
    {CHILD_WAITING, EV_START, DO_NOTHING, CHILD_WAITING},
    {CHILD_WAITING, EV_READY, DO_NOTHING, CHILD_WAITING},
    {CHILD_WAITING, EV_EXIT, DO_NOTHING, CHILD_WAITING},
    {CHILD_WAITING, EV_DEADLINE, DO_SPAWN, CHILD_STARTING},
    {CHILD_WAITING, EV_STOP, DO_FORGET, CHILD_OFF},
    {CHILD_WAITING, EV_STUCK, DO_NOTHING, CHILD_WAITING},
    {CHILD_WAITING, EV_FROZEN, DO_NOTHING, CHILD_WAITING},
};

Test(child, every_cell_of_states_and_events)
{
    bool seen[N_CHILD_STATES][N_CHILD_EVENTS] = {{false}};

    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        struct child c = in_state(cells[i].from);

        cr_expect_eq(child_step(&c, cells[i].event, 5000, NO_JITTER), cells[i].action,
                     "cell %zu", i);
        cr_expect_eq(c.state, cells[i].to, "cell %zu", i);
        seen[cells[i].from][cells[i].event] = true;
    }
    for (int s = 0; s < N_CHILD_STATES; s++)
        for (int ev = 0; ev < N_CHILD_EVENTS; ev++)
            cr_expect(seen[s][ev], "no row for %s, event %d", child_state_name(s), ev);
}

/* Dies once; returns how long it waits for its next start. */
static int64_t
die(struct child *c, int64_t *now, bool progressed)
{
    int64_t before = *now;

    c->progressed = progressed;
    if (child_step(c, EV_EXIT, *now, NO_JITTER) == DO_SPAWN)
        return 0;
    *now = c->deadline_ms;
    cr_assert_eq(child_step(c, EV_DEADLINE, *now, NO_JITTER), DO_SPAWN);
    return *now - before;
}

Test(child, a_worker_that_made_progress_starts_at_once_however_often_it_dies)
{
    struct child c = in_state(CHILD_UP);
    int64_t now = 1000;

    for (int i = 0; i < 1000; i++) {
        cr_expect_eq(die(&c, &now, true), 0);
        now += 10;
    }
    cr_expect_not(c.degraded);
}

Test(child, deaths_without_progress_wait_0_then_100_ms_doubling_to_30_s)
{
    const int64_t delays[] = {0,    100,  200,   400,   800,   1600,
                              3200, 6400, 12800, 25600, 30000, 30000};
    struct child c = in_state(CHILD_STARTING);
    int64_t now = 1000;

    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++)
        cr_expect_eq(die(&c, &now, false), delays[i], "death %zu", i);
}

Test(child, jitter_stays_within_a_fifth)
{
    for (int k = 0; k <= 10; k++) {
        struct child c = in_state(CHILD_STARTING);

        c.fruitless = 4;
        child_step(&c, EV_EXIT, 0, k / 10.0);
        cr_expect_geq(c.deadline_ms, 640);
        cr_expect_leq(c.deadline_ms, 960);
    }
}

Test(child, progress_resets_the_back_off)
{
    struct child c = in_state(CHILD_STARTING);
    int64_t now = 1000;

    for (int i = 0; i < 8; i++)
        die(&c, &now, false);
    cr_expect_eq(die(&c, &now, true), 0);
    cr_expect_eq(die(&c, &now, false), 0);
    cr_expect_eq(die(&c, &now, false), 100);
}

Test(child, ten_fruitless_deaths_in_five_minutes_degrade_and_it_goes_on)
{
    struct child c = in_state(CHILD_STARTING);
    int64_t now = 1000;

    for (int i = 0; i < 9; i++) {
        die(&c, &now, false);
        cr_expect_not(c.degraded, "after %d deaths", i + 1);
    }
    die(&c, &now, false);
    cr_expect(c.degraded);
    die(&c, &now, false);
    cr_expect_eq(c.state, CHILD_STARTING);
    child_progressed(&c);
    cr_expect_not(c.degraded);
}

Test(child, ten_fruitless_deaths_over_a_longer_time_do_not_degrade)
{
    struct child c = in_state(CHILD_STARTING);
    int64_t now = 1000;

    for (int i = 0; i < 30; i++) {
        die(&c, &now, false);
        now += CHILD_DEGRADED_WINDOW_MS / 9 + 1;
        cr_expect_not(c.degraded, "after %d deaths", i + 1);
    }
}

Test(child, what_does_not_become_ready_is_killed)
{
    struct child c;

    child_init(&c, 1000);
    cr_expect_eq(child_step(&c, EV_START, 7, NO_JITTER), DO_SPAWN);
    cr_expect_eq(c.deadline_ms, 7 + CHILD_READY_MS);
    cr_expect_eq(child_step(&c, EV_DEADLINE, c.deadline_ms, NO_JITTER), DO_KILL);
}

Test(child, stuck_is_who_had_a_processor_and_was_looked_at)
{
    static const struct {
        const char *label;
        int64_t busy_ms, seen_ms, waited_ms;
        bool stuck;
    } rows[] = {
        {"a loop on a quiet machine", 1900, 900, 0, true},
        {"waiting for a disk", 1900, 1000, 0, true},
        {"a loop beside others", 1900, 1000, 600, true},
        {"not yet", 1899, 1899, 0, false},
        {"never on a processor", 1900, 1000, 1000, false},
        {"seldom on one", 5000, 4000, 3100, false},
        {"not looked at: the machine stood still", 10000, 0, 0, false},
        {"looked at since", 10300, 300, 10, true},
        {"starved for too long", 20000, 19000, 19000, true},
        {"stood still for very long", 60000, 0, 0, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(child_is_stuck(rows[i].busy_ms, rows[i].seen_ms, rows[i].waited_ms),
                     rows[i].stuck, "%s", rows[i].label);
}

Test(child, a_stuck_worker_gets_half_a_second_for_its_backtrace)
{
    struct child c = in_state(CHILD_UP);

    cr_expect_eq(child_step(&c, EV_STUCK, 100, NO_JITTER), DO_ABORT);
    cr_expect_eq(c.deadline_ms, 600);
    cr_expect_eq(child_step(&c, EV_DEADLINE, 600, NO_JITTER), DO_KILL);
    cr_expect_eq(c.deadline_ms, 0);
}

Test(child, stopping_has_the_budget_of_its_row)
{
    struct child c = in_state(CHILD_UP);

    cr_expect_eq(child_step(&c, EV_STOP, 100, NO_JITTER), DO_ASK);
    cr_expect_eq(c.deadline_ms, 1100);
    cr_expect_eq(child_step(&c, EV_DEADLINE, 1100, NO_JITTER), DO_KILL);
    cr_expect_eq(child_step(&c, EV_EXIT, 1101, NO_JITTER), DO_FORGET);
}
