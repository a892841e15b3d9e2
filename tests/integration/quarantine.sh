#!/bin/sh
# quarantine.sh - a Task of which the reconciler dies: three deaths, then it is left alone and
# says so, and the others run; a reconciler that no longer dies of it takes it up again.
. tests/support/lib.sh
. tests/support/local.sh
cleanup() { local_down; }
mkdir -p "$T/bin"
for p in "$BIN"/*; do ln -s "$p" "$T/bin/"; done
rm "$T/bin/kelos-supervisor" "$T/bin/kelos-reconciler"
cp "$BIN/kelos-supervisor" "$T/bin/"
cp "$BUILD/tests/reconciler/poisoned" "$T/bin/kelos-reconciler"
LOCAL_SUPERVISOR=$T/bin/kelos-supervisor
KELOS_TEST_POISON=$T/poison
export KELOS_TEST_POISON
: > "$KELOS_TEST_POISON"
local_up || { echo "0 passed, 1 failed"; exit 1; }

condition() { field "$NS/tasks/$1" '[c["status"]+" "+c["reason"] for c in o["status"]["conditions"] if c["type"]=="Quarantined"][0]'; }
condition_is() { [ "$(condition "$1")" = "$2" ]; }
deaths() { grep -c "while it processed task/0/default/$1\$" "$T/supervisor.log"; }

begin "a Task of which the reconciler dies when it decides is left alone after three deaths"
task one 'true # poison-decide'
# Beside it, while the reconciler dies and comes back: when other Tasks get their Jobs.
worst=0
for i in 1 2 3 4 5 6; do
    t=$(date +%s%3N)
    task "beside-$i" 'true'
    until_ok 30 has_job "beside-$i" || fail "beside-$i has no Job"
    ms=$(($(date +%s%3N) - t))
    [ "$ms" -le "$worst" ] || worst=$ms
done
echo "     the others' Jobs after $worst ms, worst of 6"
until_ok 30 condition_is one 'True ProcessDied' || fail "its condition is '$(condition one)'"
[ "$(deaths one)" -eq 3 ] || fail "$(deaths one) deaths"
event_comes one 'Warning Quarantined Processing this object ended'
[ "$worst" -gt 1000 ] || row GOAL/R7 # 1 s on a machine that is not busy

begin "so is one of which it dies in an answer, while it makes the Job"
task two 'true # poison-build'
until_ok 30 condition_is two 'True ProcessDied' || fail "its condition is '$(condition two)'"
[ "$(deaths two)" -eq 3 ] || fail "$(deaths two) deaths"

read_deaths() { grep -c "while it processed read $1/0/default/$2\$" "$T/supervisor.log"; }
unread() { events_of "$1" | grep -q 'Warning Quarantined Reading this object ended'; }

begin "so is one of which it dies when it is shown, of whatever kind"
task five 'true # poison-read'
until_ok 30 unread five || fail "no Event: $(events_of five)"
[ "$(read_deaths tasks five)" -eq 3 ] || fail "$(read_deaths tasks five) deaths"
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"six"},"spec":{"repo":"https://h.example/a/b","ref":"poison-read"}}' | post $NS/workspaces > /dev/null
until_ok 30 unread six || fail "no Event: $(events_of six)"
[ "$(read_deaths workspaces six)" -eq 3 ] || fail "$(read_deaths workspaces six) deaths"
[ "$(phase five)" = "" ] || fail "five is $(phase five)"

begin "the others run, and no further death comes of it"
n=$(grep -c 'while it processed' "$T/supervisor.log")
task three 'echo well'
becomes three Succeeded
mpatch $NS/tasks/one '{"metadata":{"labels":{"touched":"yes"}}}' > /dev/null
task four 'echo well'
becomes four Succeeded
[ "$(grep -c 'while it processed' "$T/supervisor.log")" -eq "$n" ] || fail "it died again"
[ "$(phase one)" = "" ] || fail "one is $(phase one)"
must "$BIN/kelos-bus" --run-dir "$(run_dir)" status --json > "$T/status"
must grep -q 'killed it repeatedly and is left alone' "$T/status"
row KC/Q-5

begin "without the cause they run, and the condition says that it is over"
local_down
rm "$KELOS_TEST_POISON"
local_again || fail "it does not start again"
becomes one Succeeded; becomes two Succeeded; becomes five Succeeded
until_ok 10 condition_is one 'False Processed' || fail "its condition is '$(condition one)'"
until_ok 10 condition_is two 'False Processed' || fail "its condition is '$(condition two)'"

finish
