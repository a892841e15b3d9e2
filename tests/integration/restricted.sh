#!/bin/sh
# restricted.sh - the controller as in a Pod of the restricted kind: no root, no capabilities, no new
# privileges, nothing writable but its run directory. Its own sandbox still confines every worker.
unshare -m true 2> /dev/null || { echo "needs the right to make a mount namespace"; exit 77; }
. tests/support/lib.sh
. tests/support/server.sh
main=""
cleanup() { [ -z "$main" ] || { kill "$main"; wait "$main"; } 2> /dev/null; server_down; }
NO_NODE=1
server_up || { echo "0 passed, 1 failed"; exit 1; }
chmod 755 "$T"; mkdir "$T/run" "$T/cluster"
cat > "$T/pod" <<'END'
mount --make-rprivate / && mount -t tmpfs -o mode=1777 none "$1/run" && mount -o remount,bind,ro / || exit 1
shift
touch /written 2> /dev/null && { rm /written; exit 1; }
exec setpriv --reuid 65532 --regid 65532 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
END

begin "it starts with --sandbox require"
export KUBECONFIG="$K"; K=$BIN/kelos
# As a projected token is: readable, not its own.
carry "$CK" "$T/cluster"
unshare -m sh "$T/pod" "$T" "$BIN/kelos-supervisor" --run-dir "$T/run/bus" --kubeconfig "$T/cluster/kubeconfig" \
    --metrics-bind-address 0 --health-probe-bind-address 0 --sandbox require > "$T/supervisor.log" 2>&1 &
main=$!
until_ok 30 grep -q 'shard-0#1 ready' "$T/supervisor.log" || fail "$(tail -n 5 "$T/supervisor.log")"
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"cr"},"spec":{"when":{"cron":{"schedule":"0 0 1 1 *"}},"taskTemplate":{"type":"codex","credentials":{"type":"none"},"promptTemplate":"x"}}}' > "$T/ts.yaml"
must "$K" apply -f "$T/ts.yaml" > /dev/null
until_ok 30 grep -q 'source-[0-9a-f]*#1 ready' "$T/supervisor.log" || fail "$("$K" get ts cr -o yaml | tail -5; tail -n 3 "$T/supervisor.log")"

begin "no process of it has a capability or root, and every worker is confined"
tree() { echo "$1"; for c in $(cat /proc/"$1"/task/*/children 2> /dev/null); do tree "$c"; done; }
n=0 spawner=0
for p in $(tree "$main"); do
    name=$(cat /proc/"$p"/comm 2> /dev/null) || continue
    s=$(cat /proc/"$p"/status 2> /dev/null); n=$((n + 1))
    echo "$s" | grep -q '^CapEff:.0000000000000000$' || fail "$name: $(echo "$s" | grep CapEff)"
    echo "$s" | grep -qE '^Uid:.65532.65532' || fail "$name: $(echo "$s" | grep Uid)"
    echo "$s" | grep -q '^NoNewPrivs:.1' || fail "$name may gain privileges"
    [ "$name" != kelos-superviso ] || continue
    if [ "$name" = kelos-spawner ]; then                 # one of them only starts the others
        ! grep -q '^Seccomp:.2' /proc/"$p"/status || spawner=$((spawner + 1))
        continue
    fi
    for t in /proc/"$p"/task/*; do grep -q '^Seccomp:.2' "$t/status" || fail "$name: a thread without a filter"; done
done
[ "$n" -ge 5 ] && [ "$spawner" -ge 1 ] || fail "only $n processes, $spawner of confined spawners: $(tail -n 5 "$T/supervisor.log")"
finish
