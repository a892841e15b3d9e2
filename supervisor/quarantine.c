/* quarantine.c - see quarantine.h. */
#include "supervisor/quarantine.h"

#include <stdio.h>
#include <string.h>

static void
drop(struct quarantine *q, size_t i)
{
    memmove(&q->keys[i], &q->keys[i + 1], (q->n_keys - i - 1) * sizeof q->keys[0]);
    q->n_keys--;
}

static void
keep(struct quarantine *q, const char *key, int64_t now_ms)
{
    for (size_t i = 0; i < q->n_keys; i++)
        if (strcmp(q->keys[i].key, key) == 0) {
            q->keys[i].last_ms = now_ms;
            return;
        }
    if (q->n_keys == QUARANTINE_KEYS)
        drop(q, 0);
    snprintf(q->keys[q->n_keys].key, sizeof q->keys[0].key, "%s", key);
    q->keys[q->n_keys++].last_ms = now_ms;
}

static int
held(const struct quarantine *q, const char *key)
{
    for (size_t i = 0; i < q->n_keys; i++)
        if (strcmp(q->keys[i].key, key) == 0)
            return 1;
    return 0;
}

void
quarantine_death(struct quarantine *q, const char *key, int64_t now_ms)
{
    if (*key == '\0') {
        q->suspect[0] = '\0';
        q->deaths = 0;
        return;
    }
    if (strcmp(q->suspect, key) != 0) {
        snprintf(q->suspect, sizeof q->suspect, "%s", key);
        q->deaths = 0;
    }
    q->deaths++;
    if (q->deaths >= QUARANTINE_DEATHS || held(q, key))
        keep(q, key, now_ms);
}

size_t
quarantine_list(struct quarantine *q, int64_t now_ms, const char **out)
{
    for (size_t i = q->n_keys; i > 0; i--)
        if (now_ms - q->keys[i - 1].last_ms > QUARANTINE_FORGET_MS)
            drop(q, i - 1);
    for (size_t i = 0; i < q->n_keys; i++)
        out[i] = q->keys[i].key;
    return q->n_keys;
}
