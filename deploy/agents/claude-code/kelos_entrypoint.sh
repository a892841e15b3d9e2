#!/bin/bash
# kelos_entrypoint.sh - runs Claude Code on the prompt in $1 and reports through kelos-capture.
set -uo pipefail

if [ "$$" -eq 1 ] && command -v tini > /dev/null 2>&1; then exec tini -g -- "$0" "$@"; fi
# A TERM to the group ends the agent; we stay to report what it has done.
trap : TERM

export PATH="$HOME/.local/bin:$PATH"
mkdir -p "$HOME/.local/bin"
# What is configured here may hold secrets; what the agent writes is for its group, too.
mask=$(umask)
umask 077

prompt=${1-}
if [ -z "$prompt" ] && [ "${KELOS_SESSION_SETUP_ONLY-}" != 1 ]; then
    echo "kelos: no prompt: it is the first argument of the entrypoint" >&2
    exit 2
fi
if ! command -v claude > /dev/null 2>&1; then
    echo "kelos: claude (Claude Code) is not installed here; in local mode: make agents, or npm install -g @anthropic-ai/claude-code" >&2
    exit 127
fi

# Long instructions come as a file, for one variable holds 128 KiB at most.
instructions() {
    if [ -n "${KELOS_AGENTS_MD_FILE-}" ]; then
        cat "$KELOS_AGENTS_MD_FILE"
    else
        printf '%s\n' "$KELOS_AGENTS_MD"
    fi
}
has_instructions=${KELOS_AGENTS_MD-}${KELOS_AGENTS_MD_FILE-}

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

umask "$mask"
# What the Workspace wants done first; when that fails, so does the run.
if [ -n "${KELOS_SETUP_COMMAND-}" ]; then /kelos/kelos-capture --setup || exit; fi
if [ "${KELOS_SESSION_SETUP_ONLY-}" = 1 ]; then exit 0; fi

args=(--dangerously-skip-permissions --output-format stream-json --verbose)
if [ -n "${KELOS_MODEL-}" ]; then args+=(--model "$KELOS_MODEL"); fi
if [ -n "${KELOS_EFFORT-}" ]; then args+=(--effort "$KELOS_EFFORT"); fi
if [ -n "${KELOS_PLUGIN_DIR-}" ]; then
    for plugin in "$KELOS_PLUGIN_DIR"/*/; do
        if [ -d "$plugin" ]; then args+=(--plugin-dir "${plugin%/}"); fi
    done
fi
args+=(-p)
input=/dev/null
if [ -n "${KELOS_PROMPT_FILE-}" ]; then
    input=$KELOS_PROMPT_FILE
else
    case $prompt in -*) args+=(--) ;; esac
    args+=("$prompt")
fi

claude "${args[@]}" < "$input" | /kelos/kelos-capture
status=("${PIPESTATUS[@]}")
if [ "${status[0]}" -ne 0 ]; then exit "${status[0]}"; fi
exit "${status[1]}"
