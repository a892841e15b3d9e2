#!/bin/sh
# node.sh - the controller and agents in Pods of a real node: kubelet, containerd and runc, with
# the images that deploy/image/{closure,pack} make; the last line counts the tests (node_check.sh).
#   tests/kube/node.sh
#
# Needs root. All of it runs in network, mount and pid namespaces of its own, with its cgroups
# below one folder: when its first process ends, every process and every mount is gone, too.
# Nothing of this machine is changed. KELOS_KEEP=1 keeps the folder with the logs.
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
needs() { echo "check-node: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || needs "needs root: kubelet and containerd mount, and make namespaces and cgroups"
for p in runc umoci tini ip kubectl; do
    command -v "$p" > /dev/null || needs "$p is not here; make deps installs it"
done
runtime=$(tests/kube/runtime.sh) || exit 1
PATH=$runtime/usr/bin:$PATH CNI=$runtime/usr/lib/cni
export PATH CNI
ASSETS=$(tests/kube/assets.sh --node) || exit 1
tests/kube/assets.sh > /dev/null || exit 1

D=$(mktemp -d /var/tmp/kelos-node.XXXXXX)
group=/kelos-node-$$
# Controllers of version 1 each have a tree of their own; version 2 has one.
trees() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts; }
clean() {
    for t in $(trees); do
        [ ! -d "$t$group" ] || find "$t$group" -depth -type d -exec rmdir {} + 2> /dev/null || true
    done
    if [ -n "${KELOS_KEEP:-}" ]; then echo "kept: $D"; else rm -rf "$D"; fi
}
trap clean EXIT
trap 'exit 130' INT TERM

# ---- images ------------------------------------------------------------------------------
image() { # NAME CONTAINERFILE STAGE: of $D/rootfs/STAGE
    deploy/image/pack "$2" "$D/rootfs/$3" "$D/images/$3" "$1" "$3"
}
mkdir -p "$D/rootfs/pause" "$D/tree/kelos" "$D/tree/workspace" "$D/tree/home/agent" "$D/none"
make -s -j1 BUILD="$BUILD" IMAGE="$D/images/controller" IMAGE_NAME=kelos-dev/kelos-controller:latest image-rootfs
"${CC:-cc}" -O2 -Wall -static -s -o "$D/rootfs/pause/pause" tests/kube/node/pause.c
image localhost/pause:1 tests/kube/node/Containerfile pause
# The files that deploy/agents/Containerfile takes from Debian are this machine's here.
cp "$BUILD/bin/kelos-capture" deploy/agents/kelos_agent.sh "$D/tree/kelos/"
cp "$BUILD/share/kelos/agents/demo/kelos_entrypoint.sh" "$D/tree/"
chmod 755 "$D/tree/kelos_entrypoint.sh"; chmod 1777 "$D/tree/workspace" "$D/tree/home/agent"
paths() { for p; do command -v "$p"; done; }
tools="bash sh cat cp mkdir mv rm ls sed grep tr head tail sleep date id env stat dirname basename hostname chmod"
# shellcheck disable=SC2046,SC2086
deploy/image/closure "$D/rootfs/demo" "$D/tree" $(paths $tools tini git)
image kelos-dev/demo:v1 deploy/agents/Containerfile demo
# shellcheck disable=SC2046
deploy/image/closure "$D/rootfs/git" "$D/none" $(paths sh cat cp mkdir mv rm sed grep head tr git chmod) /usr/share/git-core
image alpine/git:v2.47.2 tests/kube/node/Containerfile git

for t in $(trees); do
    mkdir "$t$group" 2> /dev/null || continue
    # A new group of cpusets may use nothing before it is told.
    for f in cpus mems; do [ ! -f "$t/cpuset.$f" ] || cat "$t/cpuset.$f" > "$t$group/cpuset.$f"; done
done
export D BUILD ASSETS GROUP="$group"
unshare --mount --net --pid --ipc --uts --fork --kill-child --mount-proc --propagation private \
    sh tests/kube/node_check.sh
