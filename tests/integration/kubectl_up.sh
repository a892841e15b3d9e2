#!/bin/sh
# kubectl_up.sh - a running `kelos up`, or the same on the real API server, used with an unmodified kubectl and the kubeconfig that it
# writes: the machine's own kubectl as documented, and Debian 12's 1.20, which does not know
# wait --for=jsonpath, nor the real server's schema document (--validate=false).
. tests/support/lib.sh
. tests/support/local.sh

# Sockets have short paths: the data directory is not below a long TMPDIR.
D=$(mktemp -d /tmp/ku.XXXXXX)
mkdir "$T/home"
export HOME="$T/home" KELOS_LOCAL_DIR="$D"
unset KUBECONFIG KELOS_CONFIG KELOS_NAMESPACE HTTP_PROXY HTTPS_PROXY http_proxy https_proxy NO_PROXY no_proxy
background=""
cleanup() {
    for p in $background; do kill "$p" 2> /dev/null; done
    if real_server; then local_down; else "$BIN/kelos" down > /dev/null 2>&1; fi
    rm -rf "$D"
}
if real_server; then local_up && older_group_off || { echo "0 passed, 1 failed"; exit 1; }
else "$BIN/kelos" up > "$T/up" 2>&1 || { cat "$T/up"; exit 1; }; K=$D/kubeconfig CK=$K; fi
has() { grep -q -e "$2" "$1" || { fail "no \"$2\" in:"; cat "$1" >&2; }; }
lacks() { ! grep -q -e "$2" "$1"; }

# What a user does first with an example: put the own repository in. This one answers nothing,
# so that no test asks a host beyond this machine.
cp -R examples "$T/examples"
find "$T/examples" -name '*.yaml' -exec sed -i 's#https://github.com/#git://127.0.0.1:1/#' {} +
mkdir "$T/work"
cat > "$T/work/slow.yaml" <<'YAML'
apiVersion: kelos.dev/v1alpha1
kind: Task
metadata: {name: slow}
spec:
  type: claude-code
  image: demo
  prompt: say two lines
  credentials: {type: none}
  podOverrides:
    env: [{name: DEMO_SECONDS, value: "3"}]
YAML

minor_of() { "$1" version --client -o json 2> /dev/null | sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p' | head -n 1; }

# Succeeded, by the kubectl's own means.
wait_succeeded() { # TASK
    if [ "$MINOR" -ge 23 ]; then
        must k wait --for='jsonpath={.status.phase}'=Succeeded "task/$1" --timeout=180s > "$T/out"
        has "$T/out" "condition met"
    else
        until_ok 30 k get "job/$1"
        must k wait --for=condition=complete "job/$1" --timeout=180s > "$T/out"
        has "$T/out" "condition met"
        until_ok 30 succeeded "$1" || fail "$1: $(k get task "$1" -o yaml)"
    fi
}
succeeded() { [ "$(k get task "$1" -o 'jsonpath={.status.phase}')" = Succeeded ]; }

session() { # KUBECTL LABEL
    KUBECTL=$1 MINOR=$(minor_of "$1") VALIDATE=""
    MINOR=${MINOR:-0}
    [ "$MINOR" -ge 29 ] || ! real_server || VALIDATE="--validate=false"
    cache=$T/cache.$2
    k() { "$KUBECTL" --kubeconfig "$K" --cache-dir "$cache" "$@"; }

    begin "$2: the token in the kubeconfig is enough"
    must k get namespaces > "$T/out"; has "$T/out" "^default *Active"
    must k auth can-i create tasks > "$T/out"; has "$T/out" yes

    begin "$2: get tasks -w shows the run of kubectl apply -f examples/"
    k get tasks -w > "$T/watch" 2> "$T/watch.err" & watcher=$!
    background="$background $watcher"
    must k apply $VALIDATE -f "$T/examples/" > "$T/out"; has "$T/out" "task.kelos.dev/hello created"
    wait_succeeded hello
    until_ok 10 grep -q '^hello .*Succeeded' "$T/watch" || { fail "the watch has not shown it"; cat "$T/watch" "$T/watch.err" >&2; }
    kill "$watcher" 2> /dev/null; wait "$watcher" 2> /dev/null
    must k apply $VALIDATE -f "$T/examples/" > "$T/out"; has "$T/out" "task.kelos.dev/hello unchanged"

    begin "$2: describe task shows status and events"
    told() { k describe task hello > "$T/out" && grep -q 'TaskSucceeded' "$T/out"; }
    until_ok 10 told || fail "no event of the success"
    has "$T/out" "^Name: *hello"; has "$T/out" "Phase: *Succeeded"; has "$T/out" "TaskCreated"

    begin "$2: logs -f follows a running agent to its end"
    must k apply $VALIDATE -f "$T/work/slow.yaml" > /dev/null
    pod=""
    running() { pod=$(k get pods -l kelos.dev/task=slow -o name) && [ -n "$pod" ] && k logs "$pod" | grep -q 'no model'; }
    until_ok 30 running || { fail "no first line"; k get pods,tasks >&2; k get task slow -o yaml >&2; }
    k logs -f "$pod" > "$T/follow" 2>&1 & follower=$!
    background="$background $follower"
    until_ok 10 grep -q 'no model' "$T/follow" || fail "nothing followed"
    wait "$follower" || fail "logs -f ended with an error"
    has "$T/follow" 'I wrote demo-agent.md'
    [ "$(grep -c 'no model' "$T/follow")" -eq 1 ] || fail "a line came twice"
    wait_succeeded slow

    for folder in "$T"/examples/0*/; do
        begin "$2: examples/$(basename "$folder") applies, is there and goes"
        must k apply $VALIDATE -f "$folder" > "$T/out"
        must k get -f "$folder" > /dev/null
        must k delete -f "$folder" --timeout=180s > "$T/out"
        has "$T/out" deleted
        k get -f "$folder" --ignore-not-found -o name > "$T/out" 2>&1
        [ ! -s "$T/out" ] || { fail "still there:"; cat "$T/out" >&2; }
    done

    begin "$2: another namespace, delete"
    must k create namespace elsewhere > /dev/null
    must k apply $VALIDATE -n elsewhere -f "$T/examples/quickstart.yaml" > /dev/null
    must k get tasks -A > "$T/out"; has "$T/out" "^elsewhere *hello"
    must k delete namespace elsewhere --timeout=180s > /dev/null
    must k delete task hello slow --timeout=180s > "$T/out"; has "$T/out" 'task.kelos.dev "slow".*deleted'
    k get tasks > "$T/out" 2>&1; has "$T/out" "No resources found"
    nothing() { [ -z "$(k get jobs,pods -o name)" ]; }
    until_ok 20 nothing || { fail "left behind:"; k get jobs,pods >&2; }
}

mine=$(command -v kubectl) || mine=""
if [ -n "$mine" ]; then
    session "$mine" "kubectl 1.$(minor_of "$mine")"
else
    begin "a kubectl is on this machine"
    fail "none on PATH: make deps installs Debian's kubernetes-client"
fi

# Debian 12's own, unpacked beside and not installed; kept between runs.
old=$BUILD/cache/kubectl-debian/usr/bin/kubectl
if [ ! -x "$old" ] && [ "$(minor_of "${mine:-false}")" != 20 ]; then
    mkdir -p "$T/deb" "$BUILD/cache"
    chmod 777 "$T/deb"; chmod 755 "$T"
    (cd "$T/deb" && timeout 120 apt-get -qq download kubernetes-client) > "$T/apt" 2>&1 &&
        dpkg -x "$T"/deb/*.deb "$T/deb/x" && mv "$T/deb/x" "$BUILD/cache/kubectl-debian"
fi
if [ -x "$old" ] && [ "$(minor_of "$old")" != "$(minor_of "${mine:-false}")" ]; then
    session "$old" "kubectl 1.$(minor_of "$old") of Debian"
elif [ ! -x "$old" ] && [ "$(minor_of "${mine:-false}")" != 20 ]; then
    echo "note: Debian's own kubectl could not be fetched, so only $mine was tried: $(tail -n 1 "$T/apt")"
fi

begin "kelos and curl are served from the same kubeconfig"
must "$BIN/kelos" --kubeconfig "$K" apply -f "$T/examples/quickstart.yaml" > "$T/out"
must "$BIN/kelos" --kubeconfig "$K" get tasks > "$T/out"; has "$T/out" "^hello"
read_server
must call -f -o "$T/out" "$S/apis/kelos.dev/v1alpha1/namespaces/default/tasks/hello"
has "$T/out" '"kind":"Task"'
# shellcheck disable=SC2086
case $(curl -s --noproxy '*' $CURL_CA -o /dev/null -w '%{http_code}' "$S/api") in
401 | 403) ;;
*) fail "served without the token" ;;
esac
[ "$(stat -c %a "$K")" = 600 ] || fail "others may read the kubeconfig"
finish
