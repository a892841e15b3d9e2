/* plandoc.h - a plan as a document for people: `kelos simulate`. Pure. */
#ifndef KELOS_RECONCILER_PLANDOC_H
#define KELOS_RECONCILER_PLANDOC_H

#include "reconciler/plan/plan.h"

/* Plans for the spawner with what its source answered (`answer`, of --list-once) and all Tasks
 * of its namespace (an array of objects). What the planner would do in several steps (a Task
 * whose trigger is newer is deleted, then made anew) is one here. Gives
 *
 *   {"namespace", "name", "source", "suspended", "phase", "message", "warning",
 *    "limits": {"maxConcurrency", "activeTasks", "maxTotalTasks", "totalTasksCreated"},
 *    "items": [{"id", "number", "kind", "title", "url", "state", "reason", "task",
 *               "taskPhase", "branch", "prompt"}, ...],
 *    "excluded": [{"number", "kind", "title", "url", "rule"}, ...],
 *    "starting", "waiting", "failing", "existing": how many}
 *
 * Members without a value are absent; "state" is plan_state_name, or "WaitsForResume". The
 * caller owns; NULL with ERR_INVALID when the TaskSpawner can never work or the answer is none. */
json_t *plandoc_make(struct spawner_view *s, const json_t *answer, const json_t *tasks,
                     int64_t now_ms, struct err *e);

#endif
