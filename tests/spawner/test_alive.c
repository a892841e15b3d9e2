#include <criterion/criterion.h>

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "spawner/alive.h"

/* Asks from another process: 0 answered, 1 none there, 2 no answer. */
static pid_t
ask(const char *which, int wait_ms)
{
    pid_t pid = fork();
    struct err e = ERR_INIT;

    if (pid != 0)
        return pid;
    if (alive_ask(which, wait_ms, &e) == 0)
        _exit(0);
    _exit(e.code == ERR_UNAVAILABLE ? 1 : 2);
}

struct wait {
    pid_t pid;
    struct loop *loop;
    int status;
    bool done;
};

static void
look(void *arg)
{
    struct wait *w = arg;
    struct err e = ERR_INIT;

    if (waitpid(w->pid, &w->status, WNOHANG) == w->pid)
        w->done = true;
    else
        loop_timer(w->loop, 5, look, w, &e);
}

/* Turns the loop until the asker has ended. */
static int
answered(struct loop *l, pid_t pid)
{
    struct wait w = {.pid = pid, .loop = l};

    look(&w);
    loop_poll_run(l, &w.done, 60000, NULL);
    return w.done && WIFEXITED(w.status) ? WEXITSTATUS(w.status) : -1;
}

static int
unanswered(pid_t pid)
{
    int status = 0;

    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                : -1;
}

Test(alive, answers_while_its_loop_turns)
{
    struct err e = ERR_INIT;
    char ns[32];
    char which[64];

    snprintf(ns, sizeof ns, "ns-%d", (int)getpid());
    snprintf(which, sizeof which, "%s/bugs", ns);
    SCOPED(loop) struct loop *l = loop_poll_new(&e);
    cr_assert_eq(unanswered(ask(which, 500)), 1, "nobody listens yet");
    SCOPED(alive) struct alive *a = alive_listen(l, ns, "bugs", &e);
    cr_assert_not_null(a, "%s", e.text);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(answered(l, ask(which, 50000)), 0);
    cr_expect_eq(unanswered(ask(which, 200)), 2, "the loop does not turn");
    cr_expect_eq(answered(l, ask(which, 50000)), 0, "and turns again");
    cr_expect_eq(unanswered(ask("elsewhere/bugs", 200)), 1);
}

Test(alive, one_answers_for_a_task_spawner)
{
    struct err e = ERR_INIT;
    char ns[32];

    snprintf(ns, sizeof ns, "one-%d", (int)getpid());
    SCOPED(loop) struct loop *l = loop_poll_new(&e);
    struct alive *a = alive_listen(l, ns, "bugs", &e);
    cr_assert_not_null(a, "%s", e.text);
    cr_expect_null(alive_listen(l, ns, "bugs", &e));
    alive_free(a);
    a = alive_listen(l, ns, "bugs", &e);
    cr_expect_not_null(a, "%s", e.text);
    alive_free(a);
}
