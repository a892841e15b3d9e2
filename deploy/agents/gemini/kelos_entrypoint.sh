#!/bin/bash
# kelos_entrypoint.sh - runs Gemini CLI on the prompt in $1 and reports through kelos-capture.
agent=gemini agent_hint="gemini is not installed here; npm install -g @google/gemini-cli"
# shellcheck source=deploy/agents/kelos_agent.sh
. /kelos/kelos_agent.sh || exit 127

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

# How hard to think is part of an alias of the model; which words there are depends on its
# family. Sets alias, and level or budget; all empty when there is no such word.
alias="" level="" budget=""
choose_effort() {
    local model=${KELOS_MODEL,,} effort=${KELOS_EFFORT,,}
    if [[ $model =~ (^|[^0-9.])3([.-]|$) ]]; then
        case $effort in
        minimal | low) level=LOW ;;
        medium | high | xhigh | max) level=HIGH ;;
        esac
    elif [[ $model =~ (^|[^0-9.])2[.]5([^0-9]|$) ]]; then
        case $effort in
        minimal) budget=512 ;; low) budget=1024 ;; medium) budget=4096 ;;
        high) budget=8192 ;; xhigh) budget=16384 ;; max) budget=24576 ;;
        *[!0-9]*) ;;
        *) budget=$effort ;;
        esac
    fi
    if [ -n "$level$budget" ] && command -v node > /dev/null 2>&1; then
        alias=kelos-effort-$(printf '%s' "$KELOS_MODEL" | tr -c 'A-Za-z0-9_-' '-')
    fi
}
if [ -n "${KELOS_EFFORT-}" ]; then
    KELOS_MODEL=${KELOS_MODEL-} choose_effort
    if [ -z "$alias" ]; then
        echo "kelos: model '${KELOS_MODEL-}' has no setting for effort $KELOS_EFFORT: it is asked for in words" >&2
        printf '\n# Kelos Effort\n\nWork with %s effort.\n' "$KELOS_EFFORT" >> "$config/GEMINI.md"
    fi
fi
export KELOS_ALIAS=$alias KELOS_LEVEL=$level KELOS_BUDGET=$budget

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
        const {KELOS_ALIAS: alias, KELOS_LEVEL: level, KELOS_BUDGET: budget} = process.env;
        if (alias) {
            const thinkingConfig = level ? {thinkingLevel: level} : {thinkingBudget: Number(budget)};
            old.modelConfigs ??= {};
            old.modelConfigs.customAliases ??= {};
            old.modelConfigs.customAliases[alias] = {
                modelConfig: {model: process.env.KELOS_MODEL, generateContentConfig: {thinkingConfig}}};
        }
        fs.writeFileSync(path, JSON.stringify(old));' "$config/settings.json"
fi

args=(--yolo --output-format stream-json)
model=${alias:-${KELOS_MODEL-}}
if [ -n "$model" ]; then args+=(--model "$model"); fi
agent_setup

if [ -n "${KELOS_PROMPT_FILE-}" ]; then
    input=$KELOS_PROMPT_FILE
else
    case $prompt in
    -*) args+=("-p=$prompt") ;;
    *) args+=(-p "$prompt") ;;
    esac
fi
agent_run
agent_exit
