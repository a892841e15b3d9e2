/* render_codex.c - the events of codex exec --json. */
#include "cli/render/render_event.h"

#include <string.h>

#include "common/macros.h"

static const struct event_field fields[] = {
    {"item", 'o'},
    {"item.type", 's'},
    {"item.text", 's'},
    {"item.command", 's'},
    {"usage", 'o'},
    {"usage.input_tokens", 'n'},
    {"usage.cached_input_tokens", 'n'},
    {"usage.output_tokens", 'n'},
};

static void
on_item_started(struct render *r, const json_t *item)
{
    const char *type = event_string(item, "type");
    const char *command = event_string(item, "command");
    char line[SUMMARY_SIZE];

    if (type[0] == '\0')
        return;
    if (strcmp(type, "mcp_tool_call") == 0 && event_string(item, "tool")[0] != '\0')
        render_note(r, "[%s] %s/%s", type, event_string(item, "server"),
                    event_one_line(event_string(item, "tool"), line));
    else if (strcmp(type, "command_execution") != 0)
        render_note(r, "[%s]", type);
    else if (command[0] != '\0')
        render_note(r, "[command] %s", event_one_line(command, line));
    else
        render_note(r, "[command]");
}

static void
on_item_completed(struct render *r, const json_t *item)
{
    const char *type = event_string(item, "type");
    const char *text = event_string(item, "text");
    const char *message = event_string(item, "message");
    const json_t *changes = json_object_get(item, "changes");
    char line[SUMMARY_SIZE];

    if (strcmp(type, "agent_message") == 0 && text[0] != '\0')
        render_say(r, text, false);
    else if (strcmp(type, "error") == 0 && message[0] != '\0')
        render_note(r, "[error] %s", event_one_line(message, line));
    for (size_t i = 0; strcmp(type, "file_change") == 0 && i < json_array_size(changes);
         i++) {
        const json_t *change = json_array_get(changes, i);

        render_note(r, "[file] %s %s", event_string(change, "kind"),
                    event_one_line(event_string(change, "path"), line));
    }
}

static void
on_event(struct render *r, const json_t *event, const char *line)
{
    const char *type = event_string(event, "type");
    const json_t *item = json_object_get(event, "item");
    const json_t *usage = json_object_get(event, "usage");
    const json_t *message = event_at(event, "error.message");

    if (strcmp(type, "turn.started") == 0) {
        render_turn(r);
    } else if (strcmp(type, "turn.completed") == 0 && json_is_object(usage)) {
        render_note(r, "[usage] input=%.0f cached=%.0f output=%.0f",
                    event_number(usage, "input_tokens"),
                    event_number(usage, "cached_input_tokens"),
                    event_number(usage, "output_tokens"));
    } else if (strcmp(type, "item.started") == 0) {
        on_item_started(r, item);
    } else if (strcmp(type, "item.completed") == 0) {
        on_item_completed(r, item);
    } else if (strcmp(type, "error") == 0) {
        render_note(r, "[error] %s", line);
    } else if (strcmp(type, "turn.failed") == 0) {
        render_note(r, "[error] turn failed: %s",
                    json_is_string(message) ? json_string_value(message) : line);
    }
}

const struct event_format render_codex = {"codex", fields, ARRAY_LEN(fields), on_event};
