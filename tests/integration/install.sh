#!/bin/sh
# install.sh - an installed copy stands alone: it finds its programs and its data beside itself.
. tests/support/lib.sh
P=$T/usr
KELOS_LOCAL_DIR=$T/d HOME=$T/home; export KELOS_LOCAL_DIR HOME
mkdir -p "$HOME"
unset KUBECONFIG KELOS_CONFIG
cleanup() { "$P/bin/kelos" down > /dev/null 2>&1; }

begin "make install puts one command on the PATH and the rest out of the way"
make --no-print-directory BUILD="$BUILD" install PREFIX="$P" > "$T/log" 2>&1 || { fail "make install"; cat "$T/log" >&2; }
[ "$(ls "$P/bin" | tr '\n' ' ')" = "axon kelos " ] || fail "bin holds $(ls "$P/bin")"
[ "$(ls "$P/libexec/kelos" | wc -l)" -eq $(($(ls "$BIN" | wc -l) - 2)) ] || fail "libexec holds $(ls "$P/libexec/kelos")"
must make --no-print-directory BUILD="$BUILD" install DESTDIR="$T/stage" PREFIX=/opt/k > /dev/null 2>&1
[ -x "$T/stage/opt/k/bin/kelos" ] || fail "DESTDIR is not obeyed"

begin "the installed copy starts local mode, runs a Task and stops"
cd "$T" || exit 1
must "$P/bin/kelos" up > /dev/null
cat > "$T/task.yaml" <<END
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {ANTHROPIC_API_KEY: x}
---
apiVersion: kelos.dev/v1alpha1
kind: Task
metadata: {name: one}
spec: {type: claude-code, image: demo, prompt: hello, credentials: {type: api-key, secretRef: {name: s}}}
END
must "$P/bin/kelos" apply -f "$T/task.yaml" > /dev/null
ended() { "$P/bin/kelos" get task one | grep -qE 'Succeeded|Failed'; }
until_ok 30 ended || fail "not ended: $("$P/bin/kelos" get task one)"
"$P/bin/kelos" get task one | grep -q Succeeded || fail "$("$P/bin/kelos" logs one 2>&1)"
must "$P/bin/kelos" down > /dev/null
cmp -s "$P/bin/kelos" "$P/bin/axon" || fail "axon is another program"

finish
