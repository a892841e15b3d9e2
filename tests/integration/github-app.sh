#!/bin/sh
# github-app.sh - a GitHub App in a whole local mode: tokens for Tasks and sources, renewed while
# they run; each cause of failure. Tokens of the forge live for seconds here, so that what takes
# hours elsewhere is seen.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
cleanup() { forge_down; }
LIFE=9
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
cleanup() { kill $HOST_PID 2> /dev/null; forge_down; local_down; }
local_up || { echo "0 passed, 1 failed"; exit 1; }

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
row TE/GA9

begin "the Secret says of which App it is and when it ends"
[ "$(token_secret first 'o["metadata"]["annotations"]["kelos.dev/github-app-secret"]')" = app ] || fail "annotation"
ends=$(token_secret first 'o["metadata"]["annotations"]["kelos.dev/token-expires-at"]')
python3 -c '
import datetime, sys
left = datetime.datetime.fromisoformat(sys.argv[1].replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)
sys.exit(not -40 < left.total_seconds() <= int(sys.argv[2]))' "$ends" $LIFE || fail "ends at $ends"
row ADD/LT5

begin "a token that lives is used by all who share the App"
ctl DELETE requests > /dev/null
for i in 1 2 3; do app_task "many-$i" true app; done
for i in 1 2 3; do becomes "many-$i" Succeeded; done
[ "$(minted)" -le 2 ] || fail "$(minted) tokens for three Tasks"

begin "a long Task pushes with tokens that were not there when it began"
ctl DELETE requests > /dev/null
app_task long "git config user.name a; git config user.email a@b; old=\$(cat \$KELOS_GITHUB_TOKEN_FILE); for i in 1 2 3 4 5 6 7 8; do sleep 2.5; echo \$i >> f; git add f; git commit -qm \$i; git push -q origin HEAD:long || exit 1; done; test \$old != \$(cat \$KELOS_GITHUB_TOKEN_FILE); test \$old = \$GITHUB_TOKEN" app
becomes long Running
first=$(token_of long)
becomes long Succeeded 60
[ "$(git -C "$T/git/demo/repo" rev-list --count long)" = 9 ] || fail "pushed $(git -C "$T/git/demo/repo" rev-list --count long) commits"
[ "$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' -H "Authorization: token $first" -H 'User-Agent: t' "$FORGE/user")" = 401 ] || fail "the first token still lives"
events_of long | grep -q 'Normal GitHubTokenRefreshed Refreshed GitHub App installation token (expires at 20' || fail "no event: $(events_of long)"
row ADD/LT11
finish
