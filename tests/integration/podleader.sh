#!/bin/sh
# podleader.sh - spawners in Pods of their own, and two controllers of two shards each behind one
# address: who leads answers, at the port of the namespace's shard, and who stands by refuses.
# Bytes go through a relay that holds them up and cuts connections at random.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
. tests/support/election.sh
PODS="" RELAYS=""
cleanup() {
    for p in $PODS $RELAYS; do kill "$p" 2> /dev/null; wait "$p" 2> /dev/null; done
    forge_down; election_down
}
NO_NODE=1
echo '{"anonymous": false, "tokens": {"T": "bot"}, "repos": {"demo/repo": {"issues": [{"number": 1, "title": "n1"}]}}}' > "$T/state.json"
forge_up "$T/state.json"
server_up || { echo "0 passed, 1 failed"; exit 1; }
issue() { curl -sS --noproxy '*' -X POST "$FORGE/_control/repos/demo/repo/issues" -d "{\"number\": $1, \"title\": \"n$1\"}" > /dev/null; }
# Two ports side by side for each of the two, none of them anybody's.
four_free() { python3 -c 'import socket, sys
held = [socket.socket() for _ in range(4)]
for i in range(4): held[i].bind(("", int(sys.argv[1]) + i))' "$1" 2> /dev/null; }
PORT_A=$(free_port)
until four_free "$PORT_A"; do PORT_A=$(free_port); done
PORT_B=$((PORT_A + 2))
up() { controller_up "$1" --leader-elect --shards 2 --bus-port "$2" --controller-address 127.0.0.1; }
refuses() { python3 -c 'import socket, sys
try: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5).close()
except ConnectionRefusedError: sys.exit(0)
sys.exit(1)' "$1"; }
answers() { ! refuses "$1"; }
relay() { # NAME TARGETS [FLAGS]: its port in PORT
    python3 tests/support/relay.py "$T/$1.port" "$2" ${3:+"$3"} ${4:+"$4"} & RELAYS="$RELAYS $!" RELAY_PID=$!
    until_ok 20 test -s "$T/$1.port" || fail "relay $1"
    PORT=$(cat "$T/$1.port")
}
in_ns() { echo "/apis/kelos.dev/v1alpha1/namespaces/$1"; }
spawner() { # NS NAME
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"%s","annotations":{"kelos.dev/isolation":"pod"}},"spec":{"pollInterval":"1s","when":{"githubIssues":{}},"taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"workspaceRef":{"name":"w"},"promptTemplate":"true"}}}' "$2" |
        post "$(in_ns "$1")/taskspawners" > "$T/created"
    ! grep -q '"kind":"Status"' "$T/created" || fail "refused: $(cut -c1-300 "$T/created")"
}
furnish() { # NS: what its TaskSpawners need
    printf '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"%s"}}' "$1" | post /api/v1/namespaces > /dev/null
    echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c"},"stringData":{"ANTHROPIC_API_KEY":"x","GITHUB_TOKEN":"T"}}' |
        post "/api/v1/namespaces/$1/secrets" > /dev/null
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"w"},"spec":{"repo":"%s/demo/repo","secretRef":{"name":"c"}}}' "$FORGE" |
        post "$(in_ns "$1")/workspaces" > /dev/null
}
key_of() { field "/api/v1/namespaces/$1/secrets/$2-bus" '__import__("base64").b64decode(o["data"]["KELOS_BUS_KEY"]).decode()'; }
has_key() { [ -n "$(key_of "$1" "$2")" ]; }
dialled() { field "/apis/apps/v1/namespaces/$1/deployments/$2" '[a for a in o["spec"]["template"]["spec"]["containers"][0]["args"] if a.startswith("--controller=")][0][len("--controller="):]'; }
pod() { # NS NAME LOG [ADDRESS]: what its Pod would run
    env -i PATH="$PATH" KELOS_BUS_KEY="$(key_of "$1" "$2")" GITHUB_TOKEN=T ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} \
        "$BIN/kelos-spawner" --taskspawner-name="$2" --taskspawner-namespace="$1" --github-owner=demo --github-repo=repo \
        --github-api-base-url="$FORGE/api/v3" --controller="${4:-$(dialled "$1" "$2")}" > "$3" 2>&1 &
    PODS="$PODS $!"
}
tasks_of() { get "$(in_ns "$1")/tasks" | python3 -c '
import json, sys
print(" ".join(sorted(t["metadata"]["name"] for t in json.load(sys.stdin)["items"] if t["metadata"].get("labels", {}).get("kelos.dev/taskspawner") == sys.argv[1])))' "$2"; }
made() { [ "$(tasks_of "$1" "$2")" = "$(printf '%s\n' $3 | sort | tr '\n' ' ' | sed 's/ $//')" ]; }
total() { [ "$(field "$(in_ns "$1")/taskspawners/$2" 'o["status"]["totalTasksCreated"]')" = "$3" ]; }

begin "who leads answers at a port for each shard; a Pod dials that of its namespace"
up a "$PORT_A"; until_ok 20 leads a || fail "a does not lead: $(tail -5 "$T/a.log")"
furnish default; spawner default s
deployed() { [ -n "$(dialled "$1" s)" ]; }
until_ok 20 deployed default || fail "no Deployment"
for n in 1 2 3 4 5 6 7 8; do # until one falls to the other shard
    furnish "space-$n"; spawner "space-$n" s
    until_ok 20 has_key "space-$n" s || fail "no key in space-$n"
    OTHER=space-$n
    until_ok 20 deployed "$OTHER" || fail "no Deployment in $OTHER"
    [ "$(dialled "$OTHER" s)" = "$(dialled default s)" ] || break
done
until_ok 20 has_key default s || fail "no key: $(tail -5 "$T/a.log")"
[ "$(printf '%s\n' "$(dialled default s)" "$(dialled "$OTHER" s)" | sort | tr '\n' ' ')" = "tcp://127.0.0.1:$PORT_A tcp://127.0.0.1:$((PORT_A + 1)) " ] ||
    fail "they dial $(dialled default s) and $(dialled "$OTHER" s)"
pod "$OTHER" s "$T/other.log"
until_ok 20 made "$OTHER" s s-1 || fail "Tasks are '$(tasks_of "$OTHER" s)': $(tail -5 "$T/other.log")"

begin "who stands by refuses at once"
up b "$PORT_B"; until_ok 20 stands_by b || fail "b does not stand by: $(tail -5 "$T/b.log")"
for p in "$PORT_B" $((PORT_B + 1)); do refuses "$p" || fail "port $p of the standby is open"; done
for p in "$PORT_A" $((PORT_A + 1)); do answers "$p" || fail "port $p of the leader is closed"; done

begin "behind one address a spawner finds who leads, and finds the next one after it"
shard=$(($(dialled default s | sed 's/.*://') - PORT_A))
relay both "127.0.0.1:$((PORT_B + shard)),127.0.0.1:$((PORT_A + shard))"; BOTH=$PORT
pod default s "$T/s.log" "tcp://127.0.0.1:$BOTH"
until_ok 20 made default s s-1 || fail "Tasks are '$(tasks_of default s)': $(tail -5 "$T/s.log")"
controller_end a
until_ok 10 leads b || fail "b does not lead: $(tail -5 "$T/b.log")"
issue 2
until_ok 30 made default s "s-1 s-2" || fail "Tasks are '$(tasks_of default s)': $(tail -5 "$T/s.log")"
up a "$PORT_A"; until_ok 20 stands_by a || fail "a does not stand by"
for p in "$PORT_A" $((PORT_A + 1)); do refuses "$p" || fail "port $p of the new standby is open"; done

begin "who has lost the lead refuses, too"
mpatch $LEASE '{"spec":{"holderIdentity":"somebody","leaseDurationSeconds":6}}' > /dev/null
closed() { refuses "$PORT_B" && refuses $((PORT_B + 1)); }
until_ok 10 closed || fail "its ports are open"
one_leads() { leads a || leads b; }
until_ok 20 one_leads || fail "nobody leads"
issue 3
until_ok 30 made default s "s-1 s-2 s-3" || fail "Tasks are '$(tasks_of default s)': $(tail -5 "$T/s.log")"

begin "through a relay that holds bytes up and cuts connections all items arrive, and none twice"
spawner default r; until_ok 20 has_key default r || fail "no key"
relay shaky "127.0.0.1:$BOTH" --shaky 7; SHAKY=$RELAY_PID
pod default r "$T/r.log" "tcp://127.0.0.1:$PORT"
all="r-1 r-2 r-3" n=3
lost() { grep -c ' lost ' "$T/r.log"; }
while [ $n -lt 7 ] || { [ "$(lost)" -lt 2 ] && [ $n -lt 90 ]; }; do
    n=$((n + 1)); issue $n; all="$all r-$n"; sleep 0.5
done
[ "$(lost)" -ge 2 ] || fail "the relay cut only $(lost) times"
until_ok 60 made default r "$all" || fail "Tasks are '$(tasks_of default r)': $(tail -5 "$T/r.log")"
until_ok 20 total default r $n || fail "counted $(field "$NS/taskspawners/r" 'o["status"]["totalTasksCreated"]'), not $n"
kill -USR1 "$SHAKY"; issue 40; sleep 4
made default r "$all" || fail "something came through a cut cable"
kill -USR2 "$SHAKY"
until_ok 60 made default r "$all r-40" || fail "Tasks are '$(tasks_of default r)': $(tail -5 "$T/r.log")"
until_ok 20 total default r $((n + 1)) || fail "counted $(field "$NS/taskspawners/r" 'o["status"]["totalTasksCreated"]'), not $((n + 1))"
finish
