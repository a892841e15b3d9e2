#!/bin/sh
# run.sh - runs the tests that `make tests` built; the last line counts them.
#   tests/run.sh [unit|integration]
set -u
BUILD=${BUILD:-build}
what=${1:-all}
logs=$BUILD/test-logs
rm -rf "$logs" && mkdir -p "$logs"
ROWS_OUT=$(pwd)/$BUILD/rows.txt; export ROWS_OUT
: > "$ROWS_OUT"
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:log_path=$(pwd)/$logs/asan:detect_leaks=1"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-}:print_stacktrace=1"
passed=0 failed=0 bad=""

# count NAME STATUS: reads the counts from the log of NAME.
count() {
    log=$logs/$1.log
    p=0 f=0
    if [ "$2" -eq 77 ]; then            # what it needs is not on this machine
        printf 'skip %-48s %s\n' "$1" "$(tail -n 1 "$log")"
        return
    fi
    line=$(grep -a 'Synthesis: Tested:' "$log" | tail -n 1)
    if [ -n "$line" ]; then
        p=$(printf '%s' "$line" | sed 's/\x1b\[[0-9;]*m//g; s/.*Passing: *\([0-9]*\).*/\1/')
        f=$(printf '%s' "$line" | sed 's/\x1b\[[0-9;]*m//g; s/.*Failing: *\([0-9]*\).*/\1/')
    else
        line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
        p=${line%% passed*}; f=${line##*, }; f=${f%% failed*}
    fi
    p=${p:-0} f=${f:-0}
    if [ "$2" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    if [ "$p" -eq 0 ] && [ "$f" -eq 0 ]; then f=1; fi      # a test that tests nothing
    passed=$((passed + p)) failed=$((failed + f))
    if [ "$f" -ne 0 ]; then
        bad="$bad $1"
        printf 'FAIL %s (exit %s)\n' "$1" "$2"; tail -n 60 "$log"
    else
        printf 'ok   %-48s %5d\n' "$1" "$p"
    fi
}
run() { # NAME SECONDS CMD...
    name=$1 limit=$2; shift 2
    began=$(date +%s)
    timeout -k 10 "$limit" "$@" > "$logs/$name.log" 2>&1 < /dev/null
    count "$name" $?
    echo "$(($(date +%s) - began)) $name" >> "$logs/seconds"
}

if [ "$what" != integration ]; then
    for t in $(find "$BUILD/tests" -type f -name 'test_*' -perm -u+x | sort); do
        run "$(echo "${t#"$BUILD"/tests/}" | tr / .)" 300 "$t" --timeout 120
    done
    for t in "$BUILD"/tests/fuzz/fuzz_*; do
        [ -x "$t" ] && run "fuzz.$(basename "$t")" 120 "$t" "tests/fuzz/corpus/$(basename "$t" | sed s/^fuzz_//)"
    done
    run property 300 "$BUILD/tests/reconciler/property" --steps 400000
    run layers 60 sh tests/layers.sh
fi
if [ "$what" != unit ]; then
    for t in tests/integration/*.sh; do
        [ -f "$t" ] && run "integration.$(basename "$t" .sh)" 600 sh "$t"
    done
fi
for f in "$logs"/asan.*; do
    [ -f "$f" ] || continue
    failed=$((failed + 1)); bad="$bad $(basename "$f")"
    echo "FAIL sanitizer report $f"; head -n 60 "$f"
done
sort -u -o "$ROWS_OUT" "$ROWS_OUT"
echo "slowest, in seconds: $(sort -rn "$logs/seconds" | head -n 5 | tr '\n' ';')"
[ -z "$bad" ] || echo "failed:$bad"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
