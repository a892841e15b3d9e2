# tree.sh - a real supervisor with test programs in some places; source it behind lib.sh.
#
#   tree_new NAME ROLE=PROGRAM...   a folder $D with bin/ and share/; unnamed roles are played
#                                   by worker_server, "real" means the real program
#   tree_up FLAGS...                starts it: commands to the shard by `tell`, what it says
#                                   is in $D/out, the log in $D/log
#   tree_down                       sets STATUS
#   mark; hear REGEX [SECONDS]      the shard has said a matching line since `mark`
#   line REGEX                      the latest such line
tree_new() {
    D=$T/$1; shift
    mkdir -p "$D/bin" "$D/share/kelos"
    cp "$BIN/kelos-supervisor" "$BIN/kelos-bus" "$D/bin/"
    for r in watcher reconciler spawner statuswriter apiserver runner; do
        p=$BUILD/tests/support/worker_server
        for pair; do [ "${pair%%=*}" = "$r" ] && p=${pair#*=}; done
        [ "$p" != real ] || p=$BIN/kelos-$r
        cp "$p" "$D/bin/kelos-$r"
    done
    mkfifo "$D/in"
}
tree_up() {
    "$D/bin/kelos-supervisor" --run-dir "$D/run" --log-level debug "$@" < "$D/in" > "$D/out" 2> "$D/log" &
    SP=$!
    exec 3> "$D/in"
}
tree_down() {
    [ -n "${SP:-}" ] || return 0
    exec 3>&-
    kill "$SP" 2> /dev/null
    wait "$SP" 2> /dev/null; STATUS=$?
    SP=""
}
tell() { printf '%s\n' "$1" >&3; }
mark() { MARK=$(wc -l < "$D/out"); }
heard() { tail -n +$((MARK + 1)) "$D/out" | grep -qE -- "$1"; }
hear() { until_ok "${2:-15}" heard "$1" || { fail "not heard: $1"; tail -n 5 "$D/out" >&2; tail -n 15 "$D/log" >&2; }; }
line() { tail -n +$((MARK + 1)) "$D/out" | grep -E -- "$1" | tail -n 1; }
worker_pid() { "$D/bin/kelos-bus" --run-dir "$D/run" status --json | tr '{' '\n' | grep "\"id\":\"$1" | sed -n 's/.*"pid":\([0-9]*\).*/\1/p'; }
