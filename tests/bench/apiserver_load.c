/* apiserver_load.c - drives a kelos-apiserver for tests/bench/apiserver.
 *
 *     apiserver_load create PORT TOKEN COUNT CONNECTIONS   rate and spread of creates
 *     apiserver_load sqlite FILE COUNT                     the same rows, one commit each
 *     apiserver_load watch PORT TOKEN WATCHERS RATE SECONDS
 *
 * `watch` changes one ConfigMap RATE times a second; each watcher must be told of each change,
 * and the time of the change is in the object. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATH "/api/v1/namespaces/kube-public/configmaps"

static int64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void
die(const char *what)
{
    fprintf(stderr, "apiserver_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int
connect_to(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void
send_all(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, text, n);

        if (w < 0)
            die("write");
        text += w;
        n -= (size_t)w;
    }
}

static void
send_write(int fd, const char *token, const char *method, const char *name, int64_t stamp)
{
    char body[300], text[1000];
    int n = snprintf(body, sizeof body,
                     "{\"metadata\":{\"name\":\"%s\"},\"data\":{\"at\":\"%lld\"}}", name,
                     (long long)stamp);

    n = snprintf(text, sizeof text,
                 "%s " PATH "%s%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
                 "%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                 method, *method == 'P' && method[1] == 'U' ? "/" : "",
                 *method == 'P' && method[1] == 'U' ? name : "", token, n, body);
    send_all(fd, text, (size_t)n);
}

/* Reads one answer with a Content-Length. False while it is not complete. */
struct answer {
    char text[8192];
    size_t have;
};

static int
read_answer(int fd, struct answer *a)
{
    ssize_t n = read(fd, a->text + a->have, sizeof a->text - 1 - a->have);
    const char *end, *length;

    if (n <= 0)
        die("read");
    a->have += (size_t)n;
    a->text[a->have] = '\0';
    if ((end = strstr(a->text, "\r\n\r\n")) == NULL ||
        (length = strcasestr(a->text, "content-length:")) == NULL ||
        a->have < (size_t)(end + 4 - a->text) + strtoul(length + 15, NULL, 10))
        return 0;
    a->have = 0;
    return atoi(a->text + 9);
}

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void
print_spread(int64_t *us, size_t n)
{
    qsort(us, n, sizeof *us, by_value);
    printf("p50 %.2f ms, p99 %.2f ms", n > 0 ? (double)us[n / 2] / 1000 : 0,
           n > 0 ? (double)us[n * 99 / 100] / 1000 : 0);
}

static int
run_create(int port, const char *token, int count, int connections)
{
    int64_t *took = calloc((size_t)count, sizeof *took), begun[64], start = now_us();
    static struct answer answers[64];
    int fds[64], ep = epoll_create1(0), sent = 0, done = 0;
    char name[40];

    for (int i = 0; i < connections && i < 64; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

        fds[i] = connect_to(port);
        epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev);
        snprintf(name, sizeof name, "c%d-%lld", sent++, (long long)start);
        begun[i] = now_us();
        send_write(fds[i], token, "POST", name, 0);
    }
    while (done < count) {
        struct epoll_event ev[64];
        int n = epoll_wait(ep, ev, 64, 10000);

        if (n <= 0)
            die("no answer");
        for (int k = 0; k < n && done < count; k++) {
            uint32_t i = ev[k].data.u32;
            int code = read_answer(fds[i], &answers[i]);

            if (code == 0)
                continue;
            if (code != 201)
                die(answers[i].text);
            took[done++] = now_us() - begun[i];
            snprintf(name, sizeof name, "c%d-%lld", sent++, (long long)start);
            begun[i] = now_us();
            if (sent <= count)
                send_write(fds[i], token, "POST", name, 0);
        }
    }
    printf("%.0f/s ", done / ((double)(now_us() - start) / 1e6));
    print_spread(took, (size_t)done);
    printf("\n");
    free(took);
    return 0;
}

static int
run_sqlite(const char *path, int count)
{
    sqlite3 *db;
    char sql[700];
    int64_t start;

    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db,
                     "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA "
                     "synchronous=FULL; CREATE TABLE o(k TEXT PRIMARY KEY, body TEXT);",
                     NULL, NULL, NULL) != SQLITE_OK)
        die("sqlite");
    start = now_us();
    for (int i = 0; i < count; i++) {
        snprintf(sql, sizeof sql, "INSERT INTO o VALUES('c%d', '%0300d')", i, i);
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
            die("insert");
    }
    printf("%.0f/s\n", count / ((double)(now_us() - start) / 1e6));
    sqlite3_close(db);
    return 0;
}

/* ---- watch ---- */

struct watcher {
    int fd;
    size_t have;
    long told;
    char tail[64]; /* what of a stamp the last read ended with */
};

struct tally {
    int64_t *late;
    size_t n, max;
};

/* Finds every "at":"STAMP" in what came, over the borders of reads. */
static void
take_events(struct watcher *w, char *text, size_t n, struct tally *t)
{
    static char all[65536 + 128];
    static const char mark[] = "\"at\":\"";
    char *p = all, *found;
    int64_t now = now_us();

    memcpy(all, w->tail, w->have);
    memcpy(all + w->have, text, n);
    n += w->have;
    all[n] = '\0';
    while ((found = memmem(p, n - (size_t)(p - all), mark, sizeof mark - 1)) != NULL) {
        char *end = strchr(found + sizeof mark - 1, '"');

        if (end == NULL)
            break;
        long long stamp = atoll(found + sizeof mark - 1);
        if (stamp > 0) {
            w->told++;
            if (t->n < t->max)
                t->late[t->n++] = now - stamp;
        }
        p = end;
    }
    size_t rest = n - (size_t)(p - all);
    size_t keep = found != NULL ? n - (size_t)(found - all)
                                : (rest < sizeof mark ? rest : sizeof mark - 1);
    w->have = keep < sizeof w->tail ? keep : 0;
    memcpy(w->tail, all + n - w->have, w->have);
}

static void
open_watchers(struct watcher *w, int count, int port, const char *token, int ep)
{
    char text[600];

    for (int i = 0; i < count; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

        w[i].fd = connect_to(port);
        snprintf(text, sizeof text,
                 "GET " PATH "?watch=true "
                 "HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n\r\n",
                 token);
        send_all(w[i].fd, text, strlen(text));
        fcntl(w[i].fd, F_SETFL, O_NONBLOCK);
        epoll_ctl(ep, EPOLL_CTL_ADD, w[i].fd, &ev);
    }
}

static void
read_watchers(struct watcher *w, int ep, int wait_ms, struct tally *t)
{
    struct epoll_event ev[256];
    static char text[65536];
    int n = epoll_wait(ep, ev, 256, wait_ms);

    for (int k = 0; k < n; k++) {
        struct watcher *one = &w[ev[k].data.u32];
        ssize_t got = read(one->fd, text, sizeof text);

        if (got > 0)
            take_events(one, text, (size_t)got, t);
        else if (got == 0)
            die("a watcher was closed");
    }
}

static int
run_watch(int port, const char *token, int count, int rate, int seconds)
{
    struct watcher *w = calloc((size_t)count, sizeof *w);
    int ep = epoll_create1(0), fd = connect_to(port), wep = epoll_create1(0);
    long total = (long)rate * seconds, sent = 0, short_of = 0;
    struct tally t = {.max = (size_t)(total * count)};
    static struct answer answer;
    struct epoll_event ev = {.events = EPOLLIN};
    bool busy = false;
    int64_t start, end;

    t.late = calloc(t.max, sizeof *t.late);
    send_write(fd, token, "POST", "load", 0);
    while (read_answer(fd, &answer) == 0)
        ;
    open_watchers(w, count, port, token, ep);
    for (end = now_us() + 1000000; now_us() < end;)
        read_watchers(w, ep, 50, &t);
    epoll_ctl(wep, EPOLL_CTL_ADD, fd, &ev);
    start = now_us();
    end = start + (seconds + 20) * 1000000LL;
    while (now_us() < end && t.n < t.max) {
        if (busy && epoll_wait(wep, &ev, 1, 0) == 1)
            busy = read_answer(fd, &answer) == 0;
        if (!busy && sent < total && now_us() - start >= sent * 1000000LL / rate) {
            send_write(fd, token, "PUT", "load", now_us());
            busy = true;
            sent++;
        }
        read_watchers(w, ep, busy || sent < total ? 0 : 50, &t);
    }
    for (int i = 0; i < count; i++)
        short_of += sent - w[i].told;
    printf("%ld changes at %.0f/s, %zu events, %ld missing, ", sent,
           sent / ((double)(now_us() - start) / 1e6), t.n, short_of);
    print_spread(t.late, t.n);
    printf("\n");
    return short_of != 0;
}

int
main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "create") == 0)
        return run_create(atoi(argv[2]), argv[3], atoi(argv[4]), atoi(argv[5]));
    if (argc == 4 && strcmp(argv[1], "sqlite") == 0)
        return run_sqlite(argv[2], atoi(argv[3]));
    if (argc == 7 && strcmp(argv[1], "watch") == 0)
        return run_watch(atoi(argv[2]), argv[3], atoi(argv[4]), atoi(argv[5]),
                         atoi(argv[6]));
    fprintf(stderr, "apiserver_load: create PORT TOKEN COUNT CONNECTIONS | sqlite FILE "
                    "COUNT | watch PORT TOKEN WATCHERS RATE SECONDS\n");
    return 2;
}
