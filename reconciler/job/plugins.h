/* plugins.h - the plugins of an AgentConfig as ConfigMaps and an init container. Pure. */
#ifndef KELOS_RECONCILER_PLUGINS_H
#define KELOS_RECONCILER_PLUGINS_H

#include "reconciler/job/job.h"

/* Of all that one ConfigMap holds; what is more goes into another one. */
#define PLUGIN_MAP_BYTES 921600
#define PLUGIN_MAPS 8

/* Adds the ConfigMaps, their volume kelos-plugin-src and the container plugin-setup. -1 with
 * ERR_INVALID "invalid plugin configuration: ...". */
int plugins_add(struct pod_parts *p, struct err *e);

#endif
