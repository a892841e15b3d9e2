#!/bin/sh
# axon_readme.sh - the commands that the older README shows, one by one, with the program called
# axon; then those of the newer one that tests/integration/manifests.sh does not walk. github.com and
# the agent are played.
. tests/support/github.sh
. tests/support/local.sh
cleanup() { local_down; github_down; }
cat > "$T/state.json" <<'J'
{"anonymous": true, "tokens": {"replace-me": "axon-bot"}, "repos": {
 "your-org/your-repo": {"issues": [{"number": 1, "title": "Crash", "body": "It exits.", "labels": ["bug"]}]},
 "your-org/repo": {"issues": []}}}
J
github_up "$T/state.json" || { echo "0 passed, 1 failed"; exit 1; }
github_repo your-org/your-repo; github_repo your-org/repo
LOCAL_FLAGS="--api-groups kelos.dev,axon.io"
local_up || { echo "0 passed, 1 failed"; exit 1; }
install -D -m 755 tests/support/claude "$T/share/agents/claude-code/bin/claude"
mkdir -p "$T/home"; export HOME="$T/home" KUBECONFIG="$K"
unset KELOS_CONFIG AXON_CONFIG KELOS_NAMESPACE
PATH=$BIN:$PATH; export PATH
AX=/apis/axon.io/v1alpha1/namespaces/default
CONFIG=$HOME/.axon/config.yaml

# try COMMAND: the line as a reader types it. shows TEXT, refused TEXT: what came of it.
try() { line=$*; sh -c "$line" > "$T/out" 2>&1 < /dev/null; rc=$?; [ $rc -eq 0 ] || fail "$line: status $rc: $(cat "$T/out")"; }
refused() { line=$1; sh -c "$line" > "$T/out" 2>&1 < /dev/null && fail "$line is taken"; shows "$2"; }
shows() { grep -qe "$1" "$T/out" || fail "$line does not show $1: $(cat "$T/out")"; }
hides() { grep -qe "$1" "$T/out" && fail "$line shows $1"; }
succeeded() { [ "$(field "$AX/tasks/$1" 'o["status"]["phase"]')" = Succeeded ]; }
ends_well() { until_ok 60 succeeded "$1" || fail "$1: $(get "$AX/tasks/$1")"; }
made() { sed -n 's|^task/\(task-[a-z0-9]*\) created$|\1|p' "$T/out"; }

begin "init writes the configuration of axon, and says only where"
try axon init
[ "$(cat "$T/out")" = "$CONFIG created" ] || fail "$(cat "$T/out")"
[ ! -e "$HOME/.kelos" ] || fail "it made .kelos"
grep -qi kelos "$CONFIG" && fail "the template speaks of kelos"
refused "axon init" 'exists; use --force'
refused "axon run -p hello" 'axon init'

begin "install prints or applies both groups"
try axon install --dry-run
shows 'name: tasks.axon.io'; shows 'api-groups=kelos.dev,axon.io'; shows 'name: kelos-controller-axon-role'
cp "$T/out" "$T/axon.yaml"; try kelos install --dry-run --with-axon
cmp -s "$T/out" "$T/axon.yaml" || fail "kelos install --with-axon is something else"
try axon version
try kelos version

begin "a first Task: with a token in the configuration, its Secret is made"
printf 'oauthToken: sign-in\n' > "$CONFIG"; chmod 600 "$CONFIG"
try 'axon run -p "Add a hello world program in Python"'
name=$(made); [ -n "$name" ] || fail "no name: $(cat "$T/out")"
ends_well "$name"
try axon logs "$name" -f
shows 'could not push\|model none'
[ "$(field $CORE/secrets/axon-credentials 'sorted(o["data"])')" = "['CLAUDE_CODE_OAUTH_TOKEN']" ] || fail "no Secret axon-credentials"
gone $CORE/secrets/kelos-credentials || fail "kelos-credentials is there"
gone "$NS/tasks/$name" || fail "the Task is of kelos.dev"

begin "kubectl applies a Workspace and a Task of the older group"
printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"claude-oauth"},"stringData":{"CLAUDE_CODE_OAUTH_TOKEN":"x"}}' | post $CORE/secrets > /dev/null
if command -v kubectl > /dev/null; then APPLY="kubectl apply --validate=false -f"; else APPLY="axon apply -f"; fi
for f in secrets hello-world; do try "$APPLY tests/fixtures/manifests/axon/$f.yaml"; done
ends_well hello-world
if command -v kubectl > /dev/null; then try kubectl get tasks.axon.io; shows '^hello-world'; fi

begin "an API key in the configuration, or a Secret by name"
printf 'apiKey: a-key\n' > "$CONFIG"
try 'axon run -p x --dry-run'
shows 'type: api-key'; shows 'name: axon-credentials'; shows '^apiVersion: axon.io/v1alpha1'; hides a-key
try 'axon run -p x --secret my-own --dry-run'
shows 'name: my-own'; shows 'type: api-key'

begin "a repository in the configuration becomes the Workspace of axon"
printf 'oauthToken: sign-in\nworkspace:\n  repo: https://github.com/your-org/repo.git\n  ref: main\n' > "$CONFIG"
try 'axon run -p "Add unit tests" -y'
ends_well "$(made)"
[ "$(field $AX/workspaces/axon-workspace 'o["spec"]["repo"], o["spec"]["ref"], o["spec"].get("secretRef")')" = "('https://github.com/your-org/repo.git', 'main', None)" ] ||
    fail "$(get $AX/workspaces/axon-workspace)"
try 'axon run -p "Add unit tests" --workspace my-workspace --dry-run'
shows 'name: my-workspace'; hides axon-workspace

begin "a token for it goes into a Secret, and the agent pushes with it"
printf 'oauthToken: sign-in\nworkspace:\n  repo: https://github.com/your-org/repo.git\n  ref: main\n  token: replace-me\n' > "$CONFIG"
try 'axon run -y -p "Fix the bug described in issue #42 and open a PR with the fix"'
name=$(made); ends_well "$name"
[ "$(field $AX/workspaces/axon-workspace 'o["spec"]["secretRef"]["name"]')" = axon-workspace-credentials ] || fail "no secretRef"
try axon logs "$name"
shows "pushed claude/$name"
branch=$(sed -n "s|.*pushed \(claude/$name[a-z0-9-]*\).*|\1|p" "$T/out")
github_has your-org/repo "${branch:-none}" || fail "no branch '$branch': $(git -C "$T/git/your-org/repo.git" branch -a)"

begin "TaskSpawners of issues and of a schedule"
for f in fix-bugs nightly-build-fix; do try "$APPLY tests/fixtures/manifests/axon/$f.yaml"; done
until_ok 40 succeeded fix-bugs-1 || fail "no run for the issue: $(get $AX/tasks/fix-bugs-1)"
spawner_is() { [ "$(field "$AX/taskspawners/$1" 'o["status"]["phase"]')" = Running ]; }
until_ok 20 spawner_is nightly-build-fix || fail "$(get $AX/taskspawners/nightly-build-fix)"

begin "settings: model and namespace in the configuration, a Workspace by name"
printf 'oauthToken: sign-in\nmodel: m-1\nnamespace: my-namespace\nworkspace:\n  name: my-workspace\n' > "$CONFIG"
try 'axon run -p x --dry-run'
shows 'model: m-1'; shows 'namespace: my-namespace'; shows 'name: my-workspace'
try 'axon run -p x -n other --dry-run'; shows 'namespace: other'
printf 'apiKey: k\ntype: codex\n' > "$T/other.yaml"
try "axon run -p x --config $T/other.yaml --dry-run"; shows 'type: codex'
printf 'oauthToken: k\ntype: codex\n' > "$T/other.yaml"
try "axon run -p x --config $T/other.yaml --dry-run"; shows 'with CODEX_API_KEY'
try "kelos run -p x --config $T/other.yaml --dry-run"; shows 'with CODEX_AUTH_JSON'
printf 'secret: own\ncredentialType: oauth\noauthToken: not-used\n' > "$T/other.yaml"
try "axon run -p x --config $T/other.yaml --dry-run"; shows 'name: own'; shows 'type: oauth'
rm "$CONFIG"

begin "resources: create, get as table, fields, YAML and JSON, delete"
try axon create workspace mine --repo https://github.com/your-org/repo.git --ref main --dry-run
shows '^apiVersion: axon.io/v1alpha1'
try axon create workspace mine --repo https://github.com/your-org/repo.git
try axon get tasks; [ "$(head -n 1 "$T/out" | tr -s ' ')" = "NAME TYPE PHASE AGE" ] || fail "columns: $(head -n 1 "$T/out")"
shows '^hello-world *claude-code *Succeeded'
try axon get task hello-world; shows '^Name: *hello-world'; shows '^Phase: *Succeeded'
try axon get taskspawners; shows '^fix-bugs'
try axon get workspaces; shows '^mine'; shows '^axon-workspace'
try axon get workspaces -o yaml; shows 'apiVersion: axon.io/v1alpha1'
try axon get tasks -o json; shows '"axon.io/v1alpha1"'
try axon get tasks --kubeconfig "$K" -n default; shows '^hello-world'
try axon delete workspace mine; gone $AX/workspaces/mine || fail "it is there"
try axon delete taskspawner fix-bugs
try axon delete task hello-world
task_gone() { gone $AX/tasks/hello-world; }
until_ok 20 task_gone || fail "the Task stays"

begin "what axon has not, it does not have"
refused "axon get agentconfigs" 'cannot be'; hides 'agentconfig or'
refused "axon suspend taskspawner x" 'no command of axon'
refused "axon create agentconfig x" 'cannot be created'
refused "axon run -p x --secret s --branch b" 'have no spec.branch'
refused "axon run -p x --secret s --depends-on b" 'have no spec.dependsOn'
try axon --help; hides suspend; hides simulate
# Two groups of one name side by side: each program sees its own.
task theirs true; becomes theirs Succeeded
try axon get tasks; hides '^theirs'
try kelos get tasks; shows '^theirs'; hides fix-bugs

begin "the names of make that both READMEs list are targets here"
for t in update verify test test-integration test-e2e build image; do
    make -n "$t" > "$T/out" 2>&1 || fail "make $t: $(tail -3 "$T/out")"
done

begin "kubectl, as the newer README uses it"
if command -v kubectl > /dev/null; then
    try 'kubectl get crds | grep kelos.dev'; shows tasks.kelos.dev
    try kubectl get pods -n kelos-system
fi
try 'kelos run -p "Fix the bug" --agent-config my-config --secret c --dry-run'; shows 'name: my-config'
try 'kelos run -p x --secret c --timeout 30m --dry-run'; shows 'activeDeadlineSeconds: 1800'

begin "uninstall takes both groups away, and says what it leaves"
try axon uninstall
for k in tasks.axon.io workspaces.axon.io taskspawners.axon.io tasks.kelos.dev; do shows "customresourcedefinition/$k deleted"; done
shows 'left: secret/axon-credentials in default'
# The server goes on with a type that is gone for a moment.
until_ok 20 sh -c '! axon get tasks'
refused "axon get tasks" 'use .axon install'
finish
