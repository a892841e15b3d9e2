#!/bin/sh
# layers.sh - the arrows between folders point one way, in the sources and in the binaries.
set -u
passed=0 failed=0
BUILD=${BUILD:-build}
check() { # NAME OUTPUT: passes when OUTPUT is empty
    if [ -z "$2" ]; then passed=$((passed + 1)); echo "ok   $1"
    else failed=$((failed + 1)); echo "FAIL $1"; echo "$2"; fi
}
# folder: the folders whose headers it may include, itself apart. A folder's own subfolders
# belong to it, but those of common/ are layers themselves.
rules="proto:
common:
common/data:common
common/value:common
common/template:common
common/http:common
common/metrics:common
common/kube:common common/data common/http
common/bus:common common/metrics proto
common/worker:common common/bus common/metrics common/kube proto
supervisor:common proto
watcher:common proto
reconciler:common proto
spawner:common proto
statuswriter:common proto
local/apiserver:common proto
local/runner:common proto
local/forge:common proto
cli:common"
echo "$rules" | while IFS=: read -r folder may; do
    case $folder in
    common) files=$(ls common/*.[ch]) ;;
    *) files=$(find "$folder" -name '*.[ch]') ;;
    esac
    # shellcheck disable=SC2086
    grep -nHE '^#include "' $files | awk -F'"' -v f="$folder" -v may="$may" '
        { dir = $2; if (dir == "version.h") next
          sub(/\/[^\/]*$/, "", dir); if (dir == $2) { print $0 ": names no folder"; next }
          if (dir == f || (f !~ /^common/ && index(dir, f "/") == 1)) next
          n = split(may, m, " "); ok = 0
          for (i = 1; i <= n; i++)
              if (m[i] == dir || (f !~ /^common/ && index(dir, m[i] "/") == 1)) ok = 1
          if (!ok) print $0 }'
done > "${TMPDIR:-/tmp}/layers.$$"
check "includes point down only" "$(cat "${TMPDIR:-/tmp}/layers.$$")"
rm -f "${TMPDIR:-/tmp}/layers.$$"

# The parts of the reconciler, from the lowest: none includes one above it. What lies beside
# them (queue, shard) is used by all.
order="view auth job isolate task plan"
above=$(for part in $order; do
    seen=""
    for other in $order; do
        [ -z "$seen" ] || grep -nHE "^#include \"reconciler/$other/" reconciler/"$part"/*.[ch]
        [ "$other" != "$part" ] || seen=yes
    done
done)
check "the parts of the reconciler include only those below them" "$above"

# program: libraries it must not need.
forbid="kelos-supervisor:curl jansson yajl yaml sqlite3 microhttpd
kelos:czmq zmq sqlite3 microhttpd
kelos-spawner:sqlite3 microhttpd
kelos-capture:czmq zmq curl sqlite3 microhttpd yaml
kelos-apiserver:curl
kelos-watcher:sqlite3 microhttpd
kelos-reconciler:sqlite3 microhttpd
kelos-statuswriter:sqlite3"
if command -v readelf > /dev/null; then
    needed=$(echo "$forbid" | while IFS=: read -r program libs; do
        [ -x "$BUILD/bin/$program" ] || continue
        have=$(readelf -d "$BUILD/bin/$program" | sed -n 's/.*NEEDED.*\[lib\([^.]*\)\.so.*/\1/p')
        for l in $libs; do
            for h in $have; do case "$h" in "$l"|"$l"-*) echo "$program needs lib$h" ;; esac; done
        done
    done)
    check "programs need only their libraries" "$needed"
fi
[ ! -x "$BUILD/bin/kelos-bus" ] ||
    check "docs/protocol.md is what the message tables say (make docs)" \
        "$("$BUILD/bin/kelos-bus" --protocol-markdown | diff - docs/protocol.md)"
[ ! -x "$BUILD/bin/kelos-statuswriter" ] ||
    check "docs/reference.md is what the CRDs, the commands and the metrics say (make docs)" \
        "$(python3 docs/reference.py "$BUILD/bin" 2>&1 | diff - docs/reference.md)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
