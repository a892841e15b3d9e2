#!/bin/sh
# github-app.sh - a GitHub App in a whole local mode: tokens for Tasks and sources, renewed while
# they run; each cause of failure. Tokens of the forge live for seconds here, so that what takes
# hours elsewhere is seen.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
cleanup() { forge_down; }
LIFE=30 # of which a third is left when it is renewed
openssl genrsa -out "$T/key.pem" 2048 2> /dev/null
openssl genrsa -traditional -out "$T/other.pem" 2048 2> /dev/null
openssl rsa -in "$T/key.pem" -pubout -out "$T/public.pem" 2> /dev/null
python3 - "$T" $LIFE > "$T/state.json" <<'END'
import json, sys
print(json.dumps({"anonymous": False, "tokens": {"T": "bot"}, "appTokenSeconds": int(sys.argv[2]),
    "apps": {"12345": {"publicKey": open(sys.argv[1] + "/public.pem").read(), "installations": ["67890"]}},
    "repos": {"demo/repo": {"issues": [{"number": 7, "title": "Seven", "labels": ["go"]}]}}}))
END
forge_up "$T/state.json"
git init -q -b main "$T/seed" && (cd "$T/seed" && echo x > README && git add . &&
    git -c user.name=a -c user.email=a@b commit -qm one)
mkdir -p "$T/git/demo" && git clone -q --bare "$T/seed" "$T/git/demo/repo"
git -C "$T/git/demo/repo" config http.receivepack true
python3 tests/support/githttp.py "$T/host.port" "$T/git" "$FORGE" "$T/host.log" 2> "$T/host.err" &
HOST_PID=$!
until_ok 10 test -s "$T/host.port" || fail "the host does not start"
HOST=127.0.0.1:$(cat "$T/host.port")
LOCAL_SUPERVISOR="$BIN/kelos-supervisor --github-api-url $FORGE"
cleanup() { kill $HOST_PID 2> /dev/null; forge_down; local_down; }
local_up && cp -R "$T/share/agents/demo/bin" "$T/share/agents/tester/" || { echo "0 passed, 1 failed"; exit 1; }

# app_secret NAME APP INSTALLATION KEY-FILE: an App's Secret
app_secret() {
    python3 -c 'import json, sys
print(json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": sys.argv[1]}, "stringData":
    {"appID": sys.argv[2], "installationID": sys.argv[3], "privateKey": open(sys.argv[4]).read()}}))' "$@" |
        post $CORE/secrets > /dev/null
}
workspace() { # NAME SECRET
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"%s"},"spec":{"repo":"http://%s/demo/repo","secretRef":{"name":"%s"}}}' \
        "$1" "$HOST" "$2" | post $NS/workspaces > /dev/null
}
app_task() { task "$1" "$2" '"workspaceRef":{"name":"'"$3"'"}'; }
token_secret() { field "$CORE/secrets/$1-github-token" "$2"; }
token_of() { token_secret "$1" '__import__("base64").b64decode(o["data"]["GITHUB_TOKEN"]).decode()'; }
minted() { ctl GET requests | grep -o '/app/installations/67890/access_tokens' | wc -l; }
# The agent itself runs, and has said so: what it got in its environment is settled.
begun() { get "$CORE/pods/$(field "$NS/tasks/$1" 'o["status"]["podName"]')/log?container=claude-code" | grep -q '^begun'; }
lives() { [ "$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' -H "Authorization: token $1" -H 'Accept: application/json' -H 'User-Agent: t' "$FORGE/user")" = 200 ]; }
dead() { ! lives "$1"; }
says() { case $(message "$1") in *"$2"*) true;; *) false;; esac; }

begin "a Task's token comes from the App's key"
app_secret app " 12345" "67890
" "$T/key.pem"
workspace app app
app_task first "echo one > f; git add f; git -c user.name=a -c user.email=a@b commit -qm f; git push -q origin HEAD:first; test \$(cat \$KELOS_GITHUB_TOKEN_FILE) = \$GITHUB_TOKEN" app
becomes first Succeeded
case $(token_of first) in ghs_*) ;; *) fail "token '$(token_of first)'";; esac
[ "$(token_secret first 'len(o["metadata"]["ownerReferences"]), o["metadata"]["ownerReferences"][0]["kind"], o["metadata"]["ownerReferences"][0]["name"], o["metadata"]["ownerReferences"][0]["controller"]')" = "(1, 'Task', 'first', True)" ] ||
    fail "owners $(token_secret first 'o["metadata"]["ownerReferences"]')"
[ "$(token_secret first 'o["metadata"]["labels"]["kelos.dev/task"]')" = first ] || fail "label"
env_of() { field "$JOBS/$1" '[e["valueFrom"]["secretKeyRef"]["name"] for e in o["spec"]["template"]["spec"]["containers"][0]["env"] if e["name"] == "GITHUB_TOKEN"][0]'; }
[ "$(env_of first)" = first-github-token ] || fail "GITHUB_TOKEN is of $(env_of first)"
get "$JOBS/first" | grep -q '"secretName":"app"' && fail "the App's Secret is in the Job"
git -C "$T/git/demo/repo" rev-parse -q --verify first > /dev/null || fail "nothing was pushed"
row TE/GA9 TE/W-P7

begin "the Secret says of which App it is and when it ends"
[ "$(token_secret first 'o["metadata"]["annotations"]["kelos.dev/github-app-secret"]')" = app ] || fail "annotation"
ends=$(token_secret first 'o["metadata"]["annotations"]["kelos.dev/token-expires-at"]')
python3 -c '
import datetime, sys
left = datetime.datetime.fromisoformat(sys.argv[1].replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)
sys.exit(not -40 < left.total_seconds() <= int(sys.argv[2]))' "$ends" $LIFE || fail "ends at $ends"
row ADD/LT5

ctl GET requests > "$T/requests"
begin "a token that lives is used by all who share the App"
ctl DELETE requests > /dev/null
for i in 1 2 3; do app_task "many-$i" true app; done
for i in 1 2 3; do becomes "many-$i" Succeeded; done
[ "$(minted)" -le 2 ] || fail "$(minted) tokens for three Tasks"

begin "the exchange is the one that GitHub documents"
python3 - "$T/requests" <<'END' || fail "$(cat "$T/requests")"
import json, sys
r = [q for q in json.load(open(sys.argv[1])) if q["path"].endswith("/access_tokens")]
sys.exit(not r or any((q["method"], q["path"], q["status"]) != ("POST", "/app/installations/67890/access_tokens", 201) for q in r))
END
row TE/GA4

begin "a repository on github.com is asked for at the API that is configured, no prefix before the path"
app_secret dotcom-app 12345 67890 "$T/key.pem"
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"dotcom"},"spec":{"repo":"https://github.com/demo/repo.git","secretRef":{"name":"dotcom-app"}}}' |
    post $NS/workspaces > /dev/null
ctl DELETE requests > /dev/null
: > "$T/host.log"
app_task dotcom true dotcom
until_ok 10 has_job dotcom || fail "no Job: $(message dotcom)"
case $(token_of dotcom) in ghs_*) ;; *) fail "token '$(token_of dotcom)'";; esac
ctl GET requests > "$T/requests"
python3 - "$T/requests" <<'END' || fail "$(cat "$T/requests")"
import json, sys
# Tokens of Tasks that have ended are given back at any time.
r = [(q["method"], q["path"], q["status"]) for q in json.load(open(sys.argv[1])) if q["method"] != "DELETE"]
sys.exit(r != [("POST", "/app/installations/67890/access_tokens", 201)])
END
grep -q access_tokens "$T/host.log" && fail "another host was asked: $(cat "$T/host.log")"
del $NS/tasks/dotcom
row TE/GA6

begin "a Secret with a token is used as it is"
workspace pat c
app_task plain true pat
becomes plain Succeeded
[ "$(env_of plain)" = c ] || fail "GITHUB_TOKEN is of $(env_of plain)"
gone $CORE/secrets/plain-github-token || fail "a token Secret was made"
row TE/GA8

begin "git and gh use the tokens of the day: a long Task, the controller killed, a source beside it"
ctl DELETE requests > /dev/null
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"s"},"spec":{"when":{"githubIssues":{"labels":["go"]}},"pollInterval":"1s","taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"workspaceRef":{"name":"app"},"promptTemplate":"true"}}}' |
    post $NS/taskspawners > /dev/null
app_task long "git config user.name a; git config user.email a@b; old=\$GITHUB_TOKEN; push() { echo \$1 >> f; git add f; git commit -qm \$1; git push -q origin HEAD:long || exit 1; }; push first; while test \$(cat \$KELOS_GITHUB_TOKEN_FILE) = \$old; do push more; sleep 1; done; push new; new=\$(cat \$KELOS_GITHUB_TOKEN_FILE); mkdir bin; echo 'echo \$GH_HOST \$GH_ENTERPRISE_TOKEN \$1' > bin/gh; chmod 755 bin/gh; test \\\"\$(PATH=/kelos/bin:\$PWD/bin:\$PATH gh x)\\\" = \\\"$HOST \$new x\\\"" app
becomes long Running
first=$(token_of long)
p=$(pid_of shard-0); kill -9 "$p"
becomes long Succeeded 120
[ "$(git -C "$T/git/demo/repo" rev-list --count long)" -ge 3 ] && [ "$(git -C "$T/git/demo/repo" log -1 --format=%s long)" = new ] ||
    fail "pushed $(git -C "$T/git/demo/repo" log --format=%s long)"
until_ok 60 dead "$first" || fail "the first token still lives"
event_comes long 'Normal GitHubTokenRefreshed Refreshed GitHub App installation token \(expires at 20'
row ADD/LT10 ADD/LT11 ADD/LT12 TE/W-G8

begin "the source's token came from the App, too, and was renewed"
becomes s-7 Succeeded
ctl GET requests > "$T/requests"
python3 - "$T/requests" <<'END' || fail "polls: $(cat "$T/polls")"
import json, sys
r = [q for q in json.load(open(sys.argv[1])) if q["path"].endswith("/repos/demo/repo/issues")]
open(sys.argv[1].replace("requests", "polls"), "w").write(repr([q["status"] for q in r]))
sys.exit(len(r) < 5 or any(q["status"] not in (200, 304) for q in r))
END
del $NS/taskspawners/s

begin "a renewal that fails is told, tried again, and the Task goes on"
app_task wobbly "$(held wobbly); old=\$(cat \$KELOS_GITHUB_TOKEN_FILE); while test \$(cat \$KELOS_GITHUB_TOKEN_FILE) = \$old; do sleep 1; git ls-remote -q origin > /dev/null || exit 3; done" app
becomes wobbly Running
fault '{"path": "/app/installations/67890/access_tokens", "status": 503, "times": 1}'
release wobbly
becomes wobbly Succeeded 120
event_comes wobbly 'Warning GitHubTokenRefreshFailed Failed to refresh GitHub App installation token: generating refreshed installation token: GitHub API returned status 503'
event_comes wobbly 'Normal GitHubTokenRefreshed'
ctl DELETE faults > /dev/null
row ADD/LT8 TE/W-A8

begin "a Secret that is not there yet is waited for"
workspace later later-app
app_task waiting true later
until_ok 5 says waiting 'Failed to resolve GitHub token: fetching workspace secret "later-app"' || fail "$(message waiting)"
[ "$(phase waiting)" = Waiting ] || fail "phase $(phase waiting)"
app_secret later-app 12345 67890 "$T/key.pem"
becomes waiting Succeeded 30

begin "a forge that does not answer well is asked again"
app_secret busy-app 12345 67890 "$T/key.pem"
workspace busy busy-app
fault '{"path": "/app/installations/67890/access_tokens", "status": 502, "body": "bad gateway", "times": -1}'
app_task busy true busy
until_ok 5 says busy 'Failed to resolve GitHub token: generating installation token: GitHub API returned status 502: bad gateway' || fail "$(message busy)"
[ "$(phase busy)" = Waiting ] || fail "phase $(phase busy)"
ctl DELETE faults > /dev/null
becomes busy Succeeded 30

begin "a forge that does not answer holds up its own Task alone, and that for ten seconds"
app_secret mute-app 12345 67890 "$T/key.pem"
workspace mute mute-app
fault '{"path": "/app/installations/67890/access_tokens", "delay_ms": 60000, "times": -1}'
app_task mute true mute
task beside true
within 8 has_job beside || fail "the other Task has no Job"
row TE/W-P5
becomes beside Succeeded 40
until_ok 20 says mute 'generating installation token: requesting installation token: ' || fail "$(message mute)"
[ "$(phase mute)" = Waiting ] || fail "phase $(phase mute)"
ctl DELETE faults > /dev/null
becomes mute Succeeded 40
row TE/W-G10

begin "what will not mend by itself ends the Task, with its cause"
refused() { # NAME APP INSTALLATION KEY MESSAGE
    app_secret "$1-app" "$2" "$3" "$4"
    workspace "$1" "$1-app"
    app_task "$1" true "$1"
    becomes "$1" Failed
    says "$1" "Failed to resolve GitHub token: $5" || fail "$1: $(message "$1")"
    [ -n "$(field "$NS/tasks/$1" 'o["status"]["completionTime"]')" ] || fail "$1 has no completionTime"
    event_comes "$1" "Warning GitHubTokenFailed Failed to resolve GitHub token: "
}
echo not-a-pem > "$T/bad.pem"
refused no-app "" 67890 "$T/key.pem" "parsing GitHub App credentials: missing appID in secret data"
refused no-pem 12345 67890 "$T/bad.pem" "parsing GitHub App credentials: parsing private key: no PEM block found in private key"
refused wrong-key 12345 67890 "$T/other.pem" "generating installation token: GitHub API returned status 401: "
refused no-such 12345 99999 "$T/key.pem" "generating installation token: GitHub API returned status 404: "
refused path 12345 '../1' "$T/key.pem" "parsing GitHub App credentials: installationID is not a number"

begin "a Secret of that name that is somebody else's is left alone"
echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"foreign-github-token"},"stringData":{"GITHUB_TOKEN":"mine"}}' | post $CORE/secrets > /dev/null
app_task foreign true app
becomes foreign Failed
[ "$(message foreign)" = 'Failed to resolve GitHub token: updating token secret: token secret "foreign-github-token" already exists and is not controlled by "foreign"' ] || fail "$(message foreign)"
[ "$(token_of foreign)" = mine ] || fail "overwritten"
row ADD/LT9 TE/W-G13

begin "no token is asked for before all that a Task names is there"
app_secret lone-app 12345 67890 "$T/key.pem"
workspace lone lone-app
ctl DELETE requests > /dev/null
task lone true '"workspaceRef":{"name":"lone"},"agentConfigRef":{"name":"missing"}'
until_ok 5 says lone 'Waiting for AgentConfig "missing" to be created' || fail "$(message lone)"
[ "$(minted)" = 0 ] || fail "$(minted) tokens"

begin "a token that was rotated reaches the agent as a file"
app_task rotated "test \$(cat \$KELOS_GITHUB_TOKEN_FILE) = T || exit 4; echo begun; i=0; while test \$(cat \$KELOS_GITHUB_TOKEN_FILE) = T; do i=\$((i + 1)); test \$i -lt 2000 || exit 5; sleep 0.05; done; git ls-remote -q origin > /dev/null" pat
becomes rotated Running
until_ok 30 begun rotated || fail "the agent does not start"
ctl PATCH tokens '{"add": {"T2": "bot"}, "remove": ["T"]}' > /dev/null
mpatch $CORE/secrets/c '{"stringData":{"GITHUB_TOKEN":"T2"}}' > /dev/null
becomes rotated Succeeded 30

begin "a token with a minute left is renewed once, and then rests"
kill $HOST_PID; wait $HOST_PID 2> /dev/null
forge_down
sed -i 's/"appTokenSeconds": [0-9]*/"appTokenSeconds": 3600/' "$T/state.json"
rm -f "$T/host.port"
forge_up "$T/state.json"
python3 tests/support/githttp.py "$T/host.port" "$T/git" "$FORGE" "$T/host.log" 2> "$T/host.err" &
HOST_PID=$!
until_ok 10 test -s "$T/host.port" || fail "the host does not start"
HOST=127.0.0.1:$(cat "$T/host.port")
workspace hour app
app_task minute "echo begun; i=0; while test \$(cat \$KELOS_GITHUB_TOKEN_FILE) = \$GITHUB_TOKEN; do i=\$((i + 1)); test \$i -lt 2000 || exit 5; sleep 0.05; done; sleep 3" hour
becomes minute Running
until_ok 30 begun minute || fail "the agent does not start"
first=$(token_of minute)
ctl DELETE requests > /dev/null
soon=$(python3 -c 'import datetime; print((datetime.datetime.utcnow() + datetime.timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ"))')
mpatch $CORE/secrets/minute-github-token '{"metadata":{"annotations":{"kelos.dev/token-expires-at":"'"$soon"'"}}}' > /dev/null
p=$(pid_of shard-0); kill -9 "$p" # its successor knows what the Secret says
renewed() { ends=$(token_secret minute 'o["metadata"]["annotations"]["kelos.dev/token-expires-at"]'); [ -n "$ends" ] && [ "$ends" != "$soon" ]; }
until_ok 20 renewed || fail "still ends at $ends"
python3 -c '
import datetime, sys
left = datetime.datetime.fromisoformat(sys.argv[1].replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)
sys.exit(not 3000 < left.total_seconds() <= 3600)' "$ends" || fail "ends at $ends"
[ "$(token_of minute)" != "$first" ] || fail "the token is the old one"
becomes minute Succeeded 120
[ "$(minted)" = 1 ] || fail "$(minted) tokens"
row ADD/LT7

given_back() { ctl GET requests | python3 -c 'import json, sys
print(len([q for q in json.load(sys.stdin) if q["method"] == "DELETE" and q["path"] == "/installation/token" and q["status"] == 204]))'; }

git_with() { git -c credential.helper= ls-remote -q "http://x:$1@$HOST/demo/repo" > /dev/null 2>&1 < /dev/null; }
begin "a token is given back when the last Task and the last source that use it have ended"
until_ok 20 dead "$(token_of minute)" || fail "the token of the Task before still lives"
app_secret back 12345 67890 "$T/key.pem"
workspace back back
ctl DELETE requests > /dev/null
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"keeps"},"spec":{"when":{"githubIssues":{"labels":["never"]}},"pollInterval":"1s","taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"workspaceRef":{"name":"back"},"promptTemplate":"true"}}}' |
    post $NS/taskspawners > /dev/null
app_task quick true back
app_task held "until git ls-remote -q --exit-code origin refs/heads/go-on > /dev/null; do sleep 0.3; done" back
becomes quick Succeeded 40
becomes held Running
del $NS/taskspawners/keeps
until_ok 20 gone $NS/taskspawners/keeps || fail "the TaskSpawner stays"
p=$(pid_of shard-0); kill -9 "$p" # its successor knows the token from the Task's Secret
sleep 4 # twice as long as is waited for another user
[ "$(given_back)" = 0 ] || fail "given back while a Task runs"
token=$(token_of held)
[ "$(token_of quick)" = "$token" ] && [ "$(minted)" = 1 ] || fail "$(minted) tokens"
lives "$token" && git_with "$token" || fail "the token does not work"
git -C "$T/git/demo/repo" branch go-on main
becomes held Succeeded 40
until_ok 20 dead "$token" || fail "the token still lives: $(ctl GET requests | tail -c 500)"
! git_with "$token" || fail "git still takes it"
[ "$(given_back)" = 1 ] || fail "given back $(given_back) times"

begin "while a source polls the token stays; without it, it goes"
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"keeps"},"spec":{"when":{"githubIssues":{"labels":["never"]}},"pollInterval":"1s","taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"api-key","secretRef":{"name":"c"}},"workspaceRef":{"name":"back"},"promptTemplate":"true"}}}' |
    post $NS/taskspawners > /dev/null
polls() { [ "$(field $NS/taskspawners/keeps 'o["status"]["phase"]')" = Running ]; }
until_ok 20 polls || fail "the source does not run"
app_task beside-it true back
becomes beside-it Succeeded 40
token=$(token_of beside-it)
sleep 4
lives "$token" || fail "given back while a source polls"
mpatch $NS/taskspawners/keeps '{"spec":{"suspend":true}}' > /dev/null
until_ok 20 dead "$token" || fail "the token still lives"

begin "what was not given back is tried once more by the next process, and holds up nobody"
fault '{"path": "/installation/token", "status": 500, "times": 1}'
app_task unlucky true back
becomes unlucky Succeeded 40
token=$(token_of unlucky)
until_ok 20 grep -q 'revoking an installation token of Secret default/back: GitHub API returned status 500' "$T/supervisor.log" || fail "not told"
lives "$token" || fail "the fault has not worked"
ctl DELETE faults > /dev/null
p=$(pid_of shard-0); kill -9 "$p"
until_ok 20 dead "$token" || fail "the token still lives"
fault '{"path": "/installation/token", "delay_ms": 60000, "times": 1}'
app_task mute-end true back
becomes mute-end Succeeded 40
sleep 3
app_task after-it true back
becomes after-it Succeeded 40
ctl DELETE faults > /dev/null
row ADD/AW14

begin "no token and no key is in a log"
grep -l 'ghs_\|BEGIN.*PRIVATE' "$T/supervisor.log" "$T/d/log/"* 2> /dev/null && fail "in a log"
finish
