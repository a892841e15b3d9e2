/* shard_server.c - stands in for kelos-reconciler in tests of spawner and statuswriter: does
 * what it is told by JSON lines on stdin, prints what it hears as JSON lines on stdout.
 *
 *   {"do": "want", "sources": [{"key", "type", "api_base"}]}
 *   {"do": "assign", "key", "type", "api_base", "token", "user", "spawns": [{...}]}
 *   {"do": "ack", "mode": "all" | "none" | "full"}     how source.items are acknowledged
 *   {"do": "status" | "event" | "collect", ...}        the fields of the message
 */
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/data/json.h"
#include "common/log.h"
#include "common/worker/worker.h"

struct self {
    struct worker *w;
    struct bus *sources, *status;
    int64_t shard, shards;
    json_t *assigns;  /* key -> the command; survives nothing, tests say it again */
    char spawner[97]; /* user id of the latest that joined */
    const char *mode;
    struct buf input;
    const char *ignored;
};

static void
print(json_t *line)
{
    char *text = json_dump_compact(line);

    printf("%s\n", text);
    fflush(stdout);
    free(text);
    json_decref(line);
}

/* ---- out ---- */

static const char *
text(const json_t *o, const char *key)
{
    return json_str_or(o, key, "");
}

static void
send_assign(struct self *s, const json_t *c)
{
    const json_t *list = json_object_get(c, "spawns");
    size_t n = json_array_size(list);
    struct msg_spawn *spawns = calloc(n + 1, sizeof(*spawns));
    char **whens = calloc(n + 1, sizeof(*whens));
    struct message m = {.kind = MSG_SOURCE_ASSIGN};
    struct err e = ERR_INIT;

    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(list, i);

        whens[i] = json_dump_compact(json_object_get(x, "when"));
        spawns[i] = (struct msg_spawn){.ns = text(x, "ns"),
                                       .name = text(x, "name"),
                                       .uid = text(x, "uid"),
                                       .owner = text(x, "owner"),
                                       .repo = text(x, "repo"),
                                       .when = whens[i],
                                       .digest = text(x, "digest"),
                                       .cache = text(x, "cache"),
                                       .generation = json_int_or(x, "generation", 1),
                                       .created = json_int_or(x, "created", 1),
                                       .poll_ms = json_int_or(x, "poll_ms", 1000),
                                       .watermark = json_int_or(x, "watermark", 0),
                                       .handed = json_int_or(x, "handed", 0)};
    }
    m.body.assign = (struct msg_assign){.key = text(c, "key"),
                                        .serial = 1,
                                        .type = text(c, "type"),
                                        .api_base = text(c, "api_base"),
                                        .user = text(c, "user"),
                                        .token = text(c, "token")};
    m.body.assign.spawns.items = spawns;
    m.body.assign.spawns.count = n;
    if (bus_send(s->sources, s->spawner, &m, &e) < 0)
        log_error(NULL, "source.assign: %s", e.text);
    for (size_t i = 0; i < n; i++)
        free(whens[i]);
    free(whens);
    free(spawns);
}

static void
do_assign(struct self *s, json_t *c)
{
    json_object_set(s->assigns, text(c, "key"), c);
    if (*s->spawner != '\0')
        send_assign(s, c);
}

static void
do_want(struct self *s, json_t *c)
{
    const json_t *list = json_object_get(c, "sources");
    struct msg_source rows[256];
    struct message m = {.kind = MSG_WORKER_WANT};
    struct err e = ERR_INIT;
    size_t n = 0;

    for (; n < json_array_size(list) && n < 256; n++) {
        const json_t *x = json_array_get(list, n);

        rows[n] =
            (struct msg_source){text(x, "key"), text(x, "type"), text(x, "api_base")};
    }
    m.body.want.sources.items = rows;
    m.body.want.sources.count = n;
    if (bus_send(worker_control(s->w), NULL, &m, &e) < 0)
        log_error(NULL, "worker.want: %s", e.text);
}

static void
do_ack(struct self *s, json_t *c)
{
    s->mode = strcmp(text(c, "mode"), "none") == 0   ? "none"
              : strcmp(text(c, "mode"), "full") == 0 ? "full"
                                                     : "all";
}

static void
do_status(struct self *s, json_t *c)
{
    char *patch = json_dump_compact(json_object_get(c, "patch"));
    struct message m = {.kind = MSG_STATUS_APPLY};
    struct err e = ERR_INIT;

    m.body.status =
        (struct msg_status){.id = (uint64_t)json_int_or(c, "id", 0),
                            .kind = (uint64_t)json_int_or(c, "kind", KIND_TASK),
                            .ns = text(c, "ns"),
                            .name = text(c, "name"),
                            .uid = text(c, "uid"),
                            .patch = {patch, strlen(patch)}};
    if (bus_send(s->status, NULL, &m, &e) < 0)
        log_error(NULL, "status.apply: %s", e.text);
    free(patch);
}

static void
do_event(struct self *s, json_t *c)
{
    struct message m = {.kind = MSG_EVENT_EMIT};
    struct err e = ERR_INIT;

    m.body.event = (struct msg_event){.id = (uint64_t)json_int_or(c, "id", 0),
                                      .kind = KIND_TASK,
                                      .ns = text(c, "ns"),
                                      .name = text(c, "name"),
                                      .uid = text(c, "uid"),
                                      .event_name = text(c, "event_name"),
                                      .type = text(c, "type"),
                                      .reason = text(c, "reason"),
                                      .message = text(c, "message")};
    if (bus_send(s->status, NULL, &m, &e) < 0)
        log_error(NULL, "event.emit: %s", e.text);
}

static void
do_collect(struct self *s, json_t *c)
{
    struct message m = {.kind = MSG_OUTPUTS_COLLECT};
    struct err e = ERR_INIT;

    m.body.collect = (struct msg_collect){.id = (uint64_t)json_int_or(c, "id", 0),
                                          .ns = text(c, "ns"),
                                          .task = text(c, "task"),
                                          .uid = text(c, "uid"),
                                          .pod = text(c, "pod"),
                                          .container = text(c, "container"),
                                          .failed = json_bool_or(c, "failed", false)};
    if (bus_send(s->status, NULL, &m, &e) < 0)
        log_error(NULL, "outputs.collect: %s", e.text);
}

/* ---- in ---- */

static void
on_join(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct self *s = arg;
    const json_t *c = json_object_get(s->assigns, m->body.source.key);

    (void)bus;
    snprintf(s->spawner, sizeof(s->spawner), "%s", from->user_id);
    print(json_pack("{s:s, s:s, s:s}", "got", "join", "from", from->user_id, "key",
                    m->body.source.key));
    if (c != NULL)
        send_assign(s, c);
}

static void
ack(struct self *s, const struct peer *from, const char *key, const char *uid,
    uint64_t serial)
{
    struct message m = {.kind = MSG_SOURCE_ACK};
    struct err e = ERR_INIT;

    if (strcmp(s->mode, "none") == 0)
        return;
    m.body.source_ack =
        (struct msg_source_ack){.key = key,
                                .uid = uid,
                                .serial = serial,
                                .want_full = strcmp(s->mode, "full") == 0};
    if (bus_send(s->sources, from->user_id, &m, &e) < 0)
        log_error(NULL, "source.ack: %s", e.text);
}

static void
on_items(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    struct self *s = arg;
    const struct msg_items *it = &m->body.items;
    json_t *ids = json_array(), *comments = json_object(), *times = json_object();
    const struct msg_poll *poll = it->poll.count > 0 ? it->poll.items : NULL;

    (void)bus;
    for (size_t i = 0; i < it->items.count; i++) {
        const struct msg_item *x = &it->items.items[i];

        json_array_append_new(ids, json_string(x->id));
        json_object_set_new(comments, x->id, json_string(x->comments));
        json_object_set_new(times, x->id, json_integer(x->trigger_time));
    }
    print(json_pack(
        "{s:s, s:s, s:s, s:I, s:b, s:I, s:s, s:s, s:I, s:s, s:o, s:o, s:o, s:I, s:I}",
        "got", "items", "name", it->name, "uid", it->uid, "page", (json_int_t)it->page,
        "last", it->last, "total", (json_int_t)it->total, "digest", it->digest, "cache",
        it->cache, "watermark", (json_int_t)it->watermark, "warning", it->warning, "ids",
        ids, "comments", comments, "trigger", times, "calls",
        (json_int_t)(poll != NULL ? poll->calls : 0), "quota",
        (json_int_t)(poll != NULL ? poll->quota_left : -1)));
    if (it->last)
        ack(s, from, it->key, it->uid, it->serial);
}

static void
on_unchanged(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct msg_unchanged *u = &m->body.unchanged;

    (void)bus;
    print(json_pack("{s:s, s:s, s:s}", "got", "unchanged", "name", u->name, "digest",
                    u->digest));
    if (strcmp(((struct self *)arg)->mode, "full") == 0)
        ack(arg, from, u->key, u->uid, u->serial);
}

static void
on_fail(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct msg_source_fail *f = &m->body.source_fail;

    (void)arg;
    (void)bus;
    (void)from;
    print(json_pack("{s:s, s:s, s:s, s:s, s:I, s:b}", "got", "error", "name", f->name,
                    "reason", f->reason, "message", f->message, "retry_at",
                    (json_int_t)f->retry_at, "credential", f->credential));
}

static void
on_write_ack(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct msg_write_ack *a = &m->body.write_ack;

    (void)arg;
    (void)bus;
    (void)from;
    print(json_pack("{s:s, s:I, s:I, s:s, s:s}", "got",
                    m->kind == MSG_STATUS_ACK ? "status.ack" : "event.ack", "id",
                    (json_int_t)a->id, "code", (json_int_t)a->code, "version", a->version,
                    "message", a->message));
}

static void
on_outputs(void *arg, struct bus *bus, const struct peer *from, const struct message *m)
{
    const struct msg_outputs *o = &m->body.outputs;
    json_t *lines = json_array(), *results = json_object();

    (void)arg;
    (void)bus;
    (void)from;
    for (size_t i = 0; i < o->outputs.count; i++)
        json_array_append_new(lines, json_string(o->outputs.items[i]));
    for (size_t i = 0; i < o->results.count; i++)
        json_object_set_new(results, o->results.items[i].key,
                            json_string(o->results.items[i].value));
    print(json_pack("{s:s, s:I, s:b, s:b, s:o, s:o, s:s, s:s, s:I, s:b}", "got",
                    "outputs", "id", (json_int_t)o->id, "complete", o->complete, "found",
                    o->found, "outputs", lines, "results", results, "tail", o->tail,
                    "message", o->message, "level", (json_int_t)o->level, "setup",
                    o->setup));
}

static const struct handler rows[] = {
    {MSG_SOURCE_JOIN, on_join},           {MSG_SOURCE_ITEMS, on_items},
    {MSG_SOURCE_UNCHANGED, on_unchanged}, {MSG_SOURCE_ERROR, on_fail},
    {MSG_STATUS_ACK, on_write_ack},       {MSG_EVENT_ACK, on_write_ack},
    {MSG_OUTPUTS_DONE, on_outputs},
};

/* ---- commands ---- */

static const struct {
    const char *name;
    void (*fn)(struct self *s, json_t *c);
} commands[] = {{"want", do_want},     {"assign", do_assign}, {"ack", do_ack},
                {"status", do_status}, {"event", do_event},   {"collect", do_collect}};

static void
run_line(struct self *s, const char *line)
{
    SCOPED(json) json_t *c = json_loads(line, 0, NULL);

    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(text(c, "do"), commands[i].name) == 0) {
            commands[i].fn(s, c);
            return;
        }
    log_error(NULL, "no such command: %s", line);
}

static void
on_stdin(void *arg, struct worker *w, int fd, int events)
{
    struct self *s = arg;
    char bytes[65536], *end;
    ssize_t n = read(fd, bytes, sizeof(bytes));

    (void)events;
    if (n <= 0) {
        worker_unwatch(w, fd);
        return;
    }
    buf_add(&s->input, bytes, (size_t)n);
    while ((end = memchr(s->input.data, '\n', s->input.size)) != NULL) {
        *end = '\0';
        run_line(s, s->input.data);
        buf_consume(&s->input, (size_t)(end - s->input.data) + 1);
    }
}

static int
open_parts(struct self *s, struct err *e)
{
    const struct bus_calls calls = {.rows = rows, .n_rows = ARRAY_LEN(rows), .arg = s};

    if ((s->sources = worker_bind(s->w, "source-0", &calls, e)) == NULL ||
        (s->status = worker_connect(s->w, "status", &calls, e)) == NULL)
        return -1;
    fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
    worker_watch(s->w, 0, WATCH_IN, on_stdin, s);
    return worker_ready(s->w, e);
}

int
main(int argc, char **argv)
{
    struct self self = {.mode = "all", .ignored = ""};
    const struct flag flags[] = {
        {"shard", FLAG_NUMBER, &self.shard, "N", "shard"},
        {"shard-count", FLAG_NUMBER, &self.shards, "N", "shards"}};
    const struct worker_spec spec = {.role = ROLE_RECONCILER,
                                     .usage = "shard_server",
                                     .flags = flags,
                                     .n_flags = ARRAY_LEN(flags),
                                     .arg = &self};
    struct err e = ERR_INIT;
    SCOPED(worker) struct worker *w = worker_join(argc, argv, &spec, &e);
    int status = 0;

    if (w == NULL)
        return worker_exit(w, &e);
    self.w = w;
    self.assigns = json_object();
    if (open_parts(&self, &e) < 0 || worker_run(w, &e) < 0)
        status = worker_exit(w, &e);
    json_decref(self.assigns);
    buf_free(&self.input);
    return status;
}
