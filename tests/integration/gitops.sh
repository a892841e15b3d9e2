#!/bin/sh
# gitops.sh - what other tools are given: the health checks of deploy/argocd in a Lua interpreter, and
# every step of the workflow in examples/github-actions with the agent, gh and apt-get played.
. tests/support/lib.sh
. tests/support/local.sh
GITD=""
cleanup() { [ -z "$GITD" ] || kill "$GITD" 2> /dev/null; local_down; }

if LUA=$(command -v lua5.4 || command -v lua5.3 || command -v lua); then
begin "Argo CD's health checks say of each object what it is"
cat > "$T/health.py" <<'P'
import json, subprocess, sys, yaml
checks = yaml.safe_load(open("deploy/argocd/argocd-cm.yaml"))["data"]
def lua(v):
    if v is None: return "nil"
    if isinstance(v, bool): return "true" if v else "false"
    if isinstance(v, (int, float)): return repr(v)
    if isinstance(v, str): return json.dumps(v, ensure_ascii=False)
    if isinstance(v, list): return "{" + ", ".join(map(lua, v)) + "}"
    return "{" + ", ".join("[%s] = %s" % (json.dumps(k), lua(x)) for k, x in v.items()) + "}"
def health(kind, obj):
    code = "obj = %s\nlocal function check()\n%s\nend\nlocal hs = check()\nio.write(hs.status, '\\n', hs.message)" % (
        lua({"kind": kind, "metadata": {"name": "x"}, **obj}), checks["resource.customizations.health.kelos.dev_" + kind])
    r = subprocess.run([sys.argv[1], "-"], input=code, capture_output=True, text=True)
    return tuple(r.stdout.split("\n", 1)) if r.returncode == 0 else ("Lua", r.stderr)
def condition(t, s, m): return {"type": t, "status": s, "reason": "R", "message": m}
P = lambda p, m=None, *c, **spec: {"spec": spec, "status": {k: v for k, v in (("phase", p), ("message", m), ("conditions", list(c) or None)) if v is not None}}
rows = [
 ("Task", {"spec": {}}, "Progressing", "not looked at"), ("Task", P(""), "Progressing", "not looked at"),
 ("Task", P("Pending"), "Progressing", "Pending"), ("Task", P("Waiting", "Waiting for x"), "Progressing", "Waiting for x"),
 ("Task", P("Running"), "Progressing", "Running"), ("Task", P("Succeeded", "Task completed successfully"), "Healthy", "completed"),
 ("Task", P("Failed", "Task failed: exit 1"), "Degraded", "exit 1"),
 ("Task", P("Running", None, condition("Quarantined", "True", "kills")), "Degraded", "kills"),
 ("Task", P("Running", None, condition("Quarantined", "False", "")), "Progressing", "Running"),
 ("TaskSpawner", {"spec": {}}, "Progressing", "not looked at"), ("TaskSpawner", P("Pending", "Waiting for its first look"), "Progressing", "first look"),
 ("TaskSpawner", P("Running", "Discovered 3 items"), "Healthy", "Discovered 3"),
 ("TaskSpawner", P("Running", "m", condition("DiscoveryError", "True", "401")), "Healthy", "401"),
 ("TaskSpawner", P("Running", "m", condition("DiscoveryError", "False", "401")), "Healthy", "m"),
 ("TaskSpawner", P("Suspended", "Suspended by user", suspend=True), "Suspended", "by user"),
 ("TaskSpawner", P("Running", "", suspend=True), "Suspended", "Running"),
 ("TaskSpawner", P("Failed", "Bad schedule"), "Degraded", "Bad schedule"),
 ("Workspace", {"spec": {}}, "Healthy", "Task"), ("Workspace", {"spec": {}, "metadata": {"deletionTimestamp": "t"}}, "Progressing", "deleted"),
 ("AgentConfig", {"spec": {}}, "Healthy", "Task"), ("AgentConfig", {"spec": {}, "metadata": {"deletionTimestamp": "t"}}, "Progressing", "deleted"),
]
bad = 0
for kind, obj, status, text in rows:
    got = health(kind, obj)
    if got[0] != status or text not in got[1]: bad = 1; print(kind, obj, got, "instead of", status, text)
phases = {k: {o.get("status", {}).get("phase", "") for kk, o, *_ in rows if kk == k} for k in ("Task", "TaskSpawner")}
if phases["Task"] != {"", "Pending", "Waiting", "Running", "Succeeded", "Failed"} or phases["TaskSpawner"] != {"", "Pending", "Running", "Suspended", "Failed"}:
    bad = 1; print(phases)
# Objects as a server has them, from the command line's arguments.
for f in sys.argv[2:]:
    o = json.load(open(f)); got = health(o["kind"], o); print("real", o["kind"], o["metadata"]["name"], got[0])
    bad |= got[0] == "Lua"
sys.exit(bad)
P
python3 "$T/health.py" "$LUA" > "$T/out" 2>&1 || fail "$(cat "$T/out")"
else
    echo "     not run: the health checks; there is no Lua (lua5.4)"
fi

git init -q -b main "$T/seed" && (cd "$T/seed" && echo x > README && git add . && git -c user.name=a -c user.email=a@b commit -qm one)
mkdir -p "$T/git" && git clone -q --bare "$T/seed" "$T/git/repo.git"
port=$(free_port)
git daemon --reuseaddr --listen=127.0.0.1 --port="$port" --base-path="$T/git" --export-all --enable=receive-pack > "$T/gitd.log" 2>&1 & GITD=$!
local_up || { echo "0 passed, 1 failed"; exit 1; }
install -D -m 755 tests/support/claude "$T/share/agents/claude-code/bin/claude"
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"shop"},"spec":{"repo":"git://127.0.0.1:%s/repo.git"}}' "$port" | post $NS/workspaces > /dev/null

begin "the workflow is what GitHub reads, and its shell takes nothing from an issue as a script"
make --no-print-directory BUILD="$BUILD" dist DIST="$T/dist" > "$T/log" 2>&1 || fail "$(cat "$T/log")"
mkdir -p "$T/fake" "$T/home" "$T/tmp" "$T/steps"
for c in apt-get gh; do printf '#!/bin/sh\necho "%s $*" >> "%s/calls"\n' $c "$T" > "$T/fake/$c"; chmod 755 "$T/fake/$c"; done
cat > "$T/steps.py" <<'P'
import json, re, sys, yaml
w = yaml.safe_load(open("examples/github-actions/agent.yaml"))
on = w.get("on", w.get(True)) # "on" is a truth to YAML 1.1
assert on == {"issues": {"types": ["labeled"]}} and w["permissions"] == {"issues": "write"}, on
job, = w["jobs"].values()
values = json.loads(sys.argv[1])
def fill(text):
    return re.sub(r"\$\{\{ *(.*?) *\}\}", lambda m: values[m.group(1)], str(text))
def env(e): return {k: fill(v) for k, v in (e or {}).items()}
for i, s in enumerate(job["steps"]):
    assert "${{" not in s["run"], "a value in the script of: " + s["name"]
    open("%s/%d.sh" % (sys.argv[2], i), "w").write(s["run"])
    quote = lambda v: "'" + v.replace("'", "'\\''") + "'"
    open("%s/%d.env" % (sys.argv[2], i), "w").write("".join("export %s=%s\n" % (k, quote(v)) for k, v in {**env(job["env"]), **env(s.get("env"))}.items()))
    print(i, s["name"])
P
values() { # TITLE
    python3 -c 'import json, sys
k, dist, title = sys.argv[1:]
print(json.dumps({"github.event.issue.number": "7", "github.run_id": "42", "github.event.issue.title": title,
  "github.event.issue.body": "It\u2019s $(touch /tmp/kelos-never) `id`", "github.token": "t", "secrets.KUBECONFIG_AGENT": open(k).read(),
  "vars.KELOS_RELEASES": "file://" + dist, "vars.KELOS_WORKSPACE": "shop", "vars.KELOS_SECRET": "c"}))' "$K" "$T/dist" "$1"
}
python3 "$T/steps.py" "$(values "Crash \"; touch $T/never; \"")" "$T/steps" > "$T/list" 2>&1 || fail "$(cat "$T/list")"
[ "$(wc -l < "$T/list")" = 6 ] || fail "$(cat "$T/list")"

begin "its steps install kelos, run the agent, keep the transcript and comment"
export GITHUB_PATH="$T/path" GITHUB_ENV="$T/env" RUNNER_TEMP="$T/tmp" GITHUB_REPOSITORY=me/shop
: > "$T/path"; : > "$T/env"; mkdir "$T/work"
step() { # N: as a runner runs it, with what earlier steps left
    (cd "$T/work" && unset KUBECONFIG KELOS_CONFIG INSTALL_DIR KELOS_LIB_DIR KELOS_VERSION
        HOME=$T/home; PATH=$(tr '\n' ':' < "$T/path")$T/fake:$PATH; export HOME PATH
        while IFS= read -r l; do export "${l?}"; done < "$T/env"
        . "$T/steps/$1.env"; bash --noprofile --norc -e -o pipefail "$T/steps/$1.sh") > "$T/out" 2>&1
}
for n in 0 1 2 3 4; do step $n || fail "step $(sed -n "$((n + 1))p" "$T/list"): $(cat "$T/out")"; done
[ "$(field $NS/tasks/issue-7-42 'o["status"]["phase"], o["spec"]["branch"], o["spec"]["podOverrides"]["activeDeadlineSeconds"]')" = "('Succeeded', 'issue-7', 2700)" ] ||
    fail "$(get $NS/tasks/issue-7-42)"
field $NS/tasks/issue-7-42 'o["spec"]["prompt"]' > "$T/prompt"
grep -qF "Crash \"; touch $T/never; \"" "$T/prompt" && grep -qF '$(touch /tmp/kelos-never) `id`' "$T/prompt" || fail "$(cat "$T/prompt")"
[ ! -e "$T/never" ] && [ ! -e /tmp/kelos-never ] || fail "the issue's text was run"
commit=$(git -C "$T/git/repo.git" rev-parse -q --verify refs/heads/issue-7) || fail "no branch"
grep -q "^gh issue comment 7 --repo me/shop --body Agent: Succeeded. Commit $commit on branch issue-7" "$T/calls" || fail "$(cat "$T/calls")"
grep -q 'pushed issue-7' "$T/work/transcript.txt" || fail "transcript: $(cat "$T/work/transcript.txt")"
[ "$(stat -c %a "$T/tmp/kubeconfig")" = 600 ] || fail "the kubeconfig is open"
step 5; [ ! -e "$T/tmp/kubeconfig" ] || fail "the kubeconfig is left"
# The packages that it installs hold every library that the command loads; a sanitizer's are none of its.
for l in $(ldd "$BIN/kelos" | awk '$3 ~ /^\// { print $3 }'); do
    p=$(dpkg -S "*/$(basename "$l")" 2> /dev/null | sed -n '1s/:.*//p')
    case $p in "" | libc6* | lib*san* | libstdc++* | libgcc* | libcrypt*) ;; *) grep "^apt-get install" "$T/calls" | grep -q " $p\b" || fail "$p is not installed" ;; esac
done

begin "an agent that fails fails the job, and is commented too"
python3 "$T/steps.py" "$(values x | sed 's/"42"/"43"/; s/"vars.KELOS_SECRET": "c"/"vars.KELOS_SECRET": "empty"/')" "$T/steps" > /dev/null || fail "steps"
echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"empty"},"stringData":{"ANTHROPIC_API_KEY":""}}' | post $CORE/secrets > /dev/null
step 1
step 2 && fail "the step is green: $(cat "$T/out")"
step 3; step 4 || fail "$(cat "$T/out")"
grep -q 'Agent: Failed\. .*' "$T/calls" || fail "$(cat "$T/calls")"

if [ -n "$LUA" ]; then
begin "the health checks take objects as a server has them"
get $NS/tasks/issue-7-42 > "$T/t1"; get $NS/tasks/issue-7-43 > "$T/t2"; get $NS/workspaces/shop > "$T/w"
python3 "$T/health.py" "$LUA" "$T/t1" "$T/t2" "$T/w" > "$T/out" 2>&1 || fail "$(cat "$T/out")"
[ "$(grep -c '^real' "$T/out")" = 3 ] && grep -q 'issue-7-42 Healthy' "$T/out" && grep -q 'issue-7-43 Degraded' "$T/out" || fail "$(cat "$T/out")"
fi
finish
