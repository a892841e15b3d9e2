#!/bin/sh
# deps.sh - installs the Debian packages that building and testing need; those for building alone
# with the argument "build", as the image's builder does.
set -eu
packages="build-essential pkg-config git ca-certificates tzdata
  libzmq3-dev libczmq-dev libcurl4-openssl-dev libyaml-dev libmsgpack-dev libssl-dev
  libjansson-dev libyajl-dev libsqlite3-dev libmicrohttpd-dev libgnutls28-dev libseccomp-dev"
if [ "${1:-}" != build ]; then
    packages="$packages curl procps iproute2 util-linux openssl tini gh
      clang clang-format libclang-rt-14-dev python3 python3-yaml libcriterion-dev
      umoci containerd runc containernetworking-plugins"
    # Any kubectl does; where there is none, Debian's own (8 MB) is what the tests try ours with.
    command -v kubectl > /dev/null || packages="$packages kubernetes-client"
fi
missing=""
for p in $packages; do
    dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -q '^installed$' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
# shellcheck disable=SC2086
$as_root apt-get install -y -q --no-install-recommends $missing
