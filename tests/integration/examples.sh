#!/bin/sh
# examples.sh - the folder examples/: what is there applies and runs.
. tests/support/lib.sh
. tests/support/local.sh
cleanup() { local_down; }
local_up || { echo "0 passed, 1 failed"; exit 1; }
mkdir "$T/home"
export HOME="$T/home" KUBECONFIG="$K"
unset KELOS_CONFIG KELOS_NAMESPACE
kelos() { "$BIN/kelos" "$@"; }
phase_is() { kelos get task "$1" -o yaml | grep -q "^ *phase: $2\$"; }
spawner_is() { kelos get taskspawner "$1" -o yaml | grep -q "^ *phase: $2\$"; }

begin "the quick start runs"
must kelos apply -f examples/quickstart.yaml
until_ok 30 phase_is hello Succeeded || fail "$(kelos get task hello -o yaml)"
kelos logs hello > "$T/log" 2>&1
grep -q 'demo agent' "$T/log" || fail "no log: $(cat "$T/log")"

for folder in examples/0*/; do
    begin "the server accepts $folder"
    must kelos apply --dry-run -f "$folder"
    [ -s "$folder/README.md" ] || fail "no README"
done

begin "results of a dependency reach the prompt"
cat > "$T/dependent.yaml" <<'YAML'
apiVersion: kelos.dev/v1alpha1
kind: Task
metadata: {name: dependent}
spec:
  type: claude-code
  image: demo
  prompt: 'After {{index .Deps "hello" "Name"}} with {{index .Deps "hello" "Results" "output-tokens"}} tokens.'
  dependsOn: [hello]
  credentials: {type: none}
YAML
must kelos apply -f "$T/dependent.yaml"
until_ok 30 phase_is dependent Succeeded || fail "$(kelos get task dependent -o yaml)"
job() { get "$JOBS/$1"; }
job dependent | grep -qF 'After hello with 0 tokens.' || fail "$(job dependent)"

begin "a Task waits until all of its AgentConfigs are there"
cat > "$T/first.yaml" <<'YAML'
apiVersion: kelos.dev/v1alpha1
kind: AgentConfig
metadata: {name: first}
spec: {agentsMD: One.}
YAML
sed 's/first/second/; s/One/Two/' "$T/first.yaml" > "$T/second.yaml"
cat > "$T/merged.yaml" <<'YAML'
apiVersion: kelos.dev/v1alpha1
kind: Task
metadata: {name: merged}
spec:
  type: claude-code
  image: demo
  prompt: Hello.
  agentConfigRefs: [{name: first}, {name: second}]
  credentials: {type: none}
YAML
must kelos apply -f "$T/first.yaml" -f "$T/merged.yaml"
until_ok 20 phase_is merged Waiting || fail "$(kelos get task merged -o yaml)"
kelos get task merged -o yaml | grep -q 'Waiting for AgentConfig "second" to be created' || fail "not said what for"
job merged | grep -q NotFound || fail "a Job too early"
must kelos apply -f "$T/second.yaml"
until_ok 30 phase_is merged Succeeded || fail "$(kelos get task merged -o yaml)"
job merged | grep -qF 'One.\n\nTwo.' || fail "$(job merged)"

begin "a schedule that cannot be read says so in the status"
cat > "$T/bad.yaml" <<'YAML'
apiVersion: kelos.dev/v1alpha1
kind: TaskSpawner
metadata: {name: monday}
spec:
  when: {cron: {schedule: '61 * * * *'}}
  taskTemplate: {type: claude-code, image: demo, credentials: {type: none}}
YAML
must kelos apply -f "$T/bad.yaml"
until_ok 20 spawner_is monday Failed || fail "$(kelos get taskspawner monday -o yaml)"
kelos get taskspawner monday -o yaml | tr -d '\n' | tr -s ' ' | grep -qF 'above maximum (59)' ||
    fail "no reason: $(kelos get taskspawner monday -o yaml)"
row RES/S7

finish
