/* facts.c - see facts.h. */
#include "reconciler/task/facts.h"

#include "common/clock.h"
#include "reconciler/job/repo.h"

#define PODS_MAX 64

const struct task_view *
facts_lookup(void *arg, const struct task_view *of, const char *name)
{
    const struct shard *s = arg;
    const struct meta *m = &of->view.meta;

    return (const struct task_view *)store_get(s->store, KIND_TASK, m->profile, m->ns,
                                               name);
}

static enum reference
reference(const struct shard *s, unsigned kind, const struct task_view *t,
          const char *name)
{
    const struct meta *m = &t->view.meta;

    if (name == NULL)
        return REF_NONE;
    const struct view *v = store_get(s->store, kind, m->profile, m->ns, name);
    return v != NULL && v->wrong == NULL ? REF_FOUND : REF_MISSING;
}

/* What is wrong with an object that is there, or NULL. */
static const char *
wrong_with(const struct shard *s, unsigned kind, const struct task_view *t,
           const char *name)
{
    const struct meta *m = &t->view.meta;
    const struct view *v =
        name != NULL ? store_get(s->store, kind, m->profile, m->ns, name) : NULL;

    return v != NULL ? v->wrong : NULL;
}

/* The first AgentConfig of the Task that does not exist, or NULL. */
static const char *
missing_config(const struct shard *s, const struct task_view *t)
{
    for (size_t i = 0; i < t->agent_configs.n; i++)
        if (reference(s, KIND_AGENT_CONFIG, t, t->agent_configs.at[i]) == REF_MISSING)
            return t->agent_configs.at[i];
    return NULL;
}

static const struct job_view *
job_of(const struct shard *s, const struct task_view *t)
{
    const struct meta *m = &t->view.meta;

    return (const struct job_view *)store_get(s->store, KIND_JOB, m->profile, m->ns,
                                              m->name);
}

static bool
owns_job(const struct task_view *t, const struct job_view *j)
{
    return j != NULL && j->view.meta.controller_uid != NULL &&
           strcmp(j->view.meta.controller_uid, t->view.meta.uid) == 0;
}

static bool
pod_alive(const struct pod_view *p)
{
    return strcmp(p->phase, "Succeeded") != 0 && strcmp(p->phase, "Failed") != 0;
}

/* The Pods of the Task's Job; those of an earlier Task of the name are not asked. */
static const struct pod_view *
pods_of(const struct shard *s, const struct task_view *t, const struct job_view *job,
        bool *alive)
{
    const struct meta *m = &t->view.meta;
    struct views found = store_find(s->store, BY_OWNER, m->profile, m->ns, m->name);
    const struct pod_view *pods[PODS_MAX];
    size_t n = 0;

    *alive = false;
    for (size_t i = 0; i < found.n; i++) {
        const struct pod_view *p = (const struct pod_view *)found.at[i];
        const char *owner = p->view.meta.controller_uid;
        *alive = *alive || pod_alive(p);
        if (job != NULL && owner != NULL && strcmp(owner, job->view.meta.uid) != 0)
            continue;
        if (n < PODS_MAX)
            pods[n++] = p;
    }
    return pods_choose(pods, n);
}

/* Whether the Task works on its branch, or could begin to. */
static enum claim
claim_of(struct shard *s, const struct task_view *t)
{
    const struct meta *m = &t->view.meta;
    char key[SHARD_KEY_MAX];
    const struct task_memory *memory =
        task_memory_find(s, task_key(key, m->profile, m->ns, m->name));
    bool ours = memory != NULL && memory->uid != NULL && strcmp(memory->uid, m->uid) == 0;
    bool alive;

    if (phase_terminal(t->phase))
        return CLAIM_NONE;
    if (owns_job(t, job_of(s, t)) || t->phase == PHASE_PENDING ||
        t->phase == PHASE_RUNNING || (ours && (memory->creating || memory->job_created)))
        return CLAIM_RUNNING;
    if (m->deleted_ms != 0) {
        pods_of(s, t, NULL, &alive);
        return alive ? CLAIM_RUNNING : CLAIM_NONE;
    }
    if ((ours && (memory->build_error != NULL || memory->input_since != 0 ||
                  memory->refused != NULL || memory->auth == AUTH_RETRY)) ||
        deps_judge(t, facts_lookup, s).state != DEPS_READY ||
        reference(s, KIND_WORKSPACE, t, t->workspace) == REF_MISSING ||
        missing_config(s, t) != NULL)
        return CLAIM_NONE;
    return CLAIM_WAITING;
}

/* Whether both work on one repository: always with one Workspace, or by what their Workspaces
 * name. */
static bool
same_place(const struct shard *s, const struct task_view *a, const struct task_view *b)
{
    const struct task_view *both[] = {a, b};
    const char *urls[2];
    struct repo repos[2];

    if (a->workspace == NULL || b->workspace == NULL)
        return a->workspace == b->workspace;
    if (strcmp(a->workspace, b->workspace) == 0)
        return true;
    for (size_t i = 0; i < 2; i++) {
        const struct workspace_view *w =
            store_workspace(s->store, &both[i]->view.meta, both[i]->workspace);
        if (w == NULL)
            return false;
        urls[i] = w->repo;
        repo_parse(w->repo, &repos[i]);
    }
    if (*repos[0].owner == '\0' || *repos[1].owner == '\0')
        return strcmp(urls[0], urls[1]) == 0;
    return strcmp(repos[0].host, repos[1].host) == 0 &&
           strcasecmp(repos[0].owner, repos[1].owner) == 0 &&
           strcasecmp(repos[0].name, repos[1].name) == 0;
}

static struct branch
branch_of(struct shard *s, const struct task_view *t)
{
    const struct meta *m = &t->view.meta;
    const char *key = branch_key(t);
    size_t n = 0;

    if (key == NULL || phase_terminal(t->phase))
        return (struct branch){BRANCH_FREE, NULL};
    struct views found =
        s->lock_repository
            ? store_find(s->store, BY_BRANCH_NAME, m->profile, m->ns, t->branch)
            : store_find(s->store, BY_BRANCH, m->profile, m->ns, key);
    struct contender *all = calloc(found.n + 1, sizeof *all);
    if (all == NULL)
        abort();
    for (size_t i = 0; i < found.n; i++) {
        const struct task_view *other = (const struct task_view *)found.at[i];
        if (same_place(s, t, other))
            all[n++] = (struct contender){other, other == t ? CLAIM_WAITING
                                                            : claim_of(s, other)};
    }
    struct branch b = branch_judge(t, all, n);
    free(all);
    return b;
}

/* Whether a Task that has not begun lists this one: its results are still needed. */
static bool
awaited(struct shard *s, const struct task_view *t)
{
    const struct meta *m = &t->view.meta;
    struct views found = store_find(s->store, BY_DEPENDENCY, m->profile, m->ns, m->name);

    for (size_t i = 0; i < found.n; i++) {
        const struct task_view *other = (const struct task_view *)found.at[i];
        bool begun = phase_terminal(other->phase) || other->phase == PHASE_PENDING ||
                     other->phase == PHASE_RUNNING;
        if (!begun && other->view.meta.deleted_ms == 0)
            return true;
    }
    return false;
}

/* A spawned Task may go only when its spawner's status counts it: the total must not fall. */
static bool
counted(const struct shard *s, const struct task_view *t)
{
    const struct meta *m = &t->view.meta;
    const struct spawner_view *spawner;

    if (t->spawner == NULL || t->ordinal == 0)
        return true;
    spawner = (const struct spawner_view *)store_get(s->store, KIND_TASK_SPAWNER,
                                                     m->profile, m->ns, t->spawner);
    return spawner == NULL || spawner->view.meta.deleted_ms != 0 ||
           spawner->total_created >= t->ordinal;
}

/* Our own create counts until it is seen, or was not seen for long. */
static void
observe_job(struct task_memory *m, bool seen)
{
    if (seen) {
        m->job_created = false;
        m->job_absent = false;
        m->job_seen = true;
    } else if (m->job_created && clock_mono_ms() >= m->job_until) {
        m->job_created = false;
    }
}

static bool
job_over(const struct job_view *j)
{
    return j->active == 0 && (j->succeeded > 0 || j->failed_condition || j->failed > 0);
}

/* What was read of one Pod says nothing of the next one. */
static void
observe_pod(struct task_memory *m, const struct pod_view *pod)
{
    if (pod == NULL || m->capture == CAPTURE_NONE ||
        strcmp(m->capture_pod, pod->view.meta.name) == 0)
        return;
    m->capture = CAPTURE_NONE;
    m->captured = (struct capture){.complete = false};
    pool_free(&m->capture_arena);
}

/* Since when a value is missing: condition Blocked knows it from before a restart, unless the
 * Task may have waited for something else before, under the same True. */
static int64_t
missing_since(const struct task_view *t, const struct task_memory *m)
{
    bool only = t->blocked == BLOCKED_BY_SECRET && t->blocked_ms != 0 &&
                t->depends_on.n == 0 && t->branch == NULL && m->input_since != 0;

    return only && t->blocked_ms < m->input_since ? t->blocked_ms : m->input_since;
}

/* What is known of the Workspace's Secret; of another that it named before it says nothing. */
static enum auth_state
auth_of(const struct task_memory *m, const struct workspace_view *w)
{
    if (w == NULL || w->secret == NULL)
        return AUTH_READY;
    if (m->auth_secret == NULL || strcmp(m->auth_secret, w->secret) != 0 ||
        (m->auth_until != 0 && clock_wall_ms() >= m->auth_until))
        return AUTH_UNKNOWN;
    return m->auth;
}

struct task_facts
facts_gather(struct shard *s, const struct task_view *t, struct task_memory *m)
{
    const struct job_view *job = job_of(s, t);
    struct task_facts f = {.task = t, .job = job, .deps = {DEPS_READY, NULL}};
    bool finished = phase_terminal(t->phase);

    observe_job(m, owns_job(t, job));
    f.pod = pods_of(s, t, owns_job(t, job) ? job : NULL, &f.pods_alive);
    observe_pod(m, f.pod);
    f.job_created = m->job_created;
    f.job_absent = m->job_absent;
    f.job_known = m->job_absent || m->job_seen;
    if (!finished && job == NULL) {
        f.deps = deps_judge(t, facts_lookup, s);
        f.branch = branch_of(s, t);
    }
    f.workspace = reference(s, KIND_WORKSPACE, t, t->workspace);
    f.missing_config = missing_config(s, t);
    f.wrong_workspace = wrong_with(s, KIND_WORKSPACE, t, t->workspace);
    f.wrong_config = wrong_with(s, KIND_AGENT_CONFIG, t, f.missing_config);
    const struct workspace_view *w =
        store_workspace(s->store, &t->view.meta, t->workspace);
    f.auth = auth_of(m, w);
    f.auth_message = m->auth_message != NULL ? m->auth_message : "";
    f.auth_again_ms = m->auth_until;
    f.setup = w != NULL && w->setup != NULL;
    if (t->workspace != NULL && m->refresh == NULL)
        f.token = token_judge(&m->token, clock_wall_ms(), &f.token_wake_ms);
    f.build_error = m->build_error;
    f.refused = m->refused;
    f.refused_again_ms = m->refused_again;
    f.input_error = m->input_error;
    f.input_reason = m->input_reason;
    f.input_again_ms = m->input_again;
    f.input_until_ms = missing_since(t, m) + s->reference_grace_s * 1000;
    f.conflict = m->conflict;
    f.capture = m->capture;
    f.captured = m->capture == CAPTURE_DONE ? &m->captured : NULL;
    if (job != NULL && job_over(job) && m->finished_seen_ms == 0)
        m->finished_seen_ms = clock_wall_ms();
    f.finished_seen_ms = m->finished_seen_ms;
    f.pods_asked = m->pods_asked;
    f.branch_warned = m->branch_warned;
    f.awaited = finished && awaited(s, t);
    f.counted = counted(s, t);
    return f;
}
