/* The renderers of kelos logs: which line goes where. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/render.h"
#include "common/macros.h"
#include "tests/support/rows.h"

struct rendered {
    char *out, *err;
};

static struct rendered
render_text(const char *agent, const char *text, size_t size, size_t step)
{
    struct rendered r = {NULL, NULL};
    size_t out_size, err_size;
    FILE *out = open_memstream(&r.out, &out_size),
         *err = open_memstream(&r.err, &err_size);
    struct render *render = render_new(agent, out, err, false);

    for (size_t at = 0; at < size; at += step)
        render_feed(render, text + at, step < size - at ? step : size - at);
    render_end(render, false);
    render_free(render);
    fclose(out);
    fclose(err);
    return r;
}

static void
check(const char *agent, const char *in, const char *out, const char *err)
{
    for (size_t step = 1; step < 4096; step *= 61) {
        struct rendered r = render_text(agent, in, strlen(in), step);

        cr_assert_str_eq(r.out, out, "%s: stdout of %s: %s", agent, in, r.out);
        cr_assert_str_eq(r.err, err, "%s: stderr of %s: %s", agent, in, r.err);
        free(r.out);
        free(r.err);
    }
}

struct sample {
    const char *agent, *in, *out, *err;
};

static void
check_all(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(samples[i].agent, samples[i].in, samples[i].out, samples[i].err);
}

Test(render, claude_events_go_where_they_belong)
{
    static const struct sample samples[] = {
        {"claude-code",
         "{\"type\":\"system\",\"subtype\":\"init\",\"model\":\"opus-x\"}\n"
         "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":"
         "\"Looking.\"},"
         "{\"type\":\"tool_use\",\"name\":\"Bash\",\"input\":{\"command\":\"ls\\nwc -l "
         "a\"}}]}}\n"
         "plain words\n"
         "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"num_turns\":"
         "4,"
         "\"total_cost_usd\":0.25}\n",
         "Looking.\nplain words\n",
         "[init] model=opus-x\n\n--- Turn 1 ---\n[tool] Bash: ls\\nwc -l a\n\n"
         "[result] completed (4 turns, $0.2500)\n"},
        {"claude-code", "{\"type\":\"system\",\"subtype\":\"init\"}\n", "", ""},
        {"claude-code", "{\"type\":\"system\",\"subtype\":\"status\",\"model\":\"m\"}\n",
         "", ""},
        {"claude-code",
         "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"thinking\","
         "\"thinking\":\"hm\"},"
         "{\"type\":\"text\",\"text\":\"\"}]}}\n",
         "", "\n--- Turn 1 ---\n"},
        {"claude-code",
         "{\"type\":\"assistant\",\"message\":{\"content\":[]}}\n{\"type\":\"assistant\","
         "\"message\":{}}\n",
         "", "\n--- Turn 1 ---\n\n--- Turn 2 ---\n"},
        {"claude-code", "{\"type\":\"user\",\"message\":{\"content\":\"hello\"}}\n", "",
         ""},
    };

    check_all(samples, ARRAY_LEN(samples));
}

Test(render, claude_blocks_of_one_message_are_one_turn)
{
    check("claude-code",
          "{\"type\":\"assistant\",\"message\":{\"id\":\"m1\",\"content\":[{\"type\":"
          "\"text\",\"text\":\"a\"}]}}\n"
          "{\"type\":\"assistant\",\"message\":{\"id\":\"m1\",\"content\":[{\"type\":"
          "\"text\",\"text\":\"b\"}]}}\n"
          "{\"type\":\"assistant\",\"message\":{\"id\":\"m2\",\"content\":[{\"type\":"
          "\"text\",\"text\":\"c\"}]}}\n",
          "a\nb\nc\n", "\n--- Turn 1 ---\n\n--- Turn 2 ---\n");
}

Test(render, claude_results_tell_success_from_failure)
{
    static const struct sample samples[] = {
        {"claude-code",
         "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"num_turns\":1,"
         "\"total_cost_usd\":0.001,\"result\":\"API Error: 401\"}\n",
         "API Error: 401\n", "\n[result] error (1 turns, $0.0010)\n"},
        {"claude-code",
         "{\"type\":\"result\",\"subtype\":\"error_max_turns\",\"is_error\":true,\"num_"
         "turns\":3,"
         "\"stop_reason\":\"tool_use\",\"errors\":[\"Reached maximum number of turns "
         "(2)\"]}\n",
         "",
         "\n[result] error (3 turns, $0.0000)\n[error] Reached maximum number of turns "
         "(2)\n"},
        {"claude-code",
         "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"num_turns\":"
         "9,"
         "\"total_cost_usd\":0.5,\"stop_reason\":\"tool_use\"}\n",
         "", "\n[result] incomplete (stop_reason=tool_use) (9 turns, $0.5000)\n"},
        {"claude-code",
         "{\"type\":\"result\",\"is_error\":false,\"result\":\"fine\",\"stop_reason\":"
         "\"end_turn\","
         "\"terminal_reason\":\"completed\",\"num_turns\":2}\n",
         "", "\n[result] completed (2 turns, $0.0000)\n"},
    };

    check_all(samples, ARRAY_LEN(samples));
    row_claim("CLI/L12");
    row_claim("CLI/L18");
}

Test(render, tools_are_summed_up_by_their_field)
{
    static const struct {
        const char *tool, *input, *shown;
    } tools[] = {
        {"Read", "{\"file_path\":\"a.c\"}", "[tool] Read: a.c"},
        {"Write", "{\"file_path\":\"a.c\",\"content\":\"x\"}", "[tool] Write: a.c"},
        {"Edit", "{\"file_path\":\"a.c\"}", "[tool] Edit: a.c"},
        {"Glob", "{\"pattern\":\"*.c\"}", "[tool] Glob: *.c"},
        {"Grep", "{\"pattern\":\"x\"}", "[tool] Grep: x"},
        {"WebFetch", "{\"url\":\"http://a\"}", "[tool] WebFetch: http://a"},
        {"Task", "{\"description\":\"d\"}", "[tool] Task: d"},
        {"WebSearch", "{\"query\":\"q\"}", "[tool] WebSearch: q"},
        {"Mystery", "{\"query\":\"q\"}", "[tool] Mystery"},
        {"Read", "{}", "[tool] Read"},
        {"Read", "{\"file_path\":7}", "[tool] Read"},
        {"Read", "\"text\"", "[tool] Read"},
        {"Read", "null", "[tool] Read"},
    };

    for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
        char in[512], err[256];

        snprintf(
            in, sizeof(in),
            "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\","
            "\"name\":\"%s\",\"input\":%s}]}}\n",
            tools[i].tool, tools[i].input);
        snprintf(err, sizeof(err), "\n--- Turn 1 ---\n%s\n", tools[i].shown);
        check("claude-code", in, "", err);
    }
    row_claim("CLI/L07");
}

Test(render, codex_events_go_where_they_belong)
{
    static const struct sample samples[] = {
        {"codex",
         "{\"type\":\"thread.started\"}\n{\"type\":\"turn.started\"}\n"
         "{\"type\":\"item.started\",\"item\":{\"id\":\"i1\",\"type\":\"command_"
         "execution\",\"command\":\"make check\"}}\n"
         "{\"type\":\"item.completed\",\"item\":{\"id\":\"i2\",\"type\":\"agent_"
         "message\",\"text\":\"Green.\"}}\n"
         "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":9,\"cached_input_"
         "tokens\":2,\"output_tokens\":3}}\n",
         "Green.\n",
         "\n--- Turn 1 ---\n[command] make check\n[usage] input=9 cached=2 output=3\n"},
        {"codex",
         "{\"type\":\"item.started\",\"item\":{\"type\":\"command_execution\"}}\n", "",
         "[command]\n"},
        {"codex", "{\"type\":\"item.started\",\"item\":{\"type\":\"reasoning\"}}\n", "",
         "[reasoning]\n"},
        {"codex", "{\"type\":\"item.started\",\"item\":{\"type\":\"\"}}\n", "", ""},
        {"codex",
         "{\"type\":\"item.completed\",\"item\":{\"type\":\"command_execution\",\"exit_"
         "code\":0}}\n",
         "", ""},
        {"codex",
         "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":"
         "\"\"}}\n",
         "", ""},
        {"codex", "{\"type\":\"turn.completed\"}\n", "", ""},
        {"codex", "{\"type\":\"error\",\"message\":\"gone\"}\n", "",
         "[error] {\"type\":\"error\",\"message\":\"gone\"}\n"},
        {"codex", "{\"type\":\"turn.failed\",\"error\":{\"message\":\"no network\"}}\n",
         "", "[error] turn failed: no network\n"},
        {"codex", "{\"type\":\"item.updated\",\"item\":{\"type\":\"todo_list\"}}\n", "",
         ""},
    };

    check_all(samples, ARRAY_LEN(samples));
}

Test(render, gemini_events_go_where_they_belong)
{
    static const struct sample samples[] = {
        {"gemini",
         "{\"type\":\"init\",\"model\":\"g-pro\"}\n"
         "{\"type\":\"tool_use\",\"tool_name\":\"ReadFile\",\"parameters\":{\"path\":"
         "\"src/a.c\"}}\n"
         "{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"Done.\"}\n"
         "{\"type\":\"result\",\"status\":\"success\",\"stats\":{\"totalInputTokens\":70,"
         "\"totalOutputTokens\":8}}\n",
         "Done.\n",
         "[init] model=g-pro\n[tool] ReadFile: src/a.c\n\n--- Turn 1 ---\n\n"
         "[result] completed (input=70, output=8)\n"},
        {"gemini",
         "{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"Do\",\"delta\":true}"
         "\n"
         "{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"ne.\",\"delta\":"
         "true}\n"
         "{\"type\":\"tool_use\",\"tool_name\":\"run_shell_command\",\"parameters\":{"
         "\"command\":\"ls\"}}\n"
         "{\"type\":\"result\",\"status\":\"error\"}\n",
         "Done.\n", "[tool] run_shell_command: ls\n\n[result] error\n"},
        {"gemini", "{\"type\":\"message\",\"role\":\"user\",\"content\":\"x\"}\n", "",
         ""},
        {"gemini", "{\"type\":\"tool_result\",\"status\":\"success\"}\n", "", ""},
        {"gemini", "{\"type\":\"tool_use\",\"tool_name\":\"\"}\n", "", ""},
        {"gemini",
         "{\"type\":\"result\",\"status\":\"success\",\"stats\":{\"input_tokens\":5,"
         "\"output_tokens\":6}}\n",
         "", "\n[result] completed (input=5, output=6)\n"},
    };

    check_all(samples, ARRAY_LEN(samples));
}

Test(render, opencode_events_go_where_they_belong)
{
    static const struct sample samples[] = {
        {"opencode",
         "{\"type\":\"text\",\"part\":{\"type\":\"text\",\"text\":\"First.\"}}\n"
         "{\"type\":\"text\",\"text\":\" Second.\"}\n"
         "{\"type\":\"step_finish\",\"part\":{\"tokens\":{\"input\":11,\"output\":4}}}\n",
         "First. Second.", "\n[result] completed (input=11, output=4)\n"},
        {"opencode", "{\"type\":\"step_start\"}\n", "", ""},
        {"opencode", "{\"type\":\"step_finish\",\"part\":{}}\n", "",
         "\n[result] completed\n"},
        {"opencode",
         "{\"type\":\"text\",\"text\":\"One.\"}\n{\"type\":\"step_finish\"}\n"
         "{\"type\":\"text\",\"text\":\"Two.\"}\n",
         "One.\nTwo.", "\n[result] completed\n"},
        {"opencode",
         "{\"type\":\"tool_use\",\"part\":{\"tool\":\"write\",\"state\":{\"input\":{"
         "\"filePath\":\"a\"}}}}\n"
         "{\"type\":\"error\",\"error\":{\"data\":{\"message\":\"no key\"}}}\n",
         "", "[tool] write: a\n[error] no key\n"},
    };

    check_all(samples, ARRAY_LEN(samples));
    row_claim("CLI/L06");
}

static const char *const agents[] = {"claude-code", "codex", "gemini", "opencode"};

Test(render, what_is_no_event_passes_unchanged)
{
    static const struct {
        const char *in, *out;
    } lines[] = {
        {"plain text\n", "plain text\n"},
        {"with cr\r\n", "with cr\n"},
        {"no end", "no end\n"},
        {"{\"type\":\"text\"} trailing\n", "{\"type\":\"text\"} trailing\n"},
        {"[1,2]\n", "[1,2]\n"},
        {"\"text\"\n", "\"text\"\n"},
        {"17\n", "17\n"},
        {"{\"type\":7}\n", "{\"type\":7}\n"},
        {"{\"hello\":\"world\"}\n", "{\"hello\":\"world\"}\n"},
        {"null\n", ""},
        {"{\"type\":\"something.new\"}\n", ""},
        {"\n\r\n\n", ""},
    };

    for (size_t a = 0; a < ARRAY_LEN(agents); a++)
        for (size_t i = 0; i < ARRAY_LEN(lines); i++)
            check(agents[a], lines[i].in, lines[i].out, "");
    row_claim("CLI/L10");
    row_claim("CLI/L11");
}

Test(render, empty_lines_around_an_event_leave_nothing)
{
    check("claude-code",
          "\n\n{\"type\":\"system\",\"subtype\":\"init\",\"model\":\"m\"}\n\n", "",
          "[init] model=m\n");
    row_claim("CLI/L09");
}

Test(render, a_field_of_another_type_makes_the_line_text)
{
    static const char *const lines[] = {
        "{\"type\":\"system\",\"subtype\":7}\n",
        "{\"type\":\"result\",\"num_turns\":\"many\"}\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        check("claude-code", lines[i], lines[i], "");
    check("codex", "{\"type\":\"turn.completed\",\"usage\":3}\n",
          "{\"type\":\"turn.completed\",\"usage\":3}\n", "");
}

/* What the original shows as raw JSON, torn, or not at all. */
Test(render, what_agents_do_and_what_fails_is_shown)
{
    static const struct sample samples[] = {
        {"claude-code",
         "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"hi\"}}\n", "",
         ""},
        {"claude-code", "{\"level\":\"info\",\"msg\":\"mine\"}\n",
         "{\"level\":\"info\",\"msg\":\"mine\"}\n", ""},
        {"codex", "{\"type\":\"turn.failed\",\"error\":{\"message\":\"no net\"}}\n", "",
         "[error] turn failed: no net\n"},
        {"codex",
         "{\"type\":\"item.completed\",\"item\":{\"type\":\"file_change\",\"changes\":["
         "{\"path\":\"a.c\",\"kind\":\"add\"},{\"path\":\"b.c\",\"kind\":\"update\"}]}}"
         "\n",
         "", "[file] add a.c\n[file] update b.c\n"},
        {"codex",
         "{\"type\":\"item.started\",\"item\":{\"type\":\"mcp_tool_call\",\"server\":"
         "\"db\","
         "\"tool\":\"query\"}}\n",
         "", "[mcp_tool_call] db/query\n"},
        {"gemini",
         "{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"Do\",\"delta\":true}"
         "\n"
         "{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"ne.\",\"delta\":"
         "true}"
         "\n{\"type\":\"tool_use\",\"tool_name\":\"run_shell_command\",\"parameters\":{"
         "\"command\":\"ls\"}}\n"
         "{\"type\":\"result\",\"status\":\"success\",\"stats\":{\"input_tokens\":5,"
         "\"output_tokens\":6}}\n",
         "Done.\n",
         "[tool] run_shell_command: ls\n\n[result] completed (input=5, output=6)\n"},
        {"opencode",
         "{\"type\":\"tool_use\",\"part\":{\"tool\":\"write\",\"state\":{\"input\":{"
         "\"filePath\":\"a\"}}}}\n"
         "{\"type\":\"error\",\"error\":{\"data\":{\"message\":\"no key\"}}}\n",
         "", "[tool] write: a\n[error] no key\n"},
        {"codex", "---KELOS_OUTPUTS_START---\ncommit: 1f\n---KELOS_OUTPUTS_END---\n", "",
         "[output] commit: 1f\n"},
    };

    check_all(samples, ARRAY_LEN(samples));
}

Test(render, unknown_agents_are_read_as_claude)
{
    check("cursor", "{\"type\":\"system\",\"subtype\":\"init\",\"model\":\"m\"}\n", "",
          "[init] model=m\n");
}

Test(render, summaries_are_cut_by_characters)
{
    static const char *const units[] = {"a", "\xe2\x82\xac"};

    for (size_t u = 0; u < ARRAY_LEN(units); u++) {
        char command[1024] = "", in[2048], err[1024] = "\n--- Turn 1 ---\n[tool] Bash: ";

        for (int i = 0; i < 200; i++)
            strcat(command, units[u]);
        for (int i = 0; i < 120; i++)
            strcat(err, units[u]);
        strcat(err, "...\n");
        snprintf(
            in, sizeof(in),
            "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\","
            "\"name\":\"Bash\",\"input\":{\"command\":\"%s\"}}]}}\n",
            command);
        check("claude-code", in, "", err);
    }
    row_claim("CLI/L08");
}

Test(render, a_line_of_two_mebibytes_is_rendered)
{
    static const char head[] = "{\"type\":\"assistant\",\"message\":{\"content\":[{"
                               "\"type\":\"text\",\"text\":\"";
    static const char tail[] = "\"}]}}\n";
    size_t words = 2u << 20, size = sizeof(head) - 1 + words + sizeof(tail) - 1;
    char *line = malloc(size);

    memcpy(line, head, sizeof(head) - 1);
    memset(line + sizeof(head) - 1, 'x', words);
    memcpy(line + sizeof(head) - 1 + words, tail, sizeof(tail) - 1);
    struct rendered r = render_text("claude-code", line, size, 65536);
    cr_assert_eq(strlen(r.out), words + 1);
    cr_assert_str_eq(r.err, "\n--- Turn 1 ---\n");
    free(r.out);
    free(r.err);
    free(line);
    row_claim("CLI/L13");
}

Test(render, the_capture_block_is_in_brackets)
{
    check("claude-code",
          "---KELOS_OUTPUTS_START---\nbranch: a\ncommit: "
          "1f2e\n---KELOS_OUTPUTS_END---\nafter\n",
          "after\n", "[output] branch: a\n[output] commit: 1f2e\n");
}

/* A file of tests/cli/streams, whole; NULL when it is not there. */
static char *
read_stream(const char *agent, const char *ending, size_t *size)
{
    char path[128], *text = NULL;

    snprintf(path, sizeof(path), "tests/cli/streams/%s.%s", agent, ending);
    FILE *f = fopen(path, "r"), *copy = open_memstream(&text, size);
    for (int c; f != NULL && (c = fgetc(f)) != EOF;)
        fputc(c, copy);
    fclose(copy);
    cr_assert_not_null(f, "%s", path);
    fclose(f);
    return text;
}

Test(render, whole_transcripts_read_well)
{
    for (size_t a = 0; a < ARRAY_LEN(agents); a++) {
        size_t size, out_size, err_size;
        char *in = read_stream(agents[a], "jsonl", &size);
        char *out = read_stream(agents[a], "out", &out_size);
        char *err = read_stream(agents[a], "err", &err_size);
        struct rendered r = render_text(agents[a], in, size, 1000);

        cr_expect_str_eq(r.out, out, "%s: %s", agents[a], r.out);
        cr_expect_str_eq(r.err, err, "%s: %s", agents[a], r.err);
        free(r.out);
        free(r.err);
        free(in);
        free(out);
        free(err);
    }
}
