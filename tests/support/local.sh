# local.sh - a whole local mode with an agent that does what its prompt says. Source it after
# lib.sh. With KELOS_TEST_SERVER=kube the same on the real API server (server.sh).
#
#   local_up             starts it in $T/d; sets S (server) and K (kubeconfig)
#   local_down           ends it
#   local_kill           ends it as a fault does: the containers go on
#   local_again          starts it on what is there
#   run_dir              its run directory
#   post PATH            creates the JSON of stdin; get PATH, del PATH
#   mpatch PATH JSON     merge patch
#   field PATH EXPR      a Python expression over the object o ("" when it is not there)
#   pid_of WORKER        the process of "shard-0", "watcher" ...
#
# LOCAL_SUPERVISOR is another command to start, LOCAL_FLAGS are flags of it on either server,
# LOCAL_METRICS an address for /metrics.
#
#   event_comes NAME EXTENDED-REGEX   waits for an Event of the object ("TYPE REASON MESSAGE")
#   at_rest PATH                 whether nobody writes the object any more
#
# Agent "tester": runs its prompt with sh.
. tests/support/server.sh
LOCAL_PID=""
NS=/apis/kelos.dev/v1alpha1/namespaces/default
JOBS=/apis/batch/v1/namespaces/default/jobs
CORE=/api/v1/namespaces/default
# Where the controller's own objects are.
if real_server; then HOME_CORE=/api/v1/namespaces/kelos-system; else HOME_CORE=$CORE; fi

local_up() {
    if real_server; then
        server_up && main_up || return 1
    else
        make_agents
        own_up || return 1
    fi
    echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c"},"stringData":{"ANTHROPIC_API_KEY":"x","GITHUB_TOKEN":"T"}}' |
        post $CORE/secrets > /dev/null
}
local_again() { if real_server; then real_node_up && main_up; else own_up; fi; }
own_up() {
    mkdir -p "$T/d/run" "$T/d/log"
    ${LOCAL_SUPERVISOR:-"$BIN/kelos-supervisor"} --run-dir "$T/d/run" --local "$T/d" --share-dir "$T/share" \
        --metrics-bind-address "${LOCAL_METRICS:-0}" --health-probe-bind-address 0 ${LOCAL_FLAGS:-} \
        > "$T/supervisor.log" 2>&1 &
    LOCAL_PID=$!
    view_is_there && read_server
}
main_up() {
    # shellcheck disable=SC2086
    CONTROLLER=${LOCAL_SUPERVISOR:-} RUN_DIR=$T/d/run controller_up main --metrics-bind-address "${LOCAL_METRICS:-0}" ${LOCAL_FLAGS:-}
    LOCAL_PID=$(controller_pid main)
    ln -sf "$T/main.log" "$T/supervisor.log"
    view_is_there
}
view_is_there() { until_ok 30 grep -q 'sweep complete' "$T/supervisor.log" || { tail -20 "$T/supervisor.log"; return 1; }; }
local_down() {
    [ -z "$LOCAL_PID" ] || { kill "$LOCAL_PID" 2> /dev/null; wait "$LOCAL_PID" 2> /dev/null; }
    LOCAL_PID=""
    server_down
}
local_kill() {
    for p in $LOCAL_PID $NODE_PID; do kill -9 "$p"; wait "$p" 2> /dev/null; done
    LOCAL_PID="" NODE_PID=""
}
# The run directory of the supervisor that runs.
run_dir() { tr '\0' '\n' < "/proc/$LOCAL_PID/cmdline" | sed -n '/^--run-dir$/{n;p}'; }
post() {
    _body=$(mktemp "$T/body.XXXXXX"); cat > "$_body"
    call -H 'Content-Type: application/json' -X POST "$S$1" --data-binary "@$_body"
    rm -f "$_body"
}
get() { call "$S$1"; }
del() { call -X DELETE "$S$1" > /dev/null; }
mpatch() { call -H 'Content-Type: application/merge-patch+json' -X PATCH "$S$1" --data-binary "$2"; }
field() {
    get "$1" | python3 -c '
import json, sys
try:
    o = json.load(sys.stdin)
    v = eval(sys.argv[1])
    print("" if v is None else v)
except Exception:
    print("")' "$2"
}
pid_of() { # the oldest match is the worker itself
    pgrep -P "$LOCAL_PID" -f -- "--worker[= ]$1( |\$)" | head -n 1
}

# task NAME PROMPT [MORE SPEC]: creates a Task of the tester.
task() {
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"%s"},"spec":{"type":"claude-code","image":"tester","prompt":"%s","credentials":{"type":"api-key","secretRef":{"name":"c"}}%s}}' \
        "$1" "$2" "${3:+,$3}" | post $NS/tasks > "$T/created"
}
phase() { get "$NS/tasks/$1" | sed -n 's/.*"status":{.*"phase":"\([A-Za-z]*\)".*/\1/p; t
    s/.*"phase":"\([A-Za-z]*\)".*/\1/p'; }
message() { field "$NS/tasks/$1" 'o["status"].get("message","")'; }
phase_is() { [ "$(phase "$1")" = "$2" ]; }
becomes() { until_ok "${3:-20}" phase_is "$1" "$2" || fail "$1 is '$(phase "$1")' ($(message "$1")), not $2"; }
gone() { get "$1" | grep -q '"kind":"Status"'; }
has_job() { ! gone "$JOBS/$1"; }
events_of() { get $CORE/events | python3 -c '
import json, sys
for e in json.load(sys.stdin)["items"]:
    if e["involvedObject"]["name"] == sys.argv[1]: print(e["type"], e["reason"], e["message"])' "$1"; }
has_event() { events_of "$1" | grep -qE -- "$2"; }
event_comes() { until_ok 20 has_event "$1" "$2" || fail "no Event '$2' of $1: $(events_of "$1")"; }
# Whoever writes the object has come to rest: no new version for a second and a half.
at_rest() { _v=$(field "$1" 'o["metadata"]["resourceVersion"]'); sleep 1.5; [ -n "$_v" ] && [ "$(field "$1" 'o["metadata"]["resourceVersion"]')" = "$_v" ]; }
