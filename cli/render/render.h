/* render.h - turns the log of an agent run into something to read.
 *
 * The words of the agent go to `out`; what it did (tools, turns, use, errors) to `err`, in
 * brackets or dashes. Lines that are no JSON object pass unchanged to `out`. */
#ifndef KELOS_CLI_RENDER_H
#define KELOS_CLI_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/scoped.h"

struct render;

/* `agent` is the Task's spec.type; an unknown one is read as claude-code. The streams are
 * borrowed. With `colour` what goes to err is dimmed. Returns a renderer the caller owns,
 * NULL when memory ran out. */
struct render *render_new(const char *agent, FILE *out, FILE *err, bool colour);
void render_free(struct render *r);
SCOPED_DEFINE(render)

/* Takes bytes as they come; whole lines are rendered at once. */
void render_feed(struct render *r, const char *bytes, size_t size);

/* Renders a last line without a line feed. With `close_line` text whose agent wrote no line
 * feed gets one: for a terminal, not for a file. */
void render_end(struct render *r, bool close_line);

#endif
