#!/bin/sh
# values.sh - what `kelos install` is told: files, flags and settings, in their order; the chart
# and the Kustomize base say the same of the same. No cluster is asked.
. tests/support/lib.sh
. tests/support/cli.sh
printed() { "$K" install --dry-run "$@" > "$T/yaml" 2> "$T/err" || fail "$(cat "$T/err")"; }
is() { # KIND NAME PATH VALUE
    got=$(tests/support/objects.py get "$T/yaml" "$1" "$2" "$3" 2>&1)
    [ "$got" = "$4" ] || fail "$1 $2 $3: $got instead of $4"
}
controller() { is Deployment kelos-controller-manager "spec.template.spec.$1" "$2"; }
refused() { what=$1; shift; run "$K" install --dry-run "$@"; one_error "$what"; [ ! -s "$T/out" ] || fail "it printed"; }

begin "words too many are refused, and a kubeconfig that is not there is told before all else"
for c in install uninstall; do
    run "$K" $c extra; says 1
done
row CLI/A13
printf 'secret: [unterminated\n' > "$T/broken.yaml"
for c in install uninstall; do
    run "$K" $c --config "$T/nowhere.yaml" --kubeconfig "$T/nowhere"; one_error "kubeconfig: "; err "$T/nowhere"; no_err nowhere.yaml
    run "$K" $c --config "$T/broken.yaml" --kubeconfig "$T/nowhere"; one_error "kubeconfig: "
done
row CLI/A14

begin "what is said later wins: files, flags, --set, --set-string, --set-file"
cat > "$T/one.yaml" <<'END'
image: {tag: one, pullPolicy: Never}
controller: {replicas: 2, priorityClassName: low, resources: {limits: {cpu: "2"}}}
podMonitor: {enabled: true, interval: 1s, labels: {team: one}}
END
cat > "$T/two.yaml" <<'END'
image: {tag: two}
controller: {replicas: 3}
podMonitor: {labels: {team: two, of: two}}
END
printed -f "$T/one.yaml"
controller 'containers[0].image' '"kelos-dev/kelos-controller:one"'; is Deployment kelos-controller-manager spec.replicas 2
printed -f "$T/one.yaml" --values "$T/two.yaml"
controller 'containers[0].image' '"kelos-dev/kelos-controller:two"'; is Deployment kelos-controller-manager spec.replicas 3
controller 'containers[0].imagePullPolicy' '"Never"'; controller priorityClassName '"low"'
controller 'containers[0].resources' '{"limits": {"cpu": "2", "memory": "128Mi"}, "requests": {"cpu": "10m", "memory": "64Mi"}}'
is PodMonitor kelos-controlplane metadata.labels.team '"two"'
is PodMonitor kelos-controlplane 'spec.podMetricsEndpoints[0].interval' '"1s"'
all="-f $T/one.yaml -f $T/two.yaml --version three --replicas 4"
printed $all
controller 'containers[0].image' '"kelos-dev/kelos-controller:three"'; is Deployment kelos-controller-manager spec.replicas 4
printed $all --set image.tag=four,controller.replicas=5
controller 'containers[0].image' '"kelos-dev/kelos-controller:four"'; is Deployment kelos-controller-manager spec.replicas 5
printed $all --set-string image.tag=5 --set image.tag=four
controller 'containers[0].image' '"kelos-dev/kelos-controller:5"'
printf 'six' > "$T/tag"
printed $all --set-file image.tag="$T/tag" --set-string image.tag=5 --set image.tag=four
controller 'containers[0].image' '"kelos-dev/kelos-controller:six"'
"$K" install --dry-run --set image.pullPolicy=Always -f - < "$T/two.yaml" > "$T/yaml" || fail "standard input"
controller 'containers[0].image' '"kelos-dev/kelos-controller:two"'
row CLI/N16

begin "settings: nested keys, lists, escapes, types, null"
printed --set 'controller.extraArgs={--log-level=debug,--shards=2}' --set 'controller.extraArgs[2]=--log-format=json'
tests/support/objects.py get "$T/yaml" Deployment kelos-controller-manager 'spec.template.spec.containers[0].args' > "$T/args"
grep -q '"--log-level=debug", "--shards=2", "--log-format=json"\]' "$T/args" || fail "$(cat "$T/args")"
printed --set 'podMonitor.enabled=true,podMonitor.labels.example\.com/team=a\,b,podMonitor.annotations.x=y=z'
is PodMonitor kelos-controlplane 'metadata.annotations' '{"x": "y=z"}'
grep -q 'example.com/team: a,b$' "$T/yaml" || fail "the escaped key or value"
printed -f "$T/one.yaml" --set controller.priorityClassName=null,controller.replicas=null
controller priorityClassName null; is Deployment kelos-controller-manager spec.replicas 1
printed --set 'controllerImage=reg.example.com:5000/k,codexImage=reg.example.com/codex:v7,geminiImage=g@sha256:00' --version v2
controller 'containers[0].image' '"reg.example.com:5000/k:v2"'
tests/support/objects.py get "$T/yaml" Deployment kelos-controller-manager 'spec.template.spec.containers[0].args' > "$T/args"
for w in codex-image=reg.example.com/codex:v7 gemini-image=g@sha256:00 opencode-image=kelos-dev/opencode:v2; do
    grep -q -- "--$w\"" "$T/args" || fail "lacks $w: $(cat "$T/args")"
done
printed --set-string podMonitor.labels.n=7 --set podMonitor.enabled=true; is PodMonitor kelos-controlplane metadata.labels.n '"7"'
refused 'podMonitor.enabled: is a text, expected true or false' --set-string podMonitor.enabled=true
refused 'image.tag: is a number' --set image.tag=7
refused 'expected PATH=VALUE' --set image.tag
refused 'lacks its }' --set 'controller.extraArgs={a'
refused 'the list is shorter' --set 'controller.extraArgs[4]=a'
refused '--set-file' --set-file image.tag="$T/nowhere"
must grep -q 'dots between' docs/cli.md
row CLI/W41

begin "values that cannot be are refused, with what is expected"
refused 'crds.install' --set crds.install=true
refused 'crds: is a number, expected a map' --set crds=5
refused 'once' -f - -f -
refused nowhere.yaml -f "$T/nowhere.yaml"
printf 'image: [unterminated\n' > "$T/bad.yaml"; refused 'bad.yaml' -f "$T/bad.yaml"
printf -- '- a\n- b\n' > "$T/bad.yaml"; refused 'is no map' -f "$T/bad.yaml"
row CLI/N17
refused 'controller.replica: there is no such key; is it to be replicas' --set controller.replica=2
refused '"Sometimes" is not Always, IfNotPresent or Never' --image-pull-policy Sometimes
refused '"thread" is not process or pod' --spawner-isolation thread
refused 'cannot be a tag' --version a/b
refused '--replicas "many"' --replicas many
refused 'networkPolicies.namespaces[0]' --network-policies Not_A_Name
refused '--controller-resource-limits' --controller-resource-limits cpu

begin "what can be added is in the dry run, and only when it is asked for"
printed
for w in PodDisruptionBudget NetworkPolicy PodMonitor CronJob; do ! grep -q "^kind: $w" "$T/yaml" || fail "$w is there unasked"; done
is Service kelos-controller-metrics 'spec.ports[0].port' 8080
printed --pod-disruption-budget --pod-monitor --network-policies team-a,team-b --replicas 2 \
    --controller-resource-limits cpu=1,memory=256Mi --controller-resource-requests cpu=50m --set controller.priorityClassName=system-cluster-critical
is PodDisruptionBudget kelos-controller spec.maxUnavailable 1
is PodMonitor kelos-controlplane 'spec.podMetricsEndpoints[0].port' '"metrics"'
[ "$(grep -c '^  namespace: team-[ab]$' "$T/yaml")" = 8 ] || fail "policies of the two namespaces"
! grep -q '^  namespace: default$' "$T/yaml" || fail "a policy where nobody asked for it"
controller 'containers[0].resources' '{"limits": {"cpu": "1", "memory": "256Mi"}, "requests": {"cpu": "50m", "memory": "64Mi"}}'
controller priorityClassName '"system-cluster-critical"'

begin "the agents' policies select the Pods of Tasks and none else; each exception has a name"
python3 - "$T/yaml" <<'PY' || fail "policies"
import glob, json, sys, yaml
policies = [o for o in yaml.safe_load_all(open(sys.argv[1])) if o and o["kind"] == "NetworkPolicy"]
mine = {p["metadata"]["name"]: p["spec"] for p in policies if p["metadata"]["namespace"] == "team-a"}
assert set(mine) == {"kelos-agents-deny", "kelos-agents-dns", "kelos-agents-https", "kelos-agents-git"}, mine
assert mine["kelos-agents-deny"]["policyTypes"] == ["Ingress", "Egress"] and not {"ingress", "egress"} & set(mine["kelos-agents-deny"])
ports = lambda n: sorted(p["port"] for e in mine[n]["egress"] for p in e["ports"])
assert (ports("kelos-agents-dns"), ports("kelos-agents-https"), ports("kelos-agents-git")) == ([53, 53], [443], [22, 9418])
for n in ("kelos-agents-https", "kelos-agents-git"):
    four = mine[n]["egress"][0]["to"][0]["ipBlock"]
    assert four["cidr"] == "0.0.0.0/0" and "169.254.0.0/16" in four["except"] and "10.0.0.0/8" in four["except"]
    assert all("ingress" not in mine[x] for x in mine)
def labels(o):  # of every Pod template below
    if isinstance(o, dict):
        if "template" in o and "metadata" in o["template"]: yield o["template"]["metadata"].get("labels", {})
        for v in o.values(): yield from labels(v)
    elif isinstance(o, list):
        for v in o: yield from labels(v)
chosen = lambda l: all(l.get(k) == v for k, v in mine["kelos-agents-deny"]["podSelector"]["matchLabels"].items())
agents = [l for f in ("minimal", "commit", "overrides-all") for l in labels(json.load(open(f"tests/reconciler/golden/{f}.json")))]
others = [l for f in glob.glob("tests/reconciler/golden/rows/SP-D*.json") for l in labels(json.load(open(f)))]
others += [l for o in yaml.safe_load_all(open(sys.argv[1])) if o and o["kind"] == "Deployment" for l in labels(o)]
assert agents and others and all(map(chosen, agents)) and not any(map(chosen, others)), (agents, others)
for p in policies:
    assert p["spec"]["podSelector"], "a policy for every Pod of a namespace"
PY

begin "our own Pods are of the restricted kind; rights on Secrets are by name and documented"
printed --enable-heartbeat --telemetry-endpoint http://127.0.0.1:1 --spawner-isolation pod
python3 - "$T/yaml" <<'PY' || fail "Pods"
import glob, json, sys, yaml
def pods(o):
    if isinstance(o, dict):
        if "containers" in o: yield o
        for v in o.values(): yield from pods(v)
    elif isinstance(o, list):
        for v in o: yield from pods(v)
docs = [o for o in yaml.safe_load_all(open(sys.argv[1])) if o]
assert [o["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for o in docs if o["kind"] == "Namespace"] == ["restricted"]
all_pods = [p for o in docs for p in pods(o)] + [p for f in glob.glob("tests/reconciler/golden/rows/SP-D*.json") for p in pods(json.load(open(f)))]
assert len(all_pods) > 3
for p in all_pods:
    assert p["securityContext"]["runAsNonRoot"] and p["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", p
    for c in p["containers"]:
        s = c["securityContext"]
        assert s["allowPrivilegeEscalation"] is False and s["readOnlyRootFilesystem"] and s["capabilities"]["drop"] == ["ALL"], c
        assert c["resources"]["limits"]["memory"] and c["resources"]["requests"]["memory"]
PY
must grep -q 'secrets: get, create, patch' docs/cli.md
row CLI/W34

begin "the chart's values, schema and templates agree, and its links lead somewhere"
must tests/support/objects.py chart deploy/chart
printed --set crds.keep=true,namespace.create=false
! grep -q '^kind: Namespace$' "$T/yaml" || fail "the Namespace is there"

begin "the Kustomize base and its overlays are what kelos install prints"
if kubectl kustomize deploy/kustomize/overlays/full > "$T/full.yaml" 2> "$T/err"; then
    kubectl kustomize deploy/kustomize/base > "$T/base.yaml" || fail base
    printed --version latest; must tests/support/objects.py same "$T/base.yaml" "$T/yaml"
    kubectl kustomize deploy/kustomize/overlays/isolation > "$T/isolation.yaml" || fail isolation
    printed --version latest --spawner-isolation pod; must tests/support/objects.py same "$T/isolation.yaml" "$T/yaml"
    kubectl kustomize deploy/kustomize/overlays/axon > "$T/axon.yaml" || fail axon
    printed --version latest --with-axon; must tests/support/objects.py same "$T/axon.yaml" "$T/yaml"
    printed --version latest --with-axon --spawner-isolation pod --watch-secrets --pod-disruption-budget --pod-monitor --network-policies default
    must tests/support/objects.py same "$T/full.yaml" "$T/yaml"
    kubectl kustomize deploy/kustomize/overlays/image > "$T/image.yaml" || fail image
    printed --version v1.0.0 --set "$(for k in controllerImage=kelos-controller claudeCodeImage=claude-code codexImage=codex geminiImage=gemini \
        opencodeImage=opencode spawner.image=kelos-controller tokenRefresher.image=kelos-controller; do printf '%s=registry.example.com/kelos/%s,' "${k%%=*}" "${k#*=}"; done)"
    must tests/support/objects.py same "$T/image.yaml" "$T/yaml"
    kubectl kustomize deploy/kustomize/overlays/namespace > "$T/namespace.yaml" || fail namespace
    ! grep -v '^ *#' "$T/namespace.yaml" | grep -q kelos-system || fail "kelos-system: $(grep -n kelos-system "$T/namespace.yaml")"
else
    echo "     not run: this kubectl builds no components: $(head -c 200 "$T/err")"
fi

begin "no certificate of others, no engine of templates: typed values under the chart's keys"
mkdir "$T/path"; for c in cat head; do ln -s "$(command -v $c)" "$T/path/"; done
for key in image.tag=t image.pullPolicy=Never controllerImage=c claudeCodeImage=c codexImage=c geminiImage=c opencodeImage=c cursorImage=c \
    spawner.image=s controller.resources.limits.cpu=1 telemetry.enabled=false podMonitor.enabled=true podMonitor.interval=9s \
    podMonitor.scrapeTimeout=5s podMonitor.honorLabels=true podMonitor.labels.a=b crds.install=false crds.keep=true; do
    keys="${keys:-} --set $key"
done
PATH=$T/path "$K" install --dry-run $keys > "$T/yaml" 2> "$T/err" || fail "$(cat "$T/err")"
! grep -qiE 'cert-manager|strategy: Webhook|WebhookConfiguration' "$T/yaml" || fail "it needs certificates"
is PodMonitor kelos-controlplane 'spec.podMetricsEndpoints[0].honorLabels' true
row CLI/W40
finish
