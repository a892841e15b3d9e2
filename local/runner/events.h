/* events.h - Events on Pods, for what a user must act on. */
#ifndef KELOS_LOCAL_RUNNER_EVENTS_H
#define KELOS_LOCAL_RUNNER_EVENTS_H

#include <jansson.h>

#include "common/kube/kube.h"

/* Emits a Warning on the Pod. The name follows from the Pod, reason and message, so that
 * the same warning stands there once. Nobody waits for the write; a failed one is
 * logged. */
void events_warn(struct kube *k, const json_t *pod, const char *reason,
                 const char *message);

#endif
