/* test_planname.c - names of spawned Tasks, and whose Tasks they are. */
#include "tests/reconciler/planfixture.h"
#include "tests/support/rows.h"

static struct task_view *
make_spawned(const char *name, const char *label, const char *owner_uid)
{
    char meta[300];

    snprintf(meta, sizeof meta, "'labels':{'kelos.dev/taskspawner':'%s'}%s%s%s", label,
             *owner_uid ? ",'ownerReferences':[{'kind':'TaskSpawner','name':'bugs',"
                          "'controller':true,'uid':'"
                        : "",
             owner_uid, *owner_uid ? "'}]" : "");
    return make_task(name, meta, "", "");
}

Test(planname, a_name_of_somebody_else_is_told_and_skipped)
{
    struct spawner_view *s = make_spawner("", "", "", "");
    struct plan_facts f = facts(s, make_items("1 2"));
    struct plan p;

    taken_name = "bugs-1";
    plan(&f, &p);
    cr_assert_str_eq(created(&p), "2");
    cr_assert_not_null(
        strstr(condition(&p, "DiscoveryError")->message,
               "task bugs-1 name collides with an existing Task not owned by "
               "spawner bugs"));
    row_claim("SP/OW2");
}

Test(planname, a_task_belongs_to_its_controller)
{
    struct spawner_view *s = make_spawner("", "", "", "");

    cr_assert(plan_owns(s, make_spawned("bugs-1", "bugs", "u1")));
    cr_assert_not(plan_owns(s, make_spawned("bugs-1", "bugs", "u0")));
    cr_assert(plan_owns(s, make_spawned("bugs-1", "bugs", "")));
    cr_assert_not(plan_owns(s, make_spawned("bugs-1", "other", "")));
    row_claim("SP/OW4");

    struct plan_task own = plan_task_of(make_spawned("bugs-1", "bugs", "u1"));
    struct plan_facts f = facts(s, make_items("1"));
    struct plan p;
    f.tasks = &own;
    f.n_tasks = 1;
    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    cr_assert_str_eq(condition(&p, "DiscoveryError")->status, "False");
    cr_assert_str_eq(condition(&p, "DiscoveryError")->reason, "NoErrors");
    row_claim("SP/OW1");

    /* That of a spawner that was there before under the same name is another's. */
    f = facts(s, make_items("1"));
    taken_name = "bugs-1";
    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    cr_assert_not_null(strstr(condition(&p, "DiscoveryError")->message, "collides"));
    row_claim("SP/OW3");
    row_claim("SP/I11");
}

Test(planname, items_with_one_name_become_one_task)
{
    struct spawner_view *s = make_spawner("", "", "'nameTemplate':'{{.Title}}'", "");
    struct plan_facts f = facts(s, make_items("1 2 3"));
    struct plan p;

    plan(&f, &p);
    cr_assert_str_eq(created(&p), "1");
    cr_assert_str_eq(p.creates[0].name, "title");
    cr_assert_str_eq(json_str_or(p.creates[0].task, "metadata.name", ""), "title");
    row_claim("SP/OW5");
}

Test(planname, a_broken_name_stops_everything)
{
    struct spawner_view *s =
        make_spawner("", "", "'nameTemplate':'{{.Nope}}'",
                     "'lastDiscoveryTime':'2026-01-01T00:00:00Z','phase':'Running'");
    struct plan_facts f = facts(s, make_items("1 2"));
    struct plan p;

    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    cr_assert_str_eq(p.status.phase, "Failed");
    cr_assert_not_null(strstr(p.status.message, "failed to render name template"));
    cr_assert_str_eq(condition(&p, "DiscoveryError")->status, "True");
    cr_assert_eq(p.status.discovered_ms, AT("2026-01-01T00:00:00Z"));
    row_claim("SP/C10");
}

Test(planname, a_key_in_capitals_is_worked_on_once)
{
    struct spawner_view *s = make_spawner("", "", "", "");
    struct plan_facts f = facts(s, make_items("PROJ-42"));
    struct plan p;

    plan(&f, &p);
    cr_assert_str_eq(p.creates[0].name, "bugs-proj-42");
    struct plan_task own = {.name = "bugs-proj-42", .uid = "u", .ordinal = 1};
    f.tasks = &own;
    f.n_tasks = 1;
    plan(&f, &p);
    cr_assert_eq(p.n_creates, 0);
    row_claim("SP/C12");
}

Test(planname, names_are_what_an_object_may_have)
{
    char name[64], other[64];

    item_task_name("ts", "PROJ-42", name);
    cr_assert_str_eq(name, "ts-proj-42");
    row_claim("SP/J14");
    row_claim("RES/S12");
    item_task_name("ts", "org/repo:Tag_1.", name);
    cr_assert_str_eq(name, "ts-org-repo-tag-1");
    item_task_name("a-rather-long-name-of-a-spawner-that-somebody-liked",
                   "20260207-0900-x1", name);
    item_task_name("a-rather-long-name-of-a-spawner-that-somebody-liked",
                   "20260207-0900-x2", other);
    cr_assert_eq(strlen(name), 63);
    cr_assert_str_neq(name, other);
    row_claim("RES/S11");
}

/* The prefix is cut, never what tells two names apart. */
Test(planname, long_names_keep_their_hash)
{
    /* Equal in their first 44 characters, and in all that fits beside the hash. */
    static const char *const spawners[] = {
        "a-spawner-of-exactly-forty-four-characters-x",
        "a-spawner-of-exactly-forty-four-characters-x-one",
        "a-spawner-of-exactly-forty-four-characters-x-two",
        "a-spawner-of-exactly-forty-four-characters-xx-and-then-sixty-one",
        "a-spawner-of-exactly-forty-four-characters-xx-and-then-sixty-two",
    };
    static const char *const ids[] = {"9007199254740992", "9007199254740993",
                                      "PROJECT-WITH-A-LONG-KEY-123456789",
                                      "PROJECT-WITH-A-LONG-KEY-123456780"};
    enum { SPAWNERS = sizeof spawners / sizeof *spawners };
    enum { IDS = sizeof ids / sizeof *ids };
    char names[SPAWNERS * IDS][ITEM_NAME_SIZE];

    for (size_t i = 0; i < SPAWNERS * IDS; i++) {
        char *name = names[i];
        bool cut = strlen(spawners[i / IDS]) + 1 + strlen(ids[i % IDS]) > 63;

        item_task_name(spawners[i / IDS], ids[i % IDS], name);
        cr_expect_leq(strlen(name), 63);
        if (cut) {
            size_t n = strlen(name);
            cr_expect_eq(n, 63);
            cr_expect_eq(name[n - 9], '-', "%s", name);
            cr_expect_eq(strspn(name + n - 8, "0123456789abcdef"), 8, "%s", name);
        }
        for (size_t k = 0; k < i; k++)
            cr_expect_str_neq(name, names[k]);
    }
    row_claim("SP/V13");
}
