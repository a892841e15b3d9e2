/* zygote.c - see zygote.h. */
#include "supervisor/zygote.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/zygote.h"

enum {
    ROOM_BYTES = 1024, /* of the command line, for those of the copies */
    RETRY_MS = 60000
};

void
zygote_close(struct zygote *z)
{
    if (z->fd >= 0)
        close(z->fd);
    z->fd = -1;
}

static int
open_zygote(struct zygote *z, const struct spawn *worker, struct err *e)
{
    struct spawn s = {.program = worker->program,
                      .whole_environment = worker->whole_environment,
                      .limit_memory = worker->limit_memory};
    char room[ROOM_BYTES];
    int pair[2], pidfd;
    pid_t pid;

    if (zygote_pair(pair, e) < 0)
        return -1;
    memset(room, '-', sizeof room - 1);
    room[sizeof room - 1] = '\0';
    spawn_arg(&s, "%s", worker->argv[0]);
    spawn_arg(&s, "--zygote=%d", spawn_fd(&s, pair[1]));
    spawn_arg(&s, "%s", room);
    pid = spawn_start(&s, &pidfd, e);
    spawn_clear(&s);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return -1;
    }
    close(pidfd); /* its end shows on the socket; the corpse is reaped like any orphan */
    z->fd = pair[0];
    return 0;
}

/* One that died since the last time is replaced at once. */
static pid_t
ask(struct zygote *z, const struct spawn *worker, struct err *e)
{
    pid_t pid;

    if (z->fd >= 0) {
        if ((pid = zygote_ask(z->fd, worker->argv, worker->fds, worker->n_fds, e)) > 0)
            return pid;
        zygote_close(z);
    }
    if (open_zygote(z, worker, e) < 0)
        return -1;
    if ((pid = zygote_ask(z->fd, worker->argv, worker->fds, worker->n_fds, e)) < 0)
        zygote_close(z);
    return pid;
}

pid_t
zygote_start(struct zygote *z, const struct spawn *worker, int *pidfd, struct err *e)
{
    struct err why = ERR_INIT;
    int64_t now = clock_mono_ms();
    pid_t pid;

    if (now < z->not_before)
        return spawn_start(worker, pidfd, e);
    if ((pid = ask(z, worker, &why)) > 0) {
        *pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (*pidfd >= 0) {
            fcntl(*pidfd, F_SETFD, FD_CLOEXEC);
            return pid;
        }
        zygote_close(z);
    }
    log_warn(NULL, "sources start by themselves, which takes more memory: %s", why.text);
    z->not_before = now + RETRY_MS;
    return spawn_start(worker, pidfd, e);
}
