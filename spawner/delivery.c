#include "spawner/delivery.h"

#include <stdarg.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/utf8.h"

struct delivery *
delivery_new(void)
{
    return calloc(1, sizeof(struct delivery));
}

void
parcel_clear(struct parcel *p)
{
    items_free(p->set);
    free(p->cache);
    free(p->warning);
    *p = (struct parcel){0};
}

void
delivery_free(struct delivery *d)
{
    if (d == NULL)
        return;
    parcel_clear(&d->next);
    parcel_clear(&d->out);
    free(d);
}

/* ---- what types stage ---- */

void
source_items(struct spawn *s, struct items **set, const char *cache, int64_t watermark,
             const char *warning)
{
    struct delivery *d = s->delivery;

    parcel_clear(&d->next);
    d->staged = STAGED_SET;
    d->next.set = TAKE(*set);
    d->next.cache = strdup(cache);
    d->next.warning = strndup(warning, utf8_cut(warning, strlen(warning), 1024));
    d->next.watermark = watermark;
    items_digest(d->next.set, d->next.digest);
}

void
source_unchanged(struct spawn *s)
{
    s->delivery->staged = STAGED_UNCHANGED;
}

void
source_failed(struct spawn *s, const struct failure *f)
{
    s->delivery->staged = STAGED_FAILURE;
    s->delivery->failure = *f;
}

void
failure_set(struct failure *f, const char *reason, const char *fmt, ...)
{
    va_list ap;

    f->reason = reason;
    va_start(ap, fmt);
    vsnprintf(f->message, sizeof(f->message), fmt, ap);
    va_end(ap);
    f->message[utf8_cut(f->message, strlen(f->message), sizeof(f->message) - 1)] = '\0';
}

/* ---- sending ---- */

bool
delivery_settle(struct spawn *s, uint64_t serial)
{
    struct delivery *d = s->delivery;

    /* The same set again, and the shard is known to hold it: no need to send it. One that
     * carries a warning is sent, so that the warning is told. */
    if (!s->force && strcmp(d->next.digest, s->digest) == 0 && *d->next.warning == '\0' &&
        d->out.set == NULL) {
        free(s->cache);
        s->cache = TAKE(d->next.cache);
        parcel_clear(&d->next);
        d->staged = STAGED_UNCHANGED;
        return false;
    }
    /* Already on its way: a new serial would only void the acknowledgement that comes. */
    if (d->out.set != NULL && strcmp(d->next.digest, d->out.digest) == 0) {
        parcel_clear(&d->next);
        d->staged = STAGED_NOTHING;
        return false;
    }
    parcel_clear(&d->out);
    d->out = d->next;
    d->next = (struct parcel){0};
    d->out.serial = serial;
    d->staged = STAGED_NOTHING;
    return true;
}

static struct message
page_message(const struct engine_config *c, const struct spawn *s, uint64_t page,
             size_t from, size_t n)
{
    const struct parcel *p = &s->delivery->out;
    struct message m = {.kind = MSG_SOURCE_ITEMS};

    m.body.items = (struct msg_items){.key = c->key,
                                      .ns = s->ns,
                                      .name = s->name,
                                      .uid = s->uid,
                                      .generation = s->generation,
                                      .serial = p->serial,
                                      .page = page,
                                      .last = from + n == p->set->n,
                                      .total = p->set->n,
                                      .digest = p->digest,
                                      .watermark = p->watermark};
    m.body.items.poll.items = &s->delivery->poll;
    m.body.items.poll.count = 1;
    m.body.items.items.items = p->set->rows + from;
    m.body.items.items.count = n;
    /* Said once, with the last page. */
    m.body.items.cache = m.body.items.last ? p->cache : "";
    m.body.items.warning = m.body.items.last ? p->warning : "";
    return m;
}

int
delivery_send(const struct engine_config *c, struct spawn *s, int64_t now_mono)
{
    struct parcel *p = &s->delivery->out;
    uint64_t page = 0;

    for (size_t from = 0; from < p->set->n || page == 0; page++) {
        size_t n = items_page(p->set, from);
        struct message m = page_message(c, s, page, from, n);

        if (c->send(c->arg, s->shard, &m) < 0)
            return -1;
        from += n;
    }
    p->sent_at = now_mono;
    return 0;
}

int
delivery_send_unchanged(const struct engine_config *c, struct spawn *s, uint64_t serial)
{
    struct message m = {.kind = MSG_SOURCE_UNCHANGED};

    m.body.unchanged = (struct msg_unchanged){.key = c->key,
                                              .ns = s->ns,
                                              .name = s->name,
                                              .uid = s->uid,
                                              .serial = serial,
                                              .digest = s->digest};
    m.body.unchanged.poll.items = &s->delivery->poll;
    m.body.unchanged.poll.count = 1;
    return c->send(c->arg, s->shard, &m);
}

int
delivery_send_failure(const struct engine_config *c, struct spawn *s,
                      const struct failure *f, const struct quota *q, uint64_t serial)
{
    struct message m = {.kind = MSG_SOURCE_ERROR};

    m.body.source_fail = (struct msg_source_fail){.key = c->key,
                                                  .ns = s->ns,
                                                  .name = s->name,
                                                  .uid = s->uid,
                                                  .serial = serial,
                                                  .reason = f->reason,
                                                  .message = f->message,
                                                  .retry_at = s->delivery->poll.next_poll,
                                                  .quota_left = q->left,
                                                  .quota_reset = q->reset,
                                                  .credential = f->credential};
    return c->send(c->arg, s->shard, &m);
}

bool
delivery_taken(struct spawn *s, uint64_t serial)
{
    struct delivery *d = s->delivery;

    if (d->out.set == NULL || d->out.serial != serial)
        return false;
    memcpy(s->digest, d->out.digest, sizeof(s->digest));
    free(s->cache);
    s->cache = TAKE(d->out.cache);
    if (d->out.watermark > s->watermark)
        s->watermark = d->out.watermark;
    s->force = false;
    d->answered = true;
    parcel_clear(&d->out);
    return true;
}
