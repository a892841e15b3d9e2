#!/bin/sh
# helm.sh - finds, or builds once, the helm with which the chart is tried.
#
#   tests/kube/helm.sh            prints its path; status 1 when there is none
#   tests/kube/helm.sh --build    builds it when it is nowhere
#
# Looked for on PATH, then in the cache outside of the work tree, under the version that
# helm/go.mod pins. The linker writes down which Kubernetes it speaks of without a cluster.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
release=$(sed -n 's/^.*helm.sh\/helm\/v3 \(v[0-9.]*\).*/\1/p' "$here/helm/go.mod" | head -n 1)
kube=$(sed -n 's/^.*k8s.io\/client-go v0\.\([0-9]*\)\..*/\1/p' "$here/helm/go.mod" | head -n 1)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kelos/helm/$release

if command -v helm; then exit 0; fi
if [ -x "$cache/helm" ]; then echo "$cache/helm"; exit 0; fi
if [ "${1:-}" != --build ]; then
    echo "no helm: put it on PATH, or run 'make kube-assets' (some minutes)" >&2
    exit 1
fi
go=$("$here/go.sh" --fetch)
echo "building helm" >&2
mkdir -p "$cache"
(cd "$here/helm" && CGO_ENABLED=0 GOTOOLCHAIN=local nice -n "${KUBE_ASSETS_NICE:-10}" "$go" build -mod=readonly -trimpath \
    -ldflags "-s -w \
    -X helm.sh/helm/v3/internal/version.version=$release -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 \
    -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=$kube" -o "$cache/.helm" helm.sh/helm/v3/cmd/helm)
mv "$cache/.helm" "$cache/helm"
echo "$cache/helm"
