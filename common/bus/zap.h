/* zap.h - who may connect: the process's answer to libzmq's authentication questions.
 *
 * One per process, made before any socket with a ZAP domain. It lives in the same loop as
 * everything else (no thread of its own). libzmq asks with the peer's uid, gid and pid as
 * the kernel knows them.
 *
 * A refused peer would never come back by itself, so a pid that is not known *yet* is
 * held: its answer waits until zap_recheck finds it known, or 2 s have passed (then it is
 * refused). At most LIMIT_ZAP_HELD are held.
 *
 * Over tcp the peer proves a CurveZMQ key instead; one that is not known is refused at once
 * (its owner asks again, see bus.h). */
#ifndef KELOS_COMMON_ZAP_H
#define KELOS_COMMON_ZAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/metrics/metrics.h"
#include "common/scoped.h"
#include "proto/message.h"

#define ZAP_HOLD_MS 2000

struct _zloop_t;
struct zap;

enum zap_verdict { ZAP_YES, ZAP_NO, ZAP_HOLD };

struct zap_config {
    /* Is this process one of ours? `domain` is the name of the bound bus. On ZAP_YES
     * user_id (MESSAGE_ORIGIN_MAX + 1 bytes) was filled with "role/worker#incarnation".
     * Asked again by zap_recheck; `again` is then true. */
    enum zap_verdict (*check)(void *arg, const char *domain, pid_t pid, uid_t uid,
                              bool again, char *user_id);
    void (*begin)(void *arg);
    int (*end)(void *arg);
    void *arg;
    struct metrics *metrics; /* borrowed, may be NULL */
    /* Whose public key (Z85) is this? user_id as above. False: nobody's. NULL: no key is
     * known. */
    bool (*check_key)(void *arg, const char *domain, const char *public_key,
                      char *user_id);
};

struct zap *zap_new(struct _zloop_t *loop, const struct zap_config *config,
                    struct err *e);
void zap_free(struct zap *z);
SCOPED_DEFINE(zap)

/* The table of known processes changed: asks again for those that are held. */
void zap_recheck(struct zap *z);

size_t zap_held(const struct zap *z);

#endif
