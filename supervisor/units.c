/* units.c - the workers as processes: starting, watching, ending, reaping. */
#include "supervisor/supervisor.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/spawn.h"

#define TICK_LATE_MS 2500 /* a tick so long after the last one: the machine stood still */
#define PROGRESS_MS 1000  /* ready for that long counts as progress, as an event does */
#define REVOKE_MS 100     /* at most, from a death to the reaping */

static double
random01(void)
{
    return (double)rand() / (double)RAND_MAX;
}

struct unit *
unit_by_user_id(struct supervisor *s, const char *user_id)
{
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->pid > 0 && strcmp(s->units[i]->user_id, user_id) == 0)
            return s->units[i];
    return NULL;
}

struct unit *
unit_by_pid(struct supervisor *s, pid_t pid)
{
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->pid == pid)
            return s->units[i];
    return NULL;
}

struct unit *
unit_add(struct supervisor *s, const struct tree_row *row, int index,
         const char *argument, struct err *e)
{
    struct unit **grown = realloc(s->units, (s->n_units + 1) * sizeof(*grown));
    struct unit *u = calloc(1, sizeof *u);

    if (grown != NULL)
        s->units = grown;
    if (grown == NULL || u == NULL) {
        free(u);
        err_set(e, ERR_SYSTEM, "out of memory");
        return NULL;
    }
    u->row = row;
    u->index = index;
    u->pidfd = -1;
    u->wanted = true;
    if (argument != NULL) {
        snprintf(u->argument, sizeof u->argument, "%s", argument);
        snprintf(u->id, sizeof u->id, "%s-%.12s", row->id, argument);
    } else
        tree_name(row->id, index, u->id, sizeof u->id);
    child_init(&u->child, row->stop_budget_ms);
    if ((u->slot = slots_take(&s->slots, u->id, e)) < 0) {
        free(u);
        return NULL;
    }
    /* A slot that another incarnation of this worker used counts on from there. */
    u->incarnation = atomic_load(&slots_page(&s->slots, u->slot)->incarnation);
    s->units[s->n_units++] = u;
    return u;
}

void
unit_free(struct supervisor *s, struct unit *u)
{
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i] == u) {
            memmove(&s->units[i], &s->units[i + 1],
                    (s->n_units - i - 1) * sizeof(*s->units));
            s->n_units--;
            break;
        }
    slots_release(&s->slots, u->slot);
    metric_set(s->metrics, METRIC_WORKER_UP, 0, u->id);
    metric_set(s->metrics, METRIC_WORKER_DEGRADED, 0, u->id);
    if (u->pidfd >= 0)
        close(u->pidfd);
    free(u);
}

/* ---- the end of a process ---- */

static void
describe_exit(const siginfo_t *info, char *out, size_t size)
{
    if (info->si_code == CLD_EXITED)
        snprintf(out, size, "exited with status %d", info->si_status);
    else
        snprintf(out, size, "killed by SIG%s",
                 sigabbrev_np(info->si_status) != NULL ? sigabbrev_np(info->si_status)
                                                       : "?");
}

/* Its role is revoked everywhere before its pid may be used again. */
static void
bury(struct supervisor *s, pid_t pid)
{
    control_send_peers(s);
    if (s->n_corpses == CORPSES_MAX) {
        waitpid(pid, NULL, WNOHANG);
        return;
    }
    s->corpses[s->n_corpses++] =
        (struct corpse){pid, s->peers_serial, clock_mono_ms() + REVOKE_MS};
    units_reap(s);
}

static void
learn_from_death(struct supervisor *s, struct unit *u, int64_t now)
{
    struct page *page = slots_page(&s->slots, u->slot);
    bool in_key = atomic_load(&page->has_key) != 0;

    page->key[PAGE_KEY_MAX] = '\0';
    u->child.progressed =
        u->ready_ms != 0 && (now - u->ready_ms >= PROGRESS_MS ||
                             atomic_load(&page->keys_done) > u->start_keys ||
                             atomic_load(&page->loops) > atomic_load(&page->ready_loops));
    if (u->fenced) { /* it did nothing wrong: starts again at once */
        u->child.progressed = true;
        u->fenced = false;
        return;
    }
    if (u->child.state == CHILD_STOPPING)
        return;
    quarantine_death(&u->quarantine, in_key ? page->key : "", now);
    log_warn(NULL, "%s#%llu (pid %d) %s after %lld ms%s%s", u->id,
             (unsigned long long)u->incarnation, (int)u->pid, u->last_exit,
             (long long)(now - u->started_ms), in_key ? ", while it processed " : "",
             in_key ? page->key : "");
}

static int
on_pidfd(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct supervisor *s = arg;
    siginfo_t info = {0};
    struct unit *u = NULL;
    pid_t pid;

    (void)loop;
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->pidfd == item->fd)
            u = s->units[i];
    if (u == NULL ||
        waitid(P_PID, (id_t)u->pid, &info, WEXITED | WNOWAIT | WNOHANG) < 0 ||
        info.si_pid == 0)
        return 0;
    describe_exit(&info, u->last_exit, sizeof u->last_exit);
    learn_from_death(s, u, clock_mono_ms());
    zloop_poller_end(s->loop, &u->item);
    close(u->pidfd);
    pid = u->pid;
    u->pidfd = -1;
    u->pid = 0;
    u->binder = false;
    u->ready_ms = 0;
    tree_close_door(s, u);
    bus_forget(s->control, u->user_id);
    bus_forget(s->tap, u->user_id);
    bury(s, pid);
    unit_event(s, u, EV_EXIT);
    units_settle(s);
    stop_advance(s);
    return s->done ? -1 : 0;
}

/* Orphans of the containers' monitors come to us (PID 1 or child subreaper). A corpse
 * that still waits for its revocation hides them; the next pass takes them. */
static void
reap_orphans(struct supervisor *s)
{
    siginfo_t info;

    for (;;) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        if (unit_by_pid(s, info.si_pid) != NULL)
            return; /* on_pidfd's */
        for (size_t i = 0; i < s->n_corpses; i++)
            if (s->corpses[i].pid == info.si_pid)
                return;
        waitpid(info.si_pid, NULL, WNOHANG);
    }
}

static bool
revoked(const struct supervisor *s, uint64_t serial)
{
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->pid > 0 && s->units[i]->binder && s->units[i]->acked < serial)
            return false;
    return true;
}

void
units_reap(struct supervisor *s)
{
    int64_t now = clock_mono_ms();

    for (size_t i = s->n_corpses; i > 0; i--) {
        struct corpse *c = &s->corpses[i - 1];

        if (!revoked(s, c->serial) && now < c->deadline_ms)
            continue;
        waitpid(c->pid, NULL, WNOHANG);
        *c = s->corpses[--s->n_corpses];
    }
    reap_orphans(s);
    units_arm(s);
}

void
units_stopped_or_orphaned(struct supervisor *s)
{
    for (size_t i = 0; i < s->n_units; i++) {
        struct unit *u = s->units[i];
        siginfo_t info = {0};

        if (u->pid > 0 && waitid(P_PID, (id_t)u->pid, &info, WSTOPPED | WNOHANG) == 0 &&
            info.si_pid != 0 && info.si_code == CLD_STOPPED) {
            log_warn(NULL, "%s#%llu was stopped by a signal; killed", u->id,
                     (unsigned long long)u->incarnation);
            unit_event(s, u, EV_FROZEN);
        }
    }
    reap_orphans(s);
}

/* ---- actions ---- */

static void
send_signal(const struct unit *u, int signal_number)
{
    if (u->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, u->pidfd, signal_number, NULL, 0);
}

static void
started(struct supervisor *s, struct unit *u, pid_t pid)
{
    struct page *page = slots_page(&s->slots, u->slot);
    struct peer self;

    peer_format(&self, u->row->role, u->id, u->incarnation);
    snprintf(u->user_id, sizeof u->user_id, "%s", self.user_id);
    u->pid = pid;
    u->acked = 0;
    u->start_keys = atomic_load(&page->keys_done);
    u->seen_loops = 0;
    u->look_ms = 0;
    u->busy.since_ms = 0;
    u->started_ms = clock_mono_ms();
    u->ready_ms = 0;
    u->item = (zmq_pollitem_t){.fd = u->pidfd, .events = ZMQ_POLLIN};
    zloop_poller(s->loop, &u->item, on_pidfd, s);
    zloop_poller_set_tolerant(s->loop, &u->item);
    control_send_peers(s);
}

static int
spawn_unit(struct supervisor *s, struct unit *u)
{
    struct page *page = slots_page(&s->slots, u->slot);
    struct spawn spawn;
    struct err e = ERR_INIT;
    pid_t pid;

    u->incarnation++;
    atomic_store(&page->incarnation, u->incarnation);
    atomic_store(&page->busy_since_ms, 0);
    atomic_store(&page->has_key, 0);
    atomic_store(&page->ready_loops, UINT64_MAX);
    tree_command(s, u, &spawn);
    pid = u->row->role == ROLE_SPAWNER ? zygote_start(&s->zygote, &spawn, &u->pidfd, &e)
                                       : spawn_start(&spawn, &u->pidfd, &e);
    spawn_clear(&spawn);
    if (pid < 0) {
        log_error(NULL, "%s: %s", u->id, e.text);
        u->pidfd = -1;
        snprintf(u->last_exit, sizeof u->last_exit, "not started");
        return -1;
    }
    if (u->last_exit[0] != '\0') {
        u->restarts++;
        metric_add(s->metrics, METRIC_WORKER_RESTARTS, 1, u->id);
    }
    started(s, u, pid);
    return 0;
}

void
unit_event(struct supervisor *s, struct unit *u, enum child_event event)
{
    bool was_degraded = u->child.degraded;

    switch (child_step(&u->child, event, clock_mono_ms(), random01())) {
    case DO_SPAWN:
        if (spawn_unit(s, u) < 0)
            unit_event(s, u, EV_EXIT);
        break;
    case DO_ASK:
        control_ask_stop(s, u);
        break;
    case DO_ABORT:
        log_warn(NULL, "%s#%llu makes no progress; aborted", u->id,
                 (unsigned long long)u->incarnation);
        send_signal(u, SIGABRT);
        break;
    case DO_KILL:
        send_signal(u, SIGKILL);
        break;
    case DO_FORGET:
    case DO_NOTHING:
        break;
    }
    if (u->child.degraded && !was_degraded)
        log_error(NULL, "%s is degraded: %d deaths without progress, last: %s", u->id,
                  CHILD_DEGRADED_DEATHS, u->last_exit);
    report_publish(s);
    units_arm(s);
}

/* ---- deadlines ---- */

/* How long a process was ready to run and did not, since its start; 0 where that is not counted. */
static int64_t
waited_ms(pid_t pid)
{
    char path[64];
    unsigned long long ran_ns, waited_ns = 0;

    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%llu %llu", &ran_ns, &waited_ns) != 2)
        waited_ns = 0;
    fclose(f);
    return (int64_t)(waited_ns / 1000000);
}

static void
look_at(struct supervisor *s, struct unit *u, int64_t now)
{
    struct page *page = slots_page(&s->slots, u->slot);
    int64_t busy = atomic_load(&page->busy_since_ms);
    uint64_t loops = atomic_load(&page->loops);

    u->look_ms = 0;
    if (busy != 0 && u->busy.since_ms != busy) {
        u->busy.since_ms = busy;
        u->busy.seen_ms = now;
        u->busy.waited_ms = waited_ms(u->pid);
    }
    if (busy != 0 && now - busy < CHILD_STUCK_MS)
        u->look_ms = busy + CHILD_STUCK_MS; /* on time, not with the tick after */
    else if (busy != 0 && loops == u->seen_loops) {
        if (child_is_stuck(now - busy, now - u->busy.seen_ms,
                           waited_ms(u->pid) - u->busy.waited_ms))
            unit_event(s, u, EV_STUCK);
        else
            u->look_ms = now + CHILD_SEEN_MS;
    }
    u->seen_loops = loops;
    if (u->child.degraded && u->ready_ms != 0 && now - u->ready_ms > PROGRESS_MS) {
        child_progressed(&u->child);
        log_info(NULL, "%s has recovered", u->id);
    }
}

static int
on_deadline(zloop_t *loop, int timer, void *arg)
{
    struct supervisor *s = arg;
    int64_t now = clock_mono_ms();

    (void)loop;
    (void)timer;
    s->deadline_timer = 0;
    for (size_t i = 0; i < s->n_units; i++) {
        struct unit *u = s->units[i];

        if (u->child.deadline_ms != 0 && u->child.deadline_ms <= now)
            unit_event(s, u, EV_DEADLINE);
        if (u->pid > 0 && u->look_ms != 0 && u->look_ms <= now)
            look_at(s, u, now);
    }
    units_reap(s);
    stop_advance(s);
    units_arm(s);
    return s->done ? -1 : 0;
}

/* The earlier of two times; 0 stands for none. */
static int64_t
earlier(int64_t a, int64_t b)
{
    return b != 0 && b < a ? b : a;
}

void
units_arm(struct supervisor *s)
{
    int64_t first = INT64_MAX, now = clock_mono_ms();

    for (size_t i = 0; i < s->n_units; i++) {
        first = earlier(first, s->units[i]->child.deadline_ms);
        first = earlier(first, s->units[i]->look_ms);
    }
    for (size_t i = 0; i < s->n_corpses; i++)
        first = earlier(first, s->corpses[i].deadline_ms);
    if (s->deadline_timer != 0)
        zloop_timer_end(s->loop, s->deadline_timer);
    s->deadline_timer = 0;
    if (first != INT64_MAX)
        s->deadline_timer = zloop_timer(s->loop, first > now ? (size_t)(first - now) : 0,
                                        1, on_deadline, s);
}

/* ---- the tree as a whole ---- */

/* Is what this row waits for there? A role without any unit is not waited for. */
static bool
may_start(const struct supervisor *s, const struct tree_row *row)
{
    bool any = false;

    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->row->role == row->after) {
            any = true;
            if (s->units[i]->ready_ms != 0)
                return true;
        }
    return !any;
}

void
units_settle(struct supervisor *s)
{
    bool freed = false;

    for (size_t i = s->n_units; i > 0; i--) {
        struct unit *u = s->units[i - 1];

        if (u->wanted && u->child.state == CHILD_OFF && s->stop_stage == 0 &&
            may_start(s, u->row))
            unit_event(s, u, EV_START);
        else if (!u->wanted && u->child.state != CHILD_OFF &&
                 u->child.state != CHILD_STOPPING)
            unit_event(s, u, EV_STOP);
        if (!u->wanted && u->child.state == CHILD_OFF && u->pid == 0 &&
            s->stop_stage == 0) {
            unit_free(s, u);
            freed = true;
        }
    }
    if (freed && s->sources_waiting > 0 && control_add_sources(s) > 0)
        units_settle(s);
}

void
units_tick(struct supervisor *s)
{
    int64_t now = clock_mono_ms();
    bool late = s->ticked_ms != 0 && now - s->ticked_ms > TICK_LATE_MS;

    s->ticked_ms = now;
    for (size_t i = 0; i < s->n_units; i++) {
        if (late)
            s->units[i]->busy.since_ms = 0; /* what was seen then says nothing now */
        if (s->units[i]->pid > 0)
            look_at(s, s->units[i], now);
    }
    units_arm(s);
    report_publish(s);
}
