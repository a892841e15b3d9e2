/* alive.c - see alive.h. */
#include "spawner/alive.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/bus/shard.h"

#define ANSWER "alive"

struct alive {
    struct loop *loop; /* borrowed */
    int fd;
};

/* A name of a namespace and one of an object do not fit into an address together: their FNV-1a
 * does. In a Pod there is one spawner anyway. Returns the address' size. */
static socklen_t
address_of(const char *which, struct sockaddr_un *at)
{
    int n;

    *at = (struct sockaddr_un){.sun_family = AF_UNIX};
    n = snprintf(at->sun_path + 1, sizeof at->sun_path - 1, "kelos-spawner-%016llx",
                 (unsigned long long)fnv1a_64(which));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

/* One answer for each that asks; none is waited for. */
static void
on_asked(void *arg, int fd, int events)
{
    int asker = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)arg;
    (void)events;
    if (asker < 0)
        return;
    if (send(asker, ANSWER, strlen(ANSWER), MSG_NOSIGNAL) < 0) {
        /* it has gone: there is nobody to tell */
    }
    close(asker);
}

struct alive *
alive_listen(struct loop *l, const char *ns, const char *name, struct err *e)
{
    SCOPED(alive) struct alive *a = calloc(1, sizeof *a);
    char which[63 + 253 + 2];
    struct sockaddr_un at;
    socklen_t size;

    if (a == NULL) {
        err_errno(e, "liveness");
        return NULL;
    }
    a->loop = l;
    snprintf(which, sizeof which, "%s/%s", ns, name);
    size = address_of(which, &at);
    a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (a->fd < 0 || bind(a->fd, (struct sockaddr *)&at, size) < 0 ||
        listen(a->fd, 4) < 0) {
        err_errno(e, "liveness of %s", which);
        return NULL;
    }
    if (loop_watch(l, a->fd, LOOP_READ, on_asked, a, e) < 0)
        return NULL;
    return TAKE(a);
}

void
alive_free(struct alive *a)
{
    struct err ignored = ERR_INIT;

    if (a == NULL)
        return;
    if (a->fd >= 0) {
        loop_watch(a->loop, a->fd, 0, NULL, NULL, &ignored);
        close(a->fd);
    }
    free(a);
}

static int
talk(int fd, const char *which, const struct sockaddr_un *at, socklen_t size,
     struct err *e)
{
    char answer[sizeof ANSWER];
    ssize_t n;

    if (connect(fd, (const struct sockaddr *)at, size) < 0 && errno != EAGAIN &&
        errno != EINPROGRESS)
        return err_set(e, ERR_UNAVAILABLE, "no spawner of %s runs here: %s", which,
                       strerror(errno));
    n = recv(fd, answer, strlen(ANSWER), MSG_WAITALL);
    if (n == (ssize_t)strlen(ANSWER) && memcmp(answer, ANSWER, strlen(ANSWER)) == 0)
        return 0;
    return err_set(e, ERR_TIMEOUT, "the spawner of %s does not answer", which);
}

int
alive_ask(const char *which, int wait_ms, struct err *e)
{
    const struct timeval wait = {.tv_sec = wait_ms / 1000,
                                 .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;
    struct sockaddr_un at;
    socklen_t size = address_of(which, &at);

    if (fd < 0)
        return err_errno(e, "socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0)
        rc = err_errno(e, "time-out");
    else
        rc = talk(fd, which, &at, size, e);
    close(fd);
    return rc;
}
