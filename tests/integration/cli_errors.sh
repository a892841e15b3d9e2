#!/bin/sh
# cli_errors.sh - what the kelos command says when something is wrong: each condition by its own words,
# one line, status 1; and weaknesses of the original that are not there.
set -u
. tests/support/lib.sh
. tests/support/cli.sh
. tests/support/server.sh
HUNG=""
cleanup() { [ -z "$HUNG" ] || kill "$HUNG" 2> /dev/null; server_down; }
K=$BIN/kelos
: > "$T/empty"; printf 'secret: s\n' > "$T/cfg"; chmod 600 "$T/cfg" "$T/empty"
config() { printf '%b' "$1" > "$T/c"; chmod 600 "$T/c"; }
# kelos ARGS -- TEXT...: one error line that holds each text.
refuses() {
    texts=0 args=""
    for a; do [ "$a" = -- ] && { texts=1; break; }; args="$args '$(printf '%s' "$a" | sed "s/'/'\\\\''/g")'"; done
    while [ "$1" != -- ]; do shift; done; shift
    eval "run \"\$K\" $args"
    one_error "$1"
    for t; do err "$t"; done
}

begin "what stands on the line, before any file or cluster"
for w in create get delete suspend resume; do run "$K" $w; says 1; out "Usage:"; err "Error: say what to $w: "; done
row CLI/E01
run "$K" create foo; says 1; err '"foo" cannot be created; try workspace, agentconfig or taskspawner'
run "$K" get taskspawnr; says 1; err '"taskspawnr" cannot be'; err 'did you mean taskspawner'
row CLI/E02 CLI/W13
refuses create workspace --repo https://x/y -- 'workspace NAME missing' 'usage: kelos create workspace NAME --repo URL'
refuses delete task -- 'task NAME missing' '--all'
row CLI/E03
refuses create workspace a b --repo https://x/y -- 'one NAME expected, got 2: a b'
row CLI/E04
for k in task workspace taskspawner agentconfig; do refuses delete $k x --all -- 'NAME' '--all' 'not both'; done
row CLI/E05
refuses get task x -A -- 'NAME needs a single namespace' '-A' '-n'
row CLI/E06
refuses get tasks -o xml -- '-o "xml" unsupported' yaml json
row CLI/E07
refuses get tasks --phase running -- 'phase "running" unknown' Pending Running Waiting Succeeded Failed
row CLI/E08

begin "what stands in the configuration file"
printf 'secret: s\nmodel: [\n' > "$T/bad"
refuses run -p x --dry-run --config "$T/bad" -- "$T/bad" config
grep -qE ':[23]:|line [23]' "$T/err" || fail "no line: $(cat "$T/err")"
mkdir "$T/folder"; refuses run -p x --dry-run --config "$T/folder" -- "$T/folder"
row CLI/E09
config 'oauthToken: t\napiKey: k\n'
refuses run -p x --dry-run --config "$T/c" -- "$T/c sets both oauthToken and apiKey; keep one"
row CLI/E10
config "apiKey: '@$T/no-key'\n"
refuses run -p x --dry-run --config "$T/c" -- "cannot read" "$T/no-key" apiKey 'No such file'
refuses create agentconfig a --agents-md "@$T/no-md" --dry-run -- "$T/no-md" agents-md
row CLI/E11
refuses run -p x --dry-run --config "$T/empty" -- 'no credentials' oauthToken apiKey "$T/empty" --secret 'kelos init'
row CLI/E12
config 'apiKey: k\nworkspace: {repo: "https://x/y", token: t, githubApp: {appID: 1}}\n'
refuses run -p x --dry-run --config "$T/c" -- "workspace in $T/c has both token and githubApp; keep one"
row CLI/E13
config "apiKey: k\nworkspace: {repo: 'https://x/y', githubApp: {appID: 1, installationID: 2, privateKeyPath: $T/no.pem}}\n"
refuses run -p x --dry-run --config "$T/c" -- 'cannot read' githubApp.privateKeyPath "$T/no.pem" 'No such file'
row CLI/E14

begin "values of flags"
refuses run -p x --timeout abc --config "$T/cfg" --dry-run -- '--timeout "abc"' 30m
row CLI/E16
refuses run -p x --timeout 500ms --config "$T/cfg" --dry-run -- '--timeout' '1s or more'
row CLI/E17
for v in FOO =x; do refuses run -p x --env "$v" --config "$T/cfg" --dry-run -- "--env \"$v\"" NAME=VALUE; done
row CLI/E18
refuses create workspace w --repo https://x/y --secret s --token t -- '--secret' '--token' 'not both'
row CLI/E19
for f in skill agent; do for v in x =body; do refuses create agentconfig a --$f "$v" --dry-run -- "--$f \"$v\"" 'name=@file'; done; done
row CLI/E20
for v in x '={}'; do refuses create agentconfig a --mcp "$v" --dry-run -- "--mcp \"$v\"" name=JSON; done
row CLI/E21
for v in 'db={' 'db=[]' 'db={"type":"stdio","command":"c","args":"x"}'; do refuses create agentconfig a --mcp "$v" --dry-run -- '--mcp "db"'; done
row CLI/E22
refuses create agentconfig a --mcp 'db={"command":"x"}' --dry-run -- '--mcp "db"' '"type"' missing
row CLI/E23
refuses create agentconfig a --mcp 'db={"type":"websocket","url":"ws://x"}' --dry-run -- '--mcp "db"' '"websocket"' stdio http sse
row CLI/E24
refuses create agentconfig a --mcp 'db={"type":"http","url":"http://x"}' --mcp 'db={"type":"sse","url":"http://x"}' --dry-run -- '--mcp "db" given twice'
row CLI/E25
for v in '' ':s' 'o/r:'; do refuses create agentconfig a --skills-sh "$v" --dry-run -- "--skills-sh" "\"$v\""; done
row CLI/E26
refuses create agentconfig a --skills-sh o/r:s --skills-sh o/r:s --dry-run -- '--skills-sh "o/r:s" given twice'
row CLI/E27
run "$K" init --config "$T/made/c.yaml"; says 0
refuses init --config "$T/made/c.yaml" -- "$T/made/c.yaml exists" '--force'
row CLI/E31

begin "kubeconfigs"
refuses get tasks --kubeconfig "$T/none" -- kubeconfig "$T/none"
printf 'apiVersion: v1\nkind: Config\ncurrent-context: gone\ncontexts: []\nclusters: []\nusers: []\n' > "$T/kc"
refuses get tasks --kubeconfig "$T/kc" -- kubeconfig gone
printf 'apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: lost, user: u}}]\nclusters: []\nusers: [{name: u, user: {}}]\n' > "$T/kc"
refuses get tasks --kubeconfig "$T/kc" -- kubeconfig lost
printf 'apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: c, user: nobody}}]\nclusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]\nusers: []\n' > "$T/kc"
refuses get tasks --kubeconfig "$T/kc" -- kubeconfig nobody
row CLI/E32

begin "what a server answers"
NO_NODE=1
server_up || { fail "no server"; finish; }
KUBECONFIG=$K K=$BIN/kelos; export KUBECONFIG
until_ok 20 "$K" get tasks || fail "no answer"
refuses get task nobody -- 'get task' nobody 'not found'
refuses run -p x --type nobody --config "$T/cfg" -- 'create task' spec.type
row CLI/E33
printf 'oauthToken: one\n' > "$T/one"; printf 'oauthToken: two\n' > "$T/two"; chmod 600 "$T/one" "$T/two"
run "$K" run -p x --name a --config "$T/one"; says 0
for answer in n '' ; do
    printf '%s' "${answer:+$answer
}" | "$K" run -p x --name b --config "$T/two" > "$T/out" 2> "$T/err"; rc=$?
    says 1; err '[y/N]'; err --yes; err nothing
    run "$K" get task b; says 1
done
row CLI/E15
refuses logs a -- 'task "a" has no pod yet' phase -f
row CLI/E28
status() { api_patch "/apis/kelos.dev/v1alpha1/namespaces/default/tasks/$1/status" "{\"status\":$2}"; }
status a '{"phase":"Failed","message":"no such Secret"}'
refuses logs a -f -- 'task "a" failed before it started: no such Secret'
run "$K" run -p x --name c --config "$T/one"; status c '{"phase":"Failed"}'
refuses logs c -f -- 'task "c" failed before it started: no reason recorded'
row CLI/E29
run "$K" run -p x --name d --config "$T/one"; status d '{"phase":"Running","podName":"nowhere"}'
refuses logs d -- 'cannot read logs of pod nowhere' 'not found'
printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"torn"},"spec":{"nodeName":"gone","containers":[{"name":"claude-code","image":"i"}]}}' |
    call -H 'Content-Type: application/json' -X POST "$S/api/v1/namespaces/default/pods" --data-binary @- > "$T/pod"
api_patch /api/v1/namespaces/default/pods/torn/status '{"status":{"phase":"Running","containerStatuses":[{"name":"claude-code","ready":true,"restartCount":0,"image":"i","imageID":"","state":{"running":{"startedAt":"2026-01-01T00:00:00Z"}}}]}}'
status d '{"phase":"Running","podName":"torn"}'
refuses logs d -- 'cannot read logs of pod torn container claude-code: '
row CLI/E30
api_patch /apis/kelos.dev/v1alpha1/namespaces/default/tasks/d '{"metadata":{"finalizers":["kelos.dev/finalizer"]}}'
run "$K" uninstall --timeout 5s; says 1; err 'Error: '; err 'still present'; err 'is the controller running?'
row CLI/E34
api_patch /apis/kelos.dev/v1alpha1/namespaces/default/tasks/d '{"metadata":{"finalizers":null}}'

begin "home, environment and files: paths with ~, values from elsewhere, a file that others may read"
echo key-of-mine > "$HOME/key"; printf 'PEM\n' > "$HOME/app.pem"
mkdir "$T/ns"; namespace() { printf '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"%s"}}' "$1" | call -H 'Content-Type: application/json' -X POST "$S/api/v1/namespaces" --data-binary @- > /dev/null; }
secret_of() { api_get "/api/v1/namespaces/$1/secrets/$2" | python3 -c 'import base64, json, sys; print(base64.b64decode(json.load(sys.stdin)["data"][sys.argv[1]]).decode(), end="")' "$3"; }
namespace home
config 'apiKey: "@~/key"\nworkspace: {repo: "https://x/y", githubApp: {appID: 1, installationID: 2, privateKeyPath: ~/app.pem}}\n'
run "$K" run -p x -n home --config "$T/c"; says 0
[ "$(secret_of home kelos-credentials ANTHROPIC_API_KEY)" = key-of-mine ] && [ "$(secret_of home kelos-workspace-credentials privateKey)" = PEM ] || fail "not read"
mkdir "$HOME/at"; cp "$T/cfg" "$HOME/at/c.yaml"
run "$K" run -p x --dry-run --config '~/at/c.yaml'; says 0
row CLI/W1
KELOS_CONFIG=$T/cfg run "$K" run -p x --dry-run; says 0; out 'name: s'
KELOS_CONFIG=$T/cfg KELOS_NAMESPACE=elsewhere run "$K" run -p x --dry-run; out 'namespace: elsewhere'
row CLI/W4
namespace tokens
run "$K" create workspace t1 -n tokens --repo https://x/y --token "@$HOME/key"; says 0
FROM_ENV=env-value run "$K" create workspace t2 -n tokens --repo https://x/y --token '$FROM_ENV'; says 0
echo stdin-value | "$K" create workspace t3 -n tokens --repo https://x/y --token - > "$T/out" 2> "$T/err"; rc=$?; says 0
run "$K" create workspace t4 -n tokens --repo https://x/y --token '@@literal'; says 0
[ "$(for n in 1 2 3 4; do secret_of tokens t$n-credentials GITHUB_TOKEN; echo; done | tr '\n' ' ')" = "key-of-mine env-value stdin-value @literal " ] || fail "tokens"
config "apiKey: k\nworkspace: {repo: 'https://x/y', token: '@~/key'}\n"; namespace wtoken
run "$K" run -p x -n wtoken --config "$T/c"; says 0
[ "$(secret_of wtoken kelos-workspace-credentials GITHUB_TOKEN)" = key-of-mine ] || fail "workspace.token"
row CLI/W18
chmod 644 "$T/cfg"; run "$K" run -p x --dry-run --config "$T/one"; no_err 'chmod 600'
config 'apiKey: k\n'; chmod 644 "$T/c"; run "$K" run -p x --dry-run --config "$T/c"; says 0; err 'chmod 600'
run "$K" init --config "$T/c" --force; says 0
[ "$(stat -c %a "$T/c")" = 600 ] || fail "init --force keeps the mode"
run "$K" version; chmod 600 "$T/cfg"
ls -A "$T" | grep '^c\.' && fail "a file of init is left"
row CLI/W17

begin "nothing is written before all is checked; what was written is told"
namespace clean
config 'apiKey: k\nworkspace: {repo: "https://x/y", token: t}\n'
for bad in '--timeout abc' '--env FOO' '--name Not_A_Name' '--depends-on Not_A_Name' '--timeout 1ms'; do
    # shellcheck disable=SC2086
    run "$K" run -p x -n clean --config "$T/c" $bad; says 1
done
[ "$(api_get /api/v1/namespaces/clean/secrets | grep -c '"kelos-')" = 0 ] || fail "a Secret was written"
run "$K" get ws -n clean -o name; [ ! -s "$T/out" ] || fail "a Workspace was written"
run "$K" run -p x -n clean --type nobody --config "$T/c"; says 1
for w in secret/kelos-credentials secret/kelos-workspace-credentials workspace/kelos-workspace; do err "$w"; done
row CLI/W6
run "$K" run -p x --name Not_A_Name --secret s --config "$T/empty"; says 1; err Not_A_Name
run "$K" run -p x --type newer --secret s --config "$T/empty" --dry-run; says 0; err 'Warning: --type newer is not known'
row CLI/W29

begin "a Secret keeps what is not ours, and is asked about by names of keys"
printf 'oauthToken: first\n' > "$T/o1"; printf 'oauthToken: SECOND-canary\n' > "$T/o2"; printf 'apiKey: third\n' > "$T/o3"; chmod 600 "$T"/o?
namespace keys
run "$K" run -p x -n keys --config "$T/o1"; says 0
api_patch /api/v1/namespaces/keys/secrets/kelos-credentials '{"data":{"FOREIGN":"eA=="}}'
run "$K" run -p x -n keys --config "$T/o3"; says 0; no_err '[y/N]'
run "$K" run -p x -n keys --config "$T/o1"; says 0; no_err '[y/N]'
run "$K" run -p x -n keys --config "$T/o2"; says 1; err CLAUDE_CODE_OAUTH_TOKEN; no_err canary
run "$K" run -p x -n keys --config "$T/o2" -y; says 0
[ "$(secret_of keys kelos-credentials FOREIGN)$(secret_of keys kelos-credentials ANTHROPIC_API_KEY)$(secret_of keys kelos-credentials CLAUDE_CODE_OAUTH_TOKEN)" = xthirdSECOND-canary ] || fail "keys are lost"
config 'secret: s\nworkspace: {repo: "https://x/y", ref: main}\n'
run "$K" run -p x -n keys --config "$T/c"; says 0
api_patch /apis/kelos.dev/v1alpha1/namespaces/keys/workspaces/kelos-workspace '{"spec":{"remotes":[{"name":"up","url":"https://x/z"}],"files":[{"path":"a","content":"b"}]}}'
config 'secret: s\nworkspace: {repo: "https://x/other", ref: main}\n'
run "$K" run -p x -n keys --config "$T/c" -y; says 0
run "$K" get ws kelos-workspace -n keys -o json; out https://x/other; out '"up"'; out '"content": "b"'
row CLI/W7

begin "what is not said is said: empty lists, extra words, unknown keys, help"
run "$K" get tasks -n nowhere; says 0; out NAME; err 'no tasks found in namespace nowhere'
row CLI/W11
refuses run --config "$T/cfg" fix the bug -- '3 words' quotes
row CLI/W12
refuses run -p x --dry-run --config "$T/not-there" -- 'no such file'
config 'secret: s\nmodle: m\n'; run "$K" run -p x --dry-run --config "$T/c"; says 0; err modle; err model
for c in version 'completion bash'; do
    # shellcheck disable=SC2086
    run "$K" $c --config "$T/bad"; says 0; no_err Error
done
row CLI/W14
run "$K" run --help; out Examples:; for t in claude-code codex gemini opencode cursor; do out $t; done
run "$K" create workspace --help; out '(required)'; out Examples:
run "$K" get task --help; out Examples:
row CLI/W15

begin "explicit flags win; MCP servers and skills are what they say"
config 'oauthToken: t\nagentConfig: mine\nworkspace: {repo: "https://x/y"}\n'
run "$K" run -p x --dry-run --config "$T/c" --credential-type api-key; says 0; out 'type: api-key'
run "$K" run -p x --dry-run --config "$T/c" --no-workspace --no-agent-config; says 0; no_out workspaceRef; no_out agentConfigRef; no_out mine
row CLI/W19
refuses create agentconfig a --mcp 'd={"type":"stdio"}' --dry-run -- command
refuses create agentconfig a --mcp 'd={"type":"http"}' --dry-run -- url
run "$K" create agentconfig a --skills-sh https://host:8080/o/r.git --skills-sh git@host:o/r.git --skills-sh o/r:s --dry-run; says 0
out 'source: https://host:8080/o/r.git'; out 'source: git@host:o/r.git'; out 'source: o/r'; out 'skill: s'
row CLI/W22

begin "a server that does not answer is given up"
python3 -c '
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(5)
open(sys.argv[1], "w").write(str(s.getsockname()[1])); time.sleep(600)' "$T/hung" & HUNG=$!
until_ok 10 test -s "$T/hung"
printf 'apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: "http://127.0.0.1:%s"}}]\nusers: [{name: u, user: {token: x}}]\n' "$(cat "$T/hung")" > "$T/slow.kc"
began=$(date +%s)
refuses get tasks --kubeconfig "$T/slow.kc" --request-timeout 1s -- "list task"
[ $(($(date +%s) - began)) -lt 25 ] || fail "it waited $(($(date +%s) - began)) s"
kill $HUNG; run "$K" get --help; out 'default 30s'
row CLI/W24
finish
