/* plan.c - see plan.h. */
#include "reconciler/plan/plan.h"

#include <openssl/sha.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "reconciler/plan/planstatus.h"

/* Of the items that become no Task, so many are told with their reasons. */
#define FAILURES_TOLD 5

/* What is counted while the plan grows. */
struct counts {
    int64_t active, total;
    const char *failures;   /* why items become no Task; NULL: all can */
    const char *barred;     /* why the server is not asked for more; NULL: it is */
    const char *name_error; /* NULL: all items have names */
    size_t failed;
    bool budget_reached;
    int64_t watermark_ms; /* cron: ticks until then are done with */
    int64_t handed_ms; /* cron: newest tick that is known, while one is left for later */
    bool held;         /* an item is left for later */
    bool unsettled;    /* a create of before is not known to have failed or worked */
};

static const char *const state_names[] = {
    [PLAN_STARTS] = "Starts",
    [PLAN_HAS_TASK] = "HasTask",
    [PLAN_AGAIN] = "Again",
    [PLAN_WAITS_SLOT] = "WaitsForMaxConcurrency",
    [PLAN_WAITS_BUDGET] = "WaitsForMaxTotalTasks",
    [PLAN_WAITS_POLL] = "WaitsForPoll",
    [PLAN_WAITS_WRITE] = "WaitsForWrite",
    [PLAN_WAITS_SERVER] = "WaitsForServer",
    [PLAN_PAST] = "Past",
    [PLAN_FAILS] = "Fails",
};

const char *
plan_state_name(enum plan_state s)
{
    return state_names[s];
}

struct plan_task
plan_task_of(const struct task_view *t)
{
    const struct meta *m = &t->view.meta;

    return (struct plan_task){.name = m->name,
                              .uid = m->uid,
                              .version = m->version,
                              .phase = t->phase,
                              .completed_ms = t->completed_ms,
                              .ordinal = t->ordinal,
                              .deleting = m->deleted_ms != 0};
}

bool
plan_owns(const struct spawner_view *s, const struct task_view *t)
{
    const char *owner = t->view.meta.controller_uid;

    if (owner != NULL)
        return strcmp(owner, s->view.meta.uid) == 0;
    return t->spawner != NULL && strcmp(t->spawner, s->view.meta.name) == 0;
}

static const struct plan_task *
find_task(const struct plan_facts *f, const char *name)
{
    size_t low = 0, high = f->n_tasks;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(f->tasks[middle].name, name);
        if (order == 0)
            return &f->tasks[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const struct plan_gone *
find_gone(const struct plan_facts *f, const char *name)
{
    for (size_t i = 0; i < f->n_gone; i++)
        if (strcmp(f->gone[i].name, name) == 0)
            return &f->gone[i];
    return NULL;
}

static const struct plan_refusal *
find_refusal(const struct plan_facts *f, const char *name)
{
    for (size_t i = 0; i < f->n_refusals; i++)
        if (strcmp(f->refusals[i].name, name) == 0)
            return &f->refusals[i];
    return NULL;
}

/* What to say of the items that are not tried any more; NULL: they are. */
static const char *
barred(const struct plan_facts *f)
{
    const char *last = NULL;
    size_t n = 0;

    for (size_t i = 0; i < f->n_refusals; i++)
        if (f->refusals[i].passing) {
            last = f->refusals[i].message;
            n++;
        }
    return n >= PLAN_PASSING_MAX ? last : NULL;
}

/* Asked for again by a comment or a review that is newer than the end of its Task. */
static bool
triggered_again(const struct plan_facts *f, const struct item *it,
                const struct plan_task *t)
{
    const struct spawner_view *s = f->spawner;
    bool asks = s->trigger_comment != NULL || s->source == SOURCE_PULLS;

    return asks && phase_terminal(t->phase) && t->completed_ms != 0 &&
           it->trigger_ms > t->completed_ms && !t->deleting;
}

/* An item whose Task has gone is worked again only when a poll after that still found it: the
 * run may be what made it stop matching. */
static bool
confirmed(const struct plan_facts *f, const struct item *it, const char *name)
{
    const struct plan_gone *g = find_gone(f, name);

    if (f->spawner->source != SOURCE_CRON && f->items->polled_ms < f->since_ms)
        return false;
    return g == NULL || f->items->polled_ms > g->gone_ms ||
           (it->trigger_ms != 0 && it->trigger_ms > g->completed_ms);
}

/* The item becomes no Task: not while the server forbids it (PLAN_WAITS_SERVER), or not as it is
 * (PLAN_FAILS). */
static void
refuse_item(struct plan *p, struct counts *c, struct plan_verdict *v,
            enum plan_state state, const char *why)
{
    bool first = c->failures == NULL;

    v->state = state;
    v->why = why;
    if (++c->failed <= FAILURES_TOLD)
        c->failures = pool_printf(&p->arena, "%s%s%s: %s", first ? "" : c->failures,
                                  first ? "" : "; ", v->name, why);
}

static void
fail_item(struct plan *p, struct counts *c, struct plan_verdict *v, const char *why)
{
    refuse_item(p, c, v, PLAN_FAILS, why);
}

/* Which limit forbids one more Task now; PLAN_STARTS: none. */
static enum plan_state
limited(const struct plan_facts *f, struct counts *c)
{
    const struct spawner_view *s = f->spawner;

    if (s->max_total > 0 && c->total >= s->max_total) {
        c->budget_reached = true;
        return PLAN_WAITS_BUDGET;
    }
    return s->max_concurrency > 0 && c->active >= s->max_concurrency ? PLAN_WAITS_SLOT
                                                                     : PLAN_STARTS;
}

/* What becomes of the item, limits aside. */
static void
judge(const struct plan_facts *f, struct plan *p, struct counts *c,
      struct plan_verdict *v)
{
    const struct plan_refusal *refused = find_refusal(f, v->name);

    v->task = find_task(f, v->name);
    if (v->task != NULL && triggered_again(f, v->item, v->task)) {
        p->deletes[p->n_deletes++] = v->task;
        v->state = PLAN_AGAIN;
    } else if (v->task != NULL) {
        v->state = PLAN_HAS_TASK;
    } else if (f->spawner->source == SOURCE_CRON &&
               item_time(v->item) <= c->watermark_ms) {
        v->state = PLAN_PAST;
    } else if (!confirmed(f, v->item, v->name)) {
        v->state = PLAN_WAITS_POLL;
    } else if (refused != NULL) {
        refuse_item(p, c, v, refused->passing ? PLAN_WAITS_SERVER : PLAN_FAILS,
                    pool_str(&p->arena, refused->message));
    } else if (f->taken(f->arg, v->name)) {
        fail_item(
            p, c, v,
            pool_printf(
                &p->arena,
                "task %s name collides with an existing Task not owned by spawner %s",
                v->name, f->spawner->view.meta.name));
    } else {
        v->state = PLAN_STARTS;
    }
}

static void
number_task(const struct plan_facts *f, struct plan_create *create)
{
    const struct profile *p = profile_of(f->spawner->view.meta.profile);
    char ordinal[24], revision[200];

    snprintf(ordinal, sizeof ordinal, "%lld", (long long)create->ordinal);
    item_revision(create->item, f->items->polled_ms, revision, sizeof revision);
    json_t *notes = json_at(create->task, "metadata.annotations");
    json_object_set_new(notes, p->note_ordinal, json_string(ordinal));
    json_object_set_new(notes, p->note_revision, json_string(revision));
}

/* One of several credentials, evenly: which one hangs on the item and on how often it was
 * worked, so that a plan that is made twice says the same twice. */
static void
choose_credential(const struct plan_facts *f, struct plan_create *create)
{
    const struct spawner_view *s = f->spawner;
    size_t n = json_array_size(s->credentials);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SCOPED(buf) struct buf text = BUF_INIT;
    uint32_t chance;

    if (n == 0)
        return;
    buf_printf(&text, "%s\n%s\n%lld", s->view.meta.uid, create->name,
               (long long)create->ordinal);
    SHA256((const unsigned char *)buf_str(&text), text.size, digest);
    memcpy(&chance, digest, sizeof chance);
    const json_t *chosen = json_array_get(s->credentials, chance % n);
    json_object_set_new(json_at(create->task, "metadata.labels"),
                        profile_of(s->view.meta.profile)->label_credential,
                        json_string(json_str_or(chosen, "name", "")));
    json_object_set_new(json_at(create->task, "spec"), "credentials",
                        json_pack("{s:s, s:O}", "type", json_str_or(chosen, "type", ""),
                                  "secretRef", json_object_get(chosen, "secretRef")));
}

static void
add_create(const struct plan_facts *f, struct plan *p, struct counts *c,
           struct plan_verdict *v)
{
    struct err e = ERR_INIT;
    struct plan_create *create = &p->creates[p->n_creates];
    json_t *task = item_task(f->spawner, v->item, &e);

    if (task == NULL) {
        fail_item(p, c, v, pool_str(&p->arena, e.text));
        return;
    }
    *create = (struct plan_create){.item = v->item, .ordinal = ++c->total, .task = task};
    snprintf(create->name, sizeof create->name, "%s", v->name);
    number_task(f, create);
    choose_credential(f, create);
    p->n_creates++;
    c->active++;
}

/* ---- order ---- */

struct ranked {
    const struct item *item;
    size_t rank, place;
};

static size_t
rank_of(const struct spawner_view *s, const struct item *it)
{
    for (size_t i = 0; i < s->priority_labels.n; i++)
        if (texts_have(&it->labels, s->priority_labels.at[i]))
            return i;
    return s->priority_labels.n;
}

static int
ranked_compare(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* The items, best rank first; equals keep the source's order. */
static struct ranked *
ordered(const struct plan_facts *f)
{
    size_t n = f->items->n;
    struct ranked *all = calloc(n > 0 ? n : 1, sizeof *all);

    if (all == NULL)
        abort();
    for (size_t i = 0; i < n; i++)
        all[i] = (struct ranked){&f->items->items[i],
                                 rank_of(f->spawner, &f->items->items[i]), i};
    qsort(all, n, sizeof *all, ranked_compare);
    return all;
}

static void
open_lists(struct plan *p, size_t n)
{
    p->creates = calloc(n + 1, sizeof *p->creates);
    p->deletes = calloc(n + 1, sizeof *p->deletes);
    p->verdicts = calloc(n + 1, sizeof *p->verdicts);
    if (p->creates == NULL || p->deletes == NULL || p->verdicts == NULL)
        abort();
}

static void
plan_item(const struct plan_facts *f, struct plan *p, struct counts *c,
          struct plan_verdict *v)
{
    judge(f, p, c, v);
    if (v->state != PLAN_STARTS)
        return;
    if (c->unsettled)
        v->state = PLAN_WAITS_WRITE;
    else if ((v->state = limited(f, c)) != PLAN_STARTS)
        return;
    else if (c->barred != NULL)
        refuse_item(p, c, v, PLAN_WAITS_SERVER, pool_str(&p->arena, c->barred));
    else
        add_create(f, p, c, v);
}

/* The create that may still come up goes first, so that it is that one, or finds its name
 * taken. A name that the server refuses cannot come up either. Returns its place, or the
 * number of verdicts. */
static size_t
plan_unsettled(const struct plan_facts *f, struct plan *p, struct counts *c)
{
    for (size_t i = 0; f->unsettled != NULL && i < p->n_verdicts; i++) {
        struct plan_verdict *v = &p->verdicts[i];
        if (strcmp(v->name, f->unsettled) != 0)
            continue;
        plan_item(f, p, c, v);
        c->unsettled = p->n_creates == 0 && find_refusal(f, v->name) == NULL &&
                       !(v->state == PLAN_FAILS && f->taken(f->arg, v->name));
        return i;
    }
    c->unsettled = f->unsettled != NULL;
    return p->n_verdicts;
}

/* Ticks are done with up to the first that is left for later. Those from there on are found
 * again by the process after this one: handed_ms says that they were handed out, so that they
 * do not count as missed. */
static void
move_watermark(struct counts *c, const struct plan_verdict *v)
{
    int64_t at = item_time(v->item);
    bool held = c->held;

    c->held = c->held || v->state == PLAN_AGAIN || v->state == PLAN_WAITS_SLOT ||
              v->state == PLAN_WAITS_BUDGET || v->state == PLAN_WAITS_POLL ||
              v->state == PLAN_WAITS_WRITE || v->state == PLAN_WAITS_SERVER;
    if (!c->held && at > c->watermark_ms)
        c->watermark_ms = at;
    else if (c->held && !held && at - 1000 > c->watermark_ms)
        c->watermark_ms = at - 1000;
    if (c->held && at > c->handed_ms)
        c->handed_ms = at;
}

/* The arena owns the names. */
static void
keep_text(void *text)
{
    (void)text;
}

static int
names_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Names all items, best rank first; of several with one name the first stays. A name that
 * cannot be made stops everything: no item may be taken for another. */
static bool
name_items(const struct plan_facts *f, struct plan *p, struct counts *c)
{
    bool chosen = *f->spawner->name_template != '\0';
    struct ranked *all = ordered(f);
    void *seen = NULL;

    for (size_t i = 0; i < f->items->n && c->name_error == NULL; i++) {
        struct plan_verdict *v = &p->verdicts[p->n_verdicts];
        struct err e = ERR_INIT;
        char name[ITEM_NAME_SIZE];

        if (item_name(f->spawner, all[i].item, name, &e) < 0) {
            c->name_error = pool_str(&p->arena, e.text);
            break;
        }
        *v =
            (struct plan_verdict){.item = all[i].item, .name = pool_str(&p->arena, name)};
        const char *const *known = chosen ? tsearch(v->name, &seen, names_compare) : NULL;
        if (known == NULL || *known == v->name)
            p->n_verdicts++;
    }
    tdestroy(seen, keep_text);
    free(all);
    return c->name_error == NULL;
}

static void
plan_items(const struct plan_facts *f, struct plan *p, struct counts *c)
{
    open_lists(p, f->items->n);
    if (!name_items(f, p, c)) {
        p->n_verdicts = 0;
        return;
    }
    size_t first = plan_unsettled(f, p, c);
    for (size_t i = 0; i < p->n_verdicts; i++) {
        if (i != first)
            plan_item(f, p, c, &p->verdicts[i]);
        move_watermark(c, &p->verdicts[i]);
    }
    if (!c->held && f->items->watermark_ms > c->watermark_ms)
        c->watermark_ms = f->items->watermark_ms;
}

static struct counts
count(const struct plan_facts *f)
{
    const struct spawner_view *s = f->spawner;
    struct counts c = {
        .total = f->total, .watermark_ms = s->discovered_ms, .barred = barred(f)};

    if (s->total_created > c.total)
        c.total = s->total_created;
    for (size_t i = 0; i < f->n_tasks; i++) {
        c.active += !phase_terminal(f->tasks[i].phase);
        if (f->tasks[i].ordinal > c.total)
            c.total = f->tasks[i].ordinal;
    }
    return c;
}

void
plan_make(const struct plan_facts *f, int64_t now_ms, struct plan *out)
{
    const struct spawner_view *s = f->spawner;
    struct counts c = count(f);
    bool idle = s->suspend || s->view.meta.deleted_ms != 0 || f->config_error != NULL;

    *out = (struct plan){.creates = NULL};
    if (!idle && f->items != NULL)
        plan_items(f, out, &c);
    limited(f, &c); /* for the budget's condition, also when no item asked */
    const struct plan_outcome outcome = {
        .active = c.active,
        .total = c.total,
        .failed = c.failed,
        .failures = c.failures,
        .name_error = c.name_error,
        .budget_reached = c.budget_reached,
        .watermark_ms = c.watermark_ms,
        .handed_ms = c.handed_ms,
    };
    out->flawed = c.failed > 0 || c.name_error != NULL;
    planstatus_make(f, &outcome, now_ms, out);
}

void
plan_free(struct plan *p)
{
    for (size_t i = 0; i < p->n_creates; i++)
        json_decref(p->creates[i].task);
    free(p->creates);
    free(p->deletes);
    free(p->verdicts);
    pool_free(&p->arena);
}
