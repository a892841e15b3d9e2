#!/bin/sh
# isolation.sh - TaskSpawners with a Pod of their own: the Deployment or CronJob, the bus key and
# the status, from the first sight of a TaskSpawner to its end. Nothing runs the Pods; what one
# would run is started by hand, with its arguments and environment.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
PORT=$(free_port)
cleanup() { [ -z "${JOINED:-}" ] || kill "$JOINED" 2> /dev/null; forge_down; local_down; }
LOCAL_FLAGS="--spawner-isolation pod --bus-port $PORT --spawner-image my/spawner:1 --controller-address 127.0.0.1 --spawner-resource-requests cpu=7m,memory=20Mi --spawner-resource-limits memory=96Mi,cpu=0.5"
NO_NODE=1
echo '{"anonymous": false, "tokens": {"T": "bot"}, "repos": {"demo/repo": {"issues": [{"number": 1, "title": "n1"}]}}}' > "$T/state.json"
forge_up "$T/state.json"
local_up || { echo "0 passed, 1 failed"; exit 1; }
APPS=/apis/apps/v1/namespaces/default/deployments
CRONS=/apis/batch/v1/namespaces/default/cronjobs
secret() { # NAME JSON [NAMESPACE]
    printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"%s"},"stringData":%s}' "$1" "$2" | post $CORE/secrets > /dev/null
}
workspace() { # NAME REPO [SECRET]
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"%s"},"spec":{"repo":"%s"%s}}' \
        "$1" "$2" "${3:+,\"secretRef\":{\"name\":\"$3\"\}}" | post $NS/workspaces > /dev/null
}
TEMPLATE='"type":"claude-code","credentials":{"type":"api-key","secretRef":{"name":"c"}}'
spawner() { # NAME WHEN [MORE TEMPLATE] [MORE SPEC] [META]
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"%s"%s},"spec":{"when":{%s},"taskTemplate":{%s%s}%s}}' \
        "$1" "${5:+,$5}" "$2" "$TEMPLATE" "${3:+,$3}" "${4:+,$4}" | post $NS/taskspawners > "$T/created"
    ! grep -q '"kind":"Status"' "$T/created" || fail "refused: $(cut -c1-300 "$T/created")"
}
ISSUES='"githubIssues":{}' CRON='"cron":{"schedule":"0 9 * * 1"}'
in_ws() { printf '"workspaceRef":{"name":"%s"}' "$1"; }
ts() { field "$NS/taskspawners/$1" "$2"; }
is() { [ "$(field "$1" "$2")" = "$3" ]; }              # PATH EXPR VALUE
soon() { until_ok 10 is "$@" || fail "$1: $2 is '$(field "$1" "$2")', not '$3'"; }
status_is() { soon "$NS/taskspawners/$1" "(lambda s: (s.get('phase'), s.get('message', '')))(o['status'])" "('$2', '$3')"; }
patch_ts() { mpatch "$NS/taskspawners/$1" "$2" > /dev/null; }
told() { events_of "$1" | grep -c "Normal $2 "; }
POD='o["spec"]["template"]["spec"]'
JOB='o["spec"]["jobTemplate"]["spec"]["template"]["spec"]'
env_names() { printf '[e["name"] for e in %s["containers"][0]["env"]]' "$1"; }
secret pat '{"GITHUB_TOKEN":"T"}'
secret turns '{"GITHUB_TOKEN":"T"}'
workspace w https://github.com/kelos-dev/kelos.git pat
workspace wt https://github.com/kelos-dev/kelos.git turns

begin "a source of issues has a Deployment, an account and a key"
spawner turns "$ISSUES" "$(in_ws wt)"
spawner one "$ISSUES" "$(in_ws w)"
soon $APPS/one 'o["spec"]["replicas"]' 1
[ "$(field $APPS/one "$POD['containers'][0]['args'][:-1]")" = "['--taskspawner-name=one', '--taskspawner-namespace=default', '--github-owner=kelos-dev', '--github-repo=kelos']" ] ||
    fail "$(field $APPS/one "$POD['containers'][0]['args']")"
[ "$(field $APPS/one "$POD['containers'][0]['args'][-1]")" = "--controller=tcp://127.0.0.1:$PORT" ] || fail "the last argument"
[ "$(field $APPS/one "len($POD['containers']), $POD['containers'][0]['name'], $POD['serviceAccountName']")" = "(1, 'spawner', 'kelos-spawner')" ] || fail "container"
[ "$(field $APPS/one '[(r["kind"], r["name"], r["controller"]) for r in o["metadata"]["ownerReferences"]]')" = "[('TaskSpawner', 'one', True)]" ] || fail "owner"
[ "$(field $APPS/one 'o["metadata"]["labels"]["kelos.dev/taskspawner"], o["spec"]["selector"]["matchLabels"] == o["metadata"]["labels"] == o["spec"]["template"]["metadata"]["labels"]')" = "('one', True)" ] || fail "labels"
must [ "$(field $CORE/serviceaccounts/kelos-spawner 'o["kind"]')" = ServiceAccount ]
must [ "$(field /apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/kelos-spawner 'o["roleRef"]["name"]')" = kelos-spawner-role ]
soon $NS/taskspawners/one 'o["status"]["deploymentName"], o["status"]["phase"]' "('one', 'Pending')"
row RES/SP1
key_of() { field "$CORE/secrets/$1-bus" '__import__("base64").b64decode(o["data"]["KELOS_BUS_KEY"]).decode()'; }
KEY=$(key_of one)
[ ${#KEY} = 81 ] || fail "the key has ${#KEY} characters"
[ "$(field $CORE/secrets/one-bus '[(r["kind"], r["name"]) for r in o["metadata"]["ownerReferences"]]')" = "[('TaskSpawner', 'one')]" ] || fail "the Secret's owner"
! grep -qF "$(printf %s "$KEY" | tail -c 40)" "$T/supervisor.log" || fail "the key is in the log"
event_comes one 'Normal DeploymentCreated '
[ "$(told one DeploymentCreated)" = 1 ] || fail "Events: $(events_of one)"
[ -z "$(pgrep -P "$LOCAL_PID" -f -- 'kelos-spawner.*--source')" ] || fail "a process polls, too"
[ "$(field $APPS/one "($POD['securityContext'], $POD['automountServiceAccountToken']) == ({'runAsNonRoot': True, 'seccompProfile': {'type': 'RuntimeDefault'}}, False)")" = True ] || fail "the Pod's confinement"
[ "$(field $APPS/one "(lambda c: (c['runAsNonRoot'], c['readOnlyRootFilesystem'], c['allowPrivilegeEscalation'], c['capabilities']))($POD['containers'][0]['securityContext'])")" = "(True, True, False, {'drop': ['ALL']})" ] || fail "the container's"
[ "$(field $APPS/one "$POD['containers'][0]['resources'] == {'requests': {'cpu': '7m', 'memory': '20Mi'}, 'limits': {'memory': '96Mi', 'cpu': '500m'}}")" = True ] || fail "$(field $APPS/one "$POD['containers'][0]['resources']")"

# That of another becomes a GitHub App's; what comes of it is looked at near the end.
soon $APPS/turns "$(env_names "$POD")" "['GITHUB_TOKEN', 'KELOS_BUS_KEY']"
app() { python3 -c 'import base64, json; b = lambda s: base64.b64encode(s.encode()).decode()
print(json.dumps({"data": {"GITHUB_TOKEN": None, "appID": b("1"), "installationID": b("2"), "privateKey": b("k")}}))'; }
mpatch $CORE/secrets/turns "$(app)" > /dev/null

begin "what the Pod would run joins with its key, and creates Tasks"
workspace here "$FORGE/demo/repo" pat
spawner runs "$ISSUES" "$(in_ws here)" '"pollInterval":"1s"'
soon $NS/taskspawners/runs 'o["status"]["deploymentName"]' runs
field $APPS/runs "'\n'.join($POD['containers'][0]['args'])" > "$T/args"
set --; while read -r a; do set -- "$@" "$a"; done < "$T/args"
GITHUB_TOKEN=T KELOS_BUS_KEY=$(key_of runs) "$BIN/kelos-spawner" "$@" > "$T/joined.log" 2>&1 & JOINED=$!
until_ok 20 is $NS/tasks/runs-1 'o["kind"]' Task || fail "no Task: $(ts runs 'o["status"]') $(tail -3 "$T/joined.log")"
soon $NS/taskspawners/runs 'o["status"]["phase"]' Running
# The probe that its Pod has, run as the kubelet does: in the container, without a shell.
field $APPS/runs "'\n'.join($POD['containers'][0]['livenessProbe']['exec']['command'])" > "$T/probe"
set --; while read -r a; do set -- "$@" "$a"; done < "$T/probe"
[ "$1" = /kelos-spawner ] || fail "the probe is $*"
shift
must "$BIN/kelos-spawner" "$@"
kill -STOP "$JOINED"
! "$BIN/kelos-spawner" "$@" 2> "$T/probed" || fail "a spawner that does not run is alive"
grep -q 'does not answer' "$T/probed" || fail "$(cat "$T/probed")"
kill -CONT "$JOINED"
until_ok 10 "$BIN/kelos-spawner" "$@" || fail "it is not alive again"
row SP/W8
kill "$JOINED"; wait "$JOINED" 2> /dev/null; JOINED=""
[ "$(field $CORE/secrets 'len([1 for x in o["items"] if x["metadata"]["name"].endswith("-bus")])')" -ge 3 ] || fail "keys"

# A key is taken away; the new one is looked at near the end.
OLD_KEY=$(key_of turns) OLD_MARK=$(field $APPS/turns 'o["spec"]["template"]["metadata"]["annotations"]["kelos.dev/bus-key"]')
del $CORE/secrets/turns-bus
# And so are the controller's own keys.
OWN_NS=$(for n in kelos-system default; do gone "/api/v1/namespaces/$n/secrets/kelos-bus-server" || { echo "$n"; break; }; done)
SERVER_KEYS=/api/v1/namespaces/$OWN_NS/secrets/kelos-bus-server
own_keys() { field "$SERVER_KEYS" 'sorted(o["data"].items())'; }
OLD_PAIR=$(own_keys)
del "$SERVER_KEYS"

begin "nothing is written when nothing differs"
before=$(field $APPS/one 'o["metadata"]["resourceVersion"]')
for i in 1 2 3; do patch_ts one "{\"metadata\":{\"annotations\":{\"x\":\"$i\"}}}"; sleep 0.3; done
[ "$(field $APPS/one 'o["metadata"]["resourceVersion"]')" = "$before" ] || fail "the Deployment was written"
[ "$(told one DeploymentUpdated)" = 0 ] && [ "$(told one DeploymentCreated)" = 1 ] || fail "Events: $(events_of one)"
[ "$(field $APPS '[d["metadata"]["name"] for d in o["items"] if d["metadata"]["name"] == "one"]')" = "['one']" ] || fail "Deployments"
row SP/D11 RES/SP13

begin "suspended and resumed"
uid=$(field $APPS/one 'o["metadata"]["uid"]')
template=$(field $APPS/one 'o["spec"]["template"]')
patch_ts one '{"spec":{"suspend":true}}'
soon $APPS/one 'o["spec"]["replicas"]' 0
status_is one Suspended 'Suspended by user'
[ "$(field $APPS/one 'o["spec"]["template"]')" = "$template" ] || fail "the template changed"
event_comes one 'Normal DeploymentUpdated '
row SP/D9 RES/SP11
patch_ts one '{"spec":{"suspend":false}}'
soon $APPS/one 'o["spec"]["replicas"]' 1
status_is one Running Resumed
[ "$(field $APPS/one 'o["metadata"]["uid"]')" = "$uid" ] || fail "made anew"
row SP/D10
spawner asleep "$ISSUES" "$(in_ws w)" '"suspend":true'
soon $APPS/asleep 'o["spec"]["replicas"]' 0
status_is asleep Suspended 'Suspended by user'
row SP/D23 RES/SP9
patch_ts asleep '{"spec":{"suspend":false}}'
soon $APPS/asleep 'o["spec"]["replicas"]' 1
status_is asleep Running Resumed
row SP/D24 RES/SP10

begin "a schedule has a CronJob, which follows it"
spawner cr "$CRON"
soon $CRONS/cr 'o["spec"]["schedule"], o["spec"]["concurrencyPolicy"], o["spec"]["successfulJobsHistoryLimit"], o["spec"]["failedJobsHistoryLimit"], o["spec"]["jobTemplate"]["spec"]["backoffLimit"]' "('0 9 * * 1', 'Forbid', 3, 1, 0)"
[ "$(field $CRONS/cr "$JOB['restartPolicy'], $JOB['containers'][0]['args'][-2], $(env_names "$JOB")")" = "('Never', '--one-shot', ['KELOS_BUS_KEY'])" ] || fail "Pod: $(field $CRONS/cr "$JOB")"
soon $NS/taskspawners/cr 'o["status"]["phase"], o["status"]["cronJobName"]' "('Running', 'cr')"
row RES/SP7
uid=$(field $CRONS/cr 'o["metadata"]["uid"]')
patch_ts cr '{"spec":{"when":{"cron":{"schedule":"0 10 * * 1"}}}}'
soon $CRONS/cr 'o["spec"]["schedule"]' '0 10 * * 1'
[ "$(field $CRONS/cr 'o["metadata"]["uid"]')" = "$uid" ] || fail "made anew"
row SP/D13

begin "what somebody changed in a CronJob is restored"
mpatch $CRONS/cr '{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"spawner","image":"evil:1","volumeMounts":[{"name":"x","mountPath":"/x"}]}],
  "initContainers":[{"name":"i","image":"evil:2"}],"volumes":[{"name":"x","emptyDir":{}}]}}}}}}' > /dev/null
soon $CRONS/cr "$JOB['containers'][0]['image'], $JOB['containers'][0].get('volumeMounts', []), $JOB.get('initContainers', []), $JOB.get('volumes', [])" "('my/spawner:1', [], [], [])"
row RES/SP17

begin "from polling to a schedule and back"
patch_ts one '{"spec":{"when":{"githubIssues":null,"cron":{"schedule":"0 9 * * 1"}}}}'
soon $CRONS/one 'o["kind"]' CronJob
until_ok 10 gone $APPS/one || fail "the Deployment stays"
soon $NS/taskspawners/one 'o["status"].get("deploymentName", ""), o["status"]["cronJobName"]' "('', 'one')"
row SP/D15
patch_ts one '{"spec":{"when":{"cron":null,"githubIssues":{}}}}'
soon $APPS/one 'o["kind"]' Deployment
until_ok 10 gone $CRONS/one || fail "the CronJob stays"
soon $NS/taskspawners/one 'o["status"].get("cronJobName", ""), o["status"]["deploymentName"]' "('', 'one')"
row SP/D16 RES/SP12

begin "what is another's is left alone"
printf '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"theirs","labels":{"app.kubernetes.io/managed-by":"kelos-controller"}},"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"x","image":"x"}]}}}}' |
    post $APPS > /dev/null
spawner theirs "$CRON"
soon $CRONS/theirs 'o["kind"]' CronJob
[ "$(field $APPS/theirs 'o["spec"]["replicas"]')" = 2 ] || fail "deleted"
patch_ts theirs '{"spec":{"when":{"cron":null,"githubIssues":{}},"taskTemplate":{"workspaceRef":{"name":"w"}}}}'
soon $NS/taskspawners/theirs 'o["status"]["phase"]' Failed
[ "$(field $APPS/theirs 'o["spec"]["replicas"], len(o["spec"]["template"]["spec"]["containers"])')" = "(2, 1)" ] || fail "changed"
ts theirs 'o["status"]["message"]' | grep -q 'exists and is not of this TaskSpawner' || fail "$(ts theirs 'o["status"]')"
row SP/W5

begin "a Workspace that comes late"
spawner late "$ISSUES" "$(in_ws later)"
event_comes late 'Workspace later not found, requeuing'
gone $APPS/late || fail "a Deployment without a repository"
workspace later https://github.example.com/my-org/my-repo.git
soon $APPS/late "'--github-api-base-url=https://github.example.com/api/v3' in $POD['containers'][0]['args']" True
row SP/D25

begin "one that wants no Pod, and changes its mind"
spawner plain "$CRON" "" "" '"annotations":{"kelos.dev/isolation":"process"}'
soon $NS/taskspawners/plain 'o["status"]["phase"]' Running
gone $CRONS/plain && gone $CORE/secrets/plain-bus || fail "it has a Pod"
patch_ts plain '{"metadata":{"annotations":{"kelos.dev/isolation":"pod"}}}'
soon $NS/taskspawners/plain 'o["status"]["cronJobName"]' plain
patch_ts plain '{"metadata":{"annotations":{"kelos.dev/isolation":"process"}}}'
until_ok 10 gone $CRONS/plain || fail "the CronJob stays"
until_ok 10 gone $CORE/secrets/plain-bus || fail "the key stays"
soon $NS/taskspawners/plain 'o["status"].get("cronJobName", "")' ""

begin "a deleted TaskSpawner takes all of it along"
del $NS/taskspawners/asleep
until_ok 10 gone $NS/taskspawners/asleep || fail "the finalizer stays"
until_ok 20 gone $APPS/asleep || fail "the Deployment stays"
until_ok 20 gone $CORE/secrets/asleep-bus || fail "the key stays"
row SP/D22

begin "a Secret that becomes an App's, and back; another Secret"
IS_APP="'--github-token-file=/shared/token/GITHUB_TOKEN' in $POD['containers'][0]['args'], [c['name'] for c in $POD.get('initContainers', [])], len($POD.get('volumes', [])), len($POD['containers'][0].get('volumeMounts', [])), $(env_names "$POD")"
until_ok 180 is $APPS/turns "$IS_APP" "(True, ['token-refresher'], 2, 1, ['KELOS_BUS_KEY'])" || fail "$(field $APPS/turns "$POD")"
generation=$(ts turns 'o["metadata"]["generation"]')
[ "${#OLD_KEY}" = 81 ] || fail "the key before"
until_ok 10 is $CORE/secrets/turns-bus 'o["kind"]' Secret || fail "no new key"
[ "$(key_of turns)" != "$OLD_KEY" ] || fail "the key is the old one"
soon $APPS/turns "o['spec']['template']['metadata']['annotations']['kelos.dev/bus-key'] not in ('', '$OLD_MARK')" True
mpatch $NS/workspaces/wt '{"spec":{"secretRef":{"name":"pat"}}}' > /dev/null
soon $APPS/turns "$IS_APP" "(False, [], 0, 0, ['GITHUB_TOKEN', 'KELOS_BUS_KEY'])"
mpatch $NS/workspaces/wt '{"spec":{"secretRef":{"name":"turns"}}}' > /dev/null
soon $APPS/turns "$IS_APP" "(True, ['token-refresher'], 2, 1, ['KELOS_BUS_KEY'])"
mpatch $CORE/secrets/turns '{"data":{"GITHUB_TOKEN":"VA==","appID":null,"installationID":null,"privateKey":null}}' > /dev/null

begin "the controller's own keys are put back as they were when somebody deletes them"
[ -n "$OLD_PAIR" ] || fail "there were none"
put_back() { [ "$(own_keys)" = "$OLD_PAIR" ]; }
until_ok 180 put_back || fail "kelos-bus-server: $(own_keys | cut -c1-40)"
must grep -q 'kelos-bus-server was deleted: put back with the same keys' "$T/supervisor.log"
! grep -q 'holds another pair' "$T/supervisor.log" || fail "a new start: $(grep 'another pair' "$T/supervisor.log")"

begin "another image reaches what stands, after a restart too"
uid=$(field $CRONS/cr 'o["metadata"]["uid"]')
LOCAL_FLAGS=$(echo "$LOCAL_FLAGS" | sed 's#my/spawner:1#my/spawner:2#')
local_down
local_again || fail "it does not start again"
soon $CRONS/cr "$JOB['containers'][0]['image']" my/spawner:2
soon $APPS/one "$POD['containers'][0]['image']" my/spawner:2
[ "$(field $CRONS/cr 'o["metadata"]["uid"]')" = "$uid" ] || fail "made anew"
[ "$(key_of one)" = "$KEY" ] || fail "the key changed"
row SP/D14

soon $APPS/turns "$IS_APP" "(False, [], 0, 0, ['GITHUB_TOKEN', 'KELOS_BUS_KEY'])"
[ "$(ts turns 'o["metadata"]["generation"]')" = "$generation" ] || fail "the TaskSpawner was touched"
row SP/D12 RES/SP4
finish
