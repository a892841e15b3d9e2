# github.sh - github.com for a shell test: what names it applies here unchanged. Source it before
# all else: it starts the test again in a mount namespace of its own, where github.com and
# api.github.com are an address of this machine, with a CA that is trusted there alone; beside
# our own server in a network namespace, too, so that it needs no right to port 443. (A real
# API server is outside of such a one.) Without the right to make namespaces the test is skipped.
#
#   github_up STATE.json     kelos-demo-forge as https://api.github.com, and git over HTTP as
#                            https://github.com, which serves the repositories that
#   github_repo OWNER/NAME   made; anybody may fetch, a push needs a token of the forge
#   github_has OWNER/NAME BRANCH
if [ -z "${KELOS_TEST_STAGE:-}" ]; then
    spaces="-mn"
    [ "${KELOS_TEST_SERVER:-local}" = local ] || spaces=-m
    for map in "" -r; do
        # shellcheck disable=SC2086
        if unshare $spaces $map true 2> /dev/null; then
            KELOS_TEST_STAGE=1 exec unshare $spaces $map --propagation private sh "$0" "$@"
        fi
    done
    echo "no right to make namespaces here"
    exit 77
fi
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
. tests/support/lib.sh
. tests/support/forge.sh
HOST_PID="" GITHUB_IP=127.$((1 + $$ % 200)).$(($$ / 200 % 250)).1

github_ca() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=test CA" \
        -keyout "$T/tls/ca.key" -out "$T/tls/ca.crt" 2> /dev/null &&
    openssl req -newkey rsa:2048 -nodes -subj "/CN=github.com" \
        -keyout "$T/tls/host.key" -out "$T/tls/host.csr" 2> /dev/null &&
    echo "subjectAltName=DNS:github.com,DNS:api.github.com" > "$T/tls/san" &&
    openssl x509 -req -days 2 -in "$T/tls/host.csr" -CA "$T/tls/ca.crt" -CAkey "$T/tls/ca.key" \
        -CAcreateserial -extfile "$T/tls/san" -out "$T/tls/host.crt" 2> /dev/null
}
github_up() {
    mkdir -p "$T/tls" "$T/certs" "$T/git" /etc/ssl/certs
    chmod 755 "$T" "$T/certs"
    ip link set lo up && github_ca && cp "$T/tls/ca.crt" "$T/certs/ca-certificates.crt" &&
        mount --bind "$T/certs" /etc/ssl/certs || { echo "no CA"; return 1; }
    printf '127.0.0.1 localhost\n%s github.com api.github.com\n' "$GITHUB_IP" > "$T/hosts"
    mount --bind "$T/hosts" /etc/hosts || return 1
    forge_up "$1"
    python3 tests/support/githttp.py "$T/host.port" "$T/git" "$FORGE" "$T/host.log" \
        "$T/tls/host.crt" "$T/tls/host.key" "$GITHUB_IP" 2> "$T/host.err" &
    HOST_PID=$!
    until_ok 10 test -s "$T/host.port" || { cat "$T/host.err"; return 1; }
}
github_down() {
    [ -z "$HOST_PID" ] || kill "$HOST_PID" 2> /dev/null
    HOST_PID=""
    forge_down
}
github_repo() {
    bare=$T/git/$1.git
    git init -q --bare -b main "$bare" && git -C "$bare" config http.receivepack true &&
    tree=$(printf '100644 blob %s\tREADME.md\n' "$(echo "$1" | git -C "$bare" hash-object -w --stdin)" |
        git -C "$bare" mktree) &&
    git -C "$bare" update-ref refs/heads/main "$(echo start | git -C "$bare" -c user.name=t \
        -c user.email=t@localhost commit-tree "$tree")"
}
github_has() { git -C "$T/git/$1.git" rev-parse -q --verify "refs/heads/$2" > /dev/null; }
