/* listen.c - the addresses of exporter.h as sockets, and the process's own metrics. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "statuswriter/exporter.h"

int
exporter_address(const char *text, char host[64], char port[8], struct err *e)
{
    const char *colon = strrchr(text, ':');
    size_t host_size = colon != NULL ? (size_t)(colon - text) : 0;
    long value = 0;

    if (*text == '\0' || strcmp(text, "0") == 0)
        return 0;
    if (colon != NULL && isdigit((unsigned char)colon[1]))
        value = strtol(colon + 1, NULL, 10);
    if (colon == NULL || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || value < 1 ||
        value > 65535)
        return err_set(e, ERR_INVALID, "\"%s\": must be HOST:PORT or :PORT, or 0 for off",
                       text);
    if (host_size >= 2 && text[0] == '[' && text[host_size - 1] == ']') {
        text++;
        host_size -= 2;
    } else if (memchr(text, ':', host_size) != NULL)
        return err_set(e, ERR_INVALID, "\"%s\": an IPv6 address stands in brackets",
                       text);
    if (host_size >= 64)
        return err_set(e, ERR_INVALID, "\"%.40s...\": the host is too long", text);
    memcpy(host, text, host_size);
    host[host_size] = '\0';
    snprintf(port, 8, "%ld", value);
    return 1;
}

/* Binds one address; -1 with errno set. */
static int
bind_to(const struct addrinfo *at)
{
    int on = 1, off = 0, why;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (at->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, 64) == 0)
        return fd;
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* One listening socket. -1 with *e set; -2: off. */
static int
open_socket(const char *flag, const char *text, struct err *e)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    char host[64], port[8];
    int rc, fd = -1;

    if ((rc = exporter_address(text, host, port, e)) <= 0)
        return rc == 0 ? -2 : err_wrap(e, "--%s", flag);
    /* No host: IPv6 with IPv4 inside where there is IPv6, else IPv4. */
    hints.ai_family = *host == '\0' ? AF_INET6 : AF_UNSPEC;
    for (int round = 0; round < 2 && fd < 0; round++) {
        if ((rc = getaddrinfo(*host != '\0' ? host : NULL, port, &hints, &all)) != 0)
            return err_set(e, ERR_INVALID, "--%s %s: %s", flag, text, gai_strerror(rc));
        fd = bind_to(all);
        freeaddrinfo(all);
        if (fd < 0 && (*host != '\0' || errno == EADDRINUSE))
            break;
        hints.ai_family = AF_INET;
    }
    if (fd < 0)
        return err_errno(e, "--%s %s", flag, text);
    return fd;
}

int
exporter_listen(const char *metrics, const char *health, struct exporter_sockets *out,
                struct err *e)
{
    out->health = -1;
    if ((out->metrics = open_socket("metrics-bind-address", metrics, e)) == -1)
        return -1;
    if (out->metrics >= 0 && strcmp(metrics, health) == 0) {
        out->health = -2;
        return 0;
    }
    if ((out->health = open_socket("health-probe-bind-address", health, e)) == -1) {
        if (out->metrics >= 0)
            close(out->metrics);
        out->metrics = -1;
        return -1;
    }
    /* From here on -2 on health alone means "shares the other socket". */
    if (out->health == -2)
        out->health = -1;
    return 0;
}

/* ---- process metrics ---- */

static void
add_gauge(struct buf *out, const char *name, const char *type, const char *help,
          double value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type,
               name, value);
}

static int
open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    if (d == NULL)
        return -1;
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 3; /* ".", ".." and the directory itself */
}

/* Boot time in seconds since 1970, 0 when unknown. */
static double
boot_time(void)
{
    struct timespec wall, boot;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return (double)(wall.tv_sec - boot.tv_sec);
}

void
exporter_process(struct buf *out)
{
    char line[1024] = "", *after;
    unsigned long utime = 0, stime = 0, vsize = 0;
    unsigned long long started = 0;
    long rss = 0, hz = sysconf(_SC_CLK_TCK);
    FILE *f = fopen("/proc/self/stat", "re");
    int fds = open_descriptors();

    if (f != NULL) {
        if (fgets(line, sizeof(line), f) == NULL)
            line[0] = '\0';
        fclose(f);
    }
    /* The name in parentheses may hold anything: the fields begin behind the last one. */
    if ((after = strrchr(line, ')')) != NULL &&
        sscanf(after + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d "
               "%*d %llu %lu %ld",
               &utime, &stime, &started, &vsize, &rss) == 5) {
        add_gauge(out, "process_cpu_seconds_total", "counter",
                  "CPU seconds of the statuswriter",
                  (double)(utime + stime) / (double)hz);
        add_gauge(out, "process_start_time_seconds", "gauge",
                  "When it started, since 1970",
                  boot_time() + (double)started / (double)hz);
        add_gauge(out, "process_virtual_memory_bytes", "gauge", "Its address space",
                  (double)vsize);
        add_gauge(out, "process_resident_memory_bytes", "gauge", "Its resident memory",
                  (double)rss * (double)sysconf(_SC_PAGESIZE));
    }
    if (fds >= 0)
        add_gauge(out, "process_open_fds", "gauge", "Its open descriptors", fds);
}
