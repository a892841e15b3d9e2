# forge.sh - starts kelos-demo-forge for a shell test; source it behind lib.sh.
#
#   forge_up STATE.json   sets FORGE (its base URL) and FORGE_PID
#   forge_down
#   ctl METHOD PATH [BODY]   the control interface; prints the answer
#   count NAME               one of /_control/counts, 0 when absent
forge_up() {
    rm -f "$T/forge.port"
    "$BIN/kelos-demo-forge" --state "$1" --port-file "$T/forge.port" --log-level debug 2>> "$T/forge.log" &
    FORGE_PID=$!
    until_ok 10 test -s "$T/forge.port" || fail "the forge does not start"
    FORGE=http://127.0.0.1:$(cat "$T/forge.port")
}
forge_down() {
    [ -n "${FORGE_PID:-}" ] || return 0
    kill "$FORGE_PID" 2> /dev/null
    wait "$FORGE_PID" 2> /dev/null
    FORGE_PID=""
}
ctl() { curl -sS --noproxy '*' -X "$1" "$FORGE/_control/$2" ${3:+-d "$3"}; }
fault() { ctl POST faults "$1" > /dev/null; }
count() { ctl GET counts | tr ',{}' '\n\n\n' | sed -n "s/^\"$1\": *\([0-9]*\)$/\1/p" | grep . || echo 0; }
