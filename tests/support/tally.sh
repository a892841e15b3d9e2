# tally.sh - what tests have said, read and added up; for the two runners, tests/run.sh and
# tests/kube/check.sh. Both count a test once: one that failed beside others is tried once more,
# alone, when all have ended, unless there are more than ALONE_MAX of them, which is no accident.
ALONE_MAX=3

# tally_read LOG STATUS: sets p and f, how many passed and failed in it. A test that ended badly,
# or says nothing, has failed.
tally_read() {
    p=0 f=0
    line=$(grep -a 'Synthesis: Tested:' "$1" | tail -n 1)
    if [ -n "$line" ]; then
        p=$(printf '%s' "$line" | sed 's/\x1b\[[0-9;]*m//g; s/.*Passing: *\([0-9]*\).*/\1/')
        f=$(printf '%s' "$line" | sed 's/\x1b\[[0-9;]*m//g; s/.*Failing: *\([0-9]*\).*/\1/')
    else
        line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed$' "$1" | tail -n 1)
        p=${line%% passed*}; f=${line##*, }; f=${f%% failed*}
    fi
    p=${p:-0} f=${f:-0}
    if [ "$2" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    if [ "$p" -eq 0 ] && [ "$f" -eq 0 ]; then f=1; fi      # a test that tests nothing
}
# tally_late NAME STATUS LOG: says how a test failed that is to be tried again, and keeps its log.
tally_late() {
    cp "$3" "${3%.*}.first.log"
    printf 'late %s (exit %s)\n%s\n' "$1" "$2" "$(grep -av '^ok' "$3" | tail -n 20)"
}
# tally_end COUNTS AGAIN SECONDS: the last lines; status 1 when anything has failed. COUNTS holds
# "PASSED FAILED NAME" lines, AGAIN what was tried twice ("NAME ..."), SECONDS "SECONDS NAME".
tally_end() {
    echo "slowest, in seconds: $(sort -rn "$3" | head -n 8 | tr '\n' ';')"
    [ ! -s "$2" ] || echo "failed beside others, see their .first.log: $(cut -d' ' -f1 "$2" | tr '\n' ' ')"
    awk '{ p += $1; f += $2; if ($2) bad = bad " " $3 }
         END { if (bad) print "failed:" bad; print p " passed, " f " failed"; exit f > 0 }' "$1"
}
