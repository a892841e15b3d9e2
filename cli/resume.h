/* resume.h - a container's log that is followed over broken connections.
 *
 * The log is asked for with its stamps; here they are taken off. After a break it is asked for
 * from the second of the last line on, and the lines of that second that were seen before, same
 * stamp and same text in the same order, are left out. Of lines that cannot be told apart, or
 * that were too many or too long to be remembered, one is rather shown twice than lost.
 * A line that carries no stamp counts as one of an unknown second: a server that knows no stamps
 * is read from the beginning again, and as many lines are left out as came before. */
#ifndef KELOS_CLI_RESUME_H
#define KELOS_CLI_RESUME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/scoped.h"

#define RESUME_STAMP_SIZE 40 /* with its NUL */

struct resume;

/* Called with what is to be shown, as it comes. */
typedef void resume_show(void *arg, const char *bytes, size_t size);

/* With keep_stamps they are shown, too. NULL when memory ran out. */
struct resume *resume_new(bool keep_stamps, resume_show *show, void *arg);
void resume_free(struct resume *r);
SCOPED_DEFINE(resume)

void resume_feed(struct resume *r, const char *bytes, size_t size);

/* The connection broke, another one is made. Returns the time to ask from, RFC 3339 in whole
 * seconds, borrowed until the next feed; NULL when no stamp was seen. */
const char *resume_again(struct resume *r);

/* Nothing follows: shows what was held back. */
void resume_end(struct resume *r);

#endif
