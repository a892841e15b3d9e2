# plugins-cli-only.sh - credential plugins can be run by the command line tool and by no worker.
. tests/support/lib.sh
begin "no worker holds the code that runs credential plugins"
for p in watcher reconciler statuswriter spawner runner apiserver supervisor; do
    [ -x "$BIN/kelos-$p" ] || { fail "kelos-$p is not built"; continue; }
    if grep -q KUBERNETES_EXEC_INFO "$BIN/kelos-$p"; then fail "kelos-$p holds it"; fi
done
grep -q KUBERNETES_EXEC_INFO "$BIN/kelos" || fail "kelos does not hold it"
row KC/EXEC-6
finish
