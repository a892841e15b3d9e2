/* test_wake.c - whom an object's event concerns, and nobody else. */
#include <czmq.h>

#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/shard.h"

static void
put(struct shard *s, unsigned kind, unsigned profile, const char *name, const char *spec)
{
    struct err e = ERR_INIT;
    struct view *v = view_new(kind, profile,
                              js("{'metadata':{'name':'%s','namespace':'dev','uid':'%s'},"
                                 "'spec':{%s}}",
                                 name, name, spec),
                              &e);

    cr_assert_not_null(v, "%s", e.text);
    view_free(store_put(s->store, &v, 1));
}

static void
put_spawner(struct shard *s, unsigned profile, const char *name, const char *workspace)
{
    char spec[300];

    snprintf(
        spec, sizeof spec,
        "'when':{'cron':{'schedule':'@daily'}},'taskTemplate':{'type':'codex'%s%s%s}",
        workspace != NULL ? ",'workspaceRef':{'name':'" : "",
        workspace != NULL ? workspace : "", workspace != NULL ? "'}" : "");
    put(s, KIND_TASK_SPAWNER, profile, name, spec);
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The keys that were woken, sorted, joined by blanks. */
static const char *
woken(struct shard *s)
{
    static char text[600];
    char *keys[20];
    size_t n = 0;
    const char *key;

    while (n < 20 && (key = queue_take(s->queue, INT64_MAX)) != NULL) {
        keys[n++] = strdup(key);
        queue_forget(s->queue, keys[n - 1]);
    }
    qsort(keys, n, sizeof *keys, by_text);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        strcat(strcat(text, i > 0 ? " " : ""), keys[i]);
        free(keys[i]);
    }
    return text;
}

Test(wake, a_workspace_concerns_exactly_those_who_name_it)
{
    SCOPED(store) struct store *store = store_new();
    SCOPED(queue) struct queue *queue = queue_new();
    struct shard s = {.store = store, .queue = queue};

    put_spawner(&s, 0, "one", "web");
    put_spawner(&s, 0, "two", "web");
    put_spawner(&s, 0, "other", "api");
    put_spawner(&s, 0, "none", NULL);
    put_spawner(&s, 1, "older",
                "web"); /* of the other group, which has its own Workspaces */
    put(&s, KIND_TASK, 0, "fix",
        "'type':'codex','prompt':'p','workspaceRef':{'name':'web'}");
    put(&s, KIND_TASK, 0, "idle", "'type':'codex','prompt':'p'");
    const struct view *web = make_view(KIND_WORKSPACE, 0,
                                       js("{'metadata':{'name':'web','namespace':'dev'},'"
                                          "spec':{'repo':'https://h/a/b'}}"));
    const struct view *elsewhere =
        make_view(KIND_WORKSPACE, 0,
                  js("{'metadata':{'name':'web','namespace':'prod'},'spec':{'repo':'"
                     "https://h/a/b'}}"));

    wake(&s, NULL, web); /* it appears, changes, goes */
    cr_assert_str_eq(woken(&s), "spawner/0/dev/one spawner/0/dev/two task/0/dev/fix");
    wake(&s, web, web);
    cr_assert_str_eq(woken(&s), "spawner/0/dev/one spawner/0/dev/two task/0/dev/fix");
    wake(&s, web, NULL);
    cr_assert_str_eq(woken(&s), "spawner/0/dev/one spawner/0/dev/two task/0/dev/fix");
    wake(&s, NULL, elsewhere);
    cr_assert_str_eq(woken(&s), "");
    row_claim("RES/SP16");
}
