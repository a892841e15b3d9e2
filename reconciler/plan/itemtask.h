/* itemtask.h - the Task that a work item becomes. Pure. */
#ifndef KELOS_RECONCILER_ITEMTASK_H
#define KELOS_RECONCILER_ITEMTASK_H

#include "reconciler/plan/item.h"

#define ITEM_NAME_MAX 63
#define ITEM_NAME_SIZE (ITEM_NAME_MAX + 1)

/* The Task's name without a template: <spawner>-<id>, lower case, what no name may hold
 * replaced by '-'. Longer than 63 characters: cut, with eight digits of its hash at the end.
 * out holds ITEM_NAME_SIZE bytes. */
void item_task_name(const char *spawner, const char *id, char *out);

/* The Task's name, by nameTemplate where the spawner has one. -1 with ERR_INVALID: the
 * template is wrong, lacks a value or leaves nothing. */
int item_name(const struct spawner_view *s, const struct item *it, char *out,
              struct err *e);
/* What is left of a text as a name: "" when nothing is. */
void item_name_sanitise(const char *text, char *out);

/* Renders a template over the item's variables; a variable that does not exist is an error.
 * `name` stands in the error's text. */
int item_render(const char *name, const char *text, const struct item *it,
                struct buf *out, struct err *e);

/* Parses all templates of the spawner, whatever its items: 0, or -1 with ERR_INVALID that
 * names field, line and column. */
int item_check_templates(const struct spawner_view *s, struct err *e);

/* The Task of this item, without what numbers it: apiVersion, kind, metadata with name,
 * labels, annotations, owner and finalizer, spec with the rendered prompt and branch. The
 * caller owns; NULL with ERR_INVALID: a template is wrong ("prompt: parsing template: ..."). */
json_t *item_task(const struct spawner_view *s, const struct item *item, struct err *e);

#endif
