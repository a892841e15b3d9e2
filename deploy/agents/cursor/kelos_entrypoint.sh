#!/bin/bash
# kelos_entrypoint.sh - runs Cursor's agent on the prompt in $1 and reports through kelos-capture.
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
if ! command -v agent > /dev/null 2>&1; then
    echo "kelos: agent (Cursor CLI) is not installed here; see https://cursor.com/cli" >&2
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

# The skills of plugins, each whole, as PLUGIN:SKILL below a directory.
install_skills() {
    local -A from=()
    local skill plugin target
    for skill in "$KELOS_PLUGIN_DIR"/*/skills/*/; do
        skill=${skill%/}
        if [ ! -f "$skill/SKILL.md" ]; then continue; fi
        plugin=${skill%/skills/*}
        target=$1/${plugin##*/}:${skill##*/}
        if [ -n "${from[$target]-}" ]; then
            echo "Error: Skill target conflict: ${from[$target]} and $skill both install to $target" >&2
            exit 1
        fi
        from[$target]=$skill
        rm -rf "$target" && mkdir -p "$target" && cp -R "$skill/." "$target/" || exit 1
    done
}

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
umask "$mask"
# What the Workspace wants done first; when that fails, so does the run.
if [ -n "${KELOS_SETUP_COMMAND-}" ]; then /kelos/kelos-capture --setup || exit; fi
if [ "${KELOS_SESSION_SETUP_ONLY-}" = 1 ]; then exit 0; fi

# One argument holds 128 KiB; beyond, the agent is pointed to the file.
if [ -n "${KELOS_PROMPT_FILE-}" ] && [ "$(stat -c %s "$KELOS_PROMPT_FILE")" -lt 120000 ]; then
    prompt=$(cat "$KELOS_PROMPT_FILE")
fi
case $prompt in -*) args+=(--) ;; esac
agent "${args[@]}" "$prompt" < /dev/null | /kelos/kelos-capture
exit "${PIPESTATUS[0]}"
