/* pause.c - the first process of a Pod in the tests: it does nothing, buries those who have lost
 * their parent, and ends when asked to. Linked statically, for its image holds nothing else. */
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ended;

static void
on_end(int sig)
{
    ended = sig;
}

static void
on_child(int sig)
{
    (void)sig;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

int
main(void)
{
    sigset_t blocked, open;

    /* Blocked but for the wait, so that none comes between the question and the wait. */
    sigfillset(&blocked);
    sigprocmask(SIG_SETMASK, &blocked, &open);
    signal(SIGTERM, on_end);
    signal(SIGINT, on_end);
    signal(SIGCHLD, on_child);
    sigemptyset(&open);
    while (ended == 0)
        sigsuspend(&open);
    return 0;
}
