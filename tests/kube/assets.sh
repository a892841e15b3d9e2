#!/bin/sh
# assets.sh - finds, or builds once, the binaries of the control plane that the tests run.
#
#   tests/kube/assets.sh            prints the folder that holds etcd, kube-apiserver and
#                                   kube-controller-manager; status 1 when there is none
#   tests/kube/assets.sh --build    builds them when they are nowhere
#   --node, before these            the same for what a node needs: kubelet and kube-scheduler
#
# Looked for in $KUBEBUILDER_ASSETS, then on PATH, then in the cache, which lies outside the
# work tree and is named after the release pinned in go.mod: a clean build of the tree does not
# build them again, and a newer pin does.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
names="etcd kube-apiserver kube-controller-manager" first=kube-apiserver
if [ "${1:-}" = --node ]; then names="kubelet kube-scheduler" first=kubelet; shift; fi
release=$(sed -n 's/^.*k8s.io\/kubernetes \(v[0-9.]*\).*/\1/p' "$here/go.mod" | head -n 1)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kelos/kube/$release

holds() { for n in $names; do [ -x "$1/$n" ] || return 1; done; }

found() {
    if [ -n "${KUBEBUILDER_ASSETS:-}" ] && holds "$KUBEBUILDER_ASSETS"; then echo "$KUBEBUILDER_ASSETS"; return; fi
    on_path=$(command -v "$first" || true)
    if [ -n "$on_path" ] && holds "$(dirname "$on_path")"; then dirname "$on_path"; return; fi
    if holds "$cache"; then echo "$cache"; return; fi
    return 1
}

# build MODULE-FOLDER PACKAGE NAME: by rename, so that what was interrupted is not taken for done.
# The linker writes the version down that the server reports.
build() {
    [ -x "$cache/$3" ] && return 0
    echo "building $3" >&2
    minor=${release#v1.}
    (cd "$1" && CGO_ENABLED=0 GOTOOLCHAIN=local nice -n "${KUBE_ASSETS_NICE:-10}" "$go" build -p "${KUBE_ASSETS_JOBS:-$(nproc)}" -mod=readonly -trimpath -ldflags "-s -w \
        -X k8s.io/component-base/version.gitVersion=$release -X k8s.io/component-base/version.gitMajor=1 \
        -X k8s.io/component-base/version.gitMinor=${minor%%.*}" -o "$cache/.$3" "$2")
    mv "$cache/.$3" "$cache/$3"
}

if dir=$(found); then echo "$dir"; exit 0; fi
if [ "${1:-}" != --build ]; then
    echo "no $names: set KUBEBUILDER_ASSETS, or run 'make kube-assets' (some minutes)" >&2
    exit 1
fi
go=$("$here/go.sh" --fetch)
ways=$(nproc); [ "$ways" -le 8 ] || ways=8 # each may take some hundred MB
mkdir -p "$cache"
for n in $names; do
    case $n in
    etcd) build "$here/etcd" go.etcd.io/etcd/server/v3 etcd ;;
    *) build "$here" "k8s.io/kubernetes/cmd/$n" "$n" ;;
    esac
done
found
