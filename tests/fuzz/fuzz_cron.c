/* fuzz_cron.c - cron expressions, durations, quantities and time zone files. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/value/cronexpr.h"
#include "common/value/duration.h"
#include "common/value/quantity.h"
#include "common/value/tzone.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void
try_quantity(const char *text)
{
    struct quantity q, again;
    char out[QUANTITY_SIZE];

    if (quantity_parse(text, &q) < 0)
        return;
    quantity_format(&q, out);
    if (quantity_parse(out, &again) < 0 || quantity_value(&q) != quantity_value(&again))
        abort();
}

static void
try_duration(const char *text)
{
    char out[DURATION_SIZE];
    int64_t ns, again;

    (void)duration_poll_parse(text, &ns);
    if (duration_parse(text, &ns) < 0)
        return;
    duration_format(ns, out);
    if (duration_parse(out, &again) < 0 || again != ns)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const int64_t now = 1770454770; /* 2026-02-07T08:59:30Z */
    SCOPED(string) char *text = strndup((const char *)bytes, size);
    struct err e = ERR_INIT;

    if (text == NULL)
        return 0;
    SCOPED(cronexpr) struct cronexpr *c = cronexpr_parse(text, CRONEXPR_DESCRIPTORS, &e);
    int64_t ticks[8];
    if (c != NULL)
        (void)cronexpr_ticks(c, now, now + 86400, ticks, 8);
    try_duration(text);
    try_quantity(text);
    SCOPED(tzone) struct tzone *z = tzone_parse(bytes, size, &e);
    if (z != NULL)
        (void)(tzone_offset(z, now) + tzone_offset(z, INT64_C(4102444800)));
    return 0;
}
