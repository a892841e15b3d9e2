#!/bin/sh
# kubectl.sh - an unmodified kubectl against an API server: every row of what kubectl does.
. tests/support/lib.sh
. tests/support/server.sh

if ! command -v kubectl > /dev/null; then
    echo "kubectl.sh: no kubectl on PATH: make deps installs Debian's kubernetes-client"
    exit 1
fi
cleanup() { server_down; }
NO_NODE=1
server_up || { echo "0 passed, 1 failed"; exit 1; }
older_group_off || { echo "0 passed, 1 failed"; exit 1; }
HOME=$T; export HOME
KUBECONFIG=$K; export KUBECONFIG
unset HTTP_PROXY HTTPS_PROXY http_proxy https_proxy
k() { kubectl --request-timeout=60s "$@"; }
# Old ones check what they send by the older schema document: our own server's names no type and
# leaves it to the server; with the real one they are told not to.
validate="" old=""
minor=$(kubectl version --client -o json 2> /dev/null | sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p' | head -n 1)
[ "${minor:-0}" -ge 29 ] || old=yes
[ -z "$old" ] || ! real_server || validate="--validate=false"
has() { grep -q -e "$2" "$1" || { fail "no \"$2\" in:"; cat "$1" >&2; }; }

cat > "$T/task.yaml" <<'YAML'
apiVersion: kelos.dev/v1alpha1
kind: Task
metadata: {name: one, labels: {team: a}}
spec:
  type: codex
  prompt: say hello
  credentials: {type: api-key, secretRef: {name: key}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
YAML

begin "version, api-resources, api-versions"
must k version > "$T/out"; has "$T/out" "Server Version"
must k api-resources > "$T/out"; has "$T/out" "^tasks .*kelos.dev/v1alpha1 *true *Task"; has "$T/out" "^pods *po "
must k api-versions > "$T/out"; has "$T/out" "^batch/v1"

begin "apply makes, repeats, changes"
must k apply $validate -f "$T/task.yaml" > "$T/out"; has "$T/out" "task.kelos.dev/one created"; has "$T/out" "configmap/settings created"
must k apply $validate -f "$T/task.yaml" > "$T/out"; has "$T/out" "task.kelos.dev/one unchanged"
sed 's/colour: red/colour: green/; s/{team: a}/{team: b}/' "$T/task.yaml" > "$T/task2.yaml"
must k apply $validate -f "$T/task2.yaml" > "$T/out"; has "$T/out" "task.kelos.dev/one configured"; has "$T/out" "configmap/settings configured"
[ "$(k get configmap settings -o 'jsonpath={.data.colour}')" = green ] || fail "the ConfigMap did not change"
[ "$(k get task one -o 'jsonpath={.metadata.labels.team}')" = b ] || fail "the label did not change"

begin "get: table, wide, name, yaml, json, selectors"
must k get tasks > "$T/out"; has "$T/out" "^NAME  *TYPE  *PHASE  *AGE"; has "$T/out" "^one  *codex"
must k get tasks -o wide > "$T/out"; has "$T/out" "BRANCH  *DEPENDS ON"
must k get tasks,configmaps -o name > "$T/out"; has "$T/out" "^task.kelos.dev/one"
must k get task one -o yaml > "$T/out"; has "$T/out" "prompt: say hello"
must k get task one -o json > "$T/out"; has "$T/out" '"kind": "Task"'
must k get tasks -l team=b -o name > "$T/out"; has "$T/out" "one"
[ -z "$(k get tasks -l team=a -o name)" ] || fail "a selector that matches nothing found something"
must k get all -A > /dev/null

begin "describe shows the object and its events"
uid=$(k get task one -o 'jsonpath={.metadata.uid}')
cat > "$T/event.yaml" <<YAML
apiVersion: v1
kind: Event
metadata: {name: one.1, namespace: default}
involvedObject: {kind: Task, apiVersion: kelos.dev/v1alpha1, namespace: default, name: one, uid: $uid}
reason: Noticed
message: seen by a test
type: Normal
firstTimestamp: "2026-01-02T03:04:05Z"
lastTimestamp: "2030-01-02T03:04:05Z"
count: 1
source: {component: kubectl-test}
YAML
must k create $validate -f "$T/event.yaml" > /dev/null
must k describe task one > "$T/out"; has "$T/out" "^Name: *one"; has "$T/out" "Noticed.*seen by a test"
must k get events > "$T/out"; has "$T/out" "Noticed *task/one"

begin "errors are told as Kubernetes tells them"
k get task nobody > "$T/out" 2>&1 && fail "a missing Task was found"
has "$T/out" 'Error from server (NotFound): tasks.kelos.dev "nobody" not found'
sed 's/name: one/name: bad/; s/type: codex/type: copilot/' "$T/task.yaml" > "$T/bad.yaml"
k create $validate -f "$T/bad.yaml" > "$T/out" 2>&1 && fail "a bad Task was taken"
has "$T/out" 'spec.type: Unsupported value: "copilot"'
if [ -z "$old" ]; then
    sed 's/name: one/name: bad/; s/prompt:/promt:/' "$T/task.yaml" > "$T/bad.yaml"
    k create -f "$T/bad.yaml" > "$T/out" 2>&1 && fail "an unknown field was taken"
    has "$T/out" 'strict decoding error: unknown field "spec.promt"'
fi
k patch task one --type=merge -p '{"spec":{"prompt":"other"}}' > "$T/out" 2>&1 && fail "the spec was changed"
has "$T/out" "Task spec is immutable after creation"
row RES/T1 RES/T7

begin "label, annotate, patch"
must k label task one extra=1 > /dev/null
must k annotate configmap settings note=kept > /dev/null
must k patch configmap settings -p '{"data":{"shape":"round"}}' > /dev/null
must k patch configmap settings --type=json -p '[{"op":"replace","path":"/data/shape","value":"square"}]' > /dev/null
[ "$(k get configmap settings -o 'jsonpath={.data.shape}{.metadata.annotations.note}')" = squarekept ] || fail "patches did not hold"

begin "edit and replace"
printf '#!/bin/sh\nsed -i s/square/oval/ "$1"\n' > "$T/editor"; chmod +x "$T/editor"
KUBE_EDITOR=$T/editor EDITOR=$T/editor must k edit $validate configmap settings > "$T/out"; has "$T/out" "edited"
[ "$(k get configmap settings -o 'jsonpath={.data.shape}')" = oval ] || fail "the edit did not hold"
k get configmap settings -o yaml | sed s/oval/flat/ > "$T/replace.yaml"
must k replace $validate -f "$T/replace.yaml" > "$T/out"; has "$T/out" "replaced"
[ "$(k get configmap settings -o 'jsonpath={.data.shape}')" = flat ] || fail "the replacement did not hold"

begin "a List, as get writes several objects, is made, applied and deleted"
cat > "$T/list.yaml" <<'YAML'
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: listed-a}, data: {size: "1"}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: listed-b}, data: {size: "1"}}
YAML
must k apply $validate -f "$T/list.yaml" > "$T/out"; has "$T/out" "configmap/listed-b created"
k get configmap listed-a listed-b -o yaml | sed 's/size: "1"/size: "2"/' > "$T/listed.yaml"; has "$T/listed.yaml" "^kind: List"
must k replace $validate -f "$T/listed.yaml" > /dev/null
[ "$(k get configmap listed-b -o 'jsonpath={.data.size}')" = 2 ] || fail "the List was not taken"
must k delete -f "$T/listed.yaml" > "$T/out"; has "$T/out" '"listed-a".* deleted'

begin "create from the command line (protobuf bodies)"
must k create namespace team > /dev/null
must k create secret generic key --from-literal=CODEX_API_KEY=abc > /dev/null
[ "$(k get secret key -o 'jsonpath={.data.CODEX_API_KEY}')" = YWJj ] || fail "the Secret holds something else"
must k create configmap made --from-literal=a=b > /dev/null
must k create serviceaccount bot > /dev/null
must k create job once --image=demo -- echo hi > /dev/null
[ "$(k get job once -o 'jsonpath={.spec.template.spec.containers[0].command}')" = '["echo","hi"]' ] || fail "the Job runs something else"
[ -n "$old" ] || # an old one asks for batch/v1beta1
    must k create cronjob daily --image=demo --schedule='0 0 * * *' -- date > /dev/null
must k create deployment web --image=demo > /dev/null
must k create role reader --verb=get --resource=pods > /dev/null
must k create rolebinding reads --role=reader --serviceaccount=default:bot > /dev/null
must k auth can-i create tasks > "$T/out"; has "$T/out" yes

k apply $validate -f "$T/task2.yaml" > /dev/null
sed 's/name: one/name: two/' "$T/task.yaml" > "$T/two.yaml"
# What an old kubectl does only for types that the older schema document names.
if [ -z "$old" ]; then
begin "explain"
must k explain task.spec > "$T/out"; has "$T/out" "prompt.*string"
must k explain pod.spec.containers > "$T/out"; has "$T/out" "imagePullPolicy"

begin "diff and server-side dry run"
k diff -f "$T/task2.yaml" > "$T/out" || { fail "a difference where there is none"; cat "$T/out" >&2; }
k diff -f "$T/task.yaml" > "$T/out"; has "$T/out" "colour: red"
must k apply $validate --dry-run=server -f "$T/task.yaml" > "$T/out"; has "$T/out" "server dry run"
[ "$(k get configmap settings -o 'jsonpath={.data.colour}')" = green ] || fail "a dry run was wet"

begin "apply --server-side owns fields"
must k apply --server-side -f "$T/two.yaml" --force-conflicts > "$T/out"; has "$T/out" "task.kelos.dev/two serverside-applied"
must k apply --server-side -f "$T/two.yaml" > /dev/null
sed 's/colour: red/colour: blue/' "$T/two.yaml" > "$T/three.yaml"
k apply --server-side --field-manager=other -f "$T/three.yaml" > "$T/out" 2>&1 && fail "a conflict was not told"
has "$T/out" 'conflict with "kubectl"'
else
    k apply $validate -f "$T/two.yaml" > /dev/null
fi

begin "get -w and wait follow what happens"
k get tasks -w > "$T/watch" 2>&1 &
watcher=$!
until_ok 5 grep -q "^two" "$T/watch" || fail "no first rows"
k wait --for='jsonpath={.status.phase}=Succeeded' task/two --timeout=120s > "$T/wait" 2>&1 &
waiter=$!
status='{"status":{"phase":"Succeeded"}}'
must call -f -o /dev/null -X PATCH -H 'Content-Type: application/merge-patch+json' -d "$status" \
    "$S/apis/kelos.dev/v1alpha1/namespaces/default/tasks/two/status"
if [ -z "$old" ]; then wait "$waiter" || { fail "wait ended badly:"; cat "$T/wait" >&2; }; fi
until_ok 5 grep -q "two  *codex  *Succeeded" "$T/watch" || { fail "the watch does not show it"; cat "$T/watch" >&2; }
kill "$watcher"; wait "$watcher" 2> /dev/null

if local_part "logs and logs -f"; then
begin "logs and logs -f"
cat > "$T/pod.yaml" <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: talker}
spec: {nodeName: here, restartPolicy: Never, containers: [{name: c, image: demo}]}
YAML
must k apply $validate -f "$T/pod.yaml" > /dev/null
k logs talker > "$T/out" 2>&1 && fail "a log before there was one"
has "$T/out" "waiting to start"
log=$T/d/pods/$(k get pod talker -o 'jsonpath={.metadata.uid}')/c
mkdir -p "$log"
echo "2026-01-02T03:04:05.000000001Z stdout F first" > "$log/log"
echo "2026-01-02T03:04:06.000000001Z stderr F second" >> "$log/log"
[ "$(k logs talker | tr '\n' ,)" = first,second, ] || fail "the log reads otherwise"
[ "$(k logs talker --tail=1 --timestamps)" = "2026-01-02T03:04:06.000000001Z second" ] || fail "the tail reads otherwise"
[ "$(k logs talker --since-time=2026-01-02T03:04:06Z)" = second ] || fail "since-time reads otherwise"
k logs -f talker > "$T/follow" 2>&1 &
follower=$!
until_ok 5 grep -q second "$T/follow" || fail "nothing followed"
echo "2026-01-02T03:04:07.000000001Z stdout F third" >> "$log/log"
until_ok 5 grep -q third "$T/follow" || fail "growth was not followed"
mv "$log/log" "$log/log.1"
echo "2026-01-02T03:04:08.000000001Z stdout F fourth" > "$log/log"
until_ok 5 grep -q fourth "$T/follow" || fail "rotation was not followed"
kill -0 "$follower" || fail "following ended before the container did"
status='{"status":{"phase":"Succeeded","containerStatuses":[{"name":"c","ready":false,"restartCount":0,"image":"demo","imageID":"","state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]}}'
must call -f -o /dev/null -X PATCH -H 'Content-Type: application/merge-patch+json' -d "$status" \
    "$S/api/v1/namespaces/default/pods/talker/status"
wait "$follower" || fail "following ended badly"
must k get pods > "$T/out"; has "$T/out" "talker *0/1 *Completed"
row KC/LOG-1
fi

begin "delete, wait --for=delete, namespaces"
must k delete task one --timeout=120s > "$T/out"; has "$T/out" 'task.kelos.dev "one".* deleted'
# A kubectl of old says "no matching resources" when it comes too late, so it may begin early.
waited_for_delete() { # SECONDS
    k create configmap waited > /dev/null
    k wait --for=delete configmap/waited --timeout=120s > "$T/wait" 2>&1 &
    waiter=$!
    sleep "$1"
    must k delete configmap waited > /dev/null
    wait "$waiter"
}
waited_for_delete 0.5 || waited_for_delete 3 || waited_for_delete 9 || { fail "wait --for=delete"; cat "$T/wait" >&2; }
must k delete configmap made > /dev/null
must k delete namespace team --timeout=120s > /dev/null
k get namespace team > /dev/null 2>&1 && fail "the namespace is still there"
must k delete tasks --all > /dev/null

begin "a custom type of a user: made, used, removed with its objects"
cat > "$T/crd.yaml" <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: fruits.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: fruits, kind: Fruit, shortNames: [fr]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              colour: {type: string, default: green}
              weight: {type: integer, minimum: 1}
            x-kubernetes-validations:
            - {rule: "!has(self.weight) || self.weight < 1000", message: too heavy}
    additionalPrinterColumns:
    - {name: Colour, type: string, jsonPath: .spec.colour}
YAML
must k apply $validate -f "$T/crd.yaml" > /dev/null
must k wait --for=condition=Established crd/fruits.example.com --timeout=120s > /dev/null
printf 'apiVersion: example.com/v1\nkind: Fruit\nmetadata: {name: apple}\nspec: {weight: 100}\n' > "$T/fruit.yaml"
must k apply $validate -f "$T/fruit.yaml" > /dev/null
must k get fr > "$T/out"; has "$T/out" "^apple *green"
sed 's/100/1000/' "$T/fruit.yaml" | k apply $validate -f - > "$T/out" 2>&1 && fail "a rule was not asked"
has "$T/out" "too heavy"
must k delete crd fruits.example.com > /dev/null
k get fruits > "$T/out" 2>&1 && fail "the type is still there"
must k apply $validate -f "$T/crd.yaml" > /dev/null
must k wait --for=condition=Established crd/fruits.example.com --timeout=120s > /dev/null
[ -z "$(k get fruits -o name)" ] || fail "objects outlived their type"

if local_part "a restart keeps everything, port and token too"; then
begin "a restart keeps everything, port and token too"
before=$(cat "$K")
kill "$SERVER_PID"; wait "$SERVER_PID" 2> /dev/null
"$BIN/kelos-apiserver" --data "$T/d" --crds deploy/crds 2>> "$T/server.log" &
SERVER_PID=$!
until_ok 10 k get --raw /readyz || fail "not ready again"
[ "$before" = "$(cat "$K")" ] || fail "the kubeconfig changed"
[ "$(k get secret key -o 'jsonpath={.data.CODEX_API_KEY}')" = YWJj ] || fail "the Secret is gone"
[ "$(stat -c %a "$K")" = 600 ] || fail "others may read the kubeconfig"
row KC/SRV-5
fi
finish
