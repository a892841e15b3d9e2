/* journal.h - what the forge was asked, for tests: the latest requests and counts.
 * Pure. */
#ifndef KELOS_LOCAL_FORGE_JOURNAL_H
#define KELOS_LOCAL_FORGE_JOURNAL_H

#include <jansson.h>
#include <stdint.h>

enum { JOURNAL_MAX = 5000 };

struct journal {
    json_t *requests; /* array, oldest first, at most JOURNAL_MAX */
    json_t *counts;   /* {"calls": N, "200": N, "304": N, "comments": N, ...} */
};

void journal_init(struct journal *j);
void journal_free(struct journal *j);
void journal_clear(struct journal *j);

/* One request to the API (the control interface is not kept). `auth` is the scheme of its
 * Authorization header, NULL without one. */
void journal_add(struct journal *j, int64_t now, const char *method, const char *path,
                 const char *query, int status, const char *login, const char *auth,
                 const char *agent);

#endif
