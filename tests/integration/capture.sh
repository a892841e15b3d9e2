#!/bin/sh
# capture.sh - kelos-capture with real git and a scripted gh: lines, order, pipes; and the
# entrypoints of the agents with scripted command lines.
cd "$(dirname "$0")/../.." || exit 1
. tests/support/lib.sh
capture=$BIN/kelos-capture
STREAMS=$PWD/tests/cli/streams
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@localhost GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@localhost
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
unset KELOS_AGENT_TYPE KELOS_BASE_BRANCH KELOS_UPSTREAM_REPO
claude='{"type":"result","total_cost_usd":0.05,"usage":{"input_tokens":1000,"output_tokens":500}}'

# A checkout of main with origin, on a branch with one commit more.
git init -q --bare -b main "$T/origin.git"
git clone -q "$T/origin.git" "$T/w" 2> /dev/null
(cd "$T/w" && git checkout -q -B main && echo a > a && git add a && git commit -q -m one && git push -q origin main \
    && git remote set-head origin main && git checkout -q -b feature/test-branch && echo b > b && git add b && git commit -q -m two)
sha=$(git -C "$T/w" rev-parse HEAD)
mkdir "$T/bin"
# gh prints what the file for its --repo says (default: own), and fails when there is none.
cat > "$T/bin/gh" <<'G'
#!/bin/sh
repo=own; while [ $# -gt 0 ]; do [ "$1" = --repo ] && repo=$(echo "$2" | tr / _); shift; done
cat "$GH_ANSWERS/$repo" 2> /dev/null
G
chmod +x "$T/bin/gh"
PATH=$T/bin:$PATH GH_ANSWERS=$T/gh; export PATH GH_ANSWERS
mkdir "$T/gh"
# run [VAR=VALUE...]: the block for the log in $T/in, without markers, joined by blanks.
run() { (cd "$T/w" && env "$@" "$capture" < "$T/in" > "$T/out" 2> "$T/err"); rc=$?; sed -n '/^---KELOS_OUTPUTS_START---$/,/^---KELOS_OUTPUTS_END---$/p' "$T/out" | grep -v '^---KELOS' | tr '\n' '|'; return $rc; }
pipe() { (cd "$T/w" && env "$@" sh -c 'cat "$0" | "$1"' "$T/in" "$capture" > "$T/out" 2> "$T/err"); rc=$?; sed -n '/^---KELOS_OUTPUTS_START---$/,/^---KELOS_OUTPUTS_END---$/p' "$T/out" | grep -v '^---KELOS' | tr '\n' '|'; return $rc; }
same() { [ "$1" = "$2" ] || fail "got  $1
     want $2"; }

begin "branch, requests, commit, base branch and usage, in this order"
echo '[{"url":"https://x/pr/1"}]' > "$T/gh/own"
printf '%s\n' "$claude" > "$T/in"
same "$(pipe KELOS_AGENT_TYPE=claude-code)" "branch: feature/test-branch|pr: https://x/pr/1|commit: $sha|base-branch: main|cost-usd: 0.05|input-tokens: 1000|output-tokens: 500|"
row TE/CP1
begin "the base branch of the environment wins; no requests, no type"
echo '[]' > "$T/gh/own"
same "$(pipe KELOS_BASE_BRANCH=develop)" "branch: feature/test-branch|commit: $sha|base-branch: develop|"
row TE/CP2 TE/CP9
begin "nothing at all is printed where there is nothing to say"
(cd "$T" && env GIT_CEILING_DIRECTORIES="$T" "$capture" < /dev/null > "$T/out"); same "$(cat "$T/out")" ""
(cd "$T/w/.git" && "$capture" < /dev/null > "$T/out2"); same "$(cat "$T/out2")" ""
row TE/CP3 TE/W-A7
begin "two requests keep their order"
echo '[{"url":"https://x/pr/1"},{"url":"https://x/pr/2"}]' > "$T/gh/own"
same "$(pipe)" "branch: feature/test-branch|pr: https://x/pr/1|pr: https://x/pr/2|commit: $sha|base-branch: main|"
row TE/CP4
begin "requests of other heads are not ours, unless they are open and from here"
cat > "$T/gh/own" <<J
[{"url":"https://x/open","state":"OPEN","headRefOid":"other","isCrossRepository":false},
 {"url":"https://x/fork","state":"OPEN","headRefOid":"other","isCrossRepository":true},
 {"url":"https://x/old","state":"MERGED","headRefOid":"other","isCrossRepository":false},
 {"url":"https://x/merged","state":"MERGED","headRefOid":"$sha","isCrossRepository":true}]
J
same "$(pipe)" "branch: feature/test-branch|pr: https://x/open|pr: https://x/merged|commit: $sha|base-branch: main|"
begin "a detached head has a commit and a base only"
git -C "$T/w" checkout -q --detach
same "$(pipe)" "commit: $sha|base-branch: main|"
git -C "$T/w" checkout -q feature/test-branch
row TE/CP5
begin "a gh that fails or speaks no JSON costs only its lines"
rm "$T/gh/own"; same "$(pipe)" "branch: feature/test-branch|commit: $sha|base-branch: main|"
echo 'not json' > "$T/gh/own"; same "$(pipe)" "branch: feature/test-branch|commit: $sha|base-branch: main|"
row TE/CP6
begin "an unknown base is left out"
git -C "$T/w" remote set-head origin -d
same "$(pipe)" "branch: feature/test-branch|commit: $sha|"
git -C "$T/w" remote set-head origin main
row TE/CP7
begin "requests of the fork come before those of the upstream repository"
echo '[{"url":"https://x/fork/1"}]' > "$T/gh/own"; echo '[{"url":"https://x/up/2"}]' > "$T/gh/upstream-org_repo"
same "$(pipe KELOS_UPSTREAM_REPO=upstream-org/repo)" "branch: feature/test-branch|pr: https://x/fork/1|pr: https://x/up/2|commit: $sha|base-branch: main|"
row TE/CP8
begin "no requests are asked for on the base branch itself"
git -C "$T/w" checkout -q main
same "$(pipe)" "branch: main|commit: $(git -C "$T/w" rev-parse HEAD)|base-branch: main|"
row TE/W-A6
git -C "$T/w" checkout -q feature/test-branch
echo '[]' > "$T/gh/own"

begin "the answer of each agent is the last line"
head="branch: feature/test-branch|commit: $sha|base-branch: main|"
echo '{"type":"result","subtype":"success","result":"Here are the PRs I opened."}' > "$T/in"
same "$(pipe KELOS_AGENT_TYPE=claude-code)" "${head}response: SGVyZSBhcmUgdGhlIFBScyBJIG9wZW5lZC4=|"
printf '%s\n%s\n' '{"type":"item.completed","item":{"type":"agent_message","text":"One."}}' '{"type":"item.completed","item":{"type":"agent_message","text":"All done!"}}' > "$T/in"
same "$(pipe KELOS_AGENT_TYPE=codex)" "${head}response: QWxsIGRvbmUh|"
row ADD/SA3
begin "every byte passes, also of a line too long to read and of one without an end"
{ head -c 11534336 /dev/zero | tr '\0' x; echo; printf '%s\n' "$claude"; } > "$T/in"
pipe KELOS_AGENT_TYPE=claude-code > "$T/block"
head -c "$(wc -c < "$T/in")" "$T/out" | cmp -s - "$T/in" || fail "the copy differs"
grep -q 'cost-usd: 0.05' "$T/block" || fail "usage not found"
printf '%s' "$claude" > "$T/in"
case $(pipe KELOS_AGENT_TYPE=claude-code) in *"cost-usd: 0.05"*) ;; *) fail "no usage without a final newline" ;; esac
[ "$(sed -n 2p "$T/out")" = ---KELOS_OUTPUTS_START--- ] || fail "no newline was added"
if [ -e /dev/full ]; then
    (cd "$T/w" && echo x | "$capture" > /dev/full 2> "$T/err"); [ $? -eq 1 ] || fail "a full disk gives no exit code 1"
fi
row ADD/SA4
begin "a claude run that stopped in the middle gives exit code 1 and its block"
echo '{"type":"result","subtype":"success","stop_reason":"tool_use","total_cost_usd":0.5}' > "$T/in"
block=$(pipe KELOS_AGENT_TYPE=claude-code); [ $? -eq 1 ] || fail "exit code"
case $block in *"cost-usd: 0.5"*) ;; *) fail "block: $block" ;; esac
same "$(cat "$T/err")" "kelos-capture: Claude Code run incomplete (stop_reason=tool_use)"
row ADD/SA5
begin "a stream without the line that ends a run gives exit code 1, unless that is switched off"
whole='"type":"result"\|"turn.completed"'
for v in claude-code:result codex:turn.completed gemini:result; do
    a=${v%%:*}
    cp "$STREAMS/$a.jsonl" "$T/in"
    pipe KELOS_AGENT_TYPE="$a" > "$T/block" || fail "$a: a whole stream: $(cat "$T/err")"
    grep -v "$whole" "$STREAMS/$a.jsonl" > "$T/in"
    if pipe KELOS_AGENT_TYPE="$a" > "$T/block"; then fail "$a: exit code 0"; fi
    same "$(cat "$T/err")" "kelos-capture: $a run incomplete (no ${v#*:} line)"
    grep -q "commit: $sha" "$T/block" || fail "$a: no block"
    pipe KELOS_AGENT_TYPE="$a" KELOS_REQUIRE_RESULT=0 > "$T/block" || fail "$a: $(cat "$T/err")"
    same "$(cat "$T/err")" ""
done
echo '{"type":"text","text":"opencode prints no such line"}' > "$T/in"
pipe KELOS_AGENT_TYPE=opencode > "$T/block" || fail "opencode: $(cat "$T/err")"
echo 'no stream at all' > "$T/in"
pipe KELOS_AGENT_TYPE=claude-code > "$T/block" || fail "plain words: $(cat "$T/err")"

# ---- entrypoints, with the agents' command lines replaced by scripts ----
agents=$BUILD/share/kelos/agents
mkdir "$T/abin" "$T/kelos"
for a in claude codex gemini opencode agent; do
    cat > "$T/abin/$a" <<'A'
#!/bin/sh
for a in "$@"; do printf '%s\n' "$a"; done > "$ARGS"
env > "$ARGS.env"
cat > "$ARGS.in"
[ -n "${AGENT_CUT-}" ] && echo '{"type":"started"}' && exit 0
echo '{"type":"turn.completed"}'
echo '{"type":"result","subtype":"success","total_cost_usd":1}'
exit "${AGENT_EXIT:-0}"
A
    chmod +x "$T/abin/$a"
done
# entry AGENT [VAR=VALUE...] -- PROMPT: runs it in a fresh home; /kelos/kelos-capture is ours.
entry() {
    agent=$1; shift; set_vars=""
    rm -rf "$T/home"; mkdir "$T/home"
    sed "s|/kelos/kelos-capture|$CAPTURE|" "$agents/$agent/kelos_agent.sh" > "$T/common.sh"
    sed "s|/kelos/kelos_agent.sh|$T/common.sh|" "$agents/$agent/kelos_entrypoint.sh" > "$T/entry.sh"
    while [ "$1" != -- ]; do set_vars="$set_vars $1"; shift; done; shift
    # shellcheck disable=SC2086
    (cd "$T/w" && env HOME="$T/home" PATH="$T/abin:$PATH" ARGS="$T/args" KELOS_AGENT_TYPE="$agent" $set_vars bash "$T/entry.sh" "$@" > "$T/out" 2> "$T/err")
}
args() { tr '\n' ' ' < "$T/args"; }
CAPTURE=$capture
begin "entrypoints: fixed arguments, model and prompt"
entry claude-code KELOS_MODEL=m -- "do it"; same "$(args)" "--dangerously-skip-permissions --output-format stream-json --verbose --model m -p do it "
entry codex KELOS_MODEL=m -- "do it"; same "$(args)" "exec --dangerously-bypass-approvals-and-sandbox --json --model m do it "
entry gemini KELOS_MODEL=m -- "do it"; same "$(args)" "--yolo --output-format stream-json --model m -p do it "
entry opencode KELOS_MODEL=anthropic/m OPENCODE_API_KEY=k -- "do it"; same "$(args)" "run --auto --format json --model anthropic/m do it "
grep -qx ANTHROPIC_API_KEY=k "$T/args.env" || fail "the key did not reach the provider"
begin "entrypoints: a prompt that begins with a dash is no option; an empty one is refused"
entry codex -- "-x"; same "$(args)" "exec --dangerously-bypass-approvals-and-sandbox --json -- -x "
entry opencode -- "--help"; same "$(args)" "run --auto --format json -- --help "
for a in claude-code codex gemini opencode cursor demo; do if entry $a -- ""; then fail "$a took an empty prompt"; fi; done
row TE/W-A3
begin "entrypoints: a prompt or instructions too long for an argument come as files; effort is passed on"
echo "long prompt" > "$T/prompt"; echo "long rules" > "$T/rules"
for a in claude-code codex gemini opencode; do
    entry $a KELOS_PROMPT_FILE="$T/prompt" -- "see the file"
    same "$(cat "$T/args.in")" "long prompt"
    case $(args) in *"see the file"*) fail "$a: $(args)" ;; esac
done
entry claude-code KELOS_AGENTS_MD_FILE="$T/rules" KELOS_EFFORT=high -- p; same "$(cat "$T/home/.claude/CLAUDE.md")" "long rules"
case $(args) in *"--effort high -p p"*) ;; *) fail "$(args)" ;; esac
entry codex KELOS_EFFORT=xhigh -- p
case $(args) in *'--config model_reasoning_effort="xhigh"'*) ;; *) fail "$(args)" ;; esac
begin "entrypoints: the agent's exit code, then the capture's"
cat > "$T/kelos/seven" <<'A'
#!/bin/sh
cat > /dev/null; exit 7
A
chmod +x "$T/kelos/seven"
entry claude-code -- p; same $? 0
grep -q 'cost-usd: 1' "$T/out" || fail "no block"
entry claude-code AGENT_EXIT=6 -- p; same $? 6
grep -q 'cost-usd: 1' "$T/out" || fail "no block after a failure"
CAPTURE=$T/kelos/seven
entry claude-code -- p; same $? 7
entry claude-code AGENT_EXIT=6 -- p; same $? 6
for a in codex gemini opencode cursor; do
    entry $a -- p; same $? 7
    entry $a AGENT_EXIT=6 -- p; same $? 6
done
CAPTURE=$capture
row ADD/SA7
begin "entrypoints: an agent that stops without its last line and with code 0 has failed"
for a in claude-code codex gemini cursor; do
    entry $a AGENT_CUT=1 -- p; same $? 1
    grep -q "^kelos-capture: $a run incomplete (no " "$T/err" || fail "$a: $(cat "$T/err")"
    entry $a AGENT_CUT=1 KELOS_REQUIRE_RESULT=0 -- p; same $? 0
done
entry opencode AGENT_CUT=1 -- p; same $? 0
row ADD/AW16
begin "entrypoints: instructions and directories go where each agent reads them"
entry claude-code KELOS_AGENTS_MD=rules -- p; same "$(cat "$T/home/.claude/CLAUDE.md")" rules
entry codex KELOS_AGENTS_MD=rules CODEX_AUTH_JSON='{"a":1}' -- p; same "$(cat "$T/home/.codex/AGENTS.md") $(cat "$T/home/.codex/auth.json")" 'rules {"a":1}'
entry gemini KELOS_AGENTS_MD=rules -- p; same "$(cat "$T/home/.gemini/GEMINI.md")" rules
entry opencode KELOS_AGENTS_MD=rules -- p; same "$(cat "$T/home/.config/opencode/AGENTS.md")" rules
for v in "claude-code CLAUDE_CONFIG_DIR CLAUDE.md .claude" "codex CODEX_HOME AGENTS.md .codex" "opencode OPENCODE_CONFIG_DIR AGENTS.md .config"; do
    # shellcheck disable=SC2086
    set -- $v
    entry "$1" KELOS_AGENTS_MD=rules "$2=$T/else" -- p
    same "$(cat "$T/else/$3")" rules; rm -rf "$T/else"
    if [ -e "$T/home/$4" ]; then fail "$1 wrote to its default place too"; fi
done
row ADD/AI4
begin "entrypoints: plugins and MCP servers"
mkdir -p "$T/plugins/team/skills/deploy/ref" "$T/plugins/team/agents" "$T/plugins/.hidden"
echo skill > "$T/plugins/team/skills/deploy/SKILL.md"; echo more > "$T/plugins/team/skills/deploy/ref/x"; echo reviewer > "$T/plugins/team/agents/reviewer.md"
mcp='{"mcpServers":{"web":{"type":"http","url":"https://x/mcp"}}}'
entry claude-code KELOS_PLUGIN_DIR="$T/plugins" KELOS_MCP_SERVERS="$mcp" -- p
case $(args) in *"--plugin-dir $T/plugins/team -p"*) ;; *) fail "$(args)" ;; esac
same "$(cat "$T/home/.claude.json")" "$mcp"
entry codex KELOS_PLUGIN_DIR="$T/plugins" -- p
same "$(cat "$T/home/.codex/skills/team:deploy/SKILL.md" "$T/home/.codex/skills/team:deploy/ref/x" | tr '\n' ' ')" "skill more "
entry gemini KELOS_PLUGIN_DIR="$T/plugins" -- p
grep -q '"name": "team"' "$T/home/.gemini/extensions/team/gemini-extension.json" || fail "gemini extension"
entry opencode KELOS_PLUGIN_DIR="$T/plugins" -- p
same "$(cat "$T/home/.config/opencode/skills/team:deploy/SKILL.md" "$T/home/.config/opencode/agents/reviewer.md" | tr '\n' ' ')" "skill reviewer "
if command -v node > /dev/null 2>&1; then
    entry codex KELOS_MCP_SERVERS="$mcp" -- p
    grep -q 'mcp_servers."web"' "$T/home/.codex/config.toml" || fail "codex: $(cat "$T/home/.codex/config.toml")"
    entry gemini KELOS_MCP_SERVERS="$mcp" GEMINI_API_KEY=k -- p
    grep -q '"httpUrl":"https://x/mcp"' "$T/home/.gemini/settings.json" || fail "gemini: $(cat "$T/home/.gemini/settings.json")"
    grep -q gemini-api-key "$T/home/.gemini/settings.json" || fail "gemini signs in with nothing"
    entry opencode KELOS_MCP_SERVERS="$mcp" -- p
    grep -q '"type":"remote"' "$T/home/.config/opencode/opencode.json" || fail "opencode MCP"
    row TE/W-A2
fi
begin "entrypoints: cursor"
entry cursor KELOS_MODEL=m -- "do it"
same "$(args)" "--model m -p --force --trust --sandbox disabled --output-format stream-json do it "
entry cursor -- "-x"
same "$(args)" "-p --force --trust --sandbox disabled --output-format stream-json -- -x "
entry cursor KELOS_AGENTS_MD=rules KELOS_EFFORT=high KELOS_MCP_SERVERS="$mcp" KELOS_PLUGIN_DIR="$T/plugins" -- p
same "$(head -n 1 "$T/home/.cursor/AGENTS.md")" rules
grep -n '# Kelos Effort' "$T/home/.cursor/AGENTS.md" | grep -q '^[2-9]' || fail "no effort after the instructions"
same "$(cat "$T/home/.cursor/mcp.json")" "$mcp"
same "$(cat "$T/w/.cursor/skills/team:deploy/ref/x" "$T/w/.cursor/rules/team-reviewer.mdc" | tr '\n' ' ')" "more reviewer "
[ -z "$(git -C "$T/w" status --porcelain -- .cursor)" ] || fail "git lists them: $(git -C "$T/w" status --porcelain)"
row ADD/EF5 ADD/AW8
begin "entrypoints: what is configured is for the agent alone"
for f in claude-code/.claude.json cursor/.cursor/mcp.json; do
    entry "${f%%/*}" KELOS_MCP_SERVERS="$mcp" -- p
    same "$(stat -c %a "$T/home/${f#*/}")" 600
done
if command -v node > /dev/null 2>&1; then
    for f in codex/.codex/config.toml gemini/.gemini/settings.json opencode/.config/opencode/opencode.json; do
        entry "${f%%/*}" KELOS_MCP_SERVERS="$mcp" -- p
        same "$(stat -c %a "$T/home/${f#*/}")" 600
    done
fi
entry codex CODEX_AUTH_JSON='{"a":1}' -- p
same "$(head -n 1 "$T/home/.codex/config.toml")" 'cli_auth_credentials_store = "file"'

begin "entrypoints: whole skills, fresh, and never two in one place"
mkdir -p "$T/plugins/team/skills/deploy/references/nested"; echo y > "$T/plugins/team/skills/deploy/references/nested/x.yaml"
mkdir -p "$T/clash/alpha/skills/bravo:charlie" "$T/clash/alpha:bravo/skills/charlie"
echo 1 > "$T/clash/alpha/skills/bravo:charlie/SKILL.md"; echo 2 > "$T/clash/alpha:bravo/skills/charlie/SKILL.md"
for v in codex:.codex opencode:.config/opencode cursor:; do
    a=${v%%:*} dir=${v#*:}
    [ "$a" = cursor ] && base=$T/w/.cursor || base=$T/stale/$dir
    mkdir -p "$base/skills/team:deploy"; echo old > "$base/skills/team:deploy/stale"
    case $a in
    codex) entry codex CODEX_HOME="$base" KELOS_PLUGIN_DIR="$T/plugins" -- p ;;
    opencode) entry opencode OPENCODE_CONFIG_DIR="$base" KELOS_PLUGIN_DIR="$T/plugins" -- p ;;
    cursor) entry cursor KELOS_PLUGIN_DIR="$T/plugins" -- p ;;
    esac
    same "$(cat "$base/skills/team:deploy/references/nested/x.yaml")" y
    [ ! -e "$base/skills/team:deploy/stale" ] || fail "$a keeps a stale file"
    entry "$a" KELOS_PLUGIN_DIR="$T/clash" -- p; same $? 1
    grep -q '^Error: Skill target conflict: .*alpha.* and .*alpha.* both install to ' "$T/err" || fail "$a: $(cat "$T/err")"
    grep -q 'alpha/skills/bravo:charlie' "$T/err" && grep -q 'alpha:bravo/skills/charlie' "$T/err" || fail "$a names not both"
done
rm -rf "$T/w/.cursor"
row ADD/SK6

begin "entrypoints: effort is said in each agent's own way"
entry codex KELOS_EFFORT='"a\b"' -- p
case $(args) in *'--config model_reasoning_effort="ab"'*) ;; *) fail "$(args)" ;; esac
row ADD/EF4
if command -v node > /dev/null 2>&1; then
    entry gemini KELOS_MODEL=gemini-2.5-pro KELOS_EFFORT=low -- p
    case $(args) in *"--model kelos-effort-gemini-2-5-pro "*) ;; *) fail "$(args)" ;; esac
    same "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["modelConfigs"]["customAliases"]["kelos-effort-gemini-2-5-pro"])' "$T/home/.gemini/settings.json")" \
        "{'modelConfig': {'model': 'gemini-2.5-pro', 'generateContentConfig': {'thinkingConfig': {'thinkingBudget': 1024}}}}"
    entry gemini KELOS_MODEL=gemini-2.5-flash KELOS_EFFORT=300 -- p
    grep -q '"thinkingBudget":300' "$T/home/.gemini/settings.json" || fail "a number is not taken as it is"
    entry gemini KELOS_MODEL=gemini-3-pro KELOS_EFFORT=MAX -- p
    grep -q '"thinkingLevel":"HIGH"' "$T/home/.gemini/settings.json" || fail "$(cat "$T/home/.gemini/settings.json")"
    entry gemini KELOS_EFFORT=low KELOS_AGENTS_MD=rules -- p; same $? 0
    grep -q '# Kelos Effort' "$T/home/.gemini/GEMINI.md" || fail "no section"
    grep -q 'effort low' "$T/err" || fail "no warning: $(cat "$T/err")"
    case $(args) in *--model*) fail "$(args)" ;; esac
    entry gemini KELOS_MODEL=gemini-2.3.1 KELOS_EFFORT=low -- p
    case $(args) in *"--model gemini-2.3.1 "*) ;; *) fail "$(args)" ;; esac
    row ADD/EF2 ADD/AW15
    entry opencode KELOS_MODEL=anthropic/claude KELOS_EFFORT=medium -- p
    case $(args) in *--model*) fail "$(args)" ;; esac
    same "$(cat "$T/home/.config/opencode/opencode.json")" '{"model":"anthropic/claude","agent":{"build":{"mode":"primary","model":"anthropic/claude","variant":"high","options":{"reasoningEffort":"medium"}}}}'
    for v in anthropic/x:max:max google/x:minimal:low google/x:high:high openai/x:Low:low; do
        entry opencode KELOS_MODEL="${v%%:*}" KELOS_EFFORT="$(echo "$v" | cut -d: -f2)" -- p
        grep -q "\"variant\":\"${v##*:}\"" "$T/home/.config/opencode/opencode.json" || fail "$v"
    done
    row ADD/EF3
fi
entry opencode KELOS_MODEL=zai/glm-5.2 OPENCODE_API_KEY=k -- p
grep -qx ZHIPU_API_KEY=k "$T/args.env" || fail "the key of zai did not reach it"
row ADD/CN5

begin "a setup command runs before the agent, with its environment and byte for byte"
odd=$(printf 'a "q" $HOME $(x) <&>\nb')
export KELOS_SETUP_COMMAND ODD
KELOS_SETUP_COMMAND=$(python3 -c 'import json,sys; print(json.dumps(["sh","-c","printf %s \"$1\" > setup.txt; mkdir -p ~/.local/bin; printf \"#!/bin/sh\\nexit 0\\n\" > ~/.local/bin/mine; chmod +x ~/.local/bin/mine","sh",sys.argv[1]]))' "$odd")
for a in claude-code codex gemini opencode cursor; do
    rm -f "$T/w/setup.txt"
    entry $a -- p; same $? 0
    same "$(cat "$T/w/setup.txt")" "$odd"
    same "$(grep -c -e '^---KELOS_SETUP_COMMAND_START---$' -e '^---KELOS_SETUP_COMMAND_DONE---$' "$T/err")" 2
    if grep -q SETUP_COMMAND_FAILED "$T/err"; then fail "$a: FAILED"; fi
    [ -x "$T/home/.local/bin/mine" ] || fail "$a: nothing was installed"
    grep -q "^PATH=$T/home/.local/bin:" "$T/args.env" || fail "$a: .local/bin is not first"
done
rm -f "$T/w/setup.txt"
same "$(grep -c '^---KELOS_INTERFACE--- level=1$' "$T/err")" 1
row ADD/SC6 ADD/SC4 ADD/AW18
begin "a setup command that fails ends the run with its code; the agent is never started"
code() { KELOS_SETUP_COMMAND=$1; rm -f "$T/args"; entry "$2" -- p; same $? "$3"; [ ! -e "$T/args" ] || fail "$2 was started"; grep -q "^---KELOS_SETUP_COMMAND_FAILED--- exit=$3\$" "$T/err" || fail "$(cat "$T/err")"; }
for a in claude-code codex gemini opencode cursor; do code '["sh","-c","exit 17"]' $a 17; done
if grep -q KELOS_OUTPUTS "$T/out"; then fail "outputs after a failed setup"; fi
code '["no-such-program"]' codex 127
code '{"a":1}' codex 2
code '["sh",3]' codex 2
code '["sh","-c","kill -9 $$"]' codex 137
unset KELOS_SETUP_COMMAND
entry codex KELOS_SESSION_SETUP_ONLY=1 -- ""; same $? 0

begin "the demo agent commits its prompt to its branch and says that it is the demo agent"
entry demo KELOS_BRANCH=demo-branch -- 'Fix "it" now
second line'; same $? 0
grep -q 'demo agent' "$T/out" || fail "it does not say what it is"
same "$(git -C "$T/origin.git" log -1 --format=%s demo-branch)" 'Demo agent: Fix "it" now'
git -C "$T/origin.git" show demo-branch:demo-agent.md | grep -q 'second line' || fail "the prompt is not in the file"
grep -qx 'branch: feature/test-branch' "$T/out" || fail "no block"
python3 - "$T/out" <<'P' || fail "not JSON lines"
import json, sys
for l in open(sys.argv[1]):
    if l.startswith("---KELOS"): break
    json.loads(l)
P
finish
