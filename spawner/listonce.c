#include "spawner/listonce.h"

#include <string.h>

#include "common/castore.h"
#include "common/clock.h"
#include "common/data/json.h"
#include "spawner/engine.h"

enum { REQUEST_MAX = 1 << 20, DEADLINE_MS = 120000 };

struct once {
    json_t *items;
    struct explain explain; /* .excluded NULL: not asked for */
    json_t *answer;         /* an error, when there is one */
    json_t *warning;
    uint64_t calls;
    int64_t watermark;
    bool done;
};

static void
keep_items(struct once *o, const struct msg_items *m)
{
    const struct items page = {.rows = (struct msg_item *)m->items.items,
                               .n = m->items.count};
    json_t *rows = items_json(&page);

    json_array_extend(o->items, rows);
    json_decref(rows);
    if (m->last) {
        o->warning = json_string(m->warning);
        o->calls += m->poll.count > 0 ? m->poll.items[0].calls : 0;
        o->watermark = m->watermark;
        o->done = true;
    }
}

static int
on_send(void *arg, unsigned shard, const struct message *m)
{
    struct once *o = arg;

    (void)shard;
    if (m->kind == MSG_SOURCE_ITEMS)
        keep_items(o, &m->body.items);
    else if (m->kind == MSG_SOURCE_ERROR) {
        o->answer = json_pack("{s:s, s:s}", "error", m->body.source_fail.message,
                              "reason", m->body.source_fail.reason);
        o->done = true;
    }
    return 0;
}

static json_t *
read_request(FILE *in, struct err *e)
{
    SCOPED(buf) struct buf text = {.limit = REQUEST_MAX};
    char chunk[8192];
    size_t n;

    while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
        if (buf_add(&text, chunk, n) < 0) {
            err_set(e, ERR_LIMIT, "the request is longer than %d bytes", REQUEST_MAX);
            return NULL;
        }
    return json_parse(buf_str(&text), text.size, REQUEST_MAX, e);
}

static int
ask(struct once *o, const json_t *request, const char *when, struct err *e)
{
    const char *text = "";
    struct msg_spawn spawn = {.ns = "once",
                              .name = "once",
                              .uid = "once",
                              .when = when,
                              .digest = "",
                              .cache = "",
                              .poll_ms = 60000,
                              .owner = json_str_or(request, "owner", ""),
                              .repo = json_str_or(request, "repo", ""),
                              .created = json_int_or(request, "created", 0),
                              .watermark = json_int_or(request, "watermark", 0),
                              .handed = json_int_or(request, "handed", 0)};
    struct msg_assign assign = {.key = "once",
                                .user = json_str_or(request, "user", ""),
                                .token = json_str_or(request, "token", ""),
                                .api_base = json_str_or(request, "api_base", ""),
                                .one_shot = true};
    struct engine_config c = {.key = "once",
                              .send = on_send,
                              .arg = o,
                              .explain =
                                  o->explain.excluded != NULL ? &o->explain : NULL};
    SCOPED(castore) struct castore *castore = castore_new(e);
    SCOPED(loop) struct loop *loop = castore != NULL ? loop_poll_new(e) : NULL;
    SCOPED(http)
    struct http *http = loop != NULL ? http_new(loop, "kelos-spawner", e) : NULL;
    SCOPED(engine) struct engine *engine = NULL;

    if (http == NULL || json_get_str(request, "type", &text, e) < 0)
        return -1;
    http_trust(http, castore_use, castore);
    assign.type = text;
    assign.spawns.items = &spawn;
    assign.spawns.count = 1;
    c.loop = loop;
    c.http = http;
    if ((engine = engine_new(&c)) == NULL)
        return err_set(e, ERR_SYSTEM, "out of memory");
    if (engine_assign(engine, 0, &assign, e) < 0)
        return -1;
    if (!o->done && loop_poll_run(loop, &o->done, DEADLINE_MS, e) < 0)
        return -1;
    return o->done ? 0 : err_set(e, ERR_TIMEOUT, "the source has not answered in time");
}

static int
say(FILE *out, json_t *answer, int status)
{
    char *text = json_dump_compact(answer);

    if (text != NULL)
        fprintf(out, "%s\n", text);
    free(text);
    json_decref(answer);
    return status;
}

static void
release(struct once *o)
{
    json_decref(o->items);
    json_decref(o->explain.excluded);
    json_decref(o->warning);
    json_decref(o->answer);
}

static int
ask_when(struct once *o, const json_t *request, const json_t *when, struct err *e)
{
    SCOPED(string) char *text = json_dump_compact(when);

    return text != NULL ? ask(o, request, text, e)
                        : err_set(e, ERR_SYSTEM, "out of memory");
}

static bool
has_id(const json_t *items, const char *id)
{
    size_t i;
    json_t *v;

    json_array_foreach((json_t *)items, i,
                       v) if (strcmp(json_str_or(v, "id", ""), id) == 0) return true;
    return false;
}

/* Jira filters by itself: what its query excludes is the rest of the project. */
static int
explain_jira(struct once *o, const json_t *request, const json_t *when, struct err *e)
{
    struct once all = {.items = json_array()};
    SCOPED(json) json_t *wide = json_deep_copy(when);
    const char *jql = json_str_or(when, "jira.jql", "");
    int rc;
    size_t i;
    json_t *v;

    json_object_del(json_object_get(wide, "jira"), "jql");
    if ((rc = ask_when(&all, request, wide, e)) == 0)
        json_array_foreach(all.items, i, v)
        {
            if (has_id(o->items, json_str_or(v, "id", "")))
                continue;
            json_array_append_new(
                o->explain.excluded,
                json_pack("{s:O, s:O, s:O, s:O, s:O, s:o}", "id",
                          json_object_get(v, "id"), "number",
                          json_object_get(v, "number"), "title",
                          json_object_get(v, "title"), "url", json_object_get(v, "url"),
                          "kind", json_object_get(v, "kind"), "rule",
                          json_sprintf("jql: does not match %.500s", jql)));
        }
    o->calls += all.calls;
    release(&all);
    return rc;
}

/* Asks with the rules that exclude an item. Where all items are too many to look at, only
 * those that match are listed. */
static int
ask_explained(struct once *o, const json_t *request, const json_t *when, struct err *e)
{
    bool github = json_at(when, "githubIssues") != NULL ||
                  json_at(when, "githubPullRequests") != NULL;

    if (github)
        o->explain.excluded = json_array();
    if (ask_when(o, request, when, e) < 0)
        return -1;
    if (!github)
        o->explain.excluded = json_array();
    if (o->answer == NULL && json_str_or(when, "jira.jql", "")[0] != '\0')
        return explain_jira(o, request, when, e);
    if (!o->explain.truncated)
        return 0;
    uint64_t calls = o->calls;
    release(o);
    *o = (struct once){.items = json_array(), .calls = calls};
    return ask_when(o, request, when, e);
}

int
listonce_run(FILE *in, FILE *out)
{
    struct once o = {.items = json_array()};
    struct err e = ERR_INIT;
    SCOPED(json) json_t *request = read_request(in, &e);
    const json_t *when = request != NULL ? json_object_get(request, "when") : NULL;
    bool explained = json_bool_or(request, "explain", false);
    json_t *answer = NULL;
    int status = 2;

    if (request != NULL && when == NULL)
        err_set(&e, ERR_INVALID, "when: is missing");
    if (when == NULL || (explained ? ask_explained : ask_when)(&o, request, when, &e) < 0)
        answer = json_pack("{s:s, s:s}", "error", e.text, "reason", "InvalidRequest");
    else if (o.answer != NULL) {
        answer = json_incref(o.answer);
        status = 1;
    } else {
        answer =
            json_pack("{s:O, s:O, s:I, s:I}", "items", o.items, "warning", o.warning,
                      "calls", (json_int_t)o.calls, "watermark", (json_int_t)o.watermark);
        if (o.explain.excluded != NULL)
            json_object_set(answer, "excluded", o.explain.excluded);
        status = 0;
    }
    release(&o);
    return say(out, answer, status);
}
