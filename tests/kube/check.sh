#!/bin/sh
# check.sh - the integration tests against the real API server; the last line counts them.
#   tests/kube/check.sh [--feature-gates=WatchList=false] [TEST...]
# The controller runs under its ServiceAccount and the shipped roles, never as an administrator.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}; export BUILD
gates=""
case ${1:-} in --feature-gates=*) gates=$1; shift ;; esac
tests/kube/assets.sh > /dev/null || exit 77
KUBE_DIR=$(mktemp -d /tmp/kk.XXXXXX); export KUBE_DIR KELOS_TEST_SERVER=kube
end() { tests/kube/up.sh "$KUBE_DIR" --stop; [ -n "${KELOS_KEEP:-}" ] || rm -rf "$KUBE_DIR"; }
trap end EXIT
trap 'exit 130' INT TERM
# shellcheck disable=SC2086
tests/kube/up.sh "$KUBE_DIR" $gates || exit 1
apply() { tests/kube/apply.py "$KUBE_DIR/admin.kubeconfig" --dry-run Deployment "$@"; }
# The rights on Secrets are for the one test that asks for them: the others must do without.
apply deploy/manifests/controller.yaml deploy/manifests/axon.yaml deploy/manifests/isolation.yaml || exit 1
tests/kube/account.sh "$KUBE_DIR" || exit 1

passed=0 failed=0
count() { # NAME LOG STATUS
    line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed$' "$2" | tail -n 1)
    p=${line%% passed*}; f=${line##*, }; f=${f%% failed*}; p=${p:-0} f=${f:-0}
    [ "$3" -eq 0 ] || [ "$f" -ne 0 ] || f=1
    passed=$((passed + p)) failed=$((failed + f))
    if [ "$f" -eq 0 ]; then printf 'ok   kube.%-40s %5d\n' "$1" "$p"; else printf 'FAIL kube.%s\n' "$1"; tail -n 40 "$2"; fi
}
whole=0
if [ $# -eq 0 ]; then whole=1; set -- schemas schema_additions resources tasks spawners leader isolation secrets; fi
for t; do
    [ "$t" != secrets ] || apply deploy/manifests/secrets.yaml || exit 1
    timeout -k 10 600 sh "tests/integration/$t.sh" > "$KUBE_DIR/$t.out" 2>&1 < /dev/null
    count "$t" "$KUBE_DIR/$t.out" $?
done
if [ "$whole" = 1 ]; then
    rights() { if tests/kube/rights.py "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi; }
    rights deploy/manifests/controller.yaml "$KUBE_DIR/audit.log"
    # Lists are for servers that do not send a list as a watch's beginning.
    rights deploy/manifests/secrets.yaml "$KUBE_DIR/audit.log" --unused-ok list secrets
    rights deploy/manifests/isolation.yaml "$KUBE_DIR/audit.log" --unused-ok list deployments --unused-ok list cronjobs
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
