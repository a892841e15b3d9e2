#!/bin/sh
# resources.sh - what the resource tables and the additions promise about objects that meet:
# what a Job build refuses, what is read when, content that is replaced, conditions, both API
# groups on one controller, and a TaskSpawner's own conditions.
. tests/support/lib.sh
. tests/support/local.sh
LOCAL_FLAGS="--api-groups kelos.dev,axon.io"
cleanup() { local_down; }
port=$(free_port)
LOCAL_METRICS=127.0.0.1:$port
local_up || { echo "0 passed, 1 failed"; exit 1; }
AX=/apis/axon.io/v1alpha1/namespaces/default
logs_of() { get "$CORE/pods/$(field "$NS/tasks/$1" 'o["status"]["podName"]')/log?container=claude-code"; }
config() { printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"AgentConfig","metadata":{"name":"%s"},"spec":{%s}}' "$1" "$2" | post $NS/agentconfigs > "$T/created"; }
workspace() { printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"%s"},"spec":{%s}}' "$1" "$2" | post $NS/workspaces > "$T/created"; }

begin "what the API server refuses in a Job ends the Task with the server's words"
task both true '"podOverrides":{"env":[{"name":"A","value":"1","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]}'
task name true '"podOverrides":{"env":[{"name":"A=B","value":"1"}]}'
task more true '"podOverrides":{"resources":{"requests":{"cpu":"2"},"limits":{"cpu":"1"}}}'
task claim true '"podOverrides":{"resources":{"claims":[{"name":"gpu"}]}}'
for t in both:valueFrom name:env more:requests claim:claims; do
    becomes ${t%:*} Failed
    case "$(message ${t%:*})" in 'Failed to build Job: '*"${t#*:}"*) ;; *) fail "${t%:*}: $(message ${t%:*})" ;; esac
    has_job ${t%:*} && fail "${t%:*} has a Job"
    event_comes ${t%:*} JobBuildFailed
    events_of ${t%:*} | grep -c JobBuildFailed | grep -qx 1 || fail "${t%:*} is not told once"
done
row RES/T20

begin "what one object shows is refused at once, what needs another one is said in the status"
try() { task "$1" true "$2"; }
try see1 '"podOverrides":{"extraContainers":[{"name":"claude-code","image":"i"}]}'; grep -q '"reason":"Invalid"' "$T/created" || fail "taken: $(cat "$T/created")"
try see2 '"podFailurePolicy":{"rules":[{"action":"FailIndex"}]}'; grep -q '"reason":"Invalid"' "$T/created" || fail "taken: $(cat "$T/created")"
try see3 '"agentConfigRef":{"name":"a"},"agentConfigRefs":[{"name":"b"}]'; grep -q '"reason":"Invalid"' "$T/created" || fail "taken: $(cat "$T/created")"
config missing-secret '"mcpServers":[{"name":"m","type":"http","url":"http://m","headersFrom":{"secretRef":{"name":"nowhere"}}}]'
config missing-map '"mcpServers":[{"name":"m","type":"stdio","command":"c","envValueFrom":[{"name":"V","valueFrom":{"configMapKeyRef":{"name":"nowhere","key":"k"}}}]}]'
try other1 '"agentConfigRef":{"name":"nobody"}'
try other2 '"agentConfigRef":{"name":"missing-secret"}'
try other3 '"agentConfigRef":{"name":"missing-map"}'
for t in other1:nobody other2:nowhere other3:configmap; do
    becomes ${t%:*} Waiting
    case "$(message ${t%:*})" in *"${t#*:}"*) ;; *) fail "${t%:*}: $(message ${t%:*})" ;; esac
done
try server1 '"podOverrides":{"tolerations":[{"key":"a","operator":"Exists","value":"b"}]}'
try server2 '"podFailurePolicy":{"rules":[{"action":"FailJob","onExitCodes":{"containerName":"nobody","operator":"NotIn","values":[0]}}]}'
for t in server1 server2; do
    becomes $t Failed
    case "$(message $t)" in 'Failed to build Job: '*) ;; *) fail "$t: $(message $t)" ;; esac
done
row ADD/G5

begin "two plugins of one name are one tree, the later file wins"
config twice '"plugins":[{"name":"kit","skills":[{"name":"x","content":"1"},{"name":"y","content":"1"}]},{"name":"kit","skills":[{"name":"x","content":"2"}],"agents":[{"name":"a","content":"A"}]}]'
task twice 'test \"$(cat /kelos/plugin/kit/skills/x/SKILL.md /kelos/plugin/kit/skills/y/SKILL.md /kelos/plugin/kit/agents/a.md | tr -d \"\\n\")\" = 21A' '"agentConfigRef":{"name":"twice"}'
becomes twice Succeeded
grep -qi 'several of one name' docs/reference.md || fail "the reference does not say so"
row RES/A11

begin "one AgentConfig gives the same Job by either field"
job_text() { get "$JOBS/$1" | sed "s/$1/NAME/g" | python3 -c '
import json, sys
o = json.load(sys.stdin)
t = o["spec"]["template"]
for l in (o["metadata"]["labels"], t["metadata"]["labels"]):
    for k in [k for k in l if "uid" in k]: del l[k]
print(json.dumps([o["metadata"]["labels"], t["metadata"]["labels"], t["spec"], o["spec"]["backoffLimit"], o["spec"]["podFailurePolicy"]], sort_keys=True))'; }
config single '"agentsMD":"  A\n","plugins":[{"name":"kit","skills":[{"name":"x","content":"1"}]}],"mcpServers":[{"name":"m","type":"http","url":"http://m"}]'
task by-one true '"agentConfigRef":{"name":"single"}'
task by-all true '"agentConfigRefs":[{"name":"single"}]'
becomes by-one Succeeded; becomes by-all Succeeded
job_text by-one > "$T/one"; job_text by-all > "$T/all"
grep -q KELOS_AGENTS_MD "$T/one" && cmp -s "$T/one" "$T/all" || fail "$(diff "$T/one" "$T/all")"
row ADD/AR2

begin "a Task cannot change; what it names is read when its Job is built, and not again"
config house '"agentsMD":"first"'
task reads "$(held reads)"'; test \"$KELOS_AGENTS_MD\" = first' '"agentConfigRef":{"name":"house"}'
becomes reads Running
job_text reads > "$T/before"
mpatch $NS/tasks/reads '{"spec":{"effort":"high"}}' | grep -q 'Task spec is immutable after creation' || fail "changed"
mpatch $NS/agentconfigs/house '{"spec":{"agentsMD":"second","skills":[{"source":"a/b"}]}}' | grep -q second || fail "an AgentConfig cannot be changed"
workspace house '"repo":"https://h/a/b"'
mpatch $NS/workspaces/house '{"spec":{"setupCommand":["make"]}}' | grep -q make || fail "a Workspace cannot be changed"
release reads
becomes reads Succeeded
job_text reads > "$T/after"
cmp -s "$T/before" "$T/after" || fail "the Job changed"
mpatch $NS/agentconfigs/house '{"spec":{"skills":null}}' > /dev/null
task reads2 'test \"$KELOS_AGENTS_MD\" = second' '"agentConfigRef":{"name":"house"}'
becomes reads2 Succeeded
row ADD/G4

begin "generated content that is there already is replaced whole"
task content 'test \"$(cat /kelos/plugin/kit/skills/x/SKILL.md)\" = new && test ! -e /kelos/plugin/kit/agents' '"agentConfigRef":{"name":"late"}'
becomes content Waiting
uid=$(field $NS/tasks/content 'o["metadata"]["uid"]')
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"content-plugins","ownerReferences":[{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","name":"content","uid":"%s","controller":true,"blockOwnerDeletion":true}]},"data":{"p0-s0":"old","p0-a0":"old","p7-s9":"old"}}' "$uid" | post $CORE/configmaps > "$T/created"
config late '"plugins":[{"name":"kit","skills":[{"name":"x","content":"new"}]}]'
becomes content Succeeded
[ "$(field $CORE/configmaps/content-plugins 'o["data"]')" = "{'p0-s0': 'new'}" ] || fail "data: $(field $CORE/configmaps/content-plugins 'o["data"]')"
[ "$(field $CORE/configmaps/content-plugins '[(r["kind"], r["uid"]) for r in o["metadata"]["ownerReferences"] if r["controller"]]')" = "[('Task', '$uid')]" ] || fail "owners"
row ADD/CD4

begin "an answer of 5 MiB is cut, and the status can be written"
task huge '{ printf \"{\\\"type\\\":\\\"result\\\",\\\"subtype\\\":\\\"success\\\",\\\"total_cost_usd\\\":0.5,\\\"result\\\":\\\"\"; head -c 5242880 /dev/zero | tr \"\\0\" x; printf \"\\\"}\\n\"; } | /kelos/kelos-capture'
becomes huge Succeeded 30
[ "$(field $NS/tasks/huge 'o["status"]["results"]["response-truncated"]')" = true ] || fail "$(field $NS/tasks/huge 'list(o["status"]["results"])')"
[ "$(field $NS/tasks/huge '__import__("base64").b64decode(o["status"]["results"]["response"]) == b"x" * 32768')" = True ] || fail "not 32 KiB"
[ "$(field $NS/tasks/huge 'o["status"]["usage"]["costUSD"]')" != "" ] || fail "no usage"
row ADD/SA12

begin "conditions come beside what was there before"
[ "$(field $NS/tasks/content '[(c["type"], c["status"], c["reason"], c["observedGeneration"]) for c in o["status"]["conditions"]]')" = "[('Blocked', 'False', 'Unblocked', 1), ('OutputsCaptured', 'False', 'NoOutputs', 1), ('Ready', 'True', 'Succeeded', 1)]" ] ||
    fail "$(field $NS/tasks/content 'o["status"]["conditions"]')"
[ "$(field $NS/tasks/content 'all(k in o["status"] for k in ("phase", "message", "jobName", "podName", "startTime", "completionTime"))')" = True ] || fail "$(field $NS/tasks/content 'o["status"]')"
row RES/R12

begin "Tasks of the older group have Events and are counted under the same names"
printf '{"apiVersion":"axon.io/v1alpha1","kind":"Task","metadata":{"name":"old"},"spec":{"type":"claude-code","image":"tester","model":"m-old","prompt":"printf -- \\"---AXON_OUTPUTS_START---\\\\nbranch: b1\\\\ncost-usd: 0.25\\\\n---AXON_OUTPUTS_END---\\\\n\\"","credentials":{"type":"api-key","secretRef":{"name":"c"}}}}' | post $AX/tasks > "$T/created"
old_is() { [ "$(field $AX/tasks/old 'o["status"]["phase"]')" = "$1" ]; }
until_ok 20 old_is Succeeded || fail "$(get $AX/tasks/old)"
events_say() { events_of old > "$T/events"; grep -q "Normal $1" "$T/events"; }
for e in TaskCreated TaskRunning TaskSucceeded; do until_ok 5 events_say $e || fail "no $e: $(cat "$T/events")"; done
get $CORE/events | python3 -c '
import json, sys
l = [e for e in json.load(sys.stdin)["items"] if e["involvedObject"]["name"] == "old" and e["involvedObject"]["kind"] == "Task"]
sys.exit(not l or any(e["involvedObject"]["apiVersion"] != "axon.io/v1alpha1" for e in l))' || fail "an Event is of the other group"
metrics() { curl -s --noproxy '*' "http://$LOCAL_METRICS/metrics" > "$T/metrics"; }
cost() { metrics; grep -q '^kelos_task_cost_usd_total{.*model="m-old".*} 0\.25$' "$T/metrics"; }
completed() { metrics; grep -q '^kelos_task_completed_total{.*phase="Succeeded".*}' "$T/metrics"; }
until_ok 5 completed || fail "no end is counted"
until_ok 5 cost || fail "no cost: $(grep cost "$T/metrics")"
grep -q '^axon_' "$T/metrics" && fail "a metric is called axon_"
row RES/X6

begin "what was mended for Tasks holds for those of the older group, in the fields that they have"
printf '{"apiVersion":"axon.io/v1alpha1","kind":"Workspace","metadata":{"name":"token"},"spec":{"repo":"http://127.0.0.1:1/a/b","secretRef":{"name":"c"}}}' | post $AX/workspaces > "$T/created"
printf '{"apiVersion":"axon.io/v1alpha1","kind":"Task","metadata":{"name":"old-token"},"spec":{"type":"codex","image":"tester","prompt":"true","workspaceRef":{"name":"token"},"credentials":{"type":"api-key","secretRef":{"name":"c"}}}}' | post $AX/tasks > "$T/created"
until_ok 20 has_job old-token || fail "no Job"
pod_of() { field $JOBS/old-token "(lambda p: $1)(o['spec']['template']['spec'])"; }
[ "$(pod_of '[v["secret"]["secretName"] for v in p["volumes"] if v["name"] == "kelos-github-token"]')" = "['c']" ] || fail "$(get $JOBS/old-token)"
for c in 'p["containers"][0]' 'p["initContainers"][0]'; do
    [ "$(pod_of "[e['value'] for e in $c['env'] if e['name'] == 'KELOS_GITHUB_TOKEN_FILE']")" = "['/kelos/github-token/GITHUB_TOKEN']" ] || fail "$c: $(get $JOBS/old-token)"
done
[ "$(pod_of 'p["containers"][0]["command"]')" = "['/axon_entrypoint.sh']" ] || fail "command"
# A terminal phase is final, completionTime is set, and nothing is in the status that is not theirs.
[ "$(field $AX/tasks/old 'sorted(o["status"])')" = "['completionTime', 'jobName', 'message', 'outputs', 'phase', 'podName', 'startTime']" ] || fail "$(get $AX/tasks/old)"
del "$JOBS/old?propagationPolicy=Background"
until_ok 10 gone $JOBS/old || fail "its Job stays"
sleep 0.5
old_is Succeeded && gone $JOBS/old || fail "it runs again"
printf '{"apiVersion":"axon.io/v1alpha1","kind":"Task","metadata":{"name":"old-brief"},"spec":{"ttlSecondsAfterFinished":1,"type":"claude-code","image":"tester","prompt":"true","credentials":{"type":"api-key","secretRef":{"name":"c"}}}}' | post $AX/tasks > "$T/created"
must grep -q '"old-brief"' "$T/created"
until_ok 60 gone $AX/tasks/old-brief || fail "it outlives its ttlSecondsAfterFinished: $(get $AX/tasks/old-brief)"
row ADD/G6

begin "a nested spec of later versions is refused, for what is needed is missing"
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"nested"},"spec":{"prompt":"p","worker":{"type":"codex","credentials":{"type":"none"}}}}' | post $NS/tasks > "$T/created"
grep -q 'spec.type' "$T/created" && grep -q 'spec.credentials' "$T/created" || fail "$(cat "$T/created")"
for k in agentbudgets taskbudgets taskrecords workerpools sessions; do
    get $NS/$k | grep -q -e '"kind":"Status"' -e '404 page not found' || fail "$k are served"
done
row ADD/G2

begin "a TaskSpawner's own conditions are the controller's"
spawner() { printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"%s"},"spec":{%s,"when":{"cron":{"schedule":"%s"}},"taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"promptTemplate":"true"}}}' "$1" "$3" "$2" | post $NS/taskspawners > "$T/created"; }
ts() { field "$NS/taskspawners/$1" "$2"; }
ts_is() { [ "$(ts "$1" 'o["status"]["phase"]')" = "$2" ]; }
suspended() { ts "$1" '[(c["status"], c["reason"], c["message"]) for c in o["status"]["conditions"] if c["type"] == "Suspended"][0]'; }
spawner idle '0 0 1 1 *' '"suspend":true'
until_ok 10 ts_is idle Suspended || fail "phase $(ts idle 'o["status"]["phase"]')"
[ "$(ts idle 'o["status"]["message"]')" = "Suspended by user" ] || fail "message $(ts idle 'o["status"]["message"]')"
[ "$(suspended idle)" = "('True', 'UserSuspended', 'TaskSpawner is suspended by user')" ] || fail "$(suspended idle)"
mpatch $NS/taskspawners/idle '{"spec":{"suspend":false}}' > /dev/null
until_ok 10 ts_is idle Running || fail "phase $(ts idle 'o["status"]["phase"]')"
[ "$(suspended idle)" = "('False', 'Running', 'TaskSpawner is running')" ] || fail "$(suspended idle)"
spawner wrong '61 * * * *' '"suspend":false'
until_ok 10 ts_is wrong Failed || fail "phase $(ts wrong 'o["status"]["phase"]')"
[ -n "$(ts wrong 'o["status"]["message"]')" ] || fail "no message"
row RES/R8

finish
