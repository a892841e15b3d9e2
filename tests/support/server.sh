# server.sh - an API server with a node, and controllers beside it, each apart from the others.
# Source it after lib.sh. The server is kelos-apiserver with its runner, or, with
# KELOS_TEST_SERVER=kube, the real one that tests/kube/check.sh started in $KUBE_DIR.
#
#   server_up               starts it; sets S (URL), TOKEN, K (kubeconfig of an administrator),
#                           CK and CTOKEN (what controllers use), STORE (the server's own
#                           file of objects), CA (its CA's file, "" over plain HTTP) and
#                           CURL_CA; all but S and the tokens are known before, too
#                           (before it: NO_NODE=1, nothing runs Pods; GRANTS, manifests with
#                           rights that not every installation has)
#   older_group_off         removes the types of axon.io: with both groups the real server's short
#                           names are the older one's, as the first in the alphabet
#   carry KUBECONFIG DIR [SEEN]   puts it and its CA into DIR, for another user to read; who reads it
#                           sees DIR as SEEN
#   proxied URL KUBECONFIG  prints it with the server at URL, without TLS
#   local_part CASE         true where the server is our own; the real one needs a line
#                           "SCRIPT/CASE: reason" in tests/kube/local-only
#   server_down
#   server_pause, server_go_on    the server stands still
#   controller_up NAME [FLAGS]    a supervisor with watcher, reconciler, statuswriter, in $T/NAME.run
#                                 (RUN_DIR: elsewhere; CONTROLLER: another command)
#   controller_end NAME           as `kill` does; waits for it
#   controller_kill NAME          all of its processes at once
#   controllers_down              what is left of them
#   worker_of NAME WORKER         its process
#   runner_pid                    the node's
#   held NAME                     words for a prompt: the agent goes on after `release NAME`
SERVER_PID="" NODE_PID="" CONTROLLERS=""
real_server() { [ "${KELOS_TEST_SERVER:-local}" = kube ]; }
local_part() {
    real_server || return 0
    grep -q "^$(basename "$0" .sh)/$1: ." tests/kube/local-only || { begin "$1"; fail "tests/kube/local-only has no reason for it"; }
    return 1
}

server_files() {
    if real_server; then
        K=$KUBE_DIR/admin.kubeconfig CK=$KUBE_DIR/controller.kubeconfig STORE=$KUBE_DIR/etcd/member/snap/db
        CA=$KUBE_DIR/tls/ca.crt CURL_CA="--cacert $KUBE_DIR/tls/ca.crt"
    else
        K=$T/d/kubeconfig CK=$T/d/kubeconfig STORE=$T/d/apiserver/state.db CA="" CURL_CA=""
    fi
}
server_files

# Agent "tester": runs its prompt with sh.
make_agents() {
    mkdir -p "$T/share/agents/tester/bin"
    chmod 755 "$T"
    cp -R "$BUILD/share/kelos/crds" "$T/share/"
    cp -R "$BUILD/share/kelos/agents/." "$T/share/agents/"
    printf '#!/bin/sh\nsh -c "$1"\n' > "$T/share/agents/tester/kelos_entrypoint.sh"
    chmod 755 "$T/share/agents/tester/kelos_entrypoint.sh"
    cp "$T/share/agents/demo/image.json" "$T/share/agents/tester/"
}
# The image's folder bin is /kelos/bin in the container, and what comes into it later is seen there.
held() { echo "until test -e /kelos/bin/go-$1; do sleep 0.1; done"; }
release() { touch "$T/share/agents/tester/bin/go-$1"; }
node_up() { # DATA KUBECONFIG FLAGS...
    [ -z "${NO_NODE:-}" ] || return 0
    NODE_DATA=$1 nk=$2; shift 2
    "$BIN/kelos-supervisor" --run-dir "$T/node.run" --local "$NODE_DATA" --kubeconfig "$nk" \
        --share-dir "$T/share" "$@" > "$T/node.log" 2>&1 &
    NODE_PID=$!
    until_ok 30 grep -q 'runner.*ready' "$T/node.log" || { tail -20 "$T/node.log"; return 1; }
}
server_up() {
    make_agents
    server_files
    mkdir -p "$T/d"
    if real_server; then
        # Without a node the test plays what becomes of Jobs.
        tests/kube/up.sh "$KUBE_DIR" --jobs="${NO_NODE:+no}" && server_reset || return 1
        read_server
        [ -z "${GRANTS:-}" ] || tests/kube/apply.py "$K" $GRANTS > "$T/granted" || return 1
        real_node_up
        return
    fi
    "$BIN/kelos-apiserver" --data "$T/d" --kubeconfig-out "$T/d/kubeconfig" --crds deploy/crds > "$T/server.log" 2>&1 &
    SERVER_PID=$!
    until_ok 20 test -s "$K" || { tail "$T/server.log"; return 1; }
    read_server
    node_up "$T/d" "$K" --node local --node-jobs
}
real_node_up() { node_up "$T/d" "$KUBE_DIR/node.kubeconfig" --node kelos --node-tls "$KUBE_DIR/tls"; }
token_of() { sed -n 's/.*token: //p' "$1" | tr -d '"'; }
read_server() {
    S=$(sed -n 's/.*server: //p' "$K" | tr -d '"'); TOKEN=$(token_of "$K")
    CTOKEN=$(token_of "$CK")
}
carry() {
    [ -z "$CA" ] || cp "$CA" "$2/ca.crt" || return 1
    sed "s#certificate-authority: .*#certificate-authority: ${3:-$2}/ca.crt#" "$1" > "$2/kubeconfig" && chmod 644 "$2"/*
}
proxied() { sed "s#server: .*#server: $1#; /proxy-url/d; /certificate-authority/d" "$2"; }
older_group_off() {
    _crds=$S/apis/apiextensions.k8s.io/v1/customresourcedefinitions
    for k in tasks workspaces taskspawners; do call -X DELETE "$_crds/$k.axon.io" > /dev/null; done
    until_ok 20 sh -c '[ "$('"curl -s -o /dev/null -w '%{http_code}' --noproxy '*' $CURL_CA -H 'Authorization: Bearer $TOKEN' $S/apis/axon.io/v1alpha1/tasks"')" = 404 ]'
}
# A server formats its answers for the eye when curl asks under its own name.
# shellcheck disable=SC2086
call() {
    for _turn in 1 2 3 4 5; do
        curl -s -A kelos-tests --noproxy '*' --max-time 60 ${CURL_CA:-} -H "Authorization: Bearer $TOKEN" "$@"; _rc=$?
        # Nobody there, or gone without a word: its successor is asked.
        case $_rc in 7 | 52) sleep 0.3 ;; *) break ;; esac
    done
    return $_rc
}
# What an earlier test left.
server_reset() { tests/kube/reset.py "$KUBE_DIR/admin.kubeconfig" && tests/kube/controller.sh "$KUBE_DIR"; }
server_process() { if real_server; then cat "$KUBE_DIR/kube-apiserver.pid"; else echo "$SERVER_PID"; fi; }
server_pause() { kill -STOP "$(server_process)"; }
server_go_on() { kill -CONT "$(server_process)"; }
server_down() {
    for p in $NODE_PID $SERVER_PID; do kill "$p" 2> /dev/null; wait "$p" 2> /dev/null; done
    NODE_PID="" SERVER_PID=""
    [ -n "${NODE_DATA:-}" ] && "$BIN/kelos-runner" --end-containers --data "$NODE_DATA" > /dev/null 2>&1
    NODE_DATA=""
}

controller_up() { # NAME FLAGS...
    c=$1; shift
    # shellcheck disable=SC2086
    POD_NAME=$c POD_NAMESPACE=kelos-system ${CONTROLLER:-"$BIN/kelos-supervisor"} --run-dir "${RUN_DIR:-$T/$c.run}" --kubeconfig "$CK" \
        --metrics-bind-address 0 --health-probe-bind-address 0 "$@" > "$T/$c.log" 2>&1 &
    eval "PID_$c=$!"
    CONTROLLERS="$CONTROLLERS $c"
}
controller_pid() { eval "echo \$PID_$1"; }
controller_end() { kill "$(controller_pid "$1")" 2> /dev/null; wait "$(controller_pid "$1")" 2> /dev/null; }
controller_kill() { # the supervisor first: it starts nobody again; its workers die with it
    pids=$(pgrep -P "$(controller_pid "$1")")
    # shellcheck disable=SC2086
    kill -9 "$(controller_pid "$1")" $pids 2> /dev/null
    wait "$(controller_pid "$1")" 2> /dev/null
}
controllers_down() { for c in $CONTROLLERS; do controller_end "$c"; done; CONTROLLERS=""; }
runner_pid() { pgrep -P "${NODE_PID:-$LOCAL_PID}" -f -- '--worker[= ]runner( |$)' | head -n 1; }
worker_of() { pgrep -P "$(controller_pid "$1")" -f -- "--worker[= ]$2( |\$)" | head -n 1; }
