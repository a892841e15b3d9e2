#!/bin/sh
# prometheus.sh - a real Prometheus scrapes a whole local mode: every query of the dashboard returns
# data, every alert is looked at and has what it asks for, and the rules do what their tests say.
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/kelos/prometheus/usr/bin
PATH=$PATH:$CACHE; export PATH
if ! command -v promtool > /dev/null || ! command -v prometheus > /dev/null; then
    echo "no prometheus on PATH or in $CACHE: tests/support/deps.sh fetches it"
    exit 77
fi
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
PROM=""
prometheus_down() { [ -z "$PROM" ] || { kill "$PROM"; wait "$PROM"; } 2> /dev/null; PROM=""; }
cleanup() { prometheus_down; forge_down; local_down; }
RULES=deploy/prometheus/kelos.rules.yaml DASHBOARD=deploy/grafana/kelos.json

begin "promtool takes the rules and the configuration, and the rules do what their tests say"
promtool check rules $RULES > "$T/out" 2>&1 || fail "$(cat "$T/out")"
promtool check config deploy/prometheus/prometheus.yaml > "$T/out" 2>&1 || fail "$(cat "$T/out")"
promtool test rules tests/fixtures/prometheus/kelos.rules.test.yaml > "$T/out" 2>&1 || fail "$(cat "$T/out")"
python3 - $RULES tests/fixtures/prometheus/kelos.rules.test.yaml > "$T/out" <<'P' || fail "$(cat "$T/out")"
import sys, yaml
tests = open(sys.argv[2]).read()
bad = 0
for g in yaml.safe_load(open(sys.argv[1]))["groups"]:
    for r in g["rules"]:
        a = r["annotations"]
        for what, good in (("no summary", a.get("summary")), ("no description", a.get("description")), ("no runbook", a.get("runbook")),
                           ("no severity", r["labels"].get("severity") in ("warning", "critical")), ("no test", '"%s"' % r["alert"] in tests)):
            if not good: bad = 1; print(r["alert"] + ": " + what)
sys.exit(bad)
P

cat > "$T/state.json" <<'J'
{"anonymous": false, "tokens": {"T": "bot"}, "repos": {"demo/repo": {"issues": [{"number": 1, "title": "One", "labels": ["go"]}]}}}
J
forge_up "$T/state.json"
LOCAL_METRICS=127.0.0.1:$(free_port)
local_up || { echo "0 passed, 1 failed"; exit 1; }
scrape() { curl -s --noproxy '*' "http://$LOCAL_METRICS/metrics"; }

begin "promtool takes what is served, before the first Task"
scrape > "$T/metrics"
promtool check metrics < "$T/metrics" > "$T/out" 2>&1 || fail "$(cat "$T/out")"
grep -q '^kelos_reconcile_errors_total{controller="task"} 0$' "$T/metrics" || fail "no errors yet, and no series of them"

begin "a Prometheus scrapes the controller"
PORT=$(free_port)
sed -e "s/127.0.0.1:8080/$LOCAL_METRICS/" -e 's/\(scrape\|evaluation\)_interval: .*/\1_interval: 1s/' \
    deploy/prometheus/prometheus.yaml > "$T/prometheus.yaml"
cp $RULES "$T/"
prometheus --config.file="$T/prometheus.yaml" --storage.tsdb.path="$T/tsdb" --web.listen-address="127.0.0.1:$PORT" \
    --log.level=warn > "$T/prometheus.log" 2>&1 &
PROM=$!
query() { curl -s --noproxy '*' -G "http://127.0.0.1:$PORT/api/v1/query" --data-urlencode "query=$1"; }
has_data() { query "$1" | grep -q '"result":\[{'; }
until_ok 30 has_data 'up{job="kelos"} == 1' || { fail "not scraped: $(cat "$T/prometheus.log")"; finish; }

# What happens once makes a series; what happens again, after a scrape, makes a rate.
begin "Tasks and a TaskSpawner run while it looks"
USAGE='echo ---KELOS_OUTPUTS_START---; echo cost-usd: 2.35; echo input-tokens: 15; echo output-tokens: 3; echo ---KELOS_OUTPUTS_END---'
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"w"},"spec":{"repo":"git://127.0.0.1:1/demo/repo.git","secretRef":{"name":"c"}}}' | post $NS/workspaces > /dev/null
spawner() { # NAME REPOSITORY
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"%s"},"spec":{"when":{"githubIssues":{"labels":["go"],"repo":"%s/%s"}},"pollInterval":"1s","taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"workspaceRef":{"name":"w"},"promptTemplate":"true"}}}' "$1" "$FORGE" "$2" |
        post $NS/taskspawners > /dev/null
}
spawner sp demo/repo
spawner lost demo/nowhere
for n in 1 2; do
    task good$n "$USAGE"; task bad$n false
    becomes good$n Succeeded; becomes bad$n Failed
    until_ok 15 has_data "sum(kelos_task_completed_total{phase=\"Failed\"}) >= $n" || fail "round $n is not scraped"
done
until_ok 15 has_data 'sum(kelos_task_created_total) >= 5' || fail "the TaskSpawner's Task is not scraped"
cost='sum(kelos_task_cost_usd_total)'
until_ok 15 has_data "$cost > 4.69 and $cost < 4.71" || fail "cost: $(query "$cost")"
# The node of a real server is no part of what is scraped.
pods='sum(kelos_runner_pods) == 0 and '; ! real_server || pods=""
idle() { has_data "${pods}sum(kelos_status_pending) == 0 and sum(kelos_queue_depth) == 0"; }
until_ok 15 idle || fail "what is over still counts: $(scrape | grep -E '^kelos_(runner_pods|status_pending|queue_depth)')"
until_ok 15 has_data 'kelos_cached_objects{resource="tasks"} == 5' || fail "objects: $(scrape | grep ^kelos_cached)"

begin "promtool takes what is served, with all of it"
scrape > "$T/metrics"
promtool check metrics < "$T/metrics" > "$T/out" 2>&1 || fail "$(cat "$T/out")"

begin "every query of the dashboard returns data"
python3 - $DASHBOARD > "$T/queries" <<'P'
import json, sys
d = json.load(open(sys.argv[1]))
for p in d["panels"]:
    for t in p.get("targets", []):
        e = t["expr"].replace("$namespace", ".*").replace("$job", ".*").replace("$__rate_interval", "1m")
        print(p["title"] + "\t" + e)
for v in d["templating"]["list"]:
    if v["type"] == "query":
        metric, label = v["query"][len("label_values("):-1].split(", ")
        print("variable %s\tcount by (%s) (%s)" % (v["name"], label, metric))
P
[ "$(wc -l < "$T/queries")" -ge 45 ] || fail "only $(wc -l < "$T/queries") queries were read"
grep -q '\$' "$T/queries" && fail "a variable that is not known here: $(grep '\$' "$T/queries")"
while IFS="$(printf '\t')" read -r title expr; do
    until_ok 10 has_data "$expr" || fail "$title: $expr: $(query "$expr")"
done < "$T/queries"

begin "the dashboard and the rules name metrics that exist"
python3 - common/metrics/metrics.def $DASHBOARD $RULES > "$T/out" <<'P' || fail "$(cat "$T/out")"
import re, sys
names = set(re.findall(r'"(kelos_[a-z_]+)"', open(sys.argv[1]).read()))
used = {f: {re.sub(r"_(bucket|sum|count)$", "", n) if n not in names else n for n in re.findall(r"\bkelos_[a-z_]+", open(f).read())} for f in sys.argv[2:]}
unknown = {n for f in used for n in used[f] - names}
print("unknown:", sorted(unknown))
sys.exit(bool(unknown) or len(used[sys.argv[2]]) < 40)
P

begin "every alert is evaluated without an error, and has what it asks for"
curl -s --noproxy '*' "http://127.0.0.1:$PORT/api/v1/rules" > "$T/rules"
python3 - "$T/rules" $RULES > "$T/alerts" <<'P' || fail "$(cat "$T/alerts")"
import json, re, sys, yaml
rules = [r for g in json.load(open(sys.argv[1]))["data"]["groups"] for r in g["rules"]]
ours = [r for g in yaml.safe_load(open(sys.argv[2]))["groups"] for r in g["rules"]]
sick = [r["name"] + ": " + r["health"] + r.get("lastError", "") for r in rules if r["health"] != "ok"]
if sick or len(rules) != len(ours): sys.exit(print(sick, len(rules), len(ours)) or 1)
for r in ours:
    # As a question with an answer either way: 0 or 1 instead of something or nothing.
    e = re.split(r"\s(?:and|unless)\s", r["expr"])[0]
    e = re.sub(r"^absent\((.*)\)$", r"\1", e)
    e = re.sub(r"(?<![=!])(==|>|<)(?= [0-9])", r"\1 bool", e)
    print(r["alert"] + "\t" + " ".join(e.split()))
P
while IFS="$(printf '\t')" read -r alert expr; do
    until_ok 10 has_data "$expr" || fail "$alert: $expr: $(query "$expr")"
done < "$T/alerts"

begin "the alerts that should be silent are, and that of failing Tasks comes when it is due"
# What share of Tasks is too much, promtool has tried on exact samples; here it is seen to come.
firing() { query 'count by (alertname) (ALERTS{alertstate="firing"})' | grep -o '"alertname":"[A-Za-z]*"' | sort -u | tr '\n' ' '; }
[ -z "$(firing | sed 's/"alertname":"KelosTasksFail"//; s/ //g')" ] || fail "$(firing)"
for n in 3 4; do task bad$n false; done
becomes bad3 Failed; becomes bad4 Failed
due() { case "$(firing)" in *KelosTasksFail*) ;; *) return 1 ;; esac; }
until_ok 20 due || fail "four of seven failed, and: $(firing)"

begin "a worker that dies is seen, and its counters go on"
kill -9 "$(pid_of shard-0)"
until_ok 20 has_data 'kelos_worker_restarts_total{worker="shard-0"} >= 1' || fail "no restart: $(scrape | grep restarts)"
until_ok 20 has_data 'kelos_worker_up{worker="shard-0"} == 1' || fail "not up again"
has_data 'sum(resets(kelos_task_completed_total[5m])) == 0' || fail "a counter fell: $(query 'resets(kelos_task_completed_total[5m])')"
finish
