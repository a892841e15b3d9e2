#!/bin/sh
# deps.sh - installs the Debian packages that building and testing need; those for building alone
# with the argument "build", as the image's builder does.
set -eu
what=${1:-}
packages="build-essential pkg-config git ca-certificates tzdata
  libzmq3-dev libczmq-dev libcurl4-openssl-dev libyaml-dev libmsgpack-dev libssl-dev
  libjansson-dev libyajl-dev libsqlite3-dev libmicrohttpd-dev libgnutls28-dev libseccomp-dev uthash-dev"
if [ "$what" != build ]; then
    packages="$packages curl procps iproute2 util-linux openssl tini gh lua5.4
      clang clang-format libclang-rt-14-dev python3 python3-yaml libcriterion-dev
      umoci runc"
    # Any kubectl does; where there is none, Debian's own (8 MB) is what the tests try ours with.
    command -v kubectl > /dev/null || packages="$packages kubernetes-client"
fi
missing=""
for p in $packages; do
    dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -q '^installed$' || missing="$missing $p"
done
prometheus=${XDG_CACHE_HOME:-$HOME/.cache}/kelos/prometheus
need_prometheus() { [ "$what" != build ] && ! command -v promtool > /dev/null && [ ! -x "$prometheus/usr/bin/promtool" ]; }
[ -z "$missing" ] && ! need_prometheus && exit 0
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
# shellcheck disable=SC2086
[ -z "$missing" ] || $as_root apt-get install -y -q --no-install-recommends $missing
# Only unpacked (19 MB), into the cache where the test looks for it: installing the package would
# start a server on this machine. Without it that one test is skipped.
if need_prometheus; then
    mkdir -p "$prometheus"
    (cd "$prometheus" && apt-get download -q prometheus && dpkg-deb -x prometheus_*.deb . && rm -f prometheus_*.deb) ||
        echo "no Prometheus: tests/integration/prometheus.sh will be skipped" >&2
fi
