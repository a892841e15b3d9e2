/* fuzz_outputs.c - agent output: both readers, on the same bytes. The first byte chooses
 * the agent and where the stream is cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "statuswriter/agentlog.h"
#include "statuswriter/outputs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct outputs *o)
{
    for (size_t i = 0; i < o->line_count; i++)
        if (!utf8_valid(o->lines[i], strlen(o->lines[i])) || o->lines[i][0] == '\0')
            abort();
    if (o->result_count > o->line_count)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"claude-code", "codex", "gemini", "opencode",
                                        "cursor"};
    struct outputs_usage usage;
    struct agentlog_report report;
    struct outputs out = {0};
    struct err e = ERR_INIT;

    if (size == 0)
        return 0;
    size_t step = 1 + data[0] / 5;
    SCOPED(outputs_reader) struct outputs_reader *r = outputs_reader_new();
    SCOPED(agentlog) struct agentlog *a = agentlog_new(types[data[0] % 5]);
    for (size_t i = 1; i < size; i += step) {
        size_t part = size - i < step ? size - i : step;
        outputs_reader_feed(r, data + i, part);
        agentlog_feed(a, data + i, part);
    }
    agentlog_end(a);
    agentlog_report(a, &report);
    if (!utf8_valid(report.response, strlen(report.response)))
        abort();
    if (outputs_reader_end(r, &out, &e) == 1) {
        check(&out);
        outputs_usage(&out, &usage);
    }
    const char *tail = outputs_reader_tail(r);
    if (!utf8_valid(tail, strlen(tail)) || strlen(tail) > OUTPUTS_TAIL_BYTES)
        abort();
    outputs_clear(&out);
    return 0;
}
