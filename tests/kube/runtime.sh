#!/bin/sh
# runtime.sh - finds, or fetches once, what a node starts Pods with: containerd, ctr, its shim and
# the CNI plugins, as Debian packs them.
#
#   tests/kube/runtime.sh           prints the folder below which usr/bin and usr/lib/cni have them
#                                   ("/" where they are installed); status 1 when there is none
#   tests/kube/runtime.sh --fetch   fetches them when they are nowhere
#
# Only unpacked, into a cache outside of the work tree: installing the package would start a
# service on this machine.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kelos/containerd

holds() { [ -x "$1/usr/bin/containerd" ] && [ -x "$1/usr/bin/ctr" ] && [ -x "$1/usr/bin/containerd-shim-runc-v2" ] && [ -x "$1/usr/lib/cni/bridge" ]; }
found() { for d in "" "$cache"; do if holds "$d"; then echo "${d:-/}"; return; fi; done; return 1; }

found && exit 0
if [ "${1:-}" != --fetch ]; then
    echo "no containerd or no CNI plugins: run 'make kube-assets' (Debian's packages are unpacked, not installed)" >&2
    exit 1
fi
mkdir -p "$cache"
new=$(mktemp -d "$cache/.new.XXXXXX")
trap 'rm -rf "$new"' EXIT
(cd "$new" && apt-get download -q containerd containernetworking-plugins > get.log 2>&1) ||
    { echo "kube-assets: $(tail -n 1 "$new/get.log")" >&2; exit 1; }
for p in "$new"/*.deb; do dpkg-deb -x "$p" "$new"; done
rm -rf "$cache/usr"
mv "$new/usr" "$cache/usr"
found
