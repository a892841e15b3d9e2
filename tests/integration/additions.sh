#!/bin/sh
# additions.sh - what a Task may be beyond v0.16, in a whole local mode; and Tasks of axon.io.
. tests/support/lib.sh
. tests/support/local.sh
LOCAL_SUPERVISOR="$BIN/kelos-supervisor --api-groups kelos.dev,axon.io"
GITD=""
cleanup() { [ -z "$GITD" ] || kill "$GITD" 2> /dev/null; local_down; }
local_up || { echo "0 passed, 1 failed"; exit 1; }
logs_of() { get "$CORE/pods/$(field "$NS/tasks/$1" 'o["status"]["podName"]')/log?container=${2:-claude-code}"; }
config() { printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"AgentConfig","metadata":{"name":"%s"},"spec":{%s}}' "$1" "$2" | post $NS/agentconfigs > "$T/created"; }
secret() { printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"%s"},"stringData":{%s}}' "$1" "$2" | post $CORE/secrets > "$T/created"; }

begin "podOverrides reach the Pod, and the agent sees its volume"
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"corp-ca"},"data":{"ca.crt":"CA"}}' | post $CORE/configmaps > /dev/null
task po 'test \"$(cat /etc/corp/ca.crt)\" = CA' '"podOverrides":{"labels":{"team":"platform"},"volumes":[{"name":"ca","configMap":{"name":"corp-ca"}}],"volumeMounts":[{"name":"ca","mountPath":"/etc/corp"}],"containerSecurityContext":{"allowPrivilegeEscalation":false},"extraInitContainers":[{"name":"first","image":"tester","command":["/kelos_entrypoint.sh"],"args":["echo from the init container"]}]}'
becomes po Succeeded
[ "$(field $JOBS/po 'o["metadata"]["labels"]["team"]')" = platform ] || fail "label of the Job"
pod=$(field $NS/tasks/po 'o["status"]["podName"]')
[ "$(field "$CORE/pods/$pod" 'o["metadata"]["labels"]["team"]')" = platform ] || fail "label of the Pod"
logs_of po first | grep -q 'from the init container' || fail "the init container did not run"

begin "a mount of a volume that is not there fails the Task once"
task nope 'true' '"podOverrides":{"volumeMounts":[{"name":"nope","mountPath":"/x"}]}'
becomes nope Failed
case "$(message nope)" in 'Failed to build Job: '*) ;; *) fail "$(message nope)" ;; esac
[ -n "$(field $NS/tasks/nope 'o["status"]["completionTime"]')" ] || fail "no completionTime"
has_job nope && fail "it has a Job"
event_comes nope JobBuildFailed
events_of nope | grep -c JobBuildFailed | grep -qx 1 || fail "not told once"
row ADD/PO17 TE/W-J4

begin "a misspelt member of an extra container is said, not dropped"
task odd 'true' '"podOverrides":{"extraContainers":[{"name":"x","image":"tester","commnad":["true"]}]}'
becomes odd Failed
case "$(message odd)" in 'Failed to build Job: '*commnad*) ;; *) fail "$(message odd)" ;; esac

begin "MCP values from a Secret are waited for, and stay in a Secret"
config tools '"mcpServers":[{"name":"m","type":"http","url":"https://m","headersFrom":{"secretRef":{"name":"mcp-values"}}}]'
task late 'case \"$KELOS_MCP_SERVERS\" in *Authorization*) ;; *) exit 3 ;; esac' '"agentConfigRef":{"name":"tools"}'
becomes late Waiting
[ "$(message late)" = 'Failed to resolve MCP server secret: fetching headersFrom secret "mcp-values" for MCP server "m": secrets "mcp-values" not found' ] || fail "$(message late)"
[ "$(field $NS/tasks/late 'o["status"]["conditions"][0]["reason"]')" = SecretMissing ] || fail "no condition"
has_job late && fail "it has a Job"
secret mcp-values '"Authorization":"CANARY-9"'
becomes late Succeeded
[ "$(field $NS/tasks/late '[c["status"] for c in o["status"]["conditions"] if c["type"]=="Blocked"][0]')" = False ] || fail "still blocked"
row ADD/MS7
for p in $NS/tasks $JOBS $CORE/pods $CORE/configmaps $CORE/events; do
    get "$p" > "$T/all"
    if grep -q 'CANARY-9' "$T/all" || grep -q "$(printf CANARY-9 | base64)" "$T/all"; then fail "the value is in $p"; fi
done
if grep -qr 'CANARY-9' "$T/supervisor.log" "$T/d/log" 2> /dev/null; then fail "the value is in a log"; fi
[ "$(field $CORE/secrets/late-mcp 'o["metadata"]["ownerReferences"][0]["name"]')" = late ] || fail "owner"
row ADD/MS9 RES/R11
del $NS/tasks/late
until_ok 10 gone $CORE/secrets/late-mcp || fail "the Secret outlives its Task"
row ADD/MS10

begin "AgentConfigs are merged, and a missing one is waited for"
config md-a '"agentsMD":"A","plugins":[{"name":"kit","skills":[{"name":"x","content":"1"}],"agents":[{"name":"a","content":"A"}]}]'
config md-b '"agentsMD":""'
task merged 'test \"$KELOS_AGENTS_MD\" = \"$(printf \"A\\n\\nB\")\" && test \"$(cat /kelos/plugin/kit/skills/x/SKILL.md)\" = 2 && test -f /kelos/plugin/kit/agents/a.md && test -f /kelos/plugin/kit/agents/b.md' '"agentConfigRefs":[{"name":"md-a"},{"name":"md-b"},{"name":"md-c"}]'
becomes merged Waiting
[ "$(message merged)" = 'Waiting for AgentConfig "md-c" to be created' ] || fail "$(message merged)"
has_job merged && fail "it has a Job"
config md-c '"agentsMD":"B","plugins":[{"name":"kit","skills":[{"name":"x","content":"2"}],"agents":[{"name":"b","content":"B"}]}]'
becomes merged Succeeded 30
row ADD/AR1 ADD/AR3 ADD/AR6

# From here on little time is given to what a Task names and is not there.
local_kill
LOCAL_SUPERVISOR="$LOCAL_SUPERVISOR --reference-grace 3"
local_again || { begin "another start"; fail "it does not start again"; }
begin "a value that never comes ends the Task, with an Event"
config never '"mcpServers":[{"name":"m","type":"http","url":"https://m","headersFrom":{"secretRef":{"name":"no-such"}}}]'
config nokey '"mcpServers":[{"name":"m","type":"stdio","command":"c","envValueFrom":[{"name":"V","valueFrom":{"secretKeyRef":{"name":"mcp-values","key":"absent"}}}]}]'
config private '"skills":[{"source":"corp/skills","secretRef":{"name":"no-such"}}]'
task n1 'true' '"agentConfigRef":{"name":"never"},"branch":"shared"'
task n2 'true' '"agentConfigRef":{"name":"nokey"}'
task n3 'true' '"agentConfigRef":{"name":"private"}'
becomes n1 Failed; becomes n2 Failed; becomes n3 Failed
case "$(message n1)" in *'"no-such"'*) ;; *) fail "$(message n1)" ;; esac
event_comes n1 'Warning MCPSecretFailed Failed to resolve MCP server secret: '
has_job n1 && fail "it has a Job"
row ADD/MS6
[ "$(message n2)" = 'Failed to resolve MCP server secret: secret "mcp-values" has no key "absent" for MCP server "m" env "V"' ] || fail "$(message n2)"
row ADD/MS4
[ "$(message n3)" = 'Failed to validate skills auth secret: fetching secret "no-such" for skills.sh source "corp/skills": secrets "no-such" not found' ] || fail "$(message n3)"
event_comes n3 SkillsAuthSecretFailed
row ADD/SK3
[ -n "$(field $NS/tasks/n1 'o["status"]["completionTime"]')" ] || fail "no completionTime"
task n4 'true' '"branch":"shared"'
becomes n4 Succeeded
row ADD/SA10

begin "long prompts and 1 MiB of skills arrive whole"
long=$(head -c 204800 /dev/zero | tr '\0' x)
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"long"},"spec":{"type":"claude-code","image":"tester-file","prompt":"%s","credentials":{"type":"none"}}}' "$long" > "$T/long.json"
mkdir -p "$T/share/agents/tester-file"; cp "$T/share/agents/demo/image.json" "$T/share/agents/tester-file/"
cat > "$T/share/agents/tester-file/kelos_entrypoint.sh" <<'END'
#!/bin/sh
cksum < "$KELOS_PROMPT_FILE"
END
chmod 755 "$T/share/agents/tester-file/kelos_entrypoint.sh"
call -H 'Content-Type: application/json' -X POST "$S$NS/tasks" --data-binary "@$T/long.json" > "$T/created"
becomes long Succeeded
[ "$(logs_of long)" = "$(printf %s "$long" | cksum)" ] || fail "$(logs_of long)"
row ADD/CD6
python3 - > "$T/skills.json" <<'P'
import json
print(json.dumps({"apiVersion":"kelos.dev/v1alpha1","kind":"AgentConfig","metadata":{"name":"many"},"spec":{"plugins":[
    {"name":"p","skills":[{"name":"s%d"%i,"content":"x"*262144} for i in range(4)]}]}}))
P
call -H 'Content-Type: application/json' -X POST "$S$NS/agentconfigs" --data-binary "@$T/skills.json" > "$T/created"
task many 'test \"$(cat /kelos/plugin/p/skills/s*/SKILL.md | wc -c)\" = 1048576' '"agentConfigRef":{"name":"many"}'
becomes many Succeeded 30
del $NS/tasks/many
until_ok 10 gone $CORE/configmaps/many-plugins || fail "the ConfigMap outlives its Task"
until_ok 10 gone $CORE/configmaps/many-plugins-2 || fail "the second ConfigMap outlives its Task"
config only-skills '"skills":[{"source":"a/b"}]'
row ADD/CD7

begin "a ConfigMap of somebody else is left alone"
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"taken-plugins"},"data":{"mine":"yes"}}' | post $CORE/configmaps > /dev/null
task taken 'true' '"agentConfigRef":{"name":"md-a"}'
becomes taken Failed
case "$(message taken)" in *'already exists and is not controlled by this Task'*) ;; *) fail "$(message taken)" ;; esac
[ "$(field $CORE/configmaps/taken-plugins 'o["data"]')" = "{'mine': 'yes'}" ] || fail "its data changed"
row ADD/CD5 ADD/AW12

begin "the setup command of a Workspace"
git init -q -b main "$T/seed" && (cd "$T/seed" && echo x > README && git add . &&
    git -c user.name=a -c user.email=a@b commit -qm one)
mkdir -p "$T/git" && git clone -q --bare "$T/seed" "$T/git/web.git"
port=$(free_port)
git daemon --reuseaddr --listen=127.0.0.1 --port=$port --base-path="$T/git" --export-all > "$T/gitd.log" 2>&1 &
GITD=$!
cat > "$T/share/agents/tester-file/kelos_entrypoint.sh" <<'END'
#!/bin/sh
/kelos/kelos-capture --setup || exit
sh -c "$1"
END
setup() { printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"%s"},"spec":{"repo":"git://127.0.0.1:%s/web.git","ref":"main","remotes":[{"name":"up","url":"https://h/a/b"}],"files":[{"path":"rules.md","content":"r"}],"setupCommand":%s}}' "$1" $port "$2" | post $NS/workspaces > "$T/created"; }
with_setup() { printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"%s"},"spec":{"type":"claude-code","image":"tester-file","prompt":"%s","branch":"b-%s","agentConfigRef":{"name":"md-a"},"workspaceRef":{"name":"%s"},"credentials":{"type":"none"}}}' "$1" "$3" "$1" "$2" | post $NS/tasks > "$T/created"; }
setup good '["sh","-c","test -f README && test -f rules.md && git remote get-url up && test $(git branch --show-current) = b-sg && test -f /kelos/plugin/kit/agents/a.md && echo made > made.txt"]'
setup bad '["sh","-c","exit 17"]'
with_setup sg good 'test \"$(cat made.txt)\" = made'
with_setup sb bad 'echo started'
becomes sg Succeeded; becomes sb Failed
logs_of sg > "$T/log"
grep -q -e '---KELOS_SETUP_COMMAND_START---' "$T/log" && grep -q -e '---KELOS_SETUP_COMMAND_DONE---' "$T/log" || fail "$(cat "$T/log")"
if grep -q SETUP_COMMAND_FAILED "$T/log"; then fail "FAILED"; fi
row ADD/SC3
logs_of sb > "$T/log"
grep -q -e '---KELOS_SETUP_COMMAND_START---' "$T/log" && grep -q -e '---KELOS_SETUP_COMMAND_FAILED--- exit=17' "$T/log" || fail "$(cat "$T/log")"
if grep -q started "$T/log"; then fail "the agent was started"; fi
row ADD/SC5
warned() { events_of "$1" | grep -c 'Warning SetupCommandNotRun'; }
warned_once() { [ "$(warned "$1")" = 1 ]; }
# The image "tester" knows nothing of setup commands; an agent's own entrypoint says its level.
task silent 'echo no setup' '"workspaceRef":{"name":"good"}'
task levelled 'echo \"---KELOS_INTERFACE--- level=1\" >&2' '"workspaceRef":{"name":"good"}'
becomes silent Succeeded; becomes levelled Succeeded
until_ok 10 warned_once silent || fail "silent: $(events_of silent)"
until_ok 10 warned_once levelled || fail "levelled: $(events_of levelled)"
events_of silent | grep -q 'the image does not say that it keeps the agent image interface' || fail "$(events_of silent)"
events_of levelled | grep -q 'the image says that it keeps level 1 of the interface' || fail "$(events_of levelled)"
for t in sg sb; do [ "$(warned $t)" = 0 ] || fail "$t: $(events_of $t)"; done
row ADD/AW7

begin "a Task of axon.io runs beside one of kelos.dev, by its own profile"
AX=/apis/axon.io/v1alpha1/namespaces/default
printf '{"apiVersion":"axon.io/v1alpha1","kind":"Task","metadata":{"name":"old"},"spec":{"type":"claude-code","image":"tester","model":"m","prompt":"test \\"$AXON_MODEL\\" = m; printf -- \\"---AXON_OUTPUTS_START---\\\\nbranch: b1\\\\nhttps://h/pull/1\\\\n---AXON_OUTPUTS_END---\\\\n\\"","credentials":{"type":"api-key","secretRef":{"name":"c"}}}}' |
    post $AX/tasks > "$T/created"
old_is() { [ "$(field $AX/tasks/old 'o["status"]["phase"]')" = "$1" ]; }
until_ok 20 old_is Succeeded || fail "$(get $AX/tasks/old)"
[ "$(field $AX/tasks/old 'o["metadata"]["finalizers"]')" = "['axon.io/finalizer']" ] || fail "finalizer"
[ "$(field $AX/tasks/old 'o["status"]["outputs"]')" = "['branch: b1', 'https://h/pull/1']" ] || fail "outputs: $(get $AX/tasks/old)"
[ "$(field $AX/tasks/old 'sorted(o["status"])')" = "['completionTime', 'jobName', 'message', 'outputs', 'phase', 'podName', 'startTime']" ] || fail "status: $(get $AX/tasks/old)"
[ "$(field $JOBS/old 'o["metadata"]["labels"]["axon.io/task"], o["spec"]["backoffLimit"], o["spec"]["template"]["spec"]["containers"][0]["command"][0]')" = "('old', 0, '/axon_entrypoint.sh')" ] || fail "$(get $JOBS/old)"
row RES/X4
task old 'true'
becomes old Failed
case "$(message old)" in *'"old" exists and is not controlled by this Task'*) ;; *) fail "$(message old)" ;; esac
old_is Succeeded || fail "the other group's Task changed"
row RES/X3
mpatch $NS/tasks/po '{"metadata":{"finalizers":["kelos.dev/finalizer","axon.io/finalizer"]}}' > /dev/null
del $NS/tasks/po
only_theirs() { [ "$(field $NS/tasks/po 'o["metadata"]["finalizers"]')" = "['axon.io/finalizer']" ]; }
until_ok 10 only_theirs || fail "finalizers: $(field $NS/tasks/po 'o["metadata"]["finalizers"]')"
mpatch $NS/tasks/po '{"metadata":{"finalizers":[]}}' > /dev/null
row RES/X8

finish
