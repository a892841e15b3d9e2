#include <criterion/criterion.h>
#include <string.h>

#include "common/clock.h"
#include "common/data/json.h"
#include "common/limits.h"
#include "common/macros.h"
#include "common/scoped.h"
#include "spawner/ghreview.h"

#define REVIEW(user, state, sha, at)                                                     \
    "{\"user\":\"" user "\",\"state\":\"" state "\",\"sha\":\"" sha                      \
    "\",\"created_at\":\"2026-01-01T0" at ":00:00Z\"}"

static const struct {
    const char *label, *reviews, *state;
    int hour; /* of the answer's time, 0: none */
} rows[] = {
    {"nobody", "[]", "", 0},
    {"A approves, B asks for changes",
     "[" REVIEW("a", "APPROVED", "h", "1") "," REVIEW("b", "CHANGES_REQUESTED", "h",
                                                      "2") "]",
     "changes_requested", 2},
    {"B first",
     "[" REVIEW("b", "CHANGES_REQUESTED", "h", "1") "," REVIEW("a", "APPROVED", "h",
                                                               "2") "]",
     "changes_requested", 1},
    {"the same reviewer thinks again, in another spelling",
     "[" REVIEW("A", "CHANGES_REQUESTED", "h", "1") "," REVIEW("a", "APPROVED", "h",
                                                               "2") "]",
     "approved", 2},
    {"the time decides, not the place",
     "[" REVIEW("a", "APPROVED", "h", "2") "," REVIEW("a", "CHANGES_REQUESTED", "h",
                                                      "1") "]",
     "approved", 2},
    {"another commit, or no verdict",
     "[" REVIEW("a", "APPROVED", "old", "1") "," REVIEW(
         "b", "COMMENTED", "h", "2") "," REVIEW("c", "DISMISSED", "h",
                                                "3") "," REVIEW("d", "PENDING", "h",
                                                                "4") "]",
     "", 0},
    {"a comment does not take an approval back",
     "[" REVIEW("a", "APPROVED", "h", "1") "," REVIEW("a", "COMMENTED", "h", "2") "]",
     "approved", 1},
    {"the latest approval",
     "[" REVIEW("a", "APPROVED", "h", "3") "," REVIEW("b", "APPROVED", "h", "2") "]",
     "approved", 3},
};

Test(ghreview, the_latest_of_each_reviewer_counts_and_changes_outweigh)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(json) json_t *reviews = json_loads(rows[i].reviews, 0, NULL);
        int64_t at, want = 0;
        char text[40];

        if (rows[i].hour > 0) {
            snprintf(text, sizeof(text), "2026-01-01T%02d:00:00Z", rows[i].hour);
            cr_assert_eq(rfc3339_parse(text, &want), 0);
        }
        cr_expect_str_eq(ghreview_state(reviews, "h", &at), rows[i].state, "%s",
                         rows[i].label);
        cr_expect_eq(at, want, "%s", rows[i].label);
    }
}

Test(ghreview, comments_on_lines_are_of_the_head_and_say_where)
{
    SCOPED(json)
    json_t *list = json_loads(
        "[{\"path\":\"a.go\",\"line\":7,\"sha\":\"h\",\"body\":\" first \\n\"},"
        "{\"path\":\"a.go\",\"line\":8,\"sha\":\"old\",\"body\":\"gone\"},"
        "{\"path\":\"b.go\",\"line\":0,\"sha\":\"h\",\"body\":\"second\"},"
        "{\"path\":\"b.go\",\"line\":1,\"sha\":\"h\",\"body\":\"  \"}]",
        0, NULL);
    SCOPED(buf) struct buf out = BUF_INIT;

    cr_assert_eq(ghreview_join(list, "h", &out), 0);
    cr_assert_str_eq(buf_str(&out), "a.go:7\nfirst\n---\nb.go\nsecond");
}

Test(ghreview, the_newest_comments_on_lines_that_fit_are_kept)
{
    SCOPED(json) json_t *list = json_array();
    SCOPED(buf) struct buf out = BUF_INIT;
    SCOPED(string) char *long_text = malloc(40001);

    memset(long_text, 'x', 40000);
    long_text[40000] = '\0';
    for (int i = 0; i < 3; i++)
        json_array_append_new(list, json_pack("{s:s, s:i, s:s, s:s}", "path", "p", "line",
                                              i + 1, "sha", "h", "body",
                                              i == 2 ? "last" : long_text));
    cr_assert_eq(ghreview_join(list, "h", &out), 0);
    cr_assert(out.size <= LIMIT_COMMENTS_BYTES);
    cr_assert(strncmp(buf_str(&out), "p:2\nx", 5) == 0, "%.20s", buf_str(&out));
    cr_assert_str_eq(buf_str(&out) + out.size - 4, "last");
}
