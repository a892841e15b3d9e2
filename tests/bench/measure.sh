# measure.sh - what the benches share. Source it after tests/support/lib.sh.

now_ms() { date +%s%3N; }
# The tree below pid $1, itself included.
tree_of() {
    _all=$1 _new=$1
    while [ -n "$_new" ]; do
        _next=""
        for _p in $_new; do _next="$_next $(cat /proc/"$_p"/task/*/children 2> /dev/null)"; done
        _new=$(echo $_next)
        _all="$_all $_new"
    done
    echo $_all
}
# Sum of the proportional set sizes, KiB.
pss_of() { for _p in "$@"; do sed -n 's/^Pss: *\([0-9]*\).*/\1/p' "/proc/$_p/smaps_rollup"; done 2> /dev/null | awk '{s += $1} END {print s + 0}'; }
# Voluntary context switches of all threads: each is one wake-up that was waited for.
wakeups_of() { for _p in "$@"; do cat /proc/"$_p"/task/*/status; done 2> /dev/null | awk '/^voluntary_ctxt_switches/ {s += $2} END {print s + 0}'; }
# CPU time in clock ticks.
ticks_of() { for _p in "$@"; do cut -d' ' -f14,15 "/proc/$_p/stat"; done 2> /dev/null | awk '{s += $1 + $2} END {print s + 0}'; }
# Median and worst of the numbers on stdin.
spread() { sort -n | awk '{v[NR] = $1} END {if (NR) printf "median %s, worst %s (n=%d)", v[int((NR + 1) / 2)], v[NR], NR; else printf "nothing measured"}'; }
