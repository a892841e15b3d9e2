/* logfile.h - reads a container's log files as one text. See local/apiserver/podlog.h for their
 * form. */
#ifndef KELOS_COMMON_LOGFILE_H
#define KELOS_COMMON_LOGFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/scoped.h"

struct logfile;

struct logfile_options {
    int64_t tail;     /* only the last lines; -1: all */
    int64_t since_ms; /* only lines from then on; 0: all */
    bool stamps;      /* with the time in front of each line */
    char only;        /* 'o' stdout, 'e' stderr, 0 both */
};

/* Opens DIR/log.1 and DIR/log. Returns a reader the caller owns, or NULL: ERR_NOT_FOUND when
 * nothing was written yet. */
struct logfile *logfile_open(const char *dir, const struct logfile_options *o,
                             struct err *e);
void logfile_free(struct logfile *l);
SCOPED_DEFINE(logfile)

/* At most `size` bytes of the text. 0: nothing more now (later there may be: rotation is
 * followed); -1: the file cannot be read. */
long logfile_read(struct logfile *l, char *out, size_t size);

#endif
