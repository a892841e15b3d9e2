/* test_publish.c - the dirty sets: nothing is lost, nothing is queued twice. */
#include "watcher/publish.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/bus/shard.h"
#include "common/macros.h"
#include "tests/support/rows.h"

struct rig {
    struct watched watched[2];
    struct shelf shelves[2];
    struct publisher *publisher;
    struct buf sent; /* "shard-0:+a@u1:5 " */
    int busy;        /* so many sends are refused as full */
    bool gone;       /* the next send finds nobody */
};

static int
send_to(void *arg, const char *to, const struct message *m, struct err *e)
{
    struct rig *r = arg;

    if (r->gone)
        return err_set(e, ERR_GONE, "nobody");
    if (r->busy > 0) {
        r->busy--;
        return err_set(e, ERR_BUSY, "full");
    }
    buf_printf(&r->sent, "%s:", to);
    if (m->kind == MSG_OBJECT_UPSERT)
        buf_printf(&r->sent, "+%s@%s:%s ", m->body.object.name, m->body.object.uid,
                   m->body.object.version);
    else if (m->kind == MSG_OBJECT_DELETE)
        buf_printf(&r->sent, "-%s@%s:%s%s ", m->body.object_gone.name,
                   m->body.object_gone.uid, m->body.object_gone.version,
                   m->body.object_gone.final_unknown ? "!" : "");
    else if (m->kind == MSG_SNAPSHOT_END)
        buf_printf(&r->sent, "end(%zu,%s) ", m->body.sweep_end.kinds.count,
                   m->body.sweep_end.kinds.count > 0
                       ? m->body.sweep_end.kinds.items[0].version
                       : "");
    else
        buf_printf(&r->sent, "at(%s%s) ", m->body.progress.version,
                   m->body.progress.stale_since != 0 ? ",stale" : "");
    return 0;
}

static void
rig_up(struct rig *r)
{
    memset(r, 0, sizeof *r);
    r->watched[0] =
        (struct watched){KIND_TASK, PROFILE_KELOS, KUBE_TASKS, NULL, NULL, false};
    r->watched[1] =
        (struct watched){KIND_JOB, PROFILE_KELOS, KUBE_JOBS, NULL, NULL, false};
    for (int i = 0; i < 2; i++)
        r->shelves[i] = (struct shelf){.watched = &r->watched[i],
                                       .cache = cache_new(&r->watched[i]),
                                       .complete = true};
    strcpy(r->shelves[0].version, "9");
    r->publisher = publisher_new(r->shelves, 2, 77, send_to, r);
}

static void
rig_down(struct rig *r)
{
    publisher_free(r->publisher);
    for (int i = 0; i < 2; i++)
        cache_free(r->shelves[i].cache);
    buf_free(&r->sent);
}

static void
put(struct rig *r, int shelf, const char *ns, const char *name, const char *uid,
    const char *version)
{
    struct object_id id = {"", "", "", ""};
    enum cache_change change;
    struct entry *old = NULL;

    snprintf(id.ns, sizeof id.ns, "%s", ns);
    snprintf(id.name, sizeof id.name, "%s", name);
    snprintf(id.uid, sizeof id.uid, "%s", uid);
    snprintf(id.version, sizeof id.version, "%s", version);
    struct entry *e = cache_put(r->shelves[shelf].cache, &id, "\x80", 1, &change, &old);
    if (change == CACHE_REPLACED)
        publisher_mark(r->publisher, old);
    if (change != CACHE_SAME)
        publisher_mark(r->publisher, e);
}

static void
drop(struct rig *r, int shelf, const char *ns, const char *name, const char *version)
{
    struct entry *e = cache_find(r->shelves[shelf].cache, ns, name);

    cache_take(r->shelves[shelf].cache, e, version, false);
    publisher_mark(r->publisher, e);
}

static void
join(struct rig *r, const char *who, uint64_t kinds, uint64_t shard, uint64_t shards)
{
    struct err e = ERR_INIT;
    const struct msg_join j = {.kinds = kinds, .shard = shard, .shards = shards};

    cr_assert_eq(publisher_join(r->publisher, who, &j, &e), 0, "%s", e.text);
}

static const char *
flushed(struct rig *r)
{
    buf_clear(&r->sent);
    publisher_flush(r->publisher);
    return buf_str(&r->sent);
}

enum { TASKS = 1 << KIND_TASK, BOTH = 1 << KIND_TASK | 1 << KIND_JOB };

Test(publish, sweeps_everything_to_who_joins_and_says_when_it_is_through)
{
    struct rig r;

    rig_up(&r);
    put(&r, 0, "d", "a", "u1", "1");
    join(&r, "x", TASKS, 0, 1);
    cr_assert_str_eq(flushed(&r), "", "nothing without credit");
    publisher_credit(r.publisher, "x", 10);
    cr_assert_str_eq(flushed(&r), "x:+a@u1:1 x:end(1,9) ");
    cr_assert_str_eq(flushed(&r), "");
    row_claim("KC/CACHE-1");
    row_claim("KC/CACHE-2");
    rig_down(&r);
}

Test(publish, ends_the_snapshot_only_when_every_wanted_kind_is_complete)
{
    struct rig r;

    rig_up(&r);
    r.shelves[1].complete = false;
    put(&r, 0, "d", "a", "u1", "1");
    join(&r, "x", BOTH, 0, 1);
    publisher_credit(r.publisher, "x", 10);
    cr_assert_str_eq(flushed(&r), "x:+a@u1:1 ");
    put(&r, 1, "d", "j", "u2", "2");
    r.shelves[1].complete = true;
    cr_assert_str_eq(flushed(&r), "x:+j@u2:2 x:end(2,9) ",
                     "what came meanwhile is part of the sweep");
    row_claim("KC/CACHE-3");
    row_claim("KC/BUG-16");
    rig_down(&r);
}

Test(publish, sends_only_the_newest_state_of_what_changed_often)
{
    struct rig r;

    rig_up(&r);
    join(&r, "x", TASKS, 0, 1);
    put(&r, 0, "d", "a", "u1", "1");
    put(&r, 0, "d", "a", "u1", "2");
    put(&r, 0, "d", "b", "u2", "3");
    put(&r, 0, "d", "a", "u1", "4");
    put(&r, 0, "d", "a", "u1", "4");
    cr_assert_eq(publisher_waiting(r.publisher), 2);
    publisher_credit(r.publisher, "x", 1);
    cr_assert_str_eq(flushed(&r), "x:+a@u1:4 ");
    publisher_credit(r.publisher, "x", 1);
    cr_assert_str_eq(flushed(&r), "x:+b@u2:3 x:end(1,9) ");
    row_claim("KC/CACHE-4");
    rig_down(&r);
}

Test(publish, tells_of_a_deletion_and_of_a_new_uid_under_the_same_name)
{
    struct rig r;

    rig_up(&r);
    put(&r, 0, "d", "a", "u1", "1");
    join(&r, "x", TASKS, 0, 1);
    publisher_credit(r.publisher, "x", 10);
    flushed(&r);
    put(&r, 0, "d", "a", "u2", "5");
    cr_assert_str_eq(flushed(&r), "x:-a@u1:1! x:+a@u2:5 ");
    drop(&r, 0, "d", "a", "6");
    cr_assert_str_eq(flushed(&r), "x:-a@u2:6 ");
    cr_assert_eq(cache_count(r.shelves[0].cache), 0);
    row_claim("KC/OBJ-2");
    row_claim("KC/BUG-3");
    rig_down(&r);
}

Test(publish, says_how_far_it_is_once_nothing_is_left_to_send)
{
    struct rig r;

    rig_up(&r);
    join(&r, "x", TASKS, 0, 1);
    flushed(&r);
    put(&r, 0, "d", "a", "u1", "10");
    strcpy(r.shelves[0].version, "10");
    cr_assert_str_eq(flushed(&r), "", "an older state would be taken for up to date");
    publisher_credit(r.publisher, "x", 5);
    cr_assert_str_eq(flushed(&r), "x:+a@u1:10 x:at(10) ");
    strcpy(r.shelves[0].version, "12"); /* a bookmark */
    cr_assert_str_eq(flushed(&r), "x:at(12) ");
    r.shelves[0].stale_since = 5;
    cr_assert_str_eq(flushed(&r), "x:at(12,stale) ");
    rig_down(&r);
}

Test(publish, keeps_what_a_full_socket_refused_and_forgets_who_is_gone)
{
    struct rig r;

    rig_up(&r);
    put(&r, 0, "d", "a", "u1", "1");
    join(&r, "x", TASKS, 0, 1);
    publisher_credit(r.publisher, "x", 10);
    r.busy = 1;
    cr_assert(publisher_flush(r.publisher));
    cr_assert_str_eq(flushed(&r), "x:+a@u1:1 x:end(1,9) ");
    put(&r, 0, "d", "b", "u2", "2");
    drop(&r, 0, "d", "a", "3");
    r.gone = true;
    flushed(&r);
    r.gone = false;
    cr_assert_eq(publisher_waiting(r.publisher), 0);
    cr_assert_str_eq(flushed(&r), "");
    rig_down(&r);
}

Test(publish, gives_each_shard_its_own_namespaces)
{
    struct rig r;
    char name[16];

    rig_up(&r);
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "n%d", i);
        put(&r, 0, name, "a", name, "1");
    }
    join(&r, "s0", TASKS, 0, 2);
    join(&r, "s1", TASKS, 1, 2);
    size_t both = publisher_waiting(r.publisher);
    cr_assert_eq(both, 64, "each object goes to one shard");
    publisher_leave(r.publisher, "s1");
    size_t first = publisher_waiting(r.publisher);
    cr_assert(first > 16 && first < 48, "%zu of 64", first);
    cr_assert_eq(fnv1a_64("a"), UINT64_C(0xaf63dc4c8601ec8c));
    cr_assert_lt(shard_of("default", 7), 7);
    row_claim("KC/LOAD-5");
    rig_down(&r);
}

Test(publish, shards_by_ranges_of_the_namespaces_hash_and_keeps_a_namespace_together)
{
    /* The published test vectors of 64-bit FNV-1a. */
    static const struct {
        const char *text;
        uint64_t hash;
    } rows[] = {{"", UINT64_C(0xcbf29ce484222325)},
                {"a", UINT64_C(0xaf63dc4c8601ec8c)},
                {"foobar", UINT64_C(0x85944171f73967e8)}};
    struct rig r;
    char ns[16], upper[300];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(fnv1a_64(rows[i].text), rows[i].hash, "%s", rows[i].text);
    for (int shards = 1; shards <= 8; shards++) {
        size_t each[8] = {0};
        for (int i = 0; i < 4096; i++) {
            snprintf(ns, sizeof ns, "team-%d", i);
            uint64_t at = shard_of(ns, (uint64_t)shards);
            cr_assert_lt(at, (uint64_t)shards);
            each[at]++;
        }
        for (int i = 0; i < shards;
             i++) /* equal ranges: equal shares, within a quarter */
            cr_expect(each[i] * (size_t)shards > 3072 && each[i] * (size_t)shards < 5120,
                      "%zu of 4096 in one of %d", each[i], shards);
    }
    rig_up(&r);
    for (int i = 0; i < 32; i++) { /* a Task and its Job, as one decision needs them */
        snprintf(ns, sizeof ns, "n%d", i);
        put(&r, 0, ns, ns, ns, "1");
        put(&r, 1, ns, ns, ns, "1");
    }
    const char *const shards[] = {"s0", "s1", "s2"};
    for (size_t i = 0; i < 3; i++) {
        join(&r, shards[i], BOTH, i, 3);
        publisher_credit(r.publisher, shards[i], 1000);
    }
    flushed(&r);
    for (int i = 0; i < 32; i++) {
        int owners = 0;
        snprintf(ns, sizeof ns, "n%d", i);
        for (size_t k = 0; k < 3; k++) {
            snprintf(upper, sizeof upper, "%s:+%s@%s:1 ", shards[k], ns, ns);
            const char *one = strstr(buf_str(&r.sent), upper);
            owners += one != NULL;
            cr_expect(one == NULL || strstr(one + 1, upper) != NULL,
                      "%s: Task and Job in different shards", ns);
        }
        cr_expect_eq(owners, 1, "%s has %d shards", ns, owners);
    }
    row_claim("KC/SH-1");
    rig_down(&r);
}

Test(publish, never_loses_a_change_whatever_the_order)
{
    struct rig r;
    unsigned seed = 42;
    int newest[8] = {0};

    rig_up(&r);
    join(&r, "x", TASKS, 0, 1);
    for (int step = 1; step < 5000; step++) {
        char name[8], version[16];
        int k = rand_r(&seed) % 8;
        snprintf(name, sizeof name, "o%d", k);
        snprintf(version, sizeof version, "%d", step);
        if (rand_r(&seed) % 4 == 0 && cache_find(r.shelves[0].cache, "d", name) != NULL) {
            drop(&r, 0, "d", name, version);
            newest[k] = 0;
        } else {
            put(&r, 0, "d", name, rand_r(&seed) % 5 == 0 ? version : "u", version);
            newest[k] = step;
        }
        publisher_credit(r.publisher, "x", (uint64_t)(rand_r(&seed) % 3));
        buf_clear(&r.sent);
        publisher_flush(r.publisher);
    }
    cr_assert_leq(publisher_waiting(r.publisher), 5000);
    publisher_credit(r.publisher, "x", 100000);
    flushed(&r);
    cr_assert_eq(publisher_waiting(r.publisher), 0);
    for (int k = 0; k < 8; k++) {
        char name[8];
        snprintf(name, sizeof name, "o%d", k);
        const struct entry *e = cache_find(r.shelves[0].cache, "d", name);
        cr_assert_eq(e != NULL ? atoi(entry_version(e)) : 0, newest[k]);
    }
    rig_down(&r);
}

Test(publish, needs_little_memory_per_object)
{
    struct rig r;
    char prompt[201], text[2048];
    struct err e = ERR_INIT;
    struct buf doc = BUF_INIT;

    rig_up(&r);
    memset(prompt, 'p', 200);
    prompt[200] = '\0';
    for (int i = 0; i < 2000; i++) {
        enum cache_change change;
        struct entry *old = NULL;
        struct object_id id;
        snprintf(text, sizeof text,
                 "{\"metadata\":{\"name\":\"task-%d\",\"namespace\":\"dev\",\"uid\":"
                 "\"9bb58c50-0580-43d7-"
                 "acee-ded0531%05d\",\"resourceVersion\":\"%d\",\"generation\":1,"
                 "\"creationTimestamp\":"
                 "\"2026-01-01T00:00:00Z\",\"finalizers\":[\"kelos.dev/"
                 "finalizer\"]},\"spec\":{\"type\":"
                 "\"claude-code\",\"prompt\":\"%s\",\"credentials\":{\"type\":\"api-"
                 "key\",\"secretRef\":{"
                 "\"name\":\"c\"}}},\"status\":{\"phase\":\"Running\",\"jobName\":\"task-"
                 "%d\"}}",
                 i, i, i + 1, prompt, i);
        buf_clear(&doc);
        cr_assert_eq(project_json(text, strlen(text), &project_all, &doc, &id, &e), 0,
                     "%s", e.text);
        cache_put(r.shelves[0].cache, &id, doc.data, doc.size, &change, &old);
    }
    size_t each = cache_bytes(r.shelves[0].cache) / 2000;
    cr_assert_leq(each, 3072 + 2 * 280, "%zu bytes per Task", each);
    cr_assert_leq(each, 1024, "%zu bytes per Task", each);
    row_claim("KC/CACHE-8");
    buf_free(&doc);
    rig_down(&r);
}
