#!/bin/sh
# cluster.sh - kelos install and uninstall: the manifests as printed, and on a real API server
# where tests/kube/assets.sh finds one.
. tests/support/lib.sh
KUBEBUILDER_ASSETS=$(tests/kube/assets.sh 2> /dev/null) && export KUBEBUILDER_ASSETS || unset KUBEBUILDER_ASSETS
. tests/support/cli.sh
cleanup() { [ -z "${supervisor:-}" ] || kill "$supervisor" 2> /dev/null; [ ! -d "$T/kube" ] || tests/kube/up.sh "$T/kube" --stop; }
printed() { "$K" install --dry-run "$@" > "$T/yaml" 2> "$T/err" || fail "$(cat "$T/err")"; }
has() { grep -qe "$1" "$T/yaml" || fail "lacks $1"; }
lacks() { ! grep -qe "$1" "$T/yaml" || fail "has $1: $(grep -e "$1" "$T/yaml" | head -3)"; }

begin "the dry run prints definitions, then the controller, and asks no cluster"
printed
for w in 'kind: CustomResourceDefinition' 'kind: Deployment' 'name: kelos-controller-role' '- rolebindings'; do has "$w"; done
lacks '^Installing'; lacks axon
python3 - "$T/yaml" <<'PY' || fail "documents: $(cat "$T/order")"
import sys, re
kinds = re.findall(r"^kind: (\w+)", open(sys.argv[1]).read(), re.M)
crds = [k == "CustomResourceDefinition" for k in kinds]
assert crds == sorted(crds, reverse=True) and sum(crds) == 4, kinds
assert kinds[4:6] == ["Namespace", "ServiceAccount"] and kinds[-1] == "Deployment", kinds
PY
row CLI/N01 CLI/N07
printed --with-axon; has 'name: tasks.axon.io'; has 'api-groups=kelos.dev,axon.io'; has 'name: kelos-controller-axon-role'
printed --spawner-isolation pod
has 'spawner-isolation=pod'; has 'bus-port=7440'; has 'name: kelos-controller-isolation-role'; has 'name: kelos-controller-bus'
printed --watch-secrets; has 'watch-secrets'; has 'name: kelos-controller-secrets-role'
printed; lacks isolation; lacks bus-port; lacks cronjobs; lacks watch-secrets; lacks secrets-role
python3 - "$T/yaml" <<'PY' || fail "a role may list or watch Secrets"
import sys, yaml
for o in yaml.safe_load_all(open(sys.argv[1])):
    for rule in o.get("rules", []) if o["kind"] == "ClusterRole" and "spawner" not in o["metadata"]["name"] else []:
        assert "secrets" not in rule["resources"] or not {"list", "watch", "*"} & set(rule["verbs"]), o["metadata"]["name"]
PY

begin "version and pull policy reach every image, and nothing else"
printed --version v0.5.0
lacks ':latest'
[ "$(grep -c 'image: .*:v0\.5\.0$' "$T/yaml")" = 1 ] || fail "container images"
[ "$(grep -ce '- --.*-image=.*:v0\.5\.0$' "$T/yaml")" = 6 ] || fail "image arguments"
row CLI/N02
printed --version latest; has 'image: .*:latest$'
row CLI/N03
printed --image-pull-policy Always
[ "$(grep -ce '- --.*-image-pull-policy=Always' "$T/yaml")" = 6 ] || fail "policies of arguments"
[ "$(grep -c '^ *imagePullPolicy: Always' "$T/yaml")" = 1 ] || fail "policies of containers"
lacks 'leader-elect-.*=Always'
row CLI/N04
printed --disable-heartbeat
lacks kelos-telemetry; for w in 'kind: Namespace' 'kind: ServiceAccount' 'kind: Deployment'; do has "$w"; done
row CLI/N05

begin "bad words are refused before anything is asked"
run "$K" install --timeout soon; says 1; err '--timeout "soon"'
run "$K" install now; says 1
run "$K" install --wait=false; says 1; err 'no cluster is configured'

if [ -z "${KUBEBUILDER_ASSETS:-}" ]; then
    echo "     not run: install on a real API server; make kube-assets builds it"
    finish
fi
mkdir "$T/kube"
tests/kube/up.sh "$T/kube" > "$T/up" 2>&1 || { begin "a control plane"; fail "$(tail -5 "$T/up")"; finish; }
export KUBECONFIG="$T/kube/admin.kubeconfig"
kc() { kubectl "$@" 2>&1; }

begin "nothing is there: uninstall passes"
run "$K" uninstall; says 0
row CLI/N11

begin "install applies all, waits for the definitions, and says what it does"
run "$K" install --wait=false; says 0
out 'customresourcedefinition/tasks.kelos.dev created'; out 'deployment/kelos-controller-manager created'
for o in namespace/kelos-system clusterrole/kelos-controller-role clusterrolebinding/kelos-controller-rolebinding; do
    kc get "$o" > /dev/null || fail "$o"
done
kc -n kelos-system get serviceaccount/kelos-controller deployment/kelos-controller-manager > /dev/null || fail "not in kelos-system"
kc get --raw /apis/apps/v1/namespaces/kelos-system/deployments/kelos-controller-manager > "$T/yaml"; has '"manager":"kelos"'
kc create -f examples/01-simple-task > "$T/out" || fail "the definitions do not serve: $(cat "$T/out")"
row CLI/N08
run "$K" install --wait=false; says 0
out 'deployment/kelos-controller-manager unchanged'
row CLI/N09

begin "a field that somebody else set is taken over, and told"
kc -n kelos-system scale --replicas=3 deployment/kelos-controller-manager > /dev/null
run "$K" install --wait=false --replicas 1; says 0
err 'deployment/kelos-controller-manager: taken over'; err 'spec.replicas'
[ "$(kc -n kelos-system get deployment kelos-controller-manager -o 'jsonpath={.spec.replicas}')" = 1 ] || fail "not taken over"

begin "an upgrade in place brings what is asked for, the next one without takes it away"
run "$K" install --wait=false --version v2 --pod-disruption-budget --network-policies default,team-x; says 1; err 'no namespace team-x'
kc create namespace team-x > /dev/null
run "$K" install --wait=false --version v2 --pod-disruption-budget --network-policies default,team-x --spawner-isolation pod; says 0
out 'poddisruptionbudget/kelos-controller'; out 'deployment/kelos-controller-manager configured'
kc -n kelos-system get pdb/kelos-controller service/kelos-controller-bus service/kelos-controller-metrics > /dev/null || fail "what was asked for"
[ "$(kc -n team-x get networkpolicies -o name | wc -l)" = 4 ] || fail "policies: $(kc -n team-x get networkpolicies)"
run "$K" install --wait=false --pod-monitor; says 1; err 'serves no podmonitors.monitoring.coreos.com'
run "$K" install --wait=false --enable-heartbeat --telemetry-endpoint http://127.0.0.1:1; says 0
out 'The heartbeat sends this to http://127.0.0.1:1'; out '"tasks_total": 1'; out '"k8s_version": "v1.'
kc -n kelos-system get cronjob/kelos-telemetry > /dev/null || fail "no heartbeat though asked for"
for o in 'poddisruptionbudget/kelos-controller deleted' 'service/kelos-controller-bus deleted' 'networkpolicy/kelos-agents-deny deleted'; do out "$o"; done
[ -z "$(kc get networkpolicies -A -o name)" ] || fail "policies stayed: $(kc get networkpolicies -A)"
kc -n kelos-system get service/kelos-controller-metrics > /dev/null || fail "it took too much"

begin "in the restricted namespace our own Pods are admitted, and others are not"
[ "$(kc get ns kelos-system -o 'jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}')" = restricted ] || fail "the namespace is not restricted"
"$K" install --dry-run --enable-heartbeat --telemetry-endpoint http://x > "$T/all.yaml"
python3 - "$T/all.yaml" "$T" <<'PY' > "$T/pods"
import glob, json, sys, yaml
def templates(o):
    if isinstance(o, dict):
        if "template" in o and "containers" in o["template"].get("spec", {}): yield o["template"]
        for v in o.values(): yield from templates(v)
    elif isinstance(o, list):
        for v in o: yield from templates(v)
found = [t for o in yaml.safe_load_all(open(sys.argv[1])) if o for t in templates(o)]
found += [t for f in sorted(glob.glob("tests/reconciler/golden/rows/SP-D*.json"))[:2] for t in templates(json.load(open(f)))]
for i, t in enumerate(found):
    t["spec"]["serviceAccountName"] = "default"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{i}", "labels": t["metadata"]["labels"]}, "spec": t["spec"]}
    json.dump(pod, open(f"{sys.argv[2]}/pod{i}.json", "w"))
    print(f"{sys.argv[2]}/pod{i}.json")
PY
until_ok 30 kc -n kelos-system get serviceaccount default || fail "no account"
[ "$(wc -l < "$T/pods")" -ge 4 ] || fail "Pods: $(cat "$T/pods")"
while read -r f; do kc -n kelos-system create --dry-run=server -f "$f" > "$T/out" || fail "$f: $(cat "$T/out")"; done < "$T/pods"
kc -n kelos-system run x --image=x --dry-run=server > "$T/out" && fail "a Pod without restrictions is admitted"
grep -q 'violates PodSecurity "restricted' "$T/out" || fail "$(cat "$T/out")"

begin "a rollout that does not come is told, with the way on"
run "$K" install --timeout 3s; says 1
grep -q 'Pods are' "$T/out" || fail "$(cat "$T/out")"; err 'deployment/kelos-controller-manager is not ready'; err '--wait=false'

begin "what an earlier installation had and this one has not goes"
# As JSON of our own: an older kubectl would make one of batch/v1beta1.
kc create -f - > /dev/null << 'END'
{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"kelos-telemetry","namespace":"kelos-system"},"spec":{
 "schedule":"0 6 * * *","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"x","image":"x"}]}}}}}}
END
kc create clusterrole kelos-old-role --verb=get --resource=pods > /dev/null
kc label clusterrole kelos-old-role app.kubernetes.io/managed-by=kelos-install > /dev/null
run "$K" install --wait=false --disable-heartbeat; says 0
out 'cronjob/kelos-telemetry deleted'; out 'clusterrole/kelos-old-role deleted'
kc get clusterrole edit > /dev/null || fail "it deleted a role that is not ours"

begin "what is refused is told with what to do"
run "$K" --as nobody get tasks -n default; one_error 'cannot list resource "tasks"'; err '"default"'
sed 's/token: .*/token: wrong/' "$KUBECONFIG" > "$T/bad"; run "$K" --kubeconfig "$T/bad" get tasks; one_error 'log in again'
sed 's|server: .*|server: https://127.0.0.1:1|' "$KUBECONFIG" > "$T/gone"
run "$K" --kubeconfig "$T/gone" --request-timeout 3s install --wait=false; one_error '127.0.0.1 port 1'; err 'context '

begin "uninstall waits for the controller to let the work go, and leaves nothing"
mkdir "$T/run"
"$BIN/kelos-supervisor" --run-dir "$T/run" --kubeconfig "$KUBECONFIG" --metrics-bind-address 0 \
    --health-probe-bind-address 0 > "$T/supervisor.log" 2>&1 & supervisor=$!
finalized() { kc get task fizzbuzz -o jsonpath='{.metadata.finalizers}' | grep -q kelos; }
until_ok 30 finalized || fail "no finalizer: $(kc get task -o yaml) $(tail -5 "$T/supervisor.log")"
kc create secret generic kept > /dev/null; kc label secret kept app.kubernetes.io/managed-by=kelos-cli > /dev/null
kc create serviceaccount kelos-spawner > /dev/null; kc create rolebinding kelos-spawner --clusterrole=view --serviceaccount=default:kelos-spawner > /dev/null
run "$K" uninstall; says 0
out 'Kelos is uninstalled'
no_definitions() { [ -z "$(kc get crd -o name | grep kelos.dev)" ]; }     # the server takes them away when their objects are gone
until_ok 15 no_definitions || fail "definitions: $(kc get crd -o name)"
kc get deployment -n kelos-system kelos-controller-manager > /dev/null && fail "the Deployment is there"
kc get clusterrole kelos-controller-role > /dev/null && fail "the role is there"
kill "$supervisor"; wait "$supervisor" 2> /dev/null; supervisor=""
row CLI/N10 CLI/N12
out 'left: secret/kept in default'; out 'left: serviceaccount/kelos-spawner in default'; out 'left: rolebinding/kelos-spawner in default'
run "$K" get tasks; one_error 'kelos install'
row CLI/W28

begin "an installation right after waits for what is still leaving"
run "$K" install --wait=false --timeout 60s; says 0
kc get ns kelos-system -o jsonpath='{.status.phase}' | grep -q Active || fail "namespace: $(kc get ns kelos-system -o yaml)"
kc get deployment -n kelos-system kelos-controller-manager > /dev/null || fail "no Deployment"

row CLI/W25

begin "the data may stay"
kc apply -f examples/01-simple-task > "$T/applied" || fail "$(cat "$T/applied")"
run "$K" uninstall --keep-data; says 0
kc get task fizzbuzz > /dev/null || fail "the Task is gone: $(cat "$T/applied" "$T/out")"
kc get deployment -n kelos-system kelos-controller-manager > /dev/null && fail "the Deployment is there"
row CLI/W26
finish
