#!/bin/sh
# tasks.sh - Tasks in a whole local mode: from their creation to their end, and what happens
# when the reconciler dies on the way.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
cleanup() { local_down; }
LOCAL_METRICS=127.0.0.1:$(free_port)
local_up || { echo "0 passed, 1 failed"; exit 1; }

begin "a Task runs and shows its results"
task one 'echo hello; printf -- \"---KELOS_OUTPUTS_START---\\nbranch: b1\\npr: p1\\n---KELOS_OUTPUTS_END---\\n\"'
becomes one Succeeded
[ "$(field $NS/tasks/one 'o["metadata"]["finalizers"]')" = "['kelos.dev/finalizer']" ] || fail "finalizer"
[ "$(field $JOBS/one 'o["metadata"]["ownerReferences"][0]["kind"]')" = Task ] || fail "owner"
[ "$(field $JOBS/one 'len(o["metadata"]["ownerReferences"])')" = 1 ] || fail "owners"
[ "$(field $NS/tasks/one 'o["status"]["jobName"]')" = one ] || fail "jobName"
row TE/ST1
[ "$(field $NS/tasks/one 'o["status"]["results"]')" = "{'branch': 'b1', 'pr': 'p1'}" ] || fail "results"
[ "$(field $NS/tasks/one 'o["status"]["outputs"]')" = "['branch: b1', 'pr: p1']" ] || fail "outputs"
event_comes one 'Normal TaskCreated Created Job one for task'
event_comes one 'Normal TaskRunning Task started running'
event_comes one 'Normal TaskSucceeded Task completed successfully'
event_comes one 'Normal OutputsCaptured Captured 2 outputs and 2 results from agent'
row TE/ST7

grep -c 'task/0/default/one: Pending' "$T/supervisor.log" | grep -qx 1 || fail "Pending was written more than once"

begin "an agent that fails makes its Task fail, with its exit code and its last words"
task two 'echo the last words; echo ANTHROPIC_API_KEY=sk-ant-api03-0123456789abcdefghij; exit 7'
becomes two Failed
message two > "$T/why"
head -n 1 "$T/why" | grep -q '^Task failed: container "claude-code" exited with code 7' || fail "$(cat "$T/why")"
must grep -qx 'the last words' "$T/why"
grep -q 0123456789abcdefghij "$T/why" && fail "a key is in the message"
field $NS/tasks/two '[c for c in o["status"]["conditions"] if c["type"]=="Ready"][0]["message"]' | must diff - "$T/why"
row TE/ST4

begin "a Task is not changed once it is there, and goes on"
task fixed "$(held fixed)"
becomes fixed Running
mpatch $NS/tasks/fixed '{"spec":{"prompt":"other"}}' > "$T/answer"
must grep -q immutable "$T/answer"
must grep -q '"code":422' "$T/answer"
release fixed
becomes fixed Succeeded
[ "$(field $NS/tasks/fixed 'o["spec"]["prompt"]')" = "$(held fixed)" ] || fail "it has another prompt"
row TE/ST9

begin "usage is counted by what the agent reports, if it can be believed"
usage() { # NAME LABELS LINE...: a Task that reports these lines
    name=$1 more=$2 lines=
    shift 2
    for l in "$@"; do lines="$lines$l\\\\n"; done
    task "$name" "printf -- '---KELOS_OUTPUTS_START---\\\\n$lines---KELOS_OUTPUTS_END---\\\\n'" "$more"
}
metric() { curl -s --noproxy '*' "http://$LOCAL_METRICS/metrics" > "$T/metrics"; sed -n "s/^kelos_task_$1_total{namespace=\"default\",type=\"claude-code\",spawner=\"\",model=\"$2\"} //p" "$T/metrics"; }
metric_is() { [ "$(metric "$1" "$2")" = "$3" ]; }
counts() { # MODEL COST INPUT OUTPUT ("" is: no such series)
    until_ok 5 metric_is cost_usd "$1" "$2" || fail "model '$1': cost '$(metric cost_usd "$1")', not '$2'"
    until_ok 5 metric_is input_tokens "$1" "$3" || fail "model '$1': input '$(metric input_tokens "$1")', not '$3'"
    until_ok 5 metric_is output_tokens "$1" "$4" || fail "model '$1': output '$(metric output_tokens "$1")', not '$4'"
}
usage us1 '"model":"m1"' 'cost-usd: 2.35' 'input-tokens: 15000' 'output-tokens: 3000'
usage us2 '"model":"m2"' 'cost-usd: 1.5'
usage us3 '' 'cost-usd: 0.75'
usage us4 '"model":"m4"' 'cost-usd: not-a-number' 'input-tokens: 1000'
usage us5 '"model":"m5"' 'cost-usd: -1' 'input-tokens: -1000' 'output-tokens: -3'
usage us6a '"model":"m6"' 'cost-usd: 1.00'
usage us6b '"model":"m6"' 'cost-usd: 2.00'
for i in us1 us2 us3 us4 us5 us6a us6b; do becomes $i Succeeded; done
counts m1 2.35 15000 3000; row TE/US1
counts m2 1.5 "" ""; row TE/US2
counts "" 0.75 "" ""; row TE/US3
counts m4 "" 1000 ""; row TE/US4
counts m5 "" "" ""; row TE/US5
counts m6 3 "" ""; row TE/US6

begin "opencode runs with an empty key, for its free models"
echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"free"},"stringData":{"OPENCODE_API_KEY":""}}' | post $CORE/secrets > /dev/null
echo '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"free"},"spec":{"type":"opencode","image":"tester","prompt":"test \"${OPENCODE_API_KEY-unset}\" = \"\"","credentials":{"type":"api-key","secretRef":{"name":"free"}}}}' |
    post $NS/tasks > /dev/null
becomes free Succeeded
row TE/CR2

begin "a dependent waits, starts when all have ended, and sees their results"
task dep "$(held dep)"'; printf -- \"---KELOS_OUTPUTS_START---\\nbranch: from-dep\\n---KELOS_OUTPUTS_END---\\n\"'
task after 'test \"{{index .Deps \"dep\" \"Results\" \"branch\"}}\" = from-dep' '"dependsOn":["dep","later"]'
becomes after Waiting
has_job after && fail "it has a Job"
release dep
becomes dep Succeeded
for_later() { [ "$(message after)" = 'Waiting for dependency "later" to be created' ]; }
until_ok 20 for_later || fail "$(message after)"
row TE/DP1
task later 'true'
becomes after Succeeded
row TE/DP2 TE/DP4

begin "a dependent of a failed Task fails"
task bad 'exit 1'
task never 'true' '"dependsOn":["bad"]'
becomes never Failed
[ "$(message never)" = 'Dependency "bad" failed' ] || fail "$(message never)"
[ -n "$(field $NS/tasks/never 'o["status"]["completionTime"]')" ] || fail "completionTime"
has_job never && fail "it has a Job"
row TE/DP3

begin "a cycle is told and nobody runs"
task loop-a 'true' '"dependsOn":["loop-b"]'
task loop-b 'true' '"dependsOn":["loop-a"]'
task self 'true' '"dependsOn":["self"]'
becomes loop-a Failed; becomes loop-b Failed; becomes self Failed
{ message loop-a; message loop-b; } > "$T/messages"
must grep -q 'Circular dependency detected' "$T/messages"
case "$(message self)" in *'involves "self"') ;; *) fail "$(message self)";; esac
has_job loop-a && fail "a has a Job"; has_job loop-b && fail "b has a Job"
row TE/DP5 TE/DP6 RES/T11 RES/T12

begin "one branch is worked on by one Task at a time"
task br-a "$(held br-a)" '"branch":"feature-1"'
becomes br-a Running
task br-b 'true' '"branch":"feature-1"'
becomes br-b Waiting
[ "$(message br-b)" = 'Waiting for branch "feature-1" (locked by br-a)' ] || fail "$(message br-b)"
row TE/BR1
release br-a
becomes br-b Succeeded
[ "$(field $NS/tasks/br-b 'o["status"]["startTime"]')" \< "$(field $NS/tasks/br-a 'o["status"]["completionTime"]')" ] && fail "overlap"
row TE/BR2
event_comes br-b BranchWithoutWorkspace
events_of br-b | grep -c BranchWithoutWorkspace | grep -qx 1 || fail "warned not once"
row RES/T17

begin "the deletion of who holds a branch lets the next one go"
task br-c 'sleep 600' '"branch":"feature-2"'
becomes br-c Running
task br-d 'true' '"branch":"feature-2"'
becomes br-d Waiting
del $NS/tasks/br-c
becomes br-d Succeeded
until_ok 10 gone $NS/tasks/br-c || fail "br-c is still there"
until_ok 10 gone $JOBS/br-c || fail "its Job is still there"
row TE/BR8 TE/ST10

begin "time to live"
task ttl0 'true' '"ttlSecondsAfterFinished":0'
task ttl3 'true' '"ttlSecondsAfterFinished":10'
becomes ttl3 Succeeded
until_ok 10 gone $NS/tasks/ttl0 || fail "ttl0 is still there"
row TE/TL8
until_ok 10 gone $NS/tasks/ttl3 || fail "ttl3 is still there"
row TE/TL7

begin "a missing Workspace is waited for"
task ws 'test -f README' '"workspaceRef":{"name":"web"}'
becomes ws Waiting
has_job ws && fail "it has a Job"
git init -q -b main "$T/seed" && (cd "$T/seed" && echo x > README && git add . &&
    git -c user.name=a -c user.email=a@b commit -qm one)
mkdir -p "$T/git" && git clone -q --bare "$T/seed" "$T/git/web.git"
port=$(free_port)
git daemon --reuseaddr --listen=127.0.0.1 --port=$port --base-path="$T/git" --export-all > "$T/gitd.log" 2>&1 &
GITD=$!
cleanup() { kill $GITD 2> /dev/null; local_down; }
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"web"},"spec":{"repo":"git://127.0.0.1:%s/web.git","ref":"main"}}' $port |
    post $NS/workspaces > /dev/null
becomes ws Succeeded
row TE/ST8 RES/T13

begin "a checkout that fails says what git said"
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"void"},"spec":{"repo":"git://127.0.0.1:%s/void.git"}}' $port |
    post $NS/workspaces > /dev/null
task noclone 'true' '"workspaceRef":{"name":"void"}'
becomes noclone Failed
message noclone > "$T/why"
head -n 1 "$T/why" | grep -q '^Task failed: container "git-clone" exited with code 128' || fail "$(cat "$T/why")"
must grep -q '^fatal: ' "$T/why"

begin "Tasks that a TaskSpawner makes with a branch each run side by side, each on its own"
echo '{"anonymous": true, "repos": {"demo/repo": {"issues": [{"number": 42, "title": "a"}, {"number": 99, "title": "b"}]}}}' > "$T/state.json"
forge_up "$T/state.json"
cleanup() { kill $GITD 2> /dev/null; forge_down; local_down; }
cat > "$T/spawner.json" <<END
{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"br"},"spec":{"when":{"githubIssues":{"repo":"$FORGE/demo/repo"}},"pollInterval":"1s",
"taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"workspaceRef":{"name":"web"},
"branch":"kelos-task-{{.Number}}","promptTemplate":"test \$KELOS_BRANCH = kelos-task-{{.Number}} && test \$(git branch --show-current) = kelos-task-{{.Number}} && $(held branches)"}}}
END
post $NS/taskspawners < "$T/spawner.json" > /dev/null
becomes br-42 Running; becomes br-99 Running
branch_of() { field "$JOBS/$1" "[e['value'] for e in o['spec']['template']['spec']$2['env'] if e['name'] == 'KELOS_BRANCH'][0]"; }
for n in 42 99; do
    [ "$(branch_of br-$n '["containers"][0]')" = kelos-task-$n ] || fail "the agent of $n has '$(branch_of br-$n '["containers"][0]')'"
    [ "$(branch_of br-$n '["initContainers"][1]')" = kelos-task-$n ] || fail "branch-setup of $n has '$(branch_of br-$n '["initContainers"][1]')'"
    release branches
    becomes br-$n Succeeded
done
row TE/BR4
del $NS/taskspawners/br

begin "a Workspace whose Secret is missing is waited for, too"
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"tok"},"spec":{"repo":"git://127.0.0.1:%s/web.git","secretRef":{"name":"late"}}}' $port |
    post $NS/workspaces > /dev/null
task wt 'test \"$GITHUB_TOKEN\" = T9' '"workspaceRef":{"name":"tok"}'
becomes wt Waiting
case "$(message wt)" in 'Failed to resolve GitHub token: fetching workspace secret "late"'*) ;; *) fail "$(message wt)";; esac
echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"late"},"stringData":{"GITHUB_TOKEN":"T9"}}' | post $CORE/secrets > /dev/null
becomes wt Succeeded 30
row RES/T16

begin "a text of the prompt does not become a secret"
task dollar 'test \"$(echo x)\" = x && case \"$0\" in *x*) ;; esac; echo \"$(ANTHROPIC_API_KEY)\" || true; test 5 = $((2+3))'
becomes dollar Succeeded
get "$CORE/pods/$(field $NS/tasks/dollar 'o["status"]["podName"]')/log?container=claude-code" > "$T/log"
grep -qx x "$T/log" && fail "the key is in the log"

begin "what cannot be built fails once, with the cause"
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"bad"},"spec":{"repo":"git://127.0.0.1:%s/web.git","files":[{"path":"../x","content":"x"}]}}' $port |
    post $NS/workspaces > /dev/null
task nobuild 'true' '"workspaceRef":{"name":"bad"}'
becomes nobuild Failed
[ "$(message nobuild)" = 'Failed to build Job: invalid workspace file path "../x": path escapes repository root' ] ||
    fail "$(message nobuild)"
row RES/W10 TE/WS7

begin "a finished Task whose Job is deleted does not run again"
del $JOBS/one
sleep 0.5
phase_is one Succeeded || fail "it is $(phase one)"
has_job one && fail "it has a Job again"
row ADD/SA11

begin "a running Task whose Job is deleted fails"
task lost 'sleep 600'
becomes lost Running
del "$JOBS/lost?propagationPolicy=Background"
becomes lost Failed
[ "$(message lost)" = 'Task failed: its Job was deleted' ] || fail "$(message lost)"

begin "killed at any moment, the reconciler loses nothing and does nothing twice"
for i in 1 2 3 4 5 6 7 8 9 10; do
    task "k$i" "echo run >> /tmp/never 2>/dev/null; sleep 0.3"
    p=$(pid_of shard-0); [ -n "$p" ] && kill -9 "$p"
done
for i in 1 2 3 4 5 6 7 8 9 10; do becomes "k$i" Succeeded; done
n=$(get $JOBS | python3 -c 'import json,sys; print(sum(j["metadata"]["name"].startswith("k") for j in json.load(sys.stdin)["items"]))')
[ "$n" = 10 ] || fail "$n Jobs"
n=$(get $CORE/pods | python3 -c 'import json,sys; print(sum(j["metadata"]["labels"].get("kelos.dev/task","").startswith("k") for j in json.load(sys.stdin)["items"]))')
[ "$n" = 10 ] || fail "$n Pods"
task br-e "$(held br-e)" '"branch":"feature-3"'
becomes br-e Running
task br-f 'true' '"branch":"feature-3"'
becomes br-f Waiting
kill -9 "$(pid_of shard-0)"
release br-e
becomes br-f Succeeded
became() { field "$NS/tasks/$1" "o['status']['$2']"; }
[ "$(became br-f startTime)" \< "$(became br-e completionTime)" ] && fail "br-f started before br-e ended"
row TE/BR7

finish
