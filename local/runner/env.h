/* env.h - a container's environment and command line, as the kubelet makes them. Pure. */
#ifndef KELOS_LOCAL_RUNNER_ENV_H
#define KELOS_LOCAL_RUNNER_ENV_H

#include <jansson.h>

#include "common/buf.h"
#include "common/err.h"
#include "local/runner/launch.h"

/* Adds `text` with $(NAME) replaced by the variable's value. $(NAME) of an unknown name
 * stays as it is, $$ becomes $, so that $$(NAME) is the text $(NAME). `vars` maps names to
 * strings. */
int env_expand(const char *text, const json_t *vars, struct buf *out);

/* Builds the environment: what the image has, then envFrom, then env, in order; a later
 * name replaces an earlier one, and a value may use those before it. `image` and the
 * result map names to strings; `values` are the fetched Secrets and ConfigMaps (refs.h).
 * Returns what the caller owns, or NULL with *e set (ERR_NOT_FOUND): a Secret, ConfigMap
 * or key that is not optional is missing; the sentence names it as the kubelet does. */
json_t *env_build(const json_t *container, const json_t *pod, const json_t *image,
                  const json_t *values, struct err *e);

/* Fills argv from command and args with $(NAME) expanded; without a command the image's
 * entrypoint stands in front. ERR_INVALID when nothing is left to run. */
int env_command(const json_t *container, const json_t *entrypoint, const json_t *vars,
                struct launch_list *argv, struct err *e);

/* A field of the Pod: metadata.name, .namespace, .uid, .labels['k'], .annotations['k'],
 * spec.nodeName, spec.serviceAccountName, status.podIP, status.hostIP. Adds its text to
 * *out. -1 with ERR_INVALID for any other. */
int env_field(const json_t *pod, const char *path, struct buf *out, struct err *e);

#endif
