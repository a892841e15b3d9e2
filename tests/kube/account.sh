#!/bin/sh
# account.sh DIR - a token of the controller's ServiceAccount, as DIR/controller.kubeconfig.
set -eu
dir=$1
read -r port _ < "$dir/ports"
server=https://127.0.0.1:$port
token=$(curl -sf --noproxy '*' --cacert "$dir/tls/ca.crt" -H "Authorization: Bearer $(cat "$dir/admin.token")" \
    -H 'Content-Type: application/json' -X POST \
    "$server/api/v1/namespaces/kelos-system/serviceaccounts/kelos-controller/token" \
    -d '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":36000}}' |
    sed -n 's/.*"token": *"\([^"]*\)".*/\1/p')
[ -n "$token" ] || { echo "account.sh: no token for kelos-controller" >&2; exit 1; }
"$(dirname "$0")/kubeconfig.sh" "$server" "$dir/tls/ca.crt" "$token" > "$dir/controller.kubeconfig"
chmod 600 "$dir/controller.kubeconfig"
