#!/bin/sh
# footprint.sh - what local mode costs: start, memory, idle, latency of a run. Prints what was
# measured beside the aim, whatever it is.
#   IDLE_S=60 ROUNDS=20 tests/bench/footprint
. tests/support/lib.sh
. tests/bench/measure.sh
IDLE_S=${IDLE_S:-60} ROUNDS=${ROUNDS:-20}
KELOS_LOCAL_DIR=$T/d HOME=$T/home; export KELOS_LOCAL_DIR HOME
mkdir -p "$HOME"
unset KUBECONFIG KELOS_CONFIG
cleanup() { "$BIN/kelos" down > /dev/null 2>&1; [ -z "${GITD:-}" ] || kill "$GITD" 2> /dev/null; }
line() { printf '%-58s %-34s aim %s\n' "$1" "$2" "$3"; }
kelos() { "$BIN/kelos" "$@"; }

# ---- start ----
i=0
while [ "$i" -lt 7 ]; do
    [ "$i" -eq 0 ] || kelos down > /dev/null
    t=$(now_ms); kelos up > /dev/null || { echo "kelos up failed"; exit 1; }
    echo $(($(now_ms) - t)) >> "$T/up"
    i=$((i + 1))
done
line "kelos up to ready, ms" "$(spread < "$T/up")" "<= 300"

# ---- idle ----
sleep 3
sup=$(cat "$T/d/supervisor.pid")
pids=$(tree_of "$sup")
local_pids=$("$BIN/kelos-bus" --run-dir "$T/d/run" status --json | tr '{' '\n' | sed -n 's/^"id":"\(apiserver\|runner\)".*"pid":\([0-9]*\),.*/\2/p')
rest=""
for p in $pids; do case " $(echo $local_pids) " in *" $p "*) ;; *) rest="$rest $p" ;; esac; done
line "PSS of $(echo "$pids" | wc -w) processes, KiB" "$(pss_of $pids)" "<= 40960"
line "PSS without API server and runner, KiB" "$(pss_of $rest)" "<= 25600"
for p in $pids; do printf '  %-24s %6s KiB\n' "$(cat "/proc/$p/comm")" "$(pss_of "$p")"; done
w=$(wakeups_of $pids) c=$(ticks_of $pids)
sleep "$IDLE_S"
w=$(($(wakeups_of $pids) - w)) c=$(($(ticks_of $pids) - c))
line "wake-ups per idle second" "$(awk "BEGIN {printf \"%.2f\", $w / $IDLE_S}")" "<= 5"
line "CPU while idle, percent of a core" "$(awk "BEGIN {printf \"%.2f\", $c / $(getconf CLK_TCK) / $IDLE_S * 100}")" "<= 0.2"

# ---- from `kelos run` returning to the agent's first instruction ----
cat > "$T/base.yaml" <<YAML
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {ANTHROPIC_API_KEY: x}
YAML
git init -q --bare -b main "$T/repo.git" 2> /dev/null
git clone -q "$T/repo.git" "$T/seed" 2> /dev/null
(cd "$T/seed" && git checkout -q -b main 2> /dev/null; echo hello > README && git add README && git -c user.name=n -c user.email=e@x commit -q -m one && git push -q origin HEAD:main) 2> /dev/null
git daemon --base-path="$T" --export-all --reuseaddr --listen=127.0.0.1 --port="${GIT_PORT:-19418}" "$T" 2> /dev/null &
GITD=$!
cat >> "$T/base.yaml" <<YAML
---
apiVersion: kelos.dev/v1alpha1
kind: Workspace
metadata: {name: w}
spec: {repo: "git://127.0.0.1:${GIT_PORT:-19418}/repo.git", ref: main}
YAML
kelos apply -f "$T/base.yaml" > /dev/null || echo "apply failed"
# The first byte of the agent's log carries the time when it was written; the container's
# process exists a moment before, so this is an upper bound.
measure_runs() { # FILE EXTRA...
    out=$1; shift
    i=0
    while [ "$i" -lt "$ROUNDS" ]; do
        name=$(basename "$out")-$i
        kelos run --name "$name" --type claude-code --image demo --secret s --prompt hi "$@" > /dev/null || { echo "kelos run failed"; return; }
        t=$(now_ms)
        "$BUILD/tests/fault/probe" "$T/d/kubeconfig" default started "$name" "$t" >> "$out"
        i=$((i + 1))
    done
}
measure_runs "$T/plain"
line "kelos run to the agent's start, ms, no workspace" "$(spread < "$T/plain")" "median <= 100"
measure_runs "$T/cloned" --workspace w
line "the same with a workspace (git://)" "$(spread < "$T/cloned")" "none"

# ---- commands beside kubectl ----
time_of() { # CMD...
    i=0
    while [ "$i" -lt 10 ]; do
        t=$(date +%s%N); "$@" > /dev/null 2>&1; echo $((($(date +%s%N) - t) / 10000)); i=$((i + 1))
    done | sort -n | sed -n 5p
}
ratio() { awk "BEGIN {printf \"%.2f (%.2f ms, %.2f ms)\", $1 / $2, $1 / 100, $2 / 100}"; }
KUBECTL=${KUBECTL:-$(command -v kubectl || true)}
v=$(time_of "$BIN/kelos" version) g=$(time_of "$BIN/kelos" get tasks)
if [ -n "$KUBECTL" ]; then
    line "kelos version / kubectl version --client" "$(ratio "$v" "$(time_of "$KUBECTL" version --client)")" "<= 0.1"
    line "kelos get tasks / kubectl get tasks" "$(ratio "$g" "$(time_of "$KUBECTL" --kubeconfig "$T/d/kubeconfig" get tasks)")" "<= 0.2"
else
    line "kelos version, ms (no kubectl to compare)" "$(awk "BEGIN {print $v / 100}")" "0.1 of kubectl's"
    line "kelos get tasks, ms" "$(awk "BEGIN {print $g / 100}")" "0.2 of kubectl's"
fi
