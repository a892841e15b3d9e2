/* writes.c - see writes.h. */
#include "reconciler/writes.h"

#include <czmq.h>
#include <openssl/sha.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/table.h"
#include "common/utf8.h"

/* Without an answer for so long, what is under way is sent again. */
#define RESEND_MS 10000
#define LOOK_MS 2500
/* Of statuses, and of Events, as many are under way while others step back for creates. */
#define YIELD_WINDOW 2
#define EVENT_TEXT_MAX 1000 /* the statuswriter may put a few words before it */

/* Statuses do not wait behind Events that cannot be written, or behind logs that cannot be read. */
enum lane { LANE_STATUS, LANE_EVENT, LANE_OUTPUTS, N_LANES };

/* One message that is kept until its answer. */
struct write {
    enum lane lane;
    uint64_t id;
    struct message message;                   /* points into the fields below */
    char *ns, *name, *uid, *texts[4], *patch; /* owned */
    int64_t sent_ms;                          /* monotonic, 0: waits for the window */
    write_fn *done;
    outputs_fn *outputs;
    void *arg;
    char *refused; /* why it can never be sent; owned */
};

struct writes {
    struct worker *worker;
    struct bus *bus;
    const struct kube *before;  /* whose requests go first; NULL: nobody's */
    struct table *all;          /* id in hex -> struct write; owned */
    zlistx_t *waiting[N_LANES]; /* in order, not sent yet; borrowed */
    zlistx_t *refused;          /* who made them is to be told; borrowed */
    size_t under_way[N_LANES];
    uint64_t last_id;
    int timer, refuser;
    bool was_full;
    void (*on_room)(void *arg); /* NULL: nobody is told */
    void *room_arg;
};

static void
write_free(void *value)
{
    struct write *x = value;

    if (x->outputs != NULL)
        x->outputs(x->arg, NULL);
    free(x->ns);
    free(x->name);
    free(x->uid);
    free(x->patch);
    free(x->refused);
    for (size_t i = 0; i < ARRAY_LEN(x->texts); i++)
        free(x->texts[i]);
    free(x);
}

static const char *
id_key(uint64_t id)
{
    static char key[24];

    snprintf(key, sizeof key, "%llx", (unsigned long long)id);
    return key;
}

static void on_look(void *arg, struct worker *w);
static void on_refused(void *arg, struct worker *w);

static void
watch_over(struct writes *w)
{
    if (w->timer <= 0 && table_size(w->all) > 0)
        w->timer = worker_after(w->worker, LOOK_MS, on_look, w);
}

/* Returns 0, or -1 with *e: ERR_GONE and ERR_BUSY pass, and the write waits; with all else it
 * can never be sent. */
static int
send_now(struct writes *w, struct write *x, struct err *e)
{
    if (bus_peer(w->bus, NULL) == NULL)
        return err_set(e, ERR_GONE, "sent when it joins");
    if (bus_send(w->bus, NULL, &x->message, e) < 0)
        return -1;
    x->sent_ms = clock_mono_ms();
    return 0;
}

/* A field over its bound: those behind it do not wait for that. Who made it is told from the
 * loop, not while it calls. */
static void
refuse(struct writes *w, struct write *x, const struct err *why)
{
    log_error(x->name, "%s cannot be sent: %s", message_name(x->message.kind), why->text);
    x->refused = strdup(why->text);
    zlistx_add_end(w->refused, x);
    if (w->refuser <= 0)
        w->refuser = worker_after(w->worker, 0, on_refused, w);
}

static bool
may_pass(const struct err *e)
{
    return e->code == ERR_GONE || e->code == ERR_BUSY || e->code == ERR_SYSTEM;
}

static size_t
window(const struct writes *w, enum lane lane)
{
    bool yields = lane != LANE_OUTPUTS && w->before != NULL && kube_waiting(w->before);

    return yields ? YIELD_WINDOW : LIMIT_STATUS_WINDOW;
}

static void
send_lane(struct writes *w, enum lane lane)
{
    zlistx_t *waiting = w->waiting[lane];
    struct write *x;

    while (w->under_way[lane] < window(w, lane) && (x = zlistx_first(waiting)) != NULL) {
        struct err e = ERR_INIT;

        if (send_now(w, x, &e) < 0 && may_pass(&e))
            break;
        zlistx_detach(waiting, NULL);
        w->under_way[lane]++;
        if (x->sent_ms == 0)
            refuse(w, x, &e);
    }
}

static void
send_waiting(struct writes *w)
{
    for (enum lane lane = 0; lane < N_LANES; lane++)
        send_lane(w, lane);
    watch_over(w);
    if (w->was_full && !writes_full(w)) {
        w->was_full = false;
        if (w->on_room != NULL)
            w->on_room(w->room_arg);
    }
}

/* What was sent and not answered: again, oldest id first is not needed, each stands alone
 * or is newer state of the same object. */
static void
send_again(struct writes *w, int64_t before_ms)
{
    struct table_at at = {0};
    struct write *x;
    struct err e = ERR_INIT;

    while ((x = table_next(w->all, &at)) != NULL)
        if (x->sent_ms != 0 && x->sent_ms <= before_ms && send_now(w, x, &e) < 0)
            return; /* it was sent once: what is wrong now passes, and the next look is due */
}

static void
on_look(void *arg, struct worker *worker)
{
    struct writes *w = arg;

    (void)worker;
    w->timer = 0;
    send_again(w, clock_mono_ms() - RESEND_MS);
    send_waiting(w);
}

static void
on_joined(void *arg, struct bus *bus, const struct peer *peer)
{
    struct writes *w = arg;

    (void)peer;
    w->bus = bus;
    send_again(w, clock_mono_ms());
    send_waiting(w);
}

/* Takes the write out of the table; the caller frees. */
static struct write *
settle(struct writes *w, uint64_t id)
{
    struct write *x = table_take(w->all, id_key(id));

    if (x == NULL)
        return NULL; /* answered before: a second answer to what was sent twice */
    w->under_way[x->lane] -= w->under_way[x->lane] > 0;
    return x;
}

static void
on_refused(void *arg, struct worker *worker UNUSED)
{
    struct writes *w = arg;
    struct write *x;

    w->refuser = 0;
    while ((x = zlistx_first(w->refused)) != NULL) {
        const struct msg_outputs none = {.message = x->refused};

        zlistx_detach(w->refused, NULL);
        settle(w, x->id);
        if (x->done != NULL)
            x->done(x->arg, WRITE_REFUSED, "", x->refused);
        if (x->outputs != NULL)
            x->outputs(x->arg, &none);
        x->outputs = NULL;
        write_free(x);
    }
    send_waiting(w);
}

static void
on_ack(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct msg_write_ack *a = &m->body.write_ack;
    struct writes *w = arg;
    struct write *x = settle(w, a->id);

    (void)bus;
    (void)from;
    if (x == NULL)
        return;
    if (a->code == WRITE_REFUSED && m->kind == MSG_STATUS_ACK)
        log_warn(x->name, "status refused: %s", a->message);
    if (x->done != NULL)
        x->done(x->arg, (enum write_code)a->code, a->version, a->message);
    write_free(x);
    send_waiting(w);
}

static void
on_outputs(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct writes *w = arg;
    struct write *x = settle(w, m->body.outputs.id);

    (void)bus;
    (void)from;
    if (x == NULL)
        return;
    x->outputs(x->arg, &m->body.outputs);
    x->outputs = NULL;
    write_free(x);
    send_waiting(w);
}

static const struct handler handlers[] = {
    {MSG_STATUS_ACK, on_ack},
    {MSG_EVENT_ACK, on_ack},
    {MSG_OUTPUTS_DONE, on_outputs},
};

struct writes *
writes_new(struct worker *worker, struct err *e)
{
    SCOPED(writes) struct writes *w = calloc(1, sizeof *w);

    if (w == NULL) {
        err_errno(e, "writes");
        return NULL;
    }
    w->worker = worker;
    w->all = table_new(write_free);
    for (size_t i = 0; i < N_LANES; i++)
        w->waiting[i] = zlistx_new();
    w->refused = zlistx_new();
    /* Ids of an earlier incarnation may still be answered: they must not meet ours. */
    w->last_id = worker_incarnation(worker) << 40;
    const struct bus_calls calls = {
        .rows = handlers, .n_rows = ARRAY_LEN(handlers), .joined = on_joined, .arg = w};
    if ((w->bus = worker_connect(worker, "status", &calls, e)) == NULL)
        return NULL;
    return TAKE(w);
}

void
writes_yield(struct writes *w, const struct kube *kube)
{
    w->before = kube;
}

bool
writes_full(const struct writes *w)
{
    return zlistx_size(w->waiting[LANE_STATUS]) >= LIMIT_STATUSES_WAITING;
}

void
writes_on_room(struct writes *w, void (*fn)(void *arg), void *arg)
{
    w->on_room = fn;
    w->room_arg = arg;
}

void
writes_free(struct writes *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < N_LANES; i++)
        zlistx_destroy(&w->waiting[i]);
    zlistx_destroy(&w->refused);
    table_free(w->all);
    free(w);
}

static struct write *
write_new(struct writes *w, enum lane lane, const struct meta *m)
{
    struct write *x = calloc(1, sizeof *x);

    if (x == NULL || (x->ns = strdup(m->ns)) == NULL ||
        (x->name = strdup(m->name)) == NULL || (x->uid = strdup(m->uid)) == NULL)
        abort();
    x->id = ++w->last_id;
    x->lane = lane;
    return x;
}

static void
submit(struct writes *w, struct write *x)
{
    table_put(w->all, id_key(x->id), x);
    zlistx_add_end(w->waiting[x->lane], x);
    w->was_full = w->was_full || writes_full(w);
    send_waiting(w);
}

void
writes_status(struct writes *w, unsigned kind, const struct meta *m, json_t *patch,
              write_fn *done, void *arg)
{
    struct write *x = write_new(w, LANE_STATUS, m);

    if (m->version != NULL && *m->version != '\0')
        json_object_set_new(patch, "seen", json_string(m->version));
    x->patch = json_dump_compact(patch);
    json_decref(patch);
    x->done = done;
    x->arg = arg;
    x->message = (struct message){
        .kind = MSG_STATUS_APPLY,
        .body.status = {.id = x->id,
                        .kind = kind,
                        .profile = m->profile,
                        .ns = x->ns,
                        .name = x->name,
                        .uid = x->uid,
                        .patch = {x->patch, x->patch != NULL ? strlen(x->patch) : 0}}};
    submit(w, x);
}

void
event_name(const struct meta *m, const char *reason, const char *message, char *out,
           size_t room)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SCOPED(buf) struct buf text = BUF_INIT;

    buf_printf(&text, "%s/%s/%s", m->uid, reason, message);
    SHA256((const unsigned char *)buf_str(&text), text.size, digest);
    int n = snprintf(out, room, "%.200s.", m->name);
    for (int i = 0; i < 8; i++)
        snprintf(out + n + 2 * i, room - (size_t)(n + 2 * i), "%02x", digest[i]);
}

void
writes_event(struct writes *w, unsigned kind, const struct meta *m, bool warning,
             const char *reason, const char *message)
{
    char name[240];

    if (zlistx_size(w->waiting[LANE_EVENT]) >= LIMIT_EVENTS_WAITING) {
        metric_add(worker_metrics(w->worker), METRIC_EVENTS, 1,
                   warning ? "Warning" : "Normal", "(dropped)");
        return;
    }
    struct write *x = write_new(w, LANE_EVENT, m);
    event_name(m, reason, message, name, sizeof name);
    x->texts[0] = strdup(name);
    x->texts[1] = strdup(reason);
    x->texts[2] = strndup(message, utf8_cut(message, strlen(message), EVENT_TEXT_MAX));
    x->message = (struct message){.kind = MSG_EVENT_EMIT,
                                  .body.event = {.id = x->id,
                                                 .kind = kind,
                                                 .profile = m->profile,
                                                 .ns = x->ns,
                                                 .name = x->name,
                                                 .uid = x->uid,
                                                 .event_name = x->texts[0],
                                                 .type = warning ? "Warning" : "Normal",
                                                 .reason = x->texts[1],
                                                 .message = x->texts[2]}};
    submit(w, x);
}

void
writes_collect(struct writes *w, const struct meta *task, const char *pod,
               const char *container, bool failed, outputs_fn *done, void *arg)
{
    struct write *x = write_new(w, LANE_OUTPUTS, task);

    x->texts[0] = strdup(pod);
    x->texts[1] = strdup(container);
    x->outputs = done;
    x->arg = arg;
    x->message = (struct message){.kind = MSG_OUTPUTS_COLLECT,
                                  .body.collect = {.id = x->id,
                                                   .profile = task->profile,
                                                   .ns = x->ns,
                                                   .task = x->name,
                                                   .uid = x->uid,
                                                   .pod = x->texts[0],
                                                   .container = x->texts[1],
                                                   .failed = failed}};
    submit(w, x);
}
