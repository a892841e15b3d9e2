#!/bin/sh
# controller.sh DIR - what an installation of the controller has, in the control plane of up.sh: its
# namespace, ServiceAccount and roles, and a token (account.sh). Its Deployment is only validated:
# a test runs the controller itself. Does nothing where the token works.
#
# The rights on Secrets are for the test that asks for them (GRANTS); the others do without.
set -eu
cd "$(dirname "$0")/../.."
dir=$1
read -r port _ < "$dir/ports"
asked() { curl -s -o /dev/null -w '%{http_code}' --noproxy '*' --cacert "$dir/tls/ca.crt" -H "Authorization: Bearer $2" "https://127.0.0.1:$port/$1"; }
works() { [ -s "$dir/controller.kubeconfig" ] && [ "$(asked apis/kelos.dev/v1alpha1/tasks "$(sed -n 's/.*token: //p' "$dir/controller.kubeconfig")")" = 200 ]; }
if works; then exit 0; fi
# One that a test uninstalled is on its way out for a while.
admin=$(cat "$dir/admin.token") n=300
while [ "$n" -gt 0 ] && curl -s --noproxy '*' --cacert "$dir/tls/ca.crt" -H "Authorization: Bearer $admin" \
    "https://127.0.0.1:$port/api/v1/namespaces/kelos-system" | grep -q '"phase": *"Terminating"'; do
    n=$((n - 1)); sleep 0.2
done
tests/kube/apply.py "$dir/admin.kubeconfig" --dry-run Deployment \
    deploy/manifests/controller.yaml deploy/manifests/axon.yaml deploy/manifests/isolation.yaml > "$dir/applied"
tests/kube/account.sh "$dir"
