/* A followed log over broken connections: nothing lost, nothing twice. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/resume.h"
#include "common/buf.h"
#include "common/limits.h"

static void
show(void *arg, const char *bytes, size_t size)
{
    buf_add(arg, bytes, size);
}

static void
feed(struct resume *r, const char *text)
{
    resume_feed(r, text, strlen(text));
}

#define S1 "2026-01-02T03:04:05."
#define S2 "2026-01-02T03:04:06."
static const char whole[] =
    S1 "000000001Z first\n" S1 "000000002Z twice\n" S1 "000000002Z twice\n" S2 "5Z \n" S2
       "500000001+00:00 not 2026-01-02T03:04:06Z a stamp\n" S2 "7Z last\n";
static const char plain[] =
    "first\ntwice\ntwice\n\nnot 2026-01-02T03:04:06Z a stamp\nlast\n";

/* As a server answers that was asked from a second on. */
static const char *
from(const char *since)
{
    if (since == NULL)
        return whole;
    const char *at = whole;
    while (strncmp(at, since, 19) < 0)
        at = strchr(at, '\n') + 1;
    return at;
}

/* Broken at each byte, once and again a few bytes later. */
Test(resume, goes_on_where_the_connection_broke)
{
    for (size_t cut = 0; cut < sizeof(whole); cut++)
        for (size_t more = 0; more < 60; more += 7) {
            SCOPED(buf) struct buf out = BUF_INIT;
            SCOPED(resume) struct resume *r = resume_new(false, show, &out);

            resume_feed(r, whole, cut < sizeof(whole) - 1 ? cut : sizeof(whole) - 1);
            const char *rest = from(resume_again(r));
            resume_feed(r, rest, more < strlen(rest) ? more : strlen(rest));
            feed(r, from(resume_again(r)));
            resume_end(r);
            cr_assert_str_eq(buf_str(&out), plain, "cut at %zu and %zu: %s", cut, more,
                             buf_str(&out));
        }
}

Test(resume, asks_from_the_second_of_the_last_line)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    SCOPED(resume) struct resume *r = resume_new(false, show, &out);

    cr_assert_null(resume_again(r));
    feed(r, whole);
    cr_assert_str_eq(resume_again(r), "2026-01-02T03:04:06Z");
    feed(r, "2026-01-02T09:00:00.25+05:30 x\n");
    cr_assert_str_eq(resume_again(r), "2026-01-02T09:00:00+05:30");
}

Test(resume, keeps_stamps_when_they_are_wanted)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    SCOPED(resume) struct resume *r = resume_new(true, show, &out);

    resume_feed(r, whole, 70);
    feed(r, from(resume_again(r)));
    resume_end(r);
    cr_assert_str_eq(buf_str(&out), whole);
}

Test(resume, lines_without_stamps_are_counted_from_the_beginning)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    SCOPED(resume) struct resume *r = resume_new(false, show, &out);

    feed(r, "one\nsame\nsame\nha");
    cr_assert_null(resume_again(r));
    feed(r, "one\nsame\nsame\nhalf\nmore");
    resume_end(r);
    cr_assert_str_eq(buf_str(&out), "one\nsame\nsame\nhalf\nmore");
}

Test(resume, a_log_that_was_rotated_away_loses_nothing_that_is_left)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    SCOPED(resume) struct resume *r = resume_new(false, show, &out);

    feed(r, S1 "1Z a\n" S1 "2Z b\n" S1 "3Z c\n" S1 "4Z half of");
    resume_again(r);
    feed(r, S1 "3Z c\n" S1 "4Z half of it\n" S1 "5Z d\n");
    resume_again(r);
    feed(r, S2 "1Z e\n");
    resume_end(r);
    cr_assert_str_eq(buf_str(&out), "a\nb\nc\nhalf of it\nd\ne\n");
}

Test(resume, what_cannot_be_told_apart_is_shown_twice_and_not_lost)
{
    SCOPED(buf) struct buf out = BUF_INIT, line = BUF_INIT;
    SCOPED(resume) struct resume *r = resume_new(false, show, &out);

    buf_add_str(&line, S1 "1Z ");
    while (line.size < LIMIT_RESUME_LINE_BYTES + 100)
        buf_add_str(&line, "0123456789");
    buf_add_str(&line, "\n");
    feed(r, buf_str(&line));
    resume_again(r);
    feed(r, buf_str(&line));
    feed(r, S1 "2Z after\n");
    resume_end(r);
    size_t text = line.size - strlen(S1 "1Z ");
    cr_assert_eq(out.size, 2 * text + strlen("after\n"));
    buf_free(&line);
}

Test(resume, the_end_without_a_line_feed_is_shown)
{
    SCOPED(buf) struct buf out = BUF_INIT;
    SCOPED(resume) struct resume *r = resume_new(false, show, &out);

    feed(r, S1 "1Z a\n" S1 "2Z b");
    resume_again(r);
    feed(r, S1 "1Z a\n" S1 "2Z b");
    resume_end(r);
    cr_assert_str_eq(buf_str(&out), "a\nb");
    resume_again(r);
    feed(r, "2026");
    resume_end(r);
    cr_assert_str_eq(buf_str(&out), "a\nb2026");
}
