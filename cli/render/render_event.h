/* render_event.h - what the four renderers share; included by render*.c only. */
#ifndef KELOS_CLI_RENDER_EVENT_H
#define KELOS_CLI_RENDER_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct render;

/* One field that an event may have. A field of another type makes the line pass as text.
 * `path` goes through objects by '.', through every element of an array by "[]"; `type` is
 * s(tring), n(umber), b(ool), o(bject), a(rray). null fits everything. */
struct event_field {
    const char *path;
    char type;
};

/* One agent's log format: a row of the table in render.c. */
struct event_format {
    const char *agent;
    const struct event_field *fields;
    size_t n_fields;
    void (*render)(struct render *r, const json_t *event, const char *line);
};

extern const struct event_format render_claude;
extern const struct event_format render_codex;
extern const struct event_format render_gemini;
extern const struct event_format render_opencode;

/* Text of the agent, to stdout; `open` leaves the line open for the next piece. */
void render_say(struct render *r, const char *text, bool open);
/* Ends an open line, if any. */
void render_close(struct render *r);
/* A line about the run, to stderr. */
void render_note(struct render *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A blank line and "--- Turn N ---", counting. */
void render_turn(struct render *r);
/* "[tool] NAME: SUMMARY", without the summary when it is NULL. */
void render_tool(struct render *r, const char *label, const char *name,
                 const char *summary);
/* "[result] completed (input=1, output=2)" after a blank line; `in`, `out` may be NULL. */
void render_tokens(struct render *r, const char *verdict, const json_t *in,
                   const json_t *out);

/* Remembers a name (a message id) and says whether it is the one of the call before. */
bool render_same_as_before(struct render *r, const char *id);

/* Getters that give "" or NULL for what is missing or of another type. */
const char *event_string(const json_t *object, const char *key);
double event_number(const json_t *object, const char *key);
bool event_true(const json_t *object, const char *key);
const json_t *event_at(const json_t *object, const char *path); /* "a.b.c" */

/* One row: a tool's name and the fields of its input that sum it up, best first. */
struct tool_summary {
    const char *tool;
    const char *fields[3];
};

/* The first non-empty string among the tool's fields, NULL when there is none; borrowed. */
const char *event_summary(const struct tool_summary *table, size_t count,
                          const char *tool, const json_t *input);

/* Writes a summary on one line: LF as the characters \n, cut to 120 characters and "...".
 * out holds SUMMARY_SIZE bytes; returns out. */
#define SUMMARY_SIZE 512
const char *event_one_line(const char *text, char *out);

#endif
