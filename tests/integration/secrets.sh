#!/bin/sh
# secrets.sh - a controller with --watch-secrets: a changed Secret takes effect at once, for those
# who use it and for nobody else, and its values do not come to the watcher. That it takes effect
# within a minute without the flag is shown by isolation.sh and github-app.sh.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
PORT=$(free_port)
cleanup() { forge_down; local_down; }
LOCAL_FLAGS="--watch-secrets --bus-port $PORT --spawner-image my/spawner:1 --controller-address 127.0.0.1"
NO_NODE=1 GRANTS=deploy/manifests/secrets.yaml
CANARY=canary-7b1f20e55c
echo '{"anonymous": false, "tokens": {"T": "bot", "T2": "other"}, "repos": {"demo/repo": {"issues": []}}}' > "$T/state.json"
forge_up "$T/state.json"
local_up || { echo "0 passed, 1 failed"; exit 1; }
printf '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"far"}}' | post /api/v1/namespaces > /dev/null
in_ns() { case $1 in far) echo "$2" | sed 's/default/far/' ;; *) echo "$2" ;; esac; }
post_in() { # NS COLLECTION
    post "$(in_ns "$1" "$2")" > "$T/created"
    ! grep -q '"kind":"Status"' "$T/created" || fail "refused: $(cut -c1-300 "$T/created")"
}
secret() { # NS NAME DATA
    printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"%s"},"stringData":%s}' "$2" "$3" | post_in "$1" $CORE/secrets
}
workspace() { # NS NAME REPO [SECRET]
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"%s"},"spec":{"repo":"%s"%s}}' \
        "$2" "$3" "${4:+,\"secretRef\":{\"name\":\"$4\"\}}" | post_in "$1" $NS/workspaces
}
spawner() { # NS NAME WHEN WORKSPACE [MORE META] [MORE SPEC]
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"%s"%s},"spec":{"when":{%s},"taskTemplate":{"type":"claude-code","credentials":{"type":"api-key","secretRef":{"name":"c"}}%s}%s}}' \
        "$2" "${5:+,$5}" "$3" "${4:+,\"workspaceRef\":{\"name\":\"$4\"\}}" "${6:+,$6}" | post_in "$1" $NS/taskspawners
}
POD='"annotations":{"kelos.dev/isolation":"pod"}'
ISSUES='"githubIssues":{}'
deployment() { in_ns "$1" /apis/apps/v1/namespaces/default/deployments/$2; }
# The names of its init containers: [] with a token, the refresher with an App's key.
inits() { field "$(deployment "$1" "$2")" '[c["name"] for c in o["spec"]["template"]["spec"].get("initContainers", [])]'; }
has_inits() { [ "$(inits "$1" "$2")" = "$3" ]; }
version() { field "$1" 'o["metadata"]["resourceVersion"]'; }

secret default shared '{"GITHUB_TOKEN":"T","x":"'$CANARY'"}'
secret far shared '{"GITHUB_TOKEN":"T"}'
REPO=https://github.com/kelos-dev/kelos.git
workspace default web $REPO shared
workspace default api $REPO shared
workspace default open $REPO
workspace far web $REPO shared
spawner default one "$ISSUES" web "$POD"
spawner default two "$ISSUES" api "$POD"
spawner default public "$ISSUES" open "$POD"
spawner default timed '"cron":{"schedule":"0 9 * * 1"}' "" "$POD"
spawner far three "$ISSUES" web "$POD"
stands() { [ "$(field "$NS/taskspawners/$1" 'o["status"].get("deploymentName") or o["status"].get("cronJobName")')" = "$1" ]; }
for s in one two public timed; do until_ok 20 stands $s || fail "$s: $(field $NS/taskspawners/$s 'o["status"]')"; done
until_ok 20 has_inits far three '[]' || fail "no Deployment of three: $(inits far three)"

begin "a Secret that turns into a GitHub App's changes the Pods of its own namespace's spawners, at once"
for s in public timed; do eval "$s=\$(version $NS/taskspawners/$s)"; done
public_pod=$(version "$(deployment default public)") three_pod=$(version "$(deployment far three)")
app=$(python3 -c 'import base64, json; b = lambda s: base64.b64encode(s.encode()).decode()
print(json.dumps({"data": {"GITHUB_TOKEN": None, "appID": b("1"), "installationID": b("2"), "privateKey": b("k")}}))')
mpatch $CORE/secrets/shared "$app" > /dev/null
within 15 has_inits default one "['token-refresher']" || fail "one: $(inits default one)"
within 15 has_inits default two "['token-refresher']" || fail "two: $(inits default two)"
row SP/D20
[ "$(version "$(deployment default public)")" = "$public_pod" ] && [ "$(version $NS/taskspawners/public)" = "$public" ] || fail "public was written"
row SP/D21
[ "$(version $NS/taskspawners/timed)" = "$timed" ] || fail "timed was written"
[ "$(version "$(deployment far three)")" = "$three_pod" ] || fail "three was written"
row RES/SP15

begin "that of the other namespace concerns its own spawner"
mpatch /api/v1/namespaces/far/secrets/shared "$app" > /dev/null
within 15 has_inits far three "['token-refresher']" || fail "three: $(inits far three)"
mpatch $CORE/secrets/shared '{"data":{"GITHUB_TOKEN":"VA==","appID":null,"installationID":null,"privateKey":null}}' > /dev/null
within 15 has_inits default one '[]' || fail "one: $(inits default one)"
[ "$(inits far three)" = "['token-refresher']" ] || fail "three: $(inits far three)"

begin "a source polls with the new token while the old one still lives"
secret default polls '{"GITHUB_TOKEN":"T"}'
workspace default here "$FORGE/demo/repo" polls
spawner default here "$ISSUES" here "" '"pollInterval":"1s"'
polled_as() { ctl GET requests | python3 -c 'import json, sys
sys.exit(not any(q["path"].endswith("/issues") and q["login"] == sys.argv[1] for q in json.load(sys.stdin)))' "$1"; }
until_ok 20 polled_as bot || fail "no poll: $(field $NS/taskspawners/here 'o["status"]')"
mpatch $CORE/secrets/polls '{"stringData":{"GITHUB_TOKEN":"T2"}}' > /dev/null
within 15 polled_as other || fail "the old token is used on"

begin "Tasks and TaskSpawners that wait for a Secret are woken by it"
workspace default late "$FORGE/demo/repo" late
spawner default late "$ISSUES" late "" '"pollInterval":"1s"'
task late true '"workspaceRef":{"name":"late"}'
says() { case $(message "$1") in *"$2"*) true;; *) false;; esac; }
until_ok 20 says late 'fetching workspace secret "late"' || fail "$(phase late) $(message late)"
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"AgentConfig","metadata":{"name":"tools"},"spec":{"mcpServers":[{"name":"m","type":"http","url":"https://m","headersFrom":{"secretRef":{"name":"headers"}}}]}}' |
    post_in default $NS/agentconfigs
task tools true '"agentConfigRef":{"name":"tools"}'
until_ok 20 says tools 'headers' || fail "$(phase tools) $(message tools)"
# Looked for again and again, ever more rarely: half a minute apart in the end.
secret default late '{"GITHUB_TOKEN":"T2"}'
secret default headers '{"A":"b"}'
within 15 has_job late || fail "no Job: $(message late)"
within 15 has_job tools || fail "no Job: $(message tools)"
running() { [ "$(field "$NS/taskspawners/$1" 'o["status"]["phase"]')" = Running ]; }
within 15 running late || fail "$(field $NS/taskspawners/late 'o["status"]')"

begin "the watcher asked for metadata, and holds no value"
if [ "$(id -u)" -eq 0 ]; then
    secret default plainly-named-3f9 '{"x":"'$CANARY'"}'
    holds() { tests/support/look.py "$(pid_of watcher)" "$@"; }
    named() { [ "$(holds plainly-named-3f9)" = plainly-named-3f9 ]; }
    until_ok 15 named || fail "the watcher has not seen the Secret"
    seen=$(holds "$CANARY" "$(printf %s $CANARY | base64)")
    [ -z "$seen" ] || fail "the watcher holds '$seen'"
fi
grep -q "secrets.*degraded\|cannot watch secrets" "$T/supervisor.log" && fail "$(grep secrets "$T/supervisor.log")"
finish
