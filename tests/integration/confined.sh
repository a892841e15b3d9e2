#!/bin/sh
# confined.sh - the real tree of local mode: every thread of every worker but the runner's is
# confined; a spawner that was taken over reaches no credential and forges nothing; the
# supervisor's death leaves no worker.
. tests/support/lib.sh
. tests/support/local.sh
cleanup() { [ -z "$LOCAL_PID" ] || kill -9 "$LOCAL_PID" 2> /dev/null; server_down; }
TOKEN_DIR=/var/run/secrets/kubernetes.io/serviceaccount
port=$(free_port)

# The programs as they are, but the spawner tries what it must not be able to.
mkdir -p "$T/bin"
for p in "$BIN"/*; do ln -s "$p" "$T/bin/"; done
rm "$T/bin/kelos-supervisor" "$T/bin/kelos-spawner"
cp "$BIN/kelos-supervisor" "$T/bin/"
cp "$BUILD/tests/spawner/nosy" "$T/bin/kelos-spawner"
KELOS_TEST_OPEN=$TOKEN_DIR/token:$CK:$STORE:$T/d/run/control.lock:/etc/passwd
export KELOS_TEST_OPEN
# A service account's token as in a Pod, seen by this tree alone.
cat > "$T/start" <<END
#!/bin/sh
mount -t tmpfs none /run && mkdir -p $TOKEN_DIR && echo canary > $TOKEN_DIR/token
exec "$T/bin/kelos-supervisor" "\$@"
END
chmod +x "$T/start"
LOCAL_SUPERVISOR="unshare -m $T/start" LOCAL_METRICS=127.0.0.1:$port
unshare -m mount -t tmpfs none /run 2> /dev/null || LOCAL_SUPERVISOR=$T/bin/kelos-supervisor

status() { "$BIN/kelos-bus" --run-dir "$(run_dir)" status --json 2> /dev/null; }
pids() { status | tr '{' '\n' | sed -n "/\"id\":\"$1/s/.*\"pid\":\([0-9]*\),\"incarnation.*/\1/p"; }
log_has() { grep -qE "$1" "$T/supervisor.log"; }
saw() { until_ok 15 log_has "$1" || { fail "not in the log: $1"; tail -n 20 "$T/supervisor.log" >&2; }; }
drops() { call "http://127.0.0.1:$port/metrics" | grep '^kelos_bus_dropped_total{'; }
counted() { drops | grep 'worker="statuswriter' | grep -q ' [1-9]'; }

begin "a taken-over spawner cannot open token, kubeconfig, the API server's data or other files"
local_up || { echo "0 passed, 1 failed"; exit 1; }
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"cr"},"spec":{"when":{"cron":{"schedule":"0 0 1 1 *"}},"taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"promptTemplate":"true"}}}' | post $NS/taskspawners > /dev/null
case $LOCAL_SUPERVISOR in unshare*) saw "open $TOKEN_DIR/token: Permission denied" ;; esac
saw "open $CK: Permission denied"
saw "open $STORE: Permission denied"
saw "open /etc/passwd: Permission denied"
log_has ': OPENED' && fail "the spawner opened something"
python3 - <<'PY' || fail "a spawner has rights in the cluster"
import glob, json, yaml
roles = [o for f in glob.glob("deploy/manifests/*.yaml") for o in yaml.safe_load_all(open(f))
         if o and o["kind"] in ("Role", "ClusterRole") and "spawner" in o["metadata"]["name"]]
assert len(roles) >= 2 and not any(r["rules"] for r in roles), roles
def pods(o):  # the Pod templates of Deployments and CronJobs that the reconciler makes
    if isinstance(o, dict):
        if "containers" in o: yield o
        for v in o.values(): yield from pods(v)
    elif isinstance(o, list):
        for v in o: yield from pods(v)
made = [p for f in glob.glob("tests/reconciler/golden/rows/SP-D*.json") for p in pods(json.load(open(f)))]
assert made and not any(p["automountServiceAccountToken"] for p in made), "a token of the account is mounted"
PY
row SP/V21

begin "its forged status.apply is refused, and counted on /metrics"
saw 'bus status: message of spawner/source-.* dropped: status.apply: its role may not say this'
until_ok 10 counted || { fail "not counted"; drops >&2; }

begin "every thread of every real worker shows no_new_privs and seccomp"
own=apiserver own_count=2
real_server && own="" own_count=0
for w in $own watcher statuswriter shard-0 source-; do
    p=$(pids "$w")
    [ -n "$p" ] || fail "$w has no process"
    for t in /proc/"$p"/task/*; do
        grep -q '^NoNewPrivs:.1' "$t/status" || fail "$w, $t: no_new_privs is not set"
        grep -q '^Seccomp:.2' "$t/status" || fail "$w, $t: no seccomp filter"
    done
done

begin "the supervisor killed: no worker is left"
all=$(pids "")
[ "$(echo "$all" | wc -w)" -ge $((own_count + 4)) ] || fail "only these workers: $all"
left() { for p in $all; do [ ! -d "/proc/$p" ] || grep -q '^State:.Z' "/proc/$p/status" || echo "$p"; done 2> /dev/null; }
gone() { [ -z "$(left)" ]; }
kill -9 "$LOCAL_PID"; t=$(date +%s%3N)
until_ok 2 gone || fail "left: $(left)"
echo "     all gone after $(($(date +%s%3N) - t)) ms (the aim is 100 on a quiet machine)"
LOCAL_PID=""

finish
