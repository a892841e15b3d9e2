/* err.h - an error: a code to act on and a sentence to read.
 *
 * Functions that can fail take a `struct err *e` as their last parameter. `int` functions
 * give 0 or more on success and -1 on failure with *e set; pointer functions give NULL.
 * On success *e is untouched. The struct has a fixed size and no heap, so that reporting
 * an error cannot fail. The callee says what failed, each caller adds what it was doing,
 * only the top of a program logs it. */
#ifndef KELOS_COMMON_ERR_H
#define KELOS_COMMON_ERR_H

#include "common/macros.h"

enum err_code {
    ERR_NONE = 0,
    ERR_SYSTEM,       /* the operating system or a library refused */
    ERR_INVALID,      /* input from a user or a file is wrong: say which field */
    ERR_PROTO,        /* bytes of a peer are wrong: drop them, keep the peer */
    ERR_LIMIT,        /* a limit of common/limits.def was hit: say which */
    ERR_NOT_FOUND,    /* what was asked for does not exist */
    ERR_EXISTS,       /* AlreadyExists */
    ERR_CONFLICT,     /* somebody was faster: read again, decide again */
    ERR_GONE,         /* 410, or the object behind a uid is gone */
    ERR_UNAUTHORIZED, /* 401 */
    ERR_FORBIDDEN,    /* 403, or our own rights table */
    ERR_BUSY,         /* 429, 503: wait */
    ERR_TIMEOUT,      /* a deadline passed */
    ERR_UNAVAILABLE,  /* nobody answers: refused, reset, unresolvable */
    ERR_UNKNOWN       /* the outcome of a request is not known */
};

#define ERR_TEXT_MAX 1024

struct err {
    enum err_code code;
    char text[ERR_TEXT_MAX]; /* UTF-8, cut at a character's border */
};

#define ERR_INIT                                                                         \
    {                                                                                    \
        ERR_NONE, ""                                                                     \
    }

/* Sets code and text. Returns -1, so that `return err_set(...)` ends an int function. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts `what: ` in front of the text. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Sets ERR_SYSTEM with `what: strerror(errno)`. Returns -1. */
int err_errno(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
