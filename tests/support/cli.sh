# cli.sh - helpers for shell tests of the kelos command. Source it after lib.sh.
#
#   run CMD...      runs with output in $T/out and $T/err, status in $rc
#   says N          the status was N
#   out TEXT, err TEXT, no_out TEXT, no_err TEXT
#   one_error TEXT  status 1, one line "Error: ..." that holds the text
K=$BIN/kelos
export HOME=$T/home; mkdir -p "$HOME"
unset KUBECONFIG KELOS_CONFIG KELOS_NAMESPACE KELOS_LOCAL_DIR KUBERNETES_SERVICE_HOST

run() { "$@" > "$T/out" 2> "$T/err" < /dev/null; rc=$?; }
says() { [ "$rc" -eq "$1" ] || fail "status $rc instead of $1: $(head -c 300 "$T/err")"; }
out() { grep -qF -- "$1" "$T/out" || fail "stdout lacks '$1': $(head -c 400 "$T/out") / $(head -c 300 "$T/err")"; }
err() { grep -qF -- "$1" "$T/err" || fail "stderr lacks '$1': $(head -c 400 "$T/err")"; }
no_out() { if grep -qF -- "$1" "$T/out"; then fail "stdout has '$1'"; fi; }
no_err() { if grep -qF -- "$1" "$T/err"; then fail "stderr has '$1'"; fi; }
one_error() {
    says 1
    [ "$(grep -c '^Error: ' "$T/err")" = 1 ] || fail "not one error line: $(cat "$T/err")"
    err "$1"
}
complete() { run "$K" "$@"; says 0; }

# With a kubeconfig of server.sh in $KUBECONFIG: plain requests to the API.
api_value() { sed -n "s/.*$1: *\"*\\([^\"]*\\)\"*\$/\\1/p" "$KUBECONFIG" | head -n 1; }
# shellcheck disable=SC2086
api_get() { curl -s ${CURL_CA:-} -H "Authorization: Bearer $(api_value token)" "$(api_value server)$1"; }
# shellcheck disable=SC2086
api_patch() {
    curl -s ${CURL_CA:-} -X PATCH -H 'Content-Type: application/merge-patch+json' \
        -H "Authorization: Bearer $(api_value token)" -d "$2" "$(api_value server)$1" > "$T/patched"
}
