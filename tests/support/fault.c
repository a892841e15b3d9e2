/* fault.c - see fault.h. */
#include "tests/support/fault.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    RECORD_BYTES = 8 << 20,
    REQUESTS_MAX = 4096,
    RULES_MAX = 64,
    REQUEST_BYTES = 4 << 20
};

struct record {
    atomic_int count;
    size_t used;
    size_t at[REQUESTS_MAX];
    long long when[REQUESTS_MAX];
    char text[RECORD_BYTES];
};

struct fault {
    pid_t pid;
    int port;
    char url[64];
    struct record *record; /* shared with the child */
};

struct server {
    const struct fault_rule *rules;
    size_t n_rules;
    int seen[RULES_MAX];
    struct record *record;
    pthread_mutex_t lock;
    SSL_CTX *tls;
};

struct conn {
    struct server *server;
    int fd;
    SSL *ssl;
    int status;
    char headers[4096];
    char *in; /* what was read and not yet used */
    size_t in_size;
};

static long long
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void
nap(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* ---- bytes ---- */

static ssize_t
conn_read(struct conn *c, char *to, size_t room)
{
    return c->ssl != NULL ? SSL_read(c->ssl, to, (int)room) : read(c->fd, to, room);
}

static int
conn_write(struct conn *c, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = c->ssl != NULL ? SSL_write(c->ssl, bytes, (int)size)
                                   : send(c->fd, bytes, size, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

static void
put_head(struct conn *c, const char *type, long long length)
{
    char head[8192];
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Type: %s\r\n%s",
                     c->status, type, c->headers);

    if (length >= 0)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %lld\r\n\r\n",
                      length);
    else
        n += snprintf(head + n, sizeof head - (size_t)n,
                      "Transfer-Encoding: chunked\r\n\r\n");
    conn_write(c, head, (size_t)n);
    c->status = 200;
    c->headers[0] = '\0';
}

static void
put_chunk(struct conn *c, const char *bytes, size_t size)
{
    char head[32];
    int n = snprintf(head, sizeof head, "%zx\r\n", size);

    conn_write(c, head, (size_t)n);
    conn_write(c, bytes, size);
    conn_write(c, "\r\n", 2);
}

static void
put_line(struct conn *c, const char *text)
{
    put_chunk(c, text, strlen(text));
    put_chunk(c, "\n", 1);
}

static void
put_split(struct conn *c, const char *text)
{
    char *rest;
    size_t step = (size_t)strtoul(text, &rest, 10);
    size_t size = strlen(++rest);

    for (size_t i = 0; i < size && step > 0; i += step)
        put_chunk(c, rest + i, size - i < step ? size - i : step);
    put_chunk(c, "\n", 1);
}

static void
put_many(struct conn *c, long n)
{
    char block[4096];

    memset(block, 'x', sizeof block);
    memcpy(block, "\"", 1);
    memcpy(block + sizeof block - 2, "\",", 2);
    put_chunk(c, "[", 1);
    for (; n > 0; n -= (long)sizeof block)
        put_chunk(c, block, sizeof block);
    put_chunk(c, "0]", 2);
}

/* ---- steps. Each gives 0 to go on, 1 to close ---- */

static int
do_cut(struct conn *c, const char *arg)
{
    char *rest;
    size_t n = (size_t)strtoul(arg, &rest, 10);

    rest++;
    put_head(c, "application/json", (long long)strlen(rest));
    conn_write(c, rest, n);
    return 1;
}

static int
do_reset(struct conn *c)
{
    struct linger l = {1, 0};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    return 1;
}

static int
do_step(struct conn *c, const char *line)
{
    char word[16] = "";
    const char *arg = line + strcspn(line, " ");

    snprintf(word, sizeof word, "%.*s", (int)(arg - line), line);
    arg += *arg == ' ';
    if (strcmp(word, "delay") == 0)
        nap(atol(arg));
    else if (strcmp(word, "status") == 0)
        c->status = atoi(arg);
    else if (strcmp(word, "header") == 0)
        snprintf(c->headers + strlen(c->headers), sizeof c->headers - strlen(c->headers),
                 "%s\r\n", arg);
    else if (strcmp(word, "json") == 0 || strcmp(word, "text") == 0) {
        put_head(c, word[0] == 'j' ? "application/json" : "text/html",
                 (long long)strlen(arg));
        conn_write(c, arg, strlen(arg));
    } else if (strcmp(word, "cut") == 0)
        return do_cut(c, arg);
    else if (strcmp(word, "stream") == 0)
        put_head(c, "application/json", -1);
    else if (strcmp(word, "event") == 0)
        put_line(c, arg);
    else if (strcmp(word, "raw") == 0)
        put_chunk(c, arg, strlen(arg));
    else if (strcmp(word, "split") == 0)
        put_split(c, arg);
    else if (strcmp(word, "bytes") == 0)
        put_many(c, atol(arg));
    else if (strcmp(word, "end") == 0)
        conn_write(c, "0\r\n\r\n", 5);
    else if (strcmp(word, "reset") == 0)
        return do_reset(c);
    else if (strcmp(word, "drop") == 0 || strcmp(word, "close") == 0)
        return 1;
    return 0;
}

static int
do_play(struct conn *c, const char *play)
{
    size_t size = strlen(play) + 1;
    char *copy = malloc(size);
    char *rest = copy;
    int end = 0;

    memcpy(copy, play, size);
    for (char *line; end == 0 && (line = strsep(&rest, "\n")) != NULL;)
        end = do_step(c, line);
    free(copy);
    return end;
}

/* ---- requests ---- */

static void
record_request(struct server *s, const char *text, size_t size)
{
    struct record *r = s->record;
    int i = atomic_load(&r->count);

    if (i == REQUESTS_MAX || r->used + size + 1 > RECORD_BYTES)
        return;
    memcpy(r->text + r->used, text, size);
    r->text[r->used + size] = '\0';
    r->at[i] = r->used;
    r->when[i] = now_ms();
    r->used += size + 1;
    atomic_store(&r->count, i + 1);
}

/* The rule of a request, NULL when there is none. */
static const struct fault_rule *
find_rule(struct server *s, const char *line)
{
    const struct fault_rule *found = NULL;

    for (size_t i = 0; i < s->n_rules; i++) {
        const struct fault_rule *r = &s->rules[i];
        if (strstr(line, r->match) == NULL)
            continue;
        int n = ++s->seen[i];
        if (found == NULL && n >= r->from && (r->to == 0 || n <= r->to))
            found = r;
    }
    return found;
}

/* Reads one request; gives its size in c->in (head and body), 0 at the end. */
static size_t
read_request(struct conn *c, size_t *head_size)
{
    for (;;) {
        c->in[c->in_size] = '\0';
        char *end = strstr(c->in, "\r\n\r\n");
        if (end != NULL) {
            char *length = strcasestr(c->in, "\r\nContent-Length:");
            size_t body =
                length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
            *head_size = (size_t)(end + 4 - c->in);
            if (c->in_size >= *head_size + body)
                return *head_size + body;
        }
        ssize_t n = c->in_size < REQUEST_BYTES - 1
                        ? conn_read(c, c->in + c->in_size, REQUEST_BYTES - 1 - c->in_size)
                        : 0;
        if (n <= 0)
            return 0;
        c->in_size += (size_t)n;
    }
}

/* "METHOD target\nheaders\n\nbody" without the protocol and the carriage returns. */
static size_t
tidy(char *out, const char *in, size_t head, size_t size)
{
    size_t n = 0;
    const char *line_end = memchr(in, '\r', head);
    const char *protocol = memrchr(in, ' ', (size_t)(line_end - in));

    for (size_t i = 0; i < head; i++)
        if (in[i] != '\r' && (in + i < protocol || in + i >= line_end))
            out[n++] = in[i];
    memcpy(out + n, in + head, size - head);
    return n + size - head;
}

static bool
serve_one(struct conn *c)
{
    struct server *s = c->server;
    size_t head, size = read_request(c, &head);

    if (size == 0)
        return false;
    char *text = malloc(size + 1);
    size_t n = tidy(text, c->in, head, size);
    text[n] = '\0';
    pthread_mutex_lock(&s->lock);
    record_request(s, text, n);
    text[strcspn(text, "\n")] = '\0';
    const struct fault_rule *rule = find_rule(s, text);
    pthread_mutex_unlock(&s->lock);
    free(text);
    memmove(c->in, c->in + size, c->in_size - size);
    c->in_size -= size;
    c->status = 200;
    c->headers[0] = '\0';
    return do_play(c, rule != NULL ? rule->play
                                   : "status 404\ntext <html>no rule</html>") == 0;
}

static void *
serve(void *arg)
{
    struct conn *c = arg;

    if (c->server->tls != NULL) {
        c->ssl = SSL_new(c->server->tls);
        SSL_set_fd(c->ssl, c->fd);
        if (SSL_accept(c->ssl) <= 0)
            goto out;
        pthread_mutex_lock(&c->server->lock);
        char line[300];
        const char *name = SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name);
        X509 *peer = SSL_get1_peer_certificate(c->ssl);
        int n = snprintf(
            line, sizeof line, "TLS sni=%s cert=%s offers=%s", name != NULL ? name : "",
            peer != NULL ? "yes" : "no",
            SSL_get_app_data(c->ssl) != NULL ? (char *)SSL_get_app_data(c->ssl) : "");
        X509_free(peer);
        record_request(c->server, line, (size_t)n);
        pthread_mutex_unlock(&c->server->lock);
    }
    while (serve_one(c))
        ;
out:
    if (c->ssl != NULL)
        SSL_free(c->ssl);
    close(c->fd);
    free(c->in);
    free(c);
    return NULL;
}

static void
run(struct server *s, int listener)
{
    pthread_attr_t detached;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            if (errno == EINTR)
                continue;
            _exit(1);
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct conn *c = calloc(1, sizeof *c);
        c->server = s;
        c->fd = fd;
        c->in = malloc(REQUEST_BYTES);
        pthread_create(&thread, &detached, serve, c);
    }
}

/* ---- for the test ---- */

static void
die(const char *what)
{
    perror(what);
    abort();
}

/* Always chooses HTTP/1.1; what was offered is recorded with the connection. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                const unsigned char *in, unsigned in_size, void *arg)
{
    static const unsigned char h1[] = "http/1.1";

    (void)arg;
    SSL_set_app_data(ssl, memmem(in, in_size, "h2", 2) != NULL ? "h2" : "");
    *out = h1;
    *out_size = 8;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *
tls_context(const char *cert, const char *key)
{
    SSL_CTX *t = SSL_CTX_new(TLS_server_method());

    if (t == NULL || SSL_CTX_use_certificate_chain_file(t, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(t, key, SSL_FILETYPE_PEM) != 1)
        _exit(3);
    SSL_CTX_set_alpn_select_cb(t, choose_protocol, NULL);
    SSL_CTX_set_verify(t, SSL_VERIFY_PEER, NULL);
    SSL_CTX_load_verify_locations(t, cert, NULL);
    return t;
}

struct fault *
fault_start_tls(const struct fault_rule *rules, size_t n, const char *cert,
                const char *key)
{
    struct fault *f = calloc(1, sizeof *f);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    f->record = mmap(NULL, sizeof *f->record, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (f->record == MAP_FAILED || n > RULES_MAX ||
        bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) < 0)
        die("fault server");
    f->port = ntohs(a.sin_port);
    snprintf(f->url, sizeof f->url, "%s://127.0.0.1:%d", cert != NULL ? "https" : "http",
             f->port);
    if ((f->pid = fork()) < 0)
        die("fork");
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        struct server s = {.rules = rules, .n_rules = n, .record = f->record};
        pthread_mutex_init(&s.lock, NULL);
        if (cert != NULL)
            s.tls = tls_context(cert, key);
        run(&s, fd);
        _exit(0);
    }
    close(fd);
    return f;
}

struct fault *
fault_start(const struct fault_rule *rules, size_t n)
{
    return fault_start_tls(rules, n, NULL, NULL);
}

void
fault_stop(struct fault *f)
{
    if (f == NULL)
        return;
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    munmap(f->record, sizeof *f->record);
    free(f);
}

const char *
fault_url(const struct fault *f)
{
    return f->url;
}

int
fault_port(const struct fault *f)
{
    return f->port;
}

int
fault_count(const struct fault *f)
{
    return atomic_load(&f->record->count);
}

const char *
fault_request(const struct fault *f, int i)
{
    return i < fault_count(f) ? f->record->text + f->record->at[i] : "";
}

int
fault_matching(const struct fault *f, const char *text)
{
    int n = 0;

    for (int i = 0; i < fault_count(f); i++)
        n += strstr(fault_request(f, i), text) != NULL;
    return n;
}

long long
fault_time_ms(const struct fault *f, int i)
{
    return i < fault_count(f) ? f->record->when[i] : 0;
}
