#!/bin/sh
# pulls.sh - pull requests and commentPolicy: what the source makes of a real listing, which
# requests it makes for it, and what a whole local mode does with the items.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/local.sh
cleanup() { local_down; forge_down; }

at() { printf '2026-02-0%sT00:00:00Z' "$1"; }
ms() { date -u -d "$(at "$1")" +%s000; }
# pr NUMBER PULL [MORE]: by alice unless MORE says otherwise.
pr() {
    case "${3-}" in *'"], "user":'*) u= ;; *) u='"user": "alice", ' ;; esac
    case "${3-}" in '"body"'*) b= ;; *) b='"body": "", ' ;; esac
    printf '{"number": %s, "title": "P%s", %s%s"created_at": "%s", "updated_at": "%s", "pull": {"head": "branch-%s", "sha": "h1"%s}%s}' \
        "$1" "$1" "$b" "$u" "$(at 1)" "$(at 1)" "$1" "${2:+, $2}" "${3:+, $3}"
}
review() { printf '{"user": "%s", "state": "%s", "submitted_at": "%s", "sha": "%s", "body": "%s"}' "$1" "$2" "$(at "$3")" "${4:-h1}" "${5-}"; }
line_of() { printf '{"user": "%s", "path": "internal/source/github.go", "line": 42, "body": "%s", "sha": "%s", "created_at": "%s"}' "$1" "$2" "$3" "$(at "$4")"; }
said() { printf '{"user": "%s", "body": "%s", "created_at": "%s"}' "$1" "$2" "$(at "$3")"; }
long() { head -c "$1" /dev/zero | tr '\0' "$2"; }
list() { awk "BEGIN { for (i = 1; i <= $1; i++) printf \"%s$2\", (i > 1 ? \",\" : \"\"), i }"; }

cat > "$T/state.json" <<END
{"anonymous": true, "tokens": {"T": "bot"},
 "teams": {"my-org/platform": {"Alice": "active", "bob": "pending"}},
 "repos": {
  "q/reviewed": {"issues": [
    $(pr 1 "\"reviews\": [$(review bob CHANGES_REQUESTED 3)], \"review_comments\": [$(line_of bob 'Of an older state' h0 2), $(line_of bob '  Handle the error path\n' h1 3), $(line_of bob '  ' h1 3)]" "\"labels\": [\"fix\"], \"comments\": [$(said carol hello 2)]")]},
  "q/rules": {"issues": [
    $(pr 1 '"draft": false, "files": ["internal/a.go"]' '"labels": ["ready", "api"]'),
    $(pr 2 '"draft": true, "files": ["docs/x.md"]' '"labels": ["ready", "wontfix"], "user": "bob"'),
    $(pr 3 '"draft": false' '"labels": ["api"], "user": "dependabot[bot]"'),
    {"number": 4, "title": "An issue", "labels": ["ready"], "created_at": "$(at 1)"},
    $(pr 5 '' '"state": "closed", "labels": ["old"]')]},
  "q/states": {"issues": [
    $(pr 1 "\"reviews\": [$(review a APPROVED 2), $(review b CHANGES_REQUESTED 3)]"),
    $(pr 2 "\"reviews\": [$(review a CHANGES_REQUESTED 2), $(review A APPROVED 3)]"),
    $(pr 3 "\"reviews\": [$(review a APPROVED 2 old), $(review b COMMENTED 2), $(review c DISMISSED 2), $(review d PENDING 2)]")]},
  "q/trigger": {"issues": [
    $(pr 1 "\"reviews\": [$(review bob CHANGES_REQUESTED 3)]"),
    $(pr 2 '' '"body": "please\n/go\nthanks"'),
    $(pr 3 "\"reviews\": [$(review bob CHANGES_REQUESTED 2)]" "\"comments\": [$(said bob /no 3), $(said bob /go 4)]"),
    $(pr 4 "\"reviews\": [$(review bob CHANGES_REQUESTED 5)]" "\"comments\": [$(said bob /no 4)]"),
    $(pr 5 "\"review_comments\": [$(line_of bob /go h0 4)]"),
    $(pr 6 "\"reviews\": [$(review bob COMMENTED 4 h1 'fine\n/go')]"),
    $(pr 7 "\"reviews\": [$(review bob CHANGES_REQUESTED 5)]" "\"comments\": [$(said bob /go 4)]"),
    $(pr 8 "\"reviews\": [$(review mallory COMMENTED 5 h1 /no)]" "\"comments\": [$(said alice /go 4)]"),
    $(pr 9 "\"review_comments\": [$(line_of bob /no h1 5)]" "\"comments\": [$(said bob /go 4)]")]},
  "q/many": {"issues": [$(pr 1 "\"files\": [$(list 1010 '\"f%d.txt\"')]"), $(pr 2 '"files": ["a.go"]')]},
  "q/issues": {"issues": [
    {"number": 1, "title": "Many comments", "created_at": "$(at 1)", "updated_at": "$(at 1)",
     "comments": [$(list 120 '{\"user\":\"x\",\"body\":\"c%d\"}'), $(said x /go 2)]},
    {"number": 2, "title": "Long", "created_at": "$(at 1)", "updated_at": "$(at 1)",
     "comments": [$(said x "$(long 40000 a)" 1), $(said x "$(long 40000 b)" 2), $(said x "$(long 20000 c)" 3)]},
    {"number": 3, "title": "Short", "created_at": "$(at 1)", "updated_at": "$(at 1)",
     "comments": [$(said x one 1), $(said x two 2)]},
    {"number": 4, "title": "Too long", "created_at": "$(at 1)", "updated_at": "$(at 1)",
     "comments": [$(said x "$(long 70000 d)" 1)]}]},
  "q/asks": {"collaborators": {"reader": "read", "Boss": "admin", "keeper": "maintain", "odd[bot]": "write"}, "issues": [
    {"number": 1, "title": "Reader", "created_at": "$(at 1)", "comments": [$(said reader /go 2)]},
    {"number": 2, "title": "Boss", "created_at": "$(at 1)", "comments": [$(said boss /go 2), $(said BOSS /go 3)]},
    {"number": 3, "title": "Stranger", "created_at": "$(at 1)", "comments": [$(said stranger /go 2)]},
    {"number": 4, "title": "Boss again", "created_at": "$(at 1)", "user": "boss", "body": "/go"},
    {"number": 5, "title": "Keeper", "created_at": "$(at 1)", "comments": [$(said keeper /go 2)]},
    {"number": 6, "title": "Odd name", "created_at": "$(at 1)", "comments": [$(said odd[bot] /go 2)]}]},
  "q/one": {"collaborators": {"boss": "admin"}, "issues": [
    {"number": 1, "title": "Boss", "created_at": "$(at 1)", "comments": [$(said boss /go 2)]}]},
  "q/teams": {"collaborators": {"alice": "read"}, "issues": [
    {"number": 1, "title": "Alice", "created_at": "$(at 1)", "comments": [$(said ALICE /go 2)]},
    {"number": 2, "title": "Bob", "created_at": "$(at 1)", "comments": [$(said bob /go 2)]},
    {"number": 3, "title": "Stranger", "created_at": "$(at 1)", "comments": [$(said stranger /go 2)]}]},
  "q/live": {"collaborators": {"alice": "write"}, "issues": [
    $(pr 1 "\"reviews\": [$(review bob CHANGES_REQUESTED 3)], \"review_comments\": [$(line_of bob 'Handle it' h1 3)]" '"labels": ["go"]'),
    $(pr 2 '"draft": true' '"labels": ["go", "high"]'),
    $(pr 3 "\"reviews\": [$(review bob APPROVED 3)], \"files\": [\"docs/a.md\"]" '"labels": ["go"]'),
    $(pr 4 "\"reviews\": [$(review bob CHANGES_REQUESTED 3)], \"files\": [\"docs/a.md\"]" '"labels": ["other"]'),
    $(pr 5 "\"reviews\": [$(review bob CHANGES_REQUESTED 3)]" "\"labels\": [\"go\"], \"comments\": [$(said alice /hold 4)]")]}
}}
END
forge_up "$T/state.json"
[ -s "$T/forge.port" ] || { cat "$T/forge.log"; echo "0 passed, 1 failed"; exit 1; }

# once SOURCE REPO SPEC [EXPLAIN]: the answer in $T/out, the exit status in $RC.
once() {
    printf '{"type":"github","api_base":"%s/api/v3","token":"T","owner":"q","repo":"%s","explain":%s,"when":{"%s":%s}}' \
        "$FORGE" "$2" "${4:-false}" "$1" "$3" | "$BIN/kelos-spawner" --list-once > "$T/out" 2> "$T/err"
    RC=$?
}
pulls() { once githubPullRequests "$@"; }
policy() { once githubIssues "$1" "{\"commentPolicy\":{\"triggerComment\":\"/go\",$2}}"; }
out() { python3 -c 'import json,sys; o=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$T/out" "$1"; }
ids() { out '" ".join(i["id"] for i in o.get("items", []))'; }
are() { [ "$RC" -eq 0 ] && [ "$(ids)" = "$1" ] || fail "items are '$(ids)', not '$1' (exit $RC: $(cut -c1-300 "$T/out"))"; }
is() { [ "$(out "$1")" = "$2" ] || fail "$1 is '$(out "$1")', not '$2'"; }
fresh() { ctl DELETE requests; ctl DELETE faults; }
asked() { # PATTERN: how many requests had such a path and query
    ctl GET requests | python3 -c 'import json,re,sys
print(sum(bool(re.search(sys.argv[1], r["path"] + "?" + r["query"])) for r in json.load(sys.stdin)))' "$1"
}
asked_times() { [ "$(asked "$2")" = "$1" ] || fail "$2 was asked for $(asked "$2") times, not $1"; }
paths() { ctl GET requests | python3 -c 'import json,sys
print(" ".join(r["path"].replace("/repos/q/", "") for r in json.load(sys.stdin)))'; }

begin "a reviewed pull request is an item with what its review says"
fresh; pulls reviewed '{"reviewState": "changes_requested"}'; are 1
is 'o["items"][0]["review_state"]' changes_requested
is 'o["items"][0]["review_comments"]' "internal/source/github.go:42
Handle the error path"
is 'o["items"][0]["comments"]' hello
is 'o["items"][0]["trigger_time"]' "$(ms 3)"
is 'o["items"][0]["kind"] + o["items"][0]["branch"] + o["items"][0]["sha"]' PRbranch-1h1
[ "$(paths)" = "reviewed/pulls reviewed/pulls/1/reviews reviewed/issues/1/comments reviewed/pulls/1/comments" ] || fail "asked: $(paths)"
asked_times 1 '/pulls\?direction=desc&per_page=100&sort=updated&state=open$'
row SP/Q1
asked_times 0 /files
row SP/Q13

begin "labels, author, draft and state choose"
pulls rules '{"labels": ["ready"], "excludeLabels": ["wontfix"], "author": "alice", "draft": false}'; are 1
pulls rules '{"labels": ["ready", "API"]}'; are 1
pulls rules '{"draft": true}'; are 2
pulls rules '{"author": "ALICE"}'; are 1
pulls rules '{"excludeLabels": ["ready", "none"]}'; are 3
pulls rules '{}'; are "3 2 1"
pulls rules '{"state": "closed"}'; are 5
pulls rules '{"state": "all", "labels": ["old"]}'; are 5
row SP/Q7
pulls rules '{"excludeAuthors": ["Dependabot[bot]", "bob"]}'; are 1
row SP/Q8

begin "what its files do not match is not asked about any more"
fresh; pulls rules '{"filePatterns": {"include": ["internal/**"]}}'; are 1
for n in 1 2 3; do asked_times 1 "/pulls/$n/files"; done
asked_times 1 /reviews; asked_times 1 '/pulls/1/comments'; asked_times 0 '/(2|3)/(reviews|comments)'
row SP/Q14

begin "of very many files the first ones decide, and it is said when they do not"
fresh; pulls many '{"filePatterns": {"include": ["*.go"]}}'; are 2
out 'o["warning"]' | grep -q '^#1 has more than 1000 files' || fail "$(out 'o["warning"]')"
asked_times 10 /pulls/1/files
pulls many '{"filePatterns": {"include": ["f7.txt"]}}'; are 1
row SP/V6

begin "the latest review of each reviewer on the head counts"
pulls states '{}'; is 'sorted((i["id"], i["review_state"]) for i in o["items"])' "[('1', 'changes_requested'), ('2', 'approved'), ('3', '')]"
pulls states '{"reviewState": "changes_requested"}'; are 1
row SP/Q9
pulls states '{"reviewState": "approved"}'; are 2
row SP/Q10
is 'o["items"][0]["trigger_time"]' "$(ms 3)"
fresh; pulls states '{"reviewState": "any", "labels": ["none"]}'; are ''; asked_times 0 /reviews
pulls states '{"reviewState": "approved"}' && asked_times 0 '/3/comments' && row SP/Q11

begin "commands of comments, of comments on lines and of reviews count"
GO='"commentPolicy": {"triggerComment": "/go"}' BOTH='"commentPolicy": {"triggerComment": "/go", "excludeComments": ["/no"]}'
pulls trigger "{$GO, \"reviewState\": \"changes_requested\"}"
case " $(ids) " in *" 1 "*) fail "without a trigger it is an item";; esac
row SP/Q3
pulls trigger "{$GO}"; is 'sorted(i["id"] for i in o["items"])' "['2', '3', '5', '6', '7', '8', '9']"
is '[i["trigger_time"] for i in o["items"] if i["id"] == "2"]' '[0]'
row SP/Q4
is '[i["trigger_time"] for i in o["items"] if i["id"] in "5 6"]' "[$(ms 4), $(ms 4)]"
pulls trigger "{$BOTH}"; is 'sorted(i["id"] for i in o["items"])' "['2', '3', '5', '6', '7']"
row SP/Q12
is '[i["trigger_time"] for i in o["items"] if i["id"] == "3"]' "[$(ms 4)]"
row SP/Q5
is '[i["trigger_time"] for i in o["items"] if i["id"] == "7"]' "[$(ms 4)]"
pulls trigger "{$BOTH, \"reviewState\": \"changes_requested\"}"; is 'sorted(i["id"] for i in o["items"])' "['3', '7']"
is '[i["trigger_time"] for i in o["items"] if i["id"] == "7"]' "[$(ms 5)]"
row SP/Q15
pulls trigger '{"commentPolicy": {"excludeComments": ["/no"]}, "reviewState": "changes_requested"}'
is 'sorted(i["id"] for i in o["items"])' "['1', '7']"
row SP/Q2 SP/Q6
pulls trigger '{"commentPolicy": {"triggerComment": "/go", "excludeComments": ["/no"], "allowedUsers": ["ALICE"]}}'
is '[(i["id"], i["trigger_time"]) for i in o["items"] if i["id"] in "89"]' "[('8', $(ms 4))]"
row SP/Y17

begin "what excludes a pull request is told"
pulls rules '{"draft": false, "author": "alice"}' true
is 'sorted("%d %s" % (i["number"], i["rule"]) for i in o["excluded"])' "['2 author: is \"bob\", not \"alice\"', '3 author: is \"dependabot[bot]\", not \"alice\"']"
pulls rules '{"filePatterns": {"exclude": ["docs/**"]}, "labels": ["ready"]}' true
is '"; ".join(sorted("%d %s" % (i["number"], i["rule"]) for i in o["excluded"]))' '2 filePatterns: none of its files fits; 3 labels: "ready" is missing'
pulls states '{"reviewState": "approved"}' true
is '"; ".join(sorted("%d %s" % (i["number"], i["rule"]) for i in o["excluded"]))' '1 reviewState: is "changes_requested", not "approved"; 3 reviewState: is "", not "approved"'
pulls trigger "{$BOTH}" true
out '"\n".join(sorted("%d %s" % (i["number"], i["rule"]) for i in o["excluded"]))' > "$T/rules"
must grep -qx '1 commentPolicy.triggerComment: nobody who may has written "/go"' "$T/rules"
must grep -qx '4 commentPolicy.excludeComments: somebody who may has parked it' "$T/rules"

begin "comments of issues: pages are followed, and the newest that fit are kept"
once githubIssues issues '{"triggerComment": "/go"}'; are 1
is 'o["items"][0]["trigger_time"]' "$(ms 2)"
row SP/H1
once githubIssues issues '{}'
is '[len(i["comments"]) for i in o["items"] if i["id"] == "2"]' '[60005]'
is '[i["comments"][0] + i["comments"][40000:40005] + i["comments"][-1] for i in o["items"] if i["id"] == "2"]' "['b\\n---\\nc']"
row SP/H2
is '[i["comments"] for i in o["items"] if i["id"] == "3"]' "['one\\n---\\ntwo']"
row SP/H3
is '[i["comments"] for i in o["items"] if i["id"] == "4"]' "['']"
row SP/H4

begin "permissions decide, and each login is asked about once"
fresh; policy asks '"minimumPermission": "write"'
is 'sorted(i["id"] for i in o["items"])' "['2', '4', '5', '6']"
asked_times 1 '(?i)/collaborators/boss/permission'; asked_times 1 /collaborators/reader/; asked_times 1 /collaborators/stranger/
asked_times 5 /collaborators/
row SP/Y12
policy asks '"minimumPermission": "maintain"'; is 'sorted(i["id"] for i in o["items"])' "['2', '4', '5']"
policy asks '"minimumPermission": "admin"'; is 'sorted(i["id"] for i in o["items"])' "['2', '4']"
policy asks '"minimumPermission": "read", "allowedUsers": ["stranger"]'; is 'len(o["items"])' 6

begin "teams decide, too"
fresh; policy teams '"allowedTeams": ["my-org/platform"]'; are 1
asked_times 1 '/orgs/my-org/teams/platform/memberships/ALICE'; asked_times 3 /memberships/
row SP/Y14
fresh; fault '{"path": "/repos/q/teams/collaborators/*", "times": -1, "status": 500}'
policy teams '"minimumPermission": "write", "allowedTeams": ["my-org/platform"]'
is '" ".join(i["id"] for i in o["items"])' 1
out 'o["warning"]' | grep -q '^2 items are left out for now: GitHub API returned status 500' || fail "$(out 'o["warning"]')"
row SP/Y15

begin "what cannot be known is an error, and is asked again"
fresh; fault '{"path": "/repos/q/one/collaborators/*", "status": 500}'
policy one '"minimumPermission": "write"'; [ $RC -eq 1 ] || fail "exit $RC"
is 'o["error"].split(":")[0]' 'GitHub API returned status 500'
row SP/Y16
policy one '"minimumPermission": "write"'; are 1
asked_times 2 /collaborators/
row SP/Y13
once githubIssues one '{"commentPolicy": {"minimumPermission": "owner"}}'; [ $RC -eq 1 ] || fail "exit $RC"
is 'o["reason"]' InvalidSource
once githubIssues one '{"commentPolicy": {"allowedTeams": ["x"]}}'; is 'o["reason"]' InvalidSource

begin "the server is as strict as GitHub"
code() { curl -s -o "$T/body" -w '%{http_code}' --noproxy '*' "$@"; }
A="$FORGE/api/v3/repos/q/states"
[ "$(code "$A/pulls?labels=x")" = 422 ] && [ "$(code "$A/pulls?sort=comments")" = 422 ] && [ "$(code "$A/pulls?sort=popularity")" = 200 ] || fail "query keys of /pulls"
[ "$(code "$A/pulls/99/reviews")" = 404 ] && [ "$(code "$A/pulls/1/reviews?sort=created")" = 422 ] || fail "/reviews"
code "$A/pulls" > /dev/null; ! grep -q '"comments":' "$T/body" || fail "the listing counts comments"
code "$A/pulls/1" > /dev/null; must grep -q '"review_comments":0' "$T/body"
code "$A/pulls/3/reviews" > /dev/null
[ "$(grep -o submitted_at "$T/body" | wc -l)" = 3 ] || fail "a pending review has a time"
[ "$(code "$FORGE/api/v3/repos/q/asks/collaborators/boss/permission")" = 401 ] || fail "permissions without a token"
[ "$(code -H 'Authorization: token T' "$FORGE/api/v3/repos/q/asks/collaborators/keeper/permission")" = 200 ] || fail "permission"
must grep -q '"permission":"write","role_name":"maintain"' "$T/body"

# ---- in a whole local mode ---------------------------------------------------------------
local_up || { echo "0 passed, 1 failed"; exit 1; }
cat > "$T/workspace.yaml" <<END
apiVersion: kelos.dev/v1alpha1
kind: Workspace
metadata: {name: w}
spec: {repo: "$FORGE/somebody/fork.git", secretRef: {name: c}}
END
"$BIN/kelos" --kubeconfig "$K" apply -f "$T/workspace.yaml" > /dev/null || fail "apply"
spawner() { # NAME WHEN [MORE TEMPLATE]
    cat <<END
apiVersion: kelos.dev/v1alpha1
kind: TaskSpawner
metadata: {name: $1}
spec:
  when:
    $2
  pollInterval: 1s
  taskTemplate:
    type: claude-code
    image: tester
    credentials: {type: api-key, secretRef: {name: c}}
    workspaceRef: {name: w}
    dependsOn: [never]
    branch: "{{.Branch}}"
    promptTemplate: |
      {{.Kind}} {{.Number}} {{.ReviewState}}
      {{.ReviewComments}}
${3:+    $3}
END
}
apply() { "$BIN/kelos" --kubeconfig "$K" apply -f - 2>&1; }
task_of() { field "$NS/tasks/$1" "$2"; }
is_there() { [ -n "$(task_of "$1" 'o["metadata"]["uid"]')" ]; }
LIVE='reviewState: changes_requested, priorityLabels: [high], commentPolicy: {excludeComments: [/hold], minimumPermission: write}'

begin "the schema knows the fields and refuses what cannot be"
bad() { spawner bad "$1" | apply > "$T/why" && fail "taken: $1"; must grep -q "$2" "$T/why"; }
bad 'githubPullRequests: {reviewState: perhaps}' reviewState
bad 'githubPullRequests: {state: merged}' state
bad 'githubPullRequests: {commentPolicy: {allowedTeams: [nobody]}}' allowedTeams
bad 'githubPullRequests: {commentPolicy: {minimumPermission: owner}}' minimumPermission
bad 'githubIssues: {triggerComment: /go, commentPolicy: {triggerComment: /go}}' 'commentPolicy excludes triggerComment'
spawner bad 'githubPullRequests: {}' | sed '/workspaceRef/d' | apply > "$T/why" && fail "taken without a workspace"
must grep -q 'workspaceRef is required when using githubPullRequests' "$T/why"
spawner bad 'githubPullRequests: {}' | sed '/ credentials:/d' | apply > "$T/why" && fail "taken without credentials"
must grep -q 'exactly one of credentials and taskTemplate.credentials' "$T/why"
spawner bad 'githubPullRequests: {}' | sed 's/^  pollInterval.*/  credentials: [{name: a, type: api-key, secretRef: {name: c}}]/' | apply > "$T/why" && fail "taken with both credentials"
must grep -q 'exactly one of credentials and taskTemplate.credentials' "$T/why"
bad '{githubPullRequests: {}, cron: {schedule: "0 0 1 1 *"}}' 'exactly one of'

begin "kelos simulate shows what matches and what excludes the others"
spawner live "githubPullRequests: {repo: q/live, labels: [go], $LIVE}" > "$T/live.yaml"
"$BIN/kelos" --kubeconfig "$K" simulate taskspawner -o json -f "$T/live.yaml" > "$T/out" 2> "$T/err" || fail "exit $?: $(cat "$T/err")"
is '[(i["id"], i["state"], i["task"], i["branch"]) for i in o["items"]]' "[('1', 'Starts', 'live-1', 'branch-1')]"
is '"; ".join(sorted("%d %s" % (i["number"], i["rule"]) for i in o["excluded"]))' '2 reviewState: is "", not "changes_requested"; 3 reviewState: is "approved", not "changes_requested"; 4 labels: "go" is missing; 5 commentPolicy.excludeComments: somebody who may has parked it'

begin "its Tasks carry what the pull request says, and where it came from"
apply < "$T/live.yaml" > /dev/null || fail "apply"
until_ok 20 is_there live-1 || fail "no Task: $(field $NS/taskspawners/live 'o["status"]')"
[ "$(task_of live-1 'o["spec"]["prompt"]')" = "PR 1 changes_requested
internal/source/github.go:42
Handle it" ] || fail "prompt is $(task_of live-1 'o["spec"]["prompt"]')"
[ "$(task_of live-1 'o["spec"]["branch"]')" = branch-1 ] || fail "branch"
[ "$(task_of live-1 'o["spec"]["upstreamRepo"]')" = q/live ] || fail "upstream repository is '$(task_of live-1 'o["spec"]["upstreamRepo"]')'"
[ "$(task_of live-1 '" ".join(o["metadata"]["annotations"]["kelos.dev/source-" + k] for k in ("kind", "number", "sha"))')" = "pull-request 1 h1" ] ||
    fail "annotations: $(task_of live-1 'o["metadata"]["annotations"]')"

begin "an unchanged repository costs requests that are not counted"
settled() { fresh; sleep 2.5; [ "$(count 200)" = 0 ] && [ "$(count 304)" -ge 1 ]; }
until_ok 30 settled || fail "$(ctl GET counts)"

begin "a change reads anew what has changed, on condition"
fresh; ctl POST repos/q/live/pulls/3/reviews "{\"user\": \"bob\", \"state\": \"CHANGES_REQUESTED\", \"body\": \"no\"}" > /dev/null
until_ok 20 is_there live-3 || fail "no Task for the changed one"
asked_times 0 '/(1|5)/(reviews|comments)'
asked_times 0 '/(2|4)/comments'

begin "a withdrawn permission is seen though no item has changed"
ctl PATCH repos/q/live/collaborators '{"alice": "read"}' > /dev/null
until_ok 20 is_there live-5 || fail "its exclusion still counts"

begin "a newer review asks for a finished item once more"
uid=$(task_of live-1 'o["metadata"]["uid"]')
mpatch $NS/tasks/live-1/status "{\"status\":{\"phase\":\"Succeeded\",\"completionTime\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"}}" > /dev/null
sleep 1.1
ctl POST repos/q/live/pulls/1/reviews '{"user": "bob", "state": "CHANGES_REQUESTED", "body": "again"}' > /dev/null
anew() { u=$(task_of live-1 'o["metadata"]["uid"]'); [ -n "$u" ] && [ "$u" != "$uid" ]; }
until_ok 20 anew || fail "not made anew"
revision=$(task_of live-1 'o["metadata"]["annotations"]["kelos.dev/revision"]')
case "$revision" in 1@20*) ;; *) fail "revision '$revision'";; esac
row SP/C14
uid=$(task_of live-1 'o["metadata"]["uid"]')
sleep 2.5; [ "$(task_of live-1 'o["metadata"]["uid"]')" = "$uid" ] || fail "the same review asks again and again"

begin "a pull request that cannot be read stops no other"
new_pull() { ctl POST repos/q/live/issues "{\"number\": $1, \"title\": \"N\", \"labels\": [\"go\"], \"pull\": {\"sha\": \"h1\", \"reviews\": [$(review bob CHANGES_REQUESTED 5)]}}" > /dev/null; }
ts() { field "$NS/taskspawners/$1" "$2"; }
condition() { ts "$1" "[c for c in o['status']['conditions'] if c['type'] == '$2'][0]['$3']"; }
fault '{"path": "/repos/q/live/pulls/20/reviews", "times": -1, "status": 500}'
new_pull 20; new_pull 21
until_ok 15 is_there live-21 || fail "the next one waits"
warned() { condition live SourceWarning message | grep -q 'left out for now: reviews of #20: GitHub API returned status 500'; }
until_ok 15 warned || fail "not told: $(ts live 'o["status"]["conditions"]')"
new_pull 22; within 10 is_there live-22 || fail "the interval has grown"
is_there live-20 && fail "made without its reviews"
ctl DELETE faults; until_ok 15 is_there live-20 || fail "not seen when it can be read again"
row SP/V4

begin "what becomes of Tasks is planned from what is known, without asking the source"
spawner slow 'githubPullRequests: {repo: q/states, pollInterval: 1h}' | sed 's/^  pollInterval: 1s/  maxConcurrency: 1/' | apply > /dev/null || fail apply
tasks_of() { get $NS/tasks | python3 -c '
import json, sys
print(" ".join(sorted(t["metadata"]["name"] for t in json.load(sys.stdin)["items"] if t["metadata"].get("labels", {}).get("kelos.dev/taskspawner") == sys.argv[1] and "deletionTimestamp" not in t["metadata"])))' "$1"; }
made() { [ "$(tasks_of slow | wc -w)" = "$1" ]; }
until_ok 15 made 1 || fail "Tasks are '$(tasks_of slow)'"
version() { ts slow 'o["metadata"]["resourceVersion"]'; }
until_ok 10 at_rest $NS/taskspawners/slow || fail "its status does not settle"
fresh; first=$(tasks_of slow) v=$(version)
mpatch "$NS/tasks/$first" '{"metadata":{"annotations":{"a":"b"}}}' > /dev/null
task stranger true
sleep 1.5
[ "$(version)" = "$v" ] && [ "$(tasks_of slow)" = "$first" ] || fail "an annotation or a foreign Task has moved it: $(tasks_of slow)"
end_of() { mpatch "$NS/tasks/$1/status" "{\"status\":{\"phase\":\"Succeeded\",\"completionTime\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"}}" > /dev/null; }
end_of "$first"
until_ok 10 made 2 || fail "a Task ended: Tasks are '$(tasks_of slow)'"
second=$(tasks_of slow | tr ' ' '\n' | grep -vx "$first")
del "$NS/tasks/$second"
third() { for t in $(tasks_of slow); do case " $first $second " in *" $t "*) ;; *) return 0 ;; esac; done; return 1; }
until_ok 10 third || fail "a Task was deleted: Tasks are '$(tasks_of slow)'"
asked_times 0 /repos/q/states/
row SP/C7 SP/V2

begin "a used up rate limit is in the status, with its end, and in an Event"
spawner idle 'githubPullRequests: {repo: q/rules}' > "$T/idle.yaml"; apply < "$T/idle.yaml" > /dev/null || fail apply
until_ok 15 is_there idle-1 || fail "no Task"
reset=$(($(date +%s) + 12))
fault "{\"path\": \"/repos/q/rules/pulls\", \"status\": 403, \"headers\": {\"X-RateLimit-Remaining\": \"0\", \"X-RateLimit-Reset\": \"$reset\"}}"
limited() { ts idle "[(c['status'], c['reason'], c['message']) for c in o['status']['conditions'] if c['type'] == 'DiscoveryError']" > "$T/limited"; grep -q "'True', 'RateLimited'" "$T/limited"; }
until_ok 20 limited || fail "$(ts idle 'o["status"]["conditions"]')"
grep -q "rate limit.*until $(date -u -d "@$reset" +%Y-%m-%dT%H:%M:%S)" "$T/limited" || fail "$(cat "$T/limited")"
told() { get $CORE/events | grep -q '"reason": *"DiscoveryError"'; }
until_ok 10 told || fail "no Event"
mended() { [ "$(condition idle DiscoveryError status)" = False ]; }
until_ok 60 mended || fail "it does not go on"
row SP/V5

begin "a suspended TaskSpawner asks for nothing, and goes on by itself when resumed"
mpatch $NS/taskspawners/idle '{"spec":{"suspend":true}}' > /dev/null
suspended() { [ "$(ts idle 'o["status"]["phase"]')" = Suspended ]; }
until_ok 10 suspended || fail "phase $(ts idle 'o["status"]["phase"]')"
sleep 2; fresh; sleep 2.5; asked_times 0 /repos/q/rules/
mpatch $NS/taskspawners/idle '{"spec":{"suspend":false}}' > /dev/null
polled() { [ "$(asked '/repos/q/rules/pulls')" -ge 2 ]; }
until_ok 15 polled || fail "not polled any more"
row SP/C3

begin "a deleted TaskSpawner ends its polls without an error"
del $NS/taskspawners/idle
until_ok 15 gone $NS/taskspawners/idle || fail "still there"
sleep 2; fresh; sleep 2; asked_times 0 /repos/q/rules/
grep ' error ' "$T/supervisor.log" | grep -q idle && fail "$(grep ' error ' "$T/supervisor.log")"
row SP/C6
finish
