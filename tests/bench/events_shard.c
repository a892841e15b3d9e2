/* events_shard.c - stands in for kelos-reconciler in tests/bench/events: takes the Tasks that the
 * watcher shows, whose resourceVersion is the time (CLOCK_MONOTONIC, ns) at which the server sent
 * them, and prints how long each was on its way. */
#include <fcntl.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/worker/worker.h"

enum { CREDIT = 512, COUNTED_MAX = 1 << 20 };

struct self {
    struct worker *w;
    struct bus *objects;
    int64_t first, count; /* those before `first` only warm up */
    int64_t seen, consumed;
    int64_t *waits_ns;
    int64_t shard, shards;
    const char *ignored;
};

static void
give(struct self *s, uint64_t messages)
{
    const struct message m = {.kind = MSG_OBJECTS_CREDIT,
                              .body.credit = {.messages = messages}};
    struct err e = ERR_INIT;

    if (bus_send(s->objects, NULL, &m, &e) < 0)
        log_error(NULL, "objects.credit: %s", e.text);
}

static void
on_joined(void *arg, struct bus *bus, const struct peer *peer UNUSED)
{
    const struct message join = {.kind = MSG_OBJECTS_JOIN,
                                 .body.join = {.kinds = 1u << KIND_TASK, .shards = 1}};
    struct self *s = arg;
    struct err e = ERR_INIT;

    s->objects = bus;
    if (bus_send(bus, NULL, &join, &e) < 0)
        log_error(NULL, "objects.join: %s", e.text);
    give(s, CREDIT);
}

static int
by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double
percentile_ms(const struct self *s, int percent)
{
    return (double)s->waits_ns[(s->count - 1) * percent / 100] / 1e6;
}

static void
print(struct self *s)
{
    qsort(s->waits_ns, (size_t)s->count, sizeof *s->waits_ns, by_size);
    printf("%.3f %.3f %.3f\n", percentile_ms(s, 50), percentile_ms(s, 99),
           percentile_ms(s, 100));
    fflush(stdout);
}

static void
on_upsert(void *arg, struct bus *bus UNUSED, const struct peer *from UNUSED,
          const struct message *m)
{
    const struct msg_object *o = &m->body.object;
    struct self *s = arg;
    int64_t now = clock_mono_ns();

    if (++s->consumed == CREDIT / 2) {
        give(s, (uint64_t)s->consumed);
        s->consumed = 0;
    }
    if (o->kind != KIND_TASK || s->seen >= s->first + s->count)
        return;
    if (s->seen >= s->first)
        s->waits_ns[s->seen - s->first] = now - strtoll(o->version, NULL, 10);
    if (++s->seen == s->first + s->count)
        print(s);
}

static const struct handler rows[] = {{MSG_OBJECT_UPSERT, on_upsert}};

static int
number_of(const char *name, int64_t *out, struct err *e)
{
    const char *text = getenv(name);

    *out = text != NULL ? strtoll(text, NULL, 10) : 0;
    return *out >= 0 && *out < COUNTED_MAX
               ? 0
               : err_set(e, ERR_INVALID, "%s: must be within 0 and %d", name,
                         COUNTED_MAX);
}

static int
open_self(struct self *s, struct err *e)
{
    const struct bus_calls calls = {
        .rows = rows, .n_rows = ARRAY_LEN(rows), .joined = on_joined, .arg = s};

    if (number_of("KELOS_TEST_FIRST", &s->first, e) < 0 ||
        number_of("KELOS_TEST_COUNT", &s->count, e) < 0)
        return -1;
    s->waits_ns = calloc((size_t)s->count + 1, sizeof *s->waits_ns);
    if (s->waits_ns == NULL)
        return err_errno(e, "room for %lld times", (long long)s->count);
    s->objects = worker_connect(s->w, "objects", &calls, e);
    return s->objects != NULL ? worker_ready(s->w, e) : -1;
}

int
main(int argc, char **argv)
{
    struct self self = {.ignored = ""};
    const struct flag flags[] = {
        {"shard", FLAG_NUMBER, &self.shard, "N", "shard"},
        {"shard-count", FLAG_NUMBER, &self.shards, "N", "shards"},
    };
    const struct worker_spec spec = {.usage = "events_shard",
                                     .role = ROLE_RECONCILER,
                                     .flags = flags,
                                     .n_flags = ARRAY_LEN(flags),
                                     .arg = &self};
    struct err e = ERR_INIT;
    int rc;

    if ((self.w = worker_join(argc, argv, &spec, &e)) == NULL)
        return worker_exit(NULL, &e);
    if (open_self(&self, &e) < 0)
        rc = worker_exit(self.w, &e);
    else
        rc = worker_run(self.w, &e) < 0 ? worker_exit(self.w, &e) : 0;
    worker_free(self.w);
    free(self.waits_ns);
    return rc;
}
