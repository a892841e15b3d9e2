#!/bin/sh
# canary.sh - a canary in every Secret of a run: it may be where the agent needs it, and in no
# log, status, Event, Job, bus record, process argument, environment or core.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
tap="" HOST_PID=""
cleanup() { for p in $tap $HOST_PID; do kill "$p" 2> /dev/null; done; local_down; forge_down; }
LOCAL_SUPERVISOR="$BIN/kelos-supervisor --log-level debug"
CREDENTIAL=canary-credential-5b1f WORKSPACE=canary-workspace-77c2 SOURCE=canary-source-e03d
JIRA=canary-jira-90ab MCP_ENV=canary-mcp-env-31d7 MCP_HEADER=canary-mcp-header-4c8e EXTRA=canary-extra-62f5
openssl genrsa -out "$T/key.pem" 2048 2> /dev/null
openssl rsa -in "$T/key.pem" -pubout -out "$T/public.pem" 2> /dev/null
KEY_LINE=$(sed -n 5p "$T/key.pem") # of the App's key
canaries() { # each as it is and as a Secret holds it
    for c in $CREDENTIAL $WORKSPACE $SOURCE $JIRA $MCP_ENV $MCP_HEADER $EXTRA; do
        echo "$c"; printf %s "$c" | base64 -w 0; echo
    done
    echo "$KEY_LINE"
}
canaries > "$T/canaries"
# A forge with an App and a repository.
python3 -c 'import json, sys
print(json.dumps({"anonymous": False, "tokens": {}, "apps": {"12345": {"publicKey": open(sys.argv[1]).read(),
    "installations": ["67890"]}}, "repos": {"demo/repo": {"issues": []}}}))' "$T/public.pem" > "$T/state.json"
forge_up "$T/state.json"
git init -q --bare -b main "$T/git/demo/repo" && git -C "$T/git/demo/repo" update-ref refs/heads/main \
    "$(git -C "$T/git/demo/repo" -c user.name=t -c user.email=t@localhost commit-tree -m start \
        "$(git -C "$T/git/demo/repo" mktree < /dev/null)")"
python3 tests/support/githttp.py "$T/host.port" "$T/git" "$FORGE" "$T/host.log" 2> "$T/host.err" &
HOST_PID=$!
until_ok 20 test -s "$T/host.port" || { echo "0 passed, 1 failed"; exit 1; }
METRICS=127.0.0.1:$(free_port)
LOCAL_METRICS=$METRICS
local_up || { echo "0 passed, 1 failed"; exit 1; }

begin "Tasks with secrets run to success and to failure, with the tap on"
"$BIN/kelos-bus" --run-dir "$(run_dir)" --record "$T/record" tap > "$T/tap.txt" 2>&1 &
tap=$!
secret() { printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"%s"},"stringData":{"%s":"%s"}}' "$1" "$2" "$3" |
    post $CORE/secrets > /dev/null; }
secret credential ANTHROPIC_API_KEY "$CREDENTIAL"
secret workspace GITHUB_TOKEN "$WORKSPACE"
secret source GITHUB_TOKEN "$SOURCE"
secret jira JIRA_TOKEN "$JIRA"
secret mcp-env DB_PASSWORD "$MCP_ENV"
secret mcp-headers X-Token "$MCP_HEADER"
secret extra EXTRA "$EXTRA"
python3 -c 'import json, sys
print(json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app"}, "stringData":
    {"appID": "12345", "installationID": "67890", "privateKey": open(sys.argv[1]).read()}}))' "$T/key.pem" |
    post $CORE/secrets > /dev/null
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"AgentConfig","metadata":{"name":"servers"},"spec":{"mcpServers":[
    {"name":"db","type":"stdio","command":"db","envFrom":{"secretRef":{"name":"mcp-env"}}},
    {"name":"web","type":"http","url":"https://example.com","headersFrom":{"secretRef":{"name":"mcp-headers"}}}]}}' |
    post $NS/agentconfigs > /dev/null
workspace() { printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"%s"},"spec":{"repo":"%s","secretRef":{"name":"%s"}}}' "$1" "$2" "$3" |
    post $NS/workspaces > /dev/null; }
workspace private https://127.0.0.1:9/o/r workspace
workspace polled https://127.0.0.1:9/o/polled source
workspace app "http://127.0.0.1:$(cat "$T/host.port")/demo/repo" app
run() { # NAME PROMPT MORE
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"%s"},"spec":{"type":"claude-code","image":"tester","prompt":"%s","credentials":{"type":"api-key","secretRef":{"name":"credential"}}%s}}' "$1" "$2" "${3:+,$3}" |
        post $NS/tasks > /dev/null
}
until_ok 20 test -s "$T/tap.txt" || fail "the tap shows nothing"
run good 'test -n \"$ANTHROPIC_API_KEY\" && '"$(held all)"
run bad 'echo \"token: $ANTHROPIC_API_KEY\" > /dev/null; echo it broke; exit 9'
run private 'true' '"workspaceRef":{"name":"private"}'
# Agents that show what they were given.
run prints 'echo \"the key is $ANTHROPIC_API_KEY\"; echo \"again: $ANTHROPIC_API_KEY\" >&2; sleep 1; exit 3'
run marks 'echo ---KELOS_OUTPUTS_START---; echo \"key: $ANTHROPIC_API_KEY\"; echo $ANTHROPIC_API_KEY; echo ---KELOS_OUTPUTS_END---'
run servers 'test -n \"$KELOS_MCP_SERVERS\" || exit 4; echo $KELOS_MCP_SERVERS >&2; '"$(held all)" '"agentConfigRef":{"name":"servers"}'
run extra 'echo \"$MINE\"; '"$(held all)"'; test -n \"$MINE\"' '"podOverrides":{"env":[{"name":"MINE","valueFrom":{"secretKeyRef":{"name":"extra","key":"EXTRA"}}}]}'
run app 'echo $GITHUB_TOKEN; cat $KELOS_GITHUB_TOKEN_FILE; '"$(held all)"'; test -n \"$GITHUB_TOKEN\"' '"workspaceRef":{"name":"app"}'
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"jira"},"spec":{"pollInterval":"1s","when":{"jira":{"baseUrl":"http://127.0.0.1:9","project":"P","secretRef":{"name":"jira"}}},"taskTemplate":{"type":"claude-code","credentials":{"type":"api-key","secretRef":{"name":"credential"}}}}}' |
    post $NS/taskspawners > /dev/null
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"polls"},"spec":{"pollInterval":"1s","when":{"githubIssues":{}},"taskTemplate":{"type":"claude-code","workspaceRef":{"name":"polled"},"credentials":{"type":"api-key","secretRef":{"name":"credential"}}}}}' |
    post $NS/taskspawners > /dev/null
becomes good Running
becomes app Running 30
# The tokens that the App's key was exchanged for are secrets, too.
minted() { field "$CORE/secrets/app-github-token" 'o["data"]["GITHUB_TOKEN"]'; }
[ -n "$(minted)" ] || fail "no token of the App"
{ minted; minted | base64 -d; echo; } >> "$T/canaries"

begin "no process but the agent's own has one in its arguments or environment"
descendants() { for p in $(pgrep -P "$1"); do echo "$p"; descendants "$p"; done; }
n=0
for p in $LOCAL_PID $(descendants "$LOCAL_PID"); do
    cat "/proc/$p/cmdline" 2> /dev/null | tr '\0' '\n' > "$T/cmdline"
    grep -qFf "$T/canaries" "$T/cmdline" && fail "arguments of $p: $(tr '\n' ' ' < "$T/cmdline")"
    exe=$(readlink "/proc/$p/exe") && [ -n "$exe" ] || continue # it has ended
    # A core would hold what the process holds: there is none. The supervisor holds no secret.
    # (Where cores go to a program, the limit does not count: they are not dumpable either.)
    grep -q '^Max core file size *0 ' "/proc/$p/limits" 2> /dev/null ||
        case "$p" in "$LOCAL_PID") ;; *) [ ! -d "/proc/$p" ] || fail "$exe may leave a core" ;; esac
    case "$exe" in
    "$BIN"/kelos-*) ;;
    *) continue ;;
    esac
    n=$((n + 1))
    cat "/proc/$p/environ" 2> /dev/null | tr '\0' '\n' | grep -qFf "$T/canaries" && fail "environment of $p"
done
[ "$n" -ge 6 ] || fail "only $n processes of ours were looked at"

begin "who dies of a fault leaves no core"
touch "$T/before"
for w in shard-0 statuswriter watcher; do
    p=$(pid_of $w)
    kill -ABRT "$p"
    again() { [ -n "$(pid_of $w)" ] && [ "$(pid_of $w)" != "$p" ]; }
    until_ok 10 again || fail "$w does not come back"
done
find . "$T" /tmp /var/crash /var/lib/systemd/coredump -maxdepth 2 -newer "$T/before" -name '*core*' -type f 2> /dev/null |
    grep . > "$T/cores" && grep -qFf "$T/canaries" $(cat "$T/cores") 2> /dev/null && fail "$(cat "$T/cores")"

begin "no status, Event, Job, Pod or ConfigMap has one"
release all
becomes good Succeeded
becomes prints Failed
becomes marks Succeeded
becomes servers Succeeded
becomes extra Succeeded
becomes app Succeeded
becomes bad Failed
becomes private Failed 40
sleep 2
for path in $NS/tasks $NS/taskspawners $NS/workspaces $NS/agentconfigs $JOBS $CORE/pods $CORE/events $CORE/configmaps; do
    get "$path" > "$T/objects"
    [ -s "$T/objects" ] || fail "$path is empty"
    grep -qFf "$T/canaries" "$T/objects" && fail "$path: $(grep -oFf "$T/canaries" "$T/objects" | head -n 1)"
done
for pod in $(field $CORE/pods '" ".join(p["metadata"]["name"] for p in o["items"])'); do
    get "$CORE/pods/$pod/log" > "$T/log"
    grep -qFf "$T/canaries" "$T/log" && fail "log of $pod: $(grep -oFf "$T/canaries" "$T/log" | head -n 1)"
done
field $CORE/secrets/servers-mcp 'o["data"]' > "$T/mcp"
[ -s "$T/mcp" ] || fail "no Secret with the MCP servers"
row ADD/MS9
field $NS/tasks/marks 'o["status"]["outputs"]' > "$T/outputs"
grep -qF "['key: ***', '***']" "$T/outputs" || fail "outputs: $(cat "$T/outputs")"
field $NS/tasks/prints 'o["status"]["conditions"]' | grep -q 'the key is \*\*\*' || fail "no word on what prints said"

begin "no page of metrics has one, and no file but the database"
curl -s --noproxy '*' "http://$METRICS/metrics" > "$T/metrics"
grep -q '^kelos_' "$T/metrics" || fail "no metrics"
grep -qFf "$T/canaries" "$T/metrics" && fail "metrics"
find "$T/d" -type f ! -name 'state.db*' -exec grep -lFf "$T/canaries" {} + > "$T/files" 2> /dev/null
[ ! -s "$T/files" ] || fail "files: $(cat "$T/files")"

begin "what an agent says of its key is hidden where its answer is encoded"
printf '{"type":"result","subtype":"success","is_error":false,"result":"My key is %s."}\n' "$CREDENTIAL" |
    ANTHROPIC_API_KEY=$CREDENTIAL KELOS_AGENT_TYPE=claude-code "$BIN/kelos-capture" > "$T/block"
sed -n 's/^response: //p' "$T/block" | base64 -d > "$T/response"
grep -qx 'My key is \*\*\*\.' "$T/response" || fail "$(cat "$T/block" "$T/response")"

begin "no log and no record of the bus has one"
kill "$tap"; wait "$tap" 2> /dev/null; tap=""
[ -s "$T/record" ] || fail "nothing was recorded"
grep -q 'source.assign' "$T/tap.txt" || fail "the assignment of the source was not seen"
for f in "$T/record" "$T/tap.txt" "$T/supervisor.log" $T/*.log $(find "$(run_dir)" -type f); do
    grep -aqFf "$T/canaries" "$f" && fail "$f"
done

local_down
begin "the server's store has them in the rows of Secrets alone"
python3 - "$T/canaries" "$STORE" "${KUBE_DIR:-}" << 'PY' || fail "the store"
import base64, json, sqlite3, sys, urllib.request
bad = open(sys.argv[1], "rb").read().split()
def of_sqlite(path):
    db = sqlite3.connect(path)
    db.text_factory = bytes
    for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
        for row in db.execute("select * from " + table.decode()):
            yield table + b"|" + b"|".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
def of_etcd(folder):
    port = open(folder + "/ports").read().split()[1]
    all_keys = {"key": base64.b64encode(b"/registry/").decode(), "range_end": base64.b64encode(b"/registry0").decode()}
    ask = urllib.request.Request("http://127.0.0.1:%s/v3/kv/range" % port, json.dumps(all_keys).encode())
    for kv in json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(ask))["kvs"]:
        yield base64.b64decode(kv["key"]) + b"|" + base64.b64decode(kv["value"])
rows = secrets = 0
for text in of_etcd(sys.argv[3]) if sys.argv[3] else of_sqlite(sys.argv[2]):
    rows += 1
    if b"secrets" in text or b'"kind":"Secret"' in text:
        secrets += 1
        continue
    for c in bad:
        if c in text:
            print(text[:300])
            sys.exit(1)
sys.exit(0 if rows > 20 and secrets >= 3 else print("rows", rows, secrets) or 1)
PY
row KC/BUG-24
finish
