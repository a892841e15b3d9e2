/* sandbox.h - a process gives up what it does not need, before its first thread.
 *
 * Order in every worker (worker_join does it): parse argv, open what must be open, then
 * sandbox_enter: limits, not dumpable, no_new_privs, Landlock, seccomp for all threads.
 * A thread made earlier would stay free, so sandbox_enter asserts that there is one.
 *
 * The runner is different: it must mount and write uid_maps for its containers, so it
 * takes no Landlock, no filter and stays dumpable; it confines each container child
 * instead. */
#ifndef KELOS_COMMON_SANDBOX_H
#define KELOS_COMMON_SANDBOX_H

#include <stdbool.h>

#include "common/err.h"
#include "common/scoped.h"
#include "proto/message.h"

enum sandbox_mode {
    SANDBOX_AUTO,    /* what the kernel lacks is logged once and done without */
    SANDBOX_REQUIRE, /* what the kernel lacks is fatal */
    SANDBOX_OFF      /* for debuggers */
};

enum sandbox_access {
    SANDBOX_READ,  /* a file, or everything below a directory */
    SANDBOX_WRITE, /* the same, and make, change, rename, remove below it */
    SANDBOX_EXEC   /* read and execute below it */
};

struct sandbox;

/* Starts with the grants every process of this role needs (shared libraries, resolver and
 * CA files, time zones, /dev/null, /proc/self). The caller owns the result. */
struct sandbox *sandbox_new(enum role role, enum sandbox_mode mode);
void sandbox_free(struct sandbox *s);
SCOPED_DEFINE(sandbox)

/* Grants a path, which is opened here and now: a file is granted as this inode, so grant
 * the directory of what is replaced by rename. A path that does not exist is no error
 * (there is then nothing to reach). Returns 0, or -1 with *e set. */
int sandbox_allow(struct sandbox *s, const char *path, enum sandbox_access access,
                  struct err *e);

/* Confines the process for good. Returns 0, or -1 with *e set (SANDBOX_REQUIRE, or more
 * than one thread). */
int sandbox_enter(struct sandbox *s, struct err *e);

/* "auto", "require", "off". Returns 0 and *mode, or -1. */
int sandbox_mode_parse(const char *text, enum sandbox_mode *mode);

/* The kernel's Landlock ABI, 0 when there is none. */
int sandbox_landlock_abi(void);

#endif
