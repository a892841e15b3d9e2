#!/bin/sh
# run.sh - builds each fuzz target with libFuzzer and runs it for FUZZ_S seconds, two at a time.
set -eu
out=$BUILD/fuzzers
mkdir -p "$out"
one() {
    name=$1
    extra=""
    [ "$name" = outputs ] && extra="$BUILD/obj/statuswriter/agentlog.o $BUILD/obj/statuswriter/outputs.o"
    [ "$name" = source ] && for p in ghfilter ghissue items jirafields link; do extra="$extra $BUILD/obj/spawner/$p.o"; done
    case $name in
    api*) for p in "$BUILD"/obj/local/apiserver/*.o; do [ "$(basename "$p")" = main.o ] || extra="$extra $p"; done ;;
    esac
    [ "$name" != render ] || extra=$(ls "$BUILD"/obj/cli/render*.o)
    mkdir -p "$out/$name.new"
    # shellcheck disable=SC2086
    $CC $FLAGS -fsanitize=fuzzer,address,undefined -o "$out/$name" "tests/fuzz/fuzz_$name.c" $extra "$BUILD/libkelos.a" $LIBS
    if "$out/$name" -max_total_time="$FUZZ_S" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$out/$name-" "$out/$name.new" "tests/fuzz/corpus/$name" > "$out/$name.log" 2>&1; then
        echo "ok   $name $(sed -n 's/.*number_of_executed_units: */runs /p' "$out/$name.log")"
    else
        echo "FAIL $name"; tail -n 40 "$out/$name.log"; return 1
    fi
}
if [ $# -eq 1 ]; then one "$1"; exit $?; fi
export BUILD FUZZ_S CC FLAGS LIBS
ls tests/fuzz/fuzz_*.c | sed 's/.*fuzz_\(.*\)\.c/\1/' | xargs -P 2 -I NAME sh tests/fuzz/run.sh NAME
