/* admin.c - what people ask: the tree, log levels, the tap. */
#include "supervisor/supervisor.h"

#include "common/log.h"

static void
say(struct supervisor *s, const char *to, uint64_t correlation, bool ok, const char *json)
{
    struct message m = {.kind = MSG_ADMIN_SAY,
                        .envelope.correlation = correlation,
                        .body.admin_say = {.ok = ok, .json = json}};
    struct err e = ERR_INIT;

    if (bus_send(s->admin, to, &m, &e) < 0)
        log_debug(NULL, "admin: %s", e.text);
}

static void
on_ask(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct supervisor *s = arg;
    SCOPED(buf) struct buf out = BUF_INIT;

    (void)bus;
    if (strcmp(m->body.admin_ask.what, "status") != 0) {
        say(s, from->user_id, m->envelope.correlation, false,
            "{\"error\":\"unknown question; there is: status\"}");
        return;
    }
    report_tree(s, &out);
    say(s, from->user_id, m->envelope.correlation, !out.failed, buf_str(&out));
}

/* To one worker, or to all for "" and "all"; the supervisor's own level is one of
 * them. */
static void
on_level(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct supervisor *s = arg;
    const char *who = m->body.level.worker;
    bool all = *who == '\0' || strcmp(who, "all") == 0, found = all;
    struct message forward = {.kind = MSG_LOG_LEVEL, .body.level = m->body.level};
    enum log_level level;
    struct err e = ERR_INIT;

    (void)bus;
    if (log_level_parse(m->body.level.level, &level) < 0) {
        say(s, from->user_id, m->envelope.correlation, false,
            "{\"error\":\"a level is error, warn, info or debug\"}");
        return;
    }
    if (all || strcmp(who, "supervisor") == 0) {
        log_set_level(level);
        found = true;
    }
    for (size_t i = 0; i < s->n_units; i++) {
        struct unit *u = s->units[i];

        if (u->pid > 0 && (all || strcmp(who, u->id) == 0)) {
            found = true;
            if (bus_send(s->control, u->user_id, &forward, &e) < 0)
                log_warn(NULL, "log.level: %s", e.text);
        }
    }
    say(s, from->user_id, m->envelope.correlation, found,
        found ? "{}" : "{\"error\":\"no such worker; kelos-bus status lists them\"}");
}

/* ---- the tap ---- */

void
admin_tap_worker(struct supervisor *s, const char *user_id)
{
    struct message m = {.kind = MSG_ADMIN_TAP,
                        .body.tap = {.on = s->tapped, .kinds = s->tap_kinds}};
    struct err e = ERR_INIT;

    if (bus_send(s->control, user_id, &m, &e) < 0)
        log_debug(NULL, "tap: %s", e.text);
}

static void
tap_all(struct supervisor *s, bool on)
{
    s->tapped = on;
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i]->pid > 0)
            admin_tap_worker(s, s->units[i]->user_id);
}

/* The tap has one filter: that of who asked last. Everybody who asked gets what
 * passes. */
static void
on_tap(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct supervisor *s = arg;

    (void)bus;
    snprintf(s->tap_kinds, sizeof s->tap_kinds, "%s", m->body.tap.kinds);
    tap_all(s, m->body.tap.on);
    say(s, from->user_id, m->envelope.correlation, true, "{}");
}

static void
on_record(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct supervisor *s = arg;
    struct message forward = *m;
    struct err e = ERR_INIT;

    (void)bus;
    (void)from;
    for (const struct peer *p = bus_next_peer(s->admin, NULL); p != NULL;
         p = bus_next_peer(s->admin, p))
        if (bus_send(s->admin, p->user_id, &forward, &e) < 0)
            metric_add(s->metrics, METRIC_BUS_TAP_LOST, 1);
}

static void
on_admin_gone(void *arg, struct bus *bus, const struct peer *peer)
{
    struct supervisor *s = arg;

    (void)peer;
    if (s->tapped && bus_next_peer(bus, NULL) == NULL)
        tap_all(s, false);
}

/* People leave without a word. */
void
admin_tick(struct supervisor *s)
{
    const struct peer *p = bus_next_peer(s->admin, NULL);

    while (p != NULL) {
        if (kill((pid_t)atoi(p->worker), 0) < 0 && errno == ESRCH) {
            bus_forget(s->admin, p->user_id);
            p = bus_next_peer(s->admin, NULL);
        } else
            p = bus_next_peer(s->admin, p);
    }
}

static const struct handler admin_rows[] = {
    {MSG_ADMIN_ASK, on_ask},
    {MSG_LOG_LEVEL, on_level},
    {MSG_ADMIN_TAP, on_tap},
};

static const struct handler tap_rows[] = {{MSG_TAP_RECORD, on_record}};

int
admin_open(struct supervisor *s, struct err *e)
{
    char endpoint[PATH_MAX + 32];
    struct bus_config config = {.name = "admin",
                                .endpoint = endpoint,
                                .listener = -1,
                                .self = &s->self,
                                .metrics = s->metrics,
                                .calls = {.rows = admin_rows,
                                          .n_rows = ARRAY_LEN(admin_rows),
                                          .gone = on_admin_gone,
                                          .arg = s}};

    snprintf(endpoint, sizeof endpoint, "ipc://%s/admin", s->config.run_path);
    if ((s->admin = bus_bind(s->loop, &config, e)) == NULL)
        return -1;
    config.name = "tap";
    config.calls =
        (struct bus_calls){.rows = tap_rows, .n_rows = ARRAY_LEN(tap_rows), .arg = s};
    snprintf(endpoint, sizeof endpoint, "ipc://%s/tap", s->config.run_path);
    return (s->tap = bus_bind(s->loop, &config, e)) != NULL ? 0 : -1;
}
