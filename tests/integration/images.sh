#!/bin/sh
# images.sh - what each agent image keeps of the interface while it runs: its first process, its
# tools, its path, its end; with the agents' own command lines replaced by probes. In local mode
# the monitor is the first process; that of an image is tried in a pid namespace of its own.
. tests/support/lib.sh
. tests/support/local.sh
cleanup() { local_down; }
local_up || { echo "0 passed, 1 failed"; exit 1; }
logs_of() { get "$CORE/pods/$(field "$NS/tasks/$1" 'o["status"]["podName"]')/log?container=$2"; }
# image NAME TYPE CLI: the image of TYPE, with the script of stdin as its command line CLI
image() {
    cp -R "$BUILD/share/kelos/agents/$2" "$T/share/agents/$1"
    mkdir -p "$T/share/agents/$1/bin"
    cat > "$T/share/agents/$1/bin/$3"
    chmod 755 "$T/share/agents/$1/bin/$3"
}
typed() { # NAME TYPE IMAGE PROMPT
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"%s"},"spec":{"type":"%s","image":"%s","prompt":"%s","credentials":{"type":"none"}}}' "$@" |
        post $NS/tasks > "$T/created"
}

AGENTS="claude-code:claude codex:codex gemini:gemini opencode:opencode cursor:agent"

begin "each image: the gh that reads the file, capture, and a place for tools that the agent may write"
for a in $AGENTS; do
    image "probe-${a%:*}" "${a%:*}" "${a#*:}" <<'P'
#!/bin/bash
echo "gh $(command -v gh)"
echo "user $(id -u)"
echo "path ${PATH%%:*}"
[ -x /kelos/kelos-capture ] && echo "capture there"
printf '#!/bin/sh\necho tool works\n' > "$HOME/.local/bin/mine" && chmod 755 "$HOME/.local/bin/mine" && mine
echo "home $(stat -c %u "$HOME/.local/bin") $HOME"
echo "args $*"
echo '{"type":"turn.completed"}'
echo '{"type":"result","subtype":"success","total_cost_usd":0.5}'
P
    typed "t-${a%:*}" "${a%:*}" "probe-${a%:*}" "look around"
done
for a in claude-code codex gemini opencode cursor; do
    becomes "t-$a" Succeeded 40
    logs_of "t-$a" "$a" > "$T/log.$a"
    home=$(sed -n 's/^home [0-9]* //p' "$T/log.$a")
    for l in 'gh /kelos/bin/gh' 'user 61100' "path $home/.local/bin" 'capture there' 'tool works' "home 61100 $home"; do
        grep -qxF "$l" "$T/log.$a" || fail "$a: no line '$l': $(cat "$T/log.$a")"
    done
done

# as_first NAME AGENT CLI: the entrypoint as the first process, in the background; CLI is the
# file that stands for the agent's command line. Writes NAME.out, NAME.err, NAME.rc.
if [ "$(id -u)" = 0 ]; then space="unshare -pf --mount-proc"; else space="unshare -Urpf --mount-proc"; fi
as_first() {
    mkdir -p "$T/$1/home" "$T/$1/bin" "$T/$1/w"
    sed "s|/kelos/kelos-capture|$BIN/kelos-capture|" "$BUILD/share/kelos/agents/$2/kelos_agent.sh" > "$T/$1/common.sh"
    sed "s|/kelos/kelos_agent.sh|$T/$1/common.sh|" "$BUILD/share/kelos/agents/$2/kelos_entrypoint.sh" > "$T/$1/entry.sh"
    case $2 in claude-code) cli=claude ;; cursor) cli=agent ;; *) cli=$2 ;; esac
    cp "$3" "$T/$1/bin/$cli"; chmod 755 "$T/$1/entry.sh" "$T/$1/bin/$cli"
    (cd "$T/$1/w" && exec env HOME="$T/$1/home" PATH="$T/$1/bin:$PATH" KELOS_AGENT_TYPE="$2" \
        $space "$T/$1/entry.sh" p > "$T/$1.out" 2> "$T/$1.err") &
    eval "PID_$(echo "$1" | tr - _)=$!"
}
first_pid() { eval "echo \$PID_$(echo "$1" | tr - _)"; }
command -v tini > /dev/null || fail "tini is not installed: tests/support/deps.sh"
cat > "$T/first" <<'P'
#!/bin/sh
echo "first $(tr '\0' ' ' < /proc/1/cmdline)"
echo '{"type":"turn.completed"}'
echo '{"type":"result","subtype":"success","total_cost_usd":0.5}'
P
for a in claude-code codex gemini opencode cursor; do
    as_first "one-$a" "$a" "$T/first"
    wait "$(first_pid "one-$a")" || fail "$a: $(cat "$T/one-$a.err")"
    grep -q "^first tini -g -- $T/one-$a/entry.sh p \$" "$T/one-$a.out" || fail "$a: $(cat "$T/one-$a.out")"
done
row ADD/AI1 ADD/AW19

begin "a TERM ends the agent and what it started; the block is printed, within the time"
cat > "$T/stop" <<'P'
#!/bin/bash
echo '{"type":"turn.completed","usage":{"input_tokens":7,"output_tokens":9}}'
echo '{"type":"step_finish","part":{"tokens":{"input":7,"output":9},"cost":0.5}}'
echo '{"type":"result","subtype":"success","usage":{"inputTokens":7,"outputTokens":9,"input_tokens":7,"output_tokens":9},"stats":{"input_tokens":7,"output_tokens":9}}'
sleep 600 &
echo "child $!" >&2
wait
P
for a in claude-code codex gemini opencode cursor; do as_first "two-$a" "$a" "$T/stop"; done
for a in claude-code codex gemini opencode cursor; do
    until_ok 20 grep -q '^child ' "$T/two-$a.err" || fail "$a did not begin: $(cat "$T/two-$a.err")"
done
began=$(date +%s)
for a in claude-code codex gemini opencode cursor; do
    init=$(pgrep -P "$(first_pid "two-$a")")
    [ "$(cat "/proc/$init/comm")" = tini ] || fail "$a: the first process is $(cat "/proc/$init/comm")"
    ls -l "/proc/$init/ns/pid" | sed 's/.*-> //' > "$T/two-$a.ns"
    kill -TERM "$init"
done
for a in claude-code codex gemini opencode cursor; do
    wait "$(first_pid "two-$a")" && fail "$a ended well"
    grep -q -e '^---KELOS_OUTPUTS_START---' "$T/two-$a.out" && grep -qx 'input-tokens: 7' "$T/two-$a.out" &&
        grep -q -e '^---KELOS_OUTPUTS_END---' "$T/two-$a.out" || fail "$a: $(cat "$T/two-$a.out" "$T/two-$a.err")"
    ls -l /proc/[0-9]*/ns/pid 2> /dev/null | grep -F "$(cat "$T/two-$a.ns")" && fail "$a: something still runs"
done
[ $(($(date +%s) - began)) -lt 30 ] || fail "it took longer than a Pod is given"
row ADD/AI2

begin "an image needs neither tini nor a shell; opencode asks nothing back"
mkdir -p "$T/share/agents/bare"
cp /bin/echo "$T/share/agents/bare/kelos_entrypoint.sh"
typed bare claude-code bare "just this"
becomes bare Succeeded
[ "$(logs_of bare claude-code)" = "just this" ] || fail "$(logs_of bare claude-code)"
[ "$(field $JOBS/bare '(o["spec"]["template"]["spec"]["containers"][0]["command"], o["spec"]["template"]["spec"]["containers"][0]["args"])')" = "(['/kelos_entrypoint.sh'], ['just this'])" ] || fail "$(get $JOBS/bare)"
must grep -qx 'args run --auto --format json look around' "$T/log.opencode"
row ADD/AI3
finish
