#!/bin/sh
# run.sh - runs the tests that `make tests` built, JOBS of them at a time; the last line counts them.
#   tests/run.sh [unit|integration|one NAME SECONDS CMD...]
# At the end the core of the tests against the real API server runs (tests/kube/check.sh).
# Every test has its own folder, its own ports and its own log, so that any two can run side by side.
# One that failed beside others is tried once more, alone, when all have ended: what fails again has
# failed; what passes then is named above the last line, with its first log kept (NAME.first.log).
set -u
BUILD=${BUILD:-build}; export BUILD
JOBS=${JOBS:-$(($(nproc) + 1))}            # most of them wait more than they compute
. tests/support/tally.sh
what=${1:-all}
logs=$BUILD/test-logs

# count NAME STATUS: writes "passed failed name" of the log of NAME, and says how it went;
# fails without a word for a first failure: that is not counted yet.
count() {
    log=$logs/$1.log
    if [ "$2" -eq 77 ]; then            # what it needs is not on this machine
        printf 'skip %-48s %s\n' "$1" "$(tail -n 1 "$log")"
        return
    fi
    tally_read "$log" "$2"
    if [ "$f" -ne 0 ] && [ -z "${ALONE:-}" ]; then return 1; fi
    echo "$p $f $1" >> "$logs/counts"
    if [ "$f" -ne 0 ]; then
        printf 'FAIL %s (exit %s)\n%s\n' "$1" "$2" "$(tail -n 60 "$log")"
    else
        printf 'ok   %-48s %5d\n' "$1" "$p"
    fi
}
one() { # NAME SECONDS CMD...
    name=$1 limit=$2; shift 2
    began=$(date +%s)
    timeout -k 10 "$limit" "$@" > "$logs/$name.log" 2>&1 < /dev/null
    status=$?
    if ! count "$name" $status; then
        tally_late "$name" "$status" "$logs/$name.log"
        echo "$name $limit $*" >> "$logs/again"
    fi
    echo "$(($(date +%s) - began)) $name" >> "$logs/seconds"
}
if [ "$what" = one ]; then shift; one "$@"; exit 0; fi

rm -rf "$logs" && mkdir -p "$logs" && : > "$logs/counts" && : > "$logs/seconds" && : > "$logs/again"
ROWS_OUT=$(pwd)/$BUILD/rows.txt; export ROWS_OUT
: > "$ROWS_OUT"
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:log_path=$(pwd)/$logs/asan:detect_leaks=1"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-}:print_stacktrace=1"

# The tests, one "NAME SECONDS CMD..." a line.
units() {
    for t in $(find "$BUILD/tests" -type f -name 'test_*' -perm -u+x | sort); do
        echo "$(echo "${t#"$BUILD"/tests/}" | tr / .) 300 $t --timeout 120"
    done
    for t in "$BUILD"/tests/fuzz/fuzz_*; do
        [ -x "$t" ] && echo "fuzz.$(basename "$t") 120 $t tests/fuzz/corpus/$(basename "$t" | sed s/^fuzz_//)"
    done
    echo "property 300 $BUILD/tests/reconciler/property --steps 400000"
    echo "layers 60 sh tests/layers.sh"
}
# The longest begin first, so that nothing waits for them at the end.
LONG="disturbed github-app lagging spawner spawner_rows spawners isolation leader pulls"
integrations() {
    for t in $LONG; do echo "integration.$t 1500 sh tests/integration/$t.sh"; done
    for t in tests/integration/*.sh; do
        t=$(basename "$t" .sh)
        case " $LONG " in *" $t "*) ;; *) echo "integration.$t 1500 sh tests/integration/$t.sh" ;; esac
    done
}
side_by_side() { xargs -r -P "$JOBS" -L 1 sh "$0" one; }
[ "$what" = integration ] || units | side_by_side
[ "$what" = unit ] || integrations | side_by_side
ALONE=1; export ALONE
again=$(wc -l < "$logs/again")
if [ "$again" -le "$ALONE_MAX" ]; then
    JOBS=1; side_by_side < "$logs/again"
else
    while read -r name _; do
        echo "0 1 $name" >> "$logs/counts"
        printf 'FAIL %s\n%s\n' "$name" "$(tail -n 60 "$logs/$name.log")"
    done < "$logs/again"
fi

for f in "$logs"/asan.*; do
    [ -f "$f" ] || continue
    # What was killed while it looked for its leaks has found nothing.
    grep -q -e 'ERROR:' -e 'runtime error:' "$f" || continue
    echo "0 1 $(basename "$f")" >> "$logs/counts"
    echo "FAIL sanitizer report $f"; head -n 60 "$f"
done
sort -u -o "$ROWS_OUT" "$ROWS_OUT"
# What must not wait for `make check-kube`, where the server's programs are; instrumented programs
# have met it in the tests above that start one of their own.
if [ "$what" = all ] && [ -z "${SANITIZE:-}" ]; then
    if sh tests/kube/assets.sh > /dev/null 2>&1; then
        COUNTS=$logs/counts sh tests/kube/check.sh --core || echo "0 1 kube" >> "$logs/counts"
        echo "make check-kube runs all tests of the cluster against the real API server, in two ways"
    else
        echo "not run: the tests against the real API server; make kube-assets builds it (some minutes)"
    fi
fi
tally_end "$logs/counts" "$logs/again" "$logs/seconds"
