#include "statuswriter/status.h"

#include <czmq.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "statuswriter/patch.h"

/* One acknowledgement that is due when a patch is written. */
struct claim {
    char to[MESSAGE_ORIGIN_MAX + 1];
    uint64_t id;
};

struct claims {
    struct claim *rows;
    size_t n, capacity;
};

/* One object: the patch on its way and what gathered meanwhile. */
struct entry {
    struct statuses *all;
    char key[160];
    char uid[65];
    char version[129]; /* the newest that is known of the object; "": none */
    char *ns, *name;
    const struct kube_resource *res;
    json_t *sent, *waiting; /* owned; NULL: none */
    struct claims sent_claims, waiting_claims;
    struct kube_call *call;
    int timer; /* of the next try; 0: none */
    unsigned conflicts;
    struct backoff backoff;
};

struct statuses {
    const struct writer *w;
    zhashx_t *entries; /* key -> struct entry */
};

static void start(struct entry *x);
static void send_patch(struct entry *x);

static void
entry_free(struct entry *x)
{
    if (x->call != NULL)
        kube_cancel(x->call);
    worker_cancel(x->all->w->worker, x->timer);
    json_decref(x->sent);
    json_decref(x->waiting);
    free(x->sent_claims.rows);
    free(x->waiting_claims.rows);
    free(x->ns);
    free(x->name);
    free(x);
}

static void
entry_destroy(void **p)
{
    entry_free(*p);
    *p = NULL;
}

/* Said at every change: a gauge that nobody sets down again would stay. */
static void
count_pending(const struct statuses *s)
{
    metric_set(worker_metrics(s->w->worker), METRIC_STATUS_PENDING,
               (double)zhashx_size(s->entries));
}

struct statuses *
statuses_new(const struct writer *w)
{
    struct statuses *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->w = w;
    s->entries = zhashx_new();
    zhashx_set_destructor(s->entries, entry_destroy);
    count_pending(s);
    return s;
}

void
statuses_free(struct statuses *s)
{
    if (s == NULL)
        return;
    zhashx_destroy(&s->entries);
    free(s);
}

size_t
statuses_pending(const struct statuses *s)
{
    return zhashx_size(s->entries);
}

/* ---- acknowledgements ---- */

static void
ack(struct statuses *s, const char *to, uint64_t id, const char *uid, unsigned code,
    const char *version, const char *text)
{
    struct message m = {
        .kind = MSG_STATUS_ACK,
        .body.write_ack = {
            .id = id, .uid = uid, .code = code, .version = version, .message = text}};
    struct err e = ERR_INIT;

    if (bus_send(s->w->bus, to, &m, &e) < 0 && e.code != ERR_GONE)
        log_warn(NULL, "status.ack to %s: %s", to, e.text);
}

static void
ack_all(struct entry *x, struct claims *claims, unsigned code, const char *version,
        const char *text)
{
    for (size_t i = 0; i < claims->n; i++)
        ack(x->all, claims->rows[i].to, claims->rows[i].id, x->uid, code, version, text);
    claims->n = 0;
}

static bool
has_claim(const struct claims *claims, const char *to, uint64_t id)
{
    for (size_t i = 0; i < claims->n; i++)
        if (claims->rows[i].id == id && strcmp(claims->rows[i].to, to) == 0)
            return true;
    return false;
}

/* Returns -1 when the peer has more than its window open. */
static int
claim(struct claims *claims, const char *to, uint64_t id)
{
    if (has_claim(claims, to, id))
        return 0;
    if (claims->n == claims->capacity) {
        size_t more = claims->capacity + 8;
        struct claim *rows;

        if (claims->n >= LIMIT_STATUS_WINDOW ||
            (rows = realloc(claims->rows, more * sizeof(*rows))) == NULL)
            return -1;
        claims->rows = rows;
        claims->capacity = more;
    }
    snprintf(claims->rows[claims->n].to, sizeof(claims->rows[0].to), "%s", to);
    claims->rows[claims->n++].id = id;
    return 0;
}

/* ---- writing ---- */

static void
count(struct entry *x, const char *code)
{
    struct metrics *m = worker_metrics(x->all->w->worker);

    metric_add(m, METRIC_STATUS_WRITES, 1, x->res->plural, code);
}

static void
forget(struct entry *x)
{
    struct statuses *s = x->all;

    zhashx_delete(s->entries, x->key);
    count_pending(s);
}

static void
on_timer(void *arg, struct worker *w)
{
    struct entry *x = arg;

    (void)w;
    x->timer = 0;
    start(x);
}

/* The failed patch goes first, what gathered meanwhile after it: nothing is lost. */
static void
try_again(struct entry *x, int64_t delay_ms)
{
    json_t *both =
        x->waiting != NULL ? patch_compose(x->sent, x->waiting) : json_incref(x->sent);

    for (size_t i = 0; i < x->sent_claims.n; i++)
        (void)claim(&x->waiting_claims, x->sent_claims.rows[i].to,
                    x->sent_claims.rows[i].id);
    x->sent_claims.n = 0;
    json_decref(x->sent);
    json_decref(x->waiting);
    x->sent = NULL;
    x->waiting = both;
    x->timer = worker_after(x->all->w->worker, delay_ms, on_timer, x);
}

static void
finish(struct entry *x, unsigned code, const char *version, const char *text)
{
    ack_all(x, &x->sent_claims, code, version, text);
    json_decref(x->sent);
    x->sent = NULL;
    backoff_reset(&x->backoff);
    x->conflicts = 0;
    if (code == ACK_GONE) {
        ack_all(x, &x->waiting_claims, code, "", text);
        json_decref(x->waiting);
        x->waiting = NULL;
    }
    if (x->waiting != NULL)
        start(x);
    else
        forget(x);
}

/* Whether a status that is too large was made smaller, and goes again. */
static bool
cut(struct entry *x, const struct kube_result *r, const char *object)
{
    const char *part = patch_too_large(r) ? patch_cut(x->sent) : NULL;

    if (part == NULL)
        return false;
    count(x, "cut");
    log_warn(object, "status refused: %s; written without its %s", r->err.text, part);
    try_again(x, 1);
    return true;
}

/* What an answer means for the patch on its way. */
static void
conclude(struct entry *x, enum write_end end, const struct kube_result *r)
{
    char object[400];

    snprintf(object, sizeof(object), "%s %s/%s", x->res->singular, x->ns, x->name);
    if (end != WRITE_GONE && cut(x, r, object))
        return;
    if (end != WRITE_DONE)
        x->version[0] = '\0';
    switch (end) {
    case WRITE_DONE:
        count(x, "written");
        snprintf(x->version, sizeof(x->version), "%s", r->version);
        finish(x, ACK_DONE, r->version, "");
        break;
    case WRITE_GONE:
        count(x, "gone");
        log_debug(object, "status not written: the object is gone, or another by now");
        finish(x, ACK_GONE, "", "the object is gone, or another by now");
        break;
    case WRITE_REFUSED:
        count(x, "refused");
        log_error(object, "status refused: %s", r->err.text);
        finish(x, ACK_REFUSED, "", r->err.text);
        break;
    case WRITE_AGAIN:
        count(x, "again");
        log_warn(object, "status not written yet: %s", r->err.text);
        x->conflicts = r->err.code == ERR_CONFLICT ? x->conflicts + 1 : 0;
        try_again(x, x->conflicts > 0 && x->conflicts < PATCH_CONFLICTS_MAX
                         ? 10
                         : backoff_next_ms(&x->backoff));
        break;
    }
}

/* Whether who made the patch names the version that it is for. */
static bool
names_version(const struct entry *x)
{
    return json_at(x->sent, "metadata.resourceVersion") != NULL;
}

static void
on_written(void *arg, const struct kube_result *r)
{
    struct entry *x = arg;

    x->call = NULL;
    /* Who named a version has to look again; a version of ours is looked up again here. */
    conclude(x, patch_end(r, names_version(x) ? PATCH_CONFLICTS_MAX : 0), r);
}

static void
on_looked(void *arg, const struct kube_result *r)
{
    struct entry *x = arg;

    x->call = NULL;
    if (r->err.code != ERR_NONE) {
        conclude(x, patch_end(r, 0), r);
    } else if (strcmp(r->uid, x->uid) != 0) {
        conclude(x, WRITE_GONE, r);
    } else if (*r->version == '\0') {
        conclude(x, WRITE_AGAIN, r); /* no object of an API server */
    } else {
        snprintf(x->version, sizeof(x->version), "%s", r->version);
        send_patch(x);
    }
}

/* Sends the patch with the version of the object that it is for. A server compares the uid in
 * the status of a built-in type only; of ours it takes whatever object has the name, so the
 * version says which one is meant. Where none is known, or the object has changed since, it is
 * looked up first. */
static void
send_patch(struct entry *x)
{
    struct kube_request q = {.res = x->res, .ns = x->ns, .name = x->name};
    bool named = names_version(x);
    kube_done_fn *done = on_looked;
    struct err e = ERR_INIT;

    q.verb = KUBE_GET;
    if (named || x->version[0] != '\0') {
        q.verb = KUBE_PATCH_MERGE;
        q.subresource = "status";
        q.field_manager = "kelos-status";
        q.body = x->sent;
        q.accept = KUBE_ACCEPT_META;
        done = on_written;
        if (!named)
            json_put_str(x->sent, "metadata.resourceVersion", x->version);
    }
    x->call = kube_call(x->all->w->kube, &q, done, x, &e);
    if (!named) /* it is of this attempt only */
        json_object_del(json_object_get(x->sent, "metadata"), "resourceVersion");
    if (x->call == NULL) {
        log_error(NULL, "status of %s/%s: %s", x->ns, x->name, e.text);
        finish(x, ACK_REFUSED, "", e.text);
    }
}

/* Sends what waits. */
static void
start(struct entry *x)
{
    struct claims swap = x->sent_claims;

    if (x->call != NULL || x->timer != 0 || x->waiting == NULL)
        return;
    x->sent = TAKE(x->waiting);
    x->sent_claims = x->waiting_claims;
    x->waiting_claims = swap;
    send_patch(x);
}

/* ---- taking ---- */

/* The patch of a message as a tree with its uid; NULL with *e set. `seen` (65 bytes) is the
 * version of the object that its sender has seen, which is not part of what is written. */
static json_t *
read_patch(const struct msg_status *m, char *seen, struct err *e)
{
    SCOPED(json)
    json_t *patch = json_parse(m->patch.data, m->patch.size, LIMIT_OBJECT_BYTES, e);

    if (patch == NULL)
        return NULL;
    if (!json_is_object(json_object_get(patch, "status"))) {
        err_set(e, ERR_INVALID, "patch: has no object named status");
        return NULL;
    }
    if (*m->uid == '\0' || patch_set_uid(patch, m->uid) < 0) {
        err_set(e, ERR_INVALID, "uid: is missing");
        return NULL;
    }
    const char *version = json_str_or(patch, "seen", "");
    snprintf(seen, 65, "%s", strlen(version) < 65 ? version : "");
    json_object_del(patch, "seen");
    return TAKE(patch);
}

static struct entry *
entry_of(struct statuses *s, const struct msg_status *m, const struct kube_resource *res)
{
    char key[160];
    struct entry *x;

    snprintf(key, sizeof(key), "%llu/%llu/%s", (unsigned long long)m->profile,
             (unsigned long long)m->kind, m->uid);
    if ((x = zhashx_lookup(s->entries, key)) != NULL)
        return x;
    if ((x = calloc(1, sizeof(*x))) == NULL)
        return NULL;
    x->all = s;
    x->res = res;
    x->backoff = (struct backoff){.first_ms = 500, .cap_ms = 30000, .jitter_percent = 25};
    snprintf(x->key, sizeof(x->key), "%s", key);
    snprintf(x->uid, sizeof(x->uid), "%s", m->uid);
    x->ns = strdup(m->ns);
    x->name = strdup(m->name);
    if (x->ns == NULL || x->name == NULL || zhashx_insert(s->entries, key, x) < 0) {
        entry_free(x);
        return NULL;
    }
    count_pending(s);
    return x;
}

/* What was written or looked at here may be newer than what the sender had seen then. */
static void
learn_version(struct entry *x, const char *seen)
{
    int order;

    if (x->version[0] == '\0' ||
        (kube_version_compare(seen, x->version, &order) && order > 0))
        snprintf(x->version, sizeof(x->version), "%s", seen);
}

void
statuses_apply(struct statuses *s, const struct peer *from, const struct msg_status *m)
{
    const struct kube_resource *res = writer_resource(m->kind, m->profile);
    struct err e = ERR_INIT;
    char seen[65];
    SCOPED(json) json_t *patch = read_patch(m, seen, &e);
    struct entry *x;
    json_t *both;

    if (res == NULL || patch == NULL) {
        ack(s, from->user_id, m->id, m->uid, ACK_REFUSED, "",
            res == NULL ? "kind: is not one of ours" : e.text);
        return;
    }
    if ((x = entry_of(s, m, res)) == NULL) {
        log_error(NULL, "status of %s/%s: out of memory", m->ns, m->name);
        return;
    }
    /* Sent again by one who waits for long: it is older than what came after it. */
    if (has_claim(&x->sent_claims, from->user_id, m->id) ||
        has_claim(&x->waiting_claims, from->user_id, m->id))
        return;
    if (claim(&x->waiting_claims, from->user_id, m->id) < 0) {
        log_warn(NULL, "%s sends more than its window of %d statuses", from->user_id,
                 LIMIT_STATUS_WINDOW);
        return;
    }
    both = x->waiting != NULL ? patch_compose(x->waiting, patch) : TAKE(patch);
    json_decref(x->waiting);
    x->waiting = both;
    learn_version(x, seen);
    start(x);
}
