/* status.h - writes the status of objects: one patch in flight per object, newest wins.
 *
 * Each status.apply is acknowledged once what it asked for is written, or can never be.
 * What waits behind a patch in flight is composed into one patch. */
#ifndef KELOS_STATUSWRITER_STATUS_H
#define KELOS_STATUSWRITER_STATUS_H

#include "statuswriter/writer.h"

struct statuses;

/* The caller owns the result; `w` is borrowed. NULL when memory ran out. */
struct statuses *statuses_new(const struct writer *w);
void statuses_free(struct statuses *s);
SCOPED_DEFINE(statuses)

/* Takes one status.apply of a peer. Its patch may have a member "seen" beside "status": the
 * newest version that the peer knows of the object; it spares the question for it. */
void statuses_apply(struct statuses *s, const struct peer *from,
                    const struct msg_status *m);

/* Objects whose patch is not written yet. */
size_t statuses_pending(const struct statuses *s);

#endif
