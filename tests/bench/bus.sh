#!/bin/sh
# bus.sh - the bus alone: supervisor and four test workers that do nothing but speak.
. tests/support/lib.sh
. tests/bench/measure.sh
IDLE_S=${IDLE_S:-10} ROUNDS=${ROUNDS:-20}
SP=""
cleanup() { [ -z "$SP" ] || kill "$SP" 2> /dev/null; }
mkdir -p "$T/bin"
cp "$BIN/kelos-supervisor" "$BIN/kelos-bus" "$T/bin/"
for r in watcher reconciler spawner statuswriter; do cp "$BUILD/tests/support/worker_server" "$T/bin/kelos-$r"; done
KELOS_TEST_SOURCES=$(printf a | sha256sum | cut -c1-64); export KELOS_TEST_SOURCES
start() { mkfifo "$T/ready$1"; "$T/bin/kelos-supervisor" --run-dir "$T/run" --notify-fd 9 9<> "$T/ready$1" > "$T/log" 2>&1 & SP=$!; read -r _ < "$T/ready$1"; }
for i in 1 2 3 4 5 6 7; do
    t=$(now_ms); start "$i"; echo $(($(now_ms) - t)) >> "$T/starts"
    [ "$i" -eq 7 ] || { kill "$SP"; wait "$SP"; }
done
echo "start to ready, ms: $(spread < "$T/starts")"
sleep 1
pids=$(tree_of "$SP")
echo "processes: $(echo "$pids" | wc -w), PSS of all: $(pss_of $pids) KiB"
w=$(wakeups_of $pids) c=$(ticks_of $pids); sleep "$IDLE_S"
echo "idle: $((($(wakeups_of $pids) - w) * 10 / IDLE_S)) wake-ups per 10 s, $(($(ticks_of $pids) - c)) ticks of CPU in $IDLE_S s"
pid_of() { "$T/bin/kelos-bus" --run-dir "$T/run" status --json | tr '{' '\n' | sed -n "s/.*\"id\":\"$1\".*\"pid\":\([0-9]*\),.*/\1/p"; }
served() { grep -c 'status.apply of reconciler' "$T/log"; }
i=0
while [ "$i" -lt "$ROUNDS" ]; do
    p=$(pid_of statuswriter); n=$(served); t=$(now_ms)
    kill -9 "$p"
    while [ "$(served)" -le "$n" ]; do :; done
    line=$(grep 'status.apply of reconciler' "$T/log" | tail -n 1)
    echo $(($(date -d "${line%% *}" +%s%3N) - t)) >> "$T/kills"
    i=$((i + 1)); sleep 0.3
done
echo "kill -9 of the statuswriter to its successor's first answer, ms: $(spread < "$T/kills")"
kill "$SP"; wait "$SP"; SP=""
