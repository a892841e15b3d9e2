/* main.c - kelos-demo-forge: a GitHub-compatible server on loopback, for the demo and
 * tests. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "local/forge/server.h"

static const char help[] =
    "usage: kelos-demo-forge [--port N] [--port-file FILE] [--state FILE.json] "
    "[--log-level L]\n"
    "\n"
    "Serves the part of GitHub's REST API that Kelos uses, on 127.0.0.1, under / and "
    "/api/v3.\n"
    "It is strict: an unknown path, query key, header or field is an error that names "
    "it.\n"
    "\n"
    "  --port N          listen there; 0 (the default) takes a free port\n"
    "  --port-file FILE  the port is written here once it listens\n"
    "  --state FILE      what there is at the start:\n"
    "     {\"repos\": {\"demo/repo\": {\"issues\": [\n"
    "         {\"number\": 1, \"title\": \"...\", \"body\": \"...\", \"labels\": "
    "[\"bug\"], \"state\": \"open\",\n"
    "          \"user\": \"alice\", \"assignees\": [\"bob\"], \"created_at\": "
    "\"2026-01-02T03:04:05Z\",\n"
    "          \"comments\": [{\"user\": \"carol\", \"body\": \"...\", \"created_at\": "
    "\"...\"}],\n"
    "          \"pull\": {\"head\": \"branch\", \"base\": \"main\", \"sha\": \"...\", "
    "\"draft\": false,\n"
    "             \"reviews\": [{\"user\", \"state\": \"APPROVED\", \"body\", \"sha\", "
    "\"submitted_at\"}],\n"
    "             \"review_comments\": [{\"user\", \"body\", \"path\", \"line\", "
    "\"sha\", \"created_at\"}],\n"
    "             \"files\": [\"a.c\"]}}],             (pull: it is a pull request)\n"
    "        \"collaborators\": {\"login\": \"read|triage|write|maintain|admin\"}}},\n"
    "      \"teams\": {\"org/slug\": {\"login\": \"active\"}},\n"
    "      \"tokens\": {\"TOKEN\": \"login\"}, \"anonymous\": false, \"rateLimit\": "
    "5000,\n"
    "      \"apps\": {\"APP ID\": {\"publicKey\": \"PEM\", \"installations\": "
    "[\"1\"]}},\n"
    "      \"appTokenSeconds\": 3600}     how long an installation's token lives\n"
    "\n"
    "Control, for whoever drives it (JSON in, JSON out):\n"
    "  POST   /_control/repos/O/R/issues              an issue, as above\n"
    "  PATCH  /_control/repos/O/R/issues/N            title, body, state, labels, "
    "assignees\n"
    "  POST   /_control/repos/O/R/issues/N/comments   {\"user\", \"body\", "
    "\"created_at\"}\n"
    "  POST   /_control/repos/O/R/pulls/N/reviews     a review, as above\n"
    "  POST   /_control/repos/O/R/pulls/N/comments    a comment on a line, as above\n"
    "  PATCH  /_control/repos/O/R/pulls/N             head, sha, draft\n"
    "  PATCH  /_control/repos/O/R/collaborators       {\"login\": \"role\" or null}\n"
    "  POST   /_control/faults    {\"path\": PATTERN, \"method\", \"skip\", \"times\" "
    "(1; -1: for ever),\n"
    "                             \"status\", \"headers\", \"body\", \"delay_ms\", "
    "\"cut_at\", \"reset\", \"endless\"}\n"
    "  DELETE /_control/faults\n"
    "  GET    /_control/counts    {\"calls\": N, \"200\": N, \"304\": N, \"comments\": "
    "N, ...}\n"
    "  GET    /_control/requests  the latest requests;  DELETE forgets requests and "
    "counts\n"
    "  PATCH  /_control/tokens    {\"add\": {\"TOKEN\": \"login\"}, \"remove\": "
    "[\"TOKEN\"]}\n"
    "  PATCH  /_control/quota     {\"token\", \"remaining\", \"limit\", \"reset_in\" "
    "(seconds)}\n";

struct options {
    int port;
    const char *port_file;
    const char *state;
    enum log_level level;
};

static int
parse(int argc, char **argv, struct options *o, struct err *e)
{
    static const struct option longs[] = {{"port", required_argument, NULL, 'p'},
                                          {"port-file", required_argument, NULL, 'f'},
                                          {"state", required_argument, NULL, 's'},
                                          {"log-level", required_argument, NULL, 'l'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    char *end;
    int c;

    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (c) {
        case 'p':
            o->port = (int)strtol(optarg, &end, 10);
            if (*optarg == '\0' || *end != '\0' || o->port < 0 || o->port > 65535)
                return err_set(e, ERR_INVALID,
                               "--port %s: must be a number from 0 to 65535", optarg);
            break;
        case 'f':
            o->port_file = optarg;
            break;
        case 's':
            o->state = optarg;
            break;
        case 'l':
            if (log_level_parse(optarg, &o->level) < 0)
                return err_set(e, ERR_INVALID,
                               "--log-level %s: error, warn, info or debug", optarg);
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        default:
            return err_set(e, ERR_INVALID, "see kelos-demo-forge --help");
        }
    }
    if (optind < argc)
        return err_set(e, ERR_INVALID, "unexpected argument \"%s\"", argv[optind]);
    return 0;
}

/* A listening socket on loopback; *port becomes the real one. */
static int
listen_on(int *port, struct err *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t size = sizeof(at);
    SCOPED(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, out;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        return err_errno(e, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 128) < 0)
        return err_errno(e, "port %d of 127.0.0.1", *port);
    if (getsockname(fd, (struct sockaddr *)&at, &size) < 0)
        return err_errno(e, "socket");
    *port = ntohs(at.sin_port);
    out = fd;
    fd = -1;
    return out;
}

/* Written beside and renamed, so that a reader never sees half of it. */
static int
write_port(const char *path, int port, struct err *e)
{
    char temporary[4096];
    FILE *f;

    snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    if ((f = fopen(temporary, "we")) == NULL)
        return err_errno(e, "--port-file %s", temporary);
    fprintf(f, "%d\n", port);
    if (fclose(f) != 0 || rename(temporary, path) < 0)
        return err_errno(e, "--port-file %s", path);
    return 0;
}

static int
serve(struct server *h, struct err *e)
{
    SCOPED(fd) int signals = -1;
    sigset_t stop;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    if ((signals = signalfd(-1, &stop, SFD_CLOEXEC)) < 0)
        return err_errno(e, "signalfd");
    for (;;) {
        struct pollfd fds[] = {{signals, POLLIN, 0}, {server_fd(h), POLLIN, 0}};

        if (poll(fds, 2, server_wait_ms(h, clock_mono_ms())) < 0 && errno != EINTR)
            return err_errno(e, "poll");
        if (fds[0].revents != 0)
            return 0;
        server_run(h, clock_mono_ms());
    }
}

static int
run(const struct options *o, struct err *e)
{
    struct forge f = {0};
    char base[64];
    int port = o->port, fd = listen_on(&port, e), rc = -1;
    SCOPED(server) struct server *h = NULL;
    SCOPED(state) struct state *state = NULL;

    if (fd < 0)
        return -1;
    snprintf(base, sizeof(base), "http://127.0.0.1:%d", port);
    state = f.state = state_new(base);
    journal_init(&f.journal);
    if ((o->state == NULL || state_load(f.state, o->state, clock_wall_ms(), e) == 0) &&
        (h = server_new(&f, fd, e)) != NULL &&
        (o->port_file == NULL || write_port(o->port_file, port, e) == 0)) {
        log_info(NULL, "serving %s", base);
        rc = serve(h, e);
    }
    server_free(TAKE(h));
    journal_free(&f.journal);
    faults_clear(&f.faults);
    return rc;
}

int
main(int argc, char **argv)
{
    struct options o = {.level = LEVEL_WARN};
    struct err e = ERR_INIT;

    log_init("forge", LEVEL_WARN, LOG_TEXT);
    if (parse(argc, argv, &o, &e) < 0) {
        fprintf(stderr, "kelos-demo-forge: %s\n", e.text);
        return 2;
    }
    log_set_level(o.level);
    if (run(&o, &e) < 0) {
        fprintf(stderr, "kelos-demo-forge: %s\n", e.text);
        return 1;
    }
    return 0;
}
