/* render_gemini.c - the stream-json of Gemini CLI, older and newer names of tools and stats. */
#include "cli/render/render_event.h"

#include <string.h>

#include "common/macros.h"

static const struct event_field fields[] = {
    {"model", 's'},
    {"role", 's'},
    {"content", 's'},
    {"delta", 'b'},
    {"tool_name", 's'},
    {"status", 's'},
    {"stats", 'o'},
    {"stats.totalInputTokens", 'n'},
    {"stats.totalOutputTokens", 'n'},
    {"stats.input_tokens", 'n'},
    {"stats.output_tokens", 'n'},
};

static const struct tool_summary tools[] = {
    {"Bash", {"command"}},
    {"Shell", {"command"}},
    {"run_shell_command", {"command"}},
    {"ReadFile", {"file_path", "path"}},
    {"WriteFile", {"file_path", "path"}},
    {"EditFile", {"file_path", "path"}},
    {"read_file", {"file_path", "absolute_path", "path"}},
    {"write_file", {"file_path", "path"}},
    {"replace", {"file_path", "path"}},
    {"list_directory", {"path", "dir_path"}},
    {"Glob", {"pattern"}},
    {"Grep", {"pattern"}},
    {"glob", {"pattern"}},
    {"search_file_content", {"pattern"}},
    {"grep_search", {"pattern"}},
    {"WebFetch", {"url"}},
    {"web_fetch", {"url", "prompt"}},
    {"WebSearch", {"query"}},
    {"google_web_search", {"query"}},
};

static void
on_message(struct render *r, const json_t *event)
{
    const char *content = event_string(event, "content");

    if (strcmp(event_string(event, "role"), "assistant") != 0 || content[0] == '\0')
        return;
    if (event_true(event, "delta")) {
        render_say(r, content, true);
        return;
    }
    render_close(r);
    render_turn(r);
    render_say(r, content, false);
}

static void
on_result(struct render *r, const json_t *event)
{
    const json_t *stats = json_object_get(event, "stats");
    const json_t *in = json_object_get(stats, "totalInputTokens");
    const json_t *out = json_object_get(stats, "totalOutputTokens");
    const json_t *message = event_at(event, "error.message");
    bool failed = strcmp(event_string(event, "status"), "error") == 0;

    if (in == NULL)
        in = json_object_get(stats, "input_tokens");
    if (out == NULL)
        out = json_object_get(stats, "output_tokens");
    if (json_is_object(stats))
        render_note(r, "\n[result] %s (input=%.0f, output=%.0f)",
                    failed ? "error" : "completed", json_number_value(in),
                    json_number_value(out));
    else
        render_tokens(r, failed ? "error" : "completed", NULL, NULL);
    if (failed && json_is_string(message))
        render_note(r, "[error] %s", json_string_value(message));
}

static void
on_event(struct render *r, const json_t *event, const char *line UNUSED)
{
    const char *type = event_string(event, "type");
    const char *tool = event_string(event, "tool_name");

    if (strcmp(type, "message") == 0) {
        on_message(r, event);
        return;
    }
    render_close(r); /* what is no message ends a message that came in pieces */
    if (strcmp(type, "init") == 0 && event_string(event, "model")[0] != '\0')
        render_note(r, "[init] model=%s", event_string(event, "model"));
    else if (strcmp(type, "tool_use") == 0 && tool[0] != '\0')
        render_tool(r, "tool", tool,
                    event_summary(tools, ARRAY_LEN(tools), tool,
                                  json_object_get(event, "parameters")));
    else if (strcmp(type, "result") == 0)
        on_result(r, event);
    else if (strcmp(type, "error") == 0)
        render_note(r, "[error] %s", event_string(event, "message"));
}

const struct event_format render_gemini = {"gemini", fields, ARRAY_LEN(fields), on_event};
