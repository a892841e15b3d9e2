#!/bin/bash
# kelos_entrypoint.sh - runs OpenCode on the prompt in $1 and reports through kelos-capture.
agent=opencode agent_hint="opencode is not installed here; npm install -g opencode-ai"
# shellcheck source=deploy/agents/kelos_agent.sh
. /kelos/kelos_agent.sh || exit 127

# The one key goes to the provider that the model names.
if [ -n "${OPENCODE_API_KEY-}" ]; then
    model=${KELOS_MODEL-}
    case ${model%%/*} in
    anthropic | '') export ANTHROPIC_API_KEY=$OPENCODE_API_KEY ;;
    openai) export OPENAI_API_KEY=$OPENCODE_API_KEY ;;
    google) export GEMINI_API_KEY=$OPENCODE_API_KEY ;;
    groq) export GROQ_API_KEY=$OPENCODE_API_KEY ;;
    zai | zai-coding-plan) export ZHIPU_API_KEY=$OPENCODE_API_KEY ;;
    xai) export XAI_API_KEY=$OPENCODE_API_KEY ;;
    opencode | zen) ;;
    *)
        echo "kelos: unknown provider ${model%%/*}: the key is given as ANTHROPIC_API_KEY" >&2
        export ANTHROPIC_API_KEY=$OPENCODE_API_KEY
        ;;
    esac
fi

config=${OPENCODE_CONFIG_DIR:-$HOME/.config/opencode}
mkdir -p "$config"
if [ -n "$has_instructions" ]; then instructions > "$config/AGENTS.md"; fi

if [ -n "${KELOS_PLUGIN_DIR-}" ]; then
    install_skills "$config/skills"
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

# How hard to think is a variant of the model, named in the configuration with the model.
variant() {
    case ${1,,} in anthropic) case ${2,,} in max | xhigh) echo max ;; *) echo high ;; esac ;;
    google) case ${2,,} in minimal | low) echo low ;; *) echo high ;; esac ;;
    *) echo "${2,,}" ;; esac
}
args=(run --auto --format json)
model=${KELOS_MODEL-}
if [ -n "${KELOS_EFFORT-}" ] && [ -z "$model" ]; then
    echo "kelos: opencode needs a model to set an effort for: $KELOS_EFFORT is not used" >&2
elif [ -n "${KELOS_EFFORT-}" ] && ! command -v node > /dev/null 2>&1; then
    echo "kelos: writing opencode.json needs node: effort $KELOS_EFFORT is not used" >&2
elif [ -n "${KELOS_EFFORT-}" ]; then
    KELOS_VARIANT=$(variant "${model%%/*}" "$KELOS_EFFORT") node -e '
        const fs = require("fs"), path = process.argv[1], env = process.env;
        const old = fs.existsSync(path) ? JSON.parse(fs.readFileSync(path, "utf8")) : {};
        old.model = env.KELOS_MODEL;
        old.agent ??= {};
        old.agent.build = {...old.agent.build, mode: "primary", model: env.KELOS_MODEL, variant: env.KELOS_VARIANT};
        old.agent.build.options = {...old.agent.build.options, reasoningEffort: env.KELOS_EFFORT.toLowerCase()};
        fs.writeFileSync(path, JSON.stringify(old));' "$config/opencode.json"
    model=""
fi
if [ -n "$model" ]; then args+=(--model "$model"); fi
agent_setup

if [ -n "${KELOS_PROMPT_FILE-}" ]; then
    input=$KELOS_PROMPT_FILE
else
    case $prompt in -*) args+=(--) ;; esac
    args+=("$prompt")
fi
agent_run
agent_exit
