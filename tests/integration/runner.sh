#!/bin/sh
# runner.sh - kelos-runner under a real supervisor and API server: order, environment,
# isolation, exit codes, deadlines, deletion; and containers that outlive a killed runner.
cd "$(dirname "$0")/../.." || exit 1
. tests/support/lib.sh
kelos=$BIN/kelos data=$T/data
cleanup() { "$kelos" down --data "$data" > /dev/null 2>&1; }
unset KUBECONFIG KELOS_CONFIG KELOS_NAMESPACE KUBERNETES_SERVICE_HOST http_proxy HTTP_PROXY
HOME=$T/home; mkdir -p "$HOME"; echo home-canary > "$HOME/secret.txt"; export HOME
KELOS_LOCAL_DIR=$data; export KELOS_LOCAL_DIR

"$kelos" up --data "$data" > "$T/up.log" 2>&1 || { cat "$T/up.log"; echo "0 passed, 1 failed"; exit 1; }
server=$(sed -n 's/.*server: *//p' "$data/kubeconfig" | tr -d '"')
token=$(sed -n 's/.*token: *//p' "$data/kubeconfig" | tr -d '"')
ca=""; case $server in https:*) ca=-k ;; esac
api() { # METHOD PATH [BODY]
    curl -sS $ca -X "$1" -H "Authorization: Bearer $token" -H "Content-Type: ${CT:-application/json}" "$server$2" ${3:+-d "$3"}
}
pods=/api/v1/namespaces/default/pods jobs=/apis/batch/v1/namespaces/default/jobs
# get PATH EXPR: a Python expression over o.
get() { api GET "$1" | python3 -c 'import json,sys
o = json.load(sys.stdin)
try: print(eval(sys.argv[1]))
except (KeyError, IndexError, TypeError): print("")' "$2"; }
phase_is() { case " $2 " in *" $(get "$pods/$1" 'o["status"]["phase"]') "*) return 0 ;; esac; return 1; }
ended() { phase_is "$1" "Succeeded Failed"; }
log() { api GET "$pods/$1/log?container=$2"; }
pod() { # NAME SPEC-JSON
    api POST "$pods" "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"$1\",\"labels\":{\"app\":\"x\"}},\"spec\":$2}" > "$T/created"
    grep -q '"uid"' "$T/created" || fail "create $1: $(cat "$T/created")"
}
sh_pod() { # NAME SCRIPT: one container
    pod "$1" "{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"main\",\"image\":\"demo\",\"command\":[\"sh\",\"-c\",\"$2\"]}]}"
}
uid_of() { get "$pods/$1" 'o["metadata"]["uid"]'; }
runner_pid() { "$kelos" status -o json 2> /dev/null | python3 -c 'import json,sys
def walk(v):
    if isinstance(v, dict):
        if (v.get("id") or v.get("worker") or v.get("name")) == "runner" and v.get("pid"): print(v["pid"]); sys.exit()
        for x in v.values(): walk(x)
    elif isinstance(v, list):
        for x in v: walk(x)
walk(json.load(sys.stdin))'; }

begin "init containers run in order, then the container; all see the same volume"
pod order '{"restartPolicy":"Never","volumes":[{"name":"w","emptyDir":{}}],
 "initContainers":[
  {"name":"one","image":"alpine/git:v2.47.2","args":["--version"],"volumeMounts":[{"name":"w","mountPath":"/w"}]},
  {"name":"two","image":"x/git:1@sha256:0","command":["sh","-c","echo two >> /w/f"],"volumeMounts":[{"name":"w","mountPath":"/w"}]}],
 "containers":[{"name":"main","image":"demo:latest","command":["sh","-c","echo main >> /w/f; cat /w/f; echo oops >&2"],"volumeMounts":[{"name":"w","mountPath":"/w"}]}]}'
must until_ok 20 ended order
[ "$(get "$pods/order" 'o["status"]["phase"]')" = Succeeded ] || fail "phase: $(get "$pods/order" 'o["status"]')"
[ "$(log order main | sort | tr '\n' ' ')" = "main oops two " ] || fail "log: $(log order main)"
case $(log order one) in "git version"*) ;; *) fail "git image: $(log order one)" ;; esac
[ "$(get "$pods/order" '[c["type"] for c in o["status"]["conditions"] if c["status"]=="True"]')" = "['PodScheduled', 'Initialized']" ] || fail conditions

begin "environment: Secrets, ConfigMaps, fields, expansion"
# (The value is short: longer ones would be hidden in the log.)
api POST /api/v1/namespaces/default/secrets '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"K":"cy12YWx1ZQ=="}}' > /dev/null
api POST /api/v1/namespaces/default/configmaps '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"A":"alpha","B":"beta"}}' > /dev/null
pod env '{"restartPolicy":"Never","volumes":[{"name":"s","secret":{"secretName":"s"}},{"name":"p","projected":{"sources":[{"configMap":{"name":"c","items":[{"key":"A","path":"sub/a"}]}},{"downwardAPI":{"items":[{"path":"name","fieldRef":{"fieldPath":"metadata.name"}}]}}]}}],
 "containers":[{"name":"main","image":"demo","workingDir":"/some/where",
  "command":["sh","-c","echo $T/$X/$P_B/$N/$1; pwd; cat /s/K /p/sub/a /p/name; cat /one; touch /s/x","--"],"args":["$(X) $$(X) $(NO)"],
  "envFrom":[{"configMapRef":{"name":"c"},"prefix":"P_"}],
  "env":[{"name":"T","valueFrom":{"secretKeyRef":{"name":"s","key":"K"}}},{"name":"X","value":"<$(P_A)>"},{"name":"N","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],
  "volumeMounts":[{"name":"s","mountPath":"/s"},{"name":"p","mountPath":"/p"},{"name":"s","mountPath":"/one","subPath":"K"}]}]}'
must until_ok 20 ended env
log env main > "$T/env.log"
grep -qF 's-value/<alpha>/beta/env/<alpha> $(X) $(NO)' "$T/env.log" || fail "$(cat "$T/env.log")"
grep -qx /some/where "$T/env.log" || fail "workingDir: $(cat "$T/env.log")"
grep -q 's-valuealphaenvs-value' "$T/env.log" || fail "files: $(cat "$T/env.log")"
grep -q 'Read-only file system' "$T/env.log" || fail "a Secret's volume can be written"

begin "a missing Secret is said and waited for; an unknown image too"
pod wait '{"restartPolicy":"Never","containers":[{"name":"main","image":"demo","command":["true"],"env":[{"name":"T","valueFrom":{"secretKeyRef":{"name":"later","key":"K"}}}]}]}'
waits() { [ "$(get "$pods/wait" 'o["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]')" = CreateContainerConfigError ]; }
must until_ok 10 waits
case $(get "$pods/wait" 'o["status"]["containerStatuses"][0]["state"]["waiting"]["message"]') in *'secret "later" not found'*) ;; *) fail message ;; esac
api POST /api/v1/namespaces/default/secrets '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"later"},"data":{"K":"eA=="}}' > /dev/null
must until_ok 20 phase_is wait Succeeded
pod image '{"restartPolicy":"Never","containers":[{"name":"main","image":"ghcr.io/nobody/nothing:1"}]}'
pull() { case $(get "$pods/image" 'o["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]') in ErrImagePull | ImagePullBackOff) return 0 ;; esac; return 1; }
must until_ok 10 pull
warned() { get "/api/v1/namespaces/default/events" '[e["message"] for e in o["items"] if e["involvedObject"]["name"] == "image"]' | grep -q 'is not on this machine'; }
must until_ok 5 warned

begin "exit codes, signals and a command that cannot start"
sh_pod code 'exit 7'; sh_pod sig 'kill -TERM $$$$'
pod none '{"restartPolicy":"Never","containers":[{"name":"main","image":"demo","command":["/no/such/program"]}]}'
must until_ok 20 ended code; must until_ok 20 ended sig; must until_ok 20 ended none
t='o["status"]["containerStatuses"][0]["state"]["terminated"]'
[ "$(get "$pods/code" "$t[\"exitCode\"], $t[\"reason\"]")" = "(7, 'Error')" ] || fail "$(get "$pods/code" "$t")"
[ "$(get "$pods/sig" "$t[\"exitCode\"], $t[\"signal\"]")" = "(143, 15)" ] || fail "$(get "$pods/sig" "$t")"
[ "$(get "$pods/none" "$t[\"reason\"]")" = StartError ] || fail "$(get "$pods/none" "$t")"

begin "a container that takes more memory than its limit is killed for it"
pod oom '{"restartPolicy":"Never","containers":[{"name":"main","image":"demo","command":["sh","-c","head -c 400000000 /dev/zero | tail -n 1 > /dev/null; exit 9"],"resources":{"limits":{"memory":"64Mi","cpu":"1500m"}}}]}'
must until_ok 30 ended oom
if grep -q 'runs without this limit' "$data/log/supervisor.log"; then echo "     (no control groups here: not checked)"
else [ "$(get "$pods/oom" "$t[\"reason\"]")" = OOMKilled ] || fail "$(get "$pods/oom" "$t")"; fi

begin "no step of a Pod reads the data directory, another Pod, or the user's home"
sh_pod prey 'echo pod-canary > /tmp/x; sleep 600'
must until_ok 10 phase_is prey Running
prey=$(uid_of prey)
cat > "$T/spy" <<S
for p in $data $data/run $data/apiserver/state.db $data/kubeconfig $data/pods/$prey $HOME/secret.txt $T /root /proc/1/environ /proc/1/root/etc; do
  if ls -d \$p/. >/dev/null 2>&1 || cat \$p >/dev/null 2>&1; then echo SEES \$p; fi
done
id -u; ls /proc | grep -c '^[0-9]'; ps ax 2>/dev/null | grep -c kelos-supervisor
grep -E '^(NoNewPrivs|CapEff|CapBnd|Seccomp):' /proc/self/status | tr -d '\t' | tr '\n' ' '
touch /usr/x /etc/x /kelos_entrypoint.sh 2>&1 | grep -c -i 'read-only\|denied'
mount -t tmpfs none /mnt 2>&1 | tail -1
cat /etc/shadow
hostname
S
pod spy "{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"main\",\"image\":\"demo\",\"command\":[\"sh\",\"-c\",$(python3 -c 'import json,sys; print(json.dumps(open(sys.argv[1]).read()))' "$T/spy")]}]}"
must until_ok 20 ended spy
log spy main > "$T/spy.log"
if grep SEES "$T/spy.log"; then fail "it sees what it must not"; fi
grep -qx 61100 "$T/spy.log" || fail "user id: $(cat "$T/spy.log")"
grep -q 'CapEff:0000000000000000 CapBnd:0000000000000000 NoNewPrivs:1 Seccomp:2' "$T/spy.log" || fail "rights: $(cat "$T/spy.log")"
grep -q 'No such file' "$T/spy.log" || fail "/etc/shadow: $(cat "$T/spy.log")"
if grep -qs pod-canary "$T/spy.log"; then fail "it read the other Pod"; fi
if [ -e /usr/x ] || [ -e /etc/x ]; then fail "it wrote to the host"; fi

begin "a link in a shared volume leads nowhere outside of it"
pod link "{\"restartPolicy\":\"Never\",\"volumes\":[{\"name\":\"w\",\"emptyDir\":{}}],
 \"initContainers\":[{\"name\":\"plant\",\"image\":\"demo\",\"command\":[\"sh\",\"-c\",\"ln -s $HOME /w/sub; ln -s $T /w/deep\"],\"volumeMounts\":[{\"name\":\"w\",\"mountPath\":\"/w\"}]}],
 \"containers\":[{\"name\":\"main\",\"image\":\"demo\",\"command\":[\"cat\",\"/home2/secret.txt\"],\"volumeMounts\":[{\"name\":\"w\",\"mountPath\":\"/home2\",\"subPath\":\"sub\"}]}]}"
must until_ok 20 ended link
[ "$(get "$pods/link" "$t[\"reason\"]")" = StartError ] || fail "$(get "$pods/link" "$t")"
if log link main | grep -q home-canary; then fail "it read the home directory"; fi

begin "deletion ends the container and then the Pod"
sh_pod stubborn 'trap : TERM; echo up; while :; do sleep 0.1; done'
must until_ok 10 phase_is stubborn Running
stubborn=$data/pods/$(uid_of stubborn)
init=$(awk '{print $1}' "$stubborn/main/claim.0")
api DELETE "$pods/stubborn?gracePeriodSeconds=1" > /dev/null
gone() { [ "$(get "$pods/$1" 'o["code"]')" = 404 ]; }
must until_ok 15 gone stubborn
dead() { ! kill -0 "$1" 2> /dev/null; }
must until_ok 10 dead "$init"
absent() { [ ! -e "$1" ]; }
must until_ok 10 absent "$stubborn"
api DELETE "$pods/prey?gracePeriodSeconds=0" > /dev/null
must until_ok 15 gone prey

begin "a Pod's deadline fails it"
pod slow '{"restartPolicy":"Never","activeDeadlineSeconds":1,"containers":[{"name":"main","image":"demo","command":["sleep","600"]}]}'
must until_ok 15 phase_is slow Failed
[ "$(get "$pods/slow" 'o["status"]["reason"]')" = DeadlineExceeded ] || fail "$(get "$pods/slow" 'o["status"]')"

job() { # NAME EXTRA-SPEC SCRIPT
    api POST "$jobs" "{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{\"name\":\"$1\"},\"spec\":{$2\"backoffLimit\":1,\"podFailurePolicy\":{\"rules\":[{\"action\":\"Count\",\"onPodConditions\":[{\"type\":\"DisruptionTarget\",\"status\":\"True\"}]},{\"action\":\"FailJob\",\"onExitCodes\":{\"operator\":\"NotIn\",\"values\":[0]}}]},\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"main\",\"image\":\"demo\",\"command\":[\"sh\",\"-c\",\"$3\"]}]}}}}" > "$T/created"
    grep -q '"uid"' "$T/created" || fail "create job $1: $(cat "$T/created")"
}
job_is() { [ "$(get "$jobs/$1" '[c["type"] for c in o["status"]["conditions"] if c["status"]=="True"][-1]')" = "$2" ]; }
pods_of() { api GET "$pods?labelSelector=job-name%3D$1" | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["items"]))'; }

begin "Jobs complete, fail at once on an exit code, stop at their deadline keeping the log"
job good "" "exit 0"; job bad "" "exit 9"; job late '"activeDeadlineSeconds":10,' 'trap \"echo last words; exit 3\" TERM; echo begin; sleep 600 & wait'
api POST "$jobs" '{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"term"},"spec":{"activeDeadlineSeconds":10,"backoffLimit":0,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"main","image":"demo","args":["a prompt"],"env":[{"name":"DEMO_SECONDS","value":"600"},{"name":"KELOS_BASE_BRANCH","value":"main"}]}]}}}}' > /dev/null
must until_ok 20 job_is good Complete
[ "$(get "$jobs/good" 'o["status"]["succeeded"]')" = 1 ] || fail "$(get "$jobs/good" 'o["status"]')"
must until_ok 20 job_is bad Failed
[ "$(get "$jobs/bad" '[c["reason"] for c in o["status"]["conditions"] if c["type"]=="Failed"][0]')" = PodFailurePolicy ] || fail "$(get "$jobs/bad" 'o["status"]')"
[ "$(pods_of bad)" = 1 ] || fail "bad has $(pods_of bad) Pods"
must until_ok 20 job_is late Failed
[ "$(get "$jobs/late" '[c["reason"] for c in o["status"]["conditions"] if c["type"]=="Failed"][0]')" = DeadlineExceeded ] || fail "$(get "$jobs/late" 'o["status"]')"
late=$(api GET "$pods?labelSelector=job-name%3Dlate" | python3 -c 'import json,sys; print(json.load(sys.stdin)["items"][0]["metadata"]["name"])')
log "$late" main | grep -q 'last words' || fail "log: $(log "$late" main)"
must until_ok 20 job_is term Failed
term=$(api GET "$pods?labelSelector=job-name%3Dterm" | python3 -c 'import json,sys; print(json.load(sys.stdin)["items"][0]["metadata"]["name"])')
log "$term" main > "$T/term.log"
grep -q -e '---KELOS_OUTPUTS_END---' "$T/term.log" || fail "no block at the deadline: $(cat "$T/term.log")"
grep -q 'demo agent' "$T/term.log" || fail "the agent did not run"
job ttl '"ttlSecondsAfterFinished":1,' "exit 0"
no_job() { [ "$(get "$jobs/$1" 'o["code"]')" = 404 ]; }
must until_ok 20 no_job ttl

begin "a container outlives the runner and is not started twice"
mkdir -p "$T/count"; chmod 777 "$T/count"; chmod 711 "$T"
api POST "$jobs" "{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{\"name\":\"long\"},\"spec\":{\"backoffLimit\":0,\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"volumes\":[{\"name\":\"h\",\"hostPath\":{\"path\":\"$T/count\"}}],\"containers\":[{\"name\":\"main\",\"image\":\"demo\",\"command\":[\"sh\",\"-c\",\"echo run >> /h/long; sleep 2; echo done; exit 0\"],\"volumeMounts\":[{\"name\":\"h\",\"mountPath\":\"/h\"}]}]}}}}" > /dev/null
must until_ok 10 test -s "$T/count/long"
old=$(runner_pid)
[ -n "$old" ] || fail "no runner in kelos status"
kill -9 "$old"
back() { new=$(runner_pid); [ -n "$new" ] && [ "$new" != "$old" ]; }
must until_ok 5 back
must until_ok 20 job_is long Complete
[ "$(wc -l < "$T/count/long")" -eq 1 ] || fail "it ran $(wc -l < "$T/count/long") times"
[ "$(pods_of long)" = 1 ] || fail "it has $(pods_of long) Pods"

begin "runners killed at any moment start nothing twice and lose nothing"
i=0
while [ $i -lt 8 ]; do
    i=$((i + 1))
    api POST "$jobs" "{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{\"name\":\"k$i\"},\"spec\":{\"backoffLimit\":0,\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"volumes\":[{\"name\":\"h\",\"hostPath\":{\"path\":\"$T/count\"}}],\"containers\":[{\"name\":\"main\",\"image\":\"demo\",\"command\":[\"sh\",\"-c\",\"echo run >> /h/k$i\"],\"volumeMounts\":[{\"name\":\"h\",\"mountPath\":\"/h\"}]}]}}}}" > /dev/null
    sleep "0.0$((i % 6))"
    p=$(runner_pid)
    if [ -n "$p" ]; then kill -9 "$p"; fi
done
i=0
while [ $i -lt 8 ]; do
    i=$((i + 1))
    until_ok 40 job_is "k$i" Complete || fail "k$i: $(get "$jobs/k$i" 'o["status"]')"
    [ "$(wc -l < "$T/count/k$i")" -eq 1 ] || fail "k$i ran $(wc -l < "$T/count/k$i") times"
done

begin "kelos down ends what runs"
sh_pod last 'sleep 300'
must until_ok 10 phase_is last Running
monitor=$(awk '{print $1}' "$data/pods/$(uid_of last)/main/claim.0")
must kill -0 "$monitor"
must "$kelos" down --data "$data" > /dev/null
must until_ok 10 dead "$monitor"
finish
