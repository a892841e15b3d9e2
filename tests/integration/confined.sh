#!/bin/sh
# confined.sh - the real tree of local mode: every thread of every worker but the runner's is
# confined, and the supervisor's death leaves none of them.
. tests/support/lib.sh
SP=""
cleanup() { [ -z "$SP" ] || kill -9 "$SP" 2> /dev/null; }
json() { "$BIN/kelos-bus" --run-dir "$T/run" status --json 2> /dev/null; }
ready() { json | grep -q '"ready":true'; }
pids() { json | tr '{' '\n' | sed -n "/\"id\":\"$1/s/.*\"pid\":\([0-9]*\),\"incarnation.*/\1/p"; }

begin "every thread of every real worker shows no_new_privs and seccomp"
"$BIN/kelos-supervisor" --run-dir "$T/run" --local "$T/d" --metrics-bind-address 0 --health-probe-bind-address 0 > "$T/log" 2>&1 &
SP=$!
until_ok 30 ready || { fail "never ready"; cat "$T/log" >&2; }
for w in apiserver watcher statuswriter shard-0; do
    p=$(pids "$w")
    [ -n "$p" ] || fail "$w has no process"
    for t in /proc/"$p"/task/*; do
        grep -q '^NoNewPrivs:.1' "$t/status" || fail "$w, $t: no_new_privs is not set"
        grep -q '^Seccomp:.2' "$t/status" || fail "$w, $t: no seccomp filter"
    done
done

begin "the supervisor killed: no worker is left"
all=$(pids "")
kill -9 "$SP"; wait "$SP" 2> /dev/null; SP=""
gone() { for p in $all; do [ ! -d "/proc/$p" ] || grep -q '^State:.Z' "/proc/$p/status" || return 1; done; }
until_ok 2 gone || fail "workers are left"

finish
