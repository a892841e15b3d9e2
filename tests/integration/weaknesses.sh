#!/bin/sh
# weaknesses.sh - behaviours over time in which ours is better than the original's, in a whole
# local mode; docs/differences.md has the table.
. tests/support/lib.sh
. tests/support/local.sh
GITD=""
cleanup() { [ -z "$GITD" ] || kill "$GITD" 2> /dev/null; local_down; }
LOCAL_SUPERVISOR="$BIN/kelos-supervisor --branch-lock repository"
PORT=$(free_port)
LOCAL_METRICS=127.0.0.1:$PORT
local_up || { echo "0 passed, 1 failed"; exit 1; }
# Its own process is the one that a deadline signals.
printf '#!/bin/sh\nexec sh -c "$1"\n' > "$T/share/agents/tester/kelos_entrypoint.sh"
git init -q -b main "$T/seed" && (cd "$T/seed" && echo x > README && git add . &&
    git -c user.name=a -c user.email=a@b commit -qm one)
mkdir -p "$T/git/acme" && git clone -q --bare "$T/seed" "$T/git/acme/web.git"
gport=$(free_port)
git daemon --reuseaddr --listen=127.0.0.1 --port=$gport --base-path="$T/git" --export-all > "$T/gitd.log" 2>&1 &
GITD=$!
workspace() { printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"%s"},"spec":{"repo":"git://127.0.0.1:%s/%s","ref":"main"}}' "$1" $gport "$2" | post $NS/workspaces > "$T/created"; }
events_say() { events_of "$1" > "$T/events"; grep -q "$2" "$T/events"; }

begin "the finalizer is patched alone: odd spellings of the spec stay as they were"
task odd 'true' '"podOverrides":{"resources":{"requests":{"cpu":"0.010","memory":"1048576"}}}'
becomes odd Succeeded
[ "$(field $NS/tasks/odd 'o["spec"]["podOverrides"]["resources"]["requests"], o["metadata"]["generation"]')" = "({'cpu': '0.010', 'memory': '1048576'}, 1)" ] ||
    fail "$(field $NS/tasks/odd 'o["spec"]["podOverrides"]')"
[ "$(field $NS/tasks/odd 'o["metadata"]["finalizers"]')" = "['kelos.dev/finalizer']" ] || fail "finalizer"
row TE/W-S5

begin "a prompt that does not render is told, and used as it is"
task dep 'true'
becomes dep Succeeded
task raw 'echo one # {{index .Deps \"nobody\" \"Results\" \"k\"}}' '"dependsOn":["dep"]'
becomes raw Succeeded
until_ok 5 events_say raw 'Warning PromptTemplateFailed' || fail "no event: $(events_of raw)"
[ "$(field $JOBS/raw 'o["spec"]["template"]["spec"]["containers"][0]["args"][0]')" = 'echo one # {{index .Deps "nobody" "Results" "k"}}' ] || fail "prompt"
row TE/W-D6

begin "an Event's text is cut at a character, and the Events behind it are told"
task wide 'echo one # {{x'"$(python3 -c 'print("é" * 700)')"' }}' '"dependsOn":["dep"]'
becomes wide Succeeded
until_ok 20 events_say wide 'Warning PromptTemplateFailed' || fail "no event: $(events_of wide)"
until_ok 20 events_say wide 'Normal TaskSucceeded' || fail "the later ones wait: $(events_of wide)"

begin "outputs that grow as JSON stay small enough for a status, and hold no other Task up"
task quoted 'echo ---KELOS_OUTPUTS_START---; python3 -c \"for i in range(70): print(f\\\"k{i}: \\\" + chr(34) * 7400)\"; echo ---KELOS_OUTPUTS_END---'
task beside 'sleep 1'
becomes quoted Succeeded
becomes beside Succeeded
n=$(field $NS/tasks/quoted 'len(o["status"]["outputs"])')
[ "$n" -ge 30 ] && [ "$n" -lt 70 ] || fail "$n lines are kept"

begin "a namespace has its own branches, also for Tasks of one name"
echo '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"other"}}' | post /api/v1/namespaces > "$T/created"
task same "$(held same)" '"branch":"b"'
becomes same Running
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"same"},"spec":{"type":"claude-code","image":"tester","prompt":"true","branch":"b","credentials":{"type":"none"}}}' |
    post /apis/kelos.dev/v1alpha1/namespaces/other/tasks > "$T/created"
other_is() { [ "$(field /apis/kelos.dev/v1alpha1/namespaces/other/tasks/same 'o["status"]["phase"]')" = "$1" ]; }
until_ok 20 other_is Succeeded || fail "the other namespace's Task waits"
phase_is same Running || fail "it is $(phase same): its end may have freed the branch"
release same
row TE/W-B1

begin "two Workspaces of one repository exclude each other, when that is wanted"
workspace one acme/web.git; workspace two acme/web
task first "$(held first)" '"branch":"shared","workspaceRef":{"name":"one"}'
becomes first Running
task second 'true' '"branch":"shared","workspaceRef":{"name":"two"}'
becomes second Waiting
[ "$(message second)" = 'Waiting for branch "shared" (locked by first)' ] || fail "$(message second)"
release first
becomes second Succeeded
row TE/W-B6

begin "a deleted Task keeps its branch until its Pod has ended"
task holder 'trap \"\" TERM; echo deaf; '"$(held holder)" '"branch":"slow"'
becomes holder Running
deaf() { get "$CORE/pods/$(field $NS/tasks/holder 'o["status"]["podName"]')/log?container=claude-code" | grep -q deaf; }
until_ok 20 deaf || fail "the agent does not begin"
task next 'true' '"branch":"slow"'
becomes next Waiting
del $NS/tasks/holder
sleep 2
phase_is next Waiting || fail "next is $(phase next) while the Pod still runs"
release holder
started() { [ -n "$(field $NS/tasks/next 'o["status"]["jobName"]')" ]; }
until_ok 20 started || fail "next: $(message next)"
alive=$(get $CORE/pods | python3 -c 'import json,sys; print(sum(p["metadata"]["labels"].get("kelos.dev/task") == "holder" and p["status"]["phase"] in ("Pending", "Running") for p in json.load(sys.stdin)["items"]))')
[ "$alive" = 0 ] || fail "its Pod still runs"
becomes next Succeeded
row TE/W-B5

begin "what an agent says at its deadline is not lost"
# A Pod's log goes with it: reading must have begun by then.
task late 'trap : TERM; sleep 600 & wait; printf -- \"---KELOS_OUTPUTS_START---\\nbranch: half-done\\n---KELOS_OUTPUTS_END---\\n\"; sleep 6; exit 1' '"podOverrides":{"activeDeadlineSeconds":15}'
becomes late Failed 60
case "$(message late)" in *DeadlineExceeded*) ;; *) fail "$(message late)" ;; esac
[ "$(field $NS/tasks/late 'o["status"]["results"]["branch"]')" = half-done ] || fail "outputs: $(field $NS/tasks/late 'o["status"]')"
row TE/W-J6

begin "without a Workspace the agent may write where it stands"
task bare 'test \"$PWD\" = /workspace && echo x > file && test -s file'
becomes bare Succeeded
row TE/W-A9

begin "an annotation ends a Task, and it stays ended"
task stop 'sleep 600' '"branch":"c"'
becomes stop Running
mpatch $NS/tasks/stop '{"metadata":{"annotations":{"kelos.dev/cancel":"true"}}}' > /dev/null
becomes stop Failed
[ "$(message stop)" = 'Task cancelled' ] || fail "$(message stop)"
has_job stop && fail "its Job is still there"
until_ok 5 events_say stop 'Warning TaskCancelled Task cancelled' || fail "no event"
row TE/W-S11

begin "metrics are where the flag says; 0 is off"
curl -sf --noproxy '*' "http://127.0.0.1:$PORT/metrics" > "$T/metrics" || fail "nothing at $PORT"
must grep -q '^kelos_task_completed_total{' "$T/metrics"
local_down
LOCAL_METRICS=0
rm -rf "$T/d" "$T/supervisor.log"
local_up || fail "it does not start again"
curl -sf --noproxy '*' "http://127.0.0.1:$PORT/metrics" > /dev/null && fail "metrics are served though off"
ss -ltnp 2> /dev/null | grep -q "pid=$(pid_of statuswriter)," && fail "the statuswriter listens"
row TE/W-P1

begin "the cluster's rights: Secrets by name, Tasks deletable, nothing reported home"
python3 - deploy/manifests/controller.yaml <<'P' || fail "rights"
import sys, yaml
verbs = {}
for o in yaml.safe_load_all(open(sys.argv[1])):
    if o and o["kind"] == "ClusterRole" and o["metadata"]["name"] == "kelos-controller-role":
        for r in o["rules"]:
            for res in r["resources"]: verbs.setdefault(res, set()).update(r["verbs"])
assert "get" in verbs["secrets"] and not verbs["secrets"] & {"list", "watch"}, verbs["secrets"]
assert "delete" in verbs["tasks"], verbs["tasks"]
P
row TE/W-P4 TE/W-P8
grep -il posthog "$BIN"/kelos* > "$T/found" && fail "telemetry in $(cat "$T/found")"
"$BIN/kelos" install --dry-run | grep -qE '^kind: CronJob|telemetry' && fail "a heartbeat is installed unasked"
row TE/W-P3

begin "the CRDs are small enough for a plain apply, and keep their rules"
for f in deploy/crds/*.yaml; do
    [ "$(wc -c < "$f")" -lt 262144 ] || fail "$f has $(wc -c < "$f") bytes"
done
must grep -q "volumes\[\].name must not be 'workspace' or use the reserved 'kelos-' prefix" deploy/crds/tasks.yaml
row ADD/AW1
finish
