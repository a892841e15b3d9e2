/* test_reflector.c - one kind followed through everything a server can do. */
#include "tests/watcher/reflectorfixture.h"

Test(reflector, follows_on_at_once_after_a_clean_end_and_never_lists_after_a_broken_one)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0, FIRST_LIST(EVENT("MODIFIED", OBJ("a", "u1", "6")) "end")},
        {"resourceVersion=6", 1, 1,
         "stream\nraw "
         "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"half\ndrop"},
        {"resourceVersion=6", 2, 2, "reset"},
        {"resourceVersion=6", 3, 0,
         "stream\n" EVENT("ADDED", OBJ("b", "u2", "7")) BOOKMARK("70") "drop"},
        {"resourceVersion=70", 0, 0,
         "stream\n" EVENT("ADDED", OBJ("c", "u3", "71")) "delay 60000"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(sees(&r, "+c@u3:71 "), "%s", buf_str(&r.seen));
    cr_assert_str_eq(buf_str(&r.seen), "+a@u1:3 +a@u1:6 +b@u2:7 +c@u3:71 ");
    cr_assert_eq(r.lists, 1, "%d lists", r.lists);
    row_claim("KC/WATCH-8");
    rig_down(&r);
}

Test(reflector, survives_an_unknown_event_and_refuses_a_version_that_goes_back)
{
    static const struct fault_rule rules[] = {
        {LIST, 1, 1,
         FIRST_LIST(EVENT("STRANGE", OBJ("x", "u8", "6")) EVENT("ADDED", "{}")
                        EVENT("ADDED", OBJ("b", "u2", "7"))
                            EVENT("ADDED", OBJ("c", "u3", "6")) "delay 60000")},
        {LIST, 2, 0,
         "stream\n" EVENT("ADDED", OBJ("z", "u5", "8")) END_OF_LIST("20") "delay 60000"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(sees(&r, "+z@u5:8 "), "%s", buf_str(&r.seen));
    cr_assert(strstr(buf_str(&r.seen), "+b@u2:7 ") != NULL);
    cr_assert(strstr(buf_str(&r.seen), "+c@u3:6") == NULL);
    cr_assert_eq(r.last, END_BACKWARD);
    cr_assert(request_has(&r, 1, "&resourceVersion=7&"));
    row_claim("KC/WATCH-9");
    row_claim("KC/WATCH-10");
    rig_down(&r);
}

Test(reflector, keeps_everything_and_says_it_is_degraded_when_the_api_is_missing)
{
    static const struct fault_rule rules[] = {
        {LIST, 1, 1, FIRST_LIST("drop")},
        {"resourceVersion=5", 1, 3, "status 404\ntext <html>404 page not found</html>"},
        {"resourceVersion=5", 4, 5, "status 403\njson " STATUS("403", "Forbidden")},
        {"resourceVersion=5", 6, 0,
         "stream\n" EVENT("ADDED", OBJ("b", "u2", "7")) "delay 60000"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(asked(&r, "resourceVersion=5", 3));
    cr_assert(reflector_degraded(r.reflector));
    cr_assert(r.shelf.stale_since > 0, "what is shown meanwhile is marked as stale");
    cr_assert_eq(cache_count(r.shelf.cache), 1, "a 404 of the route deletes nothing");
    cr_assert(sees(&r, "+b@u2:7 "));
    cr_assert(!reflector_degraded(r.reflector));
    cr_assert_eq(r.shelf.stale_since, 0);
    cr_assert_eq(r.lists, 1);
    row_claim("KC/WATCH-13");
    row_claim("KC/BUG-15");
    rig_down(&r);
}

Test(reflector, counts_a_kind_without_an_api_as_complete_and_recovers)
{
    static const struct fault_rule rules[] = {
        {LIST, 1, 2, "status 404\ntext 404 page not found"},
        {LIST, 3, 0, FIRST_LIST("delay 60000")},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(asked(&r, LIST, 2));
    cr_assert(r.shelf.complete);
    cr_assert(sees(&r, "+a@u1:3 "));
    rig_down(&r);
}

Test(reflector, waits_as_long_as_the_server_asks)
{
    static const struct fault_rule rules[] = {
        {LIST, 1, 1,
         "status 429\nheader Retry-After: 1\njson " STATUS("429", "TooManyRequests")},
        {LIST, 2, 0, FIRST_LIST("delay 60000")},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(sees(&r, "+a@u1:3 "));
    cr_assert_geq(fault_time_ms(r.fault, 1) - fault_time_ms(r.fault, 0), 990);
    rig_down(&r);
}

Test(reflector, looks_before_it_takes_a_lost_label_for_a_deletion)
{
    static const struct fault_rule rules[] = {
        {"watch=true", 0, 0,
         "stream\n" EVENT("ADDED", OBJ("a", "u1", "3"))
             EVENT("ADDED", OBJ("b", "u2", "4")) END_OF_LIST("5")
                 EVENT("DELETED", OBJ("a", "u1", "6"))
                     EVENT("DELETED", OBJ("b", "u2", "7")) "delay 60000"},
        {"/namespaces/d/pods/a", 0, 0, "json " OBJ("a", "u1", "6")},
        {"/namespaces/d/pods/b", 0, 0,
         "status 404\njson "
         "{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\",\"details\":"
         "{\"name\":\"b\"}}"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_POD);
    cr_assert(sees(&r, "-b@u2:7 ") && sees(&r, "+a@u1:6 "), "%s", buf_str(&r.seen));
    cr_assert(strstr(buf_str(&r.seen), "-a@") == NULL, "it only lost its label");
    row_claim("KC/WATCH-6");
    row_claim("KC/BUG-25");
    rig_down(&r);
}

Test(reflector, who_deleted_an_object_spares_the_look)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0,
         "stream\n" EVENT("ADDED", OBJ("a", "u1", "3"))
             EVENT("ADDED", OBJ("b", "u2", "4")) END_OF_LIST("5") "end"},
        {"resourceVersion=5", 0, 0,
         "stream\n" EVENT("DELETED", OBJ("a", "u1", "6"))
             EVENT("DELETED", OBJ("b", "u2", "7")) "delay 60000"},
        {"/namespaces/d/pods/b", 0, 0,
         "status 404\njson "
         "{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\",\"details\":"
         "{\"name\":\"b\"}}"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_POD);
    cr_assert(sees(&r, "+b@u2:4 "));
    reflector_deleted(r.reflector, "d", "a", "u1");
    reflector_deleted(r.reflector, "d", "b", "u9"); /* another of that name */
    reflector_deleted(r.reflector, "d", "c", "u3"); /* never seen */
    cr_assert(sees(&r, "-a@u1:6 ") && sees(&r, "-b@u2:7 "), "%s", buf_str(&r.seen));
    cr_assert_eq(fault_matching(r.fault, "/namespaces/d/pods/a"), 0, "that was known");
    cr_assert_eq(fault_matching(r.fault, "/namespaces/d/pods/b"), 1);
    rig_down(&r);
}

Test(reflector, begins_anew_where_the_server_has_what_the_stream_does_not_show)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0, FIRST_LIST(BOOKMARK("7") "delay 60000")},
        {FOLLOW, 0, 0, "stream\n" EVENT("MODIFIED", OBJ("a", "u1", "9")) "delay 60000"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    reflector_unseen(r.reflector, "d", "a", "u1", "9"); /* nothing runs yet */
    cr_assert(sees(&r, "+a@u1:3 "));
    reflector_unseen(r.reflector, "d", "a", "u1", "3"); /* it is here: the bus is slow */
    reflector_unseen(r.reflector, "d", "a", "u0", "4"); /* long past */
    cr_assert_eq(r.restarts, 0);
    reflector_unseen(r.reflector, "d", "a", "u1", "9");
    cr_assert_eq(r.restarts, 1);
    cr_assert_eq(r.last, END_SILENT);
    cr_assert(sees(&r, "+a@u1:9 "), "%s", buf_str(&r.seen));
    cr_assert_eq(r.lists, 1, "from the stored version, without a list");
    cr_assert_eq(fault_matching(r.fault, "GET "), 2);
    row_claim("KC/WATCH-12"); /* the other guards: test_reflect.c, test_http.c */
    rig_down(&r);
}
