/* What a Pod wrote, on a terminal. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/escape.h"
#include "cli/render/render.h"
#include "common/macros.h"

static void
check(const char *in, size_t size, const char *want)
{
    for (size_t step = 1; step <= size + 1; step += size < 3 ? 1 : size / 3) {
        SCOPED(buf) struct buf out = BUF_INIT;
        struct escape x = {0};

        for (size_t at = 0; at < size; at += step)
            escape_add(&x, &out, in + at, step < size - at ? step : size - at);
        escape_end(&x, &out);
        cr_assert_str_eq(buf_str(&out), want, "in pieces of %zu", step);
    }
}
#define CHECK(in, want) check(in, sizeof(in) - 1, want)

Test(escape, controls_are_shown_and_not_sent)
{
    CHECK("\033[31mred\033[0m", "\\x1b[31mred\\x1b[0m");
    CHECK("\033]0;title\a", "\\x1b]0;title\\x07");
    CHECK("a\bb\vc\fd\177e", "a\\x08b\\x0bc\\x0cd\\x7fe");
    CHECK("a\0b", "a\\x00b");
    CHECK("working\rdone\r\n\r", "working\\x0ddone\r\n\\x0d");
    CHECK("\r\r\n", "\\x0d\r\n");
    CHECK("\x9b"
          "31m",
          "\\x9b31m");
    CHECK("\xc2\x9b"
          "31m",
          "\\x9b31m");
    CHECK("\xe2\x82\x9b\x9b", "\xe2\x82\x9b\\x9b");
}

Test(escape, all_else_is_as_it_was)
{
    CHECK("", "");
    CHECK("tab\there\n\n", "tab\there\n\n");
    CHECK("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa9 \xc3\x80",
          "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa9 \xc3\x80");
    CHECK("latin \xe9t\xe9 \xff", "latin \xe9t\xe9 \xff");
    CHECK("cut \xc2", "cut \xc2");
    CHECK("\xc2\xc2\xa9", "\xc2\xc2\xa9");
}

/* The words of an agent, its tools and what is no event at all, by the renderer. */
Test(escape, a_rendered_log_sends_no_control_either)
{
    static const char in[] =
        "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":"
        "\"\\u001b[2Jwords\"},{\"type\":\"tool_use\",\"name\":\"Bash\",\"input\":"
        "{\"command\":\"printf '\\u001b]0;x\\u0007'\"}}]}}\n"
        "plain \033c\n";
    char *out = NULL, *err = NULL;
    size_t out_size, err_size;
    FILE *to = open_memstream(&out, &out_size), *notes = open_memstream(&err, &err_size);
    struct render *r = render_new("claude-code", to, notes, false);

    render_feed(r, in, sizeof(in) - 1);
    render_end(r, false);
    render_free(r);
    fclose(to);
    fclose(notes);
    cr_assert_str_eq(out, "\\x1b[2Jwords\nplain \\x1bc\n");
    cr_assert(strchr(err, '\033') == NULL && strchr(err, '\a') == NULL);
    cr_assert(strstr(err, "\\x1b]0;x\\x07") != NULL);
    free(out);
    free(err);
}
