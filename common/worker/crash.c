/* crash.c - see crash.h. */
#include "common/worker/crash.h"

#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/macros.h"

static char name[64];

/* What follows runs in a signal handler: write(2) and backtrace only. */
static void
say(const char *s)
{
    ssize_t n = write(STDERR_FILENO, s, strlen(s));

    (void)n;
}

static void
on_fault(int signal_number)
{
    void *frames[32];
    const char *what = signal_number == SIGABRT ? "aborted" : "crashed";

    say(name);
    say(": ");
    say(what);
    say("; backtrace:\n");
    backtrace_symbols_fd(frames, backtrace(frames, ARRAY_LEN(frames)), STDERR_FILENO);
    raise(signal_number); /* SA_RESETHAND: the default action now */
}

void
crash_handle(const char *process)
{
#ifndef KELOS_SANITIZED /* the sanitizer's own report says more */
    static const int faults[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction action = {.sa_handler = on_fault,
                               .sa_flags = SA_RESETHAND | SA_NODEFER};
    void *frame[1];

    snprintf(name, sizeof name, "%s", process);
    backtrace(frame, 1); /* loads what it needs now, not in the handler */
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        sigaction(faults[i], &action, NULL);
#else
    snprintf(name, sizeof name, "%s", process);
    (void)on_fault;
#endif
}
