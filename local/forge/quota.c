#include "local/forge/quota.h"

#include <stdio.h>
#include <string.h>

#include "common/macros.h"

enum { HOUR_MS = 3600 * 1000 };

struct quota *
quota_of(struct quotas *q, const char *who, int64_t limit, int64_t now)
{
    struct quota *row = NULL;

    for (size_t i = 0; i < q->n && row == NULL; i++)
        if (strcmp(q->rows[i].who, who) == 0)
            row = &q->rows[i];
    if (row == NULL) {
        row = &q->rows[q->n < ARRAY_LEN(q->rows) ? q->n++ : q->n - 1];
        *row = (struct quota){.limit = limit};
        snprintf(row->who, sizeof(row->who), "%s", who);
    }
    if (row->reset <= now) {
        row->used = 0;
        row->reset = now + HOUR_MS;
    }
    return row;
}

bool
quota_take(struct quota *row)
{
    if (row->used >= row->limit)
        return false;
    row->used++;
    return true;
}
