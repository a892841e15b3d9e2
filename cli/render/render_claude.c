/* render_claude.c - the stream-json of Claude Code. */
#include "cli/render/render_event.h"

#include <string.h>

#include "common/buf.h"
#include "common/macros.h"
#include "common/scoped.h"

static const struct event_field fields[] = {
    {"subtype", 's'},     {"model", 's'},           {"result", 's'},
    {"is_error", 'b'},    {"num_turns", 'n'},       {"total_cost_usd", 'n'},
    {"stop_reason", 's'}, {"terminal_reason", 's'},
};

static const struct tool_summary tools[] = {
    {"Read", {"file_path"}}, {"Write", {"file_path"}},  {"Edit", {"file_path"}},
    {"Bash", {"command"}},   {"Glob", {"pattern"}},     {"Grep", {"pattern"}},
    {"WebFetch", {"url"}},   {"Task", {"description"}}, {"WebSearch", {"query"}},
};

static void
on_system(struct render *r, const json_t *event)
{
    const char *model = event_string(event, "model");

    if (strcmp(event_string(event, "subtype"), "init") == 0 && model[0] != '\0')
        render_note(r, "[init] model=%s", model);
}

/* Claude Code prints one event per content block; blocks of one message are one turn. */
static void
on_assistant(struct render *r, const json_t *event)
{
    const json_t *message = json_object_get(event, "message");
    const json_t *content = json_object_get(message, "content");

    if (!render_same_as_before(r, event_string(message, "id")))
        render_turn(r);
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *block = json_array_get(content, i);
        const char *type = event_string(block, "type");
        const char *text = event_string(block, "text");
        const char *name = event_string(block, "name");

        if (strcmp(type, "text") == 0 && text[0] != '\0')
            render_say(r, text, false);
        else if (strcmp(type, "tool_use") == 0)
            render_tool(r, "tool", name,
                        event_summary(tools, ARRAY_LEN(tools), name,
                                      json_object_get(block, "input")));
    }
}

/* Appends "KEY=VALUE" to the reasons when the value is set and not the normal one. */
static void
add_reason(struct buf *reasons, const json_t *event, const char *key, const char *normal)
{
    const char *value = event_string(event, key);

    if (value[0] != '\0' && strcmp(value, normal) != 0)
        buf_printf(reasons, "%s%s=%s", reasons->size > 0 ? ", " : "", key, value);
}

/* An API failure has subtype "success" and is_error: neither alone says that all went well. */
static void
on_result(struct render *r, const json_t *event)
{
    const char *subtype = event_string(event, "subtype");
    const json_t *errors = json_object_get(event, "errors");
    bool failed = event_true(event, "is_error") ||
                  (subtype[0] != '\0' && strcmp(subtype, "success") != 0);
    double turns = event_number(event, "num_turns");
    double cost = event_number(event, "total_cost_usd");
    SCOPED(buf) struct buf reasons = BUF_INIT;

    add_reason(&reasons, event, "terminal_reason", "completed");
    add_reason(&reasons, event, "stop_reason", "end_turn");
    render_note(r, "%s", "");
    if (failed)
        render_note(r, "[result] error (%.0f turns, $%.4f)", turns, cost);
    else if (reasons.size > 0)
        render_note(r, "[result] incomplete (%s) (%.0f turns, $%.4f)", buf_str(&reasons),
                    turns, cost);
    else
        render_note(r, "[result] completed (%.0f turns, $%.4f)", turns, cost);
    for (size_t i = 0; failed && i < json_array_size(errors); i++)
        if (json_is_string(json_array_get(errors, i)))
            render_note(r, "[error] %s", json_string_value(json_array_get(errors, i)));
    if (failed && event_string(event, "result")[0] != '\0')
        render_say(r, event_string(event, "result"), false);
}

static void
on_event(struct render *r, const json_t *event, const char *line UNUSED)
{
    const char *type = event_string(event, "type");

    if (strcmp(type, "system") == 0)
        on_system(r, event);
    else if (strcmp(type, "assistant") == 0)
        on_assistant(r, event);
    else if (strcmp(type, "result") == 0)
        on_result(r, event);
}

const struct event_format render_claude = {"claude-code", fields, ARRAY_LEN(fields),
                                           on_event};
