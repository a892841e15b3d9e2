#!/bin/sh
# cycles.sh - what /metrics says of a TaskSpawner's polls: cycles that end well, that a source or
# a refused status spoils, that could not begin; and what of a spec is not acted on.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
PORT=$(free_port)
cleanup() { forge_down; local_down; }
LOCAL_METRICS=127.0.0.1:$PORT
NO_NODE=1
echo '{"anonymous": false, "tokens": {"T": "bot"}, "repos": {"demo/repo": {"issues": [{"number": 1, "title": "n1"}]},
 "demo/big": {"issues": [{"number": 1000000, "title": "m"}, {"number": 9007199254740993, "title": "b"}]}}}' > "$T/state.json"
forge_up "$T/state.json"
local_up || { echo "0 passed, 1 failed"; exit 1; }
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"w"},"spec":{"repo":"%s/demo/repo","secretRef":{"name":"c"}}}' "$FORGE" |
    post $NS/workspaces > /dev/null
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"nosecret"},"spec":{"repo":"%s/demo/repo","secretRef":{"name":"missing"}}}' "$FORGE" |
    post $NS/workspaces > /dev/null
spawner() { # NAME WHEN [MORE TEMPLATE]
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"%s"},"spec":{"pollInterval":"1s","when":{%s},"taskTemplate":{"type":"claude-code","image":"tester","promptTemplate":"true","credentials":{"type":"api-key","secretRef":{"name":"c"}}%s}}}' \
        "$1" "$2" "${3:+,$3}" | post $NS/taskspawners > "$T/created"
    ! grep -q '"kind":"Status"' "$T/created" || fail "refused: $(cut -c1-300 "$T/created")"
}
IN='"workspaceRef":{"name":"w"}'
# count METRIC SPAWNER: the value of its series, 0 without one.
count() {
    curl -sf --noproxy '*' "http://127.0.0.1:$PORT/metrics" |
        sed -n "s/^kelos_spawner_$1{namespace=\"default\",taskspawner=\"$2\"} //p" | grep . || echo 0
}
is_there() { [ -n "$(field "$1" 'o["kind"] if o["kind"] != "Status" else ""')" ]; }
at_least() { [ "$(count "$1" "$2")" -ge "$3" ]; }
condition() { field "$NS/taskspawners/$1" "[c['$3'] for c in o['status']['conditions'] if c['type'] == '$2'][0]"; }

begin "a poll of which all stands in the status is counted, and its items and Tasks"
spawner good '"githubIssues":{}' "$IN"
until_ok 20 at_least discovery_total good 3 || fail "$(count discovery_total good) cycles"
[ "$(count tasks_created_total good)" = 1 ] || fail "$(count tasks_created_total good) Tasks"
at_least items_discovered_total good 3 || fail "$(count items_discovered_total good) items"
at_least discovery_duration_seconds_count good 3 || fail "durations"
[ "$(count discovery_errors_total good)" = 0 ] || fail "$(count discovery_errors_total good) errors"

begin "what is not acted on is said"
spawner mute '"githubIssues":{"reporting":{"enabled":true},"labels":["none"]}' "$IN,\"contextSources\":[{\"name\":\"x\",\"http\":{\"url\":\"https://x\"}}]"
said() { condition mute ConfigurationWarning message | grep -q 'githubIssues.reporting: not acted on.*contextSources: not acted on'; }
until_ok 10 said || fail "$(field $NS/taskspawners/mute 'o["status"]')"
warned() { events_of mute | grep -q 'Warning ConfigurationWarning'; }
until_ok 10 warned || fail "no Event"

begin "a source that cannot be built is an error, with its duration"
spawner nobody '"githubIssues":{}' '"workspaceRef":{"name":"nosecret"}'
spawner never '"cron":{"schedule":"61 * * * *"}'
for ts in nobody never; do
    until_ok 15 at_least discovery_errors_total $ts 1 || fail "$ts: no error counted: $(field $NS/taskspawners/$ts 'o["status"]')"
    at_least discovery_duration_seconds_count $ts 1 || fail "$ts: no duration"
    [ "$(count discovery_total $ts)" = 0 ] || fail "$ts: $(count discovery_total $ts) cycles"
done
row SP/C5

begin "a source that fails is an error"
spawner lost '"githubIssues":{"repo":"demo/missing"}' "$IN"
until_ok 15 at_least discovery_errors_total lost 1 || fail "no error counted"
[ "$(count discovery_total lost)" = 0 ] || fail "$(count discovery_total lost) cycles"

begin "a status that cannot be written is an error, and no cycle"
crd() { get /apis/apiextensions.k8s.io/v1/customresourcedefinitions/taskspawners.kelos.dev; }
message_most() { # the longest message that the schema takes
    crd | python3 -c '
import json, sys
o = json.load(sys.stdin)
for v in o["spec"]["versions"]:
    v["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["message"]["maxLength"] = int(sys.argv[1])
print(json.dumps(o))' "$1" |
        call -H 'Content-Type: application/json' -X PUT "$S/apis/apiextensions.k8s.io/v1/customresourcedefinitions/taskspawners.kelos.dev" --data-binary @- > "$T/put"
    ! grep -q '"kind":"Status"' "$T/put" || fail "$(cut -c1-300 "$T/put")"
}
message_most 3
# A real server takes a moment to go by the new schema.
too_long() { mpatch $NS/taskspawners/good/status '{"status":{"message":"longer"}}' | grep -q '"reason":"Invalid"'; }
until_ok 10 too_long || fail "a longer message is taken"
spawner bad '"githubIssues":{"labels":["none"]}' "$IN"
until_ok 20 at_least discovery_errors_total bad 2 || fail "no error counted: $(field $NS/taskspawners/bad 'o.get("status")')"
[ "$(count discovery_total bad)" = 0 ] || fail "$(count discovery_total bad) cycles"
message_most 4096
until_ok 70 at_least discovery_total bad 1 || fail "no cycle after it was mended"
row SP/C4

begin "numbers keep their digits, also those that no float holds"
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"big"},"spec":{"pollInterval":"1s","when":{"githubIssues":{"repo":"demo/big"}},"taskTemplate":{"type":"claude-code","image":"tester","promptTemplate":"true {{.Number}} {{.ID}} {{printf \\"%%d\\" .Number}}","branch":"b-{{.Number}}","credentials":{"type":"api-key","secretRef":{"name":"c"}},%s}}}' "$IN" |
    post $NS/taskspawners > "$T/created"
for n in 1000000 9007199254740993; do
    until_ok 15 is_there $NS/tasks/big-$n || fail "no Task for $n: $(cat "$T/created")"
    [ "$(field $NS/tasks/big-$n 'o["spec"]["prompt"], o["spec"]["branch"], o["metadata"]["annotations"]["kelos.dev/source-number"]')" = "('true $n $n $n', 'b-$n', '$n')" ] ||
        fail "$(field $NS/tasks/big-$n 'o["spec"], o["metadata"]')"
done
row SP/V16
finish
