/* test_reflector.c - one kind followed through everything a server can do. */
#include "watcher/reflector.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "tests/support/fault.h"
#include "tests/support/rows.h"

struct rig {
    struct fault *fault;
    struct loop *loop;
    struct kube *kube;
    struct watched watched;
    struct shelf shelf;
    struct reflector *reflector;
    struct reflector_hooks hooks;
    struct buf seen; /* what changed: "+a@u1:5 -b@u2:7! " */
    int lists, restarts;
    enum reflect_end last;
    bool stop;
};

static void
on_changed(void *arg, struct entry *e)
{
    struct rig *r = arg;

    buf_printf(&r->seen, "%c%s@%s:%s%s ", e->gone ? '-' : '+', entry_name(e),
               entry_uid(e), entry_version(e), e->final_unknown ? "!" : "");
    entry_release(e);
}

static void
on_settled(void *arg)
{
    struct rig *r = arg;
    r->stop = true;
}

static void
on_restarted(void *arg, const struct watched *w, enum reflect_end why)
{
    struct rig *r = arg;

    (void)w;
    r->restarts++;
    r->last = why;
}

static void
on_listing(void *arg, const struct watched *w)
{
    struct rig *r = arg;

    (void)w;
    r->lists++;
}

static void
rig_up(struct rig *r, const struct fault_rule *rules, size_t n, enum object_kind kind)
{
    struct err e = ERR_INIT;
    struct watched all[WATCHED_MAX];
    struct kubeconfig *c = calloc(1, sizeof *c);
    const struct kube_options o = {.actor = KUBE_AS_SECRETS_WATCHER,
                                   .program = "kelos-test",
                                   .backoff_first_ms = 5,
                                   .backoff_cap_ms = 20};
    const struct reflector_options ro = {
        .backoff_first_ms = 5, .backoff_cap_ms = 20, .page_items = 2};

    memset(r, 0, sizeof *r);
    int count = kinds_select("kelos.dev", KINDS_WORKLOADS | KINDS_SECRETS, all, &e);
    for (int i = 0; i < count; i++)
        if (all[i].kind == kind)
            r->watched = all[i];
    r->fault = fault_start(rules, n);
    r->loop = loop_poll_new(&e);
    c->source = strdup("test");
    c->context = strdup("test");
    c->server = strdup(fault_url(r->fault));
    c->namespace_ = strdup("d");
    r->kube = kube_new(r->loop, &c, &o, &e);
    r->shelf = (struct shelf){
        .watched = &r->watched, .cache = cache_new(&r->watched), .stale_since = 1};
    r->hooks =
        (struct reflector_hooks){on_changed, on_settled, on_restarted, on_listing, r};
    r->reflector = reflector_new(&r->shelf, r->kube, r->loop, &r->hooks, &ro, &e);
    cr_assert(r->reflector != NULL, "%s", e.text);
}

static void
rig_down(struct rig *r)
{
    reflector_free(r->reflector);
    kube_free(r->kube);
    cache_free(r->shelf.cache);
    loop_free(r->loop);
    fault_stop(r->fault);
    buf_free(&r->seen);
}

/* Runs until what was seen holds the text (a minute). */
static bool
sees(struct rig *r, const char *text)
{
    struct err e = ERR_INIT;
    int64_t end = clock_mono_ms() + 60000;

    while (strstr(buf_str(&r->seen), text) == NULL && clock_mono_ms() < end) {
        r->stop = false;
        loop_poll_run(r->loop, &r->stop, 200, &e);
    }
    return strstr(buf_str(&r->seen), text) != NULL;
}

/* Runs until the server got n requests that hold the text (a minute). */
static bool
asked(struct rig *r, const char *text, int n)
{
    struct err e = ERR_INIT;
    int64_t end = clock_mono_ms() + 60000;

    while (fault_matching(r->fault, text) < n && clock_mono_ms() < end) {
        r->stop = false;
        loop_poll_run(r->loop, &r->stop, 50, &e);
    }
    return fault_matching(r->fault, text) >= n;
}

#define OBJ(name, uid, rv)                                                               \
    "{\"kind\":\"Task\",\"metadata\":{\"name\":\"" name                                  \
    "\",\"namespace\":\"d\",\"uid\":\"" uid "\",\"resourceVersion\":\"" rv               \
    "\",\"managedFields\":[{\"x\":1}]},\"spec\":{\"prompt\":\"p\"}}"
#define EVENT(type, object) "event {\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(rv)                                                                     \
    EVENT("BOOKMARK", "{\"kind\":\"Task\",\"metadata\":{\"resourceVersion\":\"" rv "\"}" \
                      "}")
#define END_OF_LIST(rv)                                                                  \
    EVENT("BOOKMARK", "{\"kind\":\"Task\",\"metadata\":{\"resourceVersion\":\"" rv       \
                      "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define STATUS(code, reason)                                                             \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":" code ",\"reason\":\"" reason \
    "\"}"
#define LIST "sendInitialEvents=true"
#define FOLLOW "resourceVersion=" /* of requests without sendInitialEvents */

Test(reflector, takes_a_streaming_list_whole_and_follows_it)
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

/* The texts of requests, less what is random. */
static bool
request_has(const struct rig *r, int i, const char *text)
{
    return strstr(fault_request(r->fault, i), text) != NULL;
}

#define FIRST_LIST(rest)                                                                 \
    "stream\n" EVENT("ADDED", OBJ("a", "u1", "3")) END_OF_LIST("5") rest

Test(reflector, asks_for_a_consistent_list_and_never_for_compression)
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

Test(reflector, discards_a_streaming_list_that_breaks_before_its_end)
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

Test(reflector, falls_back_to_pages_when_the_server_knows_no_streaming_list)
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

Test(reflector, starts_a_list_again_in_one_piece_when_a_later_page_has_expired)
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

Test(reflector, lists_again_not_older_than_what_it_saw_when_the_version_expired)
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

Test(reflector, stops_at_an_object_over_the_limit_and_pages_instead)
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

Test(reflector, lists_at_most_once_per_back_off_step_when_every_version_expires)
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

Test(reflector, asks_for_half_a_page_when_one_is_over_the_limit)
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

Test(reflector, finds_deletions_that_happened_while_it_was_not_watching)
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

Test(reflector, lists_nothing_again_when_the_server_restarts)
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

/* ---- Secrets: metadata alone ---- */

#define META_ONLY(name, uid, rv)                                                         \
    "{\"kind\":\"PartialObjectMetadata\",\"metadata\":{\"name\":\"" name                 \
    "\",\"namespace\":\"d\",\"uid\":\"" uid "\",\"resourceVersion\":\"" rv               \
    "\",\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":"          \
    "\"{HIDDEN}\",\"a\":\"HIDDEN\"}},\"data\":{\"k\":\"HIDDEN\"}}"

Test(reflector, asks_for_the_metadata_of_secrets_and_keeps_no_more_than_their_names)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0,
         "stream\n" EVENT("ADDED", META_ONLY("a", "u1", "3")) END_OF_LIST("5")
             EVENT("MODIFIED", META_ONLY("a", "u1", "6")) "delay 60000"}};
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_SECRET);
    cr_assert(sees(&r, "+a@u1:6 "));
    cr_assert(request_has(&r, 0, "GET /api/v1/secrets?"));
    cr_assert(request_has(
        &r, 0, "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1\n"));
    const struct entry *e = cache_find(r.shelf.cache, "d", "a");
    cr_assert(e != NULL && memmem(entry_doc(e), e->doc_size, "HIDDEN", 6) == NULL);
    rig_down(&r);
}

Test(reflector, asks_for_the_metadata_of_secrets_in_pages_too)
{
    static const struct fault_rule rules[] = {
        {LIST, 0, 0,
         "status 422\njson "
         "{\"kind\":\"Status\",\"code\":422,\"reason\":\"Invalid\",\"details\":"
         "{\"causes\":[{\"field\":\"sendInitialEvents\"}]}}"},
        {"watch=true", 0, 0, "stream\ndelay 60000"},
        {"secrets?", 0, 0,
         "json {\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[" META_ONLY(
             "a", "u1", "3") "]}"},
    };
    struct rig r;

    rig_up(&r, rules, ARRAY_LEN(rules), KIND_SECRET);
    cr_assert(sees(&r, "+a@u1:3 "));
    cr_assert(request_has(&r, 1,
                          "Accept: application/json;as=PartialObjectMetadataList;g=meta."
                          "k8s.io;v=v1\n"));
    rig_down(&r);
}

Test(reflector, lets_the_rest_go_on_where_secrets_may_not_be_watched)
{
    static const struct fault_rule rules[] = {
        {"GET", 0, 0, "status 403\njson " STATUS("403", "Forbidden")},
    };
    struct rig secrets, tasks;

    rig_up(&secrets, rules, ARRAY_LEN(rules), KIND_SECRET);
    cr_assert(asked(&secrets, LIST, 2));
    cr_assert(secrets.shelf.complete && reflector_degraded(secrets.reflector));
    rig_down(&secrets);
    rig_up(&tasks, rules, ARRAY_LEN(rules), KIND_TASK);
    cr_assert(asked(&tasks, LIST, 2));
    cr_assert(!tasks.shelf.complete, "what decisions depend on is waited for");
    rig_down(&tasks);
}
