#!/bin/sh
# cli_better.sh - what the original's command line lacks or does badly, and this one does: flags,
# questions, documents, transcripts. docs/differences.md has the table.
set -u
. tests/support/lib.sh
. tests/support/cli.sh
. tests/support/server.sh
pids=""
cleanup() { for p in $pids; do kill "$p" 2> /dev/null; done; server_down; }
K=$BIN/kelos
: > "$T/empty"; printf 'secret: s\n' > "$T/cfg"; printf 'apiKey: key-canary\n' > "$T/key"; chmod 600 "$T/cfg" "$T/empty" "$T/key"
NO_NODE=1
begin "the API server answers"
server_up || { fail "no server"; finish; }
KUBECONFIG=$K K=$BIN/kelos; export KUBECONFIG
until_ok 20 "$K" get tasks || { fail "no answer"; finish; }
namespace() { printf '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "%s"}}' "$1" | "$K" apply -f - > /dev/null; }
secret_key() { api_get "/api/v1/namespaces/$1/secrets/$2" | python3 -c 'import base64, json, sys; print(base64.b64decode(json.load(sys.stdin).get("data", {}).get(sys.argv[1], "")).decode(), end="")' "$3"; }
version_of() { api_get "/api/v1/namespaces/$1/secrets/$2" | python3 -c 'import json, sys; print(json.load(sys.stdin)["metadata"]["resourceVersion"])'; }
field() { api_get "$1" | python3 -c "import json, sys; o = json.load(sys.stdin); print($2)"; }
TASKS=/apis/kelos.dev/v1alpha1/namespaces

begin "a Secret with another value is replaced by whoever says so; other keys stay"
namespace asked
printf 'oauthToken: one\n' > "$T/one"; printf 'oauthToken: two\n' > "$T/two"; chmod 600 "$T/one" "$T/two"
run "$K" run -p x -n asked --name first --config "$T/one"; says 0
api_patch /api/v1/namespaces/asked/secrets/kelos-credentials '{"data":{"FOREIGN":"eA=="}}'
before=$(version_of asked kelos-credentials)
echo n | "$K" run -p x -n asked --name second --config "$T/two" > "$T/out" 2> "$T/err"; rc=$?
says 1; err 'secret/kelos-credentials'; err '[y/N]'; err --yes
run "$K" get task second -n asked; says 1
[ "$(version_of asked kelos-credentials)" = "$before" ] || fail "the Secret was written"
row CLI/R17
run "$K" run -p x -n asked --name second --config "$T/two" --yes; says 0; out "task/second created"
[ "$(secret_key asked kelos-credentials CLAUDE_CODE_OAUTH_TOKEN)$(secret_key asked kelos-credentials FOREIGN)" = twox ] || fail "the Secret"
row CLI/R18

begin "get: wide, names, paths, labels, order, no titles, phases of TaskSpawners, watching"
namespace shown
for n in alpha beta; do "$K" run -p x --secret s --name $n -n shown --model "m-$n" --config "$T/empty" > /dev/null; done
api_patch $TASKS/shown/tasks/beta '{"metadata":{"labels":{"team":"b"}}}'
api_patch $TASKS/shown/tasks/beta/status '{"status":{"phase":"Succeeded","podName":"beta-pod","results":{"cost-usd":"0.5","input-tokens":"7","output-tokens":"8"}}}'
run "$K" get tasks -n shown -o wide; says 0
for w in MODEL IMAGE POD COST TOKENS m-alpha beta-pod 0.5 7/8; do out "$w"; done
run "$K" get tasks -n shown -o name; [ "$(tr '\n' ' ' < "$T/out")" = "task/alpha task/beta " ] || fail "$(cat "$T/out")"
run "$K" get tasks -n shown -o 'jsonpath={.items[*].spec.model}'; [ "$(cat "$T/out")" = "m-alpha m-beta" ] || fail "$(cat "$T/out")"
run "$K" get tasks -n shown -l team=b -o name; [ "$(cat "$T/out")" = task/beta ] || fail "$(cat "$T/out")"
run "$K" get tasks -n shown --sort-by phase --no-headers; no_out NAME; [ "$(head -c 4 "$T/out")" = alph ] || fail "$(cat "$T/out")"
run "$K" get tasks -n shown --sort-by colour; one_error '--sort-by "colour"'
for n in on off; do
    run "$K" create taskspawner $n -n shown --cron '@daily' --secret s -p tidy; says 0
done
api_patch $TASKS/shown/taskspawners/off/status '{"status":{"phase":"Suspended"}}'
run "$K" get ts -n shown --phase Suspended -o name; [ "$(cat "$T/out")" = taskspawner/off ] || fail "$(cat "$T/out")"
run "$K" get ts -n shown --phase Succeeded; one_error 'phase "Succeeded" unknown'
"$K" get tasks -n shown -w > "$T/watched" 2>&1 & pids="$pids $!"; watcher=$!
until_ok 20 grep -q beta "$T/watched" || fail "it lists nothing"
"$K" run -p x --secret s --name gamma -n shown --config "$T/empty" > /dev/null
until_ok 20 grep -q gamma "$T/watched" || fail "it misses a new Task"
kill $watcher
row CLI/W2

begin "which cluster, as whom, how long"
door() { # NAME FLAGS: a door to the server, whose calls are in $T/NAME; its URL in $URL
    rm -f "$T/$1.port"; name=$1; shift
    tests/support/door.py "$T/$name.port" "$T/$name" "$S" "$@" & pids="$pids $!"
    until_ok 20 test -s "$T/$name.port" || fail "no door"
    URL=http://127.0.0.1:$(cat "$T/$name.port")
}
if local_part "which cluster, as whom, how long"; then
door calls
cat > "$T/kc" <<END
apiVersion: v1
kind: Config
current-context: dead
contexts:
- {name: dead, context: {cluster: nowhere, user: nobody}}
- {name: good, context: {cluster: here, user: me, namespace: shown}}
clusters:
- {name: nowhere, cluster: {server: "http://127.0.0.1:1"}}
- {name: here, cluster: {server: "$URL"}}
users:
- {name: nobody, user: {token: wrong}}
- {name: me, user: {token: "$TOKEN"}}
END
run "$K" --kubeconfig "$T/kc" --request-timeout 2s get task alpha -n shown; says 1; err '127.0.0.1'
run "$K" --kubeconfig "$T/kc" --context good get task alpha; says 0
run "$K" --kubeconfig "$T/kc" --cluster here --user me get task alpha -n shown; says 0
run "$K" --kubeconfig "$T/kc" --cluster here get task alpha -n shown; one_error 'log in again'
run "$K" --kubeconfig "$T/kc" --cluster lost --user me get tasks; one_error 'cluster "lost" does not exist'
run "$K" --kubeconfig "$T/kc" --context good --as jane get task alpha
grep -q 'GET .*/tasks/alpha as jane$' "$T/calls" || fail "nobody was impersonated: $(cat "$T/calls")"
run "$K" --request-timeout soon get tasks; one_error '--request-timeout "soon"'
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=elsewhere -keyout "$T/tls.key" -out "$T/tls.crt" 2> /dev/null
python3 -c '
import http.server, os, ssl, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"{\"kind\":\"TaskList\",\"apiVersion\":\"kelos.dev/v1alpha1\",\"metadata\":{},\"items\":[]}"
        self.send_response(200); self.send_header("Content-Type", "application/json"); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(sys.argv[2], sys.argv[3])
s.socket = c.wrap_socket(s.socket, server_side=True)
open(sys.argv[1] + ".new", "w").write(str(s.server_port)); os.rename(sys.argv[1] + ".new", sys.argv[1]); s.serve_forever()' \
    "$T/tls.port" "$T/tls.crt" "$T/tls.key" & pids="$pids $!"
until_ok 20 test -s "$T/tls.port" || fail "no TLS server"
sed "s|http://127.0.0.1:1\"|https://127.0.0.1:$(cat "$T/tls.port")\"|" "$T/kc" > "$T/kc.tls"
run "$K" --kubeconfig "$T/kc.tls" --request-timeout 2s get tasks -n shown; says 1
run "$K" --kubeconfig "$T/kc.tls" --insecure-skip-tls-verify get tasks -n shown; says 0; out NAME
row CLI/W3
fi

begin "--dry-run shows all that would be written, and no value; =server lets the server check it"
printf 'apiKey: key-canary\nworkspace: {repo: "https://x/y", token: token-canary}\n' > "$T/both"; chmod 600 "$T/both"
namespace dry
run "$K" run -p x --name t -n dry --config "$T/both" --dry-run; says 0
for w in 'kind: Secret' 'name: kelos-credentials' 'ANTHROPIC_API_KEY: ***' 'name: kelos-workspace-credentials' 'GITHUB_TOKEN: ***' 'kind: Workspace' 'kind: Task'; do out "$w"; done
no_out canary; no_err canary
[ "$(grep -c '^---$' "$T/out")" = 3 ] || fail "$(cat "$T/out")"
run "$K" run -p x --name t -n dry --config "$T/both" --dry-run -o json; says 0
python3 -c 'import json, sys; o = json.load(open(sys.argv[1])); assert [i["kind"] for i in o["items"]] == ["Secret", "Secret", "Workspace", "Task"], o' "$T/out" || fail "$(cat "$T/out")"
no_out canary
run "$K" run -p x --name t -n dry --config "$T/both" --dry-run=server; says 0; out 'uid: '; no_out canary
for k in tasks workspaces; do run "$K" get ${k%s} -n dry -o name; [ ! -s "$T/out" ] || fail "it was kept: $(cat "$T/out")"; done
[ "$(api_get /api/v1/namespaces/dry/secrets | grep -c '"kelos-')" = 0 ] || fail "a Secret was kept"
run "$K" run -p x --name t -n dry --type nobody --secret s --config "$T/empty" --dry-run=server; says 1; err spec.type
run "$K" create agentconfig a -n dry --agents-md x --dry-run=server; says 0; out 'uid: '
run "$K" create ws w -n dry --repo https://x/y --token token-canary --dry-run=server; says 0; out 'GITHUB_TOKEN: ***'; no_out canary
run "$K" run -p x --secret s --dry-run=maybe; one_error 'client, server'
row CLI/W8

begin "a prompt comes from the line, a word, a file or standard input"
printf 'from a file\n\n' > "$T/prompt"; printf '\n' > "$T/blank"
shows() { says 0; out "prompt: $1"; }
run "$K" run -p "@$T/prompt" --dry-run --config "$T/cfg"; shows 'from a file'
run "$K" run --prompt-file "$T/prompt" --dry-run --config "$T/cfg"; shows 'from a file'
for f in '-p -' '--prompt-file -'; do
    # shellcheck disable=SC2086
    echo 'from stdin' | "$K" run $f --dry-run --config "$T/cfg" > "$T/out" 2> "$T/err"; rc=$?; shows 'from stdin'
done
run "$K" run -p '@@home' --dry-run --config "$T/cfg"; says 0; grep -q "prompt: '@home'" "$T/out" || fail "$(cat "$T/out")"
run "$K" run "@$T/prompt" --dry-run --config "$T/cfg"; says 0; out "$T/prompt"
run "$K" run -p "@$T/missing" --dry-run --config "$T/cfg"; one_error "$T/missing"
run "$K" run -p "@$T/blank" --dry-run --config "$T/cfg"; one_error "is empty"
row CLI/W10

begin "what the command made says so; a Secret goes with its Workspace"
namespace marked
for w in 'run -p x --name t --secret s' 'create ws plain --repo https://x/y' 'create ac a --agents-md x'; do
    # shellcheck disable=SC2086
    run "$K" $w -n marked --config "$T/empty"; says 0
done
for p in tasks/t workspaces/plain agentconfigs/a; do
    [ "$(field $TASKS/marked/$p 'o["metadata"]["labels"]')" = "{'app.kubernetes.io/managed-by': 'kelos-cli'}" ] || fail "$p has no mark"
done
run "$K" create ws owner -n marked --repo https://x/y --token T1; says 0
uid=$(field $TASKS/marked/workspaces/owner 'o["metadata"]["uid"]')
owner_of() { field "/api/v1/namespaces/marked/secrets/$1" 'o["metadata"].get("ownerReferences", [{}])[0].get("uid", "")'; }
[ "$(owner_of owner-credentials)" = "$uid" ] || fail "the Secret's owner is '$(owner_of owner-credentials)'"
run "$K" run -p x -n marked --config "$T/both"; says 0
[ "$(owner_of kelos-workspace-credentials)" = "$(field $TASKS/marked/workspaces/kelos-workspace 'o["metadata"]["uid"]')" ] || fail "the configured Workspace's Secret"
[ -z "$(owner_of kelos-credentials)" ] || fail "the agent's credentials have an owner"
echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"mine-credentials"},"stringData":{"GITHUB_TOKEN":"T1"}}' | "$K" apply -n marked -f - > /dev/null
run "$K" create ws mine -n marked --repo https://x/y --token T1; says 0
[ -z "$(owner_of mine-credentials)" ] || fail "a Secret of somebody else has an owner"
run "$K" delete ws owner -n marked --wait; says 0
gone() { [ "$(field /api/v1/namespaces/marked/secrets/owner-credentials 'o.get("code")')" = 404 ]; }
until_ok 60 gone || fail "the Secret stayed"
row CLI/W20

begin "create: GitHub Apps, remotes, files, TaskSpawners"
namespace made; printf 'PEM\n\n' > "$T/app.pem"
run "$K" create ws app -n made --repo https://x/y --github-app-id 12 --github-installation-id 34 --github-private-key "$T/app.pem" \
    --remote up=https://x/z --file "notes.md=@$T/prompt"; says 0
[ "$(for k in appID installationID privateKey; do secret_key made app-credentials $k; done)" = "1234PEM" ] || fail "the Secret"
[ "$(field /api/v1/namespaces/made/secrets/app-credentials 'o["data"]["privateKey"]')" = UEVNCgo= ] || fail "the key's bytes"
run "$K" get ws app -n made -o yaml; out 'name: app-credentials'; out 'url: https://x/z'; out 'content: from a file'
run "$K" create ws w -n made --repo https://x/y --github-app-id 12; one_error '--github-installation-id missing'
run "$K" create ws w -n made --repo https://x/y --token t --github-app-id 1; one_error 'not both'
run "$K" create ts fix -n made --github-issues --label bug --label ours --exclude-label later --workspace app --secret s -p 'Fix {{.Title}}' \
    --branch 'fix-{{.Number}}' --max-concurrency 2 --poll-interval 1m; says 0; out 'taskspawner/fix created'
run "$K" get ts fix -n made -o 'jsonpath={.spec.when.githubIssues.labels[*]} {.spec.when.githubIssues.excludeLabels[0]} {.spec.taskTemplate.workspaceRef.name} {.spec.taskTemplate.promptTemplate} {.spec.taskTemplate.branch} {.spec.maxConcurrency} {.spec.pollInterval}'
[ "$(cat "$T/out")" = 'bug ours later app Fix {{.Title}} fix-{{.Number}} 2 1m' ] || fail "$(cat "$T/out")"
run "$K" create ts pulls -n made --github-pulls --state all --workspace app --secret s; says 0
run "$K" get ts pulls -n made -o 'jsonpath={.spec.when.githubPullRequests.state}'; out all
run "$K" create ts tidy -n made --cron '0 9 * * 1' --time-zone Europe/Berlin --config "$T/key" --suspend; says 0
run "$K" get ts tidy -n made -o 'jsonpath={.spec.when.cron.timeZone} {.spec.suspend} {.spec.taskTemplate.credentials.secretRef.name}'
[ "$(cat "$T/out")" = 'Europe/Berlin true kelos-credentials' ] || fail "$(cat "$T/out")"
run "$K" create ts jira -n made --jira-url https://j.example.com --jira-project SHOP --jira-secret j --secret s; says 0
run "$K" get ts -n made; out SHOP
run "$K" create ts bad --secret s; one_error 'where work comes from'
run "$K" create ts bad --secret s --cron @daily --github-issues; one_error 'not both'
run "$K" create ts bad --secret s --github-issues; one_error '--workspace'
run "$K" create ts bad --secret s --cron @daily --label x; one_error '--label does not go with --cron'
run "$K" create ts bad --secret s --jira-url https://j; one_error '--jira-project'
run "$K" create ts bad --secret s --cron @daily --max-concurrency many; one_error '--max-concurrency "many"'
row CLI/W21

begin "completion knows what the cluster holds, by the flags of the line"
printf 'namespace: made\n' > "$T/ns"; chmod 600 "$T/ns"
complete __complete --config "$T/ns" run --workspace ""; out app; no_out plain
complete __complete run -n marked --workspace "pl"; out plain; no_out mine
complete __complete run -n marked --agent-config ""; out a
complete __complete run -n shown --depends-on "be"; out beta; no_out alpha
complete __complete run -n made --secret "app"; out app-credentials; no_out kelos-credentials
complete __complete get tasks -n "mad"; out made; no_out marked
complete __complete get tasks --namespace=mark; out --namespace=marked
complete --kubeconfig "$KUBECONFIG" -n shown __complete get task ga; out gamma; no_out beta
row CLI/W30

begin "run -w tells a person why and how long, and what came of it; a script the phases"
namespace told
told() { api_patch $TASKS/told/tasks/$1/status "{\"status\":$2}"; }
in_terminal() { python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$@"; }
in_terminal timeout 120 "$K" run -p x --secret s --name person -n told -w --config "$T/empty" > "$T/person" 2>&1 < /dev/null & w=$!
timeout 120 "$K" run -p x --secret s --name script -n told -w --config "$T/empty" > "$T/script" 2> "$T/script.err" & v=$!
for n in person script; do
    until_ok 30 grep -q "task/$n created" "$T/$n" || fail "$(cat "$T/$n")"
    told $n '{"phase":"Pending","message":"0/3 nodes are available"}'
    until_ok 30 grep -q "task/$n Pending" "$T/$n" || fail "$(cat "$T/$n")"
done
told person '{"message":"pulling the image"}'
until_ok 30 grep -q 'pulling the image' "$T/person" || fail "$(cat "$T/person")"
for n in person script; do told $n '{"phase":"Succeeded","message":"done","results":{"commit":"1f2e","response":"aGk="}}'; done
wait $w; wait $v
grep -q 'task/person Pending: 0/3 nodes are available ([0-9][0-9ms]*)' "$T/person" || fail "$(cat "$T/person")"
grep -q 'commit  *1f2e' "$T/person" || fail "$(cat "$T/person")"
[ "$(tr '\n' ' ' < "$T/script")" = "task/script created task/script Pending task/script Succeeded " ] || fail "$(cat "$T/script")"
row CLI/W37

begin "version: the controller's, and what is served"
run "$K" version; [ "$(wc -l < "$T/out")" = 1 ] || fail "$(cat "$T/out")"
run "$K" version --server; says 0; out 'controller: none in kelos-system'; out kelos.dev/v1alpha1
namespace kelos-system
deployment() { printf '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"kelos-controller-manager","namespace":"kelos-system"},"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"manager","image":"host:5000/x/kelos-controller:%s"}]}}}}' "$1" | "$K" apply -f - > "$T/applied" 2>&1 || fail "$(cat "$T/applied")"; }
deployment v0.0.7
run "$K" version --server; says 0; out 'controller: v0.0.7 (host:5000/x/kelos-controller:v0.0.7)'; err 'Warning: the controller is v0.0.7'
run "$K" version --server -o json; says 0
python3 -c 'import json, sys; o = json.load(open(sys.argv[1])); assert o["client"]["version"] and o["server"]["controller"]["version"] == "v0.0.7" and "kelos.dev/v1alpha1" in o["server"]["apiVersions"], o' "$T/out" || fail "$(cat "$T/out")"
deployment "$("$K" version)@sha256:$(printf %064d 0)"
run "$K" version --server; says 0; no_err Warning
run "$K" version -o yaml; one_error 'choose json'
call -X DELETE "$S/apis/apps/v1/namespaces/kelos-system/deployments/kelos-controller-manager" > "$T/applied"
row CLI/W16

begin "waiting costs no requests; where watching is refused it looks again"
if local_part "waiting costs no requests; where watching is refused it looks again"; then
namespace waits
status() { api_patch $TASKS/waits/tasks/$1/status "{\"status\":$2}"; }
watched_run() { # NAME
    KUBECONFIG=$T/through timeout 120 "$K" run -p x --secret s --name "$1" -n waits -w --config "$T/empty" > "$T/$1.out" 2> "$T/$1.err" & w=$!
    until_ok 20 grep -q "task/$1 created" "$T/$1.out" || fail "$(cat "$T/$1.err")"
}
door watches; sed "s|server: .*|server: $URL|; /proxy-url/d" "$KUBECONFIG" > "$T/through"
watched_run quiet
until_ok 20 grep -q 'watch=true' "$T/watches" || fail "it does not watch"
n=$(wc -l < "$T/watches"); sleep 5
[ "$(wc -l < "$T/watches")" -eq "$n" ] || fail "it asks while nothing happens: $(cat "$T/watches")"
status quiet '{"phase":"Succeeded"}'
wait $w; rc=$?; [ $rc -eq 0 ] || fail "status $rc"
grep -q 'resourceVersion=[0-9]' "$T/watches" || fail "the watch does not say from when"
door polls --no-watch; sed "s|server: .*|server: $URL|; /proxy-url/d" "$KUBECONFIG" > "$T/through"
watched_run asked
until_ok 20 grep -q 'watch=true' "$T/polls" || fail "it does not try to watch"
status asked '{"phase":"Failed","message":"no luck"}'
wait $w; rc=$?; [ $rc -eq 1 ] || fail "status $rc"
grep -q 'task/asked Failed' "$T/asked.out" || fail "$(cat "$T/asked.out" "$T/asked.err")"
row CLI/W42
fi

begin "a transcript is the newest Pod's, waits for what starts, and stops at what never will"
if local_part "a transcript is the newest Pod's, waits for what starts, and stops at what never will"; then
namespace logs
status() { api_patch $TASKS/logs/tasks/$1/status "{\"status\":$2}"; }
pod() { # NAME TASK [MORE OF SPEC]
    printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s","namespace":"logs","labels":{"kelos.dev/task":"%s"}},"spec":{"nodeName":"here","restartPolicy":"Never"%s,"containers":[{"name":"claude-code","image":"demo"}]}}' "$1" "$2" "${3:-}" |
        "$K" apply -f - > /dev/null
}
pod_status() { # POD PHASE [CONTAINER STATE]... ["init" CONTAINER STATE...]
    python3 - "$@" > "$T/status.json" <<'PY'
import json, sys
status, key = {"phase": sys.argv[2]}, "containerStatuses"
words = iter(sys.argv[3:])
for name in words:
    if name == "init":
        key = "initContainerStatuses"
        continue
    status.setdefault(key, []).append({"name": name, "ready": False, "restartCount": 0, "image": "i", "imageID": "", "state": json.loads(next(words))})
print(json.dumps({"status": status}))
PY
    api_patch "/api/v1/namespaces/logs/pods/$1/status" "@$T/status.json"
    grep -q '"kind":"Pod"' "$T/patched" || fail "status of $1: $(cat "$T/patched")"
}
say() { # POD CONTAINER TEXT
    _d=$T/d/pods/$(field "/api/v1/namespaces/logs/pods/$1" 'o["metadata"]["uid"]')/$2; mkdir -p "$_d"
    echo "2026-01-02T03:04:05.000000001Z stdout F $3" >> "$_d/log"
}
task() { "$K" run -p x --secret s --name "$1" -n logs --config "$T/empty" > /dev/null; }
ended='{"terminated":{"exitCode":0}}' running='{"running":{}}' starting='{"waiting":{"reason":"PodInitializing"}}'
task old; pod old-1 old; sleep 1.1; pod old-2 old
status old '{"phase":"Running","podName":"old-1"}'
say old-1 claude-code "the first"; say old-2 claude-code "the second"
for p in old-1 old-2; do pod_status $p Succeeded claude-code "$ended"; done
run timeout 60 "$K" logs old -n logs; says 0; out "the second"; no_out "the first"
task none; run timeout 60 "$K" logs none -n logs; one_error 'has no pod yet'
status none '{"phase":"Succeeded"}'
for f in '' -f; do run timeout 60 "$K" logs none -n logs $f; one_error 'is Succeeded and has no pod'; done
row CLI/L14

task wait; pod wait-1 wait ',"initContainers":[{"name":"prepare","image":"demo"},{"name":"git-clone","image":"demo"}]'
status wait '{"phase":"Pending","podName":"wait-1"}'
timeout 120 "$K" logs wait -f -n logs > "$T/wait.out" 2> "$T/wait.err" & w=$!
sleep 1; kill -0 $w || fail "it gave up on a Pod that is not scheduled: $(cat "$T/wait.err")"
pod_status wait-1 Pending init prepare "$starting"
sleep 1; kill -0 $w || fail "it gave up on PodInitializing: $(cat "$T/wait.err")"
say wait-1 prepare "preparing"; say wait-1 git-clone "Cloning"; say wait-1 claude-code "hello"
pod_status wait-1 Pending claude-code "$starting" init prepare "$ended" git-clone "$ended"
until_ok 20 grep -q Cloning "$T/wait.out" || fail "init containers: $(cat "$T/wait.out" "$T/wait.err")"
pod_status wait-1 Running claude-code "$running"
until_ok 20 grep -q hello "$T/wait.out" || fail "$(cat "$T/wait.out" "$T/wait.err")"
row CLI/L15
pod_status wait-1 Succeeded claude-code "$ended"
status wait '{"phase":"Succeeded"}'
wait $w; rc=$?; [ $rc -eq 0 ] || fail "status $rc: $(cat "$T/wait.err")"
[ "$(tr '\n' ' ' < "$T/wait.out")" = "preparing Cloning hello " ] || fail "$(cat "$T/wait.out")"
[ "$(grep -o '^([a-z-]*)$' "$T/wait.err" | tr '\n' ' ')" = "(prepare) (git-clone) (claude-code) " ] || fail "$(cat "$T/wait.err")"
row CLI/W38

# Nothing was said: a run that goes on is waited for, one that has ended ends it by its outcome.
task mute; pod mute-1 mute; status mute '{"phase":"Running","podName":"mute-1"}'
say mute-1 claude-code ""; : > "$_d/log"
pod_status mute-1 Running claude-code "$running"
timeout 120 "$K" logs mute -f -n logs > "$T/mute.out" 2> "$T/mute.err" & w=$!
until_ok 20 grep -q '(claude-code)' "$T/mute.err"; sleep 2; kill -0 $w || fail "it gave up on a silent run: $(cat "$T/mute.err")"
pod_status mute-1 Succeeded claude-code "$ended"
status mute '{"phase":"Succeeded"}'
wait $w; rc=$?; [ $rc -eq 0 ] || fail "status $rc: $(cat "$T/mute.err")"
run timeout 60 "$K" logs mute -f -n logs; says 0; [ ! -s "$T/out" ] || fail "$(cat "$T/out")"
status mute '{"phase":"Failed","message":"it said nothing"}'
run timeout 60 "$K" logs mute -f -n logs; one_error 'it said nothing'
task stuck; pod stuck-1 stuck; status stuck '{"phase":"Pending","podName":"stuck-1"}'
pod_status stuck-1 Pending claude-code '{"waiting":{"reason":"ImagePullBackOff","message":"no such image"}}'
run timeout 60 "$K" logs stuck -f -n logs; one_error 'ImagePullBackOff'
for w in claude-code stuck-1 '"stuck"' 'no such image'; do err "$w"; done
row CLI/L16

for i in 1 2 3; do say old-2 claude-code "line $i"; done
run timeout 60 "$K" logs old -n logs --tail 1; [ "$(cat "$T/out")" = "line 3" ] || fail "$(cat "$T/out")"
run timeout 60 "$K" logs old -n logs --timestamps; out '2026-01-02T03:04:05.000000001Z line 1'
run timeout 60 "$K" logs old -n logs --since 1h; says 0; no_out 'line 1'
say old-2 claude-code '{"type":"system","subtype":"init","model":"m"}'
run timeout 60 "$K" logs old -n logs --raw; out '{"type":"system"'
run timeout 60 "$K" logs old -n logs; no_out '{"type"'; err '[init] model=m'
run timeout 60 "$K" logs wait -n logs -c git-clone; [ "$(cat "$T/out")" = Cloning ] || fail "$(cat "$T/out" "$T/err")"
for f in '--tail few' '--since soon'; do
    # shellcheck disable=SC2086
    run timeout 60 "$K" logs old -n logs $f; one_error "${f%% *}"
done
run timeout 60 "$K" logs --help; out '--previous'
row CLI/W23
fi
finish
