#include <criterion/criterion.h>

#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "supervisor/fence.h"
#include "supervisor/supervisor.h"

/* A supervisor with three workers that are up: real processes, which do nothing. */
enum { WATCHER, RECONCILER, STATUSWRITER, N_UNITS };

static struct supervisor s;
static struct unit units[N_UNITS], *list[N_UNITS];

static pid_t
idle_process(void)
{
    pid_t pid = fork();

    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

static void
add(int at, enum role role)
{
    struct err e = ERR_INIT;
    struct unit *u = &units[at];

    u->row = tree_row_of(role);
    tree_name(u->row->id, 0, u->id, sizeof u->id);
    child_init(&u->child, 1000);
    u->child.state = CHILD_UP;
    u->wanted = true;
    cr_assert_gt(u->slot = slots_take(&s.slots, u->id, &e), 0, "%s", e.text);
    cr_assert_gt(u->pid = idle_process(), 0);
    u->pidfd = (int)syscall(SYS_pidfd_open, u->pid, 0);
    list[at] = u;
}

static void
setup(void)
{
    struct err e = ERR_INIT;

    s = (struct supervisor){.fence_fd = -1, .announced_ready = true};
    s.config.leader_elect = true;
    cr_assert_eq(slots_init(&s.slots, &e), 0, "%s", e.text);
    cr_assert_not_null(s.metrics = metrics_new(slots_page(&s.slots, 0)));
    zsys_handler_set(NULL);
    cr_assert_not_null(s.loop = zloop_new());
    add(WATCHER, ROLE_WATCHER);
    add(RECONCILER, ROLE_RECONCILER);
    add(STATUSWRITER, ROLE_STATUSWRITER);
    s.units = list;
    s.n_units = N_UNITS;
    cr_assert_eq(fence_open(&s, &e), 0, "%s", e.text);
}

static void
teardown(void)
{
    for (int i = 0; i < N_UNITS; i++) {
        kill(units[i].pid, SIGKILL);
        waitpid(units[i].pid, NULL, 0);
    }
    fence_close(&s);
}

static void
renewed(int64_t boot_ms)
{
    atomic_store(&slots_page(&s.slots, units[WATCHER].slot)->lease_renewed_ms, boot_ms);
}

/* Whether it was killed; waits for what was sent to arrive. */
static bool
killed(int at)
{
    int status = 0;

    if (!units[at].fenced)
        return false;
    while (waitpid(units[at].pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool
alive(int at)
{
    return !units[at].fenced && waitpid(units[at].pid, NULL, WNOHANG) == 0;
}

/* How long from now until the timer, 0: not set. */
static int64_t
timer_left_ms(void)
{
    struct itimerspec left;

    timerfd_gettime(s.fence_fd, &left);
    return left.it_value.tv_sec * 1000 + left.it_value.tv_nsec / 1000000;
}

TestSuite(fence, .init = setup, .fini = teardown);

Test(fence, falls_ten_seconds_after_a_renewal_and_never_without_one)
{
    cr_expect_eq(fence_at(1), 1 + LEASE_FENCE_MS);
    cr_expect_eq(fence_at(0), INT64_MAX);
}

Test(fence, stands_while_the_lease_is_renewed)
{
    renewed(clock_boot_ms());
    fence_told(&s, true);
    for (int i = 0; i < N_UNITS; i++)
        cr_expect(alive(i));
    cr_expect(s.leader);
    cr_expect_gt(timer_left_ms(), LEASE_FENCE_MS / 2);
    cr_expect_leq(timer_left_ms(), LEASE_FENCE_MS);
}

Test(fence, a_renewal_moves_the_timer)
{
    renewed(clock_boot_ms() - 9000);
    fence_told(&s, true);
    cr_expect_leq(timer_left_ms(), 1000);
    renewed(clock_boot_ms());
    fence_check(&s);
    cr_expect_gt(timer_left_ms(), 1000);
    cr_expect(alive(RECONCILER));
}

Test(fence, a_lease_that_was_not_renewed_ends_who_writes_and_spares_the_watcher)
{
    renewed(clock_boot_ms());
    fence_told(&s, true);
    s.renewed_ms = 0; /* as if that had been long ago */
    renewed(clock_boot_ms() - LEASE_FENCE_MS);
    fence_check(&s);
    cr_expect(killed(RECONCILER));
    cr_expect(killed(STATUSWRITER));
    cr_expect(alive(WATCHER));
    cr_expect_not(s.leader);
}

Test(fence, another_leader_ends_who_writes_at_once)
{
    renewed(clock_boot_ms());
    fence_told(&s, true);
    fence_told(&s, false);
    cr_expect(killed(RECONCILER));
    cr_expect(killed(STATUSWRITER));
    cr_expect(alive(WATCHER));
}

Test(fence, a_standby_has_nothing_to_lose)
{
    renewed(clock_boot_ms() - 2 * LEASE_FENCE_MS);
    fence_told(&s, false);
    fence_check(&s);
    cr_expect(alive(RECONCILER));
    cr_expect(alive(STATUSWRITER));
}

Test(fence, a_new_watchers_empty_page_does_not_move_it)
{
    int64_t at = clock_boot_ms() - 5000;

    renewed(at);
    fence_told(&s, true);
    renewed(0); /* its successor has not renewed yet */
    fence_check(&s);
    cr_expect_eq(s.renewed_ms, at);
    cr_expect_leq(timer_left_ms(), 5000);
    cr_expect(alive(RECONCILER));
}

Test(fence, without_an_election_there_is_none)
{
    fence_close(&s);
    renewed(clock_boot_ms() - 2 * LEASE_FENCE_MS);
    fence_told(&s, true);
    fence_told(&s, false);
    cr_expect(alive(RECONCILER));
}
