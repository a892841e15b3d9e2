#!/bin/sh
# go.sh - finds, or fetches once, the Go toolchain that builds the control plane.
#
#   tests/kube/go.sh           prints the path of its `go`; status 1 when there is none
#   tests/kube/go.sh --fetch   fetches it when it is nowhere
#
# One on PATH that is new enough is taken as it is. Debian 12's is not, but it can fetch: a
# toolchain is a module like any other (https://go.dev/doc/toolchain#download), and its sum is
# written here. Debian's package is only unpacked; all lies in a cache outside of the work tree.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=1.26.8
case $(uname -m) in
x86_64) arch=amd64 sum=h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM= ;;
aarch64) arch=arm64 sum=h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc= ;;
*) arch=none sum="" ;;
esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kelos/go
module=golang.org/toolchain@v0.0.1-go$version.linux-$arch

# The newest Go that any of our modules asks for.
wanted() { sed -n 's/^go \([0-9.]*\)$/\1/p' "$here"/go.mod "$here"/*/go.mod | sort -V | tail -n 1; }
enough() { # GO
    have=$("$1" env GOVERSION 2> /dev/null) || return 1
    [ "$(printf '%s\n' "${have#go}" "$(wanted)" | sort -V | head -n 1)" = "$(wanted)" ]
}
found() {
    on_path=$(command -v go || true)
    if [ -n "$on_path" ] && enough "$on_path"; then echo "$on_path"; return; fi
    if [ -x "$cache/$module/bin/go" ]; then echo "$cache/$module/bin/go"; return; fi
    return 1
}

found && exit 0
if [ "${1:-}" != --fetch ]; then
    echo "no Go $(wanted) or later on PATH: run 'make kube-assets', which fetches it" >&2
    exit 1
fi
[ -n "$sum" ] || { echo "kube-assets: no Go $(wanted) or later on PATH, and none is pinned for $(uname -m): install one" >&2; exit 1; }
echo "fetching Go $version" >&2
mkdir -p "$cache"
new=$(mktemp -d "$cache/.new.XXXXXX")
trap 'rm -rf "$new"' EXIT
(cd "$new" && apt-get download -q golang-1.19-go golang-1.19-src > get.log 2>&1) ||
    { echo "kube-assets: $(tail -n 1 "$new/get.log")" >&2; exit 1; }
for p in "$new"/*.deb; do dpkg-deb -x "$p" "$new"; done
got=$(cd "$new" && GOFLAGS=-modcacherw GOMODCACHE="$new/mod" "$new/usr/lib/go-1.19/bin/go" mod download -json "$module") ||
    { echo "kube-assets: $module: $got" >&2; exit 1; }
case $got in *"\"Sum\": \"$sum\""*) ;; *) echo "kube-assets: $module is not what its sum says: $got" >&2; exit 1 ;; esac
chmod -R u+x "$new/mod/$module/bin" "$new/mod/$module/pkg/tool"
mkdir -p "$cache/golang.org"
rm -rf "${cache:?}/$module"
mv "$new/mod/$module" "$cache/$module"
found
