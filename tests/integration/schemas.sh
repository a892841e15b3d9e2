#!/bin/sh
# schemas.sh - what the CRDs of deploy/crds refuse and accept, asked of kelos-apiserver.
. tests/support/lib.sh

. tests/support/schemas.sh

begin "a Task needs type, prompt and credentials, of the known kinds"
accepted Task "$TASK"
refused Task "\"type\":\"aider\",\"prompt\":\"p\",$C" "spec.type"
row RES/T1
refused Task '"type":"codex","prompt":"p","credentials":{"type":"token","secretRef":{"name":"k"}}' "spec.credentials.type"
row RES/T2
refused Task "\"prompt\":\"p\",$C" "spec.type"
refused Task "\"type\":\"codex\",$C" "spec.prompt"
refused Task '"type":"codex","prompt":"p"' "spec.credentials"
refused Task '"type":"codex","prompt":"p","credentials":{"secretRef":{"name":"k"}}' "spec.credentials.type"
refused Task '"type":"codex","prompt":"p","credentials":{"type":"oauth","secretRef":{}}' "name"
refused Task '"type":"codex","prompt":"p","credentials":{"type":"api-key"}' "secretRef is required for api-key and oauth credential types"
refused Task "$TASK,\"workspaceRef\":{}" "spec.workspaceRef.name"
row RES/T3 ADD/CN2
accepted Task '"type":"codex","prompt":"p","credentials":{"type":"none"}'
accepted Task '"type":"codex","prompt":"p","credentials":{"type":"none","secretRef":{"name":"k"}}'
refused Task "$TASK,\"workspaceRef\":{\"name\":\"\"}" "spec.workspaceRef.name"
refused Task "$TASK,\"workspaceRef\":{\"name\":\"Not_A_Name\"}" "spec.workspaceRef.name"
refused Task none "spec"
row RES/T8
refused Task "\"type\":\"codex\",\"prompt\":\"\",$C" "spec.prompt"
row RES/T9

begin "numbers and quantities of a Task are bounded"
refused Task "$TASK,\"ttlSecondsAfterFinished\":-1" "ttlSecondsAfterFinished"
row RES/T4
refused Task "$TASK,\"ttlSecondsAfterFinished\":2147483648" "ttlSecondsAfterFinished"
accepted Task "$TASK,\"ttlSecondsAfterFinished\":2147483647"
row RES/T21
refused Task "$TASK,\"podOverrides\":{\"activeDeadlineSeconds\":0}" "activeDeadlineSeconds"
row RES/T5
refused Task "$TASK,\"podOverrides\":{\"resources\":{\"limits\":{\"memory\":\"4 GB\"}}}" "memory"
accepted Task "$TASK,\"podOverrides\":{\"resources\":{\"limits\":{\"memory\":\"4Gi\",\"cpu\":2},\"requests\":{\"cpu\":\"0.5\"}}}"
row RES/T6
refused Task "$TASK,\"dependsOn\":[\"\"]" "dependsOn"
refused Task "$TASK,\"dependsOn\":[\"a\",\"a\"]" "dependsOn"
accepted Task "$TASK,\"dependsOn\":[\"never-there\"]"
refused Task "$TASK,\"effort\":\"high; rm\"" "effort"

begin "AgentConfigs are named by one or by a list"
accepted Task "$TASK,\"agentConfigRefs\":[{\"name\":\"a\"},{\"name\":\"b\"}]"
refused Task "$TASK,\"agentConfigRef\":{\"name\":\"a\"},\"agentConfigRefs\":[{\"name\":\"b\"}]" "agentConfigRef and agentConfigRefs are mutually exclusive"
refused Task "$TASK,\"agentConfigRefs\":[]" "agentConfigRefs"
refused Task "$TASK,\"agentConfigRefs\":[{\"name\":\"a\"},{\"name\":\"a\"}]" "agentConfigRefs"
row ADD/AR5

begin "a branch must be a name that git accepts"
for b in -x bad..name /a a/ a//b .a a/.b a. a.lock a.lock/b '@' 'a@{b' 'a b' 'a~b' 'a^b' 'a:b' 'a?b' 'a*b' 'a[b'; do
    refused Task "$TASK,\"branch\":\"$b\"" "branch"
done
refused Task "$TASK,\"branch\":\"a\\\\\\\\b\"" "branch"
refused Task "$TASK,\"branch\":\"a\\nb\"" "branch"
for b in feat/x agent/issue-7 v1.2 '' a@b 'ünïcode' 'x[' ; do
    [ "$b" = 'x[' ] || accepted Task "$TASK,\"branch\":\"$b\""
done
row RES/T18

begin "names are short enough for what is made from them"
accepted Task "$TASK" "$(repeat 63 t)"
refused Task "$TASK" "63 characters" "$(repeat 64 t)"
row RES/T19
accepted TaskSpawner "$CRON,$TMPL" "$(repeat 40 s)"
refused TaskSpawner "$CRON,$TMPL" "40 characters" "$(repeat 41 s)"
row RES/S11

begin "a Task cannot be changed"
accepted Task "$TASK" fixed
call PATCH /apis/kelos.dev/v1alpha1/namespaces/default/tasks/fixed '{"spec":{"prompt":"other"}}' application/merge-patch+json
[ "$code" = 422 ] || fail "changed: $code"
grep -qF 'Task spec is immutable after creation' "$T/answer" || fail "$(cat "$T/answer")"
call PATCH /apis/kelos.dev/v1alpha1/namespaces/default/tasks/fixed '{"spec":null}' application/merge-patch+json
[ "$code" = 422 ] || fail "spec removed: $code"
call PATCH /apis/kelos.dev/v1alpha1/namespaces/default/tasks/fixed '{"metadata":{"labels":{"a":"b"}}}' application/merge-patch+json
[ "$code" = 200 ] || fail "label refused: $code"
row RES/T7

begin "a finalizer does not touch the spec, however it was written"
accepted Task "\"type\":\"codex\",\"prompt\":\"p\",$C,\"model\":\"\",\"dependsOn\":[],\"podOverrides\":{\"resources\":{\"limits\":{\"cpu\":2,\"memory\":\"1024Mi\"},\"requests\":{\"cpu\":\"0.5\"}},\"env\":[{\"name\":\"A\",\"value\":\"\"}]}" odd
call PATCH /apis/kelos.dev/v1alpha1/namespaces/default/tasks/odd '{"metadata":{"finalizers":["kelos.dev/finalizer"]}}' application/merge-patch+json
[ "$code" = 200 ] || fail "finalizer refused: $code $(cat "$T/answer")"
for w in '"cpu":2' '"1024Mi"' '"0.5"' '"model":""' '"dependsOn":\[\]' '"value":""'; do
    tr -d ' \n' < "$T/answer" | grep -q "$w" || fail "lost: $w"
done
row RES/R2

begin "a Workspace names a repository and remotes that differ"
refused Workspace '"ref":"main"' "spec.repo"
for r in ssh://git@host/o/r owner/name https:// 'https://h/a b' https://host 'file:///x'; do
    refused Workspace "\"repo\":\"$r\"" "spec.repo"
done
row RES/W1 RES/W12
for r in http://h/x git://127.0.0.1:9418/a.git git@github.com:a/b.git https://user@h:8443/a/b; do
    accepted Workspace "\"repo\":\"$r\""
done
refused Workspace "$REPO,\"remotes\":[{\"name\":\"origin\",\"url\":\"https://h/a\"}]" "remote name 'origin' is reserved for the clone source"
row RES/W2
refused Workspace "$REPO,\"remotes\":[{\"name\":\"a\",\"url\":\"https://h/a\"},{\"name\":\"a\",\"url\":\"https://h/b\"}]" "remote names must be unique"
row RES/W3 RES/R4
refused Workspace "$REPO,\"remotes\":[{\"name\":\"a\",\"url\":\"not-a-url\"}]" "url"
refused Workspace "$REPO,\"remotes\":[{\"name\":\"\",\"url\":\"https://h/a\"}]" "name"
row RES/W4
refused Workspace "$REPO,\"files\":[{\"path\":\"\",\"content\":\"x\"}]" "path"
refused Workspace "$REPO,\"files\":[{\"path\":\"a\"}]" "content"
row RES/W5
refused Workspace "$REPO,\"files\":[{\"path\":\".git/hooks/pre-commit\",\"content\":\"x\"}]" ".git"
accepted Workspace "$REPO,\"files\":[{\"path\":\".github/x\",\"content\":\"\"}]"
row RES/W11
refused Workspace none "spec"
row RES/W13

begin "an AgentConfig says how its servers are reached"
accepted AgentConfig ''
refused AgentConfig '"mcpServers":[{"name":"a","type":"grpc"}]' "type"
refused AgentConfig '"mcpServers":[{"name":"","type":"http","url":"http://x"}]' "name"
refused AgentConfig '"mcpServers":[{"type":"http","url":"http://x"}]' "name"
refused AgentConfig '"mcpServers":[{"name":"a"}]' "type"
row RES/A1
refused AgentConfig '"plugins":[{"name":""}]' "name"
refused AgentConfig '"skills":[{"source":""}]' "source"
refused AgentConfig '"plugins":[{"name":"p","skills":[{"name":"","content":"c"}]}]' "name"
refused AgentConfig '"plugins":[{"name":"p","agents":[{"name":"a"}]}]' "content"
row RES/A2
refused AgentConfig '"mcpServers":[{"name":"a","type":"http","url":"u","headers":{"X":1}}]' "headers"
row RES/A3
refused AgentConfig '"mcpServers":[{"name":"a","type":"http","url":"u"},{"name":"a","type":"http","url":"v"}]' "mcpServers"
row RES/A7
refused AgentConfig '"mcpServers":[{"name":"a","type":"stdio"}]' "command is required when type is stdio"
refused AgentConfig '"mcpServers":[{"name":"a","type":"stdio","command":""}]' "command is required when type is stdio"
refused AgentConfig '"mcpServers":[{"name":"a","type":"sse"}]' "url is required when type is http or sse"
refused AgentConfig '"mcpServers":[{"name":"a","type":"http","url":""}]' "url is required when type is http or sse"
row RES/A10

begin "a TaskSpawner has one source, and what that source needs"
accepted TaskSpawner "$CRON,$TMPL" plain
tr -d ' \n' < "$T/answer" | grep -q '"pollInterval":"5m"' || fail "no default poll interval"
tr -d ' \n' < "$T/answer" | grep -q '"suspend":false' || fail "no default suspend"
refused TaskSpawner "\"when\":{\"githubIssues\":{}},$TMPL" "taskTemplate.workspaceRef is required when using githubIssues source"
row RES/S1
accepted TaskSpawner "\"when\":{\"githubIssues\":{}},$TMPLW"
tr -d ' \n' < "$T/answer" | grep -q '"types":\["issues"\]' || fail "no default types"
tr -d ' \n' < "$T/answer" | grep -q '"state":"open"' || fail "no default state"
refused TaskSpawner "\"when\":{\"githubIssues\":{\"state\":\"merged\"}},$TMPLW" "state"
refused TaskSpawner "$CRON,$TMPL,\"maxConcurrency\":-1" "maxConcurrency"
refused TaskSpawner "$CRON,$TMPL,\"maxTotalTasks\":-1" "maxTotalTasks"
refused TaskSpawner "$CRON,\"taskTemplate\":{\"type\":\"x\",$C}" "type"
refused TaskSpawner "$CRON,\"taskTemplate\":{\"type\":\"codex\",\"credentials\":{\"type\":\"x\",\"secretRef\":{\"name\":\"k\"}}}" "type"
row RES/S2
J='"project":"P","secretRef":{"name":"j"}'
refused TaskSpawner "\"when\":{\"jira\":{\"baseUrl\":\"jira.example.com\",$J}},$TMPL" "baseUrl"
refused TaskSpawner '"when":{"jira":{"baseUrl":"https://j","secretRef":{"name":"j"}}},'"$TMPL" "project"
refused TaskSpawner '"when":{"jira":{"baseUrl":"https://j","project":"P"}},'"$TMPL" "secretRef"
refused TaskSpawner "\"when\":{\"cron\":{}},$TMPL" "schedule"
accepted TaskSpawner "\"when\":{\"jira\":{\"baseUrl\":\"https://j\",$J}},$TMPL"
row RES/S3
refused TaskSpawner "\"when\":{},$TMPL" "when must have exactly one of githubIssues, "
row RES/S4
refused TaskSpawner "\"when\":{\"cron\":{\"schedule\":\"@daily\"},\"githubIssues\":{}},$TMPLW" "when must have exactly one of githubIssues, "
row RES/S5 RES/R5
refused TaskSpawner "\"when\":{\"githubIssues\":{\"types\":[\"prs\"]}},$TMPLW" "types"
refused TaskSpawner "\"when\":{\"githubIssues\":{\"types\":[\"pulls\",\"pulls\"]}},$TMPLW" "types"
accepted TaskSpawner "\"when\":{\"githubIssues\":{\"types\":[\"issues\",\"pulls\"]}},$TMPLW"
row RES/S6 RES/R6
accepted TaskSpawner "\"when\":{\"githubIssues\":{\"types\":[\"issues\",\"pulls\"],\"triggerComment\":\"/go\",\"excludeComments\":[\"/hold\",\"/no\"]}},\"maxConcurrency\":3,\"maxTotalTasks\":200,$TMPLW" stored
call GET /apis/kelos.dev/v1alpha1/namespaces/default/taskspawners/stored ''
for w in '"types":["issues","pulls"]' '"triggerComment":"/go"' '"excludeComments":["/hold","/no"]' '"maxConcurrency":3' '"maxTotalTasks":200'; do
    tr -d ' \n' < "$T/answer" | grep -qF "$w" || fail "not stored: $w"
done
row RES/SP18
refused TaskSpawner "$CRON,$TMPL,\"pollInterval\":\"soon\"" "pollInterval"
refused TaskSpawner "$CRON,$TMPL,\"pollInterval\":\"5 m\"" "pollInterval"
for p in 30 5m 1m30s 1.5h .5s 300ms 1us '1µs' -1m 0 ''; do
    accepted TaskSpawner "$CRON,$TMPL,\"pollInterval\":\"$p\""
done
row RES/S8

begin "the four kinds ask for their spec, their names and their numbers"
for k in Task Workspace AgentConfig TaskSpawner; do refused $k none "spec"; done
row RES/R1
refused TaskSpawner "$CRON,\"taskTemplate\":{\"type\":\"codex\",$C,\"agentConfigRef\":{\"name\":\"\"}}" "name"
refused Workspace "$REPO,\"secretRef\":{\"name\":\"\"}" "name"
row RES/R3
refused TaskSpawner "$CRON,$TMPL,\"maxConcurrency\":2147483648" "maxConcurrency"
refused TaskSpawner "$CRON,$TMPL,\"maxTotalTasks\":99999999999" "maxTotalTasks"
row RES/R13
row RES/R9
refused Task "\"type\":\"codex\",\"prompt\":\"$(repeat 262145)\",$C" "spec.prompt"
refused AgentConfig "\"agentsMD\":\"$(repeat 262145)\"" "agentsMD"
row RES/R10

finish
