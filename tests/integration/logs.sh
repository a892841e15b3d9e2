#!/bin/sh
# logs.sh - kelos logs: a log that is followed over broken connections, control characters in it, and
# lines and logs that are longer than anybody wants to keep.
. tests/support/lib.sh
. tests/support/local.sh
RELAY=""
cleanup() { [ -z "$RELAY" ] || kill "$RELAY" 2> /dev/null; local_down; }
local_up || { echo "0 passed, 1 failed"; exit 1; }
export KUBECONFIG="$K" HOME="$T/home"; mkdir -p "$HOME"
unset KELOS_CONFIG KELOS_NAMESPACE
logs() { "$BIN/kelos" logs "$@"; }
esc=$(printf '\033')

begin "followed over broken connections, no line is lost and none comes twice"
python3 tests/support/relay.py "$T/relay.port" "127.0.0.1:${S##*:}" & RELAY=$!
until_ok 20 test -s "$T/relay.port"
sed "s#\(server: .*//\).*#\1127.0.0.1:$(cat "$T/relay.port")#" "$K" > "$T/relayed"; chmod 600 "$T/relayed"
# Two of three lines of a round are alike or come in two pieces.
task paced "i=0; while [ \$i -lt 60 ]; do i=\$((i + 1)); echo same; echo line \$i; printf 'half '; sleep 0.02; echo of \$i; sleep 0.05; done"
python3 -c 'for i in range(1, 61): print("same\nline %d\nhalf of %d" % (i, i))' > "$T/wanted"
becomes paced Running
logs paced -f --kubeconfig "$T/relayed" > "$T/followed" 2> "$T/said" & follower=$!
at() { [ "$(wc -l < "$T/followed")" -ge "$1" ]; }
for n in 10 40 41 90 120; do
    until_ok 60 at $n || fail "it does not get to line $n: $(cat "$T/said")"
    kill -HUP "$RELAY"
done
wait "$follower" || fail "it ended with $?: $(cat "$T/said")"
cmp -s "$T/wanted" "$T/followed" || fail "$(diff "$T/wanted" "$T/followed" | head -20)"
# The stamps are the reader's when he asks for them, each line's own.
logs paced -f --timestamps > "$T/stamped" 2> "$T/said" || fail "$(cat "$T/said")"
sed 's/^[0-9-]*T[0-9:.]*Z //' "$T/stamped" | cmp -s - "$T/wanted" || fail "stamped: $(head -3 "$T/stamped")"
[ "$(grep -c '^20[0-9-]*T' "$T/stamped")" = 180 ] || fail "stamps: $(head -3 "$T/stamped")"
row KC/LOG-3

begin "control characters reach a terminal only with --raw"
task coloured "printf '\\\\033]0;mine\\\\007\\\\033[2Jplain\\\\n'; echo '{\\\"type\\\":\\\"assistant\\\",\\\"message\\\":{\\\"content\\\":[{\\\"type\\\":\\\"text\\\",\\\"text\\\":\\\"\\\\u001b[31mwords\\\"}]}}'"
becomes coloured Succeeded 60
# on_terminal ARGS: what a terminal gets.
on_terminal() { python3 -c 'import os, pty, sys
def read(fd):
    data = os.read(fd, 65536)
    sys.stdout.buffer.write(data); sys.stdout.buffer.flush()
    return b""
pty.spawn(sys.argv[1:], read)' "$BIN/kelos" logs "$@" < /dev/null; }
none() { ! grep -q "$esc" "$1" || fail "$2: $(head -c 300 "$1" | od -c | head -5)"; }
for how in "" --raw -f "-f --raw" --timestamps; do
    # shellcheck disable=SC2086
    logs coloured $how > "$T/out" 2>&1 || fail "$how: $(cat "$T/out")"
    none "$T/out" "to a file with '$how'"
    must grep -q '\\x1b\]0;mine\\x07\\x1b\[2Jplain' "$T/out"
done
logs coloured > "$T/out" 2> "$T/said"
must grep -qxF '\x1b[31mwords' "$T/out"
on_terminal coloured > "$T/out" 2>&1
must grep -qF '\x1b[2Jplain' "$T/out"
grep -q "$esc\[2J\|$esc\[31m" "$T/out" && fail "a terminal gets it without --raw"
on_terminal coloured --raw > "$T/out" 2>&1
must grep -qF "$esc[2Jplain" "$T/out"
row KC/LOG-6

begin "a line without end and a log of many megabytes cost nobody memory, and the results are found"
peak() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(pid_of "$1")/status"; }
task brief 'echo ---KELOS_OUTPUTS_START---; echo branch: b; echo ---KELOS_OUTPUTS_END---'
becomes brief Succeeded 60
before_s=$(peak statuswriter) before_r=$(peak shard-0)
task long "echo ---KELOS_OUTPUTS_START---; echo branch: early; echo ---KELOS_OUTPUTS_END---; head -c 3000000 /dev/zero | tr '\\\\000' x; echo; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do yes 0123456789 | head -c 1000000; done; echo; echo ---KELOS_OUTPUTS_START---; echo branch: late; echo ---KELOS_OUTPUTS_END---"
becomes long Succeeded 120
[ "$(field $NS/tasks/long 'o["status"]["results"]["branch"]')" = late ] || fail "results: $(get $NS/tasks/long)"
logs long --raw > "$T/out" || fail "kelos logs: $?"
longest=$(awk 'length > n { n = length } END { print n }' "$T/out")
[ "$longest" -ge 1048576 ] && [ "$longest" -lt 1049600 ] || fail "the longest line has $longest bytes"
must grep -q 'xxx.*dropped' "$T/out"
# An instrumented program keeps what was freed for a while.
if [ -z "${SANITIZE:-}" ]; then
    for w in "statuswriter $before_s" "shard-0 $before_r"; do
        grew=$(($(peak "${w% *}") - ${w#* }))
        [ "$grew" -lt 3072 ] || fail "${w% *} grew by $grew kB"
    done
fi
row KC/LOG-5
finish
