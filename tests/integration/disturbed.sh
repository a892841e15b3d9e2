#!/bin/sh
# disturbed.sh - the whole controller against an API server whose answers come late, torn, out of
# order or not at all: the bugs that controllers really have, each with what would show it.
. tests/support/lib.sh
. tests/support/local.sh
. tests/support/faulty.sh
cleanup() { faulty_down; }
faulty_up || { cat "$T/supervisor.log"; echo "0 passed, 1 failed"; exit 1; }
python3 tests/support/jobplay.py "$S" "$TOKEN" phases "$T/phases" & PHASES=$!
cleanup() { kill $PHASES 2> /dev/null; faulty_down; }
killing() { echo "pkill -9 -o -P $LOCAL_PID -f -- '--worker[= ]$1( |\$)'"; }
named() { get "$NS/tasks" | python3 -c '
import json, re, sys
for t in json.load(sys.stdin)["items"]:
    if re.search(sys.argv[1], t["metadata"]["name"]): print(t["metadata"]["name"])' "$1"; }
none_named() { [ -z "$(named "$1")" ]; }
drop() { # REGEX: deletes those Tasks and waits until they are gone
    : > "$T/urls"
    for n in $(named "$1"); do printf 'url = "%s"\noutput = "/dev/null"\n' "$S$NS/tasks/$n"; done >> "$T/urls"
    [ ! -s "$T/urls" ] || call -X DELETE -K "$T/urls"
    until_ok 60 none_named "$1" || fail "finalizers hold: $(named "$1")"
}
# Created Jobs per Task: the server's answers, not what was sent.
jobs_made() { requests "r['method'] == 'POST' and r['path'].startswith('$JOBS') and r['status'] == 201 and re.search('\"name\": *\"$1\"', r['body'])"; }
backwards() { # phases that came after a later one of the same Task
    python3 -c '
import sys
order, last, bad = ["", "Waiting", "Pending", "Running", "Succeeded"], {}, 0
for line in open(sys.argv[1]):
    name, _, phase = line.rstrip("\n").partition(" ")
    at = order.index(phase) if phase in order else 5
    bad += at < last.get(name, 0)
    last[name] = at
print(bad)' "$T/phases"
}
disturb() { rules "[${1:-}]"; }
# in_six_seconds EXPR N: of the POSTs for which it holds, no more than N came in any six seconds.
in_six_seconds() {
    python3 -c '
import json, sys
at = [r["t"] for r in map(json.loads, open(sys.argv[1])) if r["method"] == "POST" and eval(sys.argv[2])]
sys.exit(any(sum(a <= b < a + 6 for b in at) > int(sys.argv[3]) for a in at))' "$T/requests" "$@"
}
disturb
play 0.05

begin "its own writes seen 5 s late: one Job per Task, and no status goes back"
disturb '{"match":"watch=true","do":"delay","seconds":5}'
kill -9 "$(pid_of watcher)"            # its streams begin anew, through the rule
N=${TASKS:-100}
make_tasks late "$N"
tasks_done '^late-' "$N" 120
made=$(jobs_made 'late-[0-9]+')
[ "$made" = "$N" ] || fail "$made Jobs for $N Tasks"
[ "$(backwards)" = 0 ] || fail "a status went back"
row KC/BUG-1
disturb
kill -9 "$(pid_of watcher)"

begin "idle: nothing is written"
nothing_written() { # for fifteen seconds; what went before may still be under way at first
    sleep 3; from=$(date +%s.%N); sleep 15
    w=$(requests "r['t'] > $from and r['method'] != 'GET'"); [ "$w" = 0 ]
}
best_of 3 nothing_written || { fail "$w writes"; tail -n 5 "$T/requests" >&2; }
row KC/BUG-10
drop '^late-'

begin "killed before, after and behind the answer of each of its writes: the same end"
set=""
for who in shard-0 statuswriter; do
    last=3; [ $who = statuswriter ] && last=4
    for act in before after answered; do
        n=0
        while [ $n -le $last ]; do
            name=k-$(echo $who | cut -c1-2)-$act-$n
            set="$set${set:+,}{\"match\":\"^(POST|PATCH|DELETE) .*$name[^0-9]\",\"agent\":\"$who\",\"skip\":$n,\"times\":1,\"do\":\"$act\",\"run\":\"$(killing $who)\"}"
            make_one="$make_one $name"
            n=$((n + 1))
        done
    done
done
# Two statuses that wait for each other on a busy machine are one write: a boundary that was not
# reached is reached by the next Task of that name, for the rules count on.
reached() { [ "$(left | wc -w)" = 0 ]; }
left() { curl -s "$P/__rules" | python3 -c '
import json, re, sys
print(" ".join(re.search(r"k-[a-z]+-[a-z]+-\d", r["match"])[0] for r in json.load(sys.stdin) if r.get("times", 0)))'; }
disturb "$set"
todo=$make_one
for round in 1 2 3 4; do
    for name in $todo; do make_tasks "$name" 1; echo "$name-0" >> "$T/made"; done
    tasks_done '^k-' "$(echo $todo | wc -w)" 120
    [ "$(backwards)" = 0 ] || fail "a status went back"
    drop '^k-'
    reached && break
    todo=$(left)
done
reached || fail "boundaries that were not reached: $(left)"
python3 - "$T/requests" "$T/made" > "$T/twice" <<'PY'
import collections, json, sys
made = collections.Counter()
for r in map(json.loads, open(sys.argv[1])):
    if r["method"] == "POST" and "/jobs" in r["path"] and r["status"] == 201:
        made[json.loads(r["body"])["metadata"]["name"]] += 1
tasks = collections.Counter(open(sys.argv[2]).read().split())
print(sum(made[k] > n for k, n in tasks.items()), "twice")
PY
grep -q '^0 twice' "$T/twice" || fail "$(cat "$T/twice")"
row KC/BUG-7 KC/WR-7 GOAL/S4

begin "its finalizer stands before the Job, and nothing is written after its removal"
python3 - "$T/requests" > "$T/order" <<'PY'
import json, re, sys
seen, freed, early, late = set(), set(), [], []
for r in sorted(map(json.loads, open(sys.argv[1])), key=lambda r: r["end"]):
    if not 200 <= r["status"] < 300 or not re.search("shard|statuswriter", r["agent"]):
        continue
    if r["method"] == "PATCH":
        name = re.search(r"/tasks/([^/?]+)", r["path"])
        if name and name[1].startswith("k-") and '"finalizers":["kelos.dev/finalizer"]' in r["body"]:
            freed.discard(name[1])     # there may have been several of that name
        if name and name[1] in freed:
            late.append(name[1])
        if name and '"finalizers":["kelos.dev/finalizer"]' in r["body"]:
            seen.add(name[1])
        if name and '"finalizers":[]' in r["body"]:
            freed.add(name[1])
    if r["method"] == "POST" and "/jobs" in r["path"]:
        name = json.loads(r["body"])["metadata"]["name"]
        # An answer that the fault took away was still given: only the killed ones lack it.
        if name not in seen and not name.startswith("k-"):
            early.append(name)
print(len(freed), "freed, early", early[:5], "late", late[:5])
PY
grep -q 'early \[\] late \[\]' "$T/order" || fail "$(cat "$T/order")"
grep -q '^0 freed' "$T/order" && fail "nothing was seen"
row KC/FIN-1 KC/FIN-4

begin "events of Jobs and Tasks that never come change nothing, whichever they are"
disturb '{"match":"/jobs.*watch=true","do":"hide","prefix":"hj"},{"match":"/tasks.*watch=true","do":"hide","prefix":"ht"}'
kill -9 "$(pid_of watcher)"
sleep 1
bits=""
for a in 0 1; do for b in 0 1; do for c in 0 1; do bits="$bits $a$b$c"; done; done; done
for b in $bits; do task "hj-$b" p; done
# Of a Task those can be missing that a later one follows: the last of a standstill is the only
# news that it is over, and a stream does not lose that without breaking.
late_bits="000 001 010 011 100 101"
for b in $late_bits; do task "ht-0$b" p; done
tasks_done '^h[jt]-' 14 90
for n in $(for b in $bits; do echo "hj-$b"; done; for b in $late_bits; do echo "ht-0$b"; done); do
    [ "$(jobs_made "$n")" = 1 ] || fail "$(jobs_made "$n") Jobs of $n"
done
disturb '{"match":"watch=true","do":"hold"}'
kill -9 "$(pid_of watcher)"
task unseen p
del $NS/tasks/unseen
disturb
# Whether it was seen at all is chance: nothing is left of it in the end.
until_ok 20 none_named '^unseen$' || fail "its finalizer holds"
until_ok 20 gone $JOBS/unseen || fail "a Job of a Task that was there and gone"
sleep 1
gone $JOBS/unseen || fail "a Job of a Task that was there and gone"
drop '^h[jt]-'
row KC/BUG-6

begin "another writer edits labels, annotations and finalizers all the while: nothing is lost"
make_tasks w 10
python3 tests/support/jobplay.py "$S" "$TOKEN" scribble 8 10 > "$T/scribble" || fail "the writer ended"
grep -q ' 0 lost$' "$T/scribble" || fail "$(cat "$T/scribble")"
tasks_done '^w-' 10 60
drop '^w-'
row KC/BUG-11

begin "a decision on a stale view deletes nothing"
make_tasks ttl 1 '{"ttlSecondsAfterFinished":20}'
tasks_done '^ttl-' 1 30
disturb '{"match":"watch=true","do":"hold"}'
lines=$(grep -c 'sweep complete' "$T/supervisor.log")
swept() { [ "$(grep -c 'sweep complete' "$T/supervisor.log")" -gt "$lines" ]; }
kill -9 "$(pid_of watcher)"            # the new one lists, then sees nothing more
until_ok 20 swept || fail "no sweep after the restart"
mpatch $NS/tasks/ttl-0/status '{"status":{"completionTime":"2099-01-01T00:00:00Z"}}' > /dev/null
refused() { [ "$(requests "r['method'] == 'DELETE' and '/tasks/ttl-0' in r['path'] and r['status'] == 409")" -ge 1 ]; }
until_ok 20 refused || fail "nothing was decided"
sleep 1
[ "$(phase ttl-0)" = Succeeded ] || fail "it is '$(phase ttl-0)'"
disturb
bad=$(requests "r['method'] == 'DELETE' and '\"preconditions\":{\"uid\"' not in r['body'].replace(' ', '')")
[ "$bad" = 0 ] || fail "$bad deletions without a precondition"
bad=$(requests "r['method'] == 'DELETE' and '/tasks/' in r['path'] and 'shard' in r['agent'] and 'resourceVersion' not in r['body']")
[ "$bad" = 0 ] || fail "$bad Tasks deleted whatever their state"
row KC/BUG-2
drop '^ttl-'

begin "who waits for a branch goes on when its holder is deleted, at each step of the holder"
stop_play
i=0
task br-0 p '"branch":"b"'
for step in pending running killed; do
    next=br-$((i + 1))
    until_ok 20 has_job br-$i || fail "br-$i has no Job"
    task $next p '"branch":"b"'
    becomes $next Waiting
    has_job $next && fail "$next did not wait"
    [ $step = pending ] || { job_status br-$i '{"active":1}'; becomes br-$i Running; }
    del $NS/tasks/br-$i
    [ $step != killed ] || kill -9 "$(pid_of shard-0)"
    until_ok 10 has_job $next || fail "$next still waits ($step): $(message $next)"
    i=$((i + 1))
done
task br-8 p '"branch":"b"'
becomes br-8 Waiting
task br-9 p '"branch":"b"'
becomes br-9 Waiting
del $NS/tasks/br-8                     # one that waits itself
del $NS/tasks/br-$i
until_ok 10 has_job br-9 || fail "br-9 still waits"
drop '^br-'
row KC/BUG-21

begin "what a Task refers to is gone: its deletion ends all the same"
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"ws"},"spec":{"repo":"git://127.0.0.1:1/x.git","secretRef":{"name":"wt"}}}' | post $NS/workspaces > /dev/null
echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"wt"},"stringData":{"GITHUB_TOKEN":"x"}}' | post $CORE/secrets > /dev/null
task stuck p '"workspaceRef":{"name":"ws"}'
until_ok 20 has_job stuck || fail "no Job: $(message stuck)"
del $NS/workspaces/ws; del $CORE/secrets/wt
task stuck2 p '"workspaceRef":{"name":"ws"}'
becomes stuck2 Waiting
del $NS/tasks/stuck; del $NS/tasks/stuck2
until_ok 15 none_named '^stuck' || fail "finalizers hold: $(named '^stuck')"
row KC/BUG-19 KC/FIN-3

begin "what is being deleted without its finalizer is left alone"
task fin p
until_ok 20 has_job fin || fail "no Job"
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"fin-s"},"spec":{"when":{"cron":{"schedule":"0 0 1 1 *"}},"taskTemplate":{"type":"claude-code","credentials":{"type":"none"}}}}' |
    post $NS/taskspawners > /dev/null
finalizers() { field "$1" 'sorted(o["metadata"]["finalizers"])'; }
has_ours() { [ "$(finalizers $NS/taskspawners/fin-s)" = "['kelos.dev/taskspawner-finalizer']" ]; }
until_ok 20 has_ours || fail "no finalizer"
only_theirs() { [ "$(finalizers "$1")" = "['example.com/hold']" ]; }
mpatch $NS/tasks/fin '{"metadata":{"finalizers":["example.com/hold","kelos.dev/finalizer"]}}' > /dev/null
mpatch $NS/taskspawners/fin-s '{"metadata":{"finalizers":["example.com/hold","kelos.dev/taskspawner-finalizer"]}}' > /dev/null
del $NS/tasks/fin; del $NS/taskspawners/fin-s
for o in tasks/fin taskspawners/fin-s; do until_ok 20 only_theirs $NS/$o || fail "$o: $(finalizers $NS/$o)"; done
written() { requests "r['method'] in ('POST', 'PUT', 'PATCH', 'DELETE') and ('/tasks/fin' in r['path'] or '/taskspawners/fin-s' in r['path'] or '\"fin\"' in r['body'].replace(' ', ''))"; }
settled() { before=$(written); sleep 2; [ "$(written)" = "$before" ]; }
until_ok 20 settled || fail "it writes on and on"
for n in 1 2 3; do for o in tasks/fin taskspawners/fin-s; do mpatch $NS/$o '{"metadata":{"labels":{"n":"'$n'"}}}' > /dev/null; done; sleep 0.5; done
sleep 1
[ "$(written)" = "$before" ] || fail "$(($(written) - before)) writes after the finalizer had gone"
gone $JOBS/fin || fail "the Job is there again"
for o in tasks/fin taskspawners/fin-s; do mpatch $NS/$o '{"metadata":{"finalizers":null}}' > /dev/null; until_ok 10 gone $NS/$o || fail "$o stays"; done
row KC/FIN-2

begin "a Job of the same name that is not ours is left alone and told"
printf '{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"taken"},"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"x"}]}}}}' | post $JOBS > /dev/null
before=$(field $JOBS/taken 'o["metadata"]["resourceVersion"]')
task taken p
told() { [ -n "$(message taken)" ] && events_of taken | grep -q Warning; }
until_ok 20 told || fail "'$(message taken)', $(events_of taken)"
sleep 1
[ "$(field $JOBS/taken 'o["metadata"]["resourceVersion"]')" = "$before" ] || fail "it was touched"
[ "$(requests "r['method'] == 'POST' and r['path'].startswith('$JOBS') and '\"taken\"' in r['body'].replace(' ', '')")" -le 4 ] || fail "asked again and again"
drop '^taken'
has_job taken || fail "the other's Job was deleted with the Task"
row KC/WR-1

begin "a Job belongs to its Task by uid"
task owned p
until_ok 20 has_job owned || fail "no Job"
[ "$(field $JOBS/owned '[(r["apiVersion"], r["kind"], r["name"], r["controller"], r["blockOwnerDeletion"]) for r in o["metadata"]["ownerReferences"]]')" = \
    "[('kelos.dev/v1alpha1', 'Task', 'owned', True, True)]" ] || fail "its owners"
[ "$(field $JOBS/owned 'o["metadata"]["ownerReferences"][0]["uid"]')" = "$(field $NS/tasks/owned 'o["metadata"]["uid"]')" ] || fail "its uid"
drop '^owned'
until_ok 10 gone $JOBS/owned || fail "the Job is still there"
row KC/GC-1

begin "a namespace that ends is not filled again"
echo '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"ending"}}' | post /api/v1/namespaces > /dev/null
disturb '{"match":"^POST .*/namespaces/ending/jobs","do":"status","status":403,"body":"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Forbidden\",\"code\":403,\"message\":\"jobs.batch is forbidden: unable to create new content in namespace ending because it is being terminated\",\"details\":{\"causes\":[{\"reason\":\"NamespaceTerminating\",\"field\":\"metadata.namespace\",\"message\":\"namespace ending is being terminated\"}]}}"}'
NE=/apis/kelos.dev/v1alpha1/namespaces/ending/tasks
for n in 1 2 3; do
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"e%s"},"spec":{"type":"claude-code","prompt":"p","credentials":{"type":"none"}}}' $n | post $NE > /dev/null
done
tries() { requests "r['method'] == 'POST' and '/namespaces/ending/jobs' in r['path']"; }
tried() { [ "$(tries)" -ge 3 ]; }
until_ok 20 tried || fail "nothing was tried"
sleep 6
in_six_seconds "'/namespaces/ending/jobs' in r['path']" 9 || fail "$(tries) tries for 3 Tasks"
[ "$(grep -c 'ending/e' "$T/supervisor.log")" -le 30 ] || fail "the log floods"
disturb
del /api/v1/namespaces/ending
until_ok 30 gone /api/v1/namespaces/ending || fail "the namespace is still there: $(get $NE | head -c 400)"
row KC/BUG-18

begin "a Job that a quota refuses is told, asked for ever more rarely, and made when it may be"
disturb '{"match":"^POST .*/namespaces/default/jobs","do":"status","status":403,"body":"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Forbidden\",\"code\":403,\"message\":\"jobs.batch \\\"poor\\\" is forbidden: exceeded quota: few, requested: count/jobs.batch=1, used: 1, limited: 1\"}"}'
task poor p
becomes poor Waiting
says_quota() { case $(message poor) in 'Waiting for the API server to allow the Job: '*'exceeded quota: few'*) true ;; *) false ;; esac; }
until_ok 10 says_quota || fail "message '$(message poor)'"
[ "$(field $NS/tasks/poor '[c["reason"] for c in o["status"]["conditions"] if c["type"] == "Blocked" and c["status"] == "True"][0]')" = JobRefused ] || fail "$(field $NS/tasks/poor 'o["status"]["conditions"]')"
of_poor="r['path'].startswith('$JOBS') and '\"poor\"' in r['body'].replace(' ', '')"
again() { [ "$(requests "r['method'] == 'POST' and $of_poor")" -ge 2 ]; }
until_ok 20 again || fail "not tried again"
sleep 4
in_six_seconds "$of_poor" 4 || fail "$(requests "r['method'] == 'POST' and $of_poor") tries"
disturb
until_ok 40 has_job poor || fail "no Job: $(message poor)"
drop '^poor'
row KC/BUG-20

begin "a Secret that may not be read is told by the Task that needs it, and asked for again"
disturb '{"match":"^GET .*/namespaces/default/secrets/closed","do":"status","status":403,"body":"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Forbidden\",\"code\":403,\"message\":\"secrets \\\"closed\\\" is forbidden: no right to get it\"}"}'
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"AgentConfig","metadata":{"name":"shut"},"spec":{"mcpServers":[{"name":"m","type":"stdio","command":"m","envFrom":{"secretRef":{"name":"closed"}}}]}}' | post $NS/agentconfigs > /dev/null
echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"closed"},"stringData":{"A":"b"}}' | post $CORE/secrets > /dev/null
task shut p '"agentConfigRef":{"name":"shut"}'
becomes shut Waiting
says_right() { case $(message shut) in 'Waiting for the API server to allow the Job: reading secret/closed: '*'no right to get it') true ;; *) false ;; esac; }
until_ok 10 says_right || fail "message '$(message shut)'"
disturb
until_ok 40 has_job shut || fail "no Job: $(message shut)"
drop '^shut'
del $NS/agentconfigs/shut; del $CORE/secrets/closed

begin "lists in any order: the same Pod, the same status"
task order p
until_ok 20 has_job order || fail "no Job"
uid=$(field $JOBS/order 'o["metadata"]["uid"]')
for n in c a b; do
    printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"order-%s","labels":{"kelos.dev/task":"order","job-name":"order","batch.kubernetes.io/job-name":"order","app.kubernetes.io/managed-by":"kelos-controller"},"ownerReferences":[{"apiVersion":"batch/v1","kind":"Job","name":"order","uid":"%s","controller":true}]},"spec":{"restartPolicy":"Never","containers":[{"name":"claude-code","image":"x"}]}}' $n "$uid" | post $CORE/pods > /dev/null
done
job_status order '{"active":3}'
becomes order Running
named_pod() { [ -n "$(field $NS/tasks/order 'o["status"].get("podName")')" ]; }
until_ok 20 named_pod || fail "no Pod in the status"
until_ok 20 at_rest $NS/tasks/order || fail "it is written on and on"
pod=$(field $NS/tasks/order 'o["status"].get("podName")') from=$(date +%s.%N)
disturb '{"match":"watch=true|^GET [^?]*/(tasks|jobs|pods)[?]","do":"shuffle"}'
for n in 1 2 3 4 5; do
    lines=$(grep -c 'sweep complete' "$T/supervisor.log")
    kill -9 "$(pid_of watcher)"
    again() { [ "$(grep -c 'sweep complete' "$T/supervisor.log")" -gt "$lines" ]; }
    until_ok 20 again || fail "no sweep after the restart"
done
sleep 0.5
[ "$(field $NS/tasks/order 'o["status"].get("podName")')" = "$pod" ] || fail "another Pod"
w=$(requests "r['t'] > $from and r['method'] == 'PATCH' and '/tasks/order' in r['path']")
[ "$w" = 0 ] || fail "$w writes"
disturb
drop '^order'
row KC/BUG-17

finish
