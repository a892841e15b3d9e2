/* agentconfig.h - the spec of an AgentConfig from the flags of create agentconfig. */
#ifndef KELOS_CLI_AGENTCONFIG_H
#define KELOS_CLI_AGENTCONFIG_H

#include <jansson.h>
#include <stddef.h>

#include "common/err.h"

/* The values of the flags, as typed; borrowed. */
struct agentconfig_flags {
    const char *agents_md;
    char *const *skills;
    size_t n_skills;
    char *const *agents;
    size_t n_agents;
    char *const *servers;
    size_t n_servers;
    char *const *packages;
    size_t n_packages;
};

/* Returns the spec, which the caller owns, or NULL with *e set (E11, E20 to E27). */
json_t *agentconfig_spec(const struct agentconfig_flags *f, struct err *e);

#endif
