#!/bin/sh
# manifests.sh - walks the table of docs/manifests.md: every manifest is applied as it is and
# reaches its phase, with github.com and the agent played.
. tests/support/github.sh
. tests/support/local.sh
cleanup() { local_down; github_down; }
cat > "$T/state.json" <<'J'
{"anonymous": true, "tokens": {"replace-me": "kelos-bot"}, "repos": {
 "your-org/your-repo": {"issues": [
  {"number": 1, "title": "Crash on empty input", "body": "It exits with 139.", "labels": ["bug"]},
  {"number": 2, "title": "Sometimes slow", "body": "How slow?", "labels": ["bug", "needs-input"]},
  {"number": 3, "title": "Add a flag", "body": "", "labels": ["actor/kelos", "priority/important-soon"]},
  {"number": 4, "title": "Add another", "body": "", "labels": ["actor/kelos", "kelos/needs-input"]},
  {"number": 5, "title": "Mend the build", "body": "", "labels": ["for-agent", "important"]},
  {"number": 6, "title": "Something", "body": "", "labels": ["new"]},
  {"number": 7, "title": "Old", "body": "", "labels": ["bug"], "state": "closed"},
  {"number": 9, "title": "Bounded", "body": "", "labels": ["limited"]}]},
 "your-account/project": {"issues": []},
 "their-org/project": {"issues": [
  {"number": 8, "title": "Typo", "body": "In the manual.", "labels": ["good first issue"]},
  {"number": 10, "title": "Other typo", "body": "", "labels": ["good first issue"], "assignees": ["bob"]}]}}}
J
github_up "$T/state.json" || { echo "0 passed, 1 failed"; exit 1; }
for r in your-org/your-repo your-account/project their-org/project; do github_repo $r; done
LOCAL_FLAGS="--api-groups kelos.dev,axon.io"
local_up || { echo "0 passed, 1 failed"; exit 1; }
install -D -m 755 tests/support/claude "$T/share/agents/claude-code/bin/claude"
export HOME="$T"
kelos() { "$BIN/kelos" --kubeconfig "$K" "$@"; }

# Rows as MANIFEST KIND NAME PHASE.
sed -n 's/^| `\([^`]*\)` | \([A-Za-z]*\) `\([^`]*\)` | \([^ ]*\) |.*/\1 \2 \3 \4/p' docs/manifests.md > "$T/table"
namespace() { case $1 in *.yaml) basename "$1" .yaml;; */manifests/*) echo "$(basename "$1")-readme";; *) basename "$1";; esac; }
group() { case $1 in */axon) echo axon.io;; *) echo kelos.dev;; esac; }
plural() { echo "$1" | tr A-Z a-z | sed 's/$/s/'; }
path() { echo "/apis/$(group "$1")/v1alpha1/namespaces/$(namespace "$1")/$(plural "$2")/${3:-}"; }

begin "the table names every object of every manifest, and no folder is left out"
for m in $(cut -d' ' -f1 "$T/table" | sort -u); do
    find "$m" -name '*.yaml' | while read -r f; do
        python3 -c 'import sys, yaml
for d in yaml.safe_load_all(open(sys.argv[1])):
    if d["kind"] != "Secret": print(sys.argv[2], d["kind"], d["metadata"]["name"])' "$f" "$m"
    done
done | sort > "$T/written"
cut -d' ' -f1-3 "$T/table" | sort > "$T/told"
comm -23 "$T/written" "$T/told" | grep . > "$T/untold" && fail "not in the table: $(cat "$T/untold")"
# What is told and not written is what a TaskSpawner makes.
comm -13 "$T/written" "$T/told" | while read -r m kind name; do
    grep -q "^$m TaskSpawner ${name%-*}\$" "$T/written" && [ "$kind" = Task ] || echo "$m $kind $name"
done > "$T/unknown"
[ ! -s "$T/unknown" ] || fail "in the table, and nobody makes it: $(cat "$T/unknown")"
find examples tests/fixtures/manifests -mindepth 1 -maxdepth 1 ! -name README.md ! -name github-actions | while read -r m; do
    grep -q "^$m " "$T/table" || echo "$m"
done > "$T/missing"
[ ! -s "$T/missing" ] || fail "not in the table: $(cat "$T/missing")"
[ "$(wc -l < "$T/table")" -ge 40 ] || fail "only $(wc -l < "$T/table") rows were read"

begin "all of them apply as they are"
for m in $(cut -d' ' -f1 "$T/table" | uniq); do
    printf '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"%s"}}' "$(namespace "$m")" | post /api/v1/namespaces > /dev/null
    kelos apply -n "$(namespace "$m")" -f "$m" > "$T/applied" 2>&1 || fail "$m: $(cat "$T/applied")"
done

begin "each object reaches its phase"
phase_at() { get "$1" | sed -n 's/.*"status":{.*"phase":"\([A-Za-z]*\)".*/\1/p'; }
at_phase() { [ "$(phase_at "$1")" = "$2" ]; }
while read -r m kind name phase; do
    p=$(path "$m" "$kind" "$name")
    if [ "$phase" = - ]; then
        get "$p" | grep -q '"kind":"'"$kind" || fail "$m: $kind $name is not there"
    else
        until_ok 30 at_phase "$p" "$phase" ||
            fail "$m: $kind $name is '$(phase_at "$p")', not $phase: $(field "$p" 'o["status"].get("message", "")')"
    fi
done < "$T/table"

begin "no run is made that does not stand in the table"
for m in $(cut -d' ' -f1 "$T/table" | sort -u); do # runs of a schedule come when it is time
    field "$(path "$m" Task)" '"\n".join(t["metadata"]["name"] for t in o["items"])' | grep -v -- '-[0-9]\{8\}-[0-9]\{4\}$' |
        grep . | sed "s|^|$m Task |"
done | sort > "$T/made"
grep ' Task ' "$T/told" | diff - "$T/made" > "$T/diff" || fail "$(cat "$T/diff")"
row CLI/W33

begin "what the table says was seen"
says() { kelos logs -n "$1" "$2" > "$T/log" 2>&1; grep -qF -- "$3" "$T/log" || fail "$1/$2 does not say '$3': $(cat "$T/log")"; }
for b in agent/fix-readme agent/issue-1 agent/tidy-errors feature/rate-limit agent/issue-5; do
    github_has your-org/your-repo $b || fail "no branch $b"
done
github_has your-account/project issue-8 || fail "the fork has no branch issue-8"
says 05-task-with-agentconfig tidy-errors 'plugins: review; MCP: docs; instructions: Run the tests before every commit.'
says 06-fork-workflow good-first-issues-8 'upstream: their-org/project; spawner: good-first-issues'
says self-development workers-5 'model opus;'
says kelos-readme kelos-workers-3 'model opus;'
says kelos-readme hello-world 'could not push'
pod=$(field /apis/axon.io/v1alpha1/namespaces/axon-readme/tasks/hello-world 'o["status"]["podName"]')
get "/api/v1/namespaces/axon-readme/pods/$pod/log" | grep -q 'could not push' || fail "the older group's log"
job() { get "/apis/batch/v1/namespaces/$1/jobs/$2"; }
commit=$(field /apis/kelos.dev/v1alpha1/namespaces/07-task-pipeline/tasks/design 'o["status"]["results"]["commit"]')
for t in implement review; do job 07-task-pipeline $t | grep -q "${commit:-none}" || fail "$t does not name $commit"; done
job kelos-readme open-pr | grep -qF 'Open a PR for branch feature/user-service.' || fail "open-pr: $(job kelos-readme open-pr)"
job kelos-readme limited | grep -q '"activeDeadlineSeconds":3600' || fail "no deadline"

begin "as the README shows it, the worker is refused with the names of what is missing"
sed '/The next two/,/claude-oauth-token/d' tests/fixtures/manifests/kelos/kelos-workers.yaml > "$T/trimmed.yaml"
kelos apply --dry-run -f "$T/trimmed.yaml" > "$T/refused" 2>&1 && fail "it was taken"
grep -q 'taskTemplate.credentials.*taskTemplate.workspaceRef' "$T/refused" || fail "$(cat "$T/refused")"

begin "the quick start by command: config, run, logs, a chain, suspend, resume"
cat > "$T/config.yaml" <<'Y'
oauthToken: replace-me
namespace: quickstart
workspace:
  repo: https://github.com/your-org/your-repo.git
  ref: main
  token: replace-me
Y
walk() { kelos --config "$T/config.yaml" "$@" > "$T/walk" 2>&1 || fail "kelos $*: $(cat "$T/walk")"; }
run_ended() { at_phase "/apis/kelos.dev/v1alpha1/namespaces/quickstart/tasks/$1" Succeeded; }
walk run -p "Add a hello world program in Python"
name=$(sed -n 's|^task/\(task-[a-z0-9]*\) created$|\1|p' "$T/walk")
until_ok 60 run_ended "${name:-none}" || fail "'$name': $(cat "$T/walk")"
walk logs "$name" -f
grep -q "pushed claude/$name" "$T/walk" || fail "$(cat "$T/walk")"
walk run -p "Scaffold a new user service" --name scaffold --branch feature/by-command
walk run -p "Write tests for the user service" --name after --depends-on scaffold --branch feature/by-command
walk run -p "Fix the bug" --name timed --timeout 30m
for n in scaffold after timed; do until_ok 60 run_ended $n || fail "$n: $(kelos get task $n -n quickstart -o yaml)"; done
[ "$(git -C "$T/git/your-org/your-repo.git" rev-list --count main..feature/by-command)" = 2 ] || fail "not one after the other"
job quickstart timed | grep -q '"activeDeadlineSeconds":1800' || fail "--timeout"
kelos suspend taskspawner fix-bugs -n kelos-readme > "$T/walk" 2>&1 || fail "suspend: $(cat "$T/walk")"
until_ok 20 at_phase /apis/kelos.dev/v1alpha1/namespaces/kelos-readme/taskspawners/fix-bugs Suspended || fail "not suspended"
kelos resume taskspawner fix-bugs -n kelos-readme > "$T/walk" 2>&1 || fail "resume: $(cat "$T/walk")"
until_ok 20 at_phase /apis/kelos.dev/v1alpha1/namespaces/kelos-readme/taskspawners/fix-bugs Running || fail "not resumed"
finish
