#!/bin/sh
# run.sh - one real agent: an issue becomes a Task, Claude Code's own command line edits a
# file by a tool call, commits and pushes; branch, commit, tokens and cost are in the status.
# The model is scripted (tests/support/model_server.c). `make agents` installs the command.
cd "$(dirname "$0")/../.." || exit 1
. tests/support/lib.sh
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kelos/agents
if [ ! -x "$cache/node_modules/.bin/claude" ]; then
    echo "run.sh: Claude Code is not in $cache: run \`make agents\` first" >&2
    exit 1
fi
kelos=$BIN/kelos data=$T/data pids=""
cleanup() {
    "$kelos" down --data "$data" > /dev/null 2>&1
    for p in $pids; do kill "$p" 2> /dev/null; done
}
unset KUBECONFIG KELOS_CONFIG KELOS_NAMESPACE KUBERNETES_SERVICE_HOST http_proxy HTTP_PROXY
KELOS_LOCAL_DIR=$data; export KELOS_LOCAL_DIR
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@localhost GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@localhost

begin "a repository, a forge with one issue, a scripted model"
mkdir -p "$T/git/acme"
bare=$T/git/acme/shop.git
must git init -q --bare -b main "$bare"
must git clone -q "$bare" "$T/seed" 2> /dev/null
(cd "$T/seed" && git checkout -q -B main && echo shop > README.md && git add . && git commit -q -m start && git push -q origin main) || fail seed
python3 - "$T/gitport" <<'PY'
import socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); open(sys.argv[1], "w").write(str(s.getsockname()[1]))
PY
gitport=$(cat "$T/gitport")
git daemon --reuseaddr --base-path="$T/git" --export-all --enable=receive-pack --listen=127.0.0.1 --port="$gitport" > "$T/git.log" 2>&1 &
pids="$pids $!"
cat > "$T/state.json" <<'J'
{"anonymous": false, "tokens": {"forge-token": "kelos-bot"}, "repos": {"acme/shop": {"issues": [
  {"number": 7, "title": "Say hello", "body": "Write a file hello.txt.", "labels": ["agent-ok"], "state": "open",
   "user": "alice", "created_at": "2026-01-02T03:04:05Z"}]}}}
J
"$BIN/kelos-demo-forge" --port-file "$T/forge" --state "$T/state.json" > "$T/forge.log" 2>&1 &
pids="$pids $!"
"$BUILD/tests/support/model_server" --port-file "$T/model" --log "$T/model.log" --api-key canary-model-key \
    --command 'git add -A && git -c user.name=claude -c user.email=claude@localhost commit -qm "Say hello" && git push -q origin HEAD' \
    > "$T/model.out" 2>&1 &
pids="$pids $!"
must until_ok 5 test -s "$T/forge"
must until_ok 5 test -s "$T/model"
must until_ok 5 git ls-remote "git://127.0.0.1:$gitport/acme/shop.git"

begin "the issue becomes a Task and the Task succeeds"
must "$kelos" up --data "$data" > "$T/up.log" 2>&1
cat > "$T/all.yaml" <<Y
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {GITHUB_TOKEN: forge-token, ANTHROPIC_API_KEY: canary-model-key}
---
apiVersion: kelos.dev/v1alpha1
kind: Workspace
metadata: {name: shop}
spec:
  repo: git://127.0.0.1:$gitport/acme/shop.git
  ref: main
  secretRef: {name: keys}
---
apiVersion: kelos.dev/v1alpha1
kind: TaskSpawner
metadata: {name: issues}
spec:
  when:
    githubIssues:
      repo: http://127.0.0.1:$(cat "$T/forge")/acme/shop
      labels: [agent-ok]
  pollInterval: 1s
  taskTemplate:
    type: claude-code
    credentials: {type: api-key, secretRef: {name: keys}}
    workspaceRef: {name: shop}
    branch: "issue-{{.Number}}"
    promptTemplate: "{{.Title}}: {{.Body}}"
    podOverrides:
      env:
      - {name: ANTHROPIC_BASE_URL, value: "http://127.0.0.1:$(cat "$T/model")"}
      - {name: CLAUDE_CODE_MAX_RETRIES, value: "2"}
      - {name: CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC, value: "1"}
Y
must "$kelos" apply -f "$T/all.yaml" > "$T/apply.log" 2>&1
ended() { "$kelos" get task issues-7 -o json > "$T/task.json" 2> /dev/null && grep -qE '"phase": ?"(Succeeded|Failed)"' "$T/task.json"; }
must until_ok 60 ended
field() { python3 -c 'import json,sys
v = json.load(open(sys.argv[1]))
for k in sys.argv[2:]: v = v.get(k, {}) if isinstance(v, dict) else {}
print(v if v != {} else "")' "$T/task.json" "$@" 2> /dev/null; }
[ "$(field status phase)" = Succeeded ] || fail "phase $(field status phase): $(field status message)"

begin "branch, commit, tokens and cost are in the status"
[ "$(field status results branch)" = issue-7 ] || fail "branch: $(field status results branch)"
commit=$(git -C "$bare" rev-parse refs/heads/issue-7 2> /dev/null)
[ -n "$commit" ] && [ "$(field status results commit)" = "$commit" ] || fail "commit $(field status results commit), pushed: $commit"
[ "$(git -C "$bare" show issue-7:hello.txt 2> /dev/null)" = "hello from a scripted model" ] || fail "hello.txt is not what the model asked for"
[ "$(field status results base-branch)" = main ] || fail "base-branch: $(field status results base-branch)"
[ "$(field status results input-tokens)" = 300 ] || fail "input-tokens: $(field status results input-tokens)"
[ "$(field status results output-tokens)" = 60 ] || fail "output-tokens: $(field status results output-tokens)"
case $(field status results cost-usd) in 0.*) ;; *) fail "cost-usd: $(field status results cost-usd)" ;; esac
if grep REFUSED "$T/model.log"; then fail "the model server refused something"; fi

begin "kelos logs shows a readable transcript"
"$kelos" logs issues-7 > "$T/logs" 2>&1 || fail "kelos logs: $(tail -n 1 "$T/logs")"
grep -q 'I will write the file' "$T/logs" || fail "the model's words are not in it"
grep -q 'Write' "$T/logs" || fail "the tool call is not in it"
grep -q 'All done: the file is written' "$T/logs" || fail "the end is not in it"
if grep -q '^{"type"' "$T/logs"; then fail "raw JSON in it"; fi

begin "the key appears in no log and no status"
if grep -rqsI canary-model-key "$data/log" "$T/logs" "$T/task.json"; then fail "it does"; fi
if [ "${KEEP:-0}" = 1 ]; then cp -R "$T" /tmp/agents-run; fi
finish
