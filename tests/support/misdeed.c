/* misdeed.c - see misdeed.h. */
#include <czmq.h>

#include "tests/support/misdeed.h"

#include <fcntl.h>

#include "common/log.h"

static void
open_one(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    log_info(NULL, "open %s: %s", path, fd >= 0 ? "OPENED" : strerror(errno));
    if (fd >= 0)
        close(fd);
}

void
misdeed_open(const char *paths)
{
    char path[4096];

    while (paths != NULL && *paths != '\0') {
        size_t size = strcspn(paths, ":");

        snprintf(path, sizeof path, "%.*s", (int)size, paths);
        open_one(path);
        paths += size + (paths[size] == ':');
    }
}

zsock_t *
misdeed_forge_status(const struct worker *w, const char *routing_id)
{
    struct message m = {.kind = MSG_STATUS_APPLY,
                        .body.status = {.id = 9, .name = "forged", .uid = "u"}};
    struct message_fault fault;
    void *envelope, *body;
    size_t envelope_size, body_size;
    zsock_t *raw = zsock_new(ZMQ_DEALER);

    snprintf(m.envelope.origin, sizeof m.envelope.origin, "%s#%llu", worker_id(w),
             (unsigned long long)worker_incarnation(w));
    if (routing_id != NULL)
        zsock_set_identity(raw, routing_id);
    zsock_connect(raw, "ipc://%s/status", worker_run_dir(w));
    if (message_encode(&m, &envelope, &envelope_size, &body, &body_size, &fault) < 0)
        return raw;
    zmq_send(zsock_resolve(raw), "status", 6, ZMQ_SNDMORE);
    zmq_send(zsock_resolve(raw), envelope, envelope_size, ZMQ_SNDMORE);
    zmq_send(zsock_resolve(raw), body, body_size, 0);
    free(envelope);
    free(body);
    log_info(NULL, "forged status.apply sent%s",
             routing_id != NULL ? " with a routing id" : "");
    return raw;
}
