#!/bin/sh
# schema_additions.sh - what the CRDs say about the fields beyond v0.16, and about axon.io.
. tests/support/lib.sh
. tests/support/schemas.sh

begin "the derived CRDs are those of their sources, and small"
python3 deploy/crds/derive.py --check || fail "stale"
for f in deploy/crds/*.yaml; do
    [ "$(wc -c < "$f")" -lt 262144 ] || fail "$f is too large for one apply"
    ! grep -q '^  annotations:' "$f" || fail "$f needs annotations"
done
crd() { call GET "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/$1" ''; [ "$code" = 200 ] || fail "$1: $code"; }
for k in tasks workspaces agentconfigs taskspawners; do crd $k.kelos.dev; done
for k in tasks workspaces taskspawners; do crd $k.axon.io; done

begin "a template of a TaskSpawner has every field of a Task, with the same schema and rules"
crd tasks.kelos.dev; cp "$T/answer" "$T/task.json"
crd taskspawners.kelos.dev; cp "$T/answer" "$T/spawner.json"
python3 - "$T/task.json" "$T/spawner.json" > "$T/members" <<'END' || fail "$(cat "$T/members")"
import json, sys
task, spawner = [json.load(open(p))["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] for p in sys.argv[1:]]
template = spawner["properties"]["taskTemplate"]
# prompt and branch are templates there, with the length of a template.
bad = [m for m, v in task["properties"].items() if m not in ("prompt", "branch") and template["properties"].get(m) != v]
rules = [r["rule"] for r in template["x-kubernetes-validations"]]
bad += [r["rule"] for r in task["x-kubernetes-validations"] if r["rule"] != "self == oldSelf" and r["rule"] not in rules]
# What is new is optional.
bad += ["required " + r for r in task["required"] if r not in ("type", "prompt", "credentials")]
new = "effort agentConfigRefs podFailurePolicy upstreamRepo".split()
bad += ["absent " + m for m in new if m not in task["properties"]]
print("differs:", bad)
sys.exit(bool(bad))
END

# on SPEC-MEMBERS: as a Task, and the same in a TaskSpawner's template.
takes() {
    accepted Task "$TASK,$1"
    accepted TaskSpawner "$CRON,\"taskTemplate\":{\"type\":\"claude-code\",$C,$1}"
}
refuses() { # SPEC-MEMBERS TEXT
    refused Task "$TASK,$1" "$2"
    refused TaskSpawner "$CRON,\"taskTemplate\":{\"type\":\"claude-code\",$C,$1}" "$2"
}
po() { printf '"podOverrides":{%s}' "$1"; }
answer_has() { tr -d ' \n' < "$T/answer" | grep -qF -- "$1" || fail "lost: $1: $(cut -c1-600 "$T/answer")"; }

begin "podOverrides keep what they are given"
accepted Task "$TASK,$(po '"labels":{"team":"platform"},"tolerations":[{"key":"dedicated","operator":"Equal","value":"ai-agents","effect":"NoSchedule"}],"affinity":{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":80,"preference":{"matchExpressions":[{"key":"z","operator":"In","values":["a"]}]}}]}},"imagePullSecrets":[{"name":"corp-registry-creds"}],"serviceAccountName":"bedrock-agent-sa","volumes":[{"name":"ca-bundle","configMap":{"name":"corp-ca"}}],"volumeMounts":[{"name":"ca-bundle","mountPath":"/etc/ssl/certs/corp","readOnly":true}],"podSecurityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},"containerSecurityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}},"extraContainers":[{"name":"proxy","image":"p","ports":[{"containerPort":80}]}],"extraInitContainers":[{"name":"db","image":"d","restartPolicy":"Always"}]')"
for w in '"team":"platform"' '"effect":"NoSchedule"' '"weight":80' '"corp-registry-creds"' '"bedrock-agent-sa"' \
    '"configMap":{"name":"corp-ca"}' '"mountPath":"/etc/ssl/certs/corp"' '"type":"RuntimeDefault"' '"drop":["ALL"]' \
    '"containerPort":80' '"restartPolicy":"Always"'; do
    answer_has "$w"
done
accepted TaskSpawner "$CRON,\"taskTemplate\":{\"type\":\"claude-code\",$C,$(po '"affinity":{"podAffinity":{"x":1}},"extraContainers":[{"name":"proxy","image":"p","ports":[{"containerPort":80}]}]')}"
answer_has '"podAffinity":{"x":1}'
answer_has '"containerPort":80'
# Open where a Pod is deep: what is not named is kept as it is, and typed where it is.
accepted Task "$TASK,$(po '"extraContainers":[{"name":"x","image":"i","notThere":{"a":[1]}}],"volumes":[{"name":"v","csi":{"driver":"d","later":true}}]')"
answer_has '"notThere":{"a":[1]}'
answer_has '"later":true'
refused Task "$TASK,$(po '"tolerations":[{"key":7}]')" tolerations
row ADD/G7

begin "reserved volume names are refused"
for v in workspace kelos-plugin kelos-plugin-src kelos-github-token kelos-cache; do
    refuses "$(po "\"volumes\":[{\"name\":\"$v\",\"emptyDir\":{}}]")" \
        "volumes[].name must not be 'workspace' or use the reserved 'kelos-' prefix"
done
refuses "$(po '"volumes":[{"name":"scratch","emptyDir":{}},{"name":"scratch","emptyDir":{}}]')" 'Duplicate value'
refuses "$(po '"volumes":[{"emptyDir":{}}]')" 'name'
takes "$(po '"volumes":[{"name":"kelosity","emptyDir":{}}]')"

begin "reserved container names are refused"
for l in extraContainers extraInitContainers; do
    for bad in git-clone remote-setup branch-setup workspace-files plugin-setup skills-install kelos-agent kelos-foo; do
        refuses "$(po "\"$l\":[{\"name\":\"$bad\",\"image\":\"i\"}]")" \
            "$l[].name must not use the reserved 'kelos-' prefix or a built-in init container name"
    done
    refuses "$(po "\"$l\":[{\"name\":\"db\"},{\"name\":\"db\"}]")" 'Duplicate value'
    refuses "$(po "\"$l\":[{\"name\":\"\"}]")" "$l[].name must not be empty"
    refuses "$(po "\"$l\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"},{\"name\":\"d\"},{\"name\":\"e\"},{\"name\":\"f\"},{\"name\":\"g\"},{\"name\":\"h\"},{\"name\":\"i\"}]")" "$l"
    takes "$(po "\"$l\":[{\"name\":\"codex\",\"image\":\"i\"}]")"
    refuses "$(po "\"$l\":[{\"name\":\"claude-code\",\"image\":\"i\"}]")" "$l[].name must not be the type of the Task"
done
refuses "$(po '"extraContainers":[{"name":"db"}],"extraInitContainers":[{"name":"db"}]')" 'both extraContainers and extraInitContainers'
refuses "$(po '"serviceAccountName":"Not A Name"')" serviceAccountName

begin "a failure policy has the actions of Jobs that have no index"
takes '"podFailurePolicy":{"rules":[{"action":"Ignore","onPodConditions":[{"type":"DisruptionTarget","status":"True"}]},{"action":"FailJob","onExitCodes":{"operator":"NotIn","values":[0]}}]}'
takes '"podFailurePolicy":{"rules":[]}'
refuses '"podFailurePolicy":{"rules":[{"action":"FailIndex","onExitCodes":{"operator":"In","values":[1]}}]}' 'podFailurePolicy.rules[].action FailIndex is not supported for Task Jobs'
refuses '"podFailurePolicy":{"rules":[{"action":"Retry"}]}' action
refuses '"podFailurePolicy":{"rules":[{"action":"Count","onExitCodes":{"operator":"Is","values":[1]}}]}' operator
refuses '"podFailurePolicy":{"rules":[{"action":"Count","onExitCodes":{"operator":"In","values":[1,1]}}]}' values
refuses '"podFailurePolicy":{"rules":[{"onExitCodes":{"operator":"In","values":[1]}}]}' action
refuses '"podFailurePolicy":{}' rules

begin "the agent cursor, effort and credentials of no kind"
accepted Task "\"type\":\"cursor\",\"prompt\":\"p\",$C,\"effort\":\"high\""
accepted TaskSpawner "$CRON,\"taskTemplate\":{\"type\":\"cursor\",\"credentials\":{\"type\":\"none\"}}"
refused TaskSpawner "$CRON,\"taskTemplate\":{\"type\":\"codex\",\"credentials\":{\"type\":\"oauth\"}}" "secretRef is required for api-key and oauth credential types"
row ADD/CN2
refuses '"effort":"\"quoted\""' effort
refuses '"upstreamRepo":"only-a-name"' upstreamRepo

begin "MCP servers name their sources"
mcp() { printf '"mcpServers":[{"name":"m",%s}]' "$1"; }
H='"headersFrom":{"secretRef":{"name":"s"}}'
accepted AgentConfig "$(mcp "\"type\":\"http\",\"url\":\"https://m\",$H")"
accepted AgentConfig "$(mcp "\"type\":\"sse\",\"url\":\"https://m\",$H")"
refused AgentConfig "$(mcp "\"type\":\"stdio\",\"command\":\"c\",$H")" "headersFrom is for type http and sse"
ENV='"envFrom":{"secretRef":{"name":"s"}}'
accepted AgentConfig "$(mcp "\"type\":\"stdio\",\"command\":\"c\",$ENV")"
refused AgentConfig "$(mcp "\"type\":\"http\",\"url\":\"https://m\",$ENV")" "envFrom and envValueFrom are for type stdio"
v() { printf '"type":"stdio","command":"c","envValueFrom":[{"name":"A","valueFrom":{%s}}]' "$1"; }
SK='"secretKeyRef":{"name":"s","key":"k"}' CK='"configMapKeyRef":{"name":"s","key":"k","optional":true}'
accepted AgentConfig "$(mcp "$(v "$SK")")"
accepted AgentConfig "$(mcp "$(v "$CK")")"
refused AgentConfig "$(mcp "$(v "$SK,$CK")")" "valueFrom must have exactly one of secretKeyRef and configMapKeyRef"
refused AgentConfig "$(mcp "$(v '"fieldRef":{"fieldPath":"metadata.name"}')")" "valueFrom must have exactly one of secretKeyRef and configMapKeyRef"
refused AgentConfig "$(mcp "$(v '"secretKeyRef":{"name":"s"}')")" key
refused AgentConfig "$(mcp '"type":"stdio","command":"c","envValueFrom":[{"name":"A","valueFrom":{'"$SK"'}},{"name":"A","valueFrom":{'"$CK"'}}]')" "Duplicate value"
refused AgentConfig "$(mcp '"type":"stdio"')" "command is required when type is stdio"
refused AgentConfig "$(mcp '"type":"stdio","command":""')" "command is required when type is stdio"
for t in http sse; do
    refused AgentConfig "$(mcp "\"type\":\"$t\"")" "url is required when type is http or sse"
    refused AgentConfig "$(mcp "\"type\":\"$t\",\"url\":\"\"")" "url is required when type is http or sse"
done
row ADD/MS8
accepted AgentConfig '"skills":[{"source":"https://git.corp.example:8443/a/b","secretRef":{"name":"s"}}]'
refused AgentConfig '"skills":[{"source":"a/b","secretRef":{"name":""}}]' name
accepted AgentConfig '"plugins":[{"name":"p","skills":[{"name":"s","content":"c","files":[{"path":"references/a.md","content":"x"}]}]}]'
answer_has references/a.md

begin "a setup command is a program"
accepted Workspace "$REPO,\"setupCommand\":[\"sh\",\"-c\",\"npm ci --prefer-offline\"]"
refused Workspace "$REPO,\"setupCommand\":[]" setupCommand
refused Workspace "$REPO,\"setupCommand\":[\"\"]" "setupCommand[0] must not be empty"
row ADD/SC2

begin "usage is never negative"
accepted Task "$TASK" used
status() { call PATCH /apis/kelos.dev/v1alpha1/namespaces/default/tasks/used/status "{\"status\":{\"usage\":{\"costUSD\":$1}}}" application/merge-patch+json; }
for c in '"0.05"' 0 3; do status "$c"; [ "$code" = 200 ] || fail "$c refused: $(cat "$T/answer")"; done
for c in '"-1"' -1; do
    status "$c"; [ "$code" = 422 ] || fail "$c accepted"
    grep -qF 'costUSD must be non-negative' "$T/answer" || fail "$(cat "$T/answer")"
done

GROUP=axon.io
begin "axon.io has its own three kinds, with less in them"
lost() { ! grep -qF -- "$1" "$T/answer" || fail "kept: $1"; }
accepted Task "$TASK,\"branch\":\"b\",\"dependsOn\":[\"x\"],\"agentConfigRef\":{\"name\":\"x\"},\"effort\":\"high\",$(po '"labels":{"a":"b"},"env":[{"name":"A","value":"1"}]')" old
for m in branch dependsOn agentConfigRef effort labels; do lost "\"$m\":"; done
answer_has '"env":[{"name":"A"'
accepted Task "$TASK,\"agentConfigRefs\":[{\"name\":\"x\"}],\"podFailurePolicy\":{\"rules\":[]},\"upstreamRepo\":\"a/b\",$(po '"tolerations":[{"key":"a"}],"affinity":{"x":1},"imagePullSecrets":[{"name":"a"}],"serviceAccountName":"a","volumes":[{"name":"a"}],"volumeMounts":[{"name":"a","mountPath":"/a"}],"podSecurityContext":{},"containerSecurityContext":{},"extraContainers":[{"name":"x"}],"extraInitContainers":[{"name":"x"}]')"
for m in agentConfigRefs podFailurePolicy upstreamRepo tolerations affinity imagePullSecrets serviceAccountName volumes volumeMounts podSecurityContext containerSecurityContext extraContainers extraInitContainers; do lost "\"$m\":"; done
accepted Workspace "$REPO,\"setupCommand\":[\"make\"]"
lost setupCommand
call PATCH /apis/axon.io/v1alpha1/namespaces/default/tasks/old '{"spec":{"prompt":"other"}}' application/merge-patch+json
[ "$code" = 200 ] || fail "a change is refused: $(cat "$T/answer")"
for t in opencode cursor; do refused Task "\"type\":\"$t\",\"prompt\":\"p\",$C" spec.type; done
refused Task '"type":"codex","prompt":"p","credentials":{"type":"none"}' credentials
accepted Workspace "$REPO,\"ref\":\"main\",\"files\":[{\"path\":\"a\",\"content\":\"b\"}]"
lost '"files":'
accepted TaskSpawner "$CRON,$TMPL,\"maxConcurrency\":2,\"suspend\":true,\"maxTotalTasks\":3"
lost suspend; lost maxTotalTasks; answer_has '"pollInterval":"5m"'
refused TaskSpawner "\"when\":{\"jira\":{\"baseUrl\":\"https://j\",\"project\":\"P\",\"secretRef\":{\"name\":\"j\"}}},$TMPL" "exactly one of githubIssues and cron"
refused TaskSpawner "\"when\":{\"githubIssues\":{}},$TMPL" "taskTemplate.workspaceRef is required when using githubIssues source"
accepted TaskSpawner "\"when\":{\"githubIssues\":{\"labels\":[\"a\"],\"assignee\":\"me\"}},$TMPLW"
lost assignee
call POST /apis/axon.io/v1alpha1/namespaces/default/agentconfigs '{}'
[ "$code" = 404 ] || fail "there are AgentConfigs: $code"

finish
