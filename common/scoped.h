/* scoped.h - releases a variable at the end of its scope.
 *
 *     SCOPED(buf) struct buf *b = buf_new();   // buf_free(b) at every return below
 *     return TAKE(b);                          // now the caller's
 *
 * A scoped variable is initialised where it is declared, and no goto jumps over one. */
#ifndef KELOS_COMMON_SCOPED_H
#define KELOS_COMMON_SCOPED_H

#include <stdlib.h>
#include <unistd.h>

#define SCOPED(noun) __attribute__((cleanup(noun##_scoped_free)))

/* Defines the release function of SCOPED(noun) for a `struct noun *` with noun_free(). */
#define SCOPED_DEFINE(noun)                                                              \
    static inline void noun##_scoped_free(struct noun **p)                               \
    {                                                                                    \
        noun##_free(*p);                                                                 \
    }

/* The same for a library's type: SCOPED_DEFINE_AS(json, json_t *, json_decref). */
#define SCOPED_DEFINE_AS(noun, type, release)                                            \
    static inline void noun##_scoped_free(type *p)                                       \
    {                                                                                    \
        if (*p != NULL)                                                                  \
            release(*p);                                                                 \
    }

/* Hands a scoped pointer over: its value, and NULL stays behind. */
#define TAKE(p)                                                                          \
    __extension__({                                                                      \
        __typeof__(p) taken_ = (p);                                                      \
        (p) = NULL;                                                                      \
        taken_;                                                                          \
    })

/* SCOPED(string) char *s = strdup(...); */
static inline void
string_scoped_free(char **p)
{
    free(*p);
}

/* SCOPED(fd) int fd = open(...); closes when 0 or more. */
static inline void
fd_scoped_free(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#endif
