#!/bin/sh
# canary.sh - a canary in every Secret of a run: it may be where the agent needs it, and in no
# log, status, Event, Job, bus record, process argument, environment or core.
. tests/support/lib.sh
. tests/support/local.sh
tap=""
cleanup() { [ -z "$tap" ] || kill "$tap" 2> /dev/null; local_down; }
LOCAL_SUPERVISOR="$BIN/kelos-supervisor --log-level debug"
CREDENTIAL=canary-credential-5b1f WORKSPACE=canary-workspace-77c2 SOURCE=canary-source-e03d
canaries() { # each as it is and as a Secret holds it
    for c in $CREDENTIAL $WORKSPACE $SOURCE; do
        echo "$c"; printf %s "$c" | base64
    done
}
canaries > "$T/canaries"
local_up || { echo "0 passed, 1 failed"; exit 1; }

begin "Tasks with secrets run to success and to failure, with the tap on"
"$BIN/kelos-bus" --run-dir "$T/d/run" --record "$T/record" tap > "$T/tap.txt" 2>&1 &
tap=$!
secret() { printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"%s"},"stringData":{"%s":"%s"}}' "$1" "$2" "$3" |
    post $CORE/secrets > /dev/null; }
secret credential ANTHROPIC_API_KEY "$CREDENTIAL"
secret workspace GITHUB_TOKEN "$WORKSPACE"
secret source GITHUB_TOKEN "$SOURCE"
workspace() { printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"%s"},"spec":{"repo":"%s","secretRef":{"name":"%s"}}}' "$1" "$2" "$3" |
    post $NS/workspaces > /dev/null; }
workspace private https://127.0.0.1:9/o/r workspace
workspace polled https://127.0.0.1:9/o/polled source
run() { # NAME PROMPT MORE
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"%s"},"spec":{"type":"claude-code","image":"tester","prompt":"%s","credentials":{"type":"api-key","secretRef":{"name":"credential"}}%s}}' "$1" "$2" "${3:+,$3}" |
        post $NS/tasks > /dev/null
}
until_ok 10 test -s "$T/tap.txt" || [ -s "$T/record" ] || fail "the tap shows nothing"
run good 'test -n \"$ANTHROPIC_API_KEY\" && sleep 2'
run bad 'echo \"token: $ANTHROPIC_API_KEY\" > /dev/null; echo it broke; exit 9'
run private 'true' '"workspaceRef":{"name":"private"}'
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"polls"},"spec":{"pollInterval":"1s","when":{"githubIssues":{}},"taskTemplate":{"type":"claude-code","workspaceRef":{"name":"polled"},"credentials":{"type":"api-key","secretRef":{"name":"credential"}}}}}' |
    post $NS/taskspawners > /dev/null
becomes good Running

begin "no process but the agent's own has one in its arguments or environment"
descendants() { for p in $(pgrep -P "$1"); do echo "$p"; descendants "$p"; done; }
n=0
for p in $LOCAL_PID $(descendants "$LOCAL_PID"); do
    cat "/proc/$p/cmdline" 2> /dev/null | tr '\0' '\n' > "$T/cmdline"
    grep -qFf "$T/canaries" "$T/cmdline" && fail "arguments of $p: $(tr '\n' ' ' < "$T/cmdline")"
    case "$(readlink "/proc/$p/exe")" in
    "$BIN"/kelos-*) ;;
    *) continue ;;
    esac
    n=$((n + 1))
    cat "/proc/$p/environ" 2> /dev/null | tr '\0' '\n' | grep -qFf "$T/canaries" && fail "environment of $p"
    # A core would hold what the process holds: there is none. The supervisor holds no secret.
    grep -q '^Max core file size *0 ' "/proc/$p/limits" 2> /dev/null ||
        case "$p" in "$LOCAL_PID") ;; *) fail "$(readlink "/proc/$p/exe") may leave a core" ;; esac
done
[ "$n" -ge 6 ] || fail "only $n processes of ours were looked at"

begin "no status, Event, Job, Pod or ConfigMap has one"
becomes good Succeeded
becomes bad Failed
becomes private Failed 40
sleep 2
for path in $NS/tasks $NS/taskspawners $NS/workspaces $JOBS $CORE/pods $CORE/events $CORE/configmaps; do
    get "$path" > "$T/objects"
    [ -s "$T/objects" ] || fail "$path is empty"
    grep -qFf "$T/canaries" "$T/objects" && fail "$path: $(grep -oFf "$T/canaries" "$T/objects" | head -n 1)"
done
for pod in $(field $CORE/pods '" ".join(p["metadata"]["name"] for p in o["items"])'); do
    get "$CORE/pods/$pod/log" | grep -qFf "$T/canaries" && fail "log of $pod"
done

begin "no log and no record of the bus has one"
kill "$tap"; wait "$tap" 2> /dev/null; tap=""
[ -s "$T/record" ] || fail "nothing was recorded"
grep -q 'source.assign' "$T/tap.txt" || fail "the assignment of the source was not seen"
for f in "$T/record" "$T/tap.txt" "$T/supervisor.log" $(find "$T/d/log" "$T/d/run" -type f); do
    grep -aqFf "$T/canaries" "$f" && fail "$f"
done

local_down
begin "the database has them in the rows of Secrets alone"
python3 - "$T" << 'PY' || fail "the database"
import sqlite3, sys
bad = open(sys.argv[1] + "/canaries", "rb").read().split()
db = sqlite3.connect(sys.argv[1] + "/d/apiserver/state.db")
db.text_factory = bytes
rows = secrets = 0
for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
    for row in db.execute("select * from " + table.decode()):
        rows += 1
        text = b"|".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
        if b"secrets" in text or b'"kind":"Secret"' in text:
            secrets += 1
            continue
        for c in bad:
            if c in text:
                print(table, text[:300])
                sys.exit(1)
sys.exit(0 if rows > 20 and secrets >= 3 else print("rows", rows, secrets) or 1)
PY
row KC/BUG-24
finish
