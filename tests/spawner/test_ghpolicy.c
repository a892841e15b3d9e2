#include <criterion/criterion.h>
#include <string.h>

#include "common/data/json.h"
#include "common/macros.h"
#include "common/scoped.h"
#include "spawner/ghpolicy.h"
#include "tests/support/rows.h"

#define T1 "2026-01-01T01:00:00Z"
#define T2 "2026-01-01T02:00:00Z"
#define MS1 INT64_C(1767229200000)
#define MS2 INT64_C(1767232800000)

/* One comment: who, what, when. */
#define SAID(user, body, at)                                                             \
    "{\"user\":\"" user "\",\"body\":\"" body "\",\"created_at\":\"" at "\"}"

/* Whoever the rules do not name may not; nobody is asked. */
static enum gh_may
named_only(void *arg, const struct ghpolicy *p, const char *login)
{
    (void)arg;
    return ghpolicy_may(p, login);
}

struct judged {
    enum gh_verdict verdict;
    int64_t at;
    char why[200];
};

static struct judged
judge(const char *policy, const char *author, const char *body, const char *comments)
{
    SCOPED(json) json_t *rules = json_loads(policy, 0, NULL);
    SCOPED(json) json_t *source = json_pack("{s:O}", "commentPolicy", rules);
    SCOPED(json) json_t *issue = json_pack("{s:s, s:s}", "user", author, "body", body);
    SCOPED(json) json_t *said = json_loads(comments, 0, NULL);
    SCOPED(buf) struct buf why = BUF_INIT;
    struct ghpolicy p;
    struct err e = ERR_INIT;
    struct judged out = {.at = -1};

    cr_assert(rules != NULL && said != NULL, "%s %s", policy, comments);
    cr_assert_eq(ghpolicy_read(source, "githubIssues", &p, &e), 0, "%s", e.text);
    out.verdict = ghpolicy_judge(&p, issue, said, named_only, NULL, &out.at, &why);
    snprintf(out.why, sizeof(out.why), "%s", buf_str(&why));
    ghpolicy_clear(&p);
    return out;
}

#define T "{\"triggerComment\":\"/go\"}"
#define E "{\"excludeComments\":[\"/no\"]}"
#define TE "{\"triggerComment\":\"/go\",\"excludeComments\":[\"/no\"]}"
#define TE_ALICE                                                                         \
    "{\"triggerComment\":\"/go\",\"excludeComments\":[\"/no\"],"                         \
    "\"allowedUsers\":[\" Alice \"]}"
#define T_ALICE "{\"triggerComment\":\"/go\",\"allowedUsers\":[\"Alice\"]}"

static const struct {
    const char *row, *policy, *author, *body, *comments;
    bool passes;
    int64_t at;
} rows[] = {
    {"SP/Y1", "{}", "bob", "/no", "[" SAID("bob", "/go", T1) "]", true, 0},
    {"SP/Y2", T, "bob", "", "[" SAID("bob", "/go", T1) "]", true, MS1},
    {"SP/Y3", T, "bob", "please\n/go", "[]", true, 0},
    {"SP/Y4", E, "bob", "", "[" SAID("bob", "/no", T1) "]", false, 0},
    {"SP/Y5", TE, "bob", "", "[" SAID("bob", "/no", T1) "," SAID("bob", "/go", T2) "]",
     true, MS2},
    {"SP/Y6", TE, "bob", "", "[" SAID("bob", "/go", T1) "," SAID("bob", "/no", T2) "]",
     false, 0},
    {"SP/Y7", TE, "bob", "/no", "[]", false, 0},
    {"SP/Y8", TE, "bob", "/no\n/go", "[]", false, 0},
    {"SP/Y9", T, "bob", "",
     "[" SAID("bob", "/go", "yesterday") "," SAID("bob", "/go", T2) "]", true, MS2},
    {"SP/Y10", TE_ALICE, "bob", "",
     "[" SAID("alice", "/go", T1) "," SAID("mallory", "/no", T2) "]", true, MS1},
    {"SP/Y11", T_ALICE, "alice", "/go", "[]", true, 0},
    {"SP/Y11", T_ALICE, "mallory", "/go", "[]", false, 0},
    /* The time decides, not the place. */
    {NULL, TE, "bob", "", "[" SAID("bob", "/no", T2) "," SAID("bob", "/go", T1) "]",
     false, 0},
    /* Equal times: the later place. */
    {NULL, TE, "bob", "", "[" SAID("bob", "/no", T1) "," SAID("bob", "/go", T1) "]", true,
     MS1},
    /* Both in one comment: the item's own text decides. */
    {NULL, TE, "bob", "", "[" SAID("bob", "/go\\n/no", T1) "]", false, 0},
    {NULL, TE, "bob", "/go", "[" SAID("bob", "/go\\n/no", T1) "]", true, 0},
    /* A time that cannot be read counts only where there is no other. */
    {NULL, T, "bob", "", "[" SAID("bob", "/go", "") "]", true, 0},
    {NULL, TE, "bob", "", "[" SAID("bob", "/go", T1) "," SAID("bob", "/no", "x") "]",
     true, MS1},
    {NULL, E, "bob", "/no", "[]", false, 0},
    {NULL, E, "bob", "", "[" SAID("bob", "not /no", T1) "]", true, 0},
    /* An item by nobody triggers nothing. */
    {NULL, T, "", "/go", "[]", false, 0},
};

Test(ghpolicy, newest_command_of_those_who_may_decides)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct judged j =
            judge(rows[i].policy, rows[i].author, rows[i].body, rows[i].comments);

        cr_assert_eq(j.verdict, rows[i].passes ? GH_PASSES : GH_EXCLUDED, "row %zu", i);
        if (rows[i].passes)
            cr_assert_eq(j.at, rows[i].at, "row %zu: %lld", i, (long long)j.at);
        if (rows[i].row != NULL)
            row_claim(rows[i].row);
    }
}

/* Each comment is judged by itself, together with who wrote it; the text of the item counts. */
Test(ghpolicy, a_comment_is_its_authors_and_is_never_two)
{
    /* What separates comments where they are joined makes no second one of a first. */
    cr_assert_eq(
        judge(TE_ALICE, "bob", "",
              "[" SAID("alice", "/go", T1) "," SAID("mallory", "a\\n---\\n/no", T2) "]")
            .verdict,
        GH_PASSES);
    cr_assert_eq(
        judge(T, "bob", "", "[" SAID("bob", "a\\n---\\nnot /go", T1) "]").verdict,
        GH_EXCLUDED);
    cr_assert_eq(judge(T_ALICE, "bob", "", "[" SAID("mallory", "/go", T1) "]").verdict,
                 GH_EXCLUDED);
    cr_assert_eq(judge(T_ALICE, "alice", "/go", "[]").verdict, GH_PASSES);
    row_claim("SP/W22");
}

Test(ghpolicy, what_excludes_is_said)
{
    cr_assert(strstr(judge(T, "bob", "", "[]").why, "triggerComment: nobody") != NULL);
    cr_assert(strstr(judge(E, "bob", "/no", "[]").why, "excludeComments:") != NULL);
}

static enum gh_may
ask_everybody(void *arg, const struct ghpolicy *p, const char *login)
{
    (void)p;
    strcat(arg, login);
    return GH_ASK;
}

Test(ghpolicy, only_who_gave_a_command_is_asked_about)
{
    SCOPED(json)
    json_t *source = json_loads("{\"commentPolicy\":{\"triggerComment\":\"/"
                                "go\",\"minimumPermission\":\"write\"}}",
                                0, NULL);
    SCOPED(json) json_t *issue = json_pack("{s:s, s:s}", "user", "D", "body", "/go");
    SCOPED(json)
    json_t *said = json_loads(
        "[" SAID("A", "/go", T1) "," SAID("B", "hi", T1) "," SAID("C", "/go", T2) "]", 0,
        NULL);
    char asked[20] = "";
    struct ghpolicy p;
    struct err e = ERR_INIT;
    int64_t at;

    cr_assert_eq(ghpolicy_read(source, "x", &p, &e), 0);
    cr_assert_eq(ghpolicy_judge(&p, issue, said, ask_everybody, asked, &at, NULL),
                 GH_OPEN);
    cr_assert_str_eq(asked, "AC", "%s", asked);
    json_array_clear(said);
    asked[0] = '\0';
    cr_assert_eq(ghpolicy_judge(&p, issue, said, ask_everybody, asked, &at, NULL),
                 GH_OPEN);
    cr_assert_str_eq(asked, "D");
    ghpolicy_clear(&p);
}

static const struct {
    const char *policy, *error;
} bads[] = {
    {"{\"minimumPermission\":\"owner\"}",
     "githubIssues: commentPolicy.minimumPermission: \"owner\""},
    {"{\"allowedTeams\":[\"just-a-name\"]}",
     "commentPolicy.allowedTeams[0]: \"just-a-name\""},
    {"{\"allowedTeams\":[\"a/b/c\"]}", "must be organisation/slug"},
    {"{\"allowedUsers\":[7]}", "commentPolicy.allowedUsers[0]: must be a string"},
    {"{\"triggerComment\":[]}", "commentPolicy.triggerComment"},
};

Test(ghpolicy, wrong_rules_are_refused_with_their_name)
{
    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        SCOPED(json) json_t *rules = json_loads(bads[i].policy, 0, NULL);
        SCOPED(json) json_t *source = json_pack("{s:O}", "commentPolicy", rules);
        struct ghpolicy p;
        struct err e = ERR_INIT;

        cr_assert_eq(ghpolicy_read(source, "githubIssues", &p, &e), -1, "%s",
                     bads[i].policy);
        cr_assert(strstr(e.text, bads[i].error) != NULL, "%s", e.text);
        ghpolicy_clear(&p);
    }
}
