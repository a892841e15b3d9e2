/* zap.c - see zap.h. Protocol: https://rfc.zeromq.org/spec/27/ */
#include "common/bus/zap.h"

#include <czmq.h>

#include "common/bus/buskey.h"
#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"

struct held {
    zmsg_t *back; /* routing frames and request id, ready for the answer; NULL: free */
    char domain[64];
    pid_t pid;
    uid_t uid;
    int64_t deadline_ms;
};

struct zap {
    zloop_t *loop; /* borrowed */
    zsock_t *sock; /* ROUTER; owned */
    struct zap_config config;
    struct held held[LIMIT_ZAP_HELD];
    size_t n_held;
    int timer; /* of the first deadline, 0: none */
    int64_t refused_logged_ms;
};

static void
answer(struct zap *z, zmsg_t *back, bool yes, const char *user_id)
{
    zmsg_addstr(back, yes ? "200" : "400");
    zmsg_addstr(back, yes ? "OK" : "not one of ours");
    zmsg_addstr(back, yes ? user_id : "");
    zmsg_addmem(back, "", 0);
    if (zmsg_send(&back, z->sock) < 0)
        zmsg_destroy(&back);
    if (!yes)
        metric_add(z->config.metrics, METRIC_BUS_REFUSED, 1);
}

static int on_deadline(zloop_t *loop, int timer, void *arg);

static void
arm(struct zap *z)
{
    int64_t first = INT64_MAX, now = clock_mono_ms();

    if (z->timer != 0)
        zloop_timer_end(z->loop, z->timer);
    z->timer = 0;
    for (size_t i = 0; i < ARRAY_LEN(z->held); i++)
        if (z->held[i].back != NULL && z->held[i].deadline_ms < first)
            first = z->held[i].deadline_ms;
    if (first != INT64_MAX)
        z->timer = zloop_timer(z->loop, first > now ? (size_t)(first - now) : 0, 1,
                               on_deadline, z);
}

static void
release(struct zap *z, struct held *h, bool yes, const char *user_id)
{
    zmsg_t *back = h->back;

    h->back = NULL;
    z->n_held--;
    answer(z, back, yes, user_id);
}

static int
on_deadline(zloop_t *loop, int timer, void *arg)
{
    struct zap *z = arg;
    int64_t now = clock_mono_ms();

    (void)loop;
    (void)timer;
    z->timer = 0;
    for (size_t i = 0; i < ARRAY_LEN(z->held); i++)
        if (z->held[i].back != NULL && z->held[i].deadline_ms <= now) {
            log_warn(NULL, "bus %s: process %d stayed unknown, refused",
                     z->held[i].domain, (int)z->held[i].pid);
            release(z, &z->held[i], false, "");
        }
    arm(z);
    return 0;
}

static void
hold(struct zap *z, zmsg_t *back, const char *domain, pid_t pid, uid_t uid)
{
    for (size_t i = 0; i < ARRAY_LEN(z->held); i++) {
        struct held *h = &z->held[i];

        if (h->back != NULL)
            continue;
        *h = (struct held){.back = back,
                           .pid = pid,
                           .uid = uid,
                           .deadline_ms = clock_mono_ms() + ZAP_HOLD_MS};
        snprintf(h->domain, sizeof h->domain, "%s", domain);
        z->n_held++;
        arm(z);
        return;
    }
    log_warn(NULL, "bus %s: ZAP_HELD (%d) unknown processes wait already, %d refused",
             domain, LIMIT_ZAP_HELD, (int)pid);
    answer(z, back, false, "");
}

void
zap_recheck(struct zap *z)
{
    char user_id[MESSAGE_ORIGIN_MAX + 1];

    for (size_t i = 0; i < ARRAY_LEN(z->held); i++) {
        struct held *h = &z->held[i];

        if (h->back == NULL)
            continue;
        switch (
            z->config.check(z->config.arg, h->domain, h->pid, h->uid, true, user_id)) {
        case ZAP_YES:
            release(z, h, true, user_id);
            break;
        case ZAP_NO:
            release(z, h, false, "");
            break;
        case ZAP_HOLD:
            break;
        }
    }
    arm(z);
}

/* "...:uid:gid:pid", as libzmq writes the credentials of an ipc peer. */
static int
parse_address(const char *address, pid_t *pid, uid_t *uid)
{
    const char *colon = strrchr(address, ':');
    long numbers[3];

    for (int i = 2; i >= 0; i--) {
        char *end;

        if (colon == NULL)
            return -1;
        numbers[i] = strtol(colon + 1, &end, 10);
        if (end == colon + 1 || numbers[i] < 0)
            return -1;
        while (colon > address && *--colon != ':')
            ;
        if (*colon != ':')
            colon = NULL;
    }
    *uid = (uid_t)numbers[0];
    *pid = (pid_t)numbers[2];
    return 0;
}

/* One line about refusals in that time: who knocks often must not fill the log. */
#define REFUSED_LOG_MS 1000

static void
log_refused(struct zap *z, const char *domain, const char *address, const char *why)
{
    int64_t now = clock_mono_ms();

    if (z->refused_logged_ms != 0 && now - z->refused_logged_ms < REFUSED_LOG_MS)
        return;
    z->refused_logged_ms = now;
    log_warn(NULL, "bus %s: a peer at %s refused: %s", domain, address, why);
}

/* A peer over tcp: libzmq has checked that it holds the secret half of this key. */
static void
decide_key(struct zap *z, const char *domain, const char *address, zframe_t *key,
           zmsg_t *back)
{
    char user_id[MESSAGE_ORIGIN_MAX + 1] = "", text[BUSKEY_SIZE];
    bool yes = key != NULL && zframe_size(key) == 32 &&
               zmq_z85_encode(text, zframe_data(key), 32) != NULL &&
               z->config.check_key != NULL &&
               z->config.check_key(z->config.arg, domain, text, user_id);

    if (!yes)
        log_refused(z, domain, address, "its key is unknown or was revoked");
    answer(z, back, yes, yes ? user_id : "");
}

static void
decide_pid(struct zap *z, const char *domain, const char *address, zmsg_t *back)
{
    char user_id[MESSAGE_ORIGIN_MAX + 1] = "";
    enum zap_verdict verdict = ZAP_NO;
    pid_t pid = -1;
    uid_t uid = (uid_t)-1;

    if (parse_address(address, &pid, &uid) == 0)
        verdict = z->config.check(z->config.arg, domain, pid, uid, false, user_id);
    else
        log_refused(z, domain, address, "it has no credentials");
    if (verdict == ZAP_HOLD)
        hold(z, back, domain, pid, uid);
    else
        answer(z, back, verdict == ZAP_YES, user_id);
}

/* Takes the frames behind the request id apart. `request` is consumed. */
static void
decide(struct zap *z, zmsg_t *request, zmsg_t *back)
{
    char *domain = zmsg_popstr(request), *address = zmsg_popstr(request);
    char *identity = zmsg_popstr(request), *mechanism = zmsg_popstr(request);

    /* The process id of an address counts only where the kernel wrote it: a socket that
     * listens on tcp speaks nothing but CURVE. */
    if (mechanism != NULL && strcmp(mechanism, "NULL") == 0)
        decide_pid(z, domain, address, back);
    else if (mechanism != NULL && strcmp(mechanism, "CURVE") == 0)
        decide_key(z, domain, address, zmsg_first(request), back);
    else {
        log_refused(z, domain != NULL ? domain : "?", address != NULL ? address : "?",
                    "it has no credentials");
        answer(z, back, false, "");
    }
    free(domain);
    free(address);
    free(identity);
    free(mechanism);
    zmsg_destroy(&request);
}

static void
on_request(struct zap *z, zmsg_t *request)
{
    zframe_t *routing = zmsg_pop(request), *delimiter = zmsg_pop(request);
    char *version = zmsg_popstr(request);
    zframe_t *id = zmsg_pop(request);
    zmsg_t *back = zmsg_new();

    if (routing == NULL || delimiter == NULL || version == NULL || id == NULL ||
        back == NULL) {
        zframe_destroy(&routing);
        zframe_destroy(&delimiter);
        zframe_destroy(&id);
        zmsg_destroy(&back);
        zmsg_destroy(&request);
    } else {
        zmsg_append(back, &routing);
        zmsg_append(back, &delimiter);
        zmsg_addstr(back, "1.0");
        zmsg_append(back, &id);
        decide(z, request, back);
    }
    free(version);
}

static int
on_readable(zloop_t *loop, zsock_t *sock, void *arg)
{
    struct zap *z = arg;
    zmsg_t *request;
    int rc = 0;

    (void)loop;
    if (z->config.begin != NULL)
        z->config.begin(z->config.arg);
    if ((request = zmsg_recv(sock)) != NULL)
        on_request(z, request);
    if (z->config.end != NULL)
        rc = z->config.end(z->config.arg);
    return rc;
}

struct zap *
zap_new(struct _zloop_t *loop, const struct zap_config *config, struct err *e)
{
    SCOPED(zap) struct zap *z = calloc(1, sizeof *z);

    if (z == NULL || (z->sock = zsock_new(ZMQ_ROUTER)) == NULL) {
        err_set(e, ERR_SYSTEM, "zap: %s", zmq_strerror(errno));
        return NULL;
    }
    z->loop = loop;
    z->config = *config;
    if (zsock_bind(z->sock, "inproc://zeromq.zap.01") < 0) {
        err_set(e, ERR_SYSTEM, "zap: bind: %s", zmq_strerror(errno));
        return NULL;
    }
    if (zloop_reader(loop, z->sock, on_readable, z) < 0) {
        err_set(e, ERR_SYSTEM, "zap: out of memory");
        return NULL;
    }
    zloop_reader_set_tolerant(loop, z->sock);
    return TAKE(z);
}

void
zap_free(struct zap *z)
{
    if (z == NULL)
        return;
    if (z->timer != 0)
        zloop_timer_end(z->loop, z->timer);
    for (size_t i = 0; i < ARRAY_LEN(z->held); i++)
        zmsg_destroy(&z->held[i].back);
    if (z->sock != NULL && z->loop != NULL)
        zloop_reader_end(z->loop, z->sock);
    zsock_destroy(&z->sock);
    free(z);
}

size_t
zap_held(const struct zap *z)
{
    return z->n_held;
}
