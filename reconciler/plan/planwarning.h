/* planwarning.h - what of a TaskSpawner's spec works otherwise than somebody may expect, and what
 * its source has little of. Sentences for conditions; pure. */
#ifndef KELOS_RECONCILER_PLANWARNING_H
#define KELOS_RECONCILER_PLANWARNING_H

#include "reconciler/plan/plan.h"

struct plan_warning {
    const char *reason; /* static: "PollInterval", "NotActedOn" */
    const char *text;   /* NULL: nothing to warn of */
};

/* An interval that is not as it was written; fields of later versions that are not acted on. The
 * first gives the reason. Texts are in the arena. */
struct plan_warning plan_config_warning(const struct spawner_view *s, struct pool *a);

/* Less than a tenth of the credential's requests is left. Says no number that changes with every
 * poll: the status would be written each time. NULL: nothing to warn of. */
const char *plan_quota_warning(const struct plan_quota *q, struct pool *a);

#endif
