#!/bin/sh
# heartbeat.sh - nothing is reported unless it is asked for, and then what was shown; what
# `kelos uninstall` deletes, passes over and waits for. Against kelos-apiserver.
. tests/support/lib.sh
. tests/support/cli.sh
unset DO_NOT_TRACK
pids=""
cleanup() { for p in $pids; do kill "$p" 2> /dev/null; done; }
mkdir "$T/api"
"$BIN/kelos-apiserver" --data "$T/api" --port 0 --kubeconfig-out "$T/kubeconfig" --crds deploy/crds > "$T/api.log" 2>&1 &
pids="$pids $!"
begin "the API server and two doors on loopback"
until_ok 20 "$K" get tasks --kubeconfig "$T/kubeconfig" || { fail "$(tail -n 3 "$T/api.log")"; finish; }
KUBECONFIG=$T/kubeconfig
tests/support/door.py "$T/sink.port" "$T/sink" & pids="$pids $!"
tests/support/door.py "$T/door.port" "$T/calls" "$(api_value server)" & pids="$pids $!"
until_ok 10 test -s "$T/sink.port" -a -s "$T/door.port" || fail "no doors"
sed "s|server: .*|server: http://127.0.0.1:$(cat "$T/door.port")|; /proxy-url/d" "$T/kubeconfig" > "$T/through"
export KUBECONFIG=$T/through
until_ok 10 "$K" get tasks || fail "$("$K" get tasks 2>&1)"
sink=http://127.0.0.1:$(cat "$T/sink.port")/report
report() { run "$BIN/kelos-supervisor" --telemetry-report --kubeconfig "$KUBECONFIG" "$@"; }

begin "without being asked for there is no heartbeat"
run "$K" install --dry-run; says 0; no_out 'kind: CronJob'; no_out telemetry
run "$K" install --dry-run --enable-heartbeat; one_error "--telemetry-endpoint"
run "$K" install --dry-run --enable-telemetry; one_error "--telemetry-endpoint"
run "$K" install --dry-run --enable-heartbeat --telemetry-endpoint ftp://x; one_error "telemetry.endpoint"
run env DO_NOT_TRACK=1 "$K" install --dry-run --enable-heartbeat --telemetry-endpoint "$sink"
says 0; no_out 'kind: CronJob'; err 'DO_NOT_TRACK'
run "$K" install --dry-run --enable-heartbeat --telemetry-endpoint "$sink"; says 0
out "telemetry-endpoint=$sink"; out 'name: kelos-telemetry'; out 'schedule: 0 6 * * *'
! grep -aqi 'posthog' "$BIN"/kelos* || fail "an endpoint is built in"

begin "a report without an endpoint is shown and not sent"
cat > "$T/work.yaml" <<'END'
apiVersion: kelos.dev/v1alpha1
kind: Task
metadata: {name: private-name}
spec: {type: codex, prompt: private words, credentials: {type: none}}
---
apiVersion: kelos.dev/v1alpha1
kind: Workspace
metadata: {name: private-place}
spec: {repo: https://private.example.com/x.git}
END
must "$K" apply -f "$T/work.yaml" > /dev/null
api_patch /apis/kelos.dev/v1alpha1/namespaces/default/tasks/private-name/status \
    '{"status":{"phase":"Succeeded","results":{"cost-usd":"0.25","input-tokens":"100","output-tokens":"7"}}}'
grep -q '"cost-usd"' "$T/patched" || fail "$(cat "$T/patched")"
report; says 0
out 'nothing is sent: no --telemetry-endpoint'; out '"tasks_total": 1'
out '"usage_total_cost_usd": 0.25'; out '"usage_total_input_tokens": 100'; out '"usage_total_output_tokens": 7'
[ ! -s "$T/sink" ] || fail "something was sent"

begin "with an endpoint exactly what was shown is sent; nothing private is in it"
report --telemetry-endpoint "$sink" --telemetry-environment test; says 0; out "sent to $sink"
sed '$d' "$T/out" | head -c -1 > "$T/shown"
cmp -s "$T/shown" "$T/sink" || fail "shown: $(cat "$T/shown"); sent: $(cat "$T/sink")"
! grep -qi private "$T/sink" || fail "it names something"
grep -q '"environment": "test"' "$T/sink" || fail "environment"
id=$(sed -n 's/.*"distinct_id": "\(.*\)".*/\1/p' "$T/sink")
echo "$id" | grep -qE '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' || fail "id $id"
: > "$T/sink"; report --telemetry-endpoint "$sink"; says 0
grep -q "$id" "$T/sink" || fail "another number the second time"

begin "DO_NOT_TRACK sends nothing; an endpoint that is not there is told and no failure"
: > "$T/sink"
DO_NOT_TRACK=1 report --telemetry-endpoint "$sink"; says 0; out 'nothing is sent: DO_NOT_TRACK'
[ ! -s "$T/sink" ] || fail "something was sent"
report --telemetry-endpoint http://127.0.0.1:1/; says 0; err 'not sent'
row CLI/W31

begin "uninstall deletes a Task and a Workspace, and passes over a Task that is already going"
cat > "$T/held.yaml" <<'END'
apiVersion: kelos.dev/v1alpha1
kind: Task
metadata: {name: held, finalizers: [example.com/held]}
spec: {type: codex, prompt: p, credentials: {type: none}}
END
must "$K" apply -f "$T/held.yaml" > /dev/null
run "$K" delete task held; says 0
: > "$T/calls"
"$K" uninstall > "$T/uninstall" 2>&1 & waiting=$!
deleted() { grep -q 'DELETE .*/tasks/private-name' "$T/calls" && grep -q 'DELETE .*/workspaces/private-place' "$T/calls"; }
until_ok 15 deleted || fail "not deleted: $(cat "$T/calls" "$T/uninstall")"
until_ok 15 grep -q 'until they are gone' "$T/uninstall" || fail "$(cat "$T/uninstall")"
! grep -q 'DELETE .*/tasks/held' "$T/calls" || fail "it was deleted again"
run "$K" get task private-name; says 1
run "$K" get workspace private-place; says 1
run "$K" get task held; says 0

begin "it waits for the last one; stopped, it fails, and has gone no further"
kill -0 "$waiting" || fail "it does not wait"
kill -TERM "$waiting"; wait "$waiting"; rc=$?
[ "$rc" -ne 0 ] || fail "status $rc"
! grep -q 'Deleting the controller' "$T/uninstall" || fail "it went on: $(cat "$T/uninstall")"
run "$K" get task held; says 0
"$K" uninstall --keep-crds > "$T/uninstall" 2>&1 & waiting=$!
until_ok 15 grep -q 'until they are gone' "$T/uninstall" || fail "$(cat "$T/uninstall")"
api_patch /apis/kelos.dev/v1alpha1/namespaces/default/tasks/held '{"metadata":{"finalizers":null}}'
wait "$waiting"; rc=$?
[ "$rc" -eq 0 ] || fail "status $rc: $(cat "$T/uninstall")"
row CLI/N13
: > "$T/calls"; t=$(date +%s)
run "$K" uninstall --keep-crds; says 0
[ $(($(date +%s) - t)) -lt 60 ] || fail "it waited for nothing"
! grep -q 'watch=' "$T/calls" || fail "it watches although nothing is there"
row CLI/N14

begin "every kind that an installation defines is emptied before a definition goes"
for g in kelos.dev axon.io; do
    s=''; [ $g = kelos.dev ] || s=', secretRef: {name: s}'
    t=none; [ $g = kelos.dev ] || t=api-key
    cat <<END
apiVersion: $g/v1alpha1
kind: Task
metadata: {name: last}
spec: {type: codex, prompt: p, credentials: {type: $t$s}}
---
apiVersion: $g/v1alpha1
kind: TaskSpawner
metadata: {name: last}
spec: {when: {cron: {schedule: '0 0 1 1 *'}}, taskTemplate: {type: codex, credentials: {type: $t$s}}}
---
apiVersion: $g/v1alpha1
kind: Workspace
metadata: {name: last}
spec: {repo: https://x.example.com/y.git}
---
END
done > "$T/each.yaml"
printf 'apiVersion: kelos.dev/v1alpha1\nkind: AgentConfig\nmetadata: {name: last}\nspec: {}\n' >> "$T/each.yaml"
must "$K" apply -f "$T/each.yaml" > /dev/null
: > "$T/calls"; run "$K" uninstall; says 0
sed '/DELETE .*customresourcedefinitions/q' "$T/calls" > "$T/before"
for f in deploy/crds/*.yaml deploy/crds/axon/*.yaml; do
    name=$(sed -n 's/^metadata: {name: \([a-z.]*\)}.*/\1/p; s/^  name: \([a-z]*\.[a-z.]*\)$/\1/p' "$f" | head -n 1)
    [ -n "$name" ] || fail "$f names no kind"
    grep -q "DELETE /apis/${name#*.}/v1alpha1/namespaces/default/${name%%.*}/last" "$T/before" || fail "$name was not emptied: $(cat "$T/before")"
done
row CLI/W39

begin "errors say what to do: not installed, refused, forbidden, not there"
run "$K" uninstall; says 0
run "$K" get tasks; one_error 'kelos install'; err 'not installed'
row CLI/G16
sed 's/token: .*/token: wrong/; /proxy-url/d' "$T/kubeconfig" > "$T/bad"
run "$K" --kubeconfig "$T/bad" get tasks; one_error 'log in again'
sed "s|server: .*|server: http://127.0.0.1:1|; /proxy-url/d" "$T/kubeconfig" > "$T/gone"
run "$K" --kubeconfig "$T/gone" --request-timeout 3s get tasks; one_error '127.0.0.1 port 1'; err 'context kelos-local'
finish
