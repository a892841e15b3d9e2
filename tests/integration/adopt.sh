#!/bin/sh
# adopt.sh - what runs outlives the supervisor, and the next one goes on with it; quiet means quiet.
. tests/support/lib.sh
. tests/support/local.sh
cleanup() { local_down; "$BIN/kelos-runner" --end-containers --data "$T/d" > /dev/null 2>&1; }
local_up || { echo "0 passed, 1 failed"; exit 1; }

begin "the next supervisor adopts a Task that the dead one left, and starts nothing twice"
task kept "echo before; $(held kept); echo after; exit 0"
becomes kept Running
kept_pod() { get "$CORE/pods" | python3 -c 'import json, sys; print([p["metadata"]["name"] for p in json.load(sys.stdin)["items"] if p["metadata"]["name"].startswith("kept")][0])'; }
kept_log() { get "$CORE/pods/$(kept_pod)/log" | tr '\n' ' '; }
begun() { [ "$(kept_log)" = "before " ]; }
until_ok 10 begun || fail "log '$(kept_log)'"
local_kill
local_again || fail "it does not start again"
release kept
becomes kept Succeeded
[ "$(kept_log)" = "before after " ] || fail "log '$(kept_log)'"
[ "$(field $JOBS/kept 'o["status"].get("failed", 0)')" = 0 ] || fail "a Pod failed"

begin "nothing to do: the runner does not wake up"
p=$(runner_pid)
woken() { awk '/^voluntary_ctxt/ {n += $2} END {print n}' /proc/"$p"/task/*/status; }
# A machine that is late with what went before may still be at it.
for i in 1 2 3 4; do
    sleep 3; before=$(woken); sleep 5; after=$(woken)
    [ $((after - before)) -gt 10 ] || break
done
echo "     runner: $((after - before)) wake-ups in 5 s without work"
[ $((after - before)) -le 10 ] || fail "$((after - before)) wake-ups in 5 s"
finish
