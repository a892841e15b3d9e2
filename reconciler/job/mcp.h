/* mcp.h - the MCP servers of an AgentConfig as KELOS_MCP_SERVERS. Pure.
 *
 * `servers` is spec.mcpServers, NULL for none. A server may take headers and variables from
 * Secrets and ConfigMaps (headersFrom, envFrom, envValueFrom): `values` of inputs.h.
 */
#ifndef KELOS_RECONCILER_MCP_H
#define KELOS_RECONCILER_MCP_H

#include "reconciler/view/view.h"

/* One string of a process holds 128 KiB. */
#define MCP_BYTES (120 * 1024)

/* Calls fn for each Secret and ConfigMap that is named; names may come twice. */
typedef void mcp_reference_fn(void *arg, const char *kind, const char *name);
void mcp_references(const json_t *servers, mcp_reference_fn *fn, void *arg);
/* Whether any server takes a value from elsewhere: then all of it is a secret. */
bool mcp_is_secret(const json_t *servers);

/* The servers with their values in headers and env, and nothing taken from elsewhere any
 * more. The caller owns. NULL with ERR_INVALID: what is missing, never a value. */
json_t *mcp_resolve(const json_t *servers, const json_t *values, struct err *e);

/* {"mcpServers": {...}}, names sorted, empty members left out; of resolved servers. The caller
 * frees. NULL with ERR_INVALID "invalid MCP server configuration: ...". */
char *mcp_text(const json_t *servers, struct err *e);

#endif
