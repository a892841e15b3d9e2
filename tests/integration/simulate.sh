#!/bin/sh
# simulate.sh - kelos simulate says, item by item, what the running TaskSpawner then does.
. tests/support/lib.sh
. tests/support/local.sh
. tests/support/forge.sh
FRONT=""
cleanup() { [ -z "$FRONT" ] || kill "$FRONT" 2> /dev/null; local_down; forge_down; }

issue() { # NUMBER TITLE LABELS [MORE]
    printf '{"number": %s, "title": "%s", "labels": [%s], "body": "Body of %s\\nsecond line", "user": "alice", "created_at": "2026-01-0%sT00:00:00Z"%s}' \
        "$1" "$2" "$3" "$1" "$1" "${4:+, $4}"
}
comment() { printf '"comments": [{"user": "bob", "body": "%s", "created_at": "2026-01-09T00:00:00Z"}]' "$1"; }
cat > "$T/state.json" <<END
{"repos": {"demo/repo": {"issues": [
    $(issue 1 "Plain" '"agent"'),
    $(issue 2 "Not now" '"agent", "wontfix"'),
    $(issue 3 "Not ours" '"other"'),
    $(issue 4 "A change" '"agent"' '"pull": {"head": "x"}'),
    $(issue 5 "Urgent" '"agent", "high"'),
    $(issue 6 "Taken name" '"agent"'),
    $(issue 7 "Held" '"agent"' "$(comment /hold)"),
    $(issue 8 "Braces {{.Nope}}" '"agent"' "$(comment 'please')")]}},
 "tokens": {"T": "kelos"}, "anonymous": true, "rateLimit": 5000}
END
forge_up "$T/state.json"
local_up || { echo "0 passed, 1 failed"; exit 1; }

# sim ARGS...: the plan as JSON in $T/plan, the exit status in $RC.
sim() {
    "$BIN/kelos" --kubeconfig "$K" simulate taskspawner -o json "$@" > "$T/plan" 2> "$T/err"
    RC=$?
}
plan() { python3 -c 'import json,sys; p=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$T/plan" "$1"; }
states() { plan '" ".join("%s:%s" % (i["id"], i["state"]) for i in p["items"])'; }
spawner() { # NAME MORE-SPEC: a file with the TaskSpawner and what it names
    cat <<END
apiVersion: kelos.dev/v1alpha1
kind: Workspace
metadata: {name: web}
spec: {repo: "$FORGE/demo/repo.git", secretRef: {name: token}}
---
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {GITHUB_TOKEN: T}
---
apiVersion: kelos.dev/v1alpha1
kind: TaskSpawner
metadata: {name: $1}
spec:
  when:
    githubIssues: {labels: [agent], excludeLabels: [wontfix], excludeComments: [/hold], priorityLabels: [high]}
  pollInterval: 1s
  taskTemplate:
    type: claude-code
    image: tester
    credentials: {type: api-key, secretRef: {name: c}}
    workspaceRef: {name: web}
    dependsOn: [never]
    branch: "kelos/{{.Number}}"
    promptTemplate: "{{.Kind}} {{.Number}}: {{.Title}}\n{{.Body}}{{range \$i, \$e := .Comments}}{{end}}"
$2
END
}

begin "a file is simulated before anything of it exists"
spawner fix '  maxConcurrency: 2' | sed 's/{{range.*{{end}}//' > "$T/fix.yaml"
task fix-6 true
sim -f "$T/fix.yaml"; [ $RC -eq 0 ] || fail "exit $RC: $(cat "$T/err")"
[ "$(states)" = "5:Starts 8:Starts 6:Fails 1:WaitsForMaxConcurrency" ] || fail "$(states)"
[ "$(plan '[i["number"] for i in p["excluded"]]')" = "[7, 4, 3, 2]" ] ||
    [ "$(plan 'sorted(i["number"] for i in p["excluded"])')" = "[2, 3, 4, 7]" ] || fail "$(plan 'p["excluded"]')"
plan '"\n".join("%d %s" % (i["number"], i["rule"]) for i in p["excluded"])' > "$T/rules"
must grep -qx '2 excludeLabels: has "wontfix"' "$T/rules"
must grep -qx '3 labels: "agent" is missing' "$T/rules"
must grep -qx '4 types: is a pull request' "$T/rules"
must grep -q '^7 excludeComments: ' "$T/rules"
plan 'p["items"][2]["reason"]' | grep -q 'collides with an existing Task' || fail "no collision is told"
gone $NS/taskspawners/fix || fail "the simulation has made the TaskSpawner"
gone $NS/workspaces/web || fail "the simulation has made the Workspace"

begin "--max-tasks decides the exit status"
sim -f "$T/fix.yaml" --max-tasks 1; [ $RC -eq 3 ] || fail "exit $RC, not 3"
sim -f "$T/fix.yaml" --max-tasks 2; [ $RC -eq 0 ] || fail "exit $RC, not 0"
sim -f "$T/fix.yaml" --max-tasks x; [ $RC -eq 1 ] || fail "exit $RC, not 1"

begin "the text shows rule, Task, branch and prompt of every item"
"$BIN/kelos" --kubeconfig "$K" simulate taskspawner -f "$T/fix.yaml" > "$T/text" 2>&1 || fail "exit $?"
for line in 'Issue #5 Urgent' '  matches, starts now' '  Task:   fix-5' '  Branch: kelos/5' \
    '      Issue 5: Urgent' '      Body of 5' '  excluded by excludeLabels: has "wontfix"' \
    '  matches, waits for a slot (maxConcurrency)'; do
    grep -qxF -- "$line" "$T/text" || fail "not shown: $line"
done
must grep -q '^taskspawner/fix: 4 match, 4 excluded: 2 would start now, 1 wait, ' "$T/text"
must grep -qF 'Braces {{"{{"}}.Nope}}' "$T/text"

# same: each item's state, Task, branch and prompt in the plan is what is there now.
same() {
    get $NS/tasks > "$T/tasks"
    python3 - "$T/plan" "$T/tasks" <<'END'
import json, sys
plan, tasks = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))["items"]
ours = {t["metadata"]["name"]: t["spec"] for t in tasks
        if t["metadata"].get("labels", {}).get("kelos.dev/taskspawner") == plan["name"]}
want = {i["task"]: i for i in plan["items"] if i["state"] in ("Starts", "HasTask")}
ok = sorted(ours) == sorted(want)
for name, spec in ours.items():
    item = want.get(name, {})
    ok = ok and spec["prompt"] == item.get("prompt") and spec.get("branch") == item.get("branch")
print("" if ok else "simulated %s, there are %s" % (sorted(want), sorted(ours)), end="")
sys.exit(not ok)
END
}
settled() { [ "$(field $NS/taskspawners/fix 'o["status"].get("phase","")')" = Running ] && same; }

begin "what runs then is what was simulated, item for item"
sim -f "$T/fix.yaml"
"$BIN/kelos" --kubeconfig "$K" apply -f "$T/fix.yaml" > /dev/null || fail "apply"
until_ok 15 settled || fail "$(same)"
sleep 2; same > "$T/why" || fail "after two more polls: $(cat "$T/why")"

begin "a running TaskSpawner is simulated by its name"
sim fix; [ $RC -eq 0 ] || fail "exit $RC: $(cat "$T/err")"
[ "$(states)" = "5:HasTask 8:HasTask 6:Fails 1:WaitsForMaxConcurrency" ] || fail "$(states)"
same > "$T/why" || fail "$(cat "$T/why")"

begin "another limit starts what was simulated with it"
sed 's/maxConcurrency: 2/maxConcurrency: 9/' "$T/fix.yaml" > "$T/more.yaml"
sim -f "$T/more.yaml"
[ "$(states)" = "5:HasTask 8:HasTask 6:Fails 1:Starts" ] || fail "$(states)"
"$BIN/kelos" --kubeconfig "$K" apply -f "$T/more.yaml" > /dev/null || fail "apply"
until_ok 15 settled || fail "$(same)"

begin "a used up budget and a suspended TaskSpawner say so"
spawner all '  maxTotalTasks: 1' | sed 's/{{range.*{{end}}//' > "$T/all.yaml"
sim -f "$T/all.yaml"
[ "$(states)" = "5:Starts 8:WaitsForMaxTotalTasks 6:WaitsForMaxTotalTasks 1:WaitsForMaxTotalTasks" ] || fail "$(states)"
spawner all '  suspend: true' | sed 's/{{range.*{{end}}//' > "$T/idle.yaml"
sim -f "$T/idle.yaml" --max-tasks 0; [ $RC -eq 0 ] || fail "exit $RC"
[ "$(states)" = "5:WaitsForResume 8:WaitsForResume 6:WaitsForResume 1:WaitsForResume" ] || fail "$(states)"

begin "a broken template, a missing Workspace and a failing source are told"
spawner bad '' | sed 's/{{range.*{{end}}/{{if}}/' > "$T/bad.yaml"
sim -f "$T/bad.yaml"
plan 'p["items"][0].get("reason")' | grep -q 'template: tmpl:2:' || fail "$(plan 'p["items"][0]')"
spawner gone '' | sed '/^kind: Workspace/,/^---/d' | sed 's/{name: web}/{name: nowhere}/; s/{{range.*{{end}}//' > "$T/gone.yaml"
sed -n '/kind: TaskSpawner/,$p' "$T/gone.yaml" | sed '1i apiVersion: kelos.dev/v1alpha1' > "$T/gone2.yaml"
sim -f "$T/gone2.yaml"; [ $RC -eq 1 ] || fail "exit $RC"
must grep -q '^Error: Workspace nowhere not found' "$T/err"
fault '{"path": "/repos/*", "times": -1, "status": 403, "body": "{\"message\": \"Forbidden here\"}"}'
sim fix; [ $RC -eq 1 ] || fail "exit $RC"
must grep -q '^Error: GitHub API returned status 403' "$T/err"
ctl DELETE faults

begin "a source with a certificate is trusted when its authority is, among all others"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1 2> /dev/null
cat /etc/ssl/certs/ca-certificates.crt "$T/cert.pem" > "$T/roots.pem"
python3 tests/support/tls_front.py "${FORGE##*:}" "$T/cert.pem" "$T/key.pem" > "$T/front" & FRONT=$!
until_ok 5 test -s "$T/front"
sed "s|$FORGE|https://127.0.0.1:$(cat "$T/front")|" "$T/fix.yaml" > "$T/tls.yaml"
sim -f "$T/tls.yaml"; [ $RC -eq 1 ] || fail "exit $RC without the authority"
must grep -qi 'certificate' "$T/err"
SSL_CERT_FILE=$T/roots.pem sim -f "$T/tls.yaml"; [ $RC -eq 0 ] || fail "exit $RC: $(cat "$T/err")"
[ "$(states)" = "5:HasTask 8:HasTask 6:Fails 1:HasTask" ] || fail "$(states)"
SSL_CERT_FILE=$T/state.json sim -f "$T/tls.yaml"; [ $RC -eq 1 ] || fail "exit $RC without any"
must grep -q 'no certificates of authorities can be read' "$T/err"

begin "a schedule shows the ticks that are due"
cat > "$T/cron.yaml" <<END
apiVersion: kelos.dev/v1alpha1
kind: TaskSpawner
metadata: {name: nightly}
spec:
  when: {cron: {schedule: "0 3 * * *"}}
  taskTemplate: {type: claude-code, image: tester, credentials: {type: api-key, secretRef: {name: c}}, promptTemplate: "at {{.Time}}"}
END
sim -f "$T/cron.yaml"; [ $RC -eq 0 ] || fail "exit $RC: $(cat "$T/err")"
[ "$(states)" = "" ] || fail "$(states)"
sim nothing; [ $RC -eq 1 ] || fail "exit $RC"; must grep -q '^Error: ' "$T/err"
finish
