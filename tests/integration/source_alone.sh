#!/bin/sh
# source_alone.sh - a source's process, looked at as root: its memory, environment, command line
# and descriptors hold no credential of the cluster and none of another source.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
cleanup() { forge_down; local_down; }
[ "$(id -u)" -eq 0 ] || { echo "only root may look into other processes"; exit 77; }
A=token-of-a-71c9 B=token-of-b-5e2d
echo '{"anonymous": false, "tokens": {"'$A'": "bot", "'$B'": "bot"}, "repos": {"demo/a": {"issues": []}, "demo/b": {"issues": []}}}' > "$T/state.json"
forge_up "$T/state.json"
local_up || { echo "0 passed, 1 failed"; exit 1; }
spawner() { # NAME TOKEN
    echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"'"$1"'"},"stringData":{"GITHUB_TOKEN":"'"$2"'"}}' | post $CORE/secrets > /dev/null
    echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"'"$1"'"},"spec":{"repo":"'"$FORGE/demo/$1.git"'","secretRef":{"name":"'"$1"'"}}}' | post $NS/workspaces > /dev/null
    echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"'"$1"'"},"spec":{"when":{"githubIssues":{}},"pollInterval":"1s","taskTemplate":{"type":"claude-code","credentials":{"type":"api-key","secretRef":{"name":"c"}},"workspaceRef":{"name":"'"$1"'"}}}}' | post $NS/taskspawners > /dev/null
}
spawner a $A; spawner b $B
running() { [ "$(field "$NS/taskspawners/$1" 'o["status"]["phase"]')" = Running ]; }
sources() { for p in $(pgrep -P "$LOCAL_PID"); do tr '\0' ' ' < "/proc/$p/cmdline" | grep -q -- '--source[= ]' && echo "$p"; done; }
begin "a source's process holds its own token and nothing of the cluster"
until_ok 20 running a || fail "a does not run"
until_ok 20 running b || fail "b does not run"
[ "$(sources | wc -w)" = 2 ] || fail "sources: $(sources)"
[ -n "$CTOKEN" ] || fail "no cluster token to look for"
for p in $(sources); do
    seen=$(python3 tests/support/look.py "$p" "$CTOKEN" $A $B)
    case "$seen" in "$A" | "$B") ;; *) fail "process $p holds '$seen'" ;; esac
    echo "$seen" >> "$T/seen"
    ls -l "/proc/$p/fd" | grep -E "kubeconfig|state\.db|serviceaccount" && fail "an open file of the cluster's"
    # connected to the source alone: no TCP connection to the API server
    port=$(printf '%04X' "${S##*:}")
    for i in $(ls -l "/proc/$p/fd" | sed -n 's/.*socket:\[\([0-9]*\)\]/\1/p'); do
        awk -v i="$i" -v p=":$port" '$10 == i && $3 ~ p "$" {exit 1}' /proc/net/tcp || fail "connected to the API server"
    done
    grep -qa "$(basename "$CK")" "/proc/$p/cmdline" && fail "its command line names the kubeconfig"
done
[ "$(sort -u "$T/seen" | wc -l)" = 2 ] || fail "not one token each"
# What sources are copied from holds no credential at all.
zygotes=$(for p in $(pgrep -P "$LOCAL_PID"); do tr '\0' ' ' < "/proc/$p/cmdline" | grep -q -- '--zygote=' && echo "$p"; done)
[ -n "$zygotes" ] || fail "there is no zygote to look at"
for p in $zygotes; do
    seen=$(python3 tests/support/look.py "$p" "$CTOKEN" $A $B)
    [ -z "$seen" ] || fail "the zygote $p holds '$seen'"
done
# The same look does find the token where it must be.
[ "$(python3 tests/support/look.py "$(pid_of shard-0)" "$CTOKEN")" = "$CTOKEN" ] || fail "the look itself finds nothing"

begin "other processes' files are out of its reach"
python3 - "$(sources | head -n 1)" <<'PY' || fail "it may ptrace or dump"
import re, sys
status = open("/proc/%s/status" % sys.argv[1]).read()
ok = re.search(r"NoNewPrivs:\s*1", status) and re.search(r"Seccomp:\s*2", status)
sys.exit(0 if ok else 1)
PY
finish
