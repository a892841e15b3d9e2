/* test_store.c - views and the store that holds them. */
#include "tests/reconciler/fixture.h"
#include "tests/support/rows.h"

#include "reconciler/view/store.h"

static struct task_view *
put(struct store *s, const char *name, const char *spec, const char *meta, uint64_t epoch)
{
    struct task_view *t = make_task(name, meta, spec, "");
    struct view *v = &t->view;

    view_free(store_put(s, &v, epoch));
    return t;
}

static size_t
found(struct store *s, enum task_index by, const char *value)
{
    return store_find(s, by, 0, "dev", value).n;
}

struct walk {
    struct store *store;
    size_t seen;
};

static void
look_others_up(void *arg, struct view *v)
{
    struct walk *w = arg;
    char name[16];

    (void)v;
    for (int i = 0; i < 40 && w->seen < 1000; i++) {
        snprintf(name, sizeof name, "t%d", i);
        cr_assert_not_null(store_get(w->store, KIND_TASK, 0, "dev", name));
    }
    cr_assert_lt(++w->seen, 1000, "it never ends");
}

Test(store, each_comes_to_an_end_when_others_are_looked_up_meanwhile, .timeout = 20)
{
    SCOPED(store) struct store *s = store_new();
    struct walk w = {s, 0};
    char name[16];

    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "t%d", i);
        put(s, name, "", "", 1);
    }
    store_each(s, KIND_TASK, look_others_up, &w);
    cr_assert_eq(w.seen, 40);
}

Test(store, finds_tasks_by_what_they_wait_for)
{
    SCOPED(store) struct store *s = store_new();

    put(s, "a", "'branch':'x','workspaceRef':{'name':'w'}", "", 1);
    put(s, "b", "'branch':'x','workspaceRef':{'name':'w'},'dependsOn':['a']", "", 1);
    put(s, "c", "'branch':'x','workspaceRef':{'name':'v'}",
        "'labels':{'kelos.dev/taskspawner':'ts'}", 1);
    cr_assert_eq(found(s, BY_BRANCH, "w:x"), 2);
    cr_assert_eq(found(s, BY_BRANCH, "v:x"), 1);
    row_claim("TE/BR3");
    cr_assert_eq(store_find(s, BY_BRANCH, 0, "other", "w:x").n, 0);
    row_claim("TE/BR9");
    cr_assert_eq(store_find(s, BY_BRANCH, PROFILE_AXON, "dev", "w:x").n, 0);
    row_claim("RES/X2");
    cr_assert_eq(found(s, BY_DEPENDENCY, "a"), 1);
    cr_assert_eq(found(s, BY_SPAWNER, "ts"), 1);
    cr_assert_eq(found(s, BY_WORKSPACE, "w"), 2);
    put(s, "b", "'branch':'y'", "", 1); /* replaced: the old places are left */
    cr_assert_eq(found(s, BY_BRANCH, "w:x"), 1);
    cr_assert_eq(found(s, BY_DEPENDENCY, "a"), 0);
    cr_assert_eq(store_count(s, KIND_TASK), 3);
    view_free(store_take(s, KIND_TASK, 0, "dev", "a", NULL));
    cr_assert_eq(found(s, BY_BRANCH, "w:x"), 0);
    cr_assert_null(store_get(s, KIND_TASK, 0, "dev", "a"));
}

Test(store, an_end_of_another_object_takes_nothing)
{
    SCOPED(store) struct store *s = store_new();

    put(s, "a", "", "", 1);
    cr_assert_null(store_take(s, KIND_TASK, 0, "dev", "a", "somebody-else"));
    cr_assert_not_null(store_get(s, KIND_TASK, 0, "dev", "a"));
}

static void
forget(void *arg, struct view *v)
{
    view_free(store_take(arg, v->kind, v->meta.profile, v->meta.ns, v->meta.name, NULL));
}

Test(store, what_a_sweep_did_not_mention_is_gone)
{
    SCOPED(store) struct store *s = store_new();

    put(s, "a", "", "", 1);
    put(s, "b", "", "", 1);
    put(s, "b", "", "", 2);
    store_each_stale(s, 2, forget, s);
    cr_assert_null(store_get(s, KIND_TASK, 0, "dev", "a"));
    cr_assert_not_null(store_get(s, KIND_TASK, 0, "dev", "b"));
    row_claim("KC/CACHE-1");
}

static const struct {
    const char *row, *spec, *why;
} bads[] = {
    {"RES/T21", "{'type':'codex','prompt':'x','ttlSecondsAfterFinished':99999999999}",
     "spec.ttlSecondsAfterFinished: 99999999999 is not within 0 and 2147483647"},
    {NULL, "{'type':'codex','prompt':7}", "spec.prompt: "},
    {NULL, "{'type':'codex','prompt':'x','dependsOn':[1]}",
     "spec.dependsOn[0]: must be a string"},
    {NULL, "{'type':'codex','prompt':'x','podOverrides':[]}", "spec.podOverrides: "},
    {NULL, "7", "spec"},
};

Test(view, nonsense_is_refused_with_its_field)
{
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        struct err e = ERR_INIT;
        SCOPED(json)
        json_t *o =
            js("{'metadata':{'name':'x','namespace':'dev'},'spec':%s}", bads[i].spec);
        cr_assert_null(view_new(KIND_TASK, 0, o, &e), "%s", bads[i].spec);
        cr_assert_eq(strncmp(e.text, bads[i].why, strlen(bads[i].why)), 0, "%s", e.text);
        cr_assert_eq(e.code, ERR_INVALID);
        if (bads[i].row != NULL)
            row_claim(bads[i].row);
    }
}

Test(view, nonsense_keeps_its_metadata_and_its_status)
{
    static const char *const specs[] = {"7", "{'prompt':[]}", "null"};
    struct err e = ERR_INIT;

    for (size_t i = 0; i < 3; i++)
        for (int kind = KIND_TASK; kind <= KIND_TASK_SPAWNER; kind++) {
            json_t *o = js("{'metadata':{'name':'x','namespace':'dev','uid':'u',"
                           "'finalizers':['f']},'spec':%s,'status':{'phase':'Running'}}",
                           specs[i]);
            SCOPED(view) struct view *v = view_wrong((unsigned)kind, 0, o, "why", &e);
            cr_assert_not_null(v, "%s", e.text);
            cr_assert_str_eq(v->wrong, "why");
            cr_assert_str_eq(v->meta.uid, "u");
            cr_assert(meta_has_finalizer(&v->meta, "f"));
            if (kind == KIND_TASK)
                cr_assert_eq(((struct task_view *)v)->phase, PHASE_RUNNING);
        }
    json_t *odd = js("{'metadata':{'name':'x'},'spec':{},'status':{'outputs':[1]}}");
    SCOPED(view) struct view *v = view_wrong(KIND_TASK, 0, odd, "why", &e);
    cr_assert_not_null(v, "a status that cannot be read: %s", e.text);
    cr_assert_null(view_wrong(KIND_JOB, 0, odd, "why", &e));
}

Test(view, jobs_of_both_groups_are_told_apart_by_their_label)
{
    struct job_view *j = make_view(
        KIND_JOB, 0,
        js("{'metadata':{'name':'x','namespace':'dev','labels':{'axon.io/task':'x'}}}"));

    cr_assert_eq(j->view.meta.profile, PROFILE_AXON);
    cr_assert_str_eq(j->task, "x");
    row_claim("RES/X3");
}
