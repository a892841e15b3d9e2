/* tokenkeep.h - what is due for a running Task's <task>-github-token. Pure. */
#ifndef KELOS_RECONCILER_TOKENKEEP_H
#define KELOS_RECONCILER_TOKENKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/data/json.h"

/* The same failure is told again after this time. */
#define TOKEN_WARN_MS 300000

/* What is known of the Secret; {0} is nothing. Times are wall milliseconds. */
struct token_known {
    bool read;          /* false: nothing is known yet */
    bool refreshable;   /* it holds a GitHub App's token, and is the Task's */
    char *app_secret;   /* of its App; owned; NULL: none is known */
    int64_t expires_ms; /* 0: unknown */
    int64_t renew_ms;   /* when it is to be replaced */
    int64_t again_ms;   /* not before, after a failure; 0: at once */
    int64_t warned_ms;  /* when a failure was told last; 0: never */
};

enum token_due {
    TOKEN_REST, /* nothing now; *wake_ms is when there may be, 0: never by itself */
    TOKEN_READ, /* the Secret must be read */
    TOKEN_RENEW /* a newer token is due */
};

enum token_due token_judge(const struct token_known *t, int64_t now_ms, int64_t *wake_ms);

/* Fills *t from the Secret (a JSON object) of the Task with this uid; what is not the Task's, or
 * has no annotation that names its App, is not refreshable. An end that cannot be read is due
 * at once. */
void token_read(struct token_known *t, const json_t *secret, const char *task_uid);

/* Nothing is known any more. */
void token_forget(struct token_known *t);

/* A renewal has failed: when to try again. Returns whether it is to be told. */
bool token_failed(struct token_known *t, int64_t now_ms);

#endif
