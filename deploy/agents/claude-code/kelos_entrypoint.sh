#!/bin/bash
# kelos_entrypoint.sh - runs Claude Code on the prompt in $1 and reports through kelos-capture.
agent=claude agent_hint="claude (Claude Code) is not installed here; in local mode: make agents, or npm install -g @anthropic-ai/claude-code"
# shellcheck source=deploy/agents/kelos_agent.sh
. /kelos/kelos_agent.sh || exit 127

config=${CLAUDE_CONFIG_DIR:-$HOME/.claude}
state=${CLAUDE_CONFIG_DIR:-$HOME}/.claude.json

if [ -n "$has_instructions" ]; then
    mkdir -p "$config" && instructions > "$config/CLAUDE.md"
fi

# Our servers win over those that are configured already.
if [ -n "${KELOS_MCP_SERVERS-}" ]; then
    if [ ! -s "$state" ]; then
        printf '%s\n' "$KELOS_MCP_SERVERS" > "$state"
    elif command -v node > /dev/null 2>&1; then
        node -e '
            const fs = require("fs"), path = process.argv[1];
            const old = JSON.parse(fs.readFileSync(path, "utf8"));
            const ours = JSON.parse(process.env.KELOS_MCP_SERVERS).mcpServers;
            old.mcpServers = {...old.mcpServers, ...ours};
            fs.writeFileSync(path, JSON.stringify(old));
            fs.chmodSync(path, 0o600);' "$state"
    else
        echo "kelos: MCP servers are not configured: merging $state needs node" >&2
    fi
fi

agent_setup

args=(--dangerously-skip-permissions --output-format stream-json --verbose)
if [ -n "${KELOS_MODEL-}" ]; then args+=(--model "$KELOS_MODEL"); fi
if [ -n "${KELOS_EFFORT-}" ]; then args+=(--effort "$KELOS_EFFORT"); fi
if [ -n "${KELOS_PLUGIN_DIR-}" ]; then
    for plugin in "$KELOS_PLUGIN_DIR"/*/; do
        if [ -d "$plugin" ]; then args+=(--plugin-dir "${plugin%/}"); fi
    done
fi
args+=(-p)
if [ -n "${KELOS_PROMPT_FILE-}" ]; then
    input=$KELOS_PROMPT_FILE
else
    case $prompt in -*) args+=(--) ;; esac
    args+=("$prompt")
fi

agent_run
agent_exit
