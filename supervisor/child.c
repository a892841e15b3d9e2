/* child.c - see child.h. */
#include "supervisor/child.h"

#include <string.h>

typedef enum child_action step_fn(struct child *c, int64_t now_ms, double random);

static enum child_action
ignore(struct child *c, int64_t now_ms, double random)
{
    (void)c;
    (void)now_ms;
    (void)random;
    return DO_NOTHING;
}

static enum child_action
start(struct child *c, int64_t now_ms, double random)
{
    (void)random;
    c->state = CHILD_STARTING;
    c->progressed = false;
    c->deadline_ms = now_ms + CHILD_READY_MS;
    return DO_SPAWN;
}

static enum child_action
mark_up(struct child *c, int64_t now_ms, double random)
{
    (void)now_ms;
    (void)random;
    c->state = CHILD_UP;
    c->deadline_ms = 0;
    return DO_NOTHING;
}

static enum child_action
ask(struct child *c, int64_t now_ms, double random)
{
    (void)random;
    c->state = CHILD_STOPPING;
    c->deadline_ms = now_ms + c->stop_budget_ms;
    return DO_ASK;
}

static enum child_action
forget(struct child *c, int64_t now_ms, double random)
{
    (void)now_ms;
    (void)random;
    c->state = CHILD_OFF;
    c->deadline_ms = 0;
    return DO_FORGET;
}

/* SIGKILL cannot fail to end it: no further deadline, EV_EXIT comes. */
static enum child_action
kill_it(struct child *c, int64_t now_ms, double random)
{
    (void)now_ms;
    (void)random;
    c->deadline_ms = 0;
    return DO_KILL;
}

static enum child_action
abort_it(struct child *c, int64_t now_ms, double random)
{
    (void)random;
    c->deadline_ms = now_ms + CHILD_ABORT_MS;
    return DO_ABORT;
}

/* The n-th consecutive death without progress: 0, 100 ms, 200 ms ... 30 s. */
static int64_t
delay_ms(unsigned fruitless, double random)
{
    int64_t delay = CHILD_BACKOFF_MS;

    if (fruitless < 2)
        return 0;
    for (unsigned i = 2; i < fruitless && delay < CHILD_BACKOFF_CAP_MS; i++)
        delay *= 2;
    if (delay > CHILD_BACKOFF_CAP_MS)
        delay = CHILD_BACKOFF_CAP_MS;
    return (int64_t)((double)delay * (0.8 + 0.4 * random));
}

static void
count_fruitless(struct child *c, int64_t now_ms)
{
    int64_t *oldest = &c->fruitless_ms[c->fruitless % CHILD_DEGRADED_DEATHS];

    if (c->fruitless >= CHILD_DEGRADED_DEATHS - 1) {
        int64_t first = c->fruitless_ms[(c->fruitless + 1) % CHILD_DEGRADED_DEATHS];

        if (now_ms - first <= CHILD_DEGRADED_WINDOW_MS)
            c->degraded = true;
    }
    *oldest = now_ms;
    c->fruitless++;
}

static enum child_action
died(struct child *c, int64_t now_ms, double random)
{
    int64_t delay;

    if (c->progressed)
        child_progressed(c);
    else
        count_fruitless(c, now_ms);
    delay = delay_ms(c->fruitless, random);
    if (delay == 0)
        return start(c, now_ms, random);
    c->state = CHILD_WAITING;
    c->deadline_ms = now_ms + delay;
    return DO_NOTHING;
}

/* clang-format off */
static step_fn *const steps[N_CHILD_STATES][N_CHILD_EVENTS] = {
    /*                  EV_START  EV_READY  EV_EXIT  EV_DEADLINE  EV_STOP  EV_STUCK  EV_FROZEN */
    [CHILD_OFF]      = {start,    ignore,   ignore,  ignore,      forget,  ignore,   ignore},
    [CHILD_STARTING] = {ignore,   mark_up,  died,    kill_it,     ask,     abort_it, kill_it},
    [CHILD_UP]       = {ignore,   ignore,   died,    kill_it,     ask,     abort_it, kill_it},
    [CHILD_STOPPING] = {ignore,   ignore,   forget,  kill_it,     ignore,  ignore,   kill_it},
    [CHILD_WAITING]  = {ignore,   ignore,   ignore,  start,       forget,  ignore,   ignore},
};
/* clang-format on */

void
child_init(struct child *c, int64_t stop_budget_ms)
{
    memset(c, 0, sizeof *c);
    c->state = CHILD_OFF;
    c->stop_budget_ms = stop_budget_ms;
}

enum child_action
child_step(struct child *c, enum child_event event, int64_t now_ms, double random)
{
    return steps[c->state][event](c, now_ms, random);
}

bool
child_is_stuck(int64_t busy_ms, int64_t seen_ms, int64_t waited_ms)
{
    return busy_ms >= CHILD_STUCK_MS && seen_ms >= CHILD_SEEN_MS &&
           (busy_ms >= CHILD_STARVED_MS || waited_ms < seen_ms / 4 * 3);
}

void
child_progressed(struct child *c)
{
    c->fruitless = 0;
    c->degraded = false;
}

const char *
child_state_name(enum child_state state)
{
    static const char *const names[N_CHILD_STATES] = {"off", "starting", "up", "stopping",
                                                      "waiting"};

    return names[state];
}
