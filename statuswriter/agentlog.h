/* agentlog.h - what an agent's own JSON lines say about its run: usage, answer, whether it
 * was complete. One line of the agent is one JSON object; other lines are passed over. A
 * line longer than LIMIT_CAPTURE_LINE_BYTES is passed over too.
 *
 *     type         cost, tokens                              answer
 *     claude-code  the last `result`                         its `result`
 *     cursor       the last `result` (camel case), no cost   its `result`
 *     codex        sum of `turn.completed`, no cost          the last `agent_message` item
 *     gemini       the last `result`, no cost                the last whole assistant message
 *     opencode     sum of `step_finish`                      the last `text`
 *
 * A whole run ends with a `result` (codex: `turn.completed`; opencode has no such line). An
 * output without any JSON object is no stream of an agent, and not judged. */
#ifndef KELOS_STATUSWRITER_AGENTLOG_H
#define KELOS_STATUSWRITER_AGENTLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/scoped.h"

struct agentlog;

/* `type` is KELOS_AGENT_TYPE; with an unknown or empty one (NULL allowed) nothing is ever
 * found. Returns a log the caller owns, NULL when memory ran out. */
struct agentlog *agentlog_new(const char *type);
void agentlog_free(struct agentlog *a);
SCOPED_DEFINE(agentlog)

/* Takes the next bytes of the agent's output, cut anywhere. */
void agentlog_feed(struct agentlog *a, const void *bytes, size_t size);

/* The output ends here; its last line may lack the newline. */
void agentlog_end(struct agentlog *a);

/* What was found, each "" when nothing was. Copied numbers keep the agent's spelling. */
#define AGENTLOG_NUMBER 64
struct agentlog_report {
    char cost[AGENTLOG_NUMBER];
    char input[AGENTLOG_NUMBER];
    char output[AGENTLOG_NUMBER];
    char cache_read[AGENTLOG_NUMBER]; /* tokens that a cache served; not part of input */
    const char *response;             /* the final answer; borrowed from the log */
    size_t response_size;             /* at most LIMIT_RESPONSE_BYTES */
    bool response_truncated;
    char problem[256];   /* why a claude-code run was not complete */
    char unfinished[64]; /* the line that ends a run of this agent is missing */
};
void agentlog_report(const struct agentlog *a, struct agentlog_report *out);

#endif
