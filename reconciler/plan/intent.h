/* intent.h - the Tasks that are about to be created, written on the TaskSpawner beforehand.
 *
 * A create that was under way when its process was killed may come up at any time afterwards,
 * and no list shows it before. So names and ordinals stand in an annotation before the first
 * of them is sent, and creates are sent one after another: only the Task whose ordinal is one
 * above the highest known can be under way, and the next process knows which it is. Pure. */
#ifndef KELOS_RECONCILER_INTENT_H
#define KELOS_RECONCILER_INTENT_H

#include "reconciler/plan/itemtask.h"

/* Names in one annotation. */
#define INTENT_MAX 16
/* Creates are sent only so long after it was written; then it is written anew. */
#define INTENT_SEND_MS 15000
/* How long one create may take with its repeats. */
#define INTENT_CREATE_MS 15000
/* By then what was sent has been carried out or never will be. */
#define INTENT_SETTLED_MS 45000

/* "ORDINAL TIME NAME NAME ...", and what it may need. */
#define INTENT_TEXT_SIZE (INTENT_MAX * ITEM_NAME_SIZE + 64)

struct intent {
    int64_t first;   /* ordinal of the first name; the others follow it */
    int64_t made_ms; /* wall time, whole seconds */
    size_t n;
    char names[INTENT_MAX][ITEM_NAME_SIZE];
};

/* Reads the annotation; false, with *out empty, when it is none (somebody edited it). */
bool intent_parse(const char *text, struct intent *out);
/* Writes it into out (INTENT_TEXT_SIZE bytes). */
void intent_format(const struct intent *x, char *out);

/* The name with that ordinal; NULL: it is not of this intent. */
const char *intent_name(const struct intent *x, int64_t ordinal);
/* Whether a create of that name and ordinal may be sent now. */
bool intent_covers(const struct intent *x, const char *name, int64_t ordinal,
                   int64_t now_ms);

#endif
