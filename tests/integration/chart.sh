#!/bin/sh
# chart.sh - the Helm chart, with the helm of tests/kube/helm.sh: lint, templates that are object for
# object what `kelos install` prints, and a release on a real API server where there is one.
HELM=$(tests/kube/helm.sh 2>&1) || { echo "$HELM"; exit 77; }
. tests/support/lib.sh
KUBEBUILDER_ASSETS=$(tests/kube/assets.sh 2> /dev/null) && export KUBEBUILDER_ASSETS || unset KUBEBUILDER_ASSETS
. tests/support/cli.sh
cleanup() { [ ! -d "$T/kube" ] || tests/kube/up.sh "$T/kube" --stop; }
export HELM_CACHE_HOME="$T/helm" HELM_CONFIG_HOME="$T/helm" HELM_DATA_HOME="$T/helm"
h() { "$HELM" "$@" 2> "$T/helm.err"; rc=$?; grep -v 'found symbolic link' "$T/helm.err" > "$T/helm.said"; return $rc; }
# same KELOS-FLAGS -- HELM-FLAGS
same() {
    flags=""; while [ "$1" != -- ]; do flags="$flags $1"; shift; done; shift
    "$K" install --dry-run --version latest $flags > "$T/kelos.yaml" 2> "$T/err" || { fail "$flags: $(cat "$T/err")"; return; }
    h template kelos deploy/chart --include-crds "$@" > "$T/helm.yaml" || { fail "$*: $(cat "$T/helm.said")"; return; }
    tests/support/objects.py same "$T/kelos.yaml" "$T/helm.yaml" > "$T/same" 2>&1 || fail "$flags: $(cat "$T/same")"
}

begin "helm lint finds nothing, with any of the values"
must h lint --strict deploy/chart > "$T/out" || cat "$T/out"
must h lint --strict deploy/chart --set axon.enabled=true,spawner.isolation=pod,podMonitor.enabled=true,networkPolicies.enabled=true > "$T/out"

begin "with its defaults the chart is what kelos install prints, object for object"
same --
[ "$(cat "$T/same")" -ge 13 ] || fail "only $(cat "$T/same") objects"

begin "and with every other value, too"
same --with-axon -- --set axon.enabled=true,crds.keep=false
same --spawner-isolation pod -- --set spawner.isolation=pod
same --spawner-isolation process --image-pull-policy Always -- --set spawner.isolation=process,image.pullPolicy=Always
same --version v1.2.3 --pod-disruption-budget --replicas 3 -- --set image.tag=v1.2.3,podDisruptionBudget.enabled=true,controller.replicas=3
same --network-policies team-a,team-b -- --set 'networkPolicies.enabled=true,networkPolicies.namespaces={team-a,team-b}'
same --watch-secrets --spawner-resource-requests memory=64Mi,cpu=1 --spawner-resource-limits memory=1Gi -- \
    --set controller.watchSecrets=true,spawner.resources.requests.cpu=1,spawner.resources.requests.memory=64Mi,spawner.resources.limits.memory=1Gi
same --enable-heartbeat --telemetry-endpoint https://x.example.com/r -- --set telemetry.enabled=true,telemetry.endpoint=https://x.example.com/r
cat > "$T/values.yaml" <<'END'
image: {tag: "7", pullPolicy: IfNotPresent}
controllerImage: reg.example.com:5000/kelos
codexImage: reg.example.com/codex:v7
geminiImage: g@sha256:0123
cursorImage: reg.example.com/cursor
spawner: {image: reg.example.com/spawner}
controller:
  priorityClassName: high
  extraArgs: [--log-level=debug, --shards=2]
  resources: {limits: {cpu: 2, ephemeral-storage: 1Gi}}
podMonitor: {enabled: true, interval: 15s, honorLabels: true, labels: {release: prometheus, app.kubernetes.io/name: other}, annotations: {a: b}}
namespace: {create: false}
END
"$K" install --dry-run -f "$T/values.yaml" > "$T/kelos.yaml" || fail "kelos install -f"
h template kelos deploy/chart --include-crds -f "$T/values.yaml" > "$T/helm.yaml" || fail "$(cat "$T/helm.said")"
tests/support/objects.py same "$T/kelos.yaml" "$T/helm.yaml" > "$T/same" 2>&1 || fail "values.yaml: $(cat "$T/same")"

begin "definitions as templates are the same definitions, and stay when the release goes"
h template kelos deploy/chart --set crds.install=true --skip-crds > "$T/helm.yaml" || fail "$(cat "$T/helm.said")"
[ "$(grep -c 'helm.sh/resource-policy: keep' "$T/helm.yaml")" = 4 ] || fail "the policy is not on the definitions"
h template kelos deploy/chart --set crds.install=true,crds.keep=false --skip-crds > "$T/helm.yaml" || fail "$(cat "$T/helm.said")"
"$K" install --dry-run --version latest > "$T/kelos.yaml"
must tests/support/objects.py same "$T/kelos.yaml" "$T/helm.yaml"

begin "the schema refuses what cannot be"
for bad in image.pullPolicy=Sometimes controller.replica=2 controller.replicas=-1 spawner.isolation=thread telemetry.enabled=true \
    'networkPolicies.namespaces={Not_A_Name}' crds=5 image.tag=a/b; do
    h template kelos deploy/chart --set "$bad" > /dev/null && fail "taken: $bad"
    grep -qE 'schema|specification' "$T/helm.said" || fail "$bad: $(cat "$T/helm.said")"
done

begin "a packed chart needs nothing beside it"
must h package deploy/chart -d "$T" > /dev/null
h template kelos "$T"/kelos-*.tgz --include-crds > "$T/helm.yaml" || fail "$(cat "$T/helm.said")"
must tests/support/objects.py same "$T/kelos.yaml" "$T/helm.yaml"

if [ -z "${KUBEBUILDER_ASSETS:-}" ]; then
    echo "     not run: a release on a real API server; make kube-assets builds it"
    finish
fi
mkdir "$T/kube"
tests/kube/up.sh "$T/kube" > "$T/up" 2>&1 || { begin "a control plane"; fail "$(tail -5 "$T/up")"; finish; }
export KUBECONFIG="$T/kube/admin.kubeconfig"
kubectl delete crd --all > /dev/null 2>&1

begin "a release is installed, upgraded in place, and taken away"
h install kelos deploy/chart --set spawner.isolation=pod,podDisruptionBudget.enabled=true > "$T/out" || fail "install: $(cat "$T/helm.said")"
must grep -q 'Nothing is reported to anybody' "$T/out"
must kubectl get -n kelos-system deployment/kelos-controller-manager service/kelos-controller-bus pdb/kelos-controller > /dev/null
must kubectl create -f examples/01-simple-task > /dev/null
h upgrade kelos deploy/chart --set image.tag=v2,networkPolicies.enabled=true > "$T/out" || fail "upgrade: $(cat "$T/helm.said")"
[ "$(kubectl get -n kelos-system deployment/kelos-controller-manager -o 'jsonpath={.spec.template.spec.containers[0].image}')" = kelos-dev/kelos-controller:v2 ] || fail "the old image"
kubectl get -n kelos-system pdb/kelos-controller > /dev/null 2>&1 && fail "what the release no longer has is there"
must kubectl get networkpolicy/kelos-agents-deny > /dev/null
h uninstall kelos > "$T/out" || fail "uninstall: $(cat "$T/helm.said")"
kubectl get clusterrole/kelos-controller-role > /dev/null 2>&1 && fail "the role is there"
must kubectl get task fizzbuzz > /dev/null

begin "a release in the namespace itself finds it there"
until_ok 30 sh -c '! kubectl get namespace kelos-system' || fail "the namespace does not go"
h install kelos deploy/chart -n kelos-system --create-namespace > "$T/out" || fail "install: $(cat "$T/helm.said")"
must grep -q 'kubectl label namespace kelos-system' "$T/out"
must kubectl get -n kelos-system deployment/kelos-controller-manager > /dev/null
finish
