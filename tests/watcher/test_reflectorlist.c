/* test_reflectorlist.c - how a kind is listed, and when again. */
#include "tests/watcher/reflectorfixture.h"

Test(reflectorlist, takes_a_streaming_list_whole_and_follows_it)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0,
         "stream\n" EVENT("ADDED", OBJ("b", "u2", "9"))
             EVENT("ADDED", OBJ("a", "u1", "3"))
                 EVENT("DELETED", OBJ("b", "u2", "10")) "delay 50\n" END_OF_LIST("12")
                     EVENT("MODIFIED", OBJ("a", "u1", "13"))
                         EVENT("ADDED", OBJ("c", "u3", "14"))
                             EVENT("DELETED", OBJ("c", "u3", "15")) "delay 60000"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(sees(&r, "-c@u3:15 "), "%s", buf_str(&r.seen));
    cr_assert_str_eq(buf_str(&r.seen), "+a@u1:3 +a@u1:13 +c@u3:14 -c@u3:15 ");
    cr_assert_str_eq(r.shelf.version, "15");
    cr_assert(r.shelf.complete && r.shelf.stale_since == 0);
    rig_down(&r);
}

Test(reflectorlist, asks_for_a_consistent_list_and_never_for_compression)
{
    static const struct fault_rule rules[] = {{LIST, 0, 0, FIRST_LIST("delay 60000")}};
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_JOB);
    cr_assert(sees(&r, "+a@u1:3 "));
    cr_assert(request_has(&r, 0, "GET /apis/batch/v1/jobs?"));
    cr_assert(request_has(&r, 0, "labelSelector=app.kubernetes.io%2Fmanaged-by"));
    cr_assert(request_has(&r, 0, "&watch=true&allowWatchBookmarks=true&timeoutSeconds="));
    cr_assert(
        request_has(&r, 0, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
    cr_assert(!request_has(&r, 0, "resourceVersion="),
              "an empty version is a consistent read");
    cr_assert(request_has(
        &r, 0, "Accept: application/json;drop=metadata.managedFields, application/json"));
    cr_assert(!request_has(&r, 0, "Accept-Encoding"));
    int timeout = atoi(strstr(fault_request(r.fault, 0), "timeoutSeconds=") + 15);
    cr_assert(timeout >= 300 && timeout <= 600, "%d", timeout);
    row_claim("KC/WATCH-1");
    row_claim("KC/WATCH-2");
    row_claim("KC/WATCH-5");
    row_claim("KC/HTTP-3");
    row_claim("KC/LIST-1");
    row_claim("KC/TT-1");
    rig_down(&r);
}

Test(reflectorlist, discards_a_streaming_list_that_breaks_before_its_end)
{
    static const struct fault_rule rules[] = {
        {LIST, 1, 1, "stream\n" EVENT("ADDED", OBJ("x", "u9", "2")) "drop"},
        {LIST, 2, 0, FIRST_LIST("delay 60000")},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(sees(&r, "+a@u1:3 "));
    cr_assert_str_eq(buf_str(&r.seen), "+a@u1:3 ", "nothing of the broken one was shown");
    rig_down(&r);
}

Test(reflectorlist, falls_back_to_pages_when_the_server_knows_no_streaming_list)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0,
         "status 422\njson "
         "{\"kind\":\"Status\",\"code\":422,\"reason\":\"Invalid\",\"details\":"
         "{\"causes\":[{\"reason\":\"FieldValueForbidden\",\"field\":"
         "\"sendInitialEvents\"}]}}"},
        {"watch=true", 0, 0, "stream\ndelay 60000"},
        {"continue=more", 0, 0,
         "json {\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" OBJ("c", "u3",
                                                                          "2") "]}"},
        {"tasks?", 0, 0,
         "json "
         "{\"kind\":\"TaskList\",\"metadata\":{\"resourceVersion\":\"7\",\"continue\":"
         "\"more\","
         "\"remainingItemCount\":1},\"items\":[" OBJ("a", "u1", "8") "," OBJ("b", "u2",
                                                                             "1") "]}"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(asked(&r, "watch=true&allowWatchBookmarks=true&timeoutSeconds=", 2));
    cr_assert(strstr(buf_str(&r.seen), "+c@u3:2 ") != NULL);
    cr_assert(request_has(&r, 1, "tasks?limit=2 ") ||
              request_has(&r, 1, "tasks?limit=2\n"));
    cr_assert(request_has(&r, 2, "tasks?limit=2&continue=more"));
    cr_assert(request_has(&r, 3, "resourceVersion=7"), "the version is the first page's");
    cr_assert_eq(cache_count(r.shelf.cache), 3);
    row_claim("KC/WATCH-3");
    row_claim("KC/WATCH-4");
    row_claim("KC/LIST-3");
    row_claim("KC/LIST-5");
    row_claim("KC/LIST-7");
    row_claim("KC/LIST-8");
    rig_down(&r);
}

Test(reflectorlist, starts_a_list_again_in_one_piece_when_a_later_page_has_expired)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0,
         "status 400\njson "
         "{\"kind\":\"Status\",\"code\":400,\"message\":\"sendInitialEvents\"}"},
        {"watch=true", 0, 0, "stream\ndelay 60000"},
        {"continue=more", 0, 0, "status 410\njson " STATUS("410", "Expired")},
        {"limit=2", 0, 0,
         "json "
         "{\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"more\"},\"items\":"
         "[" OBJ("old", "u8", "1") "]}"},
        {"tasks", 0, 0,
         "json {\"metadata\":{\"resourceVersion\":\"8\"},\"items\":[" OBJ("a", "u1",
                                                                          "3") "]}"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(sees(&r, "+a@u1:3 "), "%s", buf_str(&r.seen));
    cr_assert_str_eq(buf_str(&r.seen), "+a@u1:3 ", "the page before the 410 was dropped");
    row_claim("KC/LIST-6");
    rig_down(&r);
}

Test(reflectorlist, lists_again_not_older_than_what_it_saw_when_the_version_expired)
{
    static const struct fault_rule rules[] = {
        {LIST, 1, 1,
         "stream\n" EVENT("ADDED", OBJ("a", "u1", "3"))
             EVENT("ADDED", OBJ("b", "u2", "4")) EVENT("ADDED", OBJ("c", "u3", "4"))
                 END_OF_LIST("5") EVENT("ERROR", STATUS("410", "Expired")) "delay 60000"},
        {LIST, 2, 2, "status 410\njson " STATUS("410", "Gone")},
        {LIST, 3, 0,
         "stream\n" EVENT("ADDED", OBJ("a", "u1", "3"))
             EVENT("ADDED", OBJ("b", "u7", "8")) END_OF_LIST("9") "delay 60000"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(sees(&r, "+b@u7:8 "), "%s", buf_str(&r.seen));
    cr_assert(strstr(buf_str(&r.seen), "-c@u3:4! ") != NULL,
              "its deletion was not seen: %s", buf_str(&r.seen));
    cr_assert(strstr(buf_str(&r.seen), "-b@u2:4! +b@u7:8 ") != NULL,
              "the old uid goes first");
    cr_assert(request_has(&r, 1, "&resourceVersion=5&"), "bounded from below");
    cr_assert(!request_has(&r, 2, "resourceVersion="), "that was in vain: the newest");
    cr_assert(request_has(&r, 1, "resourceVersionMatch=NotOlderThan"));
    row_claim("KC/WATCH-15");
    row_claim("KC/LIST-4");
    rig_down(&r);
}

Test(reflectorlist, stops_at_an_object_over_the_limit_and_pages_instead)
{
    static const struct fault_rule rules[] = {
        {LIST, 1, 1,
         FIRST_LIST("raw {\"type\":\"ADDED\",\"object\":\nbytes 1900000\ndelay 60000")},
        {"limit=2", 0, 0,
         "json {\"metadata\":{\"resourceVersion\":\"8\"},\"items\":[" OBJ("b", "u2",
                                                                          "7") "]}"},
        {"watch=true", 0, 0, "stream\ndelay 60000"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(sees(&r, "+b@u2:7 "), "%s", buf_str(&r.seen));
    cr_assert_eq(fault_matching(r.fault, LIST), 1);
    row_claim("KC/WATCH-11");
    rig_down(&r);
}

Test(reflectorlist, lists_at_most_once_per_back_off_step_when_every_version_expires)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0, FIRST_LIST(EVENT("ERROR", STATUS("410", "Expired")) "delay 60000")},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    int64_t began = clock_mono_ms();
    cr_assert(asked(&r, LIST, 8));
    /* 0, 10, 20, 20 … ms at least with this rig's back-off */
    cr_assert_geq(clock_mono_ms() - began, 100);
    row_claim("KC/BUG-13");
    rig_down(&r);
}

Test(reflectorlist, asks_for_half_a_page_when_one_is_over_the_limit)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0,
         "status 400\njson "
         "{\"kind\":\"Status\",\"code\":400,\"message\":\"sendInitialEvents\"}"},
        {"limit=40", 0, 0, "stream\nraw {\"metadata\":{\"x\":\nbytes 67200000\nend"},
        {"limit=20", 0, 0,
         "json {\"metadata\":{\"resourceVersion\":\"8\"},\"items\":[" OBJ("b", "u2",
                                                                          "7") "]}"},
        {"watch=true", 0, 0, "stream\ndelay 60000"},
    };
    struct rig r;
    struct err e = ERR_INIT;
    const struct reflector_options ro = {
        .backoff_first_ms = 5, .backoff_cap_ms = 20, .page_items = 40};

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    reflector_free(r.reflector);
    r.reflector = reflector_new(&r.shelf, r.kube, r.loop, &r.hooks, &ro, &e);
    cr_assert(sees(&r, "+b@u2:7 "), "%s", buf_str(&r.seen));
    row_claim("KC/HTTP-11");
    rig_down(&r);
}

Test(reflectorlist, finds_deletions_that_happened_while_it_was_not_watching)
{
    static char first[40000], second[4000];
    struct rig r;
    size_t n = (size_t)sprintf(first, "stream\n");

    for (int i = 0; i < 100; i++)
        n += (size_t)sprintf(first + n,
                             "event "
                             "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"o%"
                             "d\",\"namespace\":"
                             "\"d\",\"uid\":\"u%d\",\"resourceVersion\":\"%d\"}}}\n",
                             i, i, i + 1);
    sprintf(first + n, "%sdrop", END_OF_LIST("200"));
    sprintf(second, "stream\n%s%sdelay 60000", EVENT("ADDED", OBJ("o99", "u99", "100")),
            END_OF_LIST("500"));
    const struct fault_rule rules[] = {
        {LIST, 1, 1, first},
        {"resourceVersion=200&resource", 0, 0, second},
        {LIST, 2, 0, second},
        {"resourceVersion=200", 0, 0, "status 410\njson " STATUS("410", "Expired")},
    };
    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    int64_t began = clock_mono_ms();
    cr_assert(sees(&r, "-o98@u98:99! ") || sees(&r, "-o0@u0:1! "), "%s",
              buf_str(&r.seen));
    cr_assert_eq(cache_count(r.shelf.cache), 1);
    cr_assert(cache_find(r.shelf.cache, "d", "o99") != NULL);
    cr_assert_lt(clock_mono_ms() - began, 30000);
    row_claim("KC/BUG-5");
    rig_down(&r);
}

Test(reflectorlist, lists_nothing_again_when_the_server_restarts)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0, FIRST_LIST("drop")},
        {"resourceVersion=5", 1, 20, "stream\ndrop"},
        {"resourceVersion=5", 21, 0,
         "stream\n" EVENT("ADDED", OBJ("b", "u2", "6")) "delay 60000"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(sees(&r, "+b@u2:6 "), "%s", buf_str(&r.seen));
    cr_assert_eq(r.lists, 1);
    cr_assert_eq(fault_matching(r.fault, LIST), 1);
    row_claim("KC/BUG-14");
    rig_down(&r);
}
