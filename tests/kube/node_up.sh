# node_up.sh - a control plane with one real node. Sourced by node_check.sh, inside of namespaces
# of its own; D is the folder for everything, ASSETS that of kubelet and kube-scheduler, GROUP the
# cgroup below which Pods run.
#
# The network: 10.88.0.1 is the node, its Pods have other addresses of 10.88.0.0/24 on a bridge;
# 10.0.0.1, where Pods look for the API server, is an address of this network namespace, too, so
# that no kube-proxy is needed. There is no DNS, and no way out.
NODE_IP=10.88.0.1

# What kubelet and containerd have fixed paths for is theirs alone.
node_mounts() {
    mount --make-rshared /
    for d in /run /var/log /var/lib; do mount -t tmpfs -o mode=755 tmpfs "$d"; done
    # kubelet wants these of the kernel, for the whole machine. It shall believe that it has them.
    mkdir -p "$D/sysctl"
    while read -r path value; do
        [ -f "/proc/sys/$path" ] || continue
        file=$D/sysctl/$(echo "$path" | tr / .)
        echo "$value" > "$file"
        mount --bind "$file" "/proc/sys/$path"
    done << 'END'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
END
}
node_network() {
    ip link set lo up
    ip addr add 10.0.0.1/32 dev lo
    ip link add kelos0 type bridge
    ip addr add "$NODE_IP/24" dev kelos0
    ip link set kelos0 up
    echo 1 > /proc/sys/net/ipv4/ip_forward
    mkdir -p "$D/cni"
    cat > "$D/cni/10-kelos.conflist" << END
{"cniVersion": "0.4.0", "name": "kelos", "plugins": [
 {"type": "bridge", "bridge": "kelos0", "isGateway": true, "hairpinMode": true,
  "ipam": {"type": "host-local", "dataDir": "$D/cni/ipam",
   "ranges": [[{"subnet": "10.88.0.0/24", "rangeStart": "10.88.0.10", "gateway": "$NODE_IP"}]],
   "routes": [{"dst": "0.0.0.0/0"}]}}]}
END
}
# Where this machine's own root is an overlay there is no other upon it: then layers are copied.
snapshotter() {
    mkdir -p "$D/try/lower" "$D/try/upper" "$D/try/work" "$D/try/root"
    if mount -t overlay -o "lowerdir=$D/try/lower,upperdir=$D/try/upper,workdir=$D/try/work" overlay "$D/try/root" 2> /dev/null; then
        umount "$D/try/root"
        echo overlayfs
    else
        echo native
    fi
    rm -rf "$D/try"
}
# Without CAP_SYS_RESOURCE nobody may lower an OOM score; containerd is told to live with that.
containerd_up() {
    layers=$(snapshotter)
    cat > "$D/containerd.toml" << END
version = 2
root = "$D/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$D/opt"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "localhost/pause:1"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$layers"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$CNI"
    conf_dir = "$D/cni"
END
    containerd -c "$D/containerd.toml" > "$D/containerd.log" 2>&1 &
    until_ok 30 ctr -a /run/containerd.sock version || return 1
    for i in "$D"/images/*/image.tar; do
        ctr -a /run/containerd.sock -n k8s.io images import --snapshotter "$layers" "$i" > "$D/import.log" 2>&1 || { cat "$D/import.log"; return 1; }
    done
}
control_plane_up() {
    KUBE_BIND=0.0.0.0 KUBE_PORT=443 KUBE_NODE_IP=$NODE_IP KUBE_CONTROLLERS=,nodelifecycle tests/kube/up.sh "$D/kube" || return 1
    "$ASSETS/kube-scheduler" --kubeconfig="$D/kube/controller-manager.kubeconfig" --leader-elect=false \
        --bind-address=127.0.0.1 --secure-port=10259 > "$D/scheduler.log" 2>&1 &
}
kubelet_up() {
    cat > "$D/kubelet.yaml" << END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/containerd.sock
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: $D/kube/tls/ca.crt}}
authorization: {mode: AlwaysAllow}
tlsCertFile: $D/kube/tls/node.crt
tlsPrivateKeyFile: $D/kube/tls/node.key
cgroupDriver: cgroupfs
cgroupRoot: $GROUP
enforceNodeAllocatable: []
failSwapOn: false
failCgroupV1: false
makeIPTablesUtilChains: false
resolvConf: ""
evictionHard: {nodefs.available: 1%, imagefs.available: 1%, memory.available: 16Mi}
imageGCHighThresholdPercent: 100
END
    "$ASSETS/kubelet" --config="$D/kubelet.yaml" --kubeconfig="$D/kube/node.kubeconfig" --root-dir="$D/kubelet" \
        --hostname-override=kelos --node-ip="$NODE_IP" > "$D/kubelet.log" 2>&1 &
}
