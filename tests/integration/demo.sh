#!/bin/sh
# demo.sh - local mode as a user meets it: kelos demo, up, down, status, and what goes wrong.
set -u
. tests/support/lib.sh
. tests/support/cli.sh

daemon=""
cleanup() { [ -z "$daemon" ] || kill "$daemon" 2>/dev/null; "$K" down --data "$T/d" > /dev/null 2>&1; [ -z "${holder:-}" ] || kill "$holder" 2>/dev/null; }
# Processes that name this test's folder on their command line.
ours() { pgrep -f -- "$1" | grep -v "^$$\$"; }

begin "kelos demo passes its own checks and leaves nothing"
mkdir "$T/tmp"
TMPDIR=$T/tmp timeout 400 "$K" demo > "$T/out" 2> "$T/err" < /dev/null; rc=$?
says 0; out "The demo passed"
[ "$(grep -c '^ok ' "$T/out")" = 6 ] || fail "$(cat "$T/out")"
[ -z "$(ls "$T/tmp")" ] || fail "left over: $(ls "$T/tmp")"
none_of() { [ -z "$(ours "$1")" ]; }
until_ok 5 none_of "$T/tmp" || fail "processes left: $(pgrep -fa -- "$T/tmp")"

begin "an interrupted demo leaves nothing"
: > "$T/out" # what the first demo said is not this one's
TMPDIR=$T/tmp "$K" demo > "$T/out" 2> "$T/err" < /dev/null &
demo=$!
until_ok 30 grep -q "Running" "$T/out" || fail "the demo does not get going: $(cat "$T/err")"
kill -TERM $demo; wait $demo; rc=$?
says 1; err "interrupted"
[ -z "$(ls "$T/tmp")" ] || fail "left over: $(ls "$T/tmp")"
until_ok 5 none_of "$T/tmp" || fail "processes left: $(pgrep -fa -- "$T/tmp")"

begin "up says what runs and where"
export KELOS_LOCAL_DIR=$T/d
run "$K" up; says 0
for w in "http://127.0.0.1:" "$T/d/kubeconfig" "export KUBECONFIG=" "kelos down"; do out "$w"; done
run "$K" get tasks; says 0; out NAME
run "$K" status; says 0
for w in apiserver runner watcher shard-0 statuswriter ready; do out "$w"; done
run "$K" status -o json; says 0; out '"workers"'
[ "$(stat -c %a "$T/d/kubeconfig")" = 600 ] || fail "mode of the kubeconfig"

begin "a second up says what to do"
run "$K" up; one_error "already runs"; err "kelos down"
run "$K" get tasks; says 0

begin "a chosen cluster wins over local mode"
run "$K" get tasks --kubeconfig "$T/none"; one_error "$T/none"
printf 'apiVersion: v1\nkind: Config\n' > "$T/kc"
KUBECONFIG=$T/kc run "$K" get tasks; says 1
printf 'kubeconfig: %s\n' "$T/none" > "$T/cfg"
run "$K" get tasks --config "$T/cfg"; one_error "$T/none"

begin "install and uninstall are for clusters: a running local mode is not what they take"
for w in install "uninstall --yes"; do
    # shellcheck disable=SC2086
    run "$K" $w; one_error "local mode needs no installation"
done
run "$K" get tasks; says 0

# wait_phase TASK PHASE
wait_phase() { until_ok 30 sh -c "[ \"\$('$K' get task $1 -o 'jsonpath={.status.phase}')\" = $2 ]" || fail "task/$1 is $("$K" get task "$1" -o 'jsonpath={.status.phase} {.status.message}') instead of $2"; }

begin "a task runs, its transcript can be read"
echo '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"ANTHROPIC_API_KEY": "canary-key"}}' | "$K" apply -f - > /dev/null
: > "$T/empty"
run timeout 300 "$K" run -p "say hello" --name hello --image demo --secret s --config "$T/empty" -w; says 0
out "task/hello Succeeded"; row CLI/R13
run timeout 300 "$K" logs hello; says 0; out "demo agent"; row CLI/L02
timeout 300 "$K" run -p "again" --name again --image demo --secret s --config "$T/empty" > /dev/null
run timeout 300 "$K" logs again -f; says 0; out "demo agent"; err "(claude-code)"; err "[result] completed"; row CLI/L03
run timeout 300 "$K" run -p "follow" --name followed --image demo --secret s --config "$T/empty" --follow; says 0
out "task/followed created"; out "demo agent"; err "(claude-code)"; err "[result] completed"
run "$K" run --help; out 'print the phases'; out 'print the transcript'
for k in agentconfig task taskspawner workspace; do grep -q "kelos get $k" docs/reference.md || fail "docs/reference.md lacks kelos get $k"; done
row CLI/W36
if grep -rq canary-key "$T/d/log"; then fail "the key is in the log"; fi

begin "with a workspace the clone comes before the agent"
git init -q --bare -b main "$T/git/r.git"
git clone -q "$T/git/r.git" "$T/work" 2> /dev/null
git -C "$T/work" -c user.name=a -c user.email=a@localhost commit -q --allow-empty -m begin
git -C "$T/work" push -q origin HEAD:main
port=$(free_port)
git daemon --listen=127.0.0.1 --port="$port" --base-path="$T/git" --export-all --enable=receive-pack --reuseaddr "$T/git" > "$T/daemon.log" 2>&1 &
daemon=$!
run "$K" create workspace repo --repo "git://127.0.0.1:$port/r.git" --ref main; says 0
timeout 300 "$K" run -p "in the repository" --name cloned --image demo --secret s --workspace repo --branch work --config "$T/empty" > /dev/null
run timeout 300 "$K" logs cloned -f; says 0; err "(git-clone)"; err "(claude-code)"
head -n 1 "$T/out" | grep -qi clon || fail "$(head -n 3 "$T/out")"
out "demo agent"; row CLI/L05
git -C "$T/git/r.git" rev-parse -q --verify work > /dev/null || fail "no branch was pushed"
kill $daemon

begin "what is missing is said in the task, and nothing is lost"
run "$K" run -p x --name no-secret --image demo --secret absent --config "$T/empty"; says 0
until_ok 20 sh -c "'$K' get task no-secret -d | grep -q absent" || fail "$("$K" get task no-secret -d)"
cat > "$T/repo.yaml" <<'EOF'
apiVersion: kelos.dev/v1alpha1
kind: Workspace
metadata: {name: nowhere}
spec: {repo: "git://127.0.0.1:1/none.git"}
EOF
"$K" apply -f "$T/repo.yaml" > /dev/null
run "$K" run -p x --name no-repo --image demo --secret s --workspace nowhere --config "$T/empty"; says 0
run timeout 300 "$K" logs no-repo -f; says 1
wait_phase no-repo Failed

begin "down ends everything and keeps the data"
run "$K" down; says 0; out "has ended"
until_ok 5 none_of "$T/d/run" || fail "processes left: $(pgrep -fa -- "$T/d/run")"
run "$K" status; one_error "kelos up"
run "$K" down; says 0; out "does not run"
run "$K" up; says 0
run "$K" get task hello -o 'jsonpath={.status.phase}'; out Succeeded
run "$K" down --purge --yes; says 0; [ ! -e "$T/d/apiserver" ] || fail "data left"

begin "a port in use, a directory that cannot be written, a path too long"
python3 -c 'import socket,sys,time
s=socket.socket(); s.bind(("127.0.0.1",0)); s.listen(1); print(s.getsockname()[1],flush=True); time.sleep(600)' > "$T/port" &
holder=$!
until_ok 10 test -s "$T/port"
run "$K" up --data "$T/e" --port "$(cat "$T/port")"; one_error "in use"; err "--port"
[ ! -e "$T/e/supervisor.pid" ] || fail "a pid file is left"
kill $holder; holder=""
run "$K" up --data /proc/nowhere; one_error "not writable"
run "$K" up --data "$T/$(printf 'x%.0s' $(seq 120))"; one_error "--data"
run "$K" up --port 99999999; one_error "--port"
mkdir "$T/bin"; cp "$K" "$T/bin/"
run "$T/bin/kelos" up --data "$T/e"; one_error "kelos-supervisor"
finish
