#!/bin/sh
# statuswriter.sh - kelos-statuswriter under a real supervisor with a scripted shard: against
# an API server, and against a scripted one that misbehaves.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/tree.sh
. tests/support/server.sh
cleanup() { tree_down; forge_down; server_down; }
NO_NODE=1
server_up || { echo "0 passed, 1 failed"; exit 1; }
METRICS=$(free_port)

# ---- an API server -----------------------------------------------------------------------
tree_new good statuswriter=real reconciler="$BUILD/tests/support/shard_server"
tree_up --kubeconfig "$CK" \
    --metrics-bind-address "127.0.0.1:$METRICS" --health-probe-bind-address "127.0.0.1:$METRICS"

begin "it gets ready beside the API server"
page() { curl -sS --noproxy '*' "http://127.0.0.1:$METRICS/$1"; }
until_ok 20 sh -c "curl -sf --noproxy '*' http://127.0.0.1:$METRICS/readyz" || fail "never ready: $(page readyz)"
kube() { # METHOD PATH [BODY]
    call -X "$1" -H 'Content-Type: application/json' "$S$2" ${3:+-d "$3"}
}
TASKS=/apis/kelos.dev/v1alpha1/namespaces/default/tasks
task() {
    kube POST $TASKS "{\"apiVersion\":\"kelos.dev/v1alpha1\",\"kind\":\"Task\",\"metadata\":{\"name\":\"$1\"},\"spec\":{\"type\":\"claude-code\",\"prompt\":\"p\",\"credentials\":{\"type\":\"api-key\",\"secretRef\":{\"name\":\"s\"}}}}" > "$T/made"
    UID_=$(grep -o '"uid": *"[^"]*"' "$T/made" | head -1 | cut -d'"' -f4)
    [ -n "$UID_" ] || fail "task $1: $(cat "$T/made")"
}
status() { # ID NAME UID STATUS
    tell "{\"do\":\"status\",\"id\":$1,\"ns\":\"default\",\"name\":\"$2\",\"uid\":\"$3\",\"patch\":{\"status\":$4}}"
}

begin "a status is written and acknowledged with its version"
task one; ONE=$UID_; mark
status 1 one "$ONE" '{"phase":"Pending","jobName":"one"}'
hear '"got":"status.ack","id":1,"code":0,"version":"[0-9]+"'
kube GET $TASKS/one | tr -d ' \n' | grep -q '"phase":"Pending"' || fail "not written: $(kube GET $TASKS/one)"

begin "a patch changes what it names and nothing else"
mark; status 2 one "$ONE" '{"phase":"Running"}'; hear '"id":2,"code":0'
kube GET $TASKS/one | tr -d ' \n' > "$T/got"
grep -q '"phase":"Running"' "$T/got" && grep -q '"jobName":"one"' "$T/got" || fail "$(cat "$T/got")"

begin "an object of the same name with another uid is never touched"
mark; status 3 one 00000000-dead-beef-0000-000000000000 '{"phase":"Failed"}'; hear '"id":3,"code":1'
status 4 nobody "$ONE" '{"phase":"Failed"}'; hear '"id":4,"code":1'
kube GET $TASKS/one | tr -d ' \n' | grep -q '"phase":"Running"' || fail "the namesake was touched"
row KC/WR-11

begin "what the server refuses is acknowledged with the reason"
mark; status 5 one "$ONE" '{"phase":5}'; hear '"id":5,"code":2.*phase'
mark; status 6 one "" '{"phase":"Failed"}'; hear '"id":6,"code":2.*uid'

begin "a status that is too large is written without the response, then without outputs, and says so"
task large; LARGE=$UID_
# A little less than what the server keeps: etcd takes requests of 1.5 MiB.
room=1700000
! real_server || room=1560000
python3 -c 'import json, sys; print(json.dumps({"status": {"results": {"pad": "x" * int(sys.argv[1])}}}))' $room > "$T/pad"
call -o "$T/padded" -X PATCH -H 'Content-Type: application/merge-patch+json' "$S$TASKS/large/status" --data-binary "@$T/pad"
answer=$(head -c 30000 /dev/zero | tr '\0' r)
end() { # ID MORE-LINES: the end of a run with a long answer
    status "$1" large "$LARGE" "{\"phase\":\"Succeeded\",\"message\":\"Task completed successfully\",\"outputs\":[\"branch: b\",$2\"response: $answer\"],\"results\":{\"branch\":\"b\",\"response\":\"$answer\"},\"conditions\":[{\"type\":\"OutputsCaptured\",\"status\":\"True\",\"reason\":\"Captured\",\"message\":\"\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}"
}
of_large() {
    kube GET $TASKS/large | python3 -c '
import json, sys
s = json.load(sys.stdin)["status"]
c = s["conditions"][0]
print([s["phase"], s["message"], s.get("outputs"), sorted(s["results"]), c["status"], c["reason"], c["message"]])'
}
WHY="left out: the API server refused a status so large"
mark; end 7 ''; hear '"id":7,"code":0' 20
[ "$(of_large)" = "['Succeeded', 'Task completed successfully; response $WHY', ['branch: b'], ['branch', 'pad'], 'True', 'Captured', 'response $WHY']" ] || fail "$(of_large)"
page metrics | grep -q '^kelos_status_writes_total{.*code="cut"' || fail "not counted"
mark; end 8 "\"more: $answer\","; hear '"id":8,"code":0' 20
[ "$(of_large)" = "['Succeeded', 'Task completed successfully; response $WHY; outputs $WHY', ['branch: b'], ['branch', 'pad'], 'False', 'TooLarge', 'outputs $WHY']" ] || fail "$(of_large)"

begin "a burst for one object is acknowledged whole and written in few patches"
before=$(page metrics | sed -n 's/^kelos_status_writes_total{.*code="written".*} //p')
mark; i=100; while [ $i -lt 160 ]; do status $i one "$ONE" "{\"phase\":\"Running\",\"message\":\"m$i\"}"; i=$((i + 1)); done
acked() { [ "$(tail -n +$((MARK + 1)) "$D/out" | grep -c '"got":"status.ack".*"code":0')" -ge 60 ]; }
until_ok 15 acked || fail "not all acknowledged"
kube GET $TASKS/one | tr -d ' \n' | grep -q '"message":"m159"' || fail "the newest did not win"
after=$(page metrics | sed -n 's/^kelos_status_writes_total{.*code="written".*} //p')
[ $((after - before)) -lt 60 ] || fail "$((after - before)) patches for 60 statuses"

begin "events are written once and counted when they repeat"
event() { tell "{\"do\":\"event\",\"id\":$1,\"ns\":\"default\",\"name\":\"one\",\"uid\":\"$ONE\",\"event_name\":\"$2\",\"type\":\"Normal\",\"reason\":\"TaskCreated\",\"message\":\"Created Job one for task\"}"; }
EVENTS=/api/v1/namespaces/default/events
mark; event 1 one.a; hear '"got":"event.ack","id":1,"code":0'
event 2 one.a; hear '"got":"event.ack","id":2,"code":0'
kube GET $EVENTS/one.a | tr -d ' \n' > "$T/got"
grep -q '"count":1' "$T/got" && grep -q '"component":"kelos-controller"' "$T/got" || fail "$(cat "$T/got")"
event 3 one.b; hear '"got":"event.ack","id":3,"code":0'
kube GET $EVENTS/one.a | tr -d ' \n' | grep -q '"count":2' || fail "not counted"
kube GET $EVENTS/one.b | grep -q NotFound || fail "the repeated event was created again"
# Its successor forgets what was counted: a re-send of the first meets AlreadyExists and is done.
kill -9 "$(worker_pid statuswriter)"; mark
until_ok 20 grep -q 'statuswriter#2 ready' "$D/log" || fail "no successor"
event 4 one.a
hear '"got":"event.ack","id":4,"code":0' 20
kube DELETE $EVENTS/one.a > /dev/null
mark; event 5 one.c; hear '"got":"event.ack","id":5,"code":0'
kube GET $EVENTS/one.c | tr -d ' \n' | grep -q '"name":"one.c"' || fail "a vanished event was not told anew"

begin "metrics are well-formed and hold all workers"
page metrics > "$T/metrics"
"$BUILD/tests/support/promcheck_server" < "$T/metrics" > "$T/why" || fail "$(cat "$T/why")"
for m in kelos_task_created_total kelos_task_completed_total kelos_task_duration_seconds kelos_reconcile_errors_total \
         kelos_task_cost_usd_total kelos_task_input_tokens_total kelos_task_output_tokens_total; do
    grep -q "^# TYPE $m " "$T/metrics" || fail "$m is missing"
done
grep -q '^process_resident_memory_bytes ' "$T/metrics" || fail "no process metrics"
grep -q 'kelos_status_writes_total{.*worker="statuswriter".*}' "$T/metrics" || fail "no counter of this worker"
grep -q '^kelos_bus_[a-z_]*{.*worker="shard-0".*}' "$T/metrics" || fail "no counter of another worker"

begin "health answers what it should"
[ "$(page healthz)" = ok ] || fail "healthz: $(page healthz)"
[ "$(page readyz)" = ok ] || fail "readyz: $(page readyz)"
page nothing | grep -q 'no such path' || fail "unknown path"

begin "it stops when told"
tree_down
[ "$STATUS" -eq 0 ] || fail "exit status $STATUS"

# ---- an API server that misbehaves: the forge plays it by faults ---------------------------
echo '{"repos": {}}' > "$T/empty.json"
forge_up "$T/empty.json"
tree_new bad statuswriter=real reconciler="$BUILD/tests/support/shard_server"
cat > "$T/kubeconfig" <<END
apiVersion: v1
kind: Config
current-context: x
contexts: [{name: x, context: {cluster: x, user: x}}]
clusters: [{name: x, cluster: {server: "$FORGE"}}]
users: [{name: x, user: {token: canary-4711}}]
END
tree_up --kubeconfig "$T/kubeconfig" --metrics-bind-address "127.0.0.1:$METRICS" --health-probe-bind-address 0
PATCH='"method": "PATCH", "path": "/apis/kelos.dev/v1alpha1/namespaces/default/tasks/one/status"'
GOOD='"status": 200, "body": "{\"kind\": \"Task\", \"metadata\": {\"name\": \"one\", \"uid\": \"u\", \"resourceVersion\": \"77\"}}"'

begin "a status survives a server that is away for a while"
looked() { # UID: who asks for the Task gets it
    fault "{\"method\": \"GET\", \"path\": \"/apis/kelos.dev/v1alpha1/namespaces/default/tasks/one\", \"times\": -1, \"status\": 200, \"body\": \"{\\\"kind\\\": \\\"Task\\\", \\\"metadata\\\": {\\\"name\\\": \\\"one\\\", \\\"uid\\\": \\\"$1\\\", \\\"resourceVersion\\\": \\\"70\\\"}}\"}"
}
looked u
fault "{$PATCH, \"times\": 2, \"status\": 503, \"headers\": {\"Retry-After\": \"1\"}}"
fault "{$PATCH, \"reset\": true}"
fault "{$PATCH, $GOOD}"
mark; status 1 one u '{"phase":"Running"}'
hear '"got":"status.ack","id":1,"code":0,"version":"77"' 40

begin "a status that is sent again while it is on its way is written once"
patches() { ctl GET requests | python3 -c 'import json, sys
print(len([q for q in json.load(sys.stdin) if q["method"] == "PATCH"]))'; }
ctl DELETE faults; ctl DELETE requests
looked u
fault "{$PATCH, \"times\": 1, \"delay_ms\": 3000, $GOOD}"
fault "{$PATCH, \"times\": -1, $GOOD}"
mark; status 20 one u '{"phase":"Running"}'; status 20 one u '{"phase":"Running"}'
hear '"got":"status.ack","id":20,"code":0' 20
status 21 one u '{"phase":"Succeeded"}'; hear '"got":"status.ack","id":21,"code":0' 20
[ "$(patches)" = 2 ] || fail "$(patches) patches for two statuses"

begin "a store behind the server that finds a status too large is understood, too"
ctl DELETE faults; ctl DELETE requests
looked u
fault "{$PATCH, \"times\": -1, \"status\": 500, \"body\": \"{\\\"kind\\\": \\\"Status\\\", \\\"status\\\": \\\"Failure\\\", \\\"code\\\": 500, \\\"message\\\": \\\"etcdserver: request is too large\\\"}\"}"
mark; status 3 one u '{"phase":"Succeeded","outputs":["branch: b"]}'; hear '"got":"status.ack","id":3,"code":2.*too large' 40
row ADD/AW4

begin "a conflict has the object looked at again: another one of that name is left alone"
ctl DELETE faults
looked u
fault "{$PATCH, \"times\": 3, \"status\": 409, \"body\": \"{\\\"kind\\\": \\\"Status\\\", \\\"status\\\": \\\"Failure\\\", \\\"code\\\": 409, \\\"reason\\\": \\\"Conflict\\\"}\"}"
fault "{$PATCH, $GOOD}"
mark; status 4 one u '{"phase":"Running"}'; hear '"got":"status.ack","id":4,"code":0,"version":"77"' 20
ctl DELETE faults
looked other
fault "{$PATCH, \"status\": 409, \"body\": \"{\\\"kind\\\": \\\"Status\\\", \\\"status\\\": \\\"Failure\\\", \\\"code\\\": 409, \\\"reason\\\": \\\"Conflict\\\"}\"}"
mark; status 2 one u '{"phase":"Running"}'; hear '"got":"status.ack","id":2,"code":1' 20

LOG='"path": "/api/v1/namespaces/default/pods/p/log"'
collect() { tell "{\"do\":\"collect\",\"id\":$1,\"ns\":\"default\",\"task\":\"t\",\"uid\":\"u$1\",\"pod\":\"p\",\"container\":\"claude-code\",\"failed\":${2:-false}}"; }
BODY='noise\n---KELOS_OUTPUTS_START---\nbranch: b-1\ncommit: 0123\npr: https://x/1\n---KELOS_OUTPUTS_END---\n'

begin "outputs are taken from the end of a container's log"
ctl DELETE faults; ctl DELETE requests
fault "{$LOG, \"status\": 200, \"body\": \"$BODY\"}"
mark; collect 1
hear '"got":"outputs","id":1,"complete":true,"found":true,"outputs":\["branch: b-1","commit: 0123","pr: https://x/1"\],"results":\{"branch":"b-1","commit":"0123","pr":"https://x/1"\},"tail":""'
ctl GET requests | grep -q '"query":"container=claude-code[&"]' || fail "container not named"

begin "a cut log, a container that is not there yet and a 500 are asked again"
fault "{$LOG, \"status\": 400, \"body\": \"{\\\"kind\\\": \\\"Status\\\", \\\"code\\\": 400, \\\"message\\\": \\\"container is waiting to start\\\"}\"}"
fault "{$LOG, \"status\": 200, \"body\": \"$BODY\", \"cut_at\": 40}"
fault "{$LOG, \"status\": 500}"
fault "{$LOG, \"status\": 200, \"body\": \"$BODY\"}"
mark; collect 2; hear '"got":"outputs","id":2,"complete":true,"found":true' 30

begin "a log without a block is complete and empty; a failed run shows its last lines"
fault "{$LOG, \"status\": 200, \"body\": \"one\\ntwo\\nError: it broke\\n\"}"
mark; collect 3 true; hear '"got":"outputs","id":3,"complete":true,"found":false.*"tail":"one\\ntwo\\nError: it broke'

begin "a pod that is gone is said to be gone"
fault "{$LOG, \"status\": 404, \"body\": \"{\\\"kind\\\": \\\"Status\\\", \\\"code\\\": 404, \\\"reason\\\": \\\"NotFound\\\", \\\"details\\\": {\\\"name\\\": \\\"p\\\"}}\"}"
mark; collect 4; hear '"got":"outputs","id":4,"complete":false,"found":false.*gone'

EV='"method": "POST", "path": "/api/v1/namespaces/default/events"'
emit() { # FIRST LAST: Events of that many objects
    python3 -c 'import json, sys
for i in range(int(sys.argv[1]), int(sys.argv[2]) + 1):
    print(json.dumps({"do": "event", "id": i, "ns": "default", "name": "t%d" % i, "uid": "u%d" % i, "event_name": "t%d.x" % i,
                      "type": "Normal", "reason": "TaskCreated", "message": "m"}))' "$1" "$2" >&3
}
posts() { ctl GET requests | python3 -c 'import json, sys
print(len([q for q in json.load(sys.stdin) if q["method"] == "POST" and q["path"].endswith("/events")]))'; }
begin "an Event that the server refuses is given up at once; one that it cannot take now is tried again"
ctl DELETE faults; ctl DELETE requests
fault "{$EV, \"times\": 1, \"status\": 422, \"body\": \"{\\\"kind\\\": \\\"Status\\\", \\\"status\\\": \\\"Failure\\\", \\\"code\\\": 422, \\\"reason\\\": \\\"Invalid\\\", \\\"message\\\": \\\"no\\\"}\"}"
mark; emit 100 100; hear '"got":"event.ack","id":100,"code":2'
[ "$(posts)" = 1 ] || fail "asked $(posts) times"
fault "{$EV, \"times\": 2, \"status\": 503}"
fault "{$EV, \"times\": 1, \"status\": 201, \"body\": \"{\\\"kind\\\": \\\"Event\\\"}\"}"
mark; emit 101 101; hear '"got":"event.ack","id":101,"code":0' 40
[ "$(posts)" = 4 ] || fail "asked $(posts) times"

begin "an Event that is sent again while it is on its way is acknowledged when it is written"
ctl DELETE faults; ctl DELETE requests
fault "{$EV, \"times\": 1, \"delay_ms\": 3000, \"status\": 201, \"body\": \"{\\\"kind\\\": \\\"Event\\\"}\"}"
fault "{$EV, \"times\": -1, \"status\": 201, \"body\": \"{\\\"kind\\\": \\\"Event\\\"}\"}"
mark; emit 110 110; emit 110 110; emit 111 111
hear '"got":"event.ack","id":111,"code":0'; hear '"got":"event.ack","id":110,"code":0' 20
tail -n +$((MARK + 1)) "$D/out" | grep '"got":"event.ack"' | sed 's/.*"id":\([0-9]*\).*/\1/' | tr '\n' ' ' > "$T/acks"
[ "$(cat "$T/acks")" = "111 110 " ] || fail "acknowledged: $(cat "$T/acks")"
[ "$(posts)" = 2 ] || fail "$(posts) Events were written"
ctl DELETE faults

begin "Events that cannot be written wait in bounded number, the newest go, and no status waits behind them"
looked u
fault "{$EV, \"times\": -1, \"delay_ms\": 120000}"
fault "{$PATCH, $GOOD}"
mark
# The bus holds so many on their way and no more: each part has arrived before the next is sent.
for part in 10 12 14 16 18 20; do
    last=$((part * 100 + 200)); [ $last -le 2100 ] || last=2100
    emit $((part * 100 + 1)) $last
    status $((part + 9000)) nobody "" '{"phase":"Failed"}'
    hear "\"got\":\"status.ack\",\"id\":$((part + 9000)),\"code\":2"
done
refused() { tail -n +$((MARK + 1)) "$D/out" | grep -c '"got":"event.ack".*"code":2.*too many events wait'; }
enough() { [ "$(refused)" -ge 90 ]; }
until_ok 30 enough || fail "$(refused) of 100 were dropped"
[ "$(refused)" -le 100 ] || fail "$(refused) were dropped"
tail -n +$((MARK + 1)) "$D/out" | grep '"code":2' | grep -qE '"id":1[0-9]{3},' && fail "an older one was dropped: $(grep '"code":2' "$D/out" | head -1)"
counted() { page metrics | grep -qE '^kelos_events_total\{.*reason="\(dropped\)".*\} (9[0-9]|100)$'; }
until_ok 10 counted || fail "not counted: $(page metrics | grep kelos_events_total)"
mark; status 9 one u '{"phase":"Running"}'; hear '"got":"status.ack","id":9,"code":0'
row KC/EV-5

begin "the token is in no log"
grep -q canary-4711 "$D/log" "$D/out" && fail "the log holds the token"
tree_down
finish
