#!/bin/bash
# kelos_entrypoint.sh - runs OpenCode on the prompt in $1 and reports through kelos-capture.
set -uo pipefail

if [ "$$" -eq 1 ] && command -v tini > /dev/null 2>&1; then exec tini -g -- "$0" "$@"; fi
# A TERM to the group ends the agent; we stay to report what it has done.
trap : TERM

prompt=${1-}
if [ -z "$prompt" ]; then
    echo "kelos: no prompt: it is the first argument of the entrypoint" >&2
    exit 2
fi
if ! command -v opencode > /dev/null 2>&1; then
    echo "kelos: opencode is not installed here; npm install -g opencode-ai" >&2
    exit 127
fi

# The one key goes to the provider that the model names.
if [ -n "${OPENCODE_API_KEY-}" ]; then
    model=${KELOS_MODEL-}
    case ${model%%/*} in
    anthropic | '') export ANTHROPIC_API_KEY=$OPENCODE_API_KEY ;;
    openai) export OPENAI_API_KEY=$OPENCODE_API_KEY ;;
    google) export GEMINI_API_KEY=$OPENCODE_API_KEY ;;
    groq) export GROQ_API_KEY=$OPENCODE_API_KEY ;;
    xai) export XAI_API_KEY=$OPENCODE_API_KEY ;;
    opencode | zen) ;;
    *)
        echo "kelos: unknown provider ${model%%/*}: the key is given as ANTHROPIC_API_KEY" >&2
        export ANTHROPIC_API_KEY=$OPENCODE_API_KEY
        ;;
    esac
fi

# Long instructions come as a file, for one variable holds 128 KiB at most.
instructions() {
    if [ -n "${KELOS_AGENTS_MD_FILE-}" ]; then
        cat "$KELOS_AGENTS_MD_FILE"
    else
        printf '%s
' "$KELOS_AGENTS_MD"
    fi
}
has_instructions=${KELOS_AGENTS_MD-}${KELOS_AGENTS_MD_FILE-}

config=${OPENCODE_CONFIG_DIR:-$HOME/.config/opencode}
mkdir -p "$config"
if [ -n "$has_instructions" ]; then instructions > "$config/AGENTS.md"; fi

if [ -n "${KELOS_PLUGIN_DIR-}" ]; then
    for skill in "$KELOS_PLUGIN_DIR"/*/skills/*/; do
        if [ ! -f "$skill/SKILL.md" ]; then continue; fi
        plugin=${skill#"$KELOS_PLUGIN_DIR"/}
        plugin=${plugin%%/*}
        target=$config/skills/$plugin-$(basename "$skill")
        rm -rf "$target" && mkdir -p "$target" && cp -R "$skill/." "$target/"
    done
    for agent in "$KELOS_PLUGIN_DIR"/*/agents/*.md; do
        if [ -f "$agent" ]; then mkdir -p "$config/agents" && cp "$agent" "$config/agents/"; fi
    done
fi

if [ -n "${KELOS_MCP_SERVERS-}" ]; then
    if command -v node > /dev/null 2>&1; then
        node -e '
            const fs = require("fs"), path = process.argv[1];
            const old = fs.existsSync(path) ? JSON.parse(fs.readFileSync(path, "utf8")) : {};
            const servers = JSON.parse(process.env.KELOS_MCP_SERVERS).mcpServers;
            old.mcp ??= {};
            for (const [name, s] of Object.entries(servers))
                old.mcp[name] = s.command
                    ? {type: "local", enabled: true, command: [s.command, ...(s.args ?? [])], environment: s.env ?? {}}
                    : {type: "remote", enabled: true, url: s.url, headers: s.headers ?? {}};
            fs.writeFileSync(path, JSON.stringify(old));' "$config/opencode.json"
    else
        echo "kelos: MCP servers are not configured: writing opencode.json needs node" >&2
    fi
fi

args=(run --format json)
if [ -n "${KELOS_MODEL-}" ]; then args+=(--model "$KELOS_MODEL"); fi
if [ -n "${KELOS_EFFORT-}" ]; then echo "kelos: opencode has no effort to set: $KELOS_EFFORT is not used" >&2; fi
input=/dev/null
if [ -n "${KELOS_PROMPT_FILE-}" ]; then
    input=$KELOS_PROMPT_FILE
else
    case $prompt in -*) args+=(--) ;; esac
    args+=("$prompt")
fi
opencode "${args[@]}" < "$input" | /kelos/kelos-capture
exit "${PIPESTATUS[0]}"
