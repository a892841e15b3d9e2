/* test_facts.c - what a decision about a Task is told of the Workspace's Secret. */
#include <czmq.h>

#include "tests/reconciler/fixture.h"

#include "reconciler/task/facts.h"

#define WORKSPACE(secret)                                                                \
    "{'metadata':{'name':'web','namespace':'dev','uid':'w'},'spec':{'repo':"             \
    "'https://github.com/a/b'" secret "}}"

static void
put_workspace(struct store *store, const char *text)
{
    struct err e = ERR_INIT;
    struct view *v = view_new(KIND_WORKSPACE, 0, js("%s", text), &e);

    cr_assert_not_null(v, "%s", e.text);
    view_free(store_put(store, &v, 1));
}

static enum auth_state
auth_seen(struct shard *s, const struct task_view *t, struct task_memory *m)
{
    return facts_gather(s, t, m).auth;
}

Test(facts, what_was_found_in_another_secret_or_long_ago_is_not_believed)
{
    SCOPED(store) struct store *store = store_new();
    struct shard s = {.store = store, .tasks = table_new(NULL)};
    struct task_view *t = make_task("fix", "", "'workspaceRef':{'name':'web'}", "");
    char first[] = "first";
    struct task_memory m = {
        .auth = AUTH_READY, .auth_secret = first, .token = {.read = true}};

    put_workspace(store, WORKSPACE(",'secretRef':{'name':'first'}"));
    cr_assert_eq(auth_seen(&s, t, &m), AUTH_READY);
    m.auth_until = clock_wall_ms() - 1; /* a token that is about to end */
    cr_assert_eq(auth_seen(&s, t, &m), AUTH_UNKNOWN);
    m.auth_until = clock_wall_ms() + 60000;
    cr_assert_eq(auth_seen(&s, t, &m), AUTH_READY);
    put_workspace(store, WORKSPACE(",'secretRef':{'name':'second'}"));
    cr_assert_eq(auth_seen(&s, t, &m), AUTH_UNKNOWN);
    m.auth = AUTH_RETRY; /* for the first, which is not waited for any more */
    cr_assert_eq(auth_seen(&s, t, &m), AUTH_UNKNOWN);
    put_workspace(store, WORKSPACE(""));
    cr_assert_eq(auth_seen(&s, t, &m), AUTH_READY);
    table_free(s.tasks);
}
