#!/bin/sh
# up.sh - a real control plane on loopback: etcd, kube-apiserver, kube-controller-manager.
#
#   tests/kube/up.sh DIR [--feature-gates=...]    starts it; all state is below DIR
#   tests/kube/up.sh DIR --stop                            ends it
#   tests/kube/up.sh DIR --stop-apiserver | --start-apiserver
#   tests/kube/up.sh DIR --restart-controllers     without what they remember of a server's absence
#   tests/kube/up.sh DIR --jobs=no | --jobs=       the controllers go on without those of Jobs, or
#                                                  with all of them
#
# DIR then holds:
#   admin.kubeconfig        group system:masters
#   node.kubeconfig         likewise, as user "node": in the audit log it is not the admin
#   tls/                    ca.crt, node.crt, node.key for the runner's kubelet endpoint
#   audit.log               one JSON line when a request is received and one when it is answered
#   audit.yaml              what is in it: one that is there before is used as it is
#   tokens.csv              who they are
# For a node whose Pods run apart from this machine (node.sh): KUBE_BIND (127.0.0.1) is where the
# API server listens, KUBE_PORT (a free one) its port, KUBE_NODE_IP (127.0.0.1) the node's address,
# KUBE_CONTROLLERS more controllers, each with a comma before it.
# Files are told to be flushed by nobody: it is for tests, and fast.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1; shift
mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
gates="" what=start jobs=""
for a; do
    case $a in
    --feature-gates=*) gates=$a ;;
    --jobs=*) what=jobs jobs=${a#--jobs=} ;;
    --stop | --stop-apiserver | --start-apiserver | --restart-controllers) what=${a#--} ;;
    *) echo "up.sh: unknown argument $a" >&2; exit 2 ;;
    esac
done

end() { # NAME: by the pid that we wrote, if it is still that program
    [ -f "$dir/$1.pid" ] || return 0
    pid=$(cat "$dir/$1.pid"); rm -f "$dir/$1.pid"
    [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = "$(printf %.15s "$1")" ] || return 0
    kill "$pid" 2> /dev/null || return 0
    n=100
    while [ "$n" -gt 0 ] && kill -0 "$pid" 2> /dev/null; do n=$((n - 1)); sleep 0.1; done
    kill -9 "$pid" 2> /dev/null || true
}
run() { # NAME ARGS...
    name=$1; shift
    "$assets/$name" "$@" > "$dir/$name.log" 2>&1 < /dev/null &
    echo $! > "$dir/$name.pid"
}
wait_for() { # WHAT SECONDS CMD...
    what_for=$1 n=$(($2 * 5)); shift 2
    while [ "$n" -gt 0 ]; do
        if "$@" > /dev/null 2>&1; then return 0; fi
        n=$((n - 1)); sleep 0.2
    done
    echo "up.sh: $what_for does not get ready; $dir/*.log say why" >&2
    tail -n 5 "$dir"/*.log >&2
    exit 1
}
ready() { curl -sf --noproxy '*' --cacert "$dir/tls/ca.crt" -H "Authorization: Bearer $(cat "$dir/admin.token")" "https://127.0.0.1:$port/$1"; }

if [ "$what" = stop ]; then
    end kube-controller-manager; end kube-apiserver; end etcd
    exit 0
fi
if [ "$what" = stop-apiserver ]; then end kube-apiserver; exit 0; fi
assets=$("$here/assets.sh")

# ---- keys and tokens ---------------------------------------------------------------------
certificate() { # NAME SUBJECT EXTENSIONS
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$2" \
        -keyout "$dir/tls/$1.key" -out "$dir/tls/$1.csr" 2> /dev/null
    printf '%s\n' "$3" > "$dir/tls/$1.ext"
    openssl x509 -req -in "$dir/tls/$1.csr" -CA "$dir/tls/ca.crt" -CAkey "$dir/tls/ca.key" \
        -CAcreateserial -days 30 -extfile "$dir/tls/$1.ext" -out "$dir/tls/$1.crt" 2> /dev/null
}
make_keys() {
    mkdir -p "$dir/tls"; chmod 700 "$dir/tls"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
        -subj /CN=kelos-test-ca -addext basicConstraints=critical,CA:TRUE \
        -keyout "$dir/tls/ca.key" -out "$dir/tls/ca.crt" 2> /dev/null
    certificate server /CN=kube-apiserver 'subjectAltName=IP:127.0.0.1,IP:10.0.0.1,DNS:localhost,DNS:kubernetes.default.svc'
    certificate node "/O=system:nodes/CN=system:node:kelos" "subjectAltName=IP:${KUBE_NODE_IP:-127.0.0.1}"
    certificate kubelet-client "/O=system:masters/CN=kube-apiserver-kubelet-client" 'extendedKeyUsage=clientAuth'
    openssl genrsa -out "$dir/tls/sa.key" 2048 2> /dev/null
    openssl rsa -in "$dir/tls/sa.key" -pubout -out "$dir/tls/sa.pub" 2> /dev/null
    for who in admin node controller-manager; do
        openssl rand -hex 24 > "$dir/$who.token"
        echo "$(cat "$dir/$who.token"),$who,$who,system:masters"
    done > "$dir/tokens.csv"
    chmod 600 "$dir"/*.token "$dir/tokens.csv"
    [ -f "$dir/audit.yaml" ] || cat > "$dir/audit.yaml" <<'END'
apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
rules:
- level: None
  users: [controller-manager, "system:apiserver"]
- level: Metadata
END
}
free_ports() { # COUNT
    python3 -c 'import socket, sys
s = [socket.socket() for _ in range(int(sys.argv[1]))]
for x in s: x.bind(("127.0.0.1", 0))
print(*[x.getsockname()[1] for x in s])' "$1"
}

start_apiserver() {
    # shellcheck disable=SC2086
    run kube-apiserver --etcd-servers="http://127.0.0.1:$etcd_port" --secure-port="$port" \
        --bind-address="${KUBE_BIND:-127.0.0.1}" --advertise-address=127.0.0.1 --endpoint-reconciler-type=none \
        --service-cluster-ip-range=10.0.0.0/24 --client-ca-file="$dir/tls/ca.crt" \
        --tls-cert-file="$dir/tls/server.crt" --tls-private-key-file="$dir/tls/server.key" \
        --token-auth-file="$dir/tokens.csv" --authorization-mode=RBAC --allow-privileged=true \
        --service-account-issuer=https://kubernetes.default.svc \
        --service-account-key-file="$dir/tls/sa.pub" --service-account-signing-key-file="$dir/tls/sa.key" \
        --kubelet-preferred-address-types=InternalIP --kubelet-certificate-authority="$dir/tls/ca.crt" \
        --kubelet-client-certificate="$dir/tls/kubelet-client.crt" --kubelet-client-key="$dir/tls/kubelet-client.key" \
        --audit-policy-file="$dir/audit.yaml" --audit-log-path="$dir/audit.log" --audit-log-mode=blocking --audit-log-maxsize=20000 \
        $gates
}

start_controllers() {
    with=job,cronjob,ttl-after-finished,
    [ "$jobs" != no ] || with=""
    run kube-controller-manager --kubeconfig="$dir/controller-manager.kubeconfig" --leader-elect=false \
        --secure-port="$kcm_port" --bind-address=127.0.0.1 \
        --service-account-private-key-file="$dir/tls/sa.key" --root-ca-file="$dir/tls/ca.crt" \
        --controllers="${with}namespace,deployment,replicaset,garbagecollector,podgc,serviceaccount,root-ca-cert-publisher${KUBE_CONTROLLERS:-}" \
        --concurrent-gc-syncs=5 --kube-api-qps=200 --kube-api-burst=400
    printf '%s' "$jobs" > "$dir/jobs"
}

if [ "$what" = jobs ]; then
    [ "$jobs" != "$(cat "$dir/jobs")" ] || exit 0
    read -r port etcd_port peer_port kcm_port < "$dir/ports"
    end kube-controller-manager
    start_controllers
    exit 0
fi
if [ "$what" = restart-controllers ]; then
    read -r port etcd_port peer_port kcm_port < "$dir/ports"
    jobs=$(cat "$dir/jobs")
    end kube-controller-manager
    start_controllers
    exit 0
fi
if [ "$what" = start-apiserver ]; then
    read -r port etcd_port peer_port kcm_port < "$dir/ports"
    gates=$(cat "$dir/gates")
    start_apiserver
    wait_for kube-apiserver 60 ready readyz
    exit 0
fi

make_keys
free_ports 4 > "$dir/ports"
[ -z "${KUBE_PORT:-}" ] || sed -i "s/^[0-9]*/$KUBE_PORT/" "$dir/ports"
read -r port etcd_port peer_port kcm_port < "$dir/ports"
printf '%s' "$gates" > "$dir/gates"
run etcd --data-dir="$dir/etcd" --unsafe-no-fsync --log-level=warn \
    --listen-client-urls="http://127.0.0.1:$etcd_port" --advertise-client-urls="http://127.0.0.1:$etcd_port" \
    --listen-peer-urls="http://127.0.0.1:$peer_port" --initial-advertise-peer-urls="http://127.0.0.1:$peer_port" \
    --initial-cluster="default=http://127.0.0.1:$peer_port"
wait_for etcd 30 curl -sf --noproxy '*' "http://127.0.0.1:$etcd_port/health"
start_apiserver
for who in admin node controller-manager; do
    "$here/kubeconfig.sh" "https://127.0.0.1:$port" "$dir/tls/ca.crt" "$(cat "$dir/$who.token")" > "$dir/$who.kubeconfig"
    chmod 600 "$dir/$who.kubeconfig"
done
wait_for kube-apiserver 90 ready readyz
# Before the garbage collector looks what kinds there are: it looks again only after 30 s.
"$here/apply.py" "$dir/admin.kubeconfig" "$here"/../../deploy/crds/*.yaml > "$dir/apply.log"
start_controllers
wait_for "the default ServiceAccount" 60 ready api/v1/namespaces/default/serviceaccounts/default
