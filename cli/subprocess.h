/* subprocess.h - other programs, run to their end or left running beside us. */
#ifndef KELOS_CLI_SUBPROCESS_H
#define KELOS_CLI_SUBPROCESS_H

#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"

/* Runs argv (found on PATH) to its end in the directory `dir` (NULL: here). Its standard
 * output is added to `out`; NULL: ours. Its standard error is ours, or dropped with
 * `quiet`. Returns its exit status (128 + signal when killed), or -1 with *e set when it
 * cannot be started. */
int subprocess_run(const char *const *argv, const char *dir, struct buf *out, bool quiet,
                   struct err *e);

/* Runs argv with `in` as its standard input and adds what it prints to `out`; the input
 * never stands in a file. Returns as subprocess_run does. */
int subprocess_feed(const char *const *argv, const struct buf *in, struct buf *out,
                    struct err *e);

/* As subprocess_run, but any status but 0 is an error that names the command. */
int subprocess_must(const char *const *argv, const char *dir, struct buf *out,
                    struct err *e);

/* Starts argv in a process group of its own, output to the file `log`; it gets SIGTERM when
 * we die. Returns its pid, or -1 with *e set. */
pid_t subprocess_start(const char *const *argv, const char *log, struct err *e);

/* Ends the process group and waits for its leader. */
void subprocess_end(pid_t pid);

#endif
