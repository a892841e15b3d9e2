/* planstatus.h - the status of a TaskSpawner after a plan. Pure; for plan.c. */
#ifndef KELOS_RECONCILER_PLANSTATUS_H
#define KELOS_RECONCILER_PLANSTATUS_H

#include "reconciler/plan/plan.h"

/* What planning the items came to. */
struct plan_outcome {
    int64_t active, total;
    size_t failed;          /* items that can become no Task */
    const char *failures;   /* why the first of them cannot; NULL: all can */
    const char *name_error; /* why nothing could be planned; NULL */
    bool budget_reached;
    int64_t watermark_ms;
    int64_t handed_ms; /* cron: newest tick that was handed out, 0: none waits */
};

/* Fills p->status and p->write. */
void planstatus_make(const struct plan_facts *f, const struct plan_outcome *o,
                     int64_t now_ms, struct plan *p);

#endif
