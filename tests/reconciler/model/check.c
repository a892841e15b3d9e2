/* check.c - the invariants of docs/architecture.md, looked at after every change, and which
 * transitions of a Task have been seen. */
#include "tests/reconciler/model/model.h"

#include <stdarg.h>

#include "tests/support/rows.h"

static zhashx_t *jobs_of; /* Task uid -> how many Jobs it was given */
static zhashx_t *wrote;   /* Task uid -> version of this process's last write */
static int64_t highest_ordinal;

struct written {
    int64_t version, at_ms;
};

/* What is there, and what of it is in view: to understand a violation. */
static void
print_tasks(void)
{
    zlistx_t *keys = zhashx_keys(model.objects);

    for (const char *key = zlistx_first(keys); key != NULL; key = zlistx_next(keys)) {
        const json_t *t = zhashx_lookup(model.objects, key);
        const struct task_view *v = (const struct task_view *)store_get(
            model.shard.store, KIND_TASK, 0, NS, doc_text(t, "metadata.name"));
        if (atoi(key) == KIND_TASK)
            printf("  %-6s %-8s v%-6s %-9s %s%s; in view: %s v%s %s\n",
                   doc_text(t, "metadata.name"), doc_text(t, "metadata.uid"),
                   doc_text(t, "metadata.resourceVersion"), doc_text(t, "status.phase"),
                   doc_text(t, "status.message"),
                   *doc_text(t, "metadata.deletionTimestamp") != '\0' ? " (deleted)" : "",
                   v != NULL ? v->view.meta.uid : "nothing",
                   v != NULL ? v->view.meta.version : "",
                   v != NULL ? phase_name(v->phase) : "");
    }
    zlistx_destroy(&keys);
    SCOPED(string)
    char *spawner = json_dumps(api_get(KIND_TASK_SPAWNER, "s"), JSON_COMPACT);
    printf("  %s\n", spawner);
}

void
violated(const char *invariant, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    printf("%s violated at step %llu: ", invariant, (unsigned long long)model.step);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    print_tasks();
    fflush(stdout);
    _exit(1);
}

/* ---- which transitions were seen ---- */

#define ANY -1

/* The rows of the state table, and those that ours has beyond it. */
static struct transition {
    const char *id, *what;
    int from, to;        /* enum phase, or ANY */
    const char *message; /* of the new status: how it begins; NULL: any */
    uint64_t seen;
} rows[] = {
    {"T2", "waits for a dependency", ANY, PHASE_WAITING, "Waiting for dependency", 0},
    {"T3", "waits for the branch", ANY, PHASE_WAITING, "Waiting for branch", 0},
    {"T4", "fails for a cycle", ANY, PHASE_FAILED, "Circular dependency detected", 0},
    {"T5", "fails for a failed dependency", ANY, PHASE_FAILED, "Dependency ", 0},
    {"T6", "fails for a Job that cannot be built", ANY, PHASE_FAILED,
     "Failed to build Job", 0},
    {"T7", "fails for its token", ANY, PHASE_FAILED, "Failed to resolve GitHub token", 0},
    {"T8", "new, has its Job", PHASE_NONE, PHASE_PENDING, NULL, 0},
    {"T8", "waited, has its Job", PHASE_WAITING, PHASE_PENDING, NULL, 0},
    {"T9", "runs", PHASE_PENDING, PHASE_RUNNING, NULL, 0},
    {"T10", "succeeds from Running", PHASE_RUNNING, PHASE_SUCCEEDED, NULL, 0},
    {"T10", "succeeds unseen running", PHASE_PENDING, PHASE_SUCCEEDED, NULL, 0},
    {"T11", "fails from Running", PHASE_RUNNING, PHASE_FAILED, "Task failed", 0},
    {"T11", "fails unseen running", PHASE_PENDING, PHASE_FAILED, "Task failed", 0},
    {"W-S1", "fails for a Job that somebody deleted", ANY, PHASE_FAILED,
     "Task failed: its Job was deleted", 0},
    {"W-S3", "waits for a token that may come", ANY, PHASE_WAITING,
     "Failed to resolve GitHub token", 0},
    {"W-S6", "waits for the end of an earlier Job", ANY, PHASE_WAITING, "Waiting for Job",
     0},
    {"W-S6", "fails for a Job of somebody else", ANY, PHASE_FAILED,
     "Failed to build Job: a Job", 0},
    {"ST8", "waits for its Workspace", ANY, PHASE_WAITING, "Waiting for Workspace", 0},
    {"ST8", "waits for its AgentConfig", ANY, PHASE_WAITING, "Waiting for AgentConfig",
     0},
};
static uint64_t seen_finalizer, seen_pod_name, seen_ttl, seen_late, seen_deleted,
    seen_killed, seen_spawned;

static enum phase
phase_of(const json_t *task)
{
    const char *text = doc_text(task, "status.phase");

    for (int p = PHASE_NONE; p <= PHASE_FAILED; p++)
        if (strcmp(phase_name((enum phase)p), text) == 0)
            return (enum phase)p;
    violated("the schema", "phase \"%s\"", text);
}

static void
see(enum phase from, enum phase to, const char *message)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct transition *t = &rows[i];
        if ((t->from == ANY || t->from == (int)from) && t->to == (int)to &&
            (t->message == NULL || strncmp(message, t->message, strlen(t->message)) == 0))
            t->seen++;
    }
}

static size_t
print_row(const char *id, const char *what, uint64_t seen)
{
    printf("  %-5s %-44s %9llu\n", id, what, (unsigned long long)seen);
    return seen == 0;
}

size_t
check_coverage(void)
{
    size_t missing = print_row("T1", "gets its finalizer", seen_finalizer);
    size_t n = 6 + sizeof rows / sizeof *rows;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        missing += print_row(rows[i].id, rows[i].what, rows[i].seen);
    missing += print_row("T13", "names its Pod", seen_pod_name);
    missing += print_row("T14", "is deleted when its time is over", seen_ttl);
    missing += print_row("5.2", "leaves when it is deleted", seen_deleted);
    missing += print_row("D26", "is created by a TaskSpawner", seen_spawned);
    missing += print_row("", "(the process was killed)", seen_killed);
    print_row("T12", "outputs after the phase: must not be seen", seen_late);
    printf("transitions seen: %zu of %zu (%zu %%)\n", n - missing, n,
           100 * (n - missing) / n);
    return missing;
}

/* ---- I5, I6 and the rest of a Task's life ---- */

static int
rank(enum phase p)
{
    static const int ranks[] = {
        [PHASE_NONE] = 0,    [PHASE_WAITING] = 0,   [PHASE_PENDING] = 1,
        [PHASE_RUNNING] = 2, [PHASE_SUCCEEDED] = 3, [PHASE_FAILED] = 3};

    return ranks[p];
}

static void
check_end(const json_t *old, const json_t *now, enum phase was, enum phase is)
{
    const char *name = doc_text(now, "metadata.name");

    if (phase_terminal(was) && was != is)
        violated("I5", "%s was %s and is %s", name, phase_name(was), phase_name(is));
    if (phase_terminal(was) && strcmp(doc_text(old, "status.completionTime"),
                                      doc_text(now, "status.completionTime")) != 0)
        violated("I5", "%s: completionTime moved from %s to %s", name,
                 doc_text(old, "status.completionTime"),
                 doc_text(now, "status.completionTime"));
    if (phase_terminal(is) && *doc_text(now, "status.completionTime") == '\0')
        violated("the state table", "%s is %s without completionTime", name,
                 phase_name(is));
    const json_t *before = json_at(old, "status.outputs"),
                 *after = json_at(now, "status.outputs");
    if (phase_terminal(was) && before != after && !json_equal(before, after)) {
        seen_late++;
        violated("I6", "%s: outputs were written after the phase", name);
    }
}

void
check_task_change(const json_t *old, const json_t *now)
{
    enum phase was = old != NULL ? phase_of(old) : PHASE_NONE, is = phase_of(now);

    if (old == NULL)
        return;
    if (json_array_size(json_at(old, "metadata.finalizers")) <
        json_array_size(json_at(now, "metadata.finalizers")))
        seen_finalizer++;
    if (strcmp(doc_text(old, "status.podName"), doc_text(now, "status.podName")) != 0)
        seen_pod_name++;
    if (was != is)
        see(was, is, doc_text(now, "status.message"));
    if (rank(is) < rank(was))
        violated("I5", "%s went from %s back to %s", doc_text(now, "metadata.name"),
                 phase_name(was), phase_name(is));
    check_end(old, now, was, is);
}

void
check_task_removed(const json_t *old)
{
    const json_t *job = api_get(KIND_JOB, doc_text(old, "metadata.name"));

    seen_deleted++;
    if (job != NULL && strcmp(owner_uid(job), doc_text(old, "metadata.uid")) == 0)
        violated("deletion", "%s let go before its Job was deleted",
                 doc_text(old, "metadata.name"));
}

/* ---- I1 and the branch ---- */

static bool
same_branch(const json_t *a, const json_t *b)
{
    return *doc_text(a, "spec.branch") != '\0' &&
           strcmp(doc_text(a, "spec.branch"), doc_text(b, "spec.branch")) == 0 &&
           strcmp(doc_text(a, "spec.workspaceRef.name"),
                  doc_text(b, "spec.workspaceRef.name")) == 0;
}

static void
check_branch(const json_t *task)
{
    zlistx_t *keys = zhashx_keys(model.objects);

    for (const char *key = zlistx_first(keys); key != NULL; key = zlistx_next(keys)) {
        const json_t *other = zhashx_lookup(model.objects, key);
        if (atoi(key) != KIND_TASK || other == task || !same_branch(task, other) ||
            phase_terminal(phase_of(other)))
            continue;
        const json_t *job = api_get(KIND_JOB, doc_text(other, "metadata.name"));
        if (job != NULL && strcmp(owner_uid(job), doc_text(other, "metadata.uid")) == 0)
            violated("the branch", "%s got its Job while %s has one and has not ended",
                     doc_text(task, "metadata.name"), doc_text(other, "metadata.name"));
    }
    zlistx_destroy(&keys);
}

void
check_job_created(const json_t *job)
{
    const char *name = doc_text(job, "metadata.name"), *uid = owner_uid(job);
    const json_t *task = api_get(KIND_TASK, name);
    size_t *n;

    if (jobs_of == NULL)
        jobs_of = zhashx_new();
    if ((n = zhashx_lookup(jobs_of, uid)) == NULL) {
        n = calloc(1, sizeof *n);
        zhashx_insert(jobs_of, uid, n);
    }
    ++*n;
    if (task == NULL || strcmp(doc_text(task, "metadata.uid"), uid) != 0)
        return; /* its Task has just gone: the Job goes with it */
    if (*n > 1)
        violated("I1", "%s (%s) got a second Job", name, uid);
    if (phase_terminal(phase_of(task))) {
        if (*doc_text(task, "status.jobName") != '\0')
            violated("I5", "%s has ended and got a Job", name);
        return; /* what an earlier process was about to create: check_settled wants it deleted */
    }
    check_branch(task);
}

/* ---- what was decided on what ---- */

static bool
could_start(const struct task_view *t)
{
    return t->view.meta.deleted_ms == 0 && t->phase == PHASE_NONE &&
           t->depends_on.n == 0 && t->workspace == NULL && t->agent_configs.n == 0 &&
           strcmp(t->type, "claude-code") == 0;
}

/* Of those in view that could run, the oldest goes first. */
static void
check_order(const struct task_facts *f)
{
    const struct task_view *t = f->task;
    const char *key = branch_key(t);

    if (key == NULL)
        return;
    struct views found = store_find(model.shard.store, BY_BRANCH, 0, NS, key);
    for (size_t i = 0; i < found.n; i++) {
        const struct task_view *other = (const struct task_view *)found.at[i];
        if (other != t && could_start(other) &&
            other->view.meta.created_ms < t->view.meta.created_ms)
            violated("the branch", "%s starts before %s, which is older and could start",
                     t->view.meta.name, other->view.meta.name);
    }
}

void
check_decision(const struct task_facts *f, const struct decision *d)
{
    const struct meta *m = &f->task->view.meta;
    const struct written *w = wrote != NULL ? zhashx_lookup(wrote, m->uid) : NULL;

    if (!model.shard.leader)
        violated("I7", "%s was decided upon without leadership", m->name);
    if (w != NULL && strtoll(m->version, NULL, 10) < w->version)
        violated("I4", "%s was decided upon at version %s after our own write gave %lld",
                 m->name, m->version, (long long)w->version);
    if (decision_find(d, ACT_CREATE_JOB) != NULL)
        check_order(f);
}

void
check_wrote(const char *name, const char *uid, const char *version)
{
    struct written *w;

    (void)name;
    if (wrote == NULL)
        wrote = zhashx_new();
    if ((w = zhashx_lookup(wrote, uid)) == NULL) {
        w = calloc(1, sizeof *w);
        zhashx_insert(wrote, uid, w);
    }
    *w = (struct written){strtoll(version, NULL, 10), model.mono_ms};
}

void
check_forget(void)
{
    seen_killed++;
    if (wrote == NULL)
        return;
    for (struct written *w = zhashx_first(wrote); w != NULL; w = zhashx_next(wrote))
        w->version = 0;
}

static void
check_dependencies(const char *name)
{
    const struct task_view *t =
        (const struct task_view *)store_get(model.shard.store, KIND_TASK, 0, NS, name);

    for (size_t i = 0; t != NULL && i < t->depends_on.n; i++) {
        const struct view *dep =
            store_get(model.shard.store, KIND_TASK, 0, NS, t->depends_on.at[i]);
        if (dep == NULL || ((const struct task_view *)dep)->phase != PHASE_SUCCEEDED)
            violated("dependencies",
                     "the Job of %s is created although %s has not succeeded", name,
                     t->depends_on.at[i]);
    }
}

/* A deletion of a Task is its TTL: nothing else of ours deletes one here. */
static void
check_ttl(const char *name, const char *uid)
{
    const json_t *task = api_get(KIND_TASK, name);
    int64_t ttl = json_int_or(task, "spec.ttlSecondsAfterFinished", -1);
    int64_t end = doc_time(task, "status.completionTime") + ttl * 1000;

    if (task == NULL || strcmp(doc_text(task, "metadata.uid"), uid) != 0)
        return;
    seen_ttl++;
    if (!phase_terminal(phase_of(task)) || ttl < 0 || model.wall_ms < end)
        violated("TTL", "%s is deleted %lld ms before its time", name,
                 (long long)(end - model.wall_ms));
}

void
check_call(const struct call *c)
{
    if (c->verb == KUBE_CREATE && strcmp(c->res->plural, "jobs") == 0)
        check_dependencies(c->name);
    if (c->verb == KUBE_DELETE && strcmp(c->res->plural, "tasks") == 0)
        check_ttl(c->name, c->uid);
}

/* I6: the end comes with the outputs, or with a word on why there are none. */
void
check_status(const struct status_write *w)
{
    const char *phase = doc_text(w->patch, "status.phase");
    const char *message = doc_text(w->patch, "status.message");
    struct views pods = store_find(model.shard.store, BY_OWNER, 0, NS, w->name);
    const struct job_view *job =
        (const struct job_view *)store_get(model.shard.store, KIND_JOB, 0, NS, w->name);

    if (w->kind == KIND_TASK &&
        (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Running") == 0) &&
        (jobs_of == NULL || zhashx_lookup(jobs_of, w->uid) == NULL))
        violated("I1", "%s takes a Job for its own that was not made for it", w->name);
    if (w->kind != KIND_TASK ||
        (strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0) ||
        job == NULL || job->view.meta.controller_uid == NULL ||
        strcmp(job->view.meta.controller_uid, w->uid) != 0)
        return;
    for (size_t i = 0; i < pods.n; i++) {
        const struct pod_view *p = (const struct pod_view *)pods.at[i];
        if (p->started && p->view.meta.controller_uid != NULL &&
            strcmp(p->view.meta.controller_uid, job->view.meta.uid) == 0 &&
            json_at(w->patch, "status.outputs") == NULL &&
            strstr(message, "outputs not captured") == NULL)
            violated("I6", "%s ends without the outputs of its Pod", w->name);
    }
}

/* ---- what a TaskSpawner may do ---- */

void
check_spawned(const json_t *task)
{
    const json_t *spawner = api_get(KIND_TASK_SPAWNER, "s");
    const char *ordinal = json_string_value(
        json_object_get(json_at(task, "metadata.annotations"), "kelos.dev/ordinal"));
    int64_t number = ordinal != NULL ? strtoll(ordinal, NULL, 10) : 0, active = 1;
    zlistx_t *keys = zhashx_keys(model.objects);

    for (const char *key = zlistx_first(keys); key != NULL; key = zlistx_next(keys)) {
        const json_t *t = zhashx_lookup(model.objects, key);
        active += atoi(key) == KIND_TASK && !phase_terminal(phase_of(t)) &&
                  json_object_get(json_at(t, "metadata.labels"),
                                  "kelos.dev/taskspawner") != NULL;
    }
    zlistx_destroy(&keys);
    seen_spawned++;
    if (number <= highest_ordinal)
        violated("D26", "ordinal %lld is given again after %lld", (long long)number,
                 (long long)highest_ordinal);
    highest_ordinal = number;
    if (number > json_int_or(spawner, "spec.maxTotalTasks", 0))
        violated("maxTotalTasks", "Task %lld of %lld", (long long)number,
                 (long long)json_int_or(spawner, "spec.maxTotalTasks", 0));
    if (active > json_int_or(spawner, "spec.maxConcurrency", 0))
        violated("maxConcurrency", "%lld Tasks at once", (long long)active);
}

/* ---- nobody waits for nothing ---- */

void
check_settled(void)
{
    zlistx_t *keys = zhashx_keys(model.objects);

    for (const char *key = zlistx_first(keys); key != NULL; key = zlistx_next(keys)) {
        const json_t *t = zhashx_lookup(model.objects, key);
        if (atoi(key) != KIND_TASK)
            continue;
        const char *name = doc_text(t, "metadata.name"),
                   *message = doc_text(t, "status.message");
        if (*doc_text(t, "metadata.deletionTimestamp") != '\0')
            violated("liveness", "%s is deleted and stays", name);
        const json_t *job = api_get(KIND_JOB, name);
        if (job != NULL && strcmp(owner_uid(job), doc_text(t, "metadata.uid")) == 0 &&
            *doc_text(t, "status.jobName") == '\0')
            violated("I5", "%s ended without a Job and keeps one", name);
        if (!phase_terminal(phase_of(t)) && strstr(message, "to be created") == NULL &&
            strncmp(message, "Waiting for dependency", 22) != 0)
            violated("liveness", "%s stays %s: %s", name, phase_name(phase_of(t)),
                     message);
    }
    zlistx_destroy(&keys);
}

void
check_claim(void)
{
    /* Each held at every step while its transition was taken many times over. */
    static const char *const claims[] = {"TE/W-S1", "TE/W-S6", "TE/W-D1", "TE/W-B2",
                                         "TE/W-B3"};

    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        row_claim(claims[i]);
}
