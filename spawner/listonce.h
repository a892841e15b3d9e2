/* listonce.h - `kelos-spawner --list-once`: asks a source once, without bus or cluster. */
#ifndef KELOS_SPAWNER_LISTONCE_H
#define KELOS_SPAWNER_LISTONCE_H

#include <stdio.h>

/* Reads one JSON object:
 *   {"type": "github" | "jira" | "cron", "api_base": URL or "", "token": "", "user": "",
 *    "owner": "", "repo": "", "when": {...}, "created": wall ms, "watermark": wall ms,
 *    "explain": false}
 * and prints {"items": [...], "warning": "", "calls": N, "watermark": wall ms}, or
 * {"error": "...", "reason": "..."}. With "explain" there is "excluded", too: what the source
 * has besides and the rule that excludes it ({"number", "title", "url", "kind", "rule"});
 * it is absent where there is too much to look at.
 * Returns the exit status: 0 items, 1 the source failed, 2 the request is wrong. */
int listonce_run(FILE *in, FILE *out);

#endif
