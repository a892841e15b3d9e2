#!/bin/sh
# spawner_rows.sh - TaskSpawners in a whole local mode, row by row: what the API refuses, the
# shared account, suspension under fire, credentials that come late or change, schedules, and
# what no log and no argument may hold. Sources are processes here (decision D22): rows that look
# at upstream's Deployment or CronJob are checked in the form that this isolation has.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
cleanup() { forge_down; }
openssl genrsa -out "$T/key.pem" 2048 2> /dev/null
openssl rsa -in "$T/key.pem" -pubout -out "$T/public.pem" 2> /dev/null
python3 - "$T" > "$T/state.json" <<'END_STATE'
import json, sys
issues = lambda n, label: [{"number": i, "title": "n%d" % i, "labels": [label]} for i in range(1, n + 1)]
print(json.dumps({"anonymous": False, "tokens": {"T": "bot", "T9": "late", "T8": "hung"}, "appTokenSeconds": 3600,
    "apps": {"12345": {"publicKey": open(sys.argv[1] + "/public.pem").read(), "installations": ["67890"]}},
    "repos": {"demo/repo": {"issues": issues(1, "one")}, "demo/zero": {"issues": []}, "demo/late": {"issues": issues(1, "l")},
              "demo/many": {"issues": issues(8, "m")}, "demo/hang": {"issues": []}}}))
END_STATE
forge_up "$T/state.json"
cleanup() { [ -z "${WRITER:-}" ] || kill $WRITER 2> /dev/null; [ -z "${PROXY:-}" ] || kill $PROXY 2> /dev/null; forge_down; local_down; }
local_up || { echo "0 passed, 1 failed"; exit 1; }

secret() { # NAME JSON
    printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"%s"},"stringData":%s}' "$1" "$2" | post $CORE/secrets > /dev/null
}
workspace() { # NAME REPO SECRET
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"%s"},"spec":{"repo":"%s/demo/%s","secretRef":{"name":"%s"}}}' \
        "$1" "$FORGE" "$2" "$3" | post $NS/workspaces > /dev/null
}
TEMPLATE='"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"promptTemplate":"true"'
# spawner NAME WHEN [MORE TEMPLATE] [MORE SPEC]: the answer in $T/created
spawner() {
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"%s"},"spec":{"when":{%s},"taskTemplate":{%s%s}%s}}' \
        "$1" "$2" "$TEMPLATE" "${3:+,$3}" "${4:+,$4}" | post $NS/taskspawners > "$T/created"
}
in_ws() { printf '"workspaceRef":{"name":"%s"}' "$1"; }
github() { printf '"githubIssues":{%s}' "$1"; }
cron() { printf '"cron":{"schedule":"%s"%s}' "$1" "${2:+,$2}"; }
ts() { field "$NS/taskspawners/$1" "$2"; }
ts_is() { [ "$(ts "$1" 'o["status"]["phase"]')" = "$2" ]; }
phase_of() { until_ok 10 ts_is "$1" "$2" || fail "$1 is '$(ts "$1" 'o["status"]["phase"]')', not $2"; }
condition() { ts "$1" "[c for c in o['status']['conditions'] if c['type'] == '$2'][0]['$3']"; }
tasks_of() { get $NS/tasks | python3 -c '
import json, sys
print(" ".join(sorted(t["metadata"]["name"] for t in json.load(sys.stdin)["items"] if t["metadata"].get("labels", {}).get("kelos.dev/taskspawner") == sys.argv[1])))' "$1"; }
made() { [ "$(tasks_of "$1")" = "$2" ]; }
polls() { ctl GET requests > "$T/requests"; grep -o "\"path\":\"[^\"]*/repos/demo/$1/issues\"" "$T/requests" | wc -l; }
refused() { grep -q '"kind":"Status"' "$T/created" && grep -qF -- "$1" "$T/created" || fail "not refused for $1: $(cut -c1-300 "$T/created")"; }
taken() { ! grep -q '"kind":"Status"' "$T/created" || fail "refused: $(cut -c1-400 "$T/created")"; }
workspace w repo c

begin "a source of issues gets account, phase and Tasks, and no Pod of its own"
fault '{"path": "/repos/demo/repo/issues", "status": 500, "times": -1}'
spawner one "$(github '"labels":["one"]')" "$(in_ws w)" '"pollInterval":"1s"'; taken
phase_of one Pending
ctl DELETE faults > /dev/null
phase_of one Running
[ "$(ts one 'o["metadata"]["finalizers"]')" = "['kelos.dev/taskspawner-finalizer']" ] || fail "finalizer"
account() { field $CORE/serviceaccounts/kelos-spawner "$1"; }
binding() { field /apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/kelos-spawner "$1"; }
[ "$(account 'o["kind"]')" = ServiceAccount ] || fail "ServiceAccount"
[ "$(binding 'o["roleRef"]["kind"], o["roleRef"]["name"], o["subjects"][0]["kind"], o["subjects"][0]["name"], o["subjects"][0]["namespace"]')" = \
    "('ClusterRole', 'kelos-spawner-role', 'ServiceAccount', 'kelos-spawner', 'default')" ] || fail "RoleBinding"
[ "$(ts one 'o["status"].get("deploymentName", ""), o["status"].get("cronJobName", "")')" = "('', '')" ] || fail "deploymentName"
gone /apis/apps/v1/namespaces/default/deployments/one || fail "a Deployment"
until_ok 10 made one one-1 || fail "Tasks are '$(tasks_of one)'"
row SP/I1

begin "what is left out has its default"
[ "$(ts one 'o["spec"]["pollInterval"], o["spec"]["suspend"], o["spec"]["when"]["githubIssues"]["types"], o["spec"]["when"]["githubIssues"]["state"]')" = \
    "('1s', False, ['issues'], 'open')" ] || fail "$(ts one 'o["spec"]')"
spawner bare "$(github '')" "$(in_ws w)" '"suspend":true'; taken
[ "$(ts bare 'o["spec"]["pollInterval"]')" = 5m ] || fail "pollInterval"
row SP/I3

begin "what the API refuses"
spawner i2 "$(github '')"; refused 'taskTemplate.workspaceRef is required when using githubIssues source'
row SP/I2
spawner i4 "$(github '"state":"merged"')" "$(in_ws w)"; refused state
spawner i4 "$(github '"types":["discussions"]')" "$(in_ws w)"; refused types
TEMPLATE_KEPT=$TEMPLATE TEMPLATE='"type":"foo","credentials":{"type":"api-key","secretRef":{"name":"c"}}'
spawner i4 "$(cron '0 0 1 1 *')"; refused type
TEMPLATE=$TEMPLATE_KEPT
row SP/I4

begin "two TaskSpawners of a namespace share its account"
uids="$(account 'o["metadata"]["uid"]') $(binding 'o["metadata"]["uid"]')"
spawner two "$(github '"labels":["two"]')" "$(in_ws w)" '"pollInterval":"1s"'
phase_of two Running
[ "$(account 'o["metadata"]["uid"]') $(binding 'o["metadata"]["uid"]')" = "$uids" ] || fail "made anew"
[ "$(field $CORE/serviceaccounts '[a["metadata"]["name"] for a in o["items"] if "spawner" in a["metadata"]["name"]]')" = "['kelos-spawner']" ] || fail "accounts"
row SP/I5

begin "no token, no question: the Secret that comes late is waited for and told"
workspace late late later
spawner late "$(github '')" "$(in_ws late)" '"pollInterval":"1s"'
told() { [ "$(condition late DiscoveryError status)" = True ] && condition late DiscoveryError message | grep -q later; }
until_ok 10 told || fail "$(ts late 'o["status"]')"
[ "$(polls late)" = 0 ] || fail "asked $(polls late) times without a token"
secret later '{"GITHUB_TOKEN": "T9"}'
until_ok 40 made late late-1 || fail "Tasks are '$(tasks_of late)'"
phase_of late Running
row SP/W12
# The same Secret becomes an App's; what comes of it is looked at near the end.
GENERATION=$(ts late 'o["metadata"]["generation"]')
mpatch $CORE/secrets/later "$(python3 -c 'import base64, json, sys
b = lambda s: base64.b64encode(s.encode()).decode()
print(json.dumps({"data": {"GITHUB_TOKEN": None, "appID": b("12345"), "installationID": b("67890"), "privateKey": b(open(sys.argv[1]).read())}}))' "$T/key.pem")" > /dev/null

begin "suspended and resumed in haste, the last word stands"
generation() { ts one 'o["metadata"]["generation"]'; }
first=$(generation)
for v in true false true false true false true false true; do mpatch $NS/taskspawners/one "{\"spec\":{\"suspend\":$v}}" > /dev/null; done
stands() { # PHASE STATUS
    [ "$(ts one '(lambda c: (o["status"]["phase"], c["status"], c["observedGeneration"] == o["metadata"]["generation"]))([c for c in o["status"]["conditions"] if c["type"] == "Suspended"][0])')" = "('$1', '$2', True)" ]
}
until_ok 10 stands Suspended True || fail "$(ts one 'o["status"]')"
sleep 1.5 # longer than a poll
stands Suspended True || fail "Running was written over it: $(ts one 'o["status"]')"
mpatch $NS/taskspawners/one '{"spec":{"suspend":false}}' > /dev/null
until_ok 10 stands Running False || fail "$(ts one 'o["status"]')"
row SP/I9 SP/W6
# Ten words and any number of statuses; a label is none of them either.
mpatch $NS/taskspawners/one '{"metadata":{"labels":{"a":"b"}}}' > /dev/null
[ "$(generation)" = $((first + 10)) ] || fail "generation $(generation) after $first and ten changes"
stands Running False || fail "$(ts one 'o["status"]')"
row KC/OBJ-4

begin "the command suspends and resumes while others write, and when the server says conflict"
python3 tests/support/fault_proxy.py "$T/proxy.port" "$S" "$T/proxy.log" $CA & PROXY=$!
until_ok 20 test -s "$T/proxy.port" || fail "no proxy"
P=http://127.0.0.1:$(cat "$T/proxy.port")
proxied "$P" "$K" > "$T/proxied"; chmod 600 "$T/proxied"
curl -sS --noproxy '*' -X PUT "$P/__rules" -d '[{"match": "^PATCH .*taskspawners/one", "times": 2, "do": "status", "status": 409, "body": "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Conflict\",\"code\":409,\"message\":\"the object has been modified\"}"}]' > /dev/null
must "$BIN/kelos" --kubeconfig "$T/proxied" suspend taskspawner one > "$T/out" 2>&1
[ "$(ts one 'o["spec"]["suspend"]')" = True ] || fail "not suspended: $(cat "$T/out")"
[ "$(grep -c '"status": 409' "$T/proxy.log")" -ge 2 ] || fail "no conflict: $(cat "$T/proxy.log")"
i=0; while [ $i -lt 40 ]; do mpatch $NS/taskspawners/one "{\"metadata\":{\"labels\":{\"n\":\"$i\"}}}" > /dev/null; i=$((i + 1)); done & WRITER=$!
for want in False True False; do
    word=suspend; [ $want = True ] || word=resume
    must "$BIN/kelos" --kubeconfig "$K" $word taskspawner one > "$T/out" 2>&1
    [ "$(ts one 'o["spec"]["suspend"]')" = $want ] || fail "$word: $(cat "$T/out")"
done
wait $WRITER; WRITER=""
[ "$(ts one 'o["metadata"]["labels"]["n"]')" = 39 ] || fail "a label was lost"
row SP/I13

begin "whoever else writes the object, no Task goes uncounted"
workspace many many c
i=0; while [ $i -lt 60 ]; do mpatch $NS/taskspawners/many "{\"metadata\":{\"labels\":{\"n\":\"$i\"}}}" > /dev/null
    mpatch $NS/taskspawners/many/status "{\"status\":{\"deploymentName\":\"x$i\"}}" > /dev/null; i=$((i + 1)); done & WRITER=$!
spawner many "$(github '')" "$(in_ws many)" '"pollInterval":"1s"'
until_ok 20 made many "many-1 many-2 many-3 many-4 many-5 many-6 many-7 many-8" || fail "Tasks are '$(tasks_of many)'"
wait $WRITER; WRITER=""
all() { [ "$(ts many 'o["status"]["totalTasksCreated"]')" = 8 ]; }
until_ok 10 all || fail "total $(ts many 'o["status"]["totalTasksCreated"]')"
row SP/W18

begin "a schedule runs at once without CronJob; suspended it makes nothing"
spawner cr "$(cron '0 0 1 1 *' '"catchUp":"all"')"; taken
phase_of cr Running
[ "$(ts cr 'o["status"].get("cronJobName", "")')" = "" ] || fail "cronJobName"
gone /apis/batch/v1/namespaces/default/cronjobs/cr || fail "a CronJob"
row SP/I7
spawner still "$(cron '* * * * *' '"catchUp":"all"')" '' '"suspend":true'
phase_of still Suspended
[ "$(ts still 'o["status"]["message"]')" = "Suspended by user" ] || fail "message"
mpatch $NS/taskspawners/still/status '{"status":{"lastDiscoveryTime":"2025-01-01T00:00:00Z"}}' > /dev/null
sleep 1
[ "$(tasks_of still)" = "" ] || fail "Tasks are '$(tasks_of still)'"
row SP/I8

begin "descriptors and zones are taken, what is no schedule is refused"
for s in @daily @hourly 'TZ=Europe/Berlin 0 9 * * 1' '5/10 * * * *' '0 0 * JAN-mar mon'; do
    spawner w23 "$(cron "$s")"; taken; phase_of w23 Running
    del $NS/taskspawners/w23; until_ok 10 gone $NS/taskspawners/w23 || fail "still there"
done
spawner zone "$(cron '0 9 * * *' '"timeZone":"Europe/Berlin"')"; taken; phase_of zone Running
for s in 'every monday' '@every 5m' '@daily x' '* * * *' '0 0 L * *; x' ''; do spawner bad "$(cron "$s")"; refused schedule; done
row SP/W23

begin "a schedule that never fires says so and makes nothing"
spawner never "$(cron '0 0 31 2 *')"; taken
phase_of never Running
says() { condition never SourceWarning message | grep -q 'never fires'; }
until_ok 10 says || fail "$(ts never 'o["status"]')"
[ "$(tasks_of never)" = "" ] || fail "Tasks are '$(tasks_of never)'"
row SP/W24

begin "an interval of zero is polled at the floor, and told"
workspace zero zero c
spawner zero "$(github '')" "$(in_ws zero)" '"pollInterval":"0"'
floor() { condition zero ConfigurationWarning message | grep -q 'not above zero'; }
until_ok 10 floor || fail "$(ts zero 'o["status"]')"
some_polls() { [ "$(polls zero)" -ge 3 ]; }
until_ok 20 some_polls || fail "$(polls zero) polls"
python3 -c '
import json, sys
at = [r["at"] for r in json.load(open(sys.argv[1])) if r["path"].endswith("/repos/demo/zero/issues")]
sys.exit(min(b - a for a, b in zip(at, at[2:])) < 1500)' "$T/requests" || fail "more than one poll in a second: $(cat "$T/requests")"
FLOOR=$case_bad

begin "a name and password in a URL are in no log, argument, status or Event"
spawner up "$(github '"repo":"http://u:s3kretpw@'"${FORGE#http://}"'/demo/repo","labels":["none"]')" "$(in_ws w)" '"pollInterval":"1s"'
taken; phase_of up Running
ts up 'o["status"]' | grep -q s3kretpw && fail "in the status"
grep -q s3kretpw "$T/supervisor.log" && fail "in the log"
get $CORE/events | grep -q s3kretpw && fail "in an Event"
for p in $LOCAL_PID $(pgrep -P "$LOCAL_PID"); do tr '\0' ' ' < /proc/$p/cmdline | grep -q s3kretpw && fail "in the arguments of $p"; done
ctl GET requests | grep -q s3kretpw && fail "in a request"
row SP/W29

begin "a Secret that becomes an App's is used within a minute, without a Pod beside it"
app_polls() { ctl GET requests | python3 -c '
import json, sys
l = [r["login"] for r in json.load(sys.stdin) if r["path"].endswith("/repos/demo/late/issues")]
sys.exit(not l or l[-1] != "app[bot]")'; }
until_ok 90 app_polls || fail "not polled with the token that was made"
ctl PATCH tokens '{"remove": ["T9"]}' > /dev/null
ctl DELETE requests > /dev/null
polled_again() { [ "$(polls late)" -ge 2 ]; }
until_ok 20 polled_again || fail "not polled"
grep -q '"status":401' "$T/requests" && fail "polled with the old token"
[ "$(ts late 'o["metadata"]["generation"]')" = "$GENERATION" ] || fail "the TaskSpawner was touched"
row SP/I10
[ "$(field $CORE/pods '[p["metadata"]["name"] for p in o["items"] if "kelos.dev/task" not in p["metadata"].get("labels", {})]')" = "[]" ] || fail "Pods besides those of Tasks"
row SP/W28

begin "while a source hangs and another fails, the tree ends when told"
secret hung '{"GITHUB_TOKEN": "T8"}'; workspace hang hang hung
fault '{"path": "/repos/demo/hang/issues", "delay_ms": 60000, "times": -1}'
fault '{"path": "/repos/demo/repo/issues", "status": 500, "times": -1}'
spawner hang "$(github '')" "$(in_ws hang)" '"pollInterval":"1s"'
asked() { [ "$(ctl GET counts | tr ',{}' '\n\n\n' | grep -c .)" -gt 0 ]; }
until_ok 10 ts_is hang Pending || fail "phase"
sleep 1
t0=$(date +%s)
local_down
[ $(($(date +%s) - t0)) -le 40 ] || fail "took $(($(date +%s) - t0)) s"
grep -E 'source-[0-9a-f]+.*SIGKILL' "$T/supervisor.log" && fail "a source had to be killed"
[ "$FLOOR" = 0 ] && row SP/W13
finish
