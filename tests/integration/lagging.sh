#!/bin/sh
# lagging.sh - the controller where its view is behind: conflicts, a watch that is dead and looks
# alive, an end while answers are out, and other numbers of shards.
. tests/support/lib.sh
. tests/support/local.sh
. tests/support/faulty.sh
. tests/support/forge.sh
cleanup() { forge_down; faulty_down; }
FAULTY_METRICS=127.0.0.1:$(free_port)
faulty_up || { cat "$T/supervisor.log"; echo "0 passed, 1 failed"; exit 1; }
echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"gh"},"stringData":{"GITHUB_TOKEN":"T"}}' | post $CORE/secrets > /dev/null
count_is() { [ "$(requests "$1")" -ge "$2" ]; }

begin "a conflict: the server is asked, and what is written then is made anew"
cat > "$T/other" <<E
n=\$(date +%N)
curl -s $CURL_CA -o /dev/null -X PATCH -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/merge-patch+json" \
    "$S$NS/tasks/\$1" --data-binary "{\"metadata\":{\"labels\":{\"turn\":\"\$n\"},\"finalizers\":[\"example.com/other\"]}}"
E
rules "[{\"match\":\"^PATCH .*/tasks/con-0[^0-9].*finalizers\",\"agent\":\"shard\",\"times\":3,\"do\":\"first\",\"run\":\"sh $T/other con-0\"},
        {\"match\":\"^PATCH .*/tasks/con-1[^0-9].*finalizers\",\"agent\":\"shard\",\"times\":9,\"do\":\"first\",\"run\":\"sh $T/other con-1\"}]"
task con-0 p
until_ok 20 has_job con-0 || fail "no Job: $(message con-0)"
python3 - "$T/requests" > "$T/conflicts" <<'PY'
import json, sys
mine = [r for r in map(json.loads, open(sys.argv[1])) if "/tasks/con-0" in r["path"] and "shard" in r["agent"]]
mine.sort(key=lambda r: r["end"])
got, bad, versions = "", [], []
for r in mine:
    got += {"GET": "g", "PATCH": "c" if r["status"] == 409 else "p"}[r["method"]]
    if r["method"] == "PATCH":
        versions.append(json.loads(r["body"])["metadata"]["resourceVersion"])
        if len(versions) > 1 and "example.com/other" not in r["body"]:
            bad.append("another's finalizer is lost")
if len(set(versions)) != len(versions):
    bad.append("the same version again")
print(got, bad)
PY
grep -q "^cgcgcgp \[\]" "$T/conflicts" || fail "$(cat "$T/conflicts")"
[ "$(field $NS/tasks/con-0 'sorted(o["metadata"]["finalizers"])')" = "['example.com/other', 'kelos.dev/finalizer']" ] || fail "finalizers"
task con-1 p                           # more in a row than are looked into at once
until_ok 20 has_job con-1 || fail "no Job: $(message con-1)"
grep -q 'con-1.*again in' "$T/supervisor.log" || fail "it never went back to the queue"
[ "$(requests "r['method'] == 'PATCH' and '/tasks/con-1' in r['path'] and r['status'] == 409")" = 9 ] || fail "conflicts"
row KC/WR-2
rules '[]'

begin "each error that ends a look at a Task or TaskSpawner is counted, whatever it was"
errors() { # CONTROLLER
    curl -sf --noproxy '*' "http://$FAULTY_METRICS/metrics" |
        sed -n "s/^kelos_reconcile_errors_total{.*controller=\"$1\".*} //p" | awk '{ n += $1 } END { print n + 0 }'
}
more() { [ "$(errors "$1")" -gt "$2" ]; }
counted() { # NAME: the Task's error has come up since `before`
    until_ok 20 more task "$before" || fail "$1: $(errors task) errors, as before; '$(message "$1")'"
    del "$NS/tasks/$1"
    until_ok 20 gone "$NS/tasks/$1" || fail "$1 is still there"
    before=$(errors task)
}
[ "$(errors task)" -ge 1 ] || fail "the conflicts of con-1 are not counted"
drop_con() { for n in con-0 con-1; do mpatch "$NS/tasks/$n" '{"metadata":{"finalizers":["kelos.dev/finalizer"]}}' > /dev/null; del "$NS/tasks/$n"; until_ok 20 gone "$NS/tasks/$n" || fail "$n"; done; }
drop_con
before=$(errors task)
wspace() { printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"%s"},"spec":{"repo":"https://github.com/a/b","secretRef":{"name":"%s"}}}' "$1" "$2" | post $NS/workspaces > /dev/null; }
wspace no-secret not-there
task err-secret p '"workspaceRef":{"name":"no-secret"}'; counted err-secret
echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"badapp"},"stringData":{"appID":"1","installationID":"2","privateKey":"no key"}}' | post $CORE/secrets > /dev/null
wspace bad-app badapp
task err-app p '"workspaceRef":{"name":"bad-app"}'; counted err-app
printf '{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"err-taken"},"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"x"}]}}}}' | post $JOBS > /dev/null
task err-taken p; counted err-taken
task err-build p '"podOverrides":{"volumeMounts":[{"name":"nope","mountPath":"/x"}]}'; counted err-build
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"AgentConfig","metadata":{"name":"mcp"},"spec":{"mcpServers":[{"name":"m","type":"http","url":"https://h","headersFrom":{"secretRef":{"name":"not-there"}}}]}}' | post $NS/agentconfigs > "$T/created"
task err-input p '"agentConfigRef":{"name":"mcp"}'; counted err-input
forbidden='"do":"status","status":403,"times":2,"body":"{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Forbidden\",\"code\":403,\"message\":\"not now\"}"'
rules "[{\"match\":\"^PATCH .*/tasks/err-write[^0-9].*finalizers\",\"agent\":\"shard\",$forbidden}]"
task err-write p
until_ok 20 has_job err-write || fail "it does not go on after the refusals: $(message err-write)"
until_ok 20 more task $((before + 1)) || fail "$(errors task) errors, $before before two refusals"
rules '[{"match":"^POST .*/jobs.*err-late","agent":"shard","times":99,"do":"status","status":500,"body":"{}"}]'
before=$(errors task)
task err-late p
until_ok 60 more task "$before" || fail "a server in trouble is not counted"
rules '[]'
until_ok 60 has_job err-late || fail "it does not go on"
drop_errs() { for n in err-write err-late; do del "$NS/tasks/$n"; until_ok 20 gone "$NS/tasks/$n" || fail "$n"; done; }
drop_errs
before=$(errors taskspawner)
rules "[{\"match\":\"^PATCH .*/taskspawners/err-s[^0-9]\",\"agent\":\"shard\",$forbidden}]"
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"err-s"},"spec":{"when":{"cron":{"schedule":"0 0 1 1 *"}},"taskTemplate":{"type":"claude-code","promptTemplate":"p","credentials":{"type":"none"}}}}' | post $NS/taskspawners > "$T/created"
until_ok 20 more taskspawner "$before" || fail "$(errors taskspawner) errors of TaskSpawners: $(cat "$T/created")"
rules '[]'
del $NS/taskspawners/err-s
row TE/W-P2

begin "a watch that shows nothing any more while its connection lives"
cat > "$T/state.json" <<'END2'
{"anonymous": false, "rateLimit": 100000, "tokens": {"T": "bot"}, "repos": {"demo/repo": {"issues": [
 {"number": 1, "title": "1"}, {"number": 2, "title": "2"}, {"number": 3, "title": "3"}, {"number": 4, "title": "4"}]}}}
END2
forge_up "$T/state.json"
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"w"},"spec":{"repo":"git://127.0.0.1:1/x.git","secretRef":{"name":"gh"}}}' | post $NS/workspaces > /dev/null
rules '[{"match":"/tasks[?].*watch=true","do":"gate"}]'
lines=$(grep -c 'sweep complete' "$T/supervisor.log")
kill -9 "$(pid_of watcher)"
swept() { [ "$(grep -c 'sweep complete' "$T/supervisor.log")" -gt "$lines" ]; }
until_ok 20 swept || fail "no sweep after the restart"
task lag-0 p
until_ok 20 has_job lag-0 || fail "no Job"
becomes lag-0 Pending
sleep 3                                # until that, too, has been seen
rules '[{"match":"/tasks[?].*watch=true","do":"gate"},{"match":"NOTHING","do":"closed"}]'
job_status lag-0 '{"active":1}'
becomes lag-0 Running                  # written, and not seen
job_ends lag-0
task lag-1 p
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"s"},"spec":{"maxConcurrency":2,"when":{"githubIssues":{"repo":"%s/demo/repo"}},"pollInterval":"1s","taskTemplate":{"type":"claude-code","promptTemplate":"p","credentials":{"type":"api-key","secretRef":{"name":"c"}},"workspaceRef":{"name":"w"}}}}' "$FORGE" | post $NS/taskspawners > "$T/created"
made="r['method'] == 'POST' and r['path'].startswith('$NS/tasks') and 'shard' in r['agent']"
until_ok 20 count_is "$made" 2 || fail "the spawner makes nothing: $(cat "$T/created")"
becomes lag-0 Succeeded 120
# Not before the watch had its time: then one look, and all that waited for it comes after that.
python3 - "$T/requests" "$NS/tasks" "$JOBS" > "$T/order" <<'PY' || fail "$(cat "$T/order")"
import json, sys
all_of = [json.loads(l) for l in open(sys.argv[1])]
tasks, jobs = sys.argv[2:]
of = lambda method, path, text="": [r for r in all_of if r["method"] == method and r["path"].split("?")[0] == path and text in r["body"].replace(" ", "")]
running = of("PATCH", tasks + "/lag-0/status", '"phase":"Running"')
looks = [r for r in of("GET", tasks + "/lag-0") if "shard" in r["agent"]]
ends = of("PATCH", tasks + "/lag-0/status", '"phase":"Succeeded"')
others = of("POST", jobs, '"name":"lag-1"')
made = [r for r in of("POST", tasks) if "shard" in r["agent"]]
print("running", len(running), "looks", [r["t"] - running[-1]["t"] for r in looks if running], "ends", len(ends), "made", len(made))
sys.exit(not (running and len(looks) == 1 and looks[0]["t"] - running[-1]["t"] >= 25
              and all(r["t"] > looks[0]["t"] for r in ends + others)
              and sum(r["t"] < looks[0]["t"] for r in made) == 2))
PY
[ "$(requests "r['method'] == 'POST' and r['path'].startswith('$JOBS') and '\"lag-0\"' in r['body']")" = 1 ] || fail "a second Job"
row KC/CACHE-6
until_ok 20 has_job lag-1 || fail "the stream was not begun anew"
must grep -q 'the server has version .* of default/lag-0, the watch does not show it' "$T/supervisor.log"
row KC/WATCH-12
jobs_of_s() { [ "$(field $JOBS 'sum(j["metadata"]["name"].startswith("s-") for j in o["items"])')" = 2 ]; }
until_ok 20 jobs_of_s || fail "the spawner's Tasks have no Jobs"
[ "$(requests "$made")" = 2 ] || fail "$(requests "$made") Tasks under a limit of 2"
row KC/CACHE-7
del $NS/taskspawners/s
for n in s-1 s-2 s-3 s-4 lag-0 lag-1; do del $NS/tasks/$n; done

begin "Tasks of a TaskSpawner that a quota refuses are told, asked for ever more rarely, made when they may be"
rules '[{"match":"^POST .*/tasks.*poor-","agent":"shard","do":"status","status":403,"body":"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Forbidden\",\"code\":403,\"message\":\"tasks.kelos.dev is forbidden: exceeded quota: few\"}"}]'
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"poor"},"spec":{"when":{"githubIssues":{"repo":"%s/demo/repo"}},"pollInterval":"1s","taskTemplate":{"type":"claude-code","promptTemplate":"p","credentials":{"type":"api-key","secretRef":{"name":"c"}},"workspaceRef":{"name":"w"}}}}' "$FORGE" | post $NS/taskspawners > "$T/created"
trouble() { field $NS/taskspawners/poor '[c["status"] + " " + c["message"] for c in o["status"]["conditions"] if c["type"] == "DiscoveryError"][0]'; }
says_quota() { case $(trouble) in 'True poor-'*'exceeded quota: few') true ;; *) false ;; esac; }
until_ok 20 says_quota || fail "'$(trouble)', $(cat "$T/created")"
refused="r['method'] == 'POST' and '\"poor-' in r['body'] and r['status'] == 403"
until_ok 30 count_is "$refused" 4 || fail "$(requests "$refused") tries: not asked again"
[ "$(requests "$refused")" -le 9 ] || fail "$(requests "$refused") tries, three at a time and ever more rarely"
rules '[]'
until_ok 60 count_is "r['method'] == 'POST' and '\"poor-' in r['body'] and r['path'].startswith('$NS/tasks') and r['status'] == 201" 4 || fail "no Tasks: $(trouble)"
mended() { case $(trouble) in False*) true ;; *) false ;; esac; }
until_ok 20 mended || fail "'$(trouble)'"
del $NS/taskspawners/poor
forge_down

begin "it is told to end: no new key is taken, and the one in work ends with its answer"
rules "[{\"match\":\"^POST .*/jobs\",\"agent\":\"shard\",\"do\":\"first\",\"run\":\"touch $T/posting; sleep 3\"}]"
task end-0 p
until_ok 20 test -e "$T/posting" || fail "nothing began"
kill "$LOCAL_PID"
sleep 0.3
task end-1 p
t0=$(date +%s)
wait "$LOCAL_PID"; status=$?
[ "$status" = 0 ] || fail "exit $status"
[ $(($(date +%s) - t0)) -le 60 ] || fail "it took $(($(date +%s) - t0)) s"
LOCAL_PID=""
has_job end-0 || fail "its Job was not waited for"
[ "$(phase end-0)" = Pending ] || fail "the rest of the run is missing: '$(phase end-0)'"
[ "$(requests "'end-1' in r['path'] and 'shard' in r['agent']")" = 0 ] || fail "a new key was taken"
row KC/Q-6
rules '[]'

begin "whatever the number of shards, a namespace has one, and all of its kinds"
i=0
for n in a b c d e f g h; do
    echo "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"n$n\"}}" | post /api/v1/namespaces > /dev/null
done
fill() { # NAME: a Task that waits for another's branch, and that one, in each namespace
    for n in a b c d e f g h; do for k in 1 2; do
        printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"%s-%s"},"spec":{"type":"claude-code","prompt":"p","branch":"%s","workspaceRef":{"name":"none"},"credentials":{"type":"none"}}}' "$1" $k "$1" |
            post /apis/kelos.dev/v1alpha1/namespaces/n$n/tasks > /dev/null
    done; done
}
touched() { # SINCE NAME: for each namespace the shards that wrote there, and how many Tasks were
    python3 - "$T/requests" "$1" "$2" <<'PY'
import collections, json, re, sys
who, tasks = collections.defaultdict(set), set()
for r in map(json.loads, open(sys.argv[1])):
    m = re.search(r"/namespaces/(n[a-h])/", r["path"])
    s = re.search(r"shard-\d", r["agent"])
    if m and s and r["t"] > float(sys.argv[2]) and r["method"] != "GET":
        who[m[1]].add(s[0])
        t = re.search(sys.argv[3] + r"-\d", r["path"])
        if t: tasks.add((m[1], t[0]))
print(max(map(len, who.values()), default=0), len(set.union(set(), *who.values())), len(tasks))
PY
}
all_touched() { [ "$(touched "$t0" "$1" | cut -d' ' -f3)" = 16 ]; }
for shards in 2 3; do
    t0=$(date +%s.%N)
    controller_up --shards $shards || fail "not up"
    all_swept() { [ "$(grep -c 'sweep complete' "$T/supervisor.log")" -ge $shards ]; }
    until_ok 20 all_swept || fail "not every shard has its view"
    fill s$shards
    until_ok 20 all_touched s$shards || fail "$shards shards: $(touched "$t0" s$shards)"
    set -- $(touched "$t0" s$shards)
    [ "$1" = 1 ] || fail "$1 shards wrote to one namespace"
    [ "$2" = $shards ] || fail "$2 of $shards shards wrote"
    if [ $shards = 2 ]; then
        row KC/SH-2
        # Another number is another tree: the running one refuses to have a second beside it,
        # and is gone with all its workers before the next one begins.
        "$BIN/kelos-supervisor" --run-dir "$D/run" --kubeconfig "$T/proxied" --share-dir "$BUILD/share/kelos" --shards 3 \
            --metrics-bind-address 0 --health-probe-bind-address 0 > "$T/second.log" 2>&1 && fail "two trees on one run directory"
        kill -HUP "$LOCAL_PID"; sleep 0.3
        [ "$(pgrep -c -P "$LOCAL_PID" -f -- '--worker[= ]shard-')" = 2 ] || fail "the number changed under way"
        shard=$(pid_of shard-0)
        kill -STOP "$shard"            # stopped: its successor may begin only after its death
        again() { p=$(pid_of shard-0) && [ -n "$p" ] && [ "$p" != "$shard" ]; }
        until_ok 30 again || fail "no successor of shard-0"
        [ -e "/proc/$shard" ] && fail "the successor began while its predecessor was there"
        pids=$(pgrep -P "$LOCAL_PID")
        controller_down
        for p in $pids; do [ -e "/proc/$p/exe" ] && fail "worker $p outlived its tree"; done
    fi
done
row KC/SH-3
controller_down

controller_up --api-groups kelos.dev,axon.io || fail "not up"
begin "a conflict of a Task of axon.io, likewise"
AX=/apis/axon.io/v1alpha1/namespaces/default
sed "s#$NS#$AX#" "$T/other" > "$T/other-old"
rules "[{\"match\":\"^PATCH .*/axon.io/.*/tasks/old[^0-9].*finalizers\",\"agent\":\"shard\",\"times\":1,\"do\":\"first\",\"run\":\"sh $T/other-old old\"}]"
echo '{"apiVersion":"axon.io/v1alpha1","kind":"Task","metadata":{"name":"old"},"spec":{"type":"claude-code","prompt":"p","credentials":{"type":"api-key","secretRef":{"name":"c"}}}}' |
    post $AX/tasks > "$T/answer"
until_ok 20 has_job old || fail "no Job: $(head -c 300 "$T/answer")"
[ "$(field $AX/tasks/old 'sorted(o["metadata"]["finalizers"])')" = "['axon.io/finalizer', 'example.com/other']" ] || fail "finalizers"
[ "$(requests "r['method'] == 'GET' and '/axon.io/' in r['path'] and r['path'].endswith('/tasks/old') and 'shard' in r['agent']")" = 1 ] || fail "it was not asked for"
rules '[]'
mpatch $AX/tasks/old '{"metadata":{"finalizers":["axon.io/finalizer"]}}' > /dev/null
del $AX/tasks/old
task before p

begin "the command line waits by watching"
proxied "$P" "$K" > "$T/cli"; chmod 600 "$T/cli"
gets="r['method'] == 'GET' and 'watch=true' not in r['path'] and '/tasks' in r['path'] and re.search('^kelos/', r['agent'])"
watches="'watch=true' in r['path'] and '/tasks' in r['path'] and re.search('^kelos/', r['agent'])"
first=$(requests "$gets")
"$BIN/kelos" get tasks -w --kubeconfig "$T/cli" > "$T/seen" 2> "$T/seen.err" & w=$!
until_ok 10 grep -q before "$T/seen" || fail "nothing shown: $(cat "$T/seen.err")"
for phase in Pending Running Succeeded; do
    mpatch $NS/tasks/before/status "{\"status\":{\"phase\":\"$phase\"}}" > /dev/null
    until_ok 10 grep -q "before.*$phase" "$T/seen" || fail "$phase is not shown"
done
sleep 2
kill $w; wait $w 2> /dev/null
"$BIN/kelos" run -p p --name waited --watch --kubeconfig "$T/cli" --credential-type none > "$T/seen" 2> "$T/seen.err" & w=$!
until_ok 10 sh -c "grep -q waited '$T/seen'" || fail "run: $(cat "$T/seen.err")"
sleep 2
mpatch $NS/tasks/waited/status '{"status":{"phase":"Succeeded"}}' > /dev/null
ended() { ! kill -0 $w 2> /dev/null; }
until_ok 10 ended || { fail "run --watch does not end: $(cat "$T/seen")"; kill $w; }
wait $w 2> /dev/null
[ "$(requests "$gets")" -le $((first + 3)) ] || fail "$(($(requests "$gets") - first)) reads besides the watches"
[ "$(requests "$watches")" -ge 2 ] || fail "no watch"
row KC/LOAD-6

begin "patches without a version all get through, however many write at once"
echo '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"busy"},"data":{}}' | post $CORE/configmaps > /dev/null
at_once=16
! real_server || at_once=4 # it gives up after five collisions
: > "$T/urls"
for i in $(seq 1 60); do
    [ "$i" = 1 ] || echo next >> "$T/urls"
    [ -z "$CA" ] || echo "cacert = \"$CA\"" >> "$T/urls"
    printf 'url = "%s"\nrequest = "PATCH"\nheader = "Authorization: Bearer %s"\nheader = "Content-Type: application/merge-patch+json"\ndata = "{\\"data\\":{\\"k%s\\":\\"v\\"}}"\noutput = "/dev/null"\nwrite-out = "%%{http_code}\\n"\n' \
        "$S$CORE/configmaps/busy" "$TOKEN" "$i" >> "$T/urls"
done
curl -s --noproxy '*' --parallel --parallel-max $at_once -K "$T/urls" > "$T/codes"
[ "$(sort "$T/codes" | uniq -c | tr -s ' ')" = " 60 200" ] || fail "$(sort "$T/codes" | uniq -c)"
[ "$(field $CORE/configmaps/busy 'len(o["data"])')" = 60 ] || fail "some are lost"
row KC/WR-3

begin "fields of custom resources are selected only where the type says so"
CRD=/apis/apiextensions.k8s.io/v1/customresourcedefinitions
printf '{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"wishes.example.com"},"spec":{"group":"example.com","names":{"plural":"wishes","singular":"wish","kind":"Wish","listKind":"WishList"},"scope":"Namespaced","versions":[{"name":"v1","served":true,"storage":true,"selectableFields":[{"jsonPath":".spec.colour"}],"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"colour":{"type":"string"},"size":{"type":"string"}}}}}}}]}}' | post $CRD > "$T/crd"
W=/apis/example.com/v1/namespaces/default/wishes
made() { [ "$(call -o /dev/null -w '%{http_code}' "$S$W")" = 200 ]; }
until_ok 10 made || fail "$(head -c 300 "$T/crd")"
for c in red blue; do echo "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Wish\",\"metadata\":{\"name\":\"$c\"},\"spec\":{\"colour\":\"$c\",\"size\":\"1\"}}" | post $W > /dev/null; done
picked() { field "$W?fieldSelector=$1" '[i["metadata"]["name"] for i in o["items"]]'; }
[ "$(picked metadata.name=red)" = "['red']" ] || fail "by name"
[ "$(picked metadata.namespace=default,metadata.name!=red)" = "['blue']" ] || fail "by namespace"
[ "$(picked spec.colour=blue)" = "['blue']" ] || fail "by a field that is declared"
for f in spec.size=1 status.x=1 metadata.labels=1; do
    [ "$(call -o "$T/body" -w '%{http_code}' "$S$W?fieldSelector=$f")" = 400 ] || fail "$f: $(cat "$T/body")"
done
[ "$(call -o "$T/body" -w '%{http_code}' "$S$NS/tasks?fieldSelector=status.phase=Running")" = 400 ] || fail "a field of a Task: $(head -c 300 "$T/body")"
row KC/LIST-9

finish
