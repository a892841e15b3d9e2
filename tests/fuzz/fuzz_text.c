/* fuzz_text.c - short texts that others write: HTTP headers, durations, quantities,
 * repositories, paths. What is read and written again keeps its meaning. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/value/duration.h"
#include "common/http/http.h"
#include "common/value/quantity.h"
#include "common/scoped.h"
#include "reconciler/job/repo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
numbers(const char *text)
{
    char written[QUANTITY_SIZE > DURATION_SIZE ? QUANTITY_SIZE : DURATION_SIZE];
    struct quantity q, again;
    int64_t ns, twice;

    if (duration_parse(text, &ns) == 0) {
        duration_format(ns, written);
        if (duration_parse(written, &twice) < 0 || twice != ns)
            abort();
    }
    (void)duration_poll_parse(text, &ns);
    if (quantity_parse(text, &q) == 0) {
        quantity_format(&q, written);
        if (quantity_parse(written, &again) < 0 || quantity_compare(&q, &again) != 0)
            abort();
        (void)quantity_value(&q);
        (void)quantity_milli(&q);
    }
}

static void
addresses(const char *text)
{
    SCOPED(buf) struct buf escaped = BUF_INIT;
    struct repo r;
    char base[512];

    repo_parse(text, &r);
    (void)repo_enterprise(&r);
    repo_api_base(&r, base, sizeof base);
    (void)http_is_loopback(text);
    (void)http_escape(&escaped, text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(string) char *text = strndup((const char *)data, size);
    SCOPED(buf) struct buf lines = BUF_INIT;
    char value[64];

    if (text == NULL || size > 4096)
        return 0;
    numbers(text);
    addresses(text);
    http_redact_header(text, value, sizeof value);
    buf_printf(&lines, "Retry-After: %s\n", text);
    (void)http_header(&lines, "retry-after", value, sizeof value);
    (void)http_retry_after_ms(&lines, 1700000000000);
    return 0;
}
