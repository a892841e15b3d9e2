#!/bin/sh
# spawner.sh - kelos-spawner against the forge: once by itself (--list-once), and as a worker
# of a real supervisor with a scripted shard in the reconciler's place.
. tests/support/lib.sh
. tests/support/forge.sh
. tests/support/tree.sh
cleanup() { [ -z "${JIRA_PID:-}" ] || kill "$JIRA_PID" 2> /dev/null; tree_down; forge_down; }

# issues N PROGRAM: runs awk's PROGRAM for i = 1 .. N.
issues() { awk "BEGIN { for (i = 1; i <= $1; i++) $2 }"; }
cat > "$T/state.json" <<END
{"repos": {
  "demo/repo": {"issues": [
    {"number": 1, "title": "One", "body": "b1", "labels": ["bug", "help wanted"], "user": "alice",
     "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
     "comments": [{"user": "c", "body": "First", "created_at": "2026-01-01T01:00:00Z"},
                  {"user": "c", "body": "Second", "created_at": "2026-01-01T02:00:00Z"}]},
    {"number": 2, "title": "Two", "body": null, "labels": ["bug", "wontfix"], "assignees": ["octocat"],
     "created_at": "2026-01-02T00:00:00Z"},
    {"number": 3, "title": "Three", "labels": ["feature"], "pull": {"head": "x"}, "created_at": "2026-01-03T00:00:00Z"},
    {"number": 4, "title": "Old", "state": "closed", "labels": ["odd, one"], "created_at": "2026-01-04T00:00:00Z"}]},
  "demo/empty": {"issues": []},
  "demo/many": {"issues": [$(issues 200 'printf "%s{\"number\":%d,\"title\":\"n%d\",\"labels\":[\"l%d\"],\"comments\":[{\"body\":\"c\"}]}", (i > 1 ? "," : ""), i, i, i % 20')]},
  "demo/huge": {"issues": [$(issues 1100 'printf "%s{\"number\":%d,\"title\":\"n%d\",\"labels\":[\"%s\"]}", (i > 1 ? "," : ""), i, i, (i == 7 ? "rare" : i == 9 || i == 1050 ? "few" : "x")')]},
  "demo/pages": {"issues": [$(issues 650 'printf "%s{\"number\":%d,\"title\":\"n%d\"}", (i > 1 ? "," : ""), i, i')]},
  "demo/long": {"issues": [{"number": 1, "title": "L", "comments": [$(issues 150 'printf "%s{\"user\":\"u\",\"body\":\"c%d%s %01000d\",\"created_at\":\"2026-01-01T%02d:%02d:00Z\"}", (i > 1 ? "," : ""), i, (i == 140 ? "\\n/go\\n" : ""), 0, i / 60, i % 60')]}]},
  "demo/broken": {"issues": [
    {"number": 1, "title": "A", "comments": [{"body": "x"}]}]}},
 "tokens": {"T": "kelos", "T2": "kelos"}, "anonymous": true, "rateLimit": 5000}
END
forge_up "$T/state.json"

# once SPEC [TOKEN] [REPO]: the answer in $T/out, the exit status in $RC.
once() {
    printf '{"type":"github","api_base":"%s/api/v3","token":"%s","owner":"demo","repo":"%s","when":{"githubIssues":%s}}' \
        "$FORGE" "${2-T}" "${3:-repo}" "$1" | "$BIN/kelos-spawner" --list-once > "$T/out" 2> "$T/err"
    RC=$?
}
has() { grep -qF -- "$1" "$T/out" || fail "not in the answer: $1 ($(cut -c1-300 "$T/out"))"; }
lacks() { grep -qF -- "$1" "$T/out" && fail "in the answer: $1"; return 0; }
ids() { grep -o '"id":"[^"]*"' "$T/out" | cut -d'"' -f4 | tr '\n' ' ' | sed 's/ $//'; }
are() { [ "$(ids)" = "$1" ] || fail "items are '$(ids)', not '$1'"; }
count_calls() { ctl GET requests | grep -o '"at":' | wc -l; }
asked() { ctl GET requests | grep -qF -- "$1" || fail "the forge was not asked for $1"; }
fresh() { ctl DELETE requests; ctl DELETE faults; }

begin "issues become items, newest first"
once '{}'; are "2 1"; has '"title":"One"'; has '"body":"b1"'; has '"body":""'; has '"kind":"Issue"'
has '"comments":"First\n---\nSecond"'; has '/demo/repo/issues/1"'; has '"labels":["bug","help wanted"]'
row SP/G1

begin "labels go to the server in one request"
fresh; once '{"labels": ["bug", "help wanted"]}'; are 1
asked 'labels=bug%2Chelp+wanted&per_page=100&state=open'
once '{"state": "closed", "labels": ["odd, one"]}'; are 4

begin "state, assignee and author go to the server"
fresh
once '{"state": "closed"}'; are 4; asked 'per_page=100&state=closed'
once '{"assignee": "octocat"}'; are 2; asked 'assignee=octocat&'
once '{"assignee": "none"}'; are 1
once '{"assignee": "*"}'; are 2; asked 'assignee=%2A&'
once '{"author": "alice"}'; are 1; asked 'creator=alice&'
row SP/G3 SP/G4 SP/G6

begin "a token is sent when there is one"
fresh; once '{}' T; asked '"login":"kelos"'
fresh; once '{}' ''; are "2 1"; asked '"login":null'
row SP/G7

begin "excluded labels and kinds are filtered here"
once '{"excludeLabels": ["wontfix"]}'; are 1
row SP/G12
once '{"types": ["pulls"]}'; are 3; has '"kind":"PR"'
row SP/G14
once '{"types": ["issues", "pulls"]}'; are "3 2 1"
once '{"types": ["issues"]}'; are "2 1"
row SP/G13

begin "an empty repository gives no items and no error"
once '{}' T empty; [ $RC -eq 0 ] || fail "exit $RC"; are ""; has '"items":[]'
row SP/G10

begin "pages are followed in order"
fresh
for n in 1 2 3 4 5; do ctl POST repos/demo/empty/issues "{\"title\": \"n$n\", \"created_at\": \"2026-01-0${n}T00:00:00Z\"}" > /dev/null; done
fault "{\"path\": \"/repos/demo/empty/issues\", \"status\": 200, \"body\": \"[{\\\"number\\\": 11, \\\"title\\\": \\\"p1\\\"}]\", \"headers\": {\"Link\": \"<$FORGE/api/v3/repos/demo/empty/issues?page=1>; rel=\\\"next\\\"\"}}"
once '{}' T empty; are "11 5 4 3 2 1"; asked '"query":"page=1"'
row SP/G8

begin "the pages that the first one tells of are asked for together, four at once, and stay in order"
four_at_once() {
    fresh; fault '{"path": "/repos/demo/pages/issues", "times": -1, "delay_ms": 6000}'
    once '{}' T pages; [ $RC -eq 0 ] || fail "exit $RC: $(cut -c1-300 "$T/out")"
    are "$(seq 650 -1 1 | tr '\n' ' ' | sed 's/ $//')"
    ctl GET requests | python3 -c '
import json, sys, urllib.parse
at = {int(urllib.parse.parse_qs(r["query"]).get("page", ["1"])[0]): r["at"] for r in json.load(sys.stdin) if r["path"].endswith("/pages/issues")}
assert sorted(at) == list(range(1, 8)), at
four, rest = [at[n] for n in range(2, 6)], [at[6], at[7]]
assert min(four) >= at[1] + 5500, at           # the first one tells of them
assert max(four) < min(four) + 5500, at        # before any of them was answered
assert min(rest) >= min(four) + 5500, at       # when one of four was'
}
best_of 3 four_at_once || fail "asked at the wrong times"
fresh; fault '{"path": "/repos/demo/pages/issues", "skip": 3, "status": 502}'
once '{}' T pages; [ $RC -eq 1 ] || fail "exit $RC with a page that fails"; has 'status 502'; lacks '"items"'

begin "a next page on another host is not asked for"
fresh
fault '{"path": "/repos/demo/repo/issues", "status": 200, "body": "[]", "headers": {"Link": "<http://127.0.0.2:9/x>; rel=\"next\""}}'
once '{}'; [ $RC -eq 1 ] || fail "exit $RC"; has 'is not below'

begin "a refusal is an error that quotes the answer"
fresh; fault '{"path": "/repos/*", "status": 403, "body": "{\"message\": \"Forbidden here\"}"}'
once '{}'; [ $RC -eq 1 ] || fail "exit $RC"; has 'GitHub API returned status 403'; has 'Forbidden here'; has '"reason":"Forbidden"'
row SP/G9

begin "comments that cannot be read fail the item, and the poll when nothing else is left"
fresh; fault '{"path": "/repos/demo/broken/issues/1/comments", "times": -1, "status": 500}'
once '{}' T broken; [ $RC -eq 1 ] || fail "exit $RC"; has 'comments of #1'; lacks '"items"'
row SP/G15
fresh; fault '{"path": "/repos/demo/repo/issues/1/comments", "status": 500}'
once '{}'; [ $RC -eq 0 ] || fail "exit $RC"; are 2; has 'left out for now: comments of #1'
row SP/W21

begin "comments are read over all pages, and the newest are kept"
fresh; once '{"triggerComment": "/go"}' T long; are 1; asked 'page=2'
has 'c150 0'; has 'c140'; lacks 'c1 0'; lacks 'c80 0'
[ "$(wc -c < "$T/out")" -lt 80000 ] || fail "$(wc -c < "$T/out") bytes"
row SP/W20

begin "a listing that is cut off says so"
fresh; once '{}' T huge; [ $RC -eq 0 ] || fail "exit $RC"
[ "$(ids | wc -w)" = 1000 ] || fail "$(ids | wc -w) items"
grep -q '"warning":"[^"]' "$T/out" || fail "no warning: $(tail -c 200 "$T/out")"
CUT=$case_bad

begin "an answer that does not come is given up"
fresh; fault '{"path": "/repos/demo/repo/issues", "delay_ms": 100000, "times": -1}'
t0=$(date +%s); once '{}'; [ $RC -eq 1 ] || fail "exit $RC"; has '"error"'
[ $(($(date +%s) - t0)) -lt 90 ] || fail "after $(($(date +%s) - t0)) s"
GIVEN_UP=$case_bad

begin "hostile answers are errors, and bounded"
for f in '"cut_at": 30' '"status": 200, "body": "[1,2"' '"status": 200, "body": "{}"' '"reset": true' \
         '"status": 302, "headers": {"Location": "http://127.0.0.2:9/"}' '"status": 200, "body": "[{\"number\": \"x\"}]"' \
         '"status": 500' '"endless": true'; do
    fresh; fault "{\"path\": \"/repos/demo/repo/issues\", \"times\": -1, $f}"
    once '{}'; [ $RC -eq 1 ] || fail "$f: exit $RC"; has '"error"'
done
fresh; fault "{\"path\": \"/repos/demo/repo/issues\", \"status\": 200, \"body\": \"$(printf '[%.0s' $(seq 1 400))\"}"
once '{}'; has 'JSON_DEPTH'
fresh; fault "{\"path\": \"/repos/demo/repo/issues\", \"status\": 307, \"headers\": {\"Location\": \"/api/v3/repos/demo/empty/issues?state=open\"}}"
once '{}'; [ $RC -eq 0 ] || fail "a redirect on the same host is not followed"

begin "a wrong field is named"
once '{"types": ["discussions"]}'; has 'githubIssues.types[0]'; has '"reason":"InvalidSource"'
once '{"labels": "bug"}'; has 'labels'

# ---- Jira: the forge plays it by faults -------------------------------------------------
jira() {
    printf '{"type":"jira","api_base":"%s/","token":"%s","user":"%s","when":{"jira":%s}}' \
        "$FORGE" "${2-J}" "${3-}" "$1" | "$BIN/kelos-spawner" --list-once > "$T/out" 2> "$T/err"
    RC=$?
}
jira_page() { # PATH TIMES BODY
    fault "{\"path\": \"$1\", \"times\": $2, \"status\": 200, \"body\": \"$(printf '%s' "$3" | sed 's/\\/\\\\/g; s/"/\\"/g')\"}"
}
OLD=/rest/api/2/search NEW=/rest/api/2/search/jql

begin "Jira's older endpoint is asked where the newer one is not there"
fresh
jira_page $OLD 1 '{"total": 2, "issues": [{"key": "PROJ-1", "fields": {"summary": "One"}}]}'
jira_page $OLD 1 '{"total": 2, "issues": [{"key": "PROJ-2", "fields": {"summary": "Two"}}]}'
fault "{\"path\": \"$NEW\", \"status\": 404}"
jira '{"project": "PROJ", "jql": "status = Open"}'; are "PROJ-1 PROJ-2"
asked 'jql=project%20%3D%20PROJ%20AND%20%28status%20%3D%20Open%29&maxResults=100&startAt=0'
asked '&startAt=1"'
row SP/J9 SP/JJ1

begin "Jira's newer endpoint pages by token"
fresh
jira_page $NEW 1 '{"nextPageToken": "a b", "issues": [{"key": "PROJ-1"}]}'
jira_page $NEW 1 '{"isLast": true, "issues": [{"key": "PROJ-2"}]}'
jira '{"project": "PROJ"}'; are "PROJ-1 PROJ-2"; asked 'nextPageToken=a%20b'
row SP/JJ4

begin "Jira's description is asked for, as text or as a document"
fresh
jira_page $NEW 1 '{"isLast": true, "issues": [{"key": "PROJ-1", "fields": {"description": "plain words"}}, {"key": "PROJ-2", "fields": {"description": {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "in a document"}]}]}}}]}'
jira '{"project": "PROJ"}'; asked 'description'; has '"body":"plain words"'; has '"body":"in a document"'
row SP/W25

begin "Jira's older endpoint goes on where the newer one stopped"
fresh
jira_page $NEW 1 '{"nextPageToken": "t", "issues": [{"key": "PROJ-1"}, {"key": "PROJ-2"}]}'
fault "{\"path\": \"$NEW\", \"status\": 404}"
jira_page $OLD 1 '{"total": 3, "issues": [{"key": "PROJ-3"}]}'
jira '{"project": "PROJ"}'; are "PROJ-1 PROJ-2 PROJ-3"; asked '&startAt=2"'
row SP/JJ3

python3 tests/support/jira.py > "$T/jira.port" & JIRA_PID=$!
until_ok 20 test -s "$T/jira.port"
# pages PROJECT: what is found; then startAt of what was asked for, in order.
pages() {
    printf '{"type":"jira","api_base":"http://127.0.0.1:%s","token":"J","user":"","when":{"jira":{"project":"%s"}}}' \
        "$(cat "$T/jira.port")" "$1" | "$BIN/kelos-spawner" --list-once > "$T/out" 2> "$T/err"
    RC=$?
    [ $RC -eq 0 ] || fail "$1: exit $RC: $(cat "$T/out")"
    AT=$(curl -sS --noproxy '*' "http://127.0.0.1:$(cat "$T/jira.port")/asked" | tr -d '[] ' | tr , '\n' | sort -n | tr '\n' ' ')
}
begin "Jira's pages are read together once their number is known, and stay in order"
pages MANY; are "P-1 P-2 P-3 P-4 P-5 P-6 P-7 P-8"
[ "$AT" = "0 1 2 3 4 5 6 7 " ] || fail "asked at $AT"

begin "Jira's pages: shorter ones, more of them, fewer, one issue on two of them"
pages SHORT; are "P-1 P-2 P-3 P-4 P-5 P-6 P-7"
pages GROWS; are "P-1 P-2 P-3"; [ "$AT" = "0 1 2 " ] || fail "asked at $AT"
pages SHRINKS; are "P-1 P-2 P-3"
pages MOVES; are "P-1 P-2 P-3"
pages ALIKE; are "P-1 P-2"; [ "$AT" = "0 1 " ] || fail "asked at $AT"

begin "Jira's pages beyond the limit are not read, and that is said"
pages ENDLESS; [ "$(ids | wc -w)" = 1000 ] || fail "$(ids | wc -w) items"
[ "$(echo "$AT" | wc -w)" = 10 ] || fail "asked at $AT"; has 'more than 1000 issues match (SOURCE_PAGES)'

begin "Jira's refusals are final"
for code in 401 500; do
    fresh; fault "{\"path\": \"$NEW\", \"status\": $code}"
    jira '{"project": "PROJ"}'; [ $RC -eq 1 ] || fail "exit $RC"; has "Jira API returned status $code"
    [ "$(count calls)" = 1 ] || fail "$(count calls) calls after a $code"
done
row SP/J8 SP/JJ2

begin "Jira's credentials: user and token, token, none"
fresh; jira_page $NEW 3 '{"issues": []}'
jira '{"project": "PROJ"}' tok user; jira '{"project": "PROJ"}' tok; jira '{"project": "PROJ"}' ''
[ "$(ctl GET requests | grep -o '"auth":[^,}]*' | tr '\n' ' ')" = '"auth":"Basic" "auth":"Bearer" "auth":null ' ] ||
    fail "$(ctl GET requests)"
row SP/J7
has '"items":[]'
row SP/J13

# ---- cron -------------------------------------------------------------------------------
begin "cron gives the ticks since the last one"
cron() {
    printf '{"type":"cron","created":%s,"watermark":%s,"when":{"cron":{"schedule":"%s","catchUp":"%s"}}}' "$2" "$3" "$1" "${4:-all}" |
        "$BIN/kelos-spawner" --list-once > "$T/out" 2> "$T/err"; RC=$?
}
now=$(date +%s)
cron '* * * * *' 1 $(((now - 300) * 1000)); n=$(ids | wc -w)
[ "$n" -ge 4 ] && [ "$n" -le 6 ] || fail "$n ticks in five minutes"
[ "$(ids | tr ' ' '\n' | sort -c 2>&1)" = "" ] || fail "not ascending"
row SP/S10
cron '* * * * *' $(((now - 31536000) * 1000)) 0; n=$(ids | wc -w); [ "$n" -eq 1000 ] || fail "$n ticks in a year"
row SP/S11
cron '* * * * *' $(((now - 31536000) * 1000)) 0 one; n=$(ids | wc -w); [ "$n" -eq 1 ] || fail "$n ticks, not the newest alone"
cron '* * * * *' 1 0 some; [ $RC -eq 1 ] || fail "exit $RC"; has 'cron.catchUp'
cron '0 0 1 1 *' 1 $((now * 1000)); are ""
row SP/S12
cron 'a * * * *' 1 0; has 'parsing cron schedule \"a * * * *\": failed to parse int from a'
cron '0 0 31 2 *' 1 0; are ""; has 'never fires'

# ---- as a worker ------------------------------------------------------------------------
tree_new tree spawner=real reconciler="$BUILD/tests/support/shard_server"
tree_up --metrics-bind-address 0 --health-probe-bind-address 0
KEY=$(printf a | sha256sum | cut -c1-64)
value() { line "$1" | sed -n "s/.*\"$2\":\"\([^\"]*\)\".*/\1/p"; }
# spawn NAME UID SPEC [MORE]
spawn() { printf '{"ns":"dev","name":"%s","uid":"%s","owner":"demo","repo":"%s","poll_ms":%s,"when":{"githubIssues":%s}%s}' "$1" "$2" "${REPO:-repo}" "${POLL:-1000}" "$3" "${4:+,$4}"; }
assign() { tell "{\"do\":\"assign\",\"key\":\"$KEY\",\"type\":\"github\",\"api_base\":\"$FORGE/api/v3\",\"token\":\"${TOKEN:-T}\",\"spawns\":[$1]}"; }

begin "a source joins, is assigned and reports"
fresh; mark
tell "{\"do\":\"want\",\"sources\":[{\"key\":\"$KEY\",\"type\":\"github\",\"api_base\":\"$FORGE/api/v3\"}]}"
assign "$(spawn bugs u1 '{"labels": ["bug"]}')"
hear '"got":"items","name":"bugs".*"total":2.*"ids":\["2","1"\]'

begin "an unchanged repository costs requests that are not counted"
mark; hear '"got":"unchanged","name":"bugs"'; hear '"got":"unchanged".*'
before=$(count 200); sleep 2.5
[ "$(count 200)" = "$before" ] || fail "an unchanged repository was read again"
[ "$(count 304)" -ge 2 ] || fail "no 304 at all"

begin "a change is seen, and only its comments are read"
mark; c=$(count comments)
ctl POST repos/demo/repo/issues/2/comments '{"user": "x", "body": "new words"}' > /dev/null
hear '"got":"items".*"2":"new words"'
[ "$(count comments)" = $((c + 1)) ] || fail "$(($(count comments) - c)) comment requests for one change"

begin "spawns on one repository share one listing"
fresh; mark
assign "$(spawn bugs u1 '{"labels": ["bug"]}'),$(spawn pulls u2 '{"types": ["pulls"]}'),$(spawn mine u3 '{"assignee": "octocat"}')"
hear '"got":"items","name":"pulls".*"ids":\["3"\]'; hear '"got":"items","name":"mine".*"ids":\["2"\]'
mark; hear '"got":"unchanged","name":"mine"'; hear '"got":"unchanged","name":"mine"'
# A poll that was under way at the beginning and one at the end belong to it, too.
mark; fresh; hear '"got":"unchanged","name":"pulls"'; b=$(count_calls)
polls=$(tail -n +$((MARK + 1)) "$D/out" | grep -c '"got":"unchanged","name":"pulls"')
[ "$b" -le $((2 * (polls + 2))) ] || fail "$b calls for $polls polls of three spawns"

begin "an unchanged repository of 200 issues costs two requests, for twenty spawners too"
# Each of the 200 has a comment: reading all of it takes two pages and 200 comment lists.
fresh
spawns="" i=0
while [ $i -lt 20 ]; do spawns="$spawns${spawns:+,}$(REPO=many spawn "m$i" "um$i" "{\"labels\":[\"l$i\"]}")"; i=$((i + 1)); done
mark; assign "$spawns"
i=0; while [ $i -lt 20 ]; do hear "\"got\":\"items\",\"name\":\"m$i\".*\"total\":10," 30; [ "$case_bad" -eq 0 ] || break; i=$((i + 1)); done
[ "$(count comments)" = 200 ] || fail "$(count comments) comment requests at first"
mark; hear '"got":"unchanged","name":"m0"'; fresh; mark
hear '"got":"unchanged","name":"m7"'; n=$(count_calls)
polls=$(tail -n +$((MARK + 1)) "$D/out" | grep -c '"got":"unchanged","name":"m7"')
[ "$n" -ge 1 ] && [ "$n" -le $((2 * (polls + 2))) ] || fail "$n requests for $polls unchanged polls"
[ "$(ctl GET requests | grep -o '"status":[0-9]*' | sort -u)" = '"status":304' ] || fail "not all were 304: $(ctl GET counts)"
# The reference algorithm: 202 requests a poll for one spawner, 4040 for twenty.
row PERF/P13

begin "a common listing that is too long is split"
mark; fresh
assign "$(REPO=huge spawn few uh1 '{"labels":["few"]}'),$(REPO=huge spawn rare uh2 '{"labels":["rare"]}')"
hear '"got":"items","name":"rare".*"ids":\["7"\]' 30
asked 'labels=rare'
hear '"got":"items","name":"few".*"ids":\["1050","9"\]' 30

begin "a shard that lacks the set gets it whole"
mark; assign "$(spawn bugs u1 '{"labels": ["bug"]}')"; hear '"got":"items","name":"bugs"'; hear '"got":"unchanged","name":"bugs"'
mark; tell '{"do":"ack","mode":"full"}'; hear '"got":"items","name":"bugs"'
mark; tell '{"do":"ack","mode":"all"}'; hear '"got":"unchanged","name":"bugs"' 25

begin "a restarted source goes on from the shard's digest and ETags"
assign "$(spawn bugs u1 '{"labels": ["bug"]}')"
mark; hear '"got":"items","name":"bugs"|"got":"unchanged","name":"bugs"'
ctl PATCH repos/demo/repo/issues/1 '{"title": "One more"}' > /dev/null
hear '"got":"items","name":"bugs"'
digest=$(value '"got":"items","name":"bugs".*"last":true' digest)
cache=$(line '"got":"items","name":"bugs".*"last":true' | sed -n 's/.*"cache":"\(.*\)","watermark.*/\1/p')
[ -n "$cache" ] || fail "no cache text"
assign "$(spawn bugs u1 '{"labels": ["bug"]}' "\"digest\":\"$digest\",\"cache\":\"$cache\"")"
fresh; mark
kill -9 "$(worker_pid source-)"
hear '"got":"join"'; hear "\"got\":\"unchanged\",\"name\":\"bugs\",\"digest\":\"$digest\""
[ "$(count 200)" = 0 ] || fail "$(count 200) full answers after a restart"

begin "sets without acknowledgement are sent again"
tell '{"do":"ack","mode":"none"}'; mark
ctl PATCH repos/demo/repo/issues/1 '{"title": "One again"}' > /dev/null
hear '"got":"items","name":"bugs"'
mark; hear '"got":"items","name":"bugs"' 20
tell '{"do":"ack","mode":"all"}'
mark; hear '"got":"unchanged","name":"bugs"' 25

rested() { # STATUS MS [UNTIL-MS]: the request after the one with STATUS came so much later, not before UNTIL
    ctl GET requests | python3 -c '
import json, sys
l = [r for r in json.load(sys.stdin) if r["path"].endswith("/issues")]
i = next(i for i, r in enumerate(l) if r["status"] == int(sys.argv[1]))
at, next_at = l[i]["at"], l[i + 1]["at"]
sys.exit(not (next_at - at >= int(sys.argv[2]) and (len(sys.argv) < 4 or next_at >= int(sys.argv[3]))))' "$@"
}
begin "a rate limit is obeyed and told"
mark; fresh
fault '{"path": "/repos/demo/repo/issues", "status": 429, "headers": {"Retry-After": "3"}}'
hear '"got":"error".*"reason":"RateLimited"'
mark; hear '"got":"unchanged"|"got":"items"' 20
until_ok 10 rested 429 2900 || fail "asked again before Retry-After: $(ctl GET requests)"
mark; fresh
reset=$(($(date +%s) + 8))
fault "{\"path\": \"/repos/demo/repo/issues\", \"status\": 403, \"headers\": {\"X-RateLimit-Remaining\": \"0\", \"X-RateLimit-Reset\": \"$reset\"}}"
hear '"got":"error".*"reason":"RateLimited"'
mark; hear '"got":"unchanged"|"got":"items"' 30
until_ok 10 rested 403 0 $((reset * 1000)) || fail "asked again before X-RateLimit-Reset: $(ctl GET requests)"
# Conditional requests: 304 above; time limits and cut listings: the cases at the beginning.
[ "$CUT$GIVEN_UP" = 00 ] && row SP/W19

begin "a bad credential is told as such, and a fresh one is tried at once"
mark; ctl PATCH tokens '{"remove": ["T"]}'
hear '"got":"error".*"reason":"Unauthorized".*"credential":true'
mark; TOKEN=T2 assign "$(spawn bugs u1 '{"labels": ["bug"]}')"
TOKEN=T2
hear '"got":"items"|"got":"unchanged"' 10

begin "an error of one repository leaves the others alone"
mark; fault '{"path": "/repos/demo/broken/*", "times": -1, "endless": true}'
assign "$(spawn bugs u1 '{"labels": ["bug"]}'),$(REPO=broken spawn bad u9 '{}'),$(spawn odd u8 '{"types": ["x"]}')"
hear '"got":"error","name":"bad".*"reason":"TooLarge"'; hear '"got":"error","name":"odd".*"reason":"InvalidSource"'
mark; hear '"got":"unchanged","name":"bugs"|"got":"items","name":"bugs"'
ctl DELETE faults

begin "trigger comments give the item its time"
mark
assign "$(spawn go u5 '{"triggerComment": "/go", "excludeComments": ["/stop"]}')"
hear '"got":"items","name":"go".*"ids":\[\]'
ctl POST repos/demo/repo/issues/1/comments '{"user": "x", "body": "/go", "created_at": "2026-02-01T00:00:00Z"}' > /dev/null
hear '"ids":\["1"\].*"trigger":\{"1":1769904000000\}'
mark; ctl POST repos/demo/repo/issues/1/comments '{"user": "x", "body": "/stop", "created_at": "2026-02-02T00:00:00Z"}' > /dev/null
hear '"got":"items","name":"go".*"ids":\[\]'

begin "no secret is in any log"
ctl GET requests | grep -q '"T2"' && fail "the forge's journal holds a token"
grep -E 'token T|Bearer T' "$D/log" && fail "the log holds a credential"

begin "a host is found by its name inside the sandbox"
KEY=$(printf b | sha256sum | cut -c1-64) NAMED=http://localhost:${FORGE##*:}
mark; tell "{\"do\":\"want\",\"sources\":[{\"key\":\"$KEY\",\"type\":\"github\",\"api_base\":\"$NAMED/api/v3\"}]}"
(FORGE=$NAMED; assign "$(spawn named u7 '{"labels": ["bug"]}')")
hear '"got":"items","name":"named".*"total":2'

begin "more sources than workers may run: the rest is told, and starts when there is room"
wants() { # FROM TO
    tell "{\"do\":\"want\",\"sources\":[$(awk "BEGIN { for (i = $1; i <= $2; i++) printf \"%s{\\\"key\\\":\\\"%012x%052d\\\",\\\"type\\\":\\\"github\\\",\\\"api_base\\\":\\\"\\\"}\", (i > $1 ? \",\" : \"\"), i, 0 }")]}"
}
complaints() { "$D/bin/kelos-bus" --run-dir "$D/run" status --json | grep -o '"degraded":\["[^]]*'; }
too_many() { complaints | grep -q '1[0-9] sources wait for a worker: WORKER_SLOTS (128) workers run'; }
wants 1 140
until_ok 30 too_many || fail "$(complaints)"
wants 20 140
content() { ! complaints; }
until_ok 30 content || fail "$(complaints)"
wants 1 2
until_ok 30 content || fail "$(complaints)"

begin "it stops when told"
tree_down
[ "$STATUS" -eq 0 ] || fail "the supervisor's exit status is $STATUS"
finish
