/* item.h - work items of a source. Pure. */
#ifndef KELOS_RECONCILER_ITEM_H
#define KELOS_RECONCILER_ITEM_H

#include "proto/message.h"
#include "reconciler/view/view.h"

struct item {
    const char *id;
    int64_t number;
    const char *title, *body, *url, *comments, *kind, *time, *schedule, *branch;
    const char *sha, *review_state, *review_comments; /* of pull requests, else "" */
    struct texts labels;
    int64_t trigger_ms; /* of the comment that asked for it; 0: none */
};

/* What one poll gave: all that matched. */
struct item_set {
    struct pool arena;
    struct item *items; /* in the source's order */
    size_t n, room;
    char digest[65];
    const char *cache;    /* what the source wants back with the digest; "" */
    int64_t polled_ms;    /* wall time of the poll that confirmed it last */
    int64_t watermark_ms; /* cron: until when ticks are in it */
    char warning[1024];   /* what the source wants to be known ("" : nothing) */
};

struct item_set *item_set_new(void);
void item_set_free(struct item_set *s);
SCOPED_DEFINE(item_set)
/* Adds copies of a page's items. */
void item_set_add(struct item_set *s, const struct msg_items *page);

/* Puts copies of `old` items that are later than a wall time, and not in s, in front. */
void item_set_keep(struct item_set *s, const struct item_set *old, int64_t after_ms);
/* When the item is of, by its .Time; 0: it has none. */
int64_t item_time(const struct item *item);

/* Which match of the item this is: its id with the trigger's time, or else the poll's. */
void item_revision(const struct item *item, int64_t polled_ms, char *out, size_t room);

#endif
