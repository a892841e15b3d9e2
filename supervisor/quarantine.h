/* quarantine.h - keys that kill their worker: pure, handed `now`.
 *
 * A key that was being processed at three consecutive deaths of a worker is told to its
 * next incarnations, which leave it alone but for a try every ten minutes. It is
 * forgotten half an hour after the last death it was part of. */
#ifndef KELOS_SUPERVISOR_QUARANTINE_H
#define KELOS_SUPERVISOR_QUARANTINE_H

#include <stddef.h>
#include <stdint.h>

#include "common/metrics/pages.h"

#define QUARANTINE_DEATHS 3
#define QUARANTINE_KEYS 16 /* of one worker; the oldest makes room */
#define QUARANTINE_FORGET_MS (30 * 60 * 1000)

struct quarantine {
    char suspect[PAGE_KEY_MAX + 1]; /* of the last death, "" none */
    unsigned deaths;                /* in a row with this suspect */
    struct {
        char key[PAGE_KEY_MAX + 1];
        int64_t last_ms;
    } keys[QUARANTINE_KEYS];
    size_t n_keys;
};

/* The worker died while it processed `key` ("" for none). */
void quarantine_death(struct quarantine *q, const char *key, int64_t now_ms);

/* Drops what is forgotten by now and fills `out` (QUARANTINE_KEYS) with the rest,
 * borrowed. Returns how many. */
size_t quarantine_list(struct quarantine *q, int64_t now_ms, const char **out);

#endif
