#!/bin/sh
# spawners.sh - TaskSpawners in a whole local mode: from issues to Tasks, limits, suspension,
# re-triggers, errors, and the reconciler killed while it creates.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
cleanup() { forge_down; }
cat > "$T/state.json" <<'END'
{"anonymous": false, "tokens": {"T": "bot"}, "repos": {"demo/repo": {"issues": [
 {"number": 1, "title": "One {{evil}}", "labels": ["go"]}, {"number": 2, "title": "Two", "labels": ["go", "p1"]},
 {"number": 3, "title": "Three", "labels": ["go", "no"]}, {"number": 4, "title": "Four", "labels": ["go", "p0"]},
 {"number": 5, "title": "Five", "labels": ["other"]}]}}}
END
# Three pages, on each of which one issue is to be worked.
python3 - "$T/state.json" <<'END'
import json, sys
state = json.load(open(sys.argv[1]))
state["repos"]["demo/pages"] = {"issues": [{"number": n, "title": "n", "labels": [] if n in (1, 105, 210) else ["no"]} for n in range(1, 211)]}
json.dump(state, open(sys.argv[1], "w"))
END
forge_up "$T/state.json"
git init -q -b main "$T/seed" && (cd "$T/seed" && echo x > README && git add . &&
    git -c user.name=a -c user.email=a@b commit -qm one)
mkdir -p "$T/git" && git clone -q --bare "$T/seed" "$T/git/repo.git"
port=$(free_port)
git daemon --reuseaddr --listen=127.0.0.1 --port=$port --base-path="$T/git" --export-all > "$T/gitd.log" 2>&1 &
GITD=$!
cleanup() { kill $GITD 2> /dev/null; forge_down; local_down; }
local_up || { echo "0 passed, 1 failed"; exit 1; }

# spawner NAME GITHUB SPEC TEMPLATE
spawner() {
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"%s"},"spec":{"when":{"githubIssues":{%s}},"pollInterval":"1s","taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"workspaceRef":{"name":"%s"}%s}%s}}' \
        "$1" "$2" "${5:-w}" "${4:+,$4}" "${3:+,$3}" | post $NS/taskspawners > "$T/created"
}
ts() { field "$NS/taskspawners/$1" "$2"; }
ts_is() { [ "$(ts "$1" 'o["status"]["phase"]')" = "$2" ]; }
tasks_of() { get $NS/tasks | python3 -c '
import json, sys
l = [t for t in json.load(sys.stdin)["items"] if t["metadata"].get("labels", {}).get("kelos.dev/taskspawner") == sys.argv[1]]
l.sort(key=lambda t: int(t["metadata"]["annotations"]["kelos.dev/ordinal"]))
print(" ".join(t["metadata"]["name"] for t in l))' "$1"; }
made() { [ "$(tasks_of "$1")" = "$2" ]; }
ended() { [ "$(get $NS/tasks | python3 -c '
import json, sys
print(sum(t["status"].get("phase") in ("Succeeded", "Failed") for t in json.load(sys.stdin)["items"] if t["metadata"]["name"].startswith(sys.argv[1] + "-")))' "$1")" = "$2" ]; }
condition() { ts "$1" "[c for c in o['status']['conditions'] if c['type'] == '$2'][0]['$3']"; }

begin "a missing Workspace is told and waited for"
spawner a '"labels":["go"],"excludeLabels":["no"],"priorityLabels":["p0","p1"],"repo":"'"$FORGE"'/demo/repo"' '"maxConcurrency":1' \
    '"promptTemplate":"echo {{.Number}} >> '"$T"'/order; sleep 0.3","branch":"fix-{{.Number}}"'
event_comes a 'Normal WorkspaceNotFound Workspace w not found, requeuing'
[ "$(ts a 'o.get("status",{}).get("phase","")')" = "" ] || fail "phase $(ts a 'o["status"]["phase"]')"
row RES/S10
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"w"},"spec":{"repo":"git://127.0.0.1:%s/repo.git","secretRef":{"name":"c"}}}' $port |
    post $NS/workspaces > /dev/null

begin "matching issues become Tasks, best first, one at a time"
until_ok 20 made a "a-4 a-2 a-1" || fail "Tasks are '$(tasks_of a)'"
until_ok 20 ended a 3 || fail "not ended"
get $NS/tasks | python3 -c '
import json, sys
l = sorted((t["status"]["completionTime"], t["metadata"]["creationTimestamp"], t["metadata"]["name"]) for t in json.load(sys.stdin)["items"])
sys.exit(any(l[i + 1][1] < l[i][0] for i in range(len(l) - 1)))' || fail "two at a time"
until_ok 5 ts_is a Running || fail "phase"
[ "$(ts a 'o["status"]["message"]')" = "Discovered 3 items, created 3 tasks total" ] || fail "$(ts a 'o["status"]["message"]')"
[ "$(ts a 'o["metadata"]["finalizers"]')" = "['kelos.dev/taskspawner-finalizer']" ] || fail "finalizer"
[ "$(field $CORE/serviceaccounts/kelos-spawner 'o["kind"]')" = ServiceAccount ] || fail "ServiceAccount"
[ "$(field /apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/kelos-spawner 'o["roleRef"]["name"]')" = kelos-spawner-role ] || fail "RoleBinding"

begin "the same items make nothing new; a Task that is deleted is made anew after a poll"
sleep 1.5
made a "a-4 a-2 a-1" || fail "Tasks are '$(tasks_of a)'"
del $NS/tasks/a-1
numbered() { [ "$(field $NS/tasks/a-1 'o["metadata"]["annotations"]["kelos.dev/ordinal"]')" = 4 ]; }
until_ok 10 numbered || fail "not made anew, or not counted"
row SP/I12

begin "an issue that is closed is not worked again"
ctl PATCH repos/demo/repo/issues/1 '{"state": "closed"}' > /dev/null
fewer() { [ "$(ts a 'o["status"]["totalDiscovered"]')" = 2 ]; }
until_ok 10 fewer || fail "still discovered"
grep -q 'totalDiscovered.*latest look' docs/reference.md || fail "docs/reference.md says otherwise"
row SP/W2
becomes a-1 Succeeded
del $NS/tasks/a-1
sleep 2
made a "a-4 a-2" || fail "Tasks are '$(tasks_of a)'"

begin "suspended, nothing is created; resumed, it goes on"
mpatch $NS/taskspawners/a '{"spec":{"suspend":true}}' > /dev/null
until_ok 5 ts_is a Suspended || fail "phase"
[ "$(ts a 'o["status"]["message"]')" = "Suspended by user" ] || fail "message"
[ "$(condition a Suspended status)" = True ] || fail "condition"
ctl POST repos/demo/repo/issues '{"number": 9, "title": "Nine", "labels": ["go"]}' > /dev/null
sleep 1.5
made a "a-4 a-2" || fail "Tasks are '$(tasks_of a)'"
mpatch $NS/taskspawners/a '{"spec":{"suspend":false}}' > /dev/null
until_ok 10 made a "a-4 a-2 a-9" || fail "Tasks are '$(tasks_of a)'"
until_ok 5 ts_is a Running || fail "phase"
[ "$(condition a Suspended status)" = False ] || fail "condition"
row SP/L10 SP/L13

begin "a source that refuses is shown, and forgotten when it answers again"
fault '{"path": "/repos/demo/repo/issues", "times": -1, "status": 500}'
until_ok 30 ts_is a Failed || fail "phase $(ts a 'o["status"]["phase"]')"
[ "$(condition a DiscoveryError status)" = True ] || fail "condition"
ctl DELETE faults > /dev/null
until_ok 60 ts_is a Running || fail "phase $(ts a 'o["status"]["phase"]')"
[ "$(condition a DiscoveryError status)" = False ] || fail "condition"

begin "a template that cannot work is told"
spawner t '"labels":["other"],"repo":"'"$FORGE"'/demo/repo"' '' '"promptTemplate":"{{.Nope}}"'
told() { condition t DiscoveryError message | grep -q "can't evaluate field Nope"; }
until_ok 10 told || fail "$(condition t DiscoveryError message)"
row SP/L14

begin "the budget holds"
spawner b '"labels":["go"],"excludeLabels":["no"],"repo":"'"$FORGE"'/demo/repo"' '"maxTotalTasks":2' '"promptTemplate":"true"'
budget() { [ "$(condition b TaskBudgetExhausted status)" = True ]; }
until_ok 10 budget || fail "condition"
[ "$(tasks_of b | wc -w)" = 2 ] || fail "Tasks are '$(tasks_of b)'"
for t in $(tasks_of b); do becomes "$t" Succeeded; del "$NS/tasks/$t"; done
sleep 2.5
[ "$(tasks_of b)" = "" ] || fail "more were made: $(tasks_of b)"
[ "$(ts b 'o["status"]["totalTasksCreated"]')" = 2 ] || fail "total"
row SP/L6

begin "killed while it creates, the reconciler keeps every limit"
n=100; while [ $n -lt 112 ]; do
    ctl POST repos/demo/repo/issues '{"number": '$n', "title": "N", "labels": ["many"]}' > /dev/null; n=$((n + 1))
done
spawner m '"labels":["many"],"repo":"'"$FORGE"'/demo/repo"' '"maxConcurrency":3,"maxTotalTasks":10' '"promptTemplate":"sleep 0.2"'
for i in 1 2 3 4 5 6; do
    sleep 0.2; p=$(pid_of shard-0); [ -n "$p" ] && kill -9 "$p"
    a=$(get $NS/tasks | python3 -c '
import json, sys
print(sum(t.get("status", {}).get("phase") not in ("Succeeded", "Failed") for t in json.load(sys.stdin)["items"] if t["metadata"]["name"].startswith("m-")))')
    [ "$a" -le 3 ] || fail "$a at a time"
done
until_ok 40 ended m 10 || fail "$(tasks_of m)"
sleep 1.2
[ "$(tasks_of m | wc -w)" = 10 ] || fail "Tasks are '$(tasks_of m)'"
[ "$(ts m 'o["status"]["totalTasksCreated"]')" = 10 ] || fail "total $(ts m 'o["status"]["totalTasksCreated"]')"
row KC/BUG-8

begin "a comment asks for a finished item once more"
ctl POST repos/demo/repo/issues '{"number": 50, "title": "C", "labels": ["cm"], "comments": [{"user": "bot", "body": "/go", "created_at": "2026-01-01T00:00:00Z"}]}' > /dev/null
spawner c '"labels":["cm"],"triggerComment":"/go","repo":"'"$FORGE"'/demo/repo"' '' '"promptTemplate":"true"'
until_ok 10 made c c-50 || fail "Tasks are '$(tasks_of c)'"
becomes c-50 Succeeded
uid=$(field $NS/tasks/c-50 'o["metadata"]["uid"]')
sleep 1.1
ctl POST repos/demo/repo/issues/50/comments '{"user": "bot", "body": "/go"}' > /dev/null
anew() { u=$(field $NS/tasks/c-50 'o["metadata"]["uid"]'); [ -n "$u" ] && [ "$u" != "$uid" ]; }
until_ok 15 anew || fail "not made anew"
row SP/X1
grep -A1 'resources: \[tasks\]' deploy/manifests/controller.yaml | grep -q 'verbs: .*delete' || fail "the right to delete Tasks is not granted"
row SP/W7

begin "a page that fails takes no item away: whichever it is, it is told, and nothing is made or deleted"
spawner pg '"excludeLabels":["no"],"repo":"'"$FORGE"'/demo/pages"' '"suspend":false' '"promptTemplate":"true"'
all_three() { made pg "pg-210 pg-105 pg-1" || made pg "pg-1 pg-105 pg-210"; }
until_ok 30 all_three || fail "Tasks are '$(tasks_of pg)' $(ts pg 'o["status"]')"
until_ok 20 ended pg 3 || fail "not ended"
found=3
uids() { get $NS/tasks | python3 -c '
import json, sys
print(sorted((t["metadata"]["name"], t["metadata"]["uid"]) for t in json.load(sys.stdin)["items"] if t["metadata"]["name"] in ("pg-1", "pg-105", "pg-210")))'; }
before=$(uids)
discovered() { [ "$(ts pg 'o["status"]["totalDiscovered"]')" = "$1" ]; }
told() { ts pg 'o["status"]' | grep -q "$1"; }
for k in 1 2 3; do
    # All pages are asked for only when the first has changed; which one then fails is a matter
    # of when the polls come.
    page_fails() {
        ctl DELETE requests > /dev/null
        fault "{\"path\": \"/repos/demo/pages/issues\", \"status\": 50$k, \"skip\": $((k - 1)), \"times\": 500}"
        ctl POST repos/demo/pages/issues '{"title": "new '$k'"}' > /dev/null
        news=$((news + 1))
        until_ok 30 told "50$k" || fail "page $k: not told: $(ts pg 'o["status"]')"
        ctl GET requests | python3 -c 'import json, sys
k = int(sys.argv[1])
r = [(q["query"], q["status"]) for q in json.load(sys.stdin) if q["path"].endswith("/demo/pages/issues")]
bad = next(i for i, q in enumerate(r) if q[1] == 500 + k)
sys.exit(not (k == 1 or "page=%d" % k in r[bad][0]))' $k && return
        ctl DELETE faults > /dev/null
        found=$((found + news)); news=0
        until_ok 40 discovered $found || fail "page $k: not seen afterwards: $(ts pg 'o["status"]')"
        until_ok 20 ended pg $found || fail "page $k: Tasks are '$(tasks_of pg)'"
        return 1
    }
    news=0
    best_of 6 page_fails || fail "it was not page $k that failed: $(ctl GET requests | tail -c 400)"
    discovered $found || fail "page $k: discovered $(ts pg 'o["status"]["totalDiscovered"]')"
    [ "$(uids)" = "$before" ] || fail "page $k: $(uids), not $before"
    [ "$(tasks_of pg | wc -w)" = "$found" ] || fail "page $k: Tasks are '$(tasks_of pg)'"
    ctl DELETE faults > /dev/null
    found=$((found + news))
    until_ok 40 discovered $found || fail "page $k: not seen afterwards: $(ts pg 'o["status"]')"
    until_ok 20 ended pg $found || fail "page $k: Tasks are '$(tasks_of pg)'"
done
[ "$(uids)" = "$before" ] || fail "$(uids), not $before"
row KC/BUG-29
del $NS/taskspawners/pg

begin "a deleted TaskSpawner takes its Tasks along, unless they are to stay, and its source ends"
call -X DELETE "$S$NS/taskspawners/m?propagationPolicy=Orphan" > /dev/null
until_ok 10 gone $NS/taskspawners/m || fail "still there"
sleep 0.5
[ "$(tasks_of m | wc -w)" = 10 ] || fail "its Tasks went"
row RES/SP14 SP/I6
del $NS/taskspawners/c
until_ok 10 gone $NS/tasks/c-50 || fail "its Task is still there"
for s in a b c t; do del $NS/taskspawners/$s; done
no_source() { "$BIN/kelos-bus" --run-dir "$(run_dir)" status > "$T/tree" && ! grep -q '^source-' "$T/tree"; }
until_ok 10 no_source || fail "a source worker still runs"

# lasts PATH JSON: a status that the test writes, when nobody else does
lasts() { until_ok 20 at_rest "$1" || fail "$1 is written on and on"; mpatch "$1/status" "$2" > /dev/null; }
begin "a schedule makes its Tasks"
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"bad"},"spec":{"when":{"cron":{"schedule":"61 * * * *"}},"taskTemplate":{"type":"claude-code","credentials":{"type":"api-key","secretRef":{"name":"c"}}}}}' | post $NS/taskspawners > "$T/created"
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"cr"},"spec":{"when":{"cron":{"schedule":"0 0 1 1 *","catchUp":"all"}},"taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"promptTemplate":"true"}}}' | post $NS/taskspawners > /dev/null
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"ch"},"spec":{"maxConcurrency":1,"when":{"cron":{"schedule":"0 0 1 1 *","catchUp":"all"}},"taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"promptTemplate":"'"$(held ch)"'"}}}' | post $NS/taskspawners > /dev/null
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"co"},"spec":{"when":{"cron":{"schedule":"0 0 1 1 *"}},"taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"promptTemplate":"true"}}}' | post $NS/taskspawners > /dev/null
until_ok 5 ts_is cr Running || fail "phase $(ts cr 'o["status"]["phase"]')"
until_ok 5 ts_is co Running || fail "phase $(ts co 'o["status"]["phase"]')"
until_ok 5 ts_is ch Running || fail "phase $(ts ch 'o["status"]["phase"]')"
for s in cr co; do lasts $NS/taskspawners/$s '{"status":{"lastDiscoveryTime":"2024-12-31T00:00:00Z"}}'; done
lasts $NS/taskspawners/ch '{"status":{"lastDiscoveryTime":"2023-12-31T00:00:00Z"}}'
p=$(pid_of shard-0); kill -9 "$p"
made_some() { [ -n "$(tasks_of cr)" ]; }
until_ok 15 made_some || fail "no Task"
newest() { case "$(tasks_of co)" in co-20??0101-0000) [ "$(tasks_of co)" != co-20250101-0000 ] ;; *) false ;; esac; }
until_ok 15 newest || fail "Tasks are '$(tasks_of co)', not the newest tick alone"
case "$(tasks_of cr)" in "cr-20250101-0000 cr-20260101-0000"*) ;; *) fail "Tasks are '$(tasks_of cr)'";; esac
# Two ticks of ch wait for the first one's Task. The policy of from now on is not for them.
waits() { [ -n "$(ts ch 'o["status"].get("lastTickTime", "")')" ]; }
until_ok 10 waits || fail "nothing waits: $(ts ch 'o["status"]')"
mpatch $NS/taskspawners/ch '{"spec":{"when":{"cron":{"catchUp":"one"}}}}' > /dev/null
p=$(pid_of shard-0); kill -9 "$p"
release ch
all_made() { case "$(tasks_of ch)" in "ch-20240101-0000 ch-20250101-0000 ch-20260101-0000"*) ;; *) false ;; esac; }
until_ok 30 all_made || fail "Tasks are '$(tasks_of ch)'"
no_more_wait() { [ "$(ts ch 'o["status"].get("lastTickTime", "")')" = "" ]; }
until_ok 10 no_more_wait || fail "still waits: $(ts ch 'o["status"]')"
until_ok 5 ts_is bad Failed || fail "bad schedule: $(ts bad 'o["status"]["phase"]')"
finish
