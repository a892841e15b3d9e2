/* condition.h - entries of status.conditions, as they are to be written. Pure. */
#ifndef KELOS_RECONCILER_CONDITION_H
#define KELOS_RECONCILER_CONDITION_H

#include "reconciler/view/view.h"

/* Sets one entry of the list; whether that changed it. Its time changes with its status alone,
 * and its place in the list never. */
bool condition_set(json_t *list, const char *type, bool status, const char *reason,
                   const char *message, int64_t generation, int64_t now_ms);

/* These, as a list that the caller owns. */
json_t *condition_array(const struct condition *conditions, size_t n);

/* The conditions that a Task or TaskSpawner shows, as a list that the caller owns. */
json_t *condition_list(const struct view *v);

#endif
