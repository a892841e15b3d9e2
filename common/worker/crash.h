/* crash.h - the last words of a process that dies of a fault: signal and backtrace, on
 * stderr, written without the heap. */
#ifndef KELOS_COMMON_CRASH_H
#define KELOS_COMMON_CRASH_H

/* For SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL; each then dies of it as before. `process`
 * is copied. A stuck worker gets SIGABRT from the supervisor, so that the place is
 * logged. */
void crash_handle(const char *process);

#endif
