# faulty.sh - the controller as in a cluster, with fault_proxy.py between it and the API server,
# and no kubelet: jobplay.py ends the Jobs. Source it after lib.sh and local.sh; on the real API
# server, too (server.sh), where the controllers of Jobs rest meanwhile.
#
#   faulty_up            starts all; S and TOKEN (for local.sh) go to the server past the proxy
#   faulty_down          ends it
#   FAULTY_METRICS       an address for its /metrics
#   rules JSON           new rules of the proxy (fault_proxy.py lists them)
#   requests EXPR        counts the logged requests r for which the Python expression holds
#   play [ARGS]          plays the Jobs in the background until stop_play
#   tasks_done REGEX N   N Tasks whose name fits have Succeeded
faulty_up() {
    D=$T/d; mkdir -p "$D/run"
    NO_NODE=1
    server_up || return 1
    export CA
    python3 tests/support/fault_proxy.py "$T/port" "$S" "$T/requests" $CA & PROXY=$!
    until_ok 20 test -s "$T/port" || return 1
    P=http://127.0.0.1:$(cat "$T/port")
    proxied "$P" "$CK" > "$T/proxied"
    chmod 600 "$T/proxied"
    controller_up
    echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c"},"stringData":{"ANTHROPIC_API_KEY":"x"}}' |
        post $CORE/secrets > /dev/null
}
controller_up() { # [FLAGS]
    : > "$T/supervisor.log"
    "$BIN/kelos-supervisor" --run-dir "$D/run" --kubeconfig "$T/proxied" --share-dir "$BUILD/share/kelos" \
        --metrics-bind-address "${FAULTY_METRICS:-0}" --health-probe-bind-address 0 "$@" > "$T/supervisor.log" 2>&1 & LOCAL_PID=$!
    until_ok 30 grep -q 'sweep complete' "$T/supervisor.log" || { tail -20 "$T/supervisor.log"; return 1; }
}
controller_down() { kill "$LOCAL_PID" 2> /dev/null; wait "$LOCAL_PID" 2> /dev/null; LOCAL_PID=""; }
faulty_down() {
    stop_play
    [ -z "${LOCAL_PID:-}" ] || controller_down
    [ -z "${PROXY:-}" ] || { kill "$PROXY" 2> /dev/null; wait "$PROXY" 2> /dev/null; }
    LOCAL_PID="" PROXY=""
    server_down
}
rules() { curl -sf -o /dev/null -X PUT --data-binary "$1" "$P/__rules" || fail "rules: $1"; }
requests() {
    python3 -c '
import json, re, sys
print(sum(bool(eval(sys.argv[2])) for r in map(json.loads, open(sys.argv[1]))))' "$T/requests" "$1"
}
job_status() { # JOB JSON
    mpatch "$JOBS/$1/status" "{\"status\":$2}" > "$T/answer"
    grep -q '"kind":"Job"' "$T/answer" || fail "status of $1: $(cat "$T/answer")"
}
job_ends() { # JOB: as its controller says it
    _now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    _done=$(printf '{"type":"%s","status":"True","lastTransitionTime":"'"$_now"'"},' SuccessCriteriaMet Complete)
    job_status "$1" '{"active":0,"ready":0,"succeeded":1,"startTime":"'"$_now"'","completionTime":"'"$_now"'","conditions":['"${_done%,}]}"
}
play() { python3 tests/support/jobplay.py "$S" "$TOKEN" "$@" 2> "$T/play.log" & PLAY=$!; }
stop_play() { [ -z "${PLAY:-}" ] || { kill "$PLAY" 2> /dev/null; wait "$PLAY" 2> /dev/null; }; PLAY=""; }
count_tasks() { # REGEX PHASE
    get $NS/tasks | python3 -c '
import json, re, sys
print(sum(bool(re.search(sys.argv[1], t["metadata"]["name"])) and t.get("status", {}).get("phase") == sys.argv[2]
          for t in json.load(sys.stdin)["items"]))' "$1" "$2"
}
tasks_are() { [ "$(count_tasks "$1" "$2")" = "$3" ]; }
tasks_done() { until_ok "${3:-60}" tasks_are "$1" Succeeded "$2" || fail "$(count_tasks "$1" Succeeded) of $2 Tasks $1 have succeeded"; }
make_tasks() { # PREFIX COUNT [MORE SPEC]
    python3 tests/support/jobplay.py "$S" "$TOKEN" make "$@"
}
