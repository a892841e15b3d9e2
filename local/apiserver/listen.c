/* listen.c - see listen.h. */
#include "local/apiserver/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/scoped.h"

int
loopback_listen(int *port, struct err *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)*port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    SCOPED(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return err_errno(e, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        if (errno == EADDRINUSE)
            return err_set(e, ERR_SYSTEM,
                           "port %d on 127.0.0.1 is in use by another program: stop it "
                           "or choose another --port",
                           *port);
        return err_errno(e, "bind 127.0.0.1:%d", *port);
    }
    if (listen(fd, 256) < 0 || getsockname(fd, (struct sockaddr *)&a, &size) < 0)
        return err_errno(e, "listen on 127.0.0.1:%d", *port);
    *port = ntohs(a.sin_port);
    int out = fd;
    fd = -1;
    return out;
}
