#include <criterion/criterion.h>

#include "common/data/json.h"
#include "common/limits.h"
#include "common/macros.h"
#include "spawner/ghfilter.h"
#include "spawner/ghissue.h"
#include "tests/support/rows.h"

static struct ghfilter *
filter_of(const char *text)
{
    struct err e = ERR_INIT;
    SCOPED(json) json_t *when = json_loads(text, 0, NULL);
    struct ghfilter *f = ghfilter_read(when, &e);

    cr_assert(f != NULL, "%s: %s", text, e.text);
    return f;
}

/* Comments from texts, oldest first, one hour apart. */
static json_t *
comments_of(const char *const *texts, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n && texts[i] != NULL; i++)
        json_array_append_new(out, json_pack("{s:s, s:s}", "body", texts[i], "created_at",
                                             "2026-01-01T00:00:00Z"));
    return out;
}

#define PICK "/kelos pick-up"
#define NEEDS "/kelos needs-input"
#define PAUSE "/kelos pause"

static const struct {
    const char *row, *trigger, *exclude, *comments[4];
    bool passes;
} rows[] = {
    {"SP/F1", "", "", {"some comment"}, true},
    {"SP/F2", PICK, "", {PICK}, true},
    {"SP/F3", PICK, "", {"no trigger here"}, false},
    {"SP/F3", PICK, "", {NULL}, false},
    {"SP/F4", "", "\"" NEEDS "\"", {NEEDS}, false},
    {"SP/F5", "", "\"" NEEDS "\"", {"normal comment"}, true},
    {"SP/F6", PICK, "\"" NEEDS "\"", {PICK, NEEDS, PICK}, true},
    {"SP/F7", PICK, "\"" NEEDS "\"", {PICK, NEEDS}, false},
    {"SP/F8", PICK, "\"" NEEDS "\"", {"normal comment"}, false},
    {"SP/F9", "", "\"" NEEDS "\"", {"please do " NEEDS " for me"}, true},
    {"SP/F10", "", "\"" NEEDS "\",\"" PAUSE "\"", {PAUSE}, false},
    {"SP/F11", PICK, "\"" NEEDS "\",\"" PAUSE "\"", {PICK, PAUSE, PICK}, true},
    {"SP/F12", PICK, "\"" NEEDS "\",\"" PAUSE "\"", {PICK, PAUSE}, false},
    {"SP/F13", PICK, "", {"  " PICK "  "}, true},
    {"SP/F13", PICK, "", {"\u00a0" PICK "\u2003\u3000 "}, true},
    {"SP/F13", PICK, "", {PICK "\u00e9"}, false},
    {"SP/F14", PICK, "", {"some text\n" PICK "\nmore text"}, true},
    {"SP/F15", PICK, "", {"/Kelos Pick-Up"}, false},
    {"SP/F16", PICK, "\"" NEEDS "\"", {PICK "\n" NEEDS}, false},
    {"SP/F16", PICK, "\"" NEEDS "\"", {NEEDS "\n" PICK}, false},
    {"SP/F17", PICK, "", {PICK "\r\n"}, true},
};

Test(ghfilter, newest_command_decides)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        SCOPED(json) json_t *comments = comments_of(rows[i].comments, 4);

        snprintf(
            text, sizeof(text),
            "{\"githubIssues\":{\"triggerComment\":\"%s\",\"excludeComments\":[%s]}}",
            rows[i].trigger, rows[i].exclude);
        SCOPED(ghfilter) struct ghfilter *f = filter_of(text);
        cr_assert_eq(!ghfilter_comments_exclude(f, comments, NULL), rows[i].passes,
                     "%s (%zu)", rows[i].row, i);
        row_claim(rows[i].row);
    }
}

Test(ghfilter, a_separator_inside_a_comment_makes_no_second_one)
{
    SCOPED(ghfilter)
    struct ghfilter *f =
        filter_of("{\"githubIssues\":{\"triggerComment\":\"" PICK "\"}}");
    SCOPED(json)
    json_t *comments = json_pack("[{s:s}]", "body", "quoted\n---\nnot " PICK);

    cr_assert(ghfilter_comments_exclude(f, comments, NULL));
}

static int64_t
trigger_time(const struct ghfilter *f, const char *json)
{
    SCOPED(json) json_t *comments = json_loads(json, 0, NULL);

    cr_assert(comments != NULL, "%s", json);
    return ghfilter_trigger_time(f, comments);
}

Test(ghfilter, trigger_time_is_the_newest_readable_one)
{
    SCOPED(ghfilter)
    struct ghfilter *f = filter_of("{\"githubIssues\":{\"triggerComment\":\"/go\"}}");
    SCOPED(ghfilter) struct ghfilter *none = filter_of("{\"githubIssues\":{}}");
    const int64_t hour = 3600 * 1000, first = INT64_C(1767225600000); /* 2026-01-01 */

    cr_assert_eq(trigger_time(f, "[]"), 0);
    cr_assert_eq(
        trigger_time(f, "[{\"body\":\"x\",\"created_at\":\"2026-01-01T00:00:00Z\"}]"), 0);
    row_claim("SP/K1");
    cr_assert_eq(
        trigger_time(f, "[{\"body\":\"/go\",\"created_at\":\"2026-01-01T00:00:00Z\"},"
                        "{\"body\":\"x\",\"created_at\":\"2026-01-01T05:00:00Z\"},"
                        "{\"body\":\"/go\",\"created_at\":\"2026-01-01T02:00:00Z\"}]"),
        first + 2 * hour);
    row_claim("SP/K2");
    cr_assert_eq(
        trigger_time(f, "[{\"body\":\"/go\",\"created_at\":\"not-a-timestamp\"},"
                        "{\"body\":\"/go\",\"created_at\":\"2026-01-01T01:00:00Z\"}]"),
        first + hour);
    row_claim("SP/K3");
    cr_assert_eq(
        trigger_time(none,
                     "[{\"body\":\"/go\",\"created_at\":\"2026-01-01T01:00:00Z\"}]"),
        0);
    row_claim("SP/K5");
}

Test(ghfilter, a_huge_comment_hides_no_trigger)
{
    SCOPED(ghfilter)
    struct ghfilter *f = filter_of("{\"githubIssues\":{\"triggerComment\":\"/go\"}}");
    SCOPED(buf) struct buf joined = BUF_INIT;
    const char *const commands[] = {"/go", NULL};
    static char huge[70 * 1024 + 1];
    SCOPED(json) json_t *comments = NULL;

    memset(huge, 'x', sizeof(huge) - 1);
    comments = json_pack("[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}]", "body", "/go",
                         "created_at", "2026-01-01T01:00:00Z", "body", huge, "created_at",
                         "2026-01-01T02:00:00Z", "body", "/go", "created_at",
                         "2026-01-01T03:00:00Z");
    ghcomments_shrink(comments, commands);
    cr_assert(!ghfilter_comments_exclude(f, comments, NULL));
    cr_assert_eq(ghfilter_trigger_time(f, comments),
                 INT64_C(1767225600000) + 3 * 3600 * 1000);
    row_claim("SP/K4");
    /* Only what follows the huge one is shown: the newest are kept. */
    comments_join(comments, &joined);
    cr_assert_str_eq(buf_str(&joined), "/go");
}

Test(ghfilter, joined_comments_keep_the_newest_in_order)
{
    SCOPED(json)
    json_t *two = json_pack("[{s:s}, {s:s}]", "body", "First", "body", "Second");
    SCOPED(json) json_t *many = json_array();
    SCOPED(buf) struct buf joined = BUF_INIT;
    static char k40[40 * 1024 + 1];

    comments_join(two, &joined);
    cr_assert_str_eq(buf_str(&joined), "First\n---\nSecond");
    row_claim("SP/G11");
    memset(k40, 'a', sizeof(k40) - 1);
    json_array_append_new(many, json_pack("{s:s}", "body", k40));
    json_array_append_new(many, json_pack("{s:s}", "body", "old"));
    k40[0] = 'B';
    json_array_append_new(many, json_pack("{s:s}", "body", k40));
    buf_clear(&joined);
    comments_join(many, &joined);
    cr_assert_eq(joined.size, 3 + 5 + 40 * 1024);
    cr_assert_eq(strncmp(buf_str(&joined), "old\n---\nB", 9), 0);
}

static const struct {
    const char *row, *spec, *query;
} queries[] = {
    {"SP/G2", "\"labels\":[\"bug\",\"help wanted\"]",
     "labels=bug%2Chelp+wanted&per_page=100&state=open"},
    {NULL, "\"assignee\":\"none\"", "assignee=none&per_page=100&state=open"},
    {NULL, "\"assignee\":\"octocat\"", "assignee=octocat&per_page=100&state=open"},
    {"SP/G3", "\"assignee\":\"*\"", "assignee=%2A&per_page=100&state=open"},
    {"SP/G4", "\"assignee\":\"a\",\"author\":\"app/x[bot]\"",
     "assignee=a&creator=app%2Fx%5Bbot%5D&per_page=100&state=open"},
    {"SP/G5", "\"labels\":[]", "per_page=100&state=open"},
    {"SP/G6", "\"state\":\"closed\"", "per_page=100&state=closed"},
    {NULL,
     "\"assignee\":\"*\",\"author\":\"app/x[bot]\",\"labels\":[\"bug\",\"help "
     "wanted\"],\"state\":\"open\"",
     "assignee=%2A&creator=app%2Fx%5Bbot%5D&labels=bug%2Chelp+wanted&per_page=100&state="
     "open"},
};

Test(ghfilter, query_is_form_encoded_in_alphabetical_order)
{
    const struct ghquery all = {true, true, true};

    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        char text[512];
        SCOPED(buf) struct buf query = BUF_INIT;

        snprintf(text, sizeof(text), "{\"githubIssues\":{%s}}", queries[i].spec);
        SCOPED(ghfilter) struct ghfilter *f = filter_of(text);
        ghfilter_query(f, all, &query);
        cr_assert_str_eq(buf_str(&query), queries[i].query, "%zu", i);
        if (queries[i].row != NULL)
            row_claim(queries[i].row);
    }
}

static json_t *
issue_of(const char *json)
{
    struct err e = ERR_INIT;
    json_t *all = ghissues_read(json, strlen(json), &e), *first;

    cr_assert(all != NULL, "%s", e.text);
    first = json_incref(json_array_get(all, 0));
    json_decref(all);
    return first;
}

#define ISSUE                                                                            \
    "[{\"number\":1,\"title\":\"t\",\"labels\":[{\"name\":\"Bug\"},\"wontfix\"],"        \
    "\"user\":{\"login\":\"Alice\"},\"assignees\":[{\"login\":\"bob\"}]"

Test(ghfilter, what_the_server_does_not_filter_is_filtered_here)
{
    const struct ghquery server = {true, true, true}, here = {false, false, false};
    const struct {
        const char *spec;
        struct ghquery checked;
        bool matches;
    } cases[] = {
        {"\"labels\":[\"bug\"]", here, true},
        {"\"labels\":[\"bug\",\"p1\"]", here, false},
        {"\"labels\":[\"p1\"]", server, true},
        {"\"excludeLabels\":[\"wontfix\"]", server, false},
        {"\"excludeLabels\":[\"Wontfix\"]", server, true},
        {"\"assignee\":\"BOB\"", here, true},
        {"\"assignee\":\"*\"", here, true},
        {"\"assignee\":\"none\"", here, false},
        {"\"author\":\"alice\"", here, true},
        {"\"author\":\"carol\"", here, false},
        {"\"excludeAuthors\":[\"bot\",\"alice\"]", server, false},
        {"\"excludeAuthors\":[\"bot\",\"carol\"]", here, true},
    };
    SCOPED(json) json_t *issue = issue_of(ISSUE "}]");

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[256];

        snprintf(text, sizeof(text), "{\"githubIssues\":{%s}}", cases[i].spec);
        SCOPED(ghfilter) struct ghfilter *f = filter_of(text);
        cr_assert_eq(!ghfilter_excludes(f, issue, cases[i].checked, NULL),
                     cases[i].matches, "%s", cases[i].spec);
    }
    row_claim("SP/H5");
    row_claim("SP/V9");
}

Test(ghfilter, an_app_is_an_author_by_either_of_its_names)
{
    const struct ghquery here = {false, false, false};
    static const struct {
        const char *spec;
        bool matches;
    } cases[] = {
        {"\"author\":\"app/helper\"", true},
        {"\"author\":\"Helper[bot]\"", true},
        {"\"author\":\"helper\"", false},
        {"\"author\":\"app/help\"", false},
        {"\"excludeAuthors\":[\"app/helper\"]", false},
    };
    SCOPED(json)
    json_t *issue = issue_of("[{\"number\":1,\"title\":\"t\",\"labels\":[],"
                             "\"user\":{\"login\":\"helper[bot]\"}}]");

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[256];

        snprintf(text, sizeof(text), "{\"githubIssues\":{%s}}", cases[i].spec);
        SCOPED(ghfilter) struct ghfilter *f = filter_of(text);
        cr_assert_eq(!ghfilter_excludes(f, issue, here, NULL), cases[i].matches, "%s",
                     cases[i].spec);
    }
}

Test(ghfilter, the_rule_that_excludes_is_told)
{
    static const struct {
        const char *spec, *why;
    } cases[] = {
        {"\"labels\":[\"bug\",\"p1\"]", "labels: \"p1\" is missing"},
        {"\"excludeLabels\":[\"wontfix\"]", "excludeLabels: has \"wontfix\""},
        {"\"assignee\":\"none\"", "assignee: is not \"none\""},
        {"\"author\":\"carol\"", "author: is \"Alice\", not \"carol\""},
        {"\"excludeAuthors\":[\"alice\"]", "excludeAuthors: is by \"alice\""},
        {"\"types\":[\"pulls\"]", "types: is an issue"},
    };
    SCOPED(json) json_t *issue = issue_of(ISSUE "}]");

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(buf) struct buf why = BUF_INIT;
        char text[256];

        snprintf(text, sizeof(text), "{\"githubIssues\":{%s}}", cases[i].spec);
        SCOPED(ghfilter) struct ghfilter *f = filter_of(text);
        cr_assert(
            ghfilter_excludes(f, issue, (struct ghquery){false, false, false}, &why));
        cr_assert_str_eq(buf_str(&why), cases[i].why);
    }
}

Test(ghfilter, kinds_are_issues_unless_said_otherwise)
{
    const struct ghquery server = {true, true, true};
    const struct {
        const char *types;
        bool issue, pull;
    } cases[] = {{"[\"issues\"]", true, false},
                 {"[\"pulls\"]", false, true},
                 {"[\"issues\",\"pulls\"]", true, true},
                 {"[]", true, false},
                 {"null", true, false}};
    SCOPED(json) json_t *issue = issue_of(ISSUE ",\"pull_request\":null}]");
    SCOPED(json) json_t *pull = issue_of(ISSUE ",\"pull_request\":{\"url\":\"x\"}}]");

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[128];

        snprintf(text, sizeof(text), "{\"githubIssues\":{\"types\":%s}}", cases[i].types);
        SCOPED(ghfilter) struct ghfilter *f = filter_of(text);
        cr_assert_eq(!ghfilter_excludes(f, issue, server, NULL), cases[i].issue, "%s",
                     cases[i].types);
        cr_assert_eq(!ghfilter_excludes(f, pull, server, NULL), cases[i].pull, "%s",
                     cases[i].types);
    }
}

Test(ghfilter, wrong_fields_are_named)
{
    const struct {
        const char *when, *part;
    } bads[] = {
        {"{}", "githubIssues"},
        {"{\"githubIssues\":[]}", "githubIssues"},
        {"{\"githubIssues\":{\"labels\":[\"a\",1]}}", "labels[1]"},
        {"{\"githubIssues\":{\"types\":[\"x\"]}}", "types[0]"},
        {"{\"githubIssues\":{\"state\":\"merged\"}}", "state"},
        {"{\"githubIssues\":{\"assignee\":3}}", "assignee"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct err e = ERR_INIT;
        SCOPED(json) json_t *when = json_loads(bads[i].when, 0, NULL);

        cr_assert_null(ghfilter_read(when, &e));
        cr_assert_eq(e.code, ERR_INVALID);
        cr_assert(strstr(e.text, bads[i].part) != NULL, "%s", e.text);
    }
}

Test(ghissue, bad_answers_name_the_path)
{
    const struct {
        const char *json, *part;
    } bads[] = {
        {"{\"message\":\"no\"}", "not a list"},
        {"[{\"number\":1,\"title\":\"a\"},{\"title\":\"b\"}]", "[1]"},
        {"[{\"number\":\"1\",\"title\":\"a\"}]", "number"},
        {"[{\"number\":0,\"title\":\"a\"}]", "number"},
        {"[{\"number\":1,\"title\":7}]", "title"},
        {"[{\"number\":1,\"title\":\"a\",\"labels\":[{\"id\":1}]}]", "labels[0].name"},
        {"[{\"number\":1,\"title\":\"a\",\"labels\":{}}]", "labels"},
        {"[1,2", ""},
        {"\x00\xff garbage", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct err e = ERR_INIT;

        cr_assert_null(ghissues_read(bads[i].json, strlen(bads[i].json), &e), "%zu", i);
        cr_assert_neq(e.code, ERR_NONE);
        cr_assert(strstr(e.text, bads[i].part) != NULL, "%s", e.text);
    }
}

Test(ghissue, deep_nesting_is_a_limit)
{
    struct err e = ERR_INIT;
    static char deep[200001];

    memset(deep, '[', sizeof(deep) - 1);
    cr_assert_null(ghissues_read(deep, sizeof(deep) - 1, &e));
    cr_assert_eq(e.code, ERR_LIMIT);
}
