#!/bin/bash
# kelos_entrypoint.sh - runs Codex on the prompt in $1 and reports through kelos-capture.
agent=codex agent_hint="codex is not installed here; npm install -g @openai/codex"
# shellcheck source=deploy/agents/kelos_agent.sh
. /kelos/kelos_agent.sh || exit 127

config=${CODEX_HOME:-$HOME/.codex}
mkdir -p "$config"

if [ -n "${CODEX_AUTH_JSON-}" ]; then
    printf '%s' "$CODEX_AUTH_JSON" | tr -d '\r\n' > "$config/auth.json"
    # Above the tables of the file, if it has any.
    if ! grep -qs '^cli_auth_credentials_store' "$config/config.toml"; then
        { echo 'cli_auth_credentials_store = "file"'; cat "$config/config.toml" 2> /dev/null; } > "$config/config.new"
        mv "$config/config.new" "$config/config.toml"
    fi
fi
if [ -n "$has_instructions" ]; then instructions > "$config/AGENTS.md"; fi

args=(exec --dangerously-bypass-approvals-and-sandbox --json)
if [ -n "${KELOS_MODEL-}" ]; then args+=(--model "$KELOS_MODEL"); fi
if [ -n "${KELOS_EFFORT-}" ]; then
    # It becomes a TOML string on the command line: what could end it is left out.
    args+=(--config "model_reasoning_effort=\"$(printf '%s' "$KELOS_EFFORT" | tr -d '"\\\r\n')\"")
fi
if [ -n "${KELOS_PLUGIN_DIR-}" ] && [ -d "$KELOS_PLUGIN_DIR" ]; then
    install_skills "$config/skills"
    for agents in "$KELOS_PLUGIN_DIR"/*/agents/; do
        if [ -d "$agents" ]; then echo "kelos: codex knows no plugin agents: $agents is not used" >&2; fi
    done
fi

if [ -n "${KELOS_MCP_SERVERS-}" ]; then
    if command -v node > /dev/null 2>&1; then
        node -e '
            const q = JSON.stringify, out = [];
            const table = o => "{ " + Object.keys(o).sort().map(k => `${q(k)} = ${q(o[k])}`).join(", ") + " }";
            const servers = JSON.parse(process.env.KELOS_MCP_SERVERS).mcpServers;
            for (const name of Object.keys(servers).sort()) {
                const s = servers[name];
                if (s.type === "sse") console.error(`kelos: codex may not reach MCP server ${name}: type sse`);
                out.push("", `[mcp_servers.${q(name)}]`);
                if (s.command) out.push(`command = ${q(s.command)}`);
                if (s.args) out.push(`args = [${s.args.map(a => q(a)).join(", ")}]`);
                if (s.url) out.push(`url = ${q(s.url)}`);
                if (s.headers) out.push(`http_headers = ${table(s.headers)}`);
                if (s.env) out.push(`env = ${table(s.env)}`);
            }
            require("fs").appendFileSync(process.argv[1], out.join("\n") + "\n");' "$config/config.toml"
    else
        echo "kelos: MCP servers are not configured: writing config.toml needs node" >&2
    fi
fi

agent_setup

if [ -n "${KELOS_PROMPT_FILE-}" ]; then
    input=$KELOS_PROMPT_FILE
    args+=(-)
else
    case $prompt in -*) args+=(--) ;; esac
    args+=("$prompt")
fi
agent_run
agent_exit
