/* report.c - the state of the tree: as JSON for people, as flags for /readyz. */
#include "supervisor/supervisor.h"

#include "common/clock.h"
#include "common/log.h"
#include "version.h"

static void
put_text(struct buf *out, const char *text)
{
    buf_add_char(out, '"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20)
            buf_printf(out, "\\u%04x", c);
        else
            buf_add_char(out, (char)c);
    }
    buf_add_char(out, '"');
}

/* Why this worker is not as it should be; false when it is. */
static bool
unit_complaint(const struct unit *u, char *out, size_t size)
{
    if (u->child.degraded)
        snprintf(out, size, "%s keeps dying: %s", u->id, u->last_exit);
    else if (u->quarantine.n_keys > 0)
        snprintf(out, size, "%s: %s killed it repeatedly and is left alone", u->id,
                 u->quarantine.keys[0].key);
    else
        return false;
    return true;
}

/* Sources that no worker serves; false when there are none. */
static bool
sources_complaint(const struct supervisor *s, char *out, size_t size)
{
    if (s->sources_waiting == 0)
        return false;
    snprintf(out, size, "%zu sources wait for a worker: WORKER_SLOTS (%d) workers run",
             s->sources_waiting, LIMIT_WORKER_SLOTS);
    return true;
}

bool
report_ready(struct supervisor *s, char *reason, size_t size)
{
    for (size_t i = 0; i < s->n_units; i++) {
        const struct unit *u = s->units[i];

        if (u->row->role == ROLE_SPAWNER || (u->wanted && u->child.state == CHILD_UP))
            continue;
        snprintf(reason, size, "%s is %s%s%s", u->id, child_state_name(u->child.state),
                 u->last_exit[0] != '\0' ? ", last: " : "", u->last_exit);
        return false;
    }
    if (size > 0)
        reason[0] = '\0';
    return true;
}

static void
put_unit(struct supervisor *s, const struct unit *u, struct buf *out)
{
    struct page *page = slots_page(&s->slots, u->slot);
    int64_t now = clock_mono_ms();

    buf_add_str(out, "{\"id\":");
    put_text(out, u->id);
    buf_printf(out,
               ",\"role\":\"%s\",\"state\":\"%s\",\"pid\":%d,\"incarnation\":%llu,"
               "\"restarts\":%llu,\"uptimeMs\":%lld,\"startMs\":%lld,\"pssKiB\":%lld,"
               "\"loops\":%llu,\"keys\":%llu,\"degraded\":%s,\"lastExit\":",
               role_name(u->row->role), child_state_name(u->child.state), (int)u->pid,
               (unsigned long long)u->incarnation, (unsigned long long)u->restarts,
               (long long)(u->pid > 0 ? now - u->started_ms : 0),
               (long long)(u->ready_ms != 0 ? u->ready_ms - u->started_ms : 0),
               (long long)atomic_load(&page->pss_kib),
               (unsigned long long)atomic_load(&page->loops),
               (unsigned long long)atomic_load(&page->keys_done),
               u->child.degraded ? "true" : "false");
    put_text(out, u->last_exit);
    buf_add_char(out, '}');
}

static void
put_complaints(struct supervisor *s, struct buf *out)
{
    const char *comma = "";
    char text[PAGE_KEY_MAX + 256];

    buf_add_str(out, ",\"degraded\":[");
    for (size_t i = 0; i < s->n_units; i++)
        if (unit_complaint(s->units[i], text, sizeof text)) {
            buf_add_str(out, comma);
            put_text(out, text);
            comma = ",";
        }
    if (sources_complaint(s, text, sizeof text)) {
        buf_add_str(out, comma);
        put_text(out, text);
    }
    buf_add_char(out, ']');
}

void
report_tree(struct supervisor *s, struct buf *out)
{
    char reason[256];
    bool ready = report_ready(s, reason, sizeof reason);

    buf_printf(
        out, "{\"version\":\"%s\",\"pid\":%d,\"uptimeMs\":%lld,\"ready\":%s,\"reason\":",
        KELOS_VERSION, (int)getpid(), (long long)(clock_mono_ms() - s->started_ms),
        ready ? "true" : "false");
    put_text(out, reason);
    buf_printf(out, ",\"shards\":%lld,\"localPort\":%d,\"runDir\":",
               (long long)s->config.shards, s->port);
    put_text(out, s->config.run_path);
    buf_add_str(out, ",\"localDir\":");
    put_text(out, s->config.local_path);
    buf_add_str(out, ",\"leadership\":");
    if (s->led) {
        buf_printf(out, "{\"leader\":%s,\"identity\":", s->leader ? "true" : "false");
        put_text(out, s->leader_identity);
        buf_add_char(out, '}');
    } else
        buf_add_str(out, "null");
    put_complaints(s, out);
    buf_add_str(out, ",\"workers\":[");
    for (size_t i = 0; i < s->n_units; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        put_unit(s, s->units[i], out);
    }
    buf_add_str(out, "]}");
}

static void
announce_ready(struct supervisor *s)
{
    static const char word[] = "ready\n";

    s->announced_ready = true;
    if (s->config.notify_fd < 0)
        return;
    if (write((int)s->config.notify_fd, word, sizeof word - 1) < 0)
        log_warn(NULL, "--notify-fd: %s", strerror(errno));
    close((int)s->config.notify_fd);
}

void
report_publish(struct supervisor *s)
{
    struct page *page = slots_page(&s->slots, 0);
    char reason[PAGE_KEY_MAX];
    bool ready = report_ready(s, reason, sizeof reason), degraded = false;

    for (size_t i = 0; i < s->n_units; i++) {
        const struct unit *u = s->units[i];

        degraded |= u->child.degraded;
        if (u->child.degraded)
            unit_complaint(u, reason, sizeof reason);
        metric_set(s->metrics, METRIC_WORKER_UP, u->child.state == CHILD_UP, u->id);
        metric_set(s->metrics, METRIC_WORKER_DEGRADED, u->child.degraded, u->id);
        metric_add(s->metrics, METRIC_WORKER_RESTARTS, 0, u->id);
    }
    degraded |= sources_complaint(s, reason, sizeof reason);
    snprintf(page->tree_reason, sizeof page->tree_reason, "%s", reason);
    atomic_store(&page->tree_degraded, degraded);
    atomic_store(&page->tree_ready, ready && s->n_units > 0);
    if (ready && s->n_units > 0 && !s->announced_ready)
        announce_ready(s);
}
