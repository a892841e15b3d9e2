#!/bin/bash
# kelos_entrypoint.sh - runs Cursor's agent on the prompt in $1 and reports through kelos-capture.
agent=agent agent_hint="agent (Cursor CLI) is not installed here; see https://cursor.com/cli"
# shellcheck source=deploy/agents/kelos_agent.sh
. /kelos/kelos_agent.sh || exit 127

config=$HOME/.cursor
mkdir -p "$config"
if [ -n "$has_instructions" ]; then instructions > "$config/AGENTS.md"; fi
if [ -n "${KELOS_EFFORT-}" ]; then
    printf '\n# Kelos Effort\n\nWork with %s effort.\n' "$KELOS_EFFORT" >> "$config/AGENTS.md"
fi

# Our servers win over those that are configured already.
if [ -n "${KELOS_MCP_SERVERS-}" ]; then
    if [ ! -s "$config/mcp.json" ]; then
        printf '%s\n' "$KELOS_MCP_SERVERS" > "$config/mcp.json"
    elif command -v node > /dev/null 2>&1; then
        node -e '
            const fs = require("fs"), path = process.argv[1];
            const old = JSON.parse(fs.readFileSync(path, "utf8"));
            old.mcpServers = {...old.mcpServers, ...JSON.parse(process.env.KELOS_MCP_SERVERS).mcpServers};
            fs.writeFileSync(path, JSON.stringify(old));
            fs.chmodSync(path, 0o600);' "$config/mcp.json"
    else
        echo "kelos: MCP servers are not configured: merging $config/mcp.json needs node" >&2
    fi
fi

# It reads skills and rules below the working directory: git is told that they are not work.
hide() {
    local exclude
    exclude=$(git rev-parse --git-path info/exclude 2> /dev/null) || return 0
    mkdir -p "$(dirname "$exclude")"
    grep -qxsF "/.cursor/$1" "$exclude" || printf '/.cursor/%s\n' "$1" >> "$exclude"
}
if [ -n "${KELOS_PLUGIN_DIR-}" ] && [ -d "$KELOS_PLUGIN_DIR" ]; then
    install_skills .cursor/skills
    for skill in "$KELOS_PLUGIN_DIR"/*/skills/*/; do
        plugin=${skill%/skills/*}
        if [ -d "$skill" ]; then hide "skills/${plugin##*/}:$(basename "$skill")/"; fi
    done
    for agent in "$KELOS_PLUGIN_DIR"/*/agents/*.md; do
        if [ ! -f "$agent" ]; then continue; fi
        plugin=${agent%/agents/*}
        rule=${plugin##*/}-$(basename "$agent" .md).mdc
        mkdir -p .cursor/rules && cp "$agent" ".cursor/rules/$rule" && hide "rules/$rule"
    done
fi

args=()
if [ -n "${KELOS_MODEL-}" ]; then args+=(--model "$KELOS_MODEL"); fi
args+=(-p --force --trust --sandbox disabled --output-format stream-json)
agent_setup

# One argument holds 128 KiB; beyond, the agent is pointed to the file.
if [ -n "${KELOS_PROMPT_FILE-}" ] && [ "$(stat -c %s "$KELOS_PROMPT_FILE")" -lt 120000 ]; then
    prompt=$(cat "$KELOS_PROMPT_FILE")
fi
case $prompt in -*) args+=(--) ;; esac
args+=("$prompt")
agent_run
agent_exit
