/* property.c - random interleavings of everything that can happen to Tasks, with the
 * invariants looked at after every step.
 *
 *     property [--seed N] [--steps N]
 *
 * The same seed gives the same run. Ends with 1 and one line at the first violation. */
#include "tests/reconciler/model/model.h"

#include <time.h>

#include "common/log.h"

/* After so many steps everything is left in peace, and nobody may be found waiting. */
#define SETTLE_STEPS 2000

struct model model;

uint64_t
pick(uint64_t n)
{
    uint64_t z = model.random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % n;
}

bool
chance(unsigned percent)
{
    return pick(100) < percent;
}

/* ---- single steps ---- */

static void *
random_of(zlistx_t *list)
{
    size_t n = zlistx_size(list), want = n > 0 ? pick(n) : 0;
    void *item = zlistx_first(list);

    for (; item != NULL && want > 0; want--)
        item = zlistx_next(list);
    return item;
}

static void
step_call(void)
{
    struct call *c = random_of(model.calls);

    if (c == NULL)
        return;
    if (!c->executed) {
        bool slow = c->verb == KUBE_PATCH_MERGE && !model.quiet && chance(85);
        if (!slow) /* much happens between a decision and its second half */
            call_execute(c);
        return;
    }
    zlistx_detach_cur(model.calls);
    call_answer(c);
}

/* The statuswriter keeps the order of what it writes. */
static void
step_status(void)
{
    struct status_write *x = zlistx_first(model.statuses);

    while (x != NULL && x->executed)
        x = zlistx_next(model.statuses);
    if (x != NULL && x->kind == KIND_TASK_SPAWNER && !model.quiet && chance(93))
        return; /* the server is slow with this one: what counts on it shows */
    if (x != NULL && chance(60)) {
        status_execute(x);
        return;
    }
    x = zlistx_first(model.statuses);
    if (x != NULL && x->executed) {
        zlistx_detach_cur(model.statuses);
        status_answer(x);
    }
}

static void
step_ask(void)
{
    struct ask *a = random_of(model.asks);

    if (a == NULL)
        return;
    zlistx_detach_cur(model.asks);
    ask_answer(a);
}

/* Tells the reconciler when it may go on, as the client and the writes do. */
static void
with_room(void (*step)(void))
{
    bool calls = kube_full(NULL), statuses = writes_full(NULL);

    step();
    if ((calls && !kube_full(NULL)) || (statuses && !writes_full(NULL)))
        shard_go_on(&model.shard);
}

static void
step_clock(void)
{
    int64_t ms = chance(95) ? (int64_t)pick(500) : (int64_t)pick(15000);

    model.mono_ms += ms;
    model.wall_ms += ms;
    if (chance(1))
        model.wall_ms += (int64_t)pick(20000) - 10000;
    timer_fire();
}

static void
step_process(void)
{
    if (chance(20)) {
        process_kill();
    } else if (!model.shard.leader || chance(10)) {
        model.shard.leader = !model.shard.leader;
        shard_work(&model.shard);
    }
}

static void
step(void)
{
    uint64_t n = pick(100);

    if (n < 30)
        show_step((unsigned)pick(KIND_SECRET)); /* there are none in the model */
    else if (n < 50)
        with_room(step_call);
    else if (n < 65)
        with_room(step_status);
    else if (n < 70)
        step_ask();
    else if (n < 82)
        step_clock();
    else if (n < 90)
        user_step();
    else if (n < 97)
        kubelet_step();
    else if (n < 99)
        api_collect_garbage();
    else
        step_process();
}

/* ---- peace ---- */

static void
make_peace(void)
{
    model.quiet = true;
    model.shard.leader = true;
    user_prepare();
    user_clear_jobs();
}

static void
settle(void)
{
    make_peace();
    for (int round = 0; round < 300; round++) {
        for (unsigned kind = 0; kind < N_KINDS; kind++)
            show_all(kind);
        shard_work(&model.shard);
        for (int i = 0; i < 40; i++) {
            with_room(step_call);
            with_room(step_status);
            step_ask();
        }
        for (int i = 0; i < 4; i++) {
            kubelet_step();
            api_collect_garbage();
        }
        model.mono_ms += 2000;
        model.wall_ms += 2000;
        timer_fire();
    }
    check_settled();
    model.quiet = false;
}

static void
free_doc(void **item)
{
    json_decref(*item);
    *item = NULL;
}

static void
model_open(uint64_t seed)
{
    model.random = seed * 0x2545f4914f6cdd1du + 1;
    model.wall_ms = 1767225600000; /* 2026-01-01 */
    model.mono_ms = 1000000;
    model.objects = zhashx_new();
    zhashx_set_destructor(model.objects, free_doc);
    for (unsigned k = 0; k < N_KINDS; k++)
        model.changes[k] = zlistx_new();
    model.calls = zlistx_new();
    model.statuses = zlistx_new();
    model.asks = zlistx_new();
    process_start();
    user_prepare();
}

static uint64_t
number_after(int argc, char **argv, const char *flag, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], flag) == 0)
            return strtoull(argv[i + 1], NULL, 10);
    return otherwise;
}

int
main(int argc, char **argv)
{
    uint64_t seed = number_after(argc, argv, "--seed", 1);
    uint64_t steps = number_after(argc, argv, "--steps", 50000);
    struct timespec from, to;

    log_init("property", LEVEL_ERROR, LOG_TEXT);
    model_open(seed);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (model.step = 1; model.step <= steps; model.step++) {
        step();
        if (model.step % SETTLE_STEPS == 0)
            settle();
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    size_t missing = check_coverage();
    printf("%llu steps of seed %llu in %.1f s: every invariant held\n",
           (unsigned long long)steps, (unsigned long long)seed,
           (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    if (missing == 0)
        check_claim();
    printf("%d passed, %d failed\n", missing == 0 ? 2 : 1, missing != 0);
    return missing != 0;
}
