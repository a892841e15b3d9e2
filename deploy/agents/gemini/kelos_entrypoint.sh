#!/bin/bash
# kelos_entrypoint.sh - runs Gemini CLI on the prompt in $1 and reports through kelos-capture.
set -uo pipefail

if [ "$$" -eq 1 ] && command -v tini > /dev/null 2>&1; then exec tini -g -- "$0" "$@"; fi
# A TERM to the group ends the agent; we stay to report what it has done.
trap : TERM

prompt=${1-}
if [ -z "$prompt" ]; then
    echo "kelos: no prompt: it is the first argument of the entrypoint" >&2
    exit 2
fi
if ! command -v gemini > /dev/null 2>&1; then
    echo "kelos: gemini is not installed here; npm install -g @google/gemini-cli" >&2
    exit 127
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

config=$HOME/.gemini
mkdir -p "$config"
if [ -n "$has_instructions" ]; then instructions > "$config/GEMINI.md"; fi

# Plugins are extensions here.
if [ -n "${KELOS_PLUGIN_DIR-}" ]; then
    for plugin in "$KELOS_PLUGIN_DIR"/*/; do
        if [ ! -d "$plugin" ]; then continue; fi
        name=$(basename "$plugin")
        target=$config/extensions/$name
        mkdir -p "$target"
        printf '{"name": "%s", "version": "1.0.0"}\n' "$name" > "$target/gemini-extension.json"
        for part in skills agents; do
            if [ -d "$plugin/$part" ]; then cp -R "$plugin/$part" "$target/"; fi
        done
    done
fi

# Without a chosen way to sign in it refuses an API key; servers by http are called httpUrl.
if command -v node > /dev/null 2>&1; then
    node -e '
        const fs = require("fs"), path = process.argv[1];
        const old = fs.existsSync(path) ? JSON.parse(fs.readFileSync(path, "utf8")) : {};
        if (process.env.GEMINI_API_KEY) {
            old.security ??= {};
            old.security.auth ??= {};
            old.security.auth.selectedType ??= "gemini-api-key";
        }
        if (process.env.KELOS_MCP_SERVERS) {
            const servers = JSON.parse(process.env.KELOS_MCP_SERVERS).mcpServers;
            for (const s of Object.values(servers)) {
                if (s.type === "http") { s.httpUrl = s.url; delete s.url; }
                delete s.type;
            }
            old.mcpServers = {...old.mcpServers, ...servers};
        }
        fs.writeFileSync(path, JSON.stringify(old));' "$config/settings.json"
fi

args=(--yolo --output-format stream-json)
if [ -n "${KELOS_MODEL-}" ]; then args+=(--model "$KELOS_MODEL"); fi
if [ -n "${KELOS_EFFORT-}" ]; then echo "kelos: gemini has no effort to set: $KELOS_EFFORT is not used" >&2; fi
input=/dev/null
if [ -n "${KELOS_PROMPT_FILE-}" ]; then
    input=$KELOS_PROMPT_FILE
else
    case $prompt in
    -*) args+=("-p=$prompt") ;;
    *) args+=(-p "$prompt") ;;
    esac
fi
gemini "${args[@]}" < "$input" | /kelos/kelos-capture
exit "${PIPESTATUS[0]}"
