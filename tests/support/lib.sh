# lib.sh - what every shell test uses. Source it: . tests/support/lib.sh
#
#   begin "name"      starts a test case; the one before it passed unless it failed
#   fail "why"        marks the case as failed and goes on
#   must CMD...       fails the case when CMD fails
#   row TE/ST1 ...    claims acceptance rows, if the case has not failed so far
#   until_ok SECONDS CMD...   waits for what must come, however slow the machine is
#   within SECONDS CMD...     the same where coming later would be wrong
#   best_of N CMD...  tries up to N times what a busy machine may spoil by chance: measured times
#   now_ms            milliseconds since 1970
#   free_port         prints a port of loopback that nobody listens on
#   finish            ends the last case, prints "N passed, N failed", exits 0 or 1
#
# BUILD names the build folder; logs of a failed test's processes stay in BUILD/test-logs/NAME. T is a private folder that is removed at the end.
BUILD=${BUILD:-build}
BIN=$(cd "$BUILD/bin" && pwd)
T=$(mktemp -d "${TMPDIR:-/tmp}/kt.XXXXXX")
passed=0 failed=0 case_name="" case_bad=0
cleanup() { :; }                       # a test may define its own
# What the processes of a failed test wrote, beside the test's own log.
keep_logs() {
    [ "$failed" -gt 0 ] || [ "$case_bad" -ne 0 ] || return 0
    _kept=$BUILD/test-logs/$(basename "$0" .sh)
    mkdir -p "$_kept" && cp "$T"/*.log "$T"/d/log/*.log "$_kept" 2> /dev/null
}
trap 'cleanup; keep_logs; rm -rf "$T"' EXIT
trap 'exit 130' INT TERM

end_case() {
    [ -n "$case_name" ] || return 0
    if [ "$case_bad" -eq 0 ]; then passed=$((passed + 1)); echo "ok   $case_name"
    else failed=$((failed + 1)); echo "FAIL $case_name"; fi
    case_name=""
}
begin() { end_case; case_name=$1 case_bad=0; }
fail() { case_bad=1; echo "     $case_name: $*" >&2; }
must() { "$@" || fail "command failed: $*"; }
row() {
    [ "$case_bad" -eq 0 ] || return 0
    if [ -n "${ROWS_OUT:-}" ]; then for r in "$@"; do echo "$r" >> "$ROWS_OUT"; done; fi
}
# Both give up when the time has passed and ten tries were made for each second of it: a machine
# that stands still for a while costs none.
# Waiting long costs nothing where all is well: until something has failed, nothing is waited for
# less than PATIENCE seconds.
PATIENCE=60
until_ok() {
    _least=$PATIENCE
    [ "$failed" -eq 0 ] && [ "$case_bad" -eq 0 ] || _least=0
    if [ "$1" -lt "$_least" ]; then shift; within "$_least" "$@"; else within "$@"; fi
}
within() {
    _n=$(($1 * 10)) _end=$(($(date +%s) + $1)); shift
    until "$@" > /dev/null 2>&1; do
        _n=$((_n - 1)); [ "$_n" -gt 0 ] || [ "$(date +%s)" -lt "$_end" ] || return 1
        sleep 0.05
    done
}
best_of() {
    _tries=$1; shift
    while ! "$@"; do _tries=$((_tries - 1)); [ "$_tries" -gt 0 ] && [ "$case_bad" -eq 0 ] || return 1; done
}
now_ms() { echo $(($(date +%s%N) / 1000000)); }
# Below the ports that the kernel gives to those who connect, and by chance, so that tests that
# run side by side do not meet.
free_port() {
    python3 -c '
import random, socket
while True:
    port = random.randrange(10240, 32768)
    with socket.socket() as s:
        try:
            s.bind(("", port))
        except OSError:
            continue
    print(port)
    break'
}
finish() {
    end_case
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit $?
}
