#!/bin/sh
# podbus.sh - a spawner outside the controller, in a network namespace of its own, as in a Pod: it
# joins over tcp with the key of its TaskSpawner, through a cable that loses packets and is cut.
# The GitHub that it asks is on its side of the cable, and only there.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
command -v ip > /dev/null && [ "$(id -u)" = 0 ] || { echo "skipped: needs ip and root"; exit 77; }
SPACE=kelos$$ NEAR=kwa$$ FAR=kwb$$ POD="" THIEF="" LATE=""
cleanup() {
    [ -z "$POD" ] || kill $POD 2> /dev/null
    [ -z "$THIEF" ] || kill $THIEF 2> /dev/null
    [ -z "$LATE" ] || kill $LATE 2> /dev/null
    forge_down; local_down
    ip link del "$NEAR" 2> /dev/null
    ip netns del "$SPACE" 2> /dev/null
}
NET=10.$((100 + $$ % 100)).$((($$ / 100) % 250))
ip netns add "$SPACE" 2> /dev/null && ip link add "$NEAR" type veth peer name "$FAR" 2> /dev/null &&
    ip link set "$FAR" netns "$SPACE" || { echo "skipped: no network namespaces here"; exit 77; }
ip addr add "$NET.1/30" dev "$NEAR"; ip link set "$NEAR" up
inside() { ip netns exec "$SPACE" "$@"; }
inside ip addr add "$NET.2/30" dev "$FAR"; inside ip link set "$FAR" up; inside ip link set lo up

echo '{"anonymous": false, "tokens": {"T": "bot"}, "repos": {"demo/repo": {"issues": [{"number": 1, "title": "n1"}]}}}' > "$T/state.json"
HOME_BIN=$BIN
mkdir "$T/inside"; printf '#!/bin/sh\nexec ip netns exec %s %s "$@"\n' "$SPACE" "$BIN/kelos-demo-forge" > "$T/inside/kelos-demo-forge"
chmod +x "$T/inside/kelos-demo-forge"
BIN=$T/inside; forge_up "$T/state.json"; BIN=$HOME_BIN
ctl() { inside curl -sS --noproxy '*' -X "$1" "$FORGE/_control/$2" ${3:+-d "$3"}; }
issue() { ctl POST repos/demo/repo/issues "{\"number\": $1, \"title\": \"n$1\"}" > /dev/null; }

PORT=$(free_port)
LOCAL_FLAGS="--bus-port $PORT --controller-address $NET.1"
LOCAL_METRICS=127.0.0.1:$(free_port)
local_up || { echo "0 passed, 1 failed"; exit 1; }
metric() { curl -sS --noproxy '*' "http://$LOCAL_METRICS/metrics" | awk -v n="$1" 'index($1, n) == 1 { sum += $2 } END { print sum + 0 }'; }
above() { [ "$(metric "$1")" -gt "$2" ]; }

ISSUES='"githubIssues":{}'
spawner() { # NAME [WHEN]
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"%s","annotations":{"kelos.dev/isolation":"pod"}},"spec":{"pollInterval":"1s","when":{%s},"taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"workspaceRef":{"name":"w"},"promptTemplate":"true"}}}' "$1" "${2:-$ISSUES}" | post $NS/taskspawners > "$T/created"
}
key_of() { # NAME: KELOS_BUS_KEY of its Secret
    field "$CORE/secrets/$1-bus" '__import__("base64").b64decode(o["data"]["KELOS_BUS_KEY"]).decode()'
}
has_key() { [ -n "$(key_of "$1")" ]; }
deployed() { ! gone "/apis/apps/v1/namespaces/default/deployments/$1"; }
dialled() { field "/apis/apps/v1/namespaces/default/deployments/$1" '[a for a in o["spec"]["template"]["spec"]["containers"][0]["args"] if a.startswith("--controller=")][0]'; }
pod() { # KEY NAME LOG [ARGUMENT]...: the spawner as its Pod would run it; its process in PID
    _key=$1 _name=$2 _log=$3; shift 3
    env -i PATH="$PATH" KELOS_BUS_KEY="$_key" GITHUB_TOKEN=T ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} \
        ip netns exec "$SPACE" "$BIN/kelos-spawner" --taskspawner-name="$_name" --taskspawner-namespace=default \
        "$@" --controller="tcp://$NET.1:$PORT" > "$_log" 2>&1 &
    PID=$!
}
of_repo() { printf -- '--github-owner=demo --github-repo=repo'; }
tasks_of() { get $NS/tasks | python3 -c '
import json, sys
print(" ".join(sorted(t["metadata"]["name"] for t in json.load(sys.stdin)["items"] if t["metadata"].get("labels", {}).get("kelos.dev/taskspawner") == sys.argv[1])))' "$1"; }
made() { [ "$(tasks_of "$1")" = "$2" ]; }
total() { [ "$(field "$NS/taskspawners/$1" 'o["status"]["totalTasksCreated"]')" = "$2" ]; }
said() { grep -q "$2" "$1"; }
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"w"},"spec":{"repo":"%s/demo/repo","secretRef":{"name":"c"}}}' "$FORGE" | post $NS/workspaces > /dev/null

KELOS_BUS_KEY="rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7:D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs" \
    "$BIN/kelos-spawner" --controller=tcp://127.0.0.1:1 --taskspawner-name=x --taskspawner-namespace=default --one-shot > "$T/late.log" 2>&1 &
LATE=$!

begin "a TaskSpawner with a Pod of its own gets a key and no process of the controller"
spawner a
until_ok 20 has_key a || fail "no Secret a-bus: $(cut -c1-300 "$T/created"; tail -5 "$T/supervisor.log")"
until_ok 20 deployed a || fail "no Deployment"
[ "$(dialled a)" = "--controller=tcp://$NET.1:$PORT" ] || fail "it dials $(dialled a)"
[ -z "$(pid_of source-)" ] || fail "a process of the controller polls"
server=$(field "$HOME_CORE/secrets/kelos-bus-server" 'sorted(o["data"])')
[ "$server" = "['public-key', 'secret-key']" ] || fail "kelos-bus-server holds $server"

begin "it joins over tcp with its key, and what it finds becomes Tasks"
KEY=$(key_of a)
pod "$KEY" a "$T/a.log" $(of_repo); POD=$PID
until_ok 20 made a a-1 || fail "Tasks are '$(tasks_of a)': $(tail -5 "$T/a.log")"

begin "it holds no credential of the cluster, and its environment is wiped"
tr '\0' '\n' < "/proc/$POD/environ" > "$T/environ"; tr '\0' '\n' < "/proc/$POD/cmdline" > "$T/cmdline"
grep -q '^PATH=' "$T/environ" && grep -q '^--taskspawner-name=a' "$T/cmdline" || fail "that is not the spawner: $(cat "$T/cmdline")"
grep -qF -e "$KEY" -e GITHUB_TOKEN=T "$T/environ" && fail "the environment holds secrets"
grep -qF -e "$KEY" "$T/cmdline" && fail "an argument holds the key"
grep -q '^NoNewPrivs:.*1' "/proc/$POD/status" && grep -q '^Seccomp:.*2' "/proc/$POD/status" || fail "not confined"
! grep -qF -e "$KEY" "$T/a.log" "$T/supervisor.log" || fail "a log holds the key"

begin "a key that is nobody's gets nothing and is counted"
before=$(metric kelos_bus_peers_refused_total)
wrong=$(printf %s "$KEY" | cut -c1-41)$(field "$HOME_CORE/secrets/kelos-bus-server" '__import__("base64").b64decode(o["data"]["secret-key"]).decode()')
pod "$wrong" a "$T/wrong.log" $(of_repo); THIEF=$PID
until_ok 15 said "$T/wrong.log" refused || fail "not refused: $(tail -3 "$T/wrong.log")"
! said "$T/wrong.log" joined || fail "joined"
until_ok 15 above kelos_bus_peers_refused_total "$before" || fail "not counted"
kill $THIEF; wait $THIEF 2> /dev/null; THIEF=""

begin "random bytes at the port harm nobody"
shard=$(pid_of shard-0)
inside python3 - "$NET.1" "$PORT" <<'END_NOISE'
import os, socket, sys
for i in range(300):
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
    # every third one begins like a ZMTP 3.1 peer without security
    s.sendall((b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48) if i % 3 == 0 else b"") + os.urandom(1 + i * 7))
    s.close()
END_NOISE
issue 20
until_ok 20 made a "a-1 a-20" || fail "Tasks are '$(tasks_of a)'"
[ "$(pid_of shard-0)" = "$shard" ] || fail "the reconciler was started anew"

begin "through a cable that loses packets all items arrive, and none twice"
if inside tc qdisc add dev "$FAR" root netem loss 15% 2> /dev/null; then
    tc qdisc add dev "$NEAR" root netem loss 15%; lossy=netem
else lossy=flaps; fi
n=2 all="a-1"
while [ $n -le 6 ]; do
    issue $n; all="$all a-$n"; [ $n -ne 2 ] || all="$all a-20"
    [ $lossy = netem ] || { ip link set "$NEAR" down; sleep 0.3; ip link set "$NEAR" up; }
    sleep 0.7; n=$((n + 1))
done
[ $lossy = flaps ] || { inside tc qdisc del dev "$FAR" root; tc qdisc del dev "$NEAR" root; }
until_ok 60 made a "$all" || fail "Tasks are '$(tasks_of a)'"
until_ok 20 total a 7 || fail "counted $(field "$NS/taskspawners/a" 'o["status"]["totalTasksCreated"]'), not 7"

begin "what is found while the cable is cut arrives when it is whole again, once"
ip link set "$NEAR" down
issue 7; issue 8
sleep 12 # longer than a silent peer is borne
made a "$all" || fail "something came through a cut cable"
ip link set "$NEAR" up
until_ok 60 made a "$all a-7 a-8" || fail "Tasks are '$(tasks_of a)': $(tail -5 "$T/a.log")"
until_ok 20 total a 9 || fail "counted $(field "$NS/taskspawners/a" 'o["status"]["totalTasksCreated"]'), not 9"

begin "a reconciler that was killed is joined again by itself"
kill -9 "$(pid_of shard-0)"
issue 9
until_ok 60 made a "$all a-7 a-8 a-9" || fail "Tasks are '$(tasks_of a)': $(tail -5 "$T/a.log")"

begin "when its TaskSpawner is gone the session is closed at once, and the stolen key is refused"
spawner b; until_ok 20 has_key b || fail "no Secret b-bus"
STOLEN=$(key_of b)
pod "$STOLEN" b "$T/b.log" $(of_repo); THIEF=$PID
until_ok 20 made b "$(printf 'b-%s ' 1 2 20 3 4 5 6 7 8 9 | sed 's/ $//')" || fail "Tasks are '$(tasks_of b)': $(tail -3 "$T/b.log")"
before=$(metric kelos_bus_peers_refused_total)
del "$NS/taskspawners/b"
until_ok 5 said "$T/b.log" lost || fail "its session goes on"
until_ok 15 said "$T/b.log" refused || fail "not refused"
until_ok 15 above kelos_bus_peers_refused_total "$before" || fail "not counted"
spawner b
until_ok 20 has_key b || fail "no key for the next of that name"
[ "$(key_of b)" != "$STOLEN" ] || fail "the next TaskSpawner of that name has the stolen key"
joins=$(grep -c joined "$T/b.log"); sleep 3
[ "$(grep -c joined "$T/b.log")" = "$joins" ] || fail "the stolen key joined again"
kill -0 $POD 2> /dev/null || fail "the other spawner ended"
kill $THIEF; wait $THIEF 2> /dev/null; THIEF=""

begin "without its token file it asks nobody and says so; a token that comes is used, and one that is replaced"
mkdir "$T/token"
spawner f; until_ok 20 has_key f || fail "no Secret f-bus"
asked() { ctl GET counts; }
kill $POD; wait $POD; POD=""
quiet=$(asked)
env -i PATH="$PATH" KELOS_BUS_KEY="$(key_of f)" ip netns exec "$SPACE" "$BIN/kelos-spawner" --taskspawner-name=f --taskspawner-namespace=default \
    $(of_repo) --github-token-file="$T/token/GITHUB_TOKEN" --controller="tcp://$NET.1:$PORT" > "$T/f.log" 2>&1 &
POD=$!
waits() { field "$NS/taskspawners/f" 'str(o["status"])' | grep -q "there is no token yet"; }
until_ok 20 waits || fail "it does not say so: $(field "$NS/taskspawners/f" 'o["status"]')"
[ "$(asked)" = "$quiet" ] || fail "it asked without a token"
echo wrong > "$T/token/new"; mv "$T/token/new" "$T/token/GITHUB_TOKEN"
unauthorised() { field "$NS/taskspawners/f" 'str(o["status"])' | grep -q 401; }
until_ok 20 unauthorised || fail "it did not use the first token: $(field "$NS/taskspawners/f" 'o["status"]')"
echo T > "$T/token/new"; mv "$T/token/new" "$T/token/GITHUB_TOKEN"
until_ok 30 made f "$(printf 'f-%s ' 1 2 20 3 4 5 6 7 8 9 | sed 's/ $//')" || fail "Tasks are '$(tasks_of f)': $(tail -3 "$T/f.log")"
row SP/W12

begin "one shot hands over the tick that is due, once, and ends"
spawner c '"cron":{"schedule":"0 0 1 1 *"}'; until_ok 20 has_key c || fail "no Secret c-bus"
cron_made() { ! gone /apis/batch/v1/namespaces/default/cronjobs/c; }
until_ok 20 cron_made || fail "no CronJob"
shot() { timeout 120 env -i PATH="$PATH" KELOS_BUS_KEY="$(key_of c)" ip netns exec "$SPACE" "$BIN/kelos-spawner" \
    --taskspawner-name=c --taskspawner-namespace=default --controller="tcp://$NET.1:$PORT" --one-shot > "$T/c.log" 2>&1; }
shot || fail "nothing due: $? $(tail -3 "$T/c.log")"
[ -z "$(tasks_of c)" ] || fail "Tasks although nothing is due: $(tasks_of c)"
until_ok 20 at_rest "$NS/taskspawners/c" || fail "it is written on and on"
mpatch "$NS/taskspawners/c/status" '{"status":{"lastDiscoveryTime":"2024-06-01T00:00:00Z"}}' > /dev/null
tick=c-$(date -u +%Y)0101-0000
handed() { shot && [ "$(tasks_of c | wc -w)" -eq 1 ]; }
until_ok 10 handed || fail "Tasks are '$(tasks_of c)': $(tail -3 "$T/c.log")"
made c "$tick" || fail "Tasks are '$(tasks_of c)', not $tick"
shot || fail "again: $? $(tail -3 "$T/c.log")"
made c "$tick" || fail "a tick came twice: $(tasks_of c)"

begin "who deletes the Secret has a new key made; the one before is refused"
before=$(key_of f)
del $CORE/secrets/f-bus
kill -9 "$(pid_of shard-0)" # it looks once a minute, and when it is new
renewed() { has_key f && [ "$(key_of f)" != "$before" ]; }
until_ok 20 renewed || fail "no new key"
until_ok 20 said "$T/f.log" refused || fail "the old key is not refused: $(tail -3 "$T/f.log")"
pod "$(key_of f)" f "$T/f2.log" $(of_repo); THIEF=$PID
issue 10
until_ok 20 made f "$(printf 'f-%s ' 1 10 2 20 3 4 5 6 7 8 9 | sed 's/ $//')" || fail "Tasks are '$(tasks_of f)': $(tail -3 "$T/f2.log")"
kill $THIEF; wait $THIEF 2> /dev/null; THIEF=""

begin "one shot without an acknowledgement fails after 30 s"
wait $LATE; status=$?; LATE=""
[ $status -eq 1 ] && said "$T/late.log" 'within 30 s' || fail "status $status: $(cat "$T/late.log")"

begin "it ends when it is asked to, and without its key or name it says what is missing"
kill $POD; wait $POD; status=$?; POD=""
[ $status -eq 0 ] || fail "exit status $status"
env -i "$BIN/kelos-spawner" --controller=tcp://127.0.0.1:1 --taskspawner-name=a --taskspawner-namespace=default 2> "$T/no.log" && fail "no key: 0"
grep -q 'KELOS_BUS_KEY: missing' "$T/no.log" || fail "$(cat "$T/no.log")"
for more in "" --taskspawner-name=a --taskspawner-namespace=d; do
    KELOS_BUS_KEY=$KEY "$BIN/kelos-spawner" --controller=tcp://127.0.0.1:1 $more 2> "$T/no.log"
    [ $? -eq 1 ] || fail "'$more' is enough"
    grep -q -- '--taskspawner-name\(space\)\{0,1\}: missing' "$T/no.log" || fail "$(cat "$T/no.log")"
done
for wrong in http://h:1 tcp://h tcp://:5 tcp://h:0 tcp://h:99999; do
    KELOS_BUS_KEY=$KEY "$BIN/kelos-spawner" --controller=$wrong --taskspawner-name=a --taskspawner-namespace=d 2> "$T/no.log" && fail "$wrong"
    grep -q 'is not tcp://HOST:PORT' "$T/no.log" || fail "$wrong: $(cat "$T/no.log")"
done
finish
