/* outputs.h - the block in which an agent run hands over what it made: both ends of it.
 *
 *     ---KELOS_OUTPUTS_START---
 *     branch: kelos-task-123
 *     commit: 0123...
 *     ---KELOS_OUTPUTS_END---
 *
 * A marker is a whole line. The block that counts is the last one that is complete: a
 * later START begins anew, an END without a START is text, a START without an END is
 * nothing. The older marker name (AXON) is read too; a block ends with its own name.
 *
 * The reader takes the log as a stream and keeps a bounded part of it, whatever comes:
 * LIMIT_OUTPUTS_LINES lines of LIMIT_OUTPUTS_LINE_BYTES, LIMIT_OUTPUTS_BYTES in all as JSON:
 * a quote is one byte here and two in the status that they are for. Lines beyond are left out
 * and `truncated` says so. Every text it gives is UTF-8 without NUL, whatever the log held. */
#ifndef KELOS_STATUSWRITER_OUTPUTS_H
#define KELOS_STATUSWRITER_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/scoped.h"

#define OUTPUTS_START "---KELOS_OUTPUTS_START---"
#define OUTPUTS_END "---KELOS_OUTPUTS_END---"

/* A longer key makes a line no result; it stays among the lines. */
#define OUTPUTS_KEY_BYTES 1024

struct outputs_pair {
    char *key;
    char *value;
};

/* What a block said. {0} is "nothing was found" and needs no release. */
struct outputs {
    char **lines; /* trimmed, none empty, in order; owned */
    size_t line_count;
    struct outputs_pair
        *results; /* "key: value" lines; a later key has replaced an earlier */
    size_t result_count;
    bool truncated; /* lines were left out at a limit */
};

/* Releases what *o holds and empties it; NULL is allowed. */
void outputs_clear(struct outputs *o);

/* SCOPED(outputs) struct outputs o = {0}; */
static inline void
outputs_scoped_free(struct outputs *o)
{
    outputs_clear(o);
}

/* The value of a result, borrowed; NULL when there is none of that key. */
const char *outputs_result(const struct outputs *o, const char *key);

/* ---- reading ---- */

struct outputs_reader;

/* Returns a reader the caller owns, NULL when memory ran out. */
struct outputs_reader *outputs_reader_new(void);
void outputs_reader_free(struct outputs_reader *r);
SCOPED_DEFINE(outputs_reader)

/* Takes the next bytes of the log, cut anywhere. */
void outputs_reader_feed(struct outputs_reader *r, const void *bytes, size_t size);

/* The log ends here (its last line may lack the newline). Returns 1 with *out filled (the
 * caller owns it), 0 when there was no complete block with a line in it, -1 with *e set
 * when memory ran out. */
int outputs_reader_end(struct outputs_reader *r, struct outputs *out, struct err *e);

/* What the image's entrypoint says on stderr, as whole lines: its level of the agent image
 * interface, and that a Workspace's setup command was begun. */
#define OUTPUTS_INTERFACE "---KELOS_INTERFACE--- level="
#define OUTPUTS_SETUP "---KELOS_SETUP_COMMAND_START---"
struct outputs_signs {
    unsigned level; /* 0: it said none */
    bool setup;
};
/* As far as the log was fed, outputs_reader_end included. */
struct outputs_signs outputs_reader_signs(const struct outputs_reader *r);

/* The last whole lines of what was fed, blocks included but not the line about the interface, at
 * most OUTPUTS_TAIL_BYTES: for the message about a run that failed. Borrowed until the next
 * call. */
#define OUTPUTS_TAIL_BYTES 8192
const char *outputs_reader_tail(struct outputs_reader *r);

/* ---- usage: the numbers among the results ---- */

struct outputs_usage {
    double cost_usd; /* all three: above 0, or 0 for "not said" */
    double input_tokens;
    double output_tokens;
};

/* Reads cost-usd, input-tokens and output-tokens. What is no number, not above 0, not
 * finite or beyond belief (over 1e6 dollars, 1e12 tokens) counts as not said. Returns
 * whether any was said. */
bool outputs_usage(const struct outputs *o, struct outputs_usage *usage);

/* ---- writing ---- */

/* Appends the block with these lines to *out; nothing at all when there are none. A line
 * break inside a line becomes a blank. */
int outputs_write(struct buf *out, char *const *lines, size_t count);

#endif
