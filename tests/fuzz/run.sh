#!/bin/sh
# run.sh - runs the named fuzz targets for FUZZ_S seconds each, two at a time.
#   BUILD=build-fuzz FUZZ_S=60 tests/fuzz/run.sh NAME...
# New inputs stay in BUILD/fuzzers/NAME.new, what made a target fail in BUILD/fuzzers/NAME-*.
set -u
if [ "${1:-}" != -1 ]; then
    export BUILD FUZZ_S
    printf '%s\n' "$@" | xargs -P 2 -I NAME sh "$0" -1 NAME
    exit $?
fi
out=$BUILD/fuzzers name=$2
mkdir -p "$out/$name.new"
if "$out/$name" -max_total_time="$FUZZ_S" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$out/$name-" "$out/$name.new" "tests/fuzz/corpus/$name" > "$out/$name.log" 2>&1; then
    echo "ok   $name $(sed -n 's/.*number_of_executed_units: */runs /p' "$out/$name.log")"
else
    echo "FAIL $name"; tail -n 40 "$out/$name.log"; exit 1
fi
