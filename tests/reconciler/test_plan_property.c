/* test_plan_property.c - the planner over random interleavings: whatever is lost, late or
 * killed on the way, no limit is passed and no revision of an item gets a second Task. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/plan/intent.h"
#include "reconciler/plan/plan.h"

enum { ITEMS = 12, RUNS = 300, STEPS = 120, MAX_TASKS = 512 };

/* A Task as the API server has it. */
struct real {
    char name[ITEM_NAME_SIZE], revision[200];
    int64_t ordinal, completed_ms;
    enum phase phase;
    bool there;
};

/* The world, what a shard sees of it, and what the shard remembers. */
struct world {
    unsigned seed;
    int64_t now_ms;
    int64_t max_active, max_total, total_written;
    struct real tasks[MAX_TASKS]; /* all that ever were */
    size_t n_tasks;
    bool seen[MAX_TASKS]; /* in the shard's view */
    enum phase seen_phase[MAX_TASKS];
    bool expected[MAX_TASKS]; /* created by this process, not seen yet */
    bool matching[ITEMS];
    struct item_set *items;
    struct plan_gone gone[MAX_TASKS];
    size_t n_gone;
    int64_t total;
    struct intent intent;  /* as it stands on the TaskSpawner */
    bool unsure;           /* the shard before may have left a create under way */
    struct real flight;    /* that create; `there`: it has not arrived yet */
    int64_t flown_ms;      /* when it was sent */
    size_t late, priority; /* creates that arrived late; the item that is first */
};

static unsigned
pick(struct world *w, unsigned n)
{
    w->seed = w->seed * 1103515245u + 12345u;
    return (w->seed >> 16) % n;
}

static size_t
real_active(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n_tasks; i++)
        n += w->tasks[i].there && !phase_terminal(w->tasks[i].phase);
    return n;
}

static void
poll_source(struct world *w)
{
    struct item_set *set = item_set_new();

    for (unsigned k = 0; k < ITEMS; k++) {
        char id[16];
        unsigned i = (k + (unsigned)w->priority) % ITEMS;
        snprintf(id, sizeof id, "%u", i + 1);
        const struct msg_item item = {.id = id,
                                      .number = i + 1,
                                      .title = "T",
                                      .body = "",
                                      .url = "",
                                      .comments = "",
                                      .kind = "Issue",
                                      .author = "",
                                      .time = "",
                                      .schedule = "",
                                      .branch = ""};
        if (w->matching[i])
            item_set_add(set,
                         &(struct msg_items){.items = {(struct msg_item *)&item, 1}});
    }
    set->polled_ms = w->now_ms;
    item_set_free(w->items);
    w->items = set;
    w->n_gone = 0;
}

/* The watch delivers what happened to one Task. */
static void
see(struct world *w, size_t i)
{
    const struct real *t = &w->tasks[i];

    if ((w->seen[i] || w->expected[i]) && !t->there)
        w->gone[w->n_gone++] = (struct plan_gone){t->name, w->now_ms, t->completed_ms};
    w->seen[i] = t->there;
    w->seen_phase[i] = t->phase;
    w->expected[i] = false;
    if (t->ordinal > w->total)
        w->total = t->ordinal;
}

/* The process is killed; the next one lists everything, and knows no items yet. */
static void
restart(struct world *w)
{
    w->n_gone = 0;
    w->total = 0;
    w->unsure = true;
    item_set_free(w->items);
    w->items = NULL;
    for (size_t i = 0; i < w->n_tasks; i++) {
        w->seen[i] = w->expected[i] = false;
        if (w->tasks[i].there)
            see(w, i);
    }
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct plan_task *)a)->name,
                  ((const struct plan_task *)b)->name);
}

static bool
is_taken(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return false;
}

static size_t
gather(const struct world *w, struct plan_task *out)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n_tasks; i++)
        if (w->seen[i] || w->expected[i])
            out[n++] =
                (struct plan_task){.name = w->tasks[i].name,
                                   .uid = "",
                                   .phase = w->seen[i] ? w->seen_phase[i] : PHASE_NONE,
                                   .ordinal = w->tasks[i].ordinal};
    qsort(out, n, sizeof *out, by_name);
    return n;
}

static struct real *
find_there(struct world *w, const char *name)
{
    for (size_t i = 0; i < w->n_tasks; i++)
        if (w->tasks[i].there && strcmp(w->tasks[i].name, name) == 0)
            return &w->tasks[i];
    return NULL;
}

/* The API server takes a Task, unless its name is there. */
static struct real *
arrive(struct world *w, const struct real *t)
{
    if (find_there(w, t->name) != NULL)
        return NULL;
    cr_assert_lt(w->n_tasks, MAX_TASKS);
    for (size_t i = 0; i < w->n_tasks; i++) {
        cr_assert_str_neq(w->tasks[i].revision, t->revision,
                          "two Tasks for one revision");
        cr_assert_neq(w->tasks[i].ordinal, t->ordinal, "two Tasks with one ordinal");
    }
    w->tasks[w->n_tasks++] = *t;
    if (w->max_active > 0)
        cr_assert_leq(real_active(w), (size_t)w->max_active, "too many at a time");
    if (w->max_total > 0)
        cr_assert_leq(w->n_tasks, (size_t)w->max_total, "too many in all");
    return &w->tasks[w->n_tasks - 1];
}

/* A create that is answered; a name that is there is looked at, and counted. */
static void
create(struct world *w, const struct real *t)
{
    struct real *made = arrive(w, t),
                *there = made != NULL ? made : find_there(w, t->name);
    size_t i = (size_t)(there - w->tasks);

    w->expected[i] = !w->seen[i];
    if (there->ordinal > w->total)
        w->total = there->ordinal;
}

/* The create of a killed shard arrives, or was lost. */
static void
land(struct world *w)
{
    if (!w->flight.there)
        return;
    if (w->now_ms - w->flown_ms < INTENT_SETTLED_MS - INTENT_SEND_MS)
        w->late += arrive(w, &w->flight) != NULL;
    w->flight.there = false;
}

static int64_t
known(const struct world *w)
{
    int64_t n = w->total > w->total_written ? w->total : w->total_written;

    for (size_t i = 0; i < w->n_tasks; i++)
        if ((w->seen[i] || w->expected[i]) && w->tasks[i].ordinal > n)
            n = w->tasks[i].ordinal;
    return n;
}

static const char *
unsettled(struct world *w)
{
    if (!w->unsure)
        return NULL;
    if (w->now_ms - w->intent.made_ms < INTENT_SETTLED_MS)
        return intent_name(&w->intent, known(w) + 1);
    for (size_t i = 0; i < w->n_tasks; i++) /* what came up is listed once more */
        if (w->tasks[i].there)
            see(w, i);
    w->unsure = false;
    return NULL;
}

/* Creates one after another, said beforehand; a kill ends it anywhere. */
static bool
carry_out(struct world *w, const struct plan *p)
{
    for (size_t i = 0; i < p->n_creates; i++) {
        const struct plan_create *c = &p->creates[i];
        struct real t = {.ordinal = c->ordinal, .phase = PHASE_PENDING, .there = true};
        snprintf(t.name, sizeof t.name, "%s", c->name);
        item_revision(c->item, w->items->polled_ms, t.revision, sizeof t.revision);
        if (!intent_covers(&w->intent, c->name, c->ordinal, w->now_ms)) {
            w->intent = (struct intent){.first = c->ordinal, .made_ms = w->now_ms};
            for (size_t k = i; k < p->n_creates && w->intent.n < INTENT_MAX; k++)
                strcpy(w->intent.names[w->intent.n++], p->creates[k].name);
        }
        if (pick(w, 8) == 0) {
            if (!w->flight.there && pick(w, 2) == 0) {
                w->flight = t;
                w->flown_ms = w->now_ms;
            }
            return false;
        }
        create(w, &t);
        w->unsure = false;
        if (pick(w, 8) == 0)
            return false;
    }
    return true;
}

/* One plan and its carrying out, which a kill may end anywhere. */
static void
plan_and_do(struct world *w, const struct spawner_view *s)
{
    struct plan_task tasks[MAX_TASKS];
    const char *first = unsettled(w);
    struct plan_facts f = {.spawner = s,
                           .items = w->items,
                           .tasks = tasks,
                           .n_tasks = gather(w, tasks),
                           .gone = w->gone,
                           .n_gone = w->n_gone,
                           .taken = is_taken,
                           .unsettled = first,
                           .total = w->total};
    struct plan p;

    plan_make(&f, w->now_ms, &p);
    bool killed = !carry_out(w, &p);
    if (!killed && pick(w, 3) != 0 && p.status.total_created > w->total_written)
        w->total_written = p.status.total_created;
    plan_free(&p);
    if (killed)
        restart(w);
}

static void
happen(struct world *w, size_t i)
{
    struct real *t = &w->tasks[i];

    if (!t->there)
        return;
    if (phase_terminal(t->phase) || pick(w, 4) == 0) {
        /* Time to live, or a user. The finalizer holds until the total is written (D26), and
         * no create is under way for as long as a whole run of its Task takes. */
        if (w->flight.there && strcmp(w->flight.name, t->name) == 0)
            w->flight.there = false;
        t->there = t->ordinal > w->total_written;
        return;
    }
    t->phase = t->phase == PHASE_PENDING ? PHASE_RUNNING : PHASE_SUCCEEDED;
    if (phase_terminal(t->phase))
        t->completed_ms = w->now_ms;
}

static struct spawner_view *
spawner_of(const struct world *w)
{
    struct err e = ERR_INIT;
    json_t *o = json_pack(
        "{s:{s:s,s:s,s:s}, s:{s:{s:{}}, s:{s:s, s:{s:s}, s:{s:s}}, s:I, s:I}, s:{s:I}}",
        "metadata", "name", "bugs", "namespace", "dev", "uid", "u1", "spec", "when",
        "githubIssues", "taskTemplate", "type", "claude-code", "credentials", "type",
        "none", "workspaceRef", "name", "web", "maxConcurrency",
        (json_int_t)w->max_active, "maxTotalTasks", (json_int_t)w->max_total, "status",
        "totalTasksCreated", (json_int_t)w->total_written);
    struct view *v = view_new(KIND_TASK_SPAWNER, 0, o, &e);

    cr_assert_not_null(v, "%s", e.text);
    json_decref(o);
    return (struct spawner_view *)v;
}

static void
step(struct world *w)
{
    struct spawner_view *s;

    w->now_ms += 1000 * (1 + (int64_t)pick(w, 5)); /* a revision is told in seconds */
    switch (pick(w, 8)) {
    case 0:
        w->matching[pick(w, ITEMS)] ^= true;
        w->priority = pick(w, ITEMS);
        break;
    case 1:
        poll_source(w);
        break;
    case 2:
        if (w->n_tasks > 0)
            happen(w, pick(w, (unsigned)w->n_tasks));
        break;
    case 3:
        if (w->n_tasks > 0)
            see(w, pick(w, (unsigned)w->n_tasks));
        break;
    case 4:
        if (pick(w, 6) == 0)
            restart(w);
        break;
    case 5:
        land(w);
        break;
    default:
        s = spawner_of(w);
        plan_and_do(w, s);
        view_free(&s->view);
    }
}

Test(plan_property, limits_and_revisions_hold_whatever_happens)
{
    struct world *w = malloc(sizeof *w);
    size_t created = 0, late = 0;

    for (unsigned run = 0; run < RUNS; run++) {
        *w = (struct world){.seed = run * 7919 + 1,
                            .now_ms = AT("2026-01-01T00:00:00Z"),
                            .max_active = run % 4,
                            .max_total = run % 3 * 9};
        for (size_t i = 0; i < ITEMS; i++)
            w->matching[i] = pick(w, 2) != 0;
        for (unsigned i = 0; i < STEPS; i++)
            step(w);
        created += w->n_tasks;
        late += w->late;
        item_set_free(w->items);
    }
    free(w);
    cr_assert_gt(created, RUNS * 3, "only %zu Tasks: nothing was tried", created);
    cr_assert_gt(late, RUNS / 5, "only %zu creates came late: nothing was tried", late);
}
