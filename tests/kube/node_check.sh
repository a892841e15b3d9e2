#!/bin/sh
# node_check.sh - what is proved on a real node; node.sh starts it as the first process of its
# namespaces, with the images in $D/images.
cd "$(dirname "$0")/../.." || exit 1
. tests/support/lib.sh
. tests/kube/node_up.sh
KUBECONFIG=$D/kube/admin.kubeconfig; export KUBECONFIG
unset HTTP_PROXY HTTPS_PROXY http_proxy https_proxy ALL_PROXY all_proxy
say_why() { for l in kubelet containerd scheduler; do echo "--- $l"; grep -aE '(^E|level=(error|fatal)|failed)' "$D/$l.log" | tail -n "${1:-15}"; done; }
node_ready() { [ "$(kubectl get node kelos -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; }
# Both groups are served, so the kind alone would be either's.
KT=tasks.kelos.dev
phase() { kubectl get $KT "$1" -o 'jsonpath={.status.phase}'; }
phase_is() { [ "$(phase "$1")" = "$2" ]; }
becomes() { # TASK PHASE (an older kubectl waits for conditions only)
    until_ok 180 phase_is "$1" "$2" ||
        { fail "the Task is '$(phase "$1")'"; kubectl get pods,events; kubectl logs "job/$1"; say_why; }
}

begin "kubelet, containerd and runc make a node that is ready"
node_mounts && node_network || fail "namespaces"
containerd_up || { fail "containerd"; tail -n 5 "$D/containerd.log"; finish; }
control_plane_up || { fail "control plane"; finish; }
kubelet_up
until_ok 90 node_ready || { fail "the node does not get ready"; say_why; finish; }
kubectl get node kelos -o 'jsonpath={.status.nodeInfo.kubeletVersion} {.status.nodeInfo.containerRuntimeVersion}{"\n"}'

begin "kelos install: the controller runs in a Pod as the manifest says"
"$BIN/kelos" install --image-pull-policy IfNotPresent --timeout 2m > "$D/install.log" 2>&1 ||
    { fail "kelos install: $(tail -n 5 "$D/install.log")"; kubectl -n kelos-system get pods,events; kubectl -n kelos-system logs deploy/kelos-controller-manager; say_why; }
pod=$(kubectl -n kelos-system get pods -l app.kubernetes.io/component=manager -o 'jsonpath={.items[0].metadata.name}')
kubectl -n kelos-system get pod "$pod" -o wide
kubectl -n kelos-system logs "$pod" > "$D/controller.out" 2>&1 || fail "kubectl logs: $(cat "$D/controller.out")"
must grep -q 'sweep complete' "$D/controller.out"
in_pod() { kubectl -n kelos-system exec "$pod" -- "$@"; }
in_pod /usr/libexec/kelos/kelos-bus --run-dir /run/kelos/bus status > "$D/status.out" 2>&1 || fail "kubectl exec: $(cat "$D/status.out")"
cat "$D/status.out"
for w in watcher shard-0 statuswriter; do must grep -q "$w" "$D/status.out"; done

begin "an agent's Pod clones, works, pushes and ends well; kubectl logs shows what it said"
mkdir -p "$D/srv"
git init -q --bare -b main "$D/srv/repo.git"
git -C "$D/srv/repo.git" config daemon.receivepack true
seed=$(printf 'hello\n' | git -C "$D/srv/repo.git" hash-object -w --stdin)
tree=$(printf '100644 blob %s\tREADME.md\n' "$seed" | git -C "$D/srv/repo.git" mktree)
git -C "$D/srv/repo.git" update-ref refs/heads/main \
    "$(git -C "$D/srv/repo.git" -c user.name=t -c user.email=t@localhost commit-tree -m first "$tree")"
git daemon --reuseaddr --listen="$NODE_IP" --port=9418 --base-path="$D/srv" --export-all --enable=receive-pack "$D/srv" > "$D/gitd.log" 2>&1 &
kubectl apply -f - > "$D/apply.log" 2>&1 << END || fail "apply: $(cat "$D/apply.log")"
apiVersion: kelos.dev/v1alpha1
kind: Workspace
metadata: {name: repo}
spec: {repo: "git://$NODE_IP:9418/repo.git", ref: main}
---
apiVersion: kelos.dev/v1alpha1
kind: Task
metadata: {name: said}
spec:
  type: claude-code
  image: kelos-dev/demo:v1
  prompt: say it on a real node
  branch: demo/said
  credentials: {type: none}
  workspaceRef: {name: repo}
  podOverrides:
    resources: {limits: {memory: 256Mi}}
END
becomes said Succeeded
kubectl get $KT said
p=$(kubectl get $KT said -o 'jsonpath={.status.podName}')
kubectl logs "$p" > "$D/agent.out" 2>&1 || fail "kubectl logs: $(cat "$D/agent.out")"
must grep -q 'I am the Kelos demo agent' "$D/agent.out"
must grep -q 'KELOS_OUTPUTS_START' "$D/agent.out"
commit=$(git -C "$D/srv/repo.git" rev-parse demo/said 2> /dev/null) || fail "nothing was pushed"
[ "$(kubectl get $KT said -o 'jsonpath={.status.results.commit}')" = "$commit" ] || fail "results: $(kubectl get $KT said -o 'jsonpath={.status}')"
"$BIN/kelos" logs said > "$D/kelos.out" 2>&1 || fail "kelos logs: $(cat "$D/kelos.out")"
must grep -q 'demo agent' "$D/kelos.out"

begin "a Task that is deleted takes its Pod with it"
kubectl apply -f - > "$D/apply.log" 2>&1 << 'END' || fail "apply: $(cat "$D/apply.log")"
apiVersion: kelos.dev/v1alpha1
kind: Task
metadata: {name: long}
spec:
  type: claude-code
  image: kelos-dev/demo:v1
  prompt: wait
  credentials: {type: none}
  podOverrides: {env: [{name: DEMO_SECONDS, value: "600"}]}
END
becomes long Running
p=$(kubectl get $KT long -o 'jsonpath={.status.podName}')
kubectl delete $KT long > "$D/delete.log" 2>&1 || fail "$(cat "$D/delete.log")"
kubectl wait --for=delete "pod/$p" --timeout=90s > "$D/wait.log" 2>&1 || fail "its Pod is there"

begin "the controller's Pod ends well, and the next one takes over"
kubectl -n kelos-system delete pod "$pod" > "$D/delete.log" 2>&1
kubectl -n kelos-system wait --for=condition=Available deploy/kelos-controller-manager --timeout=90s > "$D/wait.log" 2>&1 ||
    { fail "no controller"; kubectl -n kelos-system get pods; }
kubectl apply -f - > "$D/apply.log" 2>&1 << 'END'
apiVersion: kelos.dev/v1alpha1
kind: Task
metadata: {name: after}
spec: {type: claude-code, image: "kelos-dev/demo:v1", prompt: after, credentials: {type: none}}
END
becomes after Succeeded

begin "kelos uninstall leaves nothing of it"
"$BIN/kelos" uninstall --yes > "$D/uninstall.log" 2>&1 || fail "$(tail -n 5 "$D/uninstall.log")"
kubectl wait --for=delete namespace/kelos-system --timeout=90s > "$D/wait.log" 2>&1 || fail "namespace: $(cat "$D/wait.log")"
tests/kube/up.sh "$D/kube" --stop
finish
