/* render_opencode.c - the events of opencode run --format json. There is no closing event. */
#include "cli/render/render_event.h"

#include <string.h>

#include "common/macros.h"

static const struct event_field fields[] = {
    {"text", 's'},
    {"part", 'o'},
    {"part.text", 's'},
    {"part.tokens", 'o'},
    {"part.tokens.input", 'n'},
    {"part.tokens.output", 'n'},
};

static const struct tool_summary tools[] = {
    {"bash", {"command"}},     {"read", {"filePath"}},  {"write", {"filePath"}},
    {"edit", {"filePath"}},    {"glob", {"pattern"}},   {"grep", {"pattern"}},
    {"list", {"path"}},        {"webfetch", {"url"}},   {"websearch", {"query"}},
    {"task", {"description"}}, {"patch", {"filePath"}},
};

static void
on_text(struct render *r, const json_t *event, const json_t *part)
{
    const char *text = event_string(event, "text");

    if (text[0] == '\0')
        text = event_string(part, "text");
    if (text[0] == '\0')
        return;
    /* Pieces of one step belong together; a new step starts on a line of its own. */
    if (render_same_as_before(r, "step"))
        render_close(r);
    render_same_as_before(r, "text");
    render_say(r, text, true);
}

static void
on_event(struct render *r, const json_t *event, const char *line)
{
    const char *type = event_string(event, "type");
    const json_t *part = json_object_get(event, "part");
    const json_t *tokens = json_object_get(part, "tokens");
    const char *tool = event_string(part, "tool");

    if (strcmp(type, "text") == 0) {
        on_text(r, event, part);
        return;
    }
    if (strcmp(type, "step_finish") == 0) {
        render_tokens(r, "completed",
                      json_is_object(tokens) ? json_object_get(tokens, "input") : NULL,
                      json_is_object(tokens) ? json_object_get(tokens, "output") : NULL);
    } else if (strcmp(type, "tool_use") == 0 && tool[0] != '\0') {
        render_tool(
            r, "tool", tool,
            event_summary(tools, ARRAY_LEN(tools), tool, event_at(part, "state.input")));
    } else if (strcmp(type, "error") == 0) {
        const json_t *message = event_at(event, "error.data.message");

        render_note(r, "[error] %s",
                    json_is_string(message) ? json_string_value(message) : line);
    }
    render_same_as_before(r, "step");
}

const struct event_format render_opencode = {"opencode", fields, ARRAY_LEN(fields),
                                             on_event};
