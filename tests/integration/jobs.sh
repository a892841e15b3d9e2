#!/bin/sh
# jobs.sh - Jobs and what belongs to them, without a controller of ours: what their status says, and
# what goes with its owner. The real server's controllers and those of local mode pass the same.
. tests/support/lib.sh
. tests/support/local.sh
cleanup() { server_down; }
server_up || { echo "0 passed, 1 failed"; exit 1; }

# job NAME SCRIPT [MORE SPEC]: one Pod, which does what the script says.
job() {
    printf '{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"%s"},"spec":{"backoffLimit":0%s,"template":{"spec":{"restartPolicy":"Never","automountServiceAccountToken":false,"containers":[{"name":"c","image":"tester","command":["/kelos_entrypoint.sh"],"args":["%s"]}]}}}}' \
        "$1" "${3:+,$3}" "$2" | post $JOBS > "$T/created"
    ! grep -q '"kind":"Status"' "$T/created" || fail "$1: $(cut -c1-300 "$T/created")"
}
# What a reader of a Job goes by: counts that are not 0, which times are set, conditions in order.
shape() { field "$JOBS/$1" '(lambda s: " ".join(
    ["%s=%d" % (k, s[k]) for k in ("active", "succeeded", "failed") if s.get(k)] +
    [k for k in ("startTime", "completionTime") if s.get(k)] +
    ["%s/%s/%s" % (c["type"], c["status"], c.get("reason")) for c in s.get("conditions", [])]))(o.get("status", {}))'; }
looks() { [ "$(shape "$1")" = "$2" ]; }
becomes_job() { until_ok 60 looks "$1" "$2" || fail "$1: '$(shape "$1")', not '$2'"; }
pods() { get "$CORE/pods?labelSelector=job-name%3D$1" | python3 -c 'import json, sys; print(*[p["metadata"]["name"] for p in json.load(sys.stdin)["items"]])'; }
has_pod() { [ -n "$(pods "$1")" ]; }
no_pod() { [ -z "$(pods "$1")" ]; }
phase_of() { field "$CORE/pods/$1" 'o["status"]["phase"]'; }

begin "a Job that runs, completes, fails, and passes its deadline says so in the same fields and conditions"
job good "while ! [ -e /tmp/go ]; do sleep 0.1; [ \$((i = i + 1)) -lt 20 ] || exit 0; done"
becomes_job good "active=1 startTime"
job bad "exit 9"
job late "sleep 600" '"activeDeadlineSeconds":2'
job policed "exit 42" '"podFailurePolicy":{"rules":[{"action":"FailJob","onExitCodes":{"operator":"In","values":[42]}}]}'
job again "exit 9" '"backoffLimit":1'
becomes_job good "succeeded=1 startTime completionTime SuccessCriteriaMet/True/CompletionsReached Complete/True/CompletionsReached"
becomes_job bad "failed=1 startTime FailureTarget/True/BackoffLimitExceeded Failed/True/BackoffLimitExceeded"
becomes_job late "failed=1 startTime FailureTarget/True/DeadlineExceeded Failed/True/DeadlineExceeded"
becomes_job policed "failed=1 startTime FailureTarget/True/PodFailurePolicy Failed/True/PodFailurePolicy"
becomes_job again "failed=2 startTime FailureTarget/True/BackoffLimitExceeded Failed/True/BackoffLimitExceeded"
[ "$(phase_of "$(pods good)")" = Succeeded ] || fail "Pod: $(get "$CORE/pods/$(pods good)")"
[ "$(phase_of "$(pods bad)")" = Failed ] || fail "Pod: $(get "$CORE/pods/$(pods bad)")"
# A Pod's labels and owner, by which it is found.
[ "$(field "$CORE/pods/$(pods good)" 'sorted(k for k in o["metadata"]["labels"]), [(r["kind"], r["name"], r["controller"], r["blockOwnerDeletion"]) for r in o["metadata"]["ownerReferences"]]')" = \
    "(['batch.kubernetes.io/controller-uid', 'batch.kubernetes.io/job-name', 'controller-uid', 'job-name'], [('Job', 'good', True, True)])" ] || fail "Pod: $(get "$CORE/pods/$(pods good)")"
[ "$(field "$CORE/pods/$(pods bad)" 'o["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"]')" = 9 ] || fail "exit code"

begin "a Job that is deleted leaves its Pods unless the deletion says what becomes of them"
policy() { del "$JOBS/$1${2:+?propagationPolicy=$2}"; until_ok 30 gone "$JOBS/$1" || fail "$1 stays"; }
left=$(pods good)
policy good
policy bad Background
until_ok 30 no_pod bad || fail "Background: $(pods bad)"
policy policed Foreground
no_pod policed || fail "Foreground: the Job went before its Pods"
policy again Orphan
has_pod again || fail "Orphan: its Pods are gone"
[ "$(pods good)" = "$left" ] || fail "no policy: the Pod is gone"
for p in $left $(pods again | cut -d' ' -f1); do
    [ -z "$(field "$CORE/pods/$p" 'o["metadata"].get("ownerReferences") or ""')" ] || fail "$p still names its owner"
done

begin "an object goes with its last owner, by uid and in its namespace"
config() { printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s","ownerReferences":[%s]}}' "$1" "$2" | post $CORE/configmaps > "$T/created"; }
uid() { field "$CORE/configmaps/$1" 'o["metadata"]["uid"]'; }
ref() { printf '{"apiVersion":"v1","kind":"ConfigMap","name":"%s","uid":"%s"}' "$1" "$2"; }
config one ""; config two ""
config both "$(ref one "$(uid one)"),$(ref two "$(uid two)")"
config single "$(ref one "$(uid one)")"
config stranger "$(ref one 00000000-0000-4000-8000-000000000000)"
until_ok 60 gone $CORE/configmaps/stranger || fail "what names an owner of another uid stays"
del $CORE/configmaps/one
until_ok 60 gone $CORE/configmaps/single || fail "a dependent stays"
! gone $CORE/configmaps/both || fail "it went with the first of two owners"
del $CORE/configmaps/two
until_ok 60 gone $CORE/configmaps/both || fail "it outlives both owners"
row KC/SRV-7
finish
