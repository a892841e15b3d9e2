/* listen.c - see listen.h. */
#include "supervisor/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/scoped.h"

#define BACKLOG 256
#define PORT_TRIES 40
#define PORT_TRY_US 50000

static int
make_folder(const char *path, struct err *e)
{
    char part[PATH_MAX];
    struct stat st;

    snprintf(part, sizeof part, "%s", path);
    for (char *s = part + 1; *s != '\0'; s++)
        if (*s == '/') {
            *s = '\0';
            if (mkdir(part, 0700) < 0 && errno != EEXIST)
                return err_errno(e, "%s: mkdir", part);
            *s = '/';
        }
    if (mkdir(part, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "%s: mkdir", part);
    if (stat(part, &st) < 0)
        return err_errno(e, "%s", part);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_INVALID, "%s: not a directory", part);
    if (st.st_uid != geteuid())
        return err_set(e, ERR_FORBIDDEN, "%s: belongs to another user", part);
    /* Whoever can reach the sockets' folder can knock. */
    if ((st.st_mode & 0077) != 0 && chmod(part, 0700) < 0)
        return err_errno(e, "%s: chmod 0700", part);
    return 0;
}

int
listen_lock(const char *run_dir, struct err *e)
{
    char path[PATH_MAX + 16], pid[32] = "";
    SCOPED(fd) int fd = -1;
    int taken;

    if (make_folder(run_dir, e) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/lock", run_dir);
    if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return err_errno(e, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        ssize_t n = read(fd, pid, sizeof pid - 1);

        pid[n > 0 ? n : 0] = '\0';
        pid[strcspn(pid, "\n")] = '\0';
        return err_set(e, ERR_EXISTS,
                       "%s: a supervisor runs here already (pid %s); stop it first",
                       run_dir, *pid != '\0' ? pid : "unknown");
    }
    if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
        return err_errno(e, "%s", path);
    taken = fd;
    fd = -1;
    return taken;
}

int
listen_open(const char *run_dir, const char *name, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    SCOPED(fd) int fd = -1;
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", run_dir, name),
        taken;

    if (n < 0 || (size_t)n >= sizeof address.sun_path)
        return err_set(
            e, ERR_INVALID,
            "%s/%s: longer than the %zu bytes that a socket's path may have; use a "
            "directory with a shorter name",
            run_dir, name, sizeof address.sun_path - 1);
    if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
        return err_errno(e, "%s/%s: socket", run_dir, name);
    unlink(address.sun_path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return err_errno(e, "%s/%s: bind", run_dir, name);
    if (listen(fd, BACKLOG) < 0)
        return err_errno(e, "%s/%s: listen", run_dir, name);
    taken = fd;
    fd = -1;
    return taken;
}

static int
bound_at(const struct sockaddr *address, socklen_t size)
{
    const int on = 1, off = 0;
    SCOPED(fd)
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int taken;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, address, size) < 0)
        return -1;
    taken = fd;
    fd = -1;
    return taken;
}

int
listen_tcp(int port, struct err *e)
{
    const struct sockaddr_in6 six = {.sin6_family = AF_INET6,
                                     .sin6_port = htons((uint16_t)port),
                                     .sin6_addr = IN6ADDR_ANY_INIT};
    const struct sockaddr_in four = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr.s_addr = htonl(INADDR_ANY)};
    int fd = bound_at((const struct sockaddr *)&six, sizeof six);

    if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        fd = bound_at((const struct sockaddr *)&four, sizeof four);
    return fd >= 0 ? fd : err_errno(e, "tcp port %d", port);
}

/* On a socket that listens this ends the listening and keeps the port. */
void
listen_refuse(int fd)
{
    shutdown(fd, SHUT_RDWR);
}

/* Can 127.0.0.1:port be bound? Returns the port (a free one for 0), or -1 with errno. */
static int
try_port(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int on = 1;
    SCOPED(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -1;
    return ntohs(address.sin_port);
}

static int
kept_port(const char *file)
{
    FILE *f = fopen(file, "re");
    int port = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%d", &port) != 1 || port < 1 || port > 65535)
        port = 0;
    fclose(f);
    return port;
}

static int
keep_port(const char *file, int port, struct err *e)
{
    FILE *f = fopen(file, "we");

    if (f == NULL)
        return err_errno(e, "%s", file);
    fprintf(f, "%d\n", port);
    if (fclose(f) != 0)
        return err_errno(e, "%s", file);
    return port;
}

int
listen_port(int64_t wanted, const char *file, struct err *e)
{
    int port = wanted > 0 ? (int)wanted : kept_port(file);

    /* The API server of a supervisor that was killed may still be ending. Clients know the
     * port: it is worth a wait, here where nothing runs yet. */
    for (int i = 0; port > 0 && i < PORT_TRIES; i++) {
        if (try_port(port) == port)
            return keep_port(file, port, e);
        usleep(PORT_TRY_US);
    }
    if (wanted > 0)
        return err_errno(e, "--local-port: 127.0.0.1:%d", port);
    if ((port = try_port(0)) < 0)
        return err_errno(e, "no free port on 127.0.0.1");
    return keep_port(file, port, e);
}
