/* agent.c - see agent.h. */
#include "common/value/agent.h"

#include <stddef.h>
#include <string.h>

const char *const agent_types[AGENT_TYPES + 1] = {
    [AGENT_CLAUDE_CODE] = "claude-code", [AGENT_CODEX] = "codex",
    [AGENT_GEMINI] = "gemini",           [AGENT_OPENCODE] = "opencode",
    [AGENT_CURSOR] = "cursor",
};

int
agent_type_parse(const char *text)
{
    for (int i = 0; i < AGENT_TYPES; i++)
        if (text != NULL && strcmp(agent_types[i], text) == 0)
            return i;
    return -1;
}

const char *
agent_type_name(enum agent_type type)
{
    return agent_types[type];
}

const char *
agent_secret_key(enum agent_type type, bool oauth, bool older)
{
    static const char *const keys[AGENT_TYPES][2] = {
        [AGENT_CLAUDE_CODE] = {"ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"},
        [AGENT_CODEX] = {"CODEX_API_KEY", "CODEX_AUTH_JSON"},
        [AGENT_GEMINI] = {"GEMINI_API_KEY", "GEMINI_API_KEY"},
        [AGENT_OPENCODE] = {"OPENCODE_API_KEY", "OPENCODE_API_KEY"},
        [AGENT_CURSOR] = {"CURSOR_API_KEY", "CURSOR_API_KEY"},
    };

    return keys[type][oauth && !(older && type == AGENT_CODEX)];
}
