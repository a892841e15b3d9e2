/* podfiles.h - the files of a Pod's Secret and ConfigMap volumes while it runs. */
#ifndef KELOS_LOCAL_RUNNER_PODFILES_H
#define KELOS_LOCAL_RUNNER_PODFILES_H

#include "local/runner/podentry.h"

/* From now on what the volumes hold follows what they are made of. */
void podfiles_begin(struct podentry *entry);
/* This object has changed: the volumes are made anew if the Pod has mounted it. */
void podfiles_changed(struct podentry *entry, const char *ns, enum ref_kind kind,
                      const char *name);
void podfiles_end(struct podentry *entry);

#endif
