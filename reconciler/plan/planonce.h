/* planonce.h - `kelos-reconciler --plan-once`: the planner, asked once, without bus or cluster.
 *
 * Reads one JSON object from `in` and prints one to `out`. "step" says what is asked:
 *
 *   "source"  {"spawner": TaskSpawner, "workspace": Workspace or absent, "secret": Secret or
 *             absent} gives {"request": ...}, which is what `kelos-spawner --list-once` reads.
 *             A GitHub App's key is exchanged for a token: the only request that is made.
 *   "plan"    {"spawner": ..., "answer": what --list-once printed, "tasks": all Tasks of the
 *             namespace} gives the plan: see planonce_plan in plandoc.h.
 *
 * Returns the exit status: 0, or 2 with {"error": "..."}.
 */
#ifndef KELOS_RECONCILER_PLANONCE_H
#define KELOS_RECONCILER_PLANONCE_H

#include <stdio.h>

int planonce_run(FILE *in, FILE *out);

#endif
