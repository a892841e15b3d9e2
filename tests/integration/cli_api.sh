#!/bin/sh
# cli_api.sh - the kelos command against an API server: it reads and writes what it says.
set -u
. tests/support/lib.sh
. tests/support/cli.sh
. tests/support/server.sh

cleanup() { server_down; }
: > "$T/empty"
begin "the API server answers"
NO_NODE=1
server_up || { fail "no server"; finish; }
KUBECONFIG=$K K=$BIN/kelos
until_ok 20 "$K" get tasks --kubeconfig "$KUBECONFIG" || { fail "$("$K" get tasks --kubeconfig "$KUBECONFIG" 2>&1)"; finish; }
export KUBECONFIG
namespace() { echo "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"$1\"}}" | "$K" apply -f - > /dev/null; }
secret() { api_get "/api/v1/namespaces/$1/secrets/$2"; }

begin "empty lists"
for k in task tasks workspace workspaces ts ac; do
    run "$K" get $k; says 0; out NAME; err "found in namespace default"
done
row CLI/G01
run "$K" get task missing; one_error "missing"
run "$K" get workspace missing; one_error "missing"; row CLI/G02
run "$K" get tasks -o yaml; out "apiVersion: kelos.dev/v1alpha1"; out "kind: TaskList"; out "items: []"
run "$K" get tasks -o json; out '"apiVersion": "kelos.dev/v1alpha1"'; out '"kind": "TaskList"'
run "$K" get workspaces -o yaml; out "kind: WorkspaceList"; row CLI/G03
for k in task workspace taskspawner agentconfig; do run "$K" delete $k --all; says 0; out "found"; done
row CLI/D05

begin "run puts the token into a Secret"
printf 'oauthToken: tok-1\n' > "$T/r"; chmod 600 "$T/r"
run "$K" run -p "say hello" --name cli-task --config "$T/r"; says 0; out "task/cli-task created"; no_err "[y/N]"
secret default kelos-credentials > "$T/secret"
grep -q CLAUDE_CODE_OAUTH_TOKEN "$T/secret" || fail "$(cat "$T/secret")"; row CLI/R15
v1=$(grep -o '"resourceVersion": *"[0-9]*"' "$T/secret")
run "$K" run -p x --name two --config "$T/r"; says 0; no_err "[y/N]"
v2=$(secret default kelos-credentials | grep -o '"resourceVersion": *"[0-9]*"')
[ "$v1" = "$v2" ] || fail "the Secret was written again"; row CLI/R16
printf 'oauthToken: tok-2\n' > "$T/r2"; chmod 600 "$T/r2"
run "$K" run -p x --name three --config "$T/r2"; says 1; err "[y/N]"; err "--yes"; no_err tok-2
run "$K" get task three; says 1
run "$K" run -p x --name three --config "$T/r2" --yes; says 0
secret default kelos-credentials | grep -q dG9rLTI= || fail "the Secret holds another value"
printf 'apiKey: k\n' > "$T/k"; chmod 600 "$T/k"
run "$K" run -p x --name four --config "$T/k"; says 0; no_err "[y/N]"
secret default kelos-credentials > "$T/secret"
grep -q ANTHROPIC_API_KEY "$T/secret" && grep -q CLAUDE_CODE_OAUTH_TOKEN "$T/secret" || fail "the other key is lost"

begin "run names and refuses"
run "$K" run -p x --config "$T/r2"; says 0
grep -qE '^task/task-[bcdfghjklmnpqrstvwxz2456789]{5} created$' "$T/out" || fail "$(cat "$T/out")"; row CLI/R14
run "$K" run -p x --name three --config "$T/r2"; one_error "already exists"; row CLI/R26
run "$K" run -p x --type foo --config "$T/r2"; says 1; err "spec.type"; row CLI/R27

begin "run makes the workspace of the configuration"
printf 'apiKey: k\nworkspace: {repo: "https://x/y", ref: main, token: wt}\n' > "$T/r3"; chmod 600 "$T/r3"
run "$K" run -p x --name inline --config "$T/r3"; says 0
run "$K" get workspace kelos-workspace -o yaml; out "repo: https://x/y"; out "name: kelos-workspace-credentials"
run "$K" get task inline -o yaml; out "name: kelos-workspace"; row CLI/R19
run "$K" run -p x --name inline2 --config "$T/r3"; says 0; no_err "[y/N]"
printf 'apiKey: k\nworkspace: {repo: "https://x/z", token: wt}\n' > "$T/r4"; chmod 600 "$T/r4"
run "$K" run -p x --config "$T/r4"; says 1; err "[y/N]"
run "$K" run -p x --config "$T/r4" --yes; says 0
run "$K" get ws kelos-workspace -o yaml; out "https://x/z"; row CLI/R21
run "$K" run -p x --name other --workspace other --config "$T/r4"; says 0
run "$K" get task other -o yaml; out "name: other"; no_out "kelos-workspace"; row CLI/R20
printf 'apiKey: k\nworkspace: {repo: "https://x/y", token: t, githubApp: {appID: 1}}\n' > "$T/r5"; chmod 600 "$T/r5"
run "$K" run -p x --config "$T/r5"; one_error "both token and githubApp"; row CLI/R22
printf 'PEM\n' > "$T/pem"; namespace apps
printf 'secret: s\nworkspace: {repo: "https://x/a", githubApp: {appID: 12345, installationID: "6", privateKeyPath: "%s"}}\n' "$T/pem" > "$T/r6"
run "$K" run -p x -n apps --config "$T/r6"; says 0
secret apps kelos-workspace-credentials > "$T/secret"
for k in appID installationID privateKey UEVNCg==; do grep -q "$k" "$T/secret" || fail "the Secret lacks $k"; done
row CLI/R23

begin "the namespace of the configuration"
namespace team; printf 'secret: s\nnamespace: team\n' > "$T/n1"
run "$K" run -p x --name in-team --config "$T/n1"; says 0; run "$K" get task in-team -n team; says 0; row CLI/C09
run "$K" run -p x --name in-apps --config "$T/n1" -n apps; says 0; run "$K" get task in-apps -n apps; says 0; row CLI/C10

begin "create"
run "$K" create workspace my-ws --repo https://x/y --ref main; says 0; out "workspace/my-ws created"
run "$K" get workspace my-ws -o json; out '"repo": "https://x/y"'; out '"ref": "main"'; row CLI/X03
run "$K" create workspace sec-ws --repo https://x/y --secret my-gh-secret; says 0
run "$K" get ws sec-ws -o yaml; out "name: my-gh-secret"; row CLI/X04
run "$K" create ws alias-ws --repo https://x/y; says 0; run "$K" get ws alias-ws; says 0
run "$K" delete ws alias-ws; says 0; row CLI/X06
run "$K" create workspace tok-ws --repo https://x/y --token T1; says 0
secret default tok-ws-credentials | grep -q VDE= || fail "the token's Secret"
run "$K" create workspace tok-ws --repo https://x/y --token T2; one_error "already exists"
secret default tok-ws-credentials | grep -q VDE= || fail "a clash of names changed the Secret"
run "$K" create agentconfig test-ac --agents-md "Follow TDD"; says 0; out "agentconfig/test-ac created"
run "$K" get ac test-ac -o yaml; out "agentsMD: Follow TDD"; row CLI/X12
echo '{"type":"sse","url":"http://c"}' > "$T/mcp"
run "$K" create agentconfig mcp --mcp 'a={"type":"http","url":"http://a","headers":{"H":"v"}}' \
    --mcp 'b={"type":"stdio","command":"c","args":["x"],"env":{"K":"V"}}' --mcp "c=@$T/mcp"
says 0; run "$K" get ac mcp -d; out "a (http)"; out "b (stdio)"; out "c (sse)"; row CLI/X13

begin "apply"
cat > "$T/docs.yaml" <<'EOF'
apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data: {a: b}
---
apiVersion: kelos.dev/v1alpha1
kind: Workspace
metadata:
  name: applied
spec:
  repo: https://x/y
EOF
run "$K" apply -f "$T/docs.yaml"; says 0; out "configmap/cm created"; out "workspace/applied created"
run "$K" apply -f "$T/docs.yaml"; says 0; out "configmap/cm unchanged"; out "workspace/applied unchanged"
sed -i 's/x\/y/x\/z/' "$T/docs.yaml"; run "$K" apply -f "$T/docs.yaml"; out "workspace/applied configured"
run "$K" apply -f "$T/docs.yaml" -n team; says 0; out "workspace/applied created"
"$K" apply -f - < "$T/docs.yaml" > "$T/out" 2>&1 || fail "stdin"; out "configmap/cm unchanged"

begin "apply tells of a field that the schema has not"
printf 'apiVersion: kelos.dev/v1alpha1\nkind: Workspace\nmetadata: {name: odd}\nspec:\n  repo: https://x/y\n  reff: main\n' > "$T/odd.yaml"
run "$K" apply -f "$T/odd.yaml"
# What is applied on the server's side is refused by the real one, and taken by ours with a warning.
if real_server; then one_error "odd.yaml:1: workspace/odd"; err ".spec.reff: field not declared in schema"
else says 0; err "Warning: $T/odd.yaml:6: unknown field \"spec.reff\""; fi

begin "apply of bad documents leaves the good ones"
printf 'apiVersion: kelos.dev/v1alpha1\nkind: Tusk\nmetadata: {name: x}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm2}\n' > "$T/kinds.yaml"
run "$K" apply -f "$T/kinds.yaml"; one_error "kinds.yaml:2"; err "did you mean Task"; out "configmap/cm2 created"
printf 'apiVersion: kelos.dev/v1alpha1\nkind: Task\nmetadata: {name: bad}\nspec: {type: nobody, prompt: x, credentials: {type: none}}\n' > "$T/enum.yaml"
run "$K" apply -f "$T/enum.yaml"; one_error "enum.yaml:1"; err "spec.type"
printf 'apiVersion: v1\nkind: ConfigMap\n  bad: [\n' > "$T/broken.yaml"
run "$K" apply -f "$T/broken.yaml"; one_error "broken.yaml:"
mkdir "$T/folder"; cp "$T/docs.yaml" "$T/folder/a.yaml"; cp "$T/broken.yaml" "$T/folder/b.yml"; echo no > "$T/folder/c.txt"
run "$K" apply -f "$T/folder"; one_error "b.yml:"; out "workspace/applied unchanged"
run "$K" apply -f "$T/absent.yaml"; one_error "absent.yaml"
mkdir "$T/none"; run "$K" apply -f "$T/none"; one_error "no documents"

begin "get"
run "$K" get task cli-task -o yaml; out "kind: Task"; out "name: cli-task"
run "$K" get task cli-task -o json; out '"kind": "Task"'
run "$K" get ws my-ws -o yaml; out "kind: Workspace"; row CLI/G04
run "$K" get task cli-task; out cli-task
for l in "Prompt:" "Poll Interval:" "Secret:" "Agents MD:"; do no_out "$l"; done; row CLI/G06
run "$K" get task cli-task -d; out "Prompt:             say hello"
run "$K" get tasks -A; out NAMESPACE; out in-team
run "$K" get tasks -o name; out task/cli-task
run "$K" get tasks --no-headers; no_out NAME
run "$K" get tasks -o wide; out MODEL
run "$K" get task cli-task -o 'jsonpath={.spec.prompt}'
[ "$(cat "$T/out")" = "say hello" ] || fail "$(cat "$T/out")"
"$K" get tasks -w > "$T/watched" 2>&1 &
watch=$!
until_ok 5 grep -q cli-task "$T/watched" || fail "the watch lists nothing"
"$K" run -p x --secret s --name seen --config "$T/empty" > /dev/null
until_ok 5 grep -q seen "$T/watched" || fail "the watch misses a new Task"
kill $watch; wait $watch 2> /dev/null

begin "phases"
namespace phases
phase() { api_patch "/apis/kelos.dev/v1alpha1/namespaces/phases/tasks/$1/status" "{\"status\":{\"phase\":\"$2\"}}"; }
i=0
for p in Pending Running Waiting Succeeded Failed; do
    "$K" run -p x --secret s --name "t-$i" -n phases --config "$T/empty" > /dev/null; phase "t-$i" $p; i=$((i + 1))
done
count() { "$K" get tasks -n phases --no-headers "$@" 2>/dev/null | grep -c .; }
[ "$(count --phase Running)" = 1 ] && [ "$(count --phase Pending,Running,Waiting)" = 3 ] &&
    [ "$(count --phase Succeeded,Failed)" = 2 ] && [ "$(count)" = 5 ] || fail "counts"
row CLI/G13 CLI/G14
[ "$(count --phase Running,Pending --phase Failed)" = 3 ] || fail "union"; row CLI/G15

begin "run -w follows the phases"
watched() { # NAME PHASE...: sets each phase once the one before was printed
    n=$1; shift
    until_ok 10 grep -q "task/$n created" "$T/out"
    for p in "$@"; do phase "$n" "$p"; until_ok 10 grep -q "task/$n $p" "$T/out"; done
}
rm -f "$T/out"; watched w Pending Running Succeeded & w=$!
run "$K" run -p x --secret s --name w -n phases -w --config "$T/empty"; says 0; wait $w
[ "$(tr '\n' ' ' < "$T/out")" = "task/w created task/w Pending task/w Running task/w Succeeded " ] || fail "$(cat "$T/out")"
row CLI/R24
rm -f "$T/out"; watched f Failed & w=$!
run "$K" run -p x --secret s --name f -n phases -w --config "$T/empty"; says 1; wait $w
out "task/f Failed"; err "kelos logs f"; err "kelos get tasks f -d"; row CLI/R25

begin "logs before a pod exists"
run "$K" logs t-0 -n phases; one_error "has no pod yet (phase Pending)"; row CLI/L01
api_patch /apis/kelos.dev/v1alpha1/namespaces/phases/tasks/t-4/status '{"status":{"message":"no such secret"}}'
run "$K" logs t-4 -f -n phases; one_error 'failed before it started: no such secret'; row CLI/L04
run "$K" logs missing -f; one_error "missing"

begin "delete"
run "$K" delete workspace my-ws; says 0; out "workspace/my-ws deleted"
run "$K" get workspace my-ws; says 1; row CLI/D01
for k in task workspace taskspawner; do run "$K" delete $k missing; one_error missing; done; row CLI/D02
run "$K" delete task --all -n phases; says 0
[ "$(grep -c 'task/.* deleted' "$T/out")" = 7 ] || fail "$(cat "$T/out")"
[ "$(count)" = 0 ] || fail "Tasks are left"; row CLI/D03

begin "suspend and resume"
cat > "$T/spawner.yaml" <<'EOF'
apiVersion: kelos.dev/v1alpha1
kind: TaskSpawner
metadata: {name: nightly}
spec:
  when: {cron: {schedule: "0 3 * * *"}}
  taskTemplate:
    type: claude-code
    credentials: {type: api-key, secretRef: {name: s}}
    promptTemplate: tidy up
EOF
run "$K" apply -f "$T/spawner.yaml"; says 0
run "$K" get ts; out "cron: 0 3 * * *"
run "$K" suspend taskspawner nightly; says 0; out "taskspawner/nightly suspended"
run "$K" get ts nightly -o 'jsonpath={.spec.suspend}'; out true; row CLI/S01
run "$K" suspend ts nightly; says 0; out already; row CLI/S02
run "$K" resume taskspawner nightly; says 0; out "taskspawner/nightly resumed"
run "$K" get ts nightly -o 'jsonpath={.spec.suspend}'; out false; row CLI/S03
run "$K" resume ts nightly; says 0; out "not suspended"; row CLI/S04 CLI/S05
run "$K" get ts nightly -o 'jsonpath={.spec.taskTemplate.promptTemplate} {.spec.when.cron.schedule}'
[ "$(cat "$T/out")" = "tidy up 0 3 * * *" ] || fail "fields were lost: $(cat "$T/out")"; row CLI/S06
run "$K" suspend ts missing; one_error missing

begin "completion of names"
C="--kubeconfig $KUBECONFIG"
complete $C -n default __complete get task ""; out cli-task; out two; out ":4"
complete $C __complete delete workspace ""; out applied
for w in suspend resume; do complete $C __complete $w taskspawner n; out nightly; done; row CLI/K03
complete $C __complete get task cli-task ""; [ "$(cat "$T/out")" = ":4" ] || fail "$(cat "$T/out")"; row CLI/K04
complete $C -n empty __complete get task ""; [ "$(cat "$T/out")" = ":4" ] || fail "$(cat "$T/out")"; row CLI/K05
complete $C __complete create workspace ""; no_out applied; row CLI/K07
complete $C __complete run --workspace ""; out applied

begin "delete of everything of a kind"
for n in a b; do "$K" create workspace "ws-$n" --repo https://x/y -n phases > /dev/null; done
run "$K" delete ws --all -n phases; out "workspace/ws-a deleted"; out "workspace/ws-b deleted"
sed s/nightly/second/ "$T/spawner.yaml" > "$T/second.yaml"; "$K" apply -f "$T/second.yaml" > /dev/null
run "$K" delete ts --all; out "taskspawner/nightly deleted"; out "taskspawner/second deleted"; row CLI/D04
"$K" apply -f "$T/second.yaml" > /dev/null
run "$K" delete ts second; says 0; out "taskspawner/second deleted"; row CLI/D06
finish
