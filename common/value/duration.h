/* duration.h - lengths of time as Go writes them: 90s, 1h30m, 1.5h, 300ms. */
#ifndef KELOS_COMMON_DURATION_H
#define KELOS_COMMON_DURATION_H

#include <stdint.h>

/* An optional sign, then decimal numbers with unit (ns us µs ms s m h), or a plain 0.
 * Returns 0 and *ns, or -1 when the text is anything else or does not fit. */
int duration_parse(const char *text, int64_t *ns);

#define DURATION_SIZE 32

/* Go's spelling: "1h30m0s", "300ms", "0s"; out holds DURATION_SIZE bytes. */
void duration_format(int64_t ns, char *out);

/* What a pollInterval was. */
enum duration_poll {
    DURATION_POLL_GOOD,     /* a duration or a number of seconds, above zero (or empty) */
    DURATION_POLL_UNREAD,   /* not readable: the default is used */
    DURATION_POLL_NEGATIVE, /* zero or negative: the caller's floor must be used */
};

#define DURATION_POLL_DEFAULT_NS (300 * INT64_C(1000000000))

/* Reads a TaskSpawner's pollInterval: a duration, or a bare number of seconds; "" and
 * what cannot be read are five minutes. NULL is "". */
enum duration_poll duration_poll_parse(const char *text, int64_t *ns);

#endif
