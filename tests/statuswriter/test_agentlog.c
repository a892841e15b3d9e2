/* test_agentlog.c - what the agents' JSON lines say about a run. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/macros.h"
#include "statuswriter/agentlog.h"
#include "tests/support/rows.h"

struct want {
    const char *label, *type, *log, *cost, *in, *out, *response, *row;
};

#define CLAUDE(cost, in, out)                                                            \
    "{\"type\":\"result\",\"total_cost_usd\":" cost ",\"usage\":{\"input_tokens\":" in   \
    ",\"output_tokens\":" out "}}\n"
#define TURN(in, out)                                                                    \
    "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":" in                       \
    ",\"output_tokens\":" out "}}\n"
#define STEP(in, out)                                                                    \
    "{\"type\":\"step_finish\",\"part\":{\"tokens\":{\"input\":" in ",\"output\":" out   \
    "}}}\n"

/* clang-format off */
static const struct want rows[] = {
    {"two results", "claude-code", CLAUDE("1", "10", "20") CLAUDE("0.0532", "1000", "500"), "0.0532", "1000", "500", "", "TE/CP10"},
    {"garbage first", "claude-code", "not json\n[1]\n" CLAUDE("0.05000", "1", "2"), "0.05000", "1", "2", "", "TE/CP11"},
    {"exponent kept", "claude-code", CLAUDE("1e-3", "1", "2"), "1e-3", "1", "2", "", NULL},
    {"null is no number", "claude-code", CLAUDE("null", "\"5\"", "2"), "", "", "2", "", NULL},
    {"no result", "claude-code", "{\"type\":\"system\"}\n", "", "", "", "", NULL},
    {"nested result is none", "claude-code", "{\"x\":{\"type\":\"result\",\"total_cost_usd\":1}}\n", "", "", "", "", NULL},
    {"inside an array", "claude-code", "{\"type\":\"result\",\"usage\":[{\"input_tokens\":7}]}\n", "", "", "", "", NULL},
    {"empty", "claude-code", "", "", "", "", "", NULL},
    {"unknown type", "other", CLAUDE("1", "1", "1"), "", "", "", "", NULL},
    {"empty type", "", CLAUDE("1", "1", "1"), "", "", "", "", "TE/CP12"},
    {"trailing text", "claude-code", "{\"type\":\"result\",\"total_cost_usd\":2} and more\n", "2", "", "", "", NULL},
    {"codex sums", "codex", TURN("100", "50") TURN("200", "150"), "", "300", "200", "", "TE/CP13"},
    {"codex none", "codex", "{\"type\":\"turn.started\"}\n", "", "", "", "", "TE/CP14"},
    {"codex not whole", "codex", TURN("1.5", "3") TURN("2", "null"), "", "2", "3", "", NULL},
    {"codex zero", "codex", TURN("0", "0"), "", "", "", "", NULL},
    {"gemini camel", "gemini", "{\"type\":\"result\",\"stats\":{\"inputTokens\":8000,\"outputTokens\":3200}}\n", "", "8000", "3200", "", "TE/CP15"},
    {"gemini snake", "gemini", "{\"type\":\"result\",\"stats\":{\"input_tokens\":80,\"output_tokens\":32}}\n", "", "80", "32", "", NULL},
    {"opencode sums", "opencode", STEP("500", "200") STEP("300", "100"), "", "800", "300", "", "TE/CP16"},
    {"opencode cost", "opencode", "{\"type\":\"step_finish\",\"part\":{\"cost\":0.25,\"tokens\":{\"input\":1,\"output\":2}}}\n", "0.25", "1", "2", "", NULL},
    {"cursor", "cursor", "{\"type\":\"result\",\"result\":\"done\",\"usage\":{\"inputTokens\":36067,\"outputTokens\":227}}\n", "", "36067", "227", "done", "ADD/CU2"},
    {"claude answer", "claude-code", "{\"type\":\"result\",\"subtype\":\"success\",\"result\":\"Here are the PRs I opened.\"}\n", "", "", "", "Here are the PRs I opened.", NULL},
    {"codex answer", "codex", "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"One.\"}}\n"
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"All done!\"}}\n", "", "", "", "All done!", NULL},
    {"gemini answer", "gemini", "{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"part\",\"delta\":true}\n"
        "{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"first\"}\n{\"type\":\"message\",\"role\":\"user\",\"content\":\"no\"}\n"
        "{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"last\"}\n", "", "", "", "last", NULL},
    {"opencode answer", "opencode", "{\"type\":\"text\",\"text\":\"one\"}\n{\"type\":\"text\",\"part\":{\"text\":\"two\"}}\n", "", "", "", "two", NULL},
};
/* clang-format on */

static struct agentlog *
read_log(const char *type, const char *log, size_t step, struct agentlog_report *r)
{
    struct agentlog *a = agentlog_new(type);
    size_t size = strlen(log);

    for (size_t i = 0; i < size; i += step)
        agentlog_feed(a, log + i, size - i < step ? size - i : step);
    agentlog_end(a);
    agentlog_report(a, r);
    return a;
}

Test(agentlog, reads_usage_and_answer_of_each_agent)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t step = 1; step < 200; step += 66) {
            struct agentlog_report r;
            SCOPED(agentlog)
            UNUSED struct agentlog *a = read_log(rows[i].type, rows[i].log, step, &r);
            cr_expect_str_eq(r.cost, rows[i].cost, "%s", rows[i].label);
            cr_expect_str_eq(r.input, rows[i].in, "%s", rows[i].label);
            cr_expect_str_eq(r.output, rows[i].out, "%s", rows[i].label);
            cr_expect_str_eq(r.response, rows[i].response, "%s", rows[i].label);
        }
        if (rows[i].row != NULL)
            row_claim(rows[i].row);
    }
    row_claim("TE/W-A4");
}

Test(agentlog, judges_whether_a_claude_run_was_complete)
{
    static const struct {
        const char *members, *problem;
    } cases[] = {
        {"\"subtype\":\"success\"", ""},
        {"\"subtype\":\"success\",\"stop_reason\":\"end_turn\",\"terminal_reason\":"
         "\"completed\"",
         ""},
        {"\"subtype\":\"success\",\"stop_reason\":\"\",\"terminal_reason\":\"\"", ""},
        {"\"subtype\":\"success\",\"stop_reason\":\"tool_use\"",
         "Claude Code run incomplete (stop_reason=tool_use)"},
        {"\"subtype\":\"success\",\"terminal_reason\":\"max_turns\",\"stop_reason\":"
         "\"tool_use\"",
         "Claude Code run incomplete (terminal_reason=max_turns, stop_reason=tool_use)"},
        {"\"subtype\":\"success\",\"terminal_reason\":\"completed\",\"stop_reason\":"
         "\"max_tokens\"",
         "Claude Code run incomplete (stop_reason=max_tokens)"},
        {"\"subtype\":\"error_max_turns\",\"is_error\":true",
         "Claude Code returned an unsuccessful result (subtype=error_max_turns, "
         "is_error=true)"},
        {"\"subtype\":\"success\",\"is_error\":true",
         "Claude Code returned an unsuccessful result (subtype=success, is_error=true)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char line[512];
        struct agentlog_report r;
        snprintf(line, sizeof line, "{\"type\":\"result\",%s}\n", cases[i].members);
        SCOPED(agentlog)
        UNUSED struct agentlog *a = read_log("claude-code", line, 4096, &r);
        cr_expect_str_eq(r.problem, cases[i].problem, "case %zu", i);
    }
    row_claim("ADD/SA6");
}

Test(agentlog, skips_a_line_beyond_its_limit_and_reads_on)
{
    SCOPED(agentlog) struct agentlog *a = agentlog_new("claude-code");
    static char chunk[1 << 16];
    struct agentlog_report r;

    memset(chunk, 'x', sizeof chunk);
    for (size_t fed = 0; fed < 11 << 20; fed += sizeof chunk)
        agentlog_feed(a, chunk, sizeof chunk);
    agentlog_feed(a, "\n", 1);
    agentlog_feed(a, CLAUDE("3", "4", "5"), strlen(CLAUDE("3", "4", "5")));
    agentlog_end(a);
    agentlog_report(a, &r);
    cr_assert_str_eq(r.cost, "3");
    row_claim("TE/W-A5");
}

Test(agentlog, cuts_a_long_answer_at_a_character)
{
    SCOPED(buf) struct buf log = BUF_INIT;
    struct agentlog_report r;

    buf_add_str(&log, "{\"type\":\"result\",\"result\":\"x");
    for (int i = 0; i < LIMIT_RESPONSE_BYTES; i++)
        buf_add_str(&log, "\xc3\xa4");
    buf_add_str(&log, "\"}\n");
    SCOPED(agentlog)
    UNUSED struct agentlog *a = read_log("claude-code", log.data, 1 << 16, &r);
    cr_assert(r.response_truncated);
    cr_assert_leq(r.response_size, (size_t)LIMIT_RESPONSE_BYTES);
    cr_assert_eq(r.response_size % 2, 1, "an x and whole characters");
}

/* The recorded stream of a type, up to and without the last line that holds `cut` (NULL: whole). */
static char *
recorded(const char *type, const char *cut)
{
    char path[100], *line = NULL, *text = NULL;
    size_t room = 0, size;

    snprintf(path, sizeof path, "tests/cli/streams/%s.jsonl", type);
    FILE *f = fopen(path, "r"), *copy = open_memstream(&text, &size);
    cr_assert_not_null(f, "%s", path);
    while (getline(&line, &room, f) > 0)
        if (cut == NULL || strstr(line, cut) == NULL)
            fputs(line, copy);
    free(line);
    fclose(f);
    fclose(copy);
    return text;
}

Test(agentlog, a_stream_without_the_line_that_ends_it_is_not_finished)
{
    static const struct {
        const char *type, *stream, *cut, *unfinished;
    } cases[] = {
        {"claude-code", "claude-code", NULL, ""},
        {"codex", "codex", NULL, ""},
        {"gemini", "gemini", NULL, ""},
        {"opencode", "opencode", NULL, ""},
        {"claude-code", "claude-code", "\"type\":\"result\"",
         "claude-code run incomplete (no result line)"},
        {"cursor", "claude-code", NULL, ""},
        {"cursor", "claude-code", "\"type\":\"result\"",
         "cursor run incomplete (no result line)"},
        {"codex", "codex", "\"turn.completed\"",
         "codex run incomplete (no turn.completed line)"},
        {"gemini", "gemini", "\"type\":\"result\"",
         "gemini run incomplete (no result line)"},
        {"opencode", "opencode", "step_finish", ""}, /* its stream has no such line */
        {"other", "codex", "\"turn.completed\"", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct agentlog_report r;
        char *text = recorded(cases[i].stream, cases[i].cut);
        SCOPED(agentlog)
        UNUSED struct agentlog *a = read_log(cases[i].type, text, 512, &r);
        cr_expect_str_eq(r.unfinished, cases[i].unfinished, "case %zu", i);
        cr_expect_str_eq(r.problem, "", "case %zu", i);
        free(text);
    }
}

Test(agentlog, what_is_no_stream_is_not_judged)
{
    static const char *const logs[] = {"", "plain words\nof an image of one's own\n",
                                       "[1]\n"};

    for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
        struct agentlog_report r;
        SCOPED(agentlog)
        UNUSED struct agentlog *a = read_log("claude-code", logs[i], 7, &r);
        cr_expect_str_eq(r.unfinished, "", "%s", logs[i]);
    }
    /* a line that was too long to be read may have been the one */
    SCOPED(agentlog) struct agentlog *a = agentlog_new("claude-code");
    static char chunk[1 << 16];
    struct agentlog_report r;
    memset(chunk, 'x', sizeof chunk);
    agentlog_feed(a, "{\"type\":\"system\"}\n", 18);
    for (size_t fed = 0; fed <= LIMIT_CAPTURE_LINE_BYTES; fed += sizeof chunk)
        agentlog_feed(a, chunk, sizeof chunk);
    agentlog_feed(a, "\n", 1);
    agentlog_end(a);
    agentlog_report(a, &r);
    cr_assert_str_eq(r.unfinished, "");
}
