#!/bin/sh
# bus.sh - supervisor and bus with test workers in place of the real ones: hand-shake,
# restart, liveness, quarantine, identity, sandbox, tap, stop order.
. tests/support/lib.sh
S=$BUILD/tests/support/worker_server
PIDS=""
cleanup() { for p in $PIDS; do kill -9 "$p" 2> /dev/null; done; }

# up NAME [VAR=VALUE...] [-- FLAGS...]: a supervisor in $T/NAME with test workers.
up() {
    D=$T/$1; shift
    mkdir -p "$D/bin"
    cp "$BIN/kelos-supervisor" "$BIN/kelos-bus" "$D/bin/"
    for r in watcher reconciler spawner statuswriter apiserver runner; do cp "$S" "$D/bin/kelos-$r"; done
    mkdir -p "$D/share/kelos"
    vars=""
    while [ $# -gt 0 ] && [ "$1" != -- ]; do vars="$vars|$1"; shift; done
    [ $# -gt 0 ] && shift
    (
        IFS='|'
        for v in $vars; do [ -n "$v" ] && export "${v%%=*}=${v#*=}"; done
        unset IFS
        exec "$D/bin/kelos-supervisor" --run-dir "$D/run" --log-level debug "$@" > "$D/log" 2>&1
    ) &
    SP=$!
    PIDS="$PIDS $SP"
}
down() { kill "$SP" 2> /dev/null; wait "$SP" 2> /dev/null; STATUS=$?; }
log_has() { grep -qE "$1" "$D/log"; }
saw() { until_ok "${2:-10}" log_has "$1" || { fail "not in the log: $1"; tail -n 30 "$D/log" >&2; }; }
json() { "$D/bin/kelos-bus" --run-dir "$D/run" status --json; }
field() { json | tr '{' '\n' | grep "\"id\":\"$1\"" | sed -n "s/.*\"$2\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
is() { [ "$(field "$1" "$2")" = "$3" ]; }
ready() { json 2> /dev/null | grep -q '"ready":true'; }
KEY=$(printf a | sha256sum | cut -c1-64)

begin "workers join, talk and are listed"
up join "KELOS_TEST_SOURCES=$KEY"
saw 'source.assign of reconciler/shard-0#1, token of 17 bytes'
saw 'snapshot.end of watcher/watcher#1'
saw 'status.ack 1'
until_ok 5 ready || fail "never ready"
json > "$T/status.json"
for w in watcher statuswriter shard-0 source-$(printf %s "$KEY" | cut -c1-12); do
    is "$w" state up || fail "$w is not up"
done
"$D/bin/kelos-bus" --run-dir "$D/run" status | grep -q '^shard-0 ' || fail "no table"

begin "every thread of every worker is confined"
n=0
for p in $(json | tr '{' '\n' | sed -n 's/.*"pid":\([0-9]*\),"incarnation.*/\1/p'); do
    for t in /proc/"$p"/task/*; do
        n=$((n + 1))
        grep -q '^NoNewPrivs:.1' "$t/status" || fail "$t: no_new_privs is not set"
        grep -q '^Seccomp:.2' "$t/status" || fail "$t: no seccomp filter"
    done
done
[ "$n" -ge 8 ] || fail "only $n threads looked at"

begin "a worker inherits stdio, its listeners and its page, nothing else"
p=$(field "source-$(printf %s "$KEY" | cut -c1-12)" pid)
extra=$(ls -l "/proc/$p/fd" | sed -n 's/.* \([0-9]*\) -> \(.*\)/\2/p' | grep -vE '^(/dev/null|pipe:|socket:|anon_inode:|/proc/|.*/log$|.*smaps_rollup)' || true)
[ -z "$extra" ] || fail "descriptors: $extra"

begin "the tap shows live traffic with secrets masked, and a record replays"
"$D/bin/kelos-bus" --run-dir "$D/run" tap --record "$T/rec" > "$T/tap" 2> "$T/tap.err" &
tap=$!
PIDS="$PIDS $tap"
assigned_anew() { # once the tap is on it shows what a new source is given
    kill -9 "$(field "source-$(printf %s "$KEY" | cut -c1-12)" pid)" 2> /dev/null
    sleep 0.5; grep -q 'source.assign' "$T/tap"
}
until_ok 20 assigned_anew || { fail "no source.assign in the tap"; cat "$T/tap" "$T/tap.err" >&2; }
kill -INT "$tap"; wait "$tap"
grep -q 'token=\*\*\*' "$T/tap" || fail "the token is not masked"
grep -rq 'canary-token' "$T/tap" "$T/rec" "$D/log" && fail "the token is in the tap, the record or the log"
"$D/bin/kelos-bus" replay "$T/rec" > "$T/replayed" || fail "replay failed"
cmp -s "$T/tap" "$T/replayed" || fail "the replay differs from what the tap showed"
"$D/bin/kelos-bus" --kind source.join replay "$T/rec" | grep -v source.join && fail "--kind let others pass"
"$D/bin/kelos-bus" --kind no.such replay "$T/rec" 2> /dev/null && fail "an unknown kind was accepted"
head -c 100 "$T/rec" > "$T/cut"
"$D/bin/kelos-bus" replay "$T/cut" > /dev/null 2>&1 && fail "a cut record replayed"

begin "log levels change at run time, of one worker"
must "$D/bin/kelos-bus" --run-dir "$D/run" log-level watcher error
"$D/bin/kelos-bus" --run-dir "$D/run" log-level nobody error 2> /dev/null && fail "unknown worker accepted"
"$D/bin/kelos-bus" --run-dir "$D/run" log-level watcher loud 2> /dev/null && fail "unknown level accepted"

begin "a killed worker is back at once and is told to everybody"
for w in watcher statuswriter shard-0; do
    old=$(field "$w" incarnation)
    kill -9 "$(field "$w" pid)"
    until_ok 5 is "$w" incarnation $((old + 1)) || fail "$w did not come back"
    until_ok 5 is "$w" state up || fail "$w is not up again"
done
saw 'snapshot.end of watcher/watcher#2'
saw 'status.apply of reconciler/shard-0#2'
is shard-0 lastExit "killed by SIGKILL" || fail "the reason is not told"

begin "a worker frozen by SIGSTOP is noticed, killed and replaced within 2 s"
frozen_and_back() {
    old=$(field watcher incarnation); t=$(now_ms)
    kill -STOP "$(field watcher pid)"
    until_ok 20 is watcher incarnation $((old + 1)) || { fail "still the same"; return; }
    took=$(($(now_ms) - t))
    until_ok 20 is watcher state up || fail "not up again"
    [ "$took" -le 2000 ]
}
best_of 4 frozen_and_back || fail "only after $took ms"

begin "a second supervisor on the same directory is refused with its pid"
"$D/bin/kelos-supervisor" --run-dir "$D/run" 2> "$T/second" && fail "it started"
grep -q "pid $SP" "$T/second" || fail "the message names no pid: $(cat "$T/second")"

begin "SIGTERM stops in order: reconciler, statuswriter, watcher; nothing is left"
pids=$(json | tr '{' '\n' | sed -n 's/.*"pid":\([0-9]*\),"incarnation.*/\1/p')
kill -USR1 "$SP"
saw 'tree: .*"workers"'
down
[ "$STATUS" -eq 0 ] || fail "exit status $STATUS"
order=$(grep -E 'says goodbye' "$D/log" | sed 's/.* \([a-z]*\)\/.*/\1/' | uniq | tr '\n' ' ')
# Whom the watcher's death reaches before its word has ended: that word is not in the log then.
case $order in "spawner reconciler statuswriter watcher "* | "spawner reconciler statuswriter ") ;; *) fail "order: $order" ;; esac
for p in $pids; do [ -d "/proc/$p" ] && fail "process $p is left"; done

begin "supervisor killed: all workers go with it"
up killed "KELOS_TEST_SOURCES=$KEY"
until_ok 10 ready || fail "never ready"
pids=$(json | tr '{' '\n' | sed -n 's/.*"pid":\([0-9]*\),"incarnation.*/\1/p')
kill -9 "$SP"; wait "$SP" 2> /dev/null
gone() { for p in $pids; do [ ! -d "/proc/$p" ] || grep -q '^State:.Z' "/proc/$p/status" || return 1; done; }
until_ok 1 gone || fail "workers are left"

begin "a spawner's forged status.apply is refused and counted, its files are out of reach"
mkdir -p "$T/secret"; echo secret > "$T/secret/state.db"
up forge "KELOS_TEST_SOURCES=$KEY" "KELOS_TEST_DO=spawner:open spawner:forge" "KELOS_TEST_OPEN=$T/secret/state.db"
saw 'forged status.apply sent'
saw 'bus status: message of spawner/source-.* dropped: status.apply: its role may not say this'
saw 'state.db: Permission denied'
log_has 'OPENED' && fail "the spawner opened something"
log_has 'status.apply of spawner' && fail "the forged message was handled"
down

begin "a peer that claims another's routing id is refused and receives nothing"
up steal "KELOS_TEST_SOURCES=$KEY" "KELOS_TEST_DO=spawner:steal" "KELOS_TEST_ROUTING=shard-0"
saw 'bus status: message of spawner/source-.* dropped: it claims a routing id'
saw 'raw socket received nothing'
log_has 'received SOMETHING' && fail "it received something"
down

# Of the supervisor and all of its workers that have died.
cpu_ms() { sed 's/.*) //' "/proc/$SP/stat" | awk -v hz="$(getconf CLK_TCK)" '{ print int(($12 + $13 + $14 + $15) * 1000 / hz) }'; }

begin "a crash loop backs off, is reported as degraded and never given up"
up loop "KELOS_TEST_DO=statuswriter:die"
t=$(now_ms)
degraded() { json 2> /dev/null | grep -q '"degraded":\["statuswriter keeps dying: exited with status 7'; }
until_ok 90 degraded || fail "not degraded: $(json)"
# At once, then after 100 ms doubling, each 20 % less or more.
grep 'statuswriter#.*exited with status 7' "$D/log" | python3 -c '
import datetime, sys
at = [datetime.datetime.fromisoformat(l.split()[0].replace("Z", "+00:00")).timestamp() for l in sys.stdin]
gaps = [b - a for a, b in zip(at, at[1:])]
sys.exit(len(at) < 10 or any(g < 0.079 * 2 ** i for i, g in enumerate(gaps[1:9])))' || fail "it does not back off: $(grep -c 'exited with status 7' "$D/log") deaths"
took=$(($(now_ms) - t)) spent=$(cpu_ms)
echo "     ten deaths in $took ms took $spent ms of CPU"
# 2 % of a core on a machine that is not five times slower.
[ -n "${SANITIZE:-}" ] || [ $((spent * 10)) -le "$took" ] || fail "more than 10 % of a core"
waits() { is statuswriter state waiting || is statuswriter state starting; }
until_ok 20 waits || fail "not waiting"
is watcher state up || fail "the watcher suffers"
json | grep -q '"ready":false' || fail "the tree claims to be ready"
down
[ $((spent * 50)) -gt "$took" ] || row GOAL/R6

# Milliseconds between the first line of the log that matches one and the first with the other.
between() {
    python3 - "$D/log" "$1" "$2" <<'END'
import datetime, sys
def at(text):
    line = next(l for l in open(sys.argv[1]) if text in l)
    return datetime.datetime.fromisoformat(line.split()[0].replace("Z", "+00:00"))
print(int((at(sys.argv[3]) - at(sys.argv[2])).total_seconds() * 1000))
END
}

begin "an endless loop is noticed within 2 s, aborted with a backtrace and replaced"
n=0
noticed() {
    n=$((n + 1)); up "spin$n" "KELOS_TEST_DO=reconciler:spin"
    saw 'makes no progress; aborted' 15
    saw 'shard-0#1.*killed by SIGABRT.*while it processed task/dev/spin' 10
    saw 'shard-0#2 ready' 10
    ms=$(between spinning 'makes no progress')
    [ -n "${SANITIZE:-}" ] || log_has 'aborted; backtrace' || fail "no backtrace"
    down
    [ "$ms" -le 2500 ] || { crowded && [ "$ms" -le 25000 ]; }
}
# A loop that itself gets less than half of a processor: it is given more time (child_is_stuck).
crowded() { python3 -c 'import sys, time
t, c = time.monotonic(), time.process_time()
while time.monotonic() < t + 1: pass
sys.exit(time.process_time() - c > 0.5)'; }
best_of 4 noticed || fail "noticed only after $ms ms (2000 on a quiet machine)"

begin "a key that kills three times is quarantined"
up poison "KELOS_TEST_DO=reconciler:poison"
saw 'shard-0#4: task/dev/poison is quarantined' 20
json | grep -q 'task/dev/poison killed it repeatedly' || fail "not reported"
down

begin "bad configuration is one clear line"
for flags in "--run-dir $T/x --shards 0" "--run-dir $T/x --bus-port 65535 --shards 2" "--run-dir $T/x --local-port 99999 --local $T/l" "" "--run-dir $T/x --sandbox maybe" "--run-dir $T/x --no-such-flag" "--run-dir $T/x --github-api-url ftp://x" "--run-dir $T/x --github-api-url https://x/" "--run-dir $T/x --spawner-resource-requests cpu:5m" "--run-dir $T/x --spawner-resource-limits memory=-1" "--run-dir $T/x --spawner-resource-requests memory=2Gi --spawner-resource-limits memory=1Gi"; do
    # shellcheck disable=SC2086
    "$BIN/kelos-supervisor" $flags --once-check-config > "$T/out" 2>&1 && fail "accepted: $flags"
    [ "$(wc -l < "$T/out")" -eq 1 ] || fail "not one line for: $flags: $(cat "$T/out")"
done
must "$BIN/kelos-supervisor" --run-dir "$T/x" --once-check-config > /dev/null
[ ! -e "$T/x" ] || fail "--once-check-config created something"
long=$T/$(printf 'x%.0s' $(seq 1 100))
"$BIN/kelos-supervisor" --run-dir "$long" > "$T/out" 2>&1 && fail "too long a path was accepted"
grep -q 'shorter name' "$T/out" || fail "the path limit is not explained: $(cat "$T/out")"
"$BIN/kelos-bus" --run-dir "$T/x" status 2> "$T/out" && fail "status without a supervisor"
grep -q 'no supervisor runs here' "$T/out" || fail "$(cat "$T/out")"

finish
