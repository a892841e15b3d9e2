#!/bin/sh
# check.sh - every integration test against the real API server; the last line counts them.
#
#   tests/kube/check.sh [--feature-gates=WatchList=false] [--core | TEST...]
#
# --core: those that show in some minutes that the controller, its spawners and the command line
# hold on a real server; `make check` runs them where the server's programs are.
#
# Every script of tests/integration runs, but those that tests/kube/local-only names with a
# reason. A script decides nothing of that itself: one that asks the API server nothing, or that
# names the server it runs on, fails. The controller runs under its ServiceAccount and the shipped
# roles, never as an administrator, and at the end each of its rights must have been used.
#
# COUNTS, a file: what passed and failed is written there, and whoever gave it says the sum.
# JOBS control planes (3) stand side by side, and each runs one script at a time: the scripts
# share one namespace and the controllers one Lease. KELOS_KEEP=1 keeps what they wrote.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/tally.sh
BUILD=${BUILD:-build}; export BUILD
JOBS=${JOBS:-3}
LIST=tests/kube/local-only
count() { # NAME PASSED FAILED
    echo "$2 $3 $1" >> "$ALL/counts"
}

# one NAME: runs it on the control plane that is free; xargs starts no more than there are
one() {
    lane=""
    while [ -z "$lane" ]; do
        for l in "$ALL"/plane.*; do if mkdir "$l/taken" 2> /dev/null; then lane=$l; break; fi; done
        [ -n "$lane" ] || sleep 0.2
    done
    log=$ALL/$1.out seen=$(wc -l < "$lane/audit.log") began=$(date +%s)
    KUBE_DIR=$lane KELOS_TEST_SERVER=kube timeout -k 10 900 sh "tests/integration/$1.sh" > "$log" 2>&1 < /dev/null & child=$!
    trap 'kill $child; wait $child; exit 130' INT TERM
    wait $child
    status=$?
    if [ "$status" -eq 77 ]; then
        printf 'skip kube.%-40s %s\n' "$1" "$(tail -n 1 "$log")"
    else
        tally_read "$log" "$status"
        if [ "$(wc -l < "$lane/audit.log")" -eq "$seen" ]; then
            f=$((f + 1)); echo "it asked the API server nothing: $LIST is the place to say why" >> "$log"
        fi
        if [ "$f" -eq 0 ]; then
            printf 'ok   kube.%-40s %5d\n' "$1" "$p"
            count "$1" "$p" 0
        elif [ -z "${ALONE:-}" ]; then
            tally_late "kube.$1" "$status" "$log"
            echo "$1" >> "$ALL/again"
        else
            printf 'FAIL kube.%s (exit %s)\n%s\n' "$1" "$status" "$(tail -n 60 "$log")"
            count "$1" "$p" "$f"
        fi
    fi
    echo "$(($(date +%s) - began)) $1" >> "$ALL/seconds"
    rmdir "$lane/taken"
}
if [ "${1:-}" = one ]; then one "$2"; exit 0; fi

gates=""
case ${1:-} in --feature-gates=*) gates=$1; shift ;; esac
KUBEBUILDER_ASSETS=$(tests/kube/assets.sh) || exit 77
export KUBEBUILDER_ASSETS
ALL=$(mktemp -d /tmp/kk.XXXXXX); export ALL
: > "$ALL/counts"; : > "$ALL/seconds"; : > "$ALL/again"
end() {
    [ -z "${XARGS:-}" ] || { ours=$(pgrep -P "$XARGS"); kill "$XARGS"; kill $ours; sleep 2; }
    for l in "$ALL"/plane.*; do tests/kube/up.sh "$l" --stop; done
    [ -n "${KELOS_KEEP:-}" ] || rm -rf "$ALL"
}
trap end EXIT
trap 'exit 130' INT TERM

# The list names scripts that are there, each with a reason; no script names the server itself.
listed=$(sed -n 's/^\([a-z][a-zA-Z_-]*\): ..*/\1/p' "$LIST")
bad=$(grep -vnE '^#|^$|^[a-zA-Z_-]+(/[^:]+)?: [^ ]' "$LIST")
for t in $(sed -n 's/^\([a-zA-Z_-]*\)[:/].*/\1/p' "$LIST" | sort -u); do
    [ -f "tests/integration/$t.sh" ] || bad="$bad $t: there is no such script;"
done
sed -n 's/^\([a-zA-Z_-]*\)\/\([^:]*\): .*/\1 \2/p' "$LIST" | while read -r t name; do
    grep -qF "local_part \"$name\"" "tests/integration/$t.sh" || echo "$t has no part '$name';"
done > "$ALL/parts"
bad="$bad$(cat "$ALL/parts")$(grep -ln 'KELOS_TEST_SERVER' tests/integration/*.sh | sed 's/$/ names the server itself;/')"
if [ -z "$bad" ]; then count "the list of exceptions" 1 0; else echo "FAIL $LIST: $bad"; count "the list of exceptions" 0 1; fi

whole=0
LONG="image disturbed github-app spawners isolation weaknesses lagging spawner_rows pulls podbus axon_readme leader canary"
CORE="spawners lagging leader canary podbus tasks examples jobs quarantine restricted"
# shellcheck disable=SC2086
if [ "${1:-}" = --core ]; then
    set -- $CORE
elif [ $# -eq 0 ]; then
    whole=1
    for t in $LONG $(basename -s .sh -a tests/integration/*.sh); do
        echo "$listed" | grep -qx "$t" && continue
        case " $* " in *" $t "*) ;; *) set -- "$@" "$t" ;; esac
    done
fi
[ $# -ge "$JOBS" ] || JOBS=$#
room=$(awk '/^MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo) # of 1.5 GB, for one and what it runs
[ "$JOBS" -le "$room" ] || JOBS=$((room > 1 ? room : 1))
INSTALLED="deploy/manifests/controller.yaml deploy/manifests/axon.yaml deploy/manifests/isolation.yaml"
# shellcheck disable=SC2086
plane() { tests/kube/up.sh "$1" $gates && tests/kube/controller.sh "$1" && touch "$1/stands"; }
n=0
while [ "$n" -lt "$JOBS" ]; do n=$((n + 1)); plane "$ALL/plane.$n" & done
wait
[ "$(ls "$ALL"/plane.*/stands | wc -l)" -eq "$JOBS" ] || exit 1
printf '%s\n' "$@" > "$ALL/queue"
side_by_side() { # FILE WAYS
    xargs -r -a "$1" -P "$2" -n 1 sh "$0" one & XARGS=$!
    wait "$XARGS"
    XARGS=""
}
side_by_side "$ALL/queue" "$JOBS"
ALONE=1; export ALONE
if [ "$(wc -l < "$ALL/again")" -le "$ALONE_MAX" ]; then side_by_side "$ALL/again" 1
else while read -r t; do count "$t" 0 1; done < "$ALL/again"; fi

if [ "$whole" = 1 ]; then
    echo "not run here, see $LIST:" $listed
    cat "$ALL"/plane.*/audit.log > "$ALL/audit.log"
    # A server that sends a list as a watch's beginning is asked for no list; the other gate's is.
    ok="--unused-ok list"; [ "$gates" != --feature-gates=WatchList=false ] || ok=""
    # shellcheck disable=SC2086
    if tests/kube/rights.py "$ALL/audit.log" $ok $INSTALLED deploy/manifests/secrets.yaml; then count rights 1 0; else count rights 0 1; fi
fi
if [ -n "${COUNTS:-}" ]; then sed 's/^[0-9]* [0-9]* /&kube./' "$ALL/counts" >> "$COUNTS"; exit 0; fi
tally_end "$ALL/counts" "$ALL/again" "$ALL/seconds"
