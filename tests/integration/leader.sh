#!/bin/sh
# leader.sh - two controllers on one API server: one acts, the other takes over when it must,
# and not before.
. tests/support/lib.sh
. tests/support/local.sh
cleanup() { [ -z "${STOPPED:-}" ] || server_go_on; controllers_down; server_down; }
# How much later than the protocol says a busy machine may be.
SLACK_MS=${KELOS_TEST_SLACK_MS:-3000}
LEASE=/apis/coordination.k8s.io/v1/namespaces/kelos-system/leases/kelos-controller-leader-election
lease_field() { field $LEASE "o[\"spec\"][\"$1\"]"; }
holder() { lease_field holderIdentity; }
status_of() { "$BIN/kelos-bus" --run-dir "$T/$1.run" status --json; }
leads() { status_of "$1" | grep -q '"leadership":{"leader":true'; }
stands_by() { status_of "$1" | grep -q '"leadership":{"leader":false' && grep -q 'sweep complete' "$T/$1.log"; }
server_up || { echo "0 passed, 1 failed"; exit 1; }
echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c"},"stringData":{"ANTHROPIC_API_KEY":"x","GITHUB_TOKEN":"T"}}' |
    post $CORE/secrets > /dev/null

begin "of two controllers one leads, and says so in the Lease"
controller_up a --leader-elect; until_ok 20 leads a || fail "a does not lead: $(tail -5 "$T/a.log")"
controller_up b --leader-elect; until_ok 20 stands_by b || fail "b does not stand by: $(tail -5 "$T/b.log")"
holder > "$T/holder"
must grep -q '^[^ ]*_[0-9a-f]\{32\}$' "$T/holder"
[ "$(lease_field leaseDurationSeconds)" = 15 ] || fail "duration"
[ "$(lease_field leaseTransitions)" = 0 ] || fail "transitions"
task one 'echo hello'
becomes one Succeeded
[ "$(grep -c 'Task.*one' "$T/b.log")" = 0 ] || fail "b acted: $(grep one "$T/b.log")"

begin "the leader's watcher is killed, ten times: the lead stays, without a transition"
for i in 1 2 3 4 5 6 7 8 9 10; do
    before=$(lease_field renewTime)
    kill -9 "$(worker_of a watcher)"
    renewed() { [ "$(lease_field renewTime)" != "$before" ]; }
    until_ok 5 renewed || fail "kill $i: not renewed"
done
[ "$(lease_field leaseTransitions)" = 0 ] || fail "transitions: $(lease_field leaseTransitions)"
[ "$(holder)" = "$(cat "$T/holder")" ] || fail "holder: $(holder)"
task two 'echo hello'
becomes two Succeeded

begin "a leader that ends gives the Lease back, after those who write are dead; the other acts"
task slow 'sleep 3'
becomes slow Running
controller_end a
until_ok 8 leads b || fail "b does not lead: $(tail -5 "$T/b.log")"
must grep -q 'given back' "$T/a.log"
# In the leader's log: no writer lives when the Lease is given back.
awk '/(shard-0|statuswriter)#1: stopping/ { w++ } /given back/ { exit w < 2 }' "$T/a.log" || fail "given back early: $(tail -20 "$T/a.log")"
[ "$(lease_field leaseTransitions)" = 1 ] || fail "transitions: $(lease_field leaseTransitions)"
becomes slow Succeeded
row TE/W-P6
GIVEN_BACK=$case_bad

begin "a TaskSpawner over a change of the leader: no limit is passed, no Task is made twice"
controller_up a --leader-elect; until_ok 20 stands_by a || fail "a does not stand by"
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"ticks"},"spec":{"when":{"cron":{"schedule":"* * * * *","catchUp":"all"}},"maxConcurrency":2,"maxTotalTasks":8,"taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"promptTemplate":"sleep 0.3"}},"status":{"lastDiscoveryTime":"2026-01-01T00:00:00Z"}}' |
    post $NS/taskspawners > /dev/null
until_ok 10 test "$(field $NS/taskspawners/ticks 'o["status"]["phase"]')" != x
mpatch $NS/taskspawners/ticks/status '{"status":{"lastDiscoveryTime":"2026-01-01T00:00:00Z"}}' > /dev/null
kill -9 "$(worker_of b shard-0)" # the next one asks the source anew
look() { get $NS/tasks | python3 -c '
import json, sys
l = [t for t in json.load(sys.stdin)["items"] if t["metadata"]["name"].startswith("ticks-")]
print(len(l), sum(t.get("status", {}).get("phase") not in ("Succeeded", "Failed") for t in l), len({t["metadata"]["annotations"]["kelos.dev/ordinal"] for t in l}))'; }
begun() { [ "$(look | cut -d' ' -f1)" -ge 2 ]; }
until_ok 20 begun || fail "Tasks: $(look)"
kill "$(controller_pid b)"
all() { # all there: and at no look more than two at a time, or more than eight
    set -- $(look)
    [ "$1" -le 8 ] && [ "$2" -le 2 ] && [ "$3" = "$1" ] || echo "$*" >> "$T/passed"
    [ "$1" = 8 ] && [ "$2" = 0 ]
}
until_ok 40 all || fail "Tasks: $(look)"
wait "$(controller_pid b)" 2> /dev/null
leads a || fail "a does not lead"
[ ! -s "$T/passed" ] || fail "limits: $(cat "$T/passed")"
must grep -q 'given back' "$T/b.log"
[ "$GIVEN_BACK" = 0 ] && row SP/W30
del $NS/taskspawners/ticks
controller_up b --leader-elect; until_ok 20 stands_by b || fail "b does not stand by"
controller_end a
until_ok 8 leads b || fail "b does not lead: $(tail -5 "$T/b.log")"

begin "a leader that is killed with all its workers is followed within the duration and 2 s"
controller_up c --leader-elect; until_ok 20 stands_by c || fail "c does not stand by"
t0=$(date +%s%N)
controller_kill b
until_ok 25 leads c || fail "c does not lead: $(tail -5 "$T/c.log")"
took=$((($(date +%s%N) - t0) / 1000000))
[ "$took" -ge 12000 ] || fail "took over after $took ms: too early"
[ "$took" -le $((17000 + SLACK_MS)) ] || fail "took over after $took ms"
task three 'echo hello'
becomes three Succeeded

begin "a leader whose watcher cannot renew loses its writers before another may lead"
controller_up d --leader-elect; until_ok 20 stands_by d || fail "d does not stand by"
SHARD=$(worker_of c shard-0)
t0=$(date +%s%N)
server_pause; STOPPED=1
gone_shard() { ! kill -0 "$SHARD" 2> /dev/null; }
until_ok 16 gone_shard || fail "the leader's reconciler lives on without a Lease"
took=$((($(date +%s%N) - t0) / 1000000))
[ "$took" -le $((13000 + SLACK_MS)) ] || fail "its writers died after $took ms"
must grep -q 'the lease was not renewed for 10 s: ending all that write' "$T/c.log"
server_go_on; STOPPED=""
one_leads() { leads c || leads d; }
until_ok 25 one_leads || fail "nobody leads afterwards"
task four 'echo hello'
becomes four Succeeded 40
row KC/LE-5
finish
