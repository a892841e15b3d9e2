/* skills.h - packages of skills.sh that an init container installs. Pure. */
#ifndef KELOS_RECONCILER_SKILLS_H
#define KELOS_RECONCILER_SKILLS_H

#include "reconciler/job/job.h"

/* Whether each Secret of a private source holds GITHUB_TOKEN (`values` of inputs.h). -1 with
 * ERR_INVALID. */
int skills_check(const struct agentconfig_view *a, const json_t *values, struct err *e);

/* The init container skills-install. -1 with ERR_INVALID "invalid skills configuration: ...". */
int skills_add(struct pod_parts *p, struct err *e);

#endif
