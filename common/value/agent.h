/* agent.h - the agents that a Task can name, and the keys that their credentials stand under. */
#ifndef KELOS_COMMON_VALUE_AGENT_H
#define KELOS_COMMON_VALUE_AGENT_H

#include <stdbool.h>

enum agent_type {
    AGENT_CLAUDE_CODE,
    AGENT_CODEX,
    AGENT_GEMINI,
    AGENT_OPENCODE,
    AGENT_CURSOR,
    AGENT_TYPES
};

/* "claude-code" and so on, in the order of the enum, then NULL. */
extern const char *const agent_types[];

/* The enum's value; -1 when the text is none of them (NULL is allowed). */
int agent_type_parse(const char *text);
const char *agent_type_name(enum agent_type type);

/* The key of a Secret, which is also the agent's variable. The older group has one key for both
 * credentials of codex: `older`. Static. */
const char *agent_secret_key(enum agent_type type, bool oauth, bool older);

#endif
