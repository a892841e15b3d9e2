#!/bin/sh
# resources_played.sh - a server without a node, whose Jobs and Pods the test plays: a Pod that
# is evicted, objects that decode to nonsense, and a cluster that learns the older group late.
NO_NODE=1
. tests/support/lib.sh
. tests/support/local.sh
cleanup() { [ -z "${KUBELET:-}" ] || kill "$KUBELET"; controllers_down; server_down; }
server_up || { echo "0 passed, 1 failed"; exit 1; }
# Our own server reads a log where the node wrote it; the real one asks the kubelet.
! real_server || { tests/support/kubelet.py "$T/d" "$K" "$KUBE_DIR/tls" played & KUBELET=$!; }
CRDS=/apis/apiextensions.k8s.io/v1/customresourcedefinitions
for k in tasks workspaces taskspawners; do del $CRDS/$k.axon.io; done
until_ok 10 gone $CRDS/tasks.axon.io || { echo "0 passed, 1 failed"; exit 1; }
controller_up main --api-groups kelos.dev,axon.io
until_ok 30 grep -q 'sweep complete' "$T/main.log" || { tail -20 "$T/main.log"; echo "0 passed, 1 failed"; exit 1; }
job_of() { until_ok 15 has_job "$1" || fail "no Job $1: $(message "$1")"; }
job_status() { mpatch "$JOBS/$1/status" "{\"status\":$2}" > "$T/answer"; grep -q '"kind":"Job"' "$T/answer" || fail "$(cat "$T/answer")"; }

begin "a cluster without the older group works; when it comes, it is served"
task plain true
job_of plain
"$BIN/kelos-bus" --run-dir "$T/main.run" status > "$T/tree" && grep -q 'watcher' "$T/tree" || fail "no watcher"
AX=/apis/axon.io/v1alpha1/namespaces/default
for k in tasks workspaces taskspawners; do
    python3 -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))' deploy/crds/axon.$k.yaml | post $CRDS > "$T/created"
    grep -q '"kind":"CustomResourceDefinition"' "$T/created" || fail "$(cat "$T/created")"
done
printf '{"apiVersion":"axon.io/v1alpha1","kind":"Task","metadata":{"name":"late"},"spec":{"type":"claude-code","prompt":"p","credentials":{"type":"api-key","secretRef":{"name":"c"}}}}' > "$T/late.json"
made() { post $AX/tasks < "$T/late.json" > "$T/created"; ! gone $AX/tasks/late; }
until_ok 10 made || fail "$(cat "$T/created")"
until_ok 60 has_job late || fail "no Job: $(get $AX/tasks/late)"
[ "$(field $JOBS/late 'o["metadata"]["ownerReferences"][0]["apiVersion"]')" = axon.io/v1alpha1 ] || fail "owner"
task after true
job_of after
python3 - deploy/manifests/controller.yaml deploy/manifests/axon.yaml > "$T/rights" <<'P' || fail "$(cat "$T/rights")"
import sys, yaml
def rights(path, group):
    return {(r, v) for o in yaml.safe_load_all(open(path)) if o["kind"] == "ClusterRole" for rule in o["rules"]
            if group in rule["apiGroups"] for r in rule["resources"] for v in rule["verbs"]}
ours, theirs = rights(sys.argv[1], "kelos.dev"), rights(sys.argv[2], "axon.io")
differ = {x for x in ours ^ theirs if x[0] != "agentconfigs"} # of which that group has none
print(differ)
sys.exit(bool(differ) or not theirs)
P
row RES/X7

# Both markers are always read (X4), so that table is not a question either.
begin "what the groups differ in is one record, and nothing asks which group it is"
for d in reconciler statuswriter spawner; do
    grep -rniE 'axon' "$d" --include='*.c' --include='*.h' | grep -v -e '^reconciler/profile\.[ch]:' -e '^statuswriter/outputs\.[ch]:' > "$T/asks" && fail "$(cat "$T/asks")"
done
grep -q 'axon.io' reconciler/profile.c || fail "the record is elsewhere"
row RES/X1

begin "a Pod that is evicted is followed by another: one start, one end, the second's name"
task moved true
job_of moved
uid=$(field $JOBS/moved 'o["metadata"]["uid"]')
pod() { # NAME: as the Job controller makes it
    python3 - "$1" "$uid" <<'P' | post $CORE/pods > "$T/answer"
import json, sys
labels = {"kelos.dev/task": "moved", "app.kubernetes.io/name": "kelos", "app.kubernetes.io/component": "task",
          "app.kubernetes.io/managed-by": "kelos-controller", "job-name": "moved"}
print(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": sys.argv[1], "labels": labels, "ownerReferences": [
    {"apiVersion": "batch/v1", "kind": "Job", "name": "moved", "uid": sys.argv[2], "controller": True}]},
    "spec": {"nodeName": "played", "restartPolicy": "Never", "containers": [{"name": "claude-code", "image": "i"}]}}))
P
    grep -q '"kind":"Pod"' "$T/answer" || fail "$(cat "$T/answer")"
}
pod_status() { mpatch "$CORE/pods/$1/status" "{\"status\":$2}" > "$T/answer"; }
pod_named() { [ "$(field $NS/tasks/moved 'o["status"]["podName"]')" = "$1" ]; }
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
pod moved-1
pod_status moved-1 '{"phase":"Running","containerStatuses":[{"name":"claude-code","image":"i","imageID":"","restartCount":0,"ready":true,"state":{"running":{"startedAt":"'"$now"'"}}}]}'
job_status moved '{"active":1,"ready":1,"startTime":"'"$now"'"}'
becomes moved Running
until_ok 10 pod_named moved-1 || fail "pod $(field $NS/tasks/moved 'o["status"]["podName"]')"
pod_status moved-1 '{"phase":"Failed","reason":"Evicted","message":"The node was low on resource: memory.","conditions":[{"type":"DisruptionTarget","status":"True","reason":"TerminationByKubelet","lastTransitionTime":"'"$now"'"}],"containerStatuses":[{"name":"claude-code","image":"i","imageID":"","restartCount":0,"ready":false,"state":{"terminated":{"exitCode":137,"reason":"Error","startedAt":"'"$now"'","finishedAt":"'"$now"'"}}}]}'
job_status moved '{"active":0,"ready":0,"failed":1}'
sleep 1.2 # the second Pod is younger by its creation time, which has whole seconds
phase_is moved Running || fail "between the two it is $(phase moved)"
pod moved-2
# What its node would have written down.
log=$T/d/pods/$(field $CORE/pods/moved-2 'o["metadata"]["uid"]')/claude-code
mkdir -p "$log"
for l in ---KELOS_OUTPUTS_START--- 'branch: b2' ---KELOS_OUTPUTS_END---; do echo "${now%Z}.000000000Z stdout F $l"; done > "$log/log"
job_status moved '{"active":1,"failed":1}'
pod_status moved-2 '{"phase":"Running","containerStatuses":[{"name":"claude-code","image":"i","imageID":"","restartCount":0,"ready":true,"state":{"running":{"startedAt":"'"$now"'"}}}]}'
until_ok 10 pod_named moved-2 || fail "pod $(field $NS/tasks/moved 'o["status"]["podName"]')"
pod_status moved-2 '{"phase":"Succeeded","containerStatuses":[{"name":"claude-code","image":"i","imageID":"","restartCount":0,"ready":false,"state":{"terminated":{"exitCode":0,"reason":"Completed","startedAt":"'"$now"'","finishedAt":"'"$now"'"}}}]}'
job_status moved '{"active":0,"succeeded":1,"failed":1,"completionTime":"'"$now"'","conditions":[{"type":"SuccessCriteriaMet","status":"True","lastTransitionTime":"'"$now"'"},{"type":"Complete","status":"True","lastTransitionTime":"'"$now"'"}]}'
becomes moved Succeeded 60
[ "$(field $NS/tasks/moved 'o["status"]["results"]["branch"]')" = b2 ] || fail "results: $(field $NS/tasks/moved 'o["status"]["results"]')"
pod_named moved-2 || fail "pod $(field $NS/tasks/moved 'o["status"]["podName"]')"
told() { events_of moved > "$T/events"; grep -q 'Normal TaskSucceeded' "$T/events"; }
until_ok 5 told || fail "$(cat "$T/events")"
[ "$(grep -c 'TaskRunning' "$T/events")" = 1 ] || fail "$(cat "$T/events")"
[ "$(get $CORE/events | python3 -c 'import json, sys; print(sum(e.get("count", 1) for e in json.load(sys.stdin)["items"] if e["involvedObject"]["name"] == "moved" and e["reason"] == "TaskRunning"))')" = 1 ] || fail "told twice"
row ADD/FP6

# ---- nonsense: the schemas of a cluster may be older, or none at all ----
for k in tasks workspaces agentconfigs taskspawners; do
    mpatch $CRDS/$k.kelos.dev "$(get $CRDS/$k.kelos.dev | python3 -c '
import json, sys
v = json.load(sys.stdin)["spec"]["versions"]
v[0]["schema"] = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
print(json.dumps({"spec": {"versions": v}}))')" > "$T/answer"
    grep -q '"kind":"CustomResourceDefinition"' "$T/answer" || { cat "$T/answer"; echo "0 passed, 1 failed"; exit 1; }
done
pids() { for w in watcher shard-0 statuswriter; do worker_of main $w; done; }
before=$(pids)
object() { # KIND PLURAL NAME MEMBERS
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"%s","metadata":{"name":"%s"}%s}' "$1" "$3" "$4" | post $NS/$2 > "$T/created"
    grep -q "\"kind\":\"$1\"" "$T/created" || fail "$(cat "$T/created")"
}
says() { case $(message "$1") in *"$2"*) ;; *) false ;; esac; }

begin "a Task that decodes to nonsense ends with the field that is wrong, and can be deleted"
C='"credentials":{"type":"none"}'
object Task tasks n-none ''
object Task tasks n-text ',"spec":"text"'
object Task tasks n-type ',"spec":{"type":7,"prompt":"p"}'
object Task tasks n-prompt ',"spec":{"type":"codex","prompt":["p"],'"$C"'}'
object Task tasks n-ttl ',"spec":{"type":"codex","prompt":"p","ttlSecondsAfterFinished":99999999999,'"$C"'}'
object Task tasks n-deps ',"spec":{"type":"codex","prompt":"p","dependsOn":{"a":1},'"$C"'}'
object Task tasks n-refs ',"spec":{"type":"codex","prompt":"p","agentConfigRefs":[[]],'"$C"'}'
object Task tasks n-pod ',"spec":{"type":"codex","prompt":"p","podOverrides":[],'"$C"'}'
object Task tasks n-agent ',"spec":{"type":"aider","prompt":"p",'"$C"'}'
for t in none:spec.prompt text:spec type:spec.type prompt:spec.prompt ttl:spec.ttlSecondsAfterFinished deps:spec.dependsOn refs:spec.agentConfigRefs pod:spec.podOverrides agent:aider; do
    n=n-${t%:*}
    becomes "$n" Failed
    says "$n" "${t#*:}" || fail "$n: $(message "$n")"
    [ -n "$(field "$NS/tasks/$n" 'o["status"]["completionTime"]')" ] || fail "$n has no completionTime"
    has_job "$n" && fail "$n has a Job"
done
told() { events_of n-ttl > "$T/events"; grep -q 'Warning InvalidObject spec.ttlSecondsAfterFinished' "$T/events"; }
until_ok 5 told || fail "$(cat "$T/events")"
object Task tasks n-after ',"spec":{"type":"codex","prompt":"p","dependsOn":["n-type"],'"$C"'}'
becomes n-after Failed
[ "$(message n-after)" = 'Dependency "n-type" failed' ] || fail "$(message n-after)"
for t in n-none n-text n-type; do del $NS/tasks/$t; until_ok 10 gone $NS/tasks/$t || fail "$t stays"; done

begin "a Workspace or an AgentConfig that is nonsense holds those who name it, until it is mended"
object Workspace workspaces w ',"spec":{"repo":5}'
object AgentConfig agentconfigs a ',"spec":{"plugins":[{"name":"p","skills":"none"}]}'
object Task tasks n-ws ',"spec":{"type":"codex","prompt":"p","workspaceRef":{"name":"w"},'"$C"'}'
object Task tasks n-ac ',"spec":{"type":"codex","prompt":"p","agentConfigRef":{"name":"a"},'"$C"'}'
becomes n-ws Waiting; becomes n-ac Waiting
until_ok 10 says n-ws 'Waiting for Workspace "w" to be mended: spec.repo' || fail "$(message n-ws)"
until_ok 10 says n-ac 'Waiting for AgentConfig "a" to be mended: spec.plugins[0]' || fail "$(message n-ac)"
told() { events_of w > "$T/events"; grep -q 'Warning InvalidObject spec.repo' "$T/events"; }
until_ok 5 told || fail "$(cat "$T/events")"
mpatch $NS/workspaces/w '{"spec":{"repo":"https://h/a/b"}}' > /dev/null
mpatch $NS/agentconfigs/a '{"spec":{"plugins":null}}' > /dev/null
job_of n-ws; job_of n-ac

begin "a TaskSpawner that is nonsense says so, and works once it is mended"
ts() { field "$NS/taskspawners/$1" "$2"; }
ts_is() { [ "$(ts "$1" 'o["status"]["phase"]')" = "$2" ]; }
object TaskSpawner taskspawners ts ',"spec":{"when":{"cron":{"schedule":[1]}},"taskTemplate":{}}'
until_ok 10 ts_is ts Failed || fail "phase $(ts ts 'o["status"]["phase"]')"
case "$(ts ts 'o["status"]["message"]')" in *spec.when.cron.schedule*) ;; *) fail "$(ts ts 'o["status"]["message"]')" ;; esac
mpatch $NS/taskspawners/ts '{"spec":{"when":{"cron":{"schedule":"0 0 1 1 *"}},"taskTemplate":{"type":"codex","credentials":{"type":"none"}}}}' > /dev/null
until_ok 10 ts_is ts Running || fail "phase $(ts ts 'o["status"]["phase"]')"
object TaskSpawner taskspawners gone ',"spec":{"when":"never"}'
until_ok 10 ts_is gone Failed || fail "phase $(ts gone 'o["status"]["phase"]')"
del $NS/taskspawners/gone
until_ok 10 gone $NS/taskspawners/gone || fail "it stays"

begin "through all of it no process ended, and others were served"
task good true
job_of good
[ "$(pids)" = "$before" ] || fail "workers were $before, are $(pids)"
finish
