/* item.c - see item.h. */
#include "reconciler/plan/item.h"

#include <string.h>

#include "common/clock.h"

struct item_set *
item_set_new(void)
{
    struct item_set *s = calloc(1, sizeof *s);

    if (s == NULL)
        abort();
    s->cache = "";
    return s;
}

void
item_set_free(struct item_set *s)
{
    if (s == NULL)
        return;
    pool_free(&s->arena);
    free(s->items);
    free(s);
}

static struct texts
copy_texts(struct pool *a, const struct msg_strs *from)
{
    struct texts t = {NULL, 0};

    if (from->count > 0)
        t.at = pool_alloc(a, from->count * sizeof *t.at);
    for (; t.n < from->count; t.n++)
        t.at[t.n] = pool_str(a, from->items[t.n]);
    return t;
}

void
item_set_add(struct item_set *s, const struct msg_items *page)
{
    struct pool *a = &s->arena;

    if (s->n + page->items.count > s->room) {
        s->room = s->n + page->items.count;
        if ((s->items = reallocarray(s->items, s->room, sizeof *s->items)) == NULL)
            abort();
    }
    for (size_t i = 0; i < page->items.count; i++) {
        const struct msg_item *m = &page->items.items[i];
        s->items[s->n++] = (struct item){
            .id = pool_str(a, m->id),
            .number = m->number,
            .title = pool_str(a, m->title),
            .body = pool_str(a, m->body),
            .url = pool_str(a, m->url),
            .comments = pool_str(a, m->comments),
            .kind = pool_str(a, m->kind),
            .time = pool_str(a, m->time),
            .schedule = pool_str(a, m->schedule),
            .labels = copy_texts(a, &m->labels),
            .branch = pool_str(a, m->branch),
            .sha = pool_str(a, m->sha),
            .review_state = pool_str(a, m->review_state),
            .review_comments = pool_str(a, m->review_comments),
            .trigger_ms = m->trigger_time,
        };
    }
}

int64_t
item_time(const struct item *item)
{
    int64_t ms = 0;

    return rfc3339_parse(item->time, &ms) == 0 ? ms : 0;
}

static bool
set_has(const struct item_set *s, const char *id)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->items[i].id, id) == 0)
            return true;
    return false;
}

void
item_set_keep(struct item_set *s, const struct item_set *old, int64_t after_ms)
{
    struct item *all = calloc(s->n + old->n + 1, sizeof *all);
    size_t n = 0;

    if (all == NULL)
        abort();
    for (size_t i = 0; i < old->n; i++) {
        const struct item *it = &old->items[i];
        if (item_time(it) <= after_ms || set_has(s, it->id))
            continue;
        all[n++] = (struct item){.id = pool_str(&s->arena, it->id),
                                 .title = pool_str(&s->arena, it->title),
                                 .body = "",
                                 .url = "",
                                 .comments = "",
                                 .branch = "",
                                 .sha = "",
                                 .review_state = "",
                                 .review_comments = "",
                                 .kind = pool_str(&s->arena, it->kind),
                                 .time = pool_str(&s->arena, it->time),
                                 .schedule = pool_str(&s->arena, it->schedule)};
    }
    if (s->n > 0)
        memcpy(all + n, s->items, s->n * sizeof *all);
    free(s->items);
    s->items = all;
    s->n += n;
    s->room = s->n;
}

void
item_revision(const struct item *item, int64_t polled_ms, char *out, size_t room)
{
    char time[RFC3339_SIZE];

    rfc3339_format(item->trigger_ms != 0 ? item->trigger_ms : polled_ms, time);
    snprintf(out, room, "%s@%s", item->id, time);
}
