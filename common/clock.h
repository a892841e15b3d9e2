/* clock.h - the three clocks, deadlines, back-off, RFC 3339.
 *
 * Timers use CLOCK_MONOTONIC, leases CLOCK_BOOTTIME (it goes on during suspend), and wall
 * time is for timestamps and cron only. Pure code is handed `now` and never reads a
 * clock. */
#ifndef KELOS_COMMON_CLOCK_H
#define KELOS_COMMON_CLOCK_H

#include <stdint.h>

int64_t clock_mono_ms(void);
int64_t clock_mono_ns(void);
int64_t clock_boot_ms(void);
int64_t clock_wall_ms(void); /* since 1970-01-01T00:00:00Z */

/* Exponential back-off with full range: the n-th delay is first_ms * 2^n, at most cap_ms,
 * times a random factor in 1 - jitter .. 1 + jitter (jitter in percent). */
struct backoff {
    int64_t first_ms;
    int64_t cap_ms;
    int jitter_percent;
    unsigned attempts; /* failures so far; 0 after backoff_reset */
};

/* The delay before the next try, and counts it. */
int64_t backoff_next_ms(struct backoff *b);
void backoff_reset(struct backoff *b);

#define RFC3339_SIZE 32

/* Writes "2026-01-02T03:04:05Z" for wall milliseconds; out holds RFC3339_SIZE bytes. */
void rfc3339_format(int64_t wall_ms, char *out);
/* The same with microseconds, as Lease wants: "2026-01-02T03:04:05.000000Z". */
void rfc3339_format_micro(int64_t wall_us, char *out);

/* Reads a timestamp of any fraction length and any offset. Returns 0 and *wall_ms, or -1
 * when the text is not RFC 3339 (NULL is allowed and is -1). */
int rfc3339_parse(const char *text, int64_t *wall_ms);

#endif
