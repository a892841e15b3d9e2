#!/bin/sh
# cli_words.sh - the kelos command without a cluster: words, flags, documents, completion.
set -u
. tests/support/lib.sh
. tests/support/cli.sh

printf 'secret: my-secret\n' > "$T/cfg"

begin "help and version"
run "$K"; says 0; out "Usage:"; out "kelos COMMAND"; row CLI/A01
for w in create get delete suspend resume; do
    run "$K" $w; says 1; out "Usage:"; err "Error: say what to $w:"
done
row CLI/A02
run "$K" create taskspawner --name t; says 1; row CLI/A03
run "$K" version; says 0; [ "$(grep -c . "$T/out")" = 1 ] || fail "version prints more than a line"
row CLI/A04
run "$K" version extra; one_error "extra"
for c in get "get task" run logs up; do run "$K" $c --help; says 0; out "Usage:"; run "$K" help $c; says 0; done

begin "what talks to nobody does not load libcurl"
LD_DEBUG=libs "$K" version > /dev/null 2> "$T/loaded"
grep -q 'libjansson' "$T/loaded" || fail "the loader says nothing"
! grep -q 'libcurl' "$T/loaded" || fail "kelos version loads libcurl: does cli/curl_late.c miss a function?"

begin "words and flags that are wrong"
run "$K" get tasks -o invalid; one_error '-o "invalid" unsupported'; row CLI/A05
run "$K" get task t1 -A; one_error "single namespace"; row CLI/A06
run "$K" get task a b; one_error "at most 1"; err "got 2"; row CLI/A07
for w in suspend resume; do run "$K" $w taskspawner; one_error "taskspawner NAME missing"; done
row CLI/A08
for w in suspend resume; do run "$K" $w taskspawner a b; one_error "one NAME expected, got 2"; done
row CLI/A09
run "$K" create workspace --repo https://x/y; one_error "workspace NAME missing"
run "$K" create agentconfig --agents-md x; one_error "agentconfig NAME missing"; row CLI/A10
for k in task workspace taskspawner agentconfig; do run "$K" delete $k t --all; one_error "not both"; done
row CLI/A11
run "$K" delete task; one_error "--all"; row CLI/A12
run "$K" create workspace w --config "$T/cfg"; one_error "repo"; row CLI/A15
run "$K" run --config "$T/cfg"; one_error "prompt"; row CLI/A16
run "$K" run -p x --bogus; one_error "--bogus"; row CLI/A17
run "$K" gte; one_error 'did you mean "get"'
run "$K" run --config "$T/cfg" fix the bug; one_error "quotes"
run "$K" get task --phase running; one_error 'phase "running" unknown'

run "$K" delete task t -l a=b; one_error "-l chooses among all"
run "$K" get task t -l a=b; one_error "-l chooses among all"
run "$K" run -p x --secret s --dry-run -o wide; one_error '-o "wide" unsupported'
run "$K" get ts --phase Succeeded; one_error "choose Pending, Running, Suspended, Failed"

begin "who has read enough hears no error"
"$K" install --dry-run 2> "$T/err" | head -n 1 > "$T/out"
[ -s "$T/out" ] && [ ! -s "$T/err" ] || fail "$(cat "$T/err")"

begin "the configuration file"
run "$K" run -p x --dry-run --config "$T/none"; one_error "no such file"; row CLI/C02
printf 'secret: [unterminated\n' > "$T/bad"
run "$K" run -p x --dry-run --config "$T/bad"; one_error "$T/bad"; row CLI/C03
run "$K" version --config "$T/bad"; says 0; row CLI/C12
printf 'oauthToken: t\napiKey: k\n' > "$T/both"
run "$K" run -p x --dry-run --config "$T/both"; one_error "keep one"
run "$K" run -p x --dry-run --config "$T/both" --secret s; says 0; row CLI/R08
: > "$T/empty"
run "$K" run -p x --dry-run --config "$T/empty"; one_error "no credentials"; row CLI/R09
printf 'secret: s\nnamespace: from-config\n' > "$T/ns"
run "$K" run -p x --dry-run --config "$T/ns"; out "namespace: from-config"
run "$K" run -p x --dry-run --config "$T/ns" -n from-flag; out "namespace: from-flag"
KELOS_CONFIG=$T/ns run "$K" run -p x --dry-run; out "namespace: from-config"
KELOS_NAMESPACE=from-env run "$K" run -p x --dry-run --config "$T/ns"; out "namespace: from-env"
printf 'apiKey: k\n' > "$T/open"; chmod 644 "$T/open"
run "$K" run -p x --dry-run --config "$T/open"; says 0; err "chmod 600"

begin "init"
run "$K" init --config "$T/deep/er/c.yaml"; says 0
[ "$(stat -c %a "$T/deep/er/c.yaml")" = 600 ] || fail "mode of the file"
grep -q '^oauthToken:' "$T/deep/er/c.yaml" && grep -q 'apiKey:' "$T/deep/er/c.yaml" || fail "keys"
row CLI/I01
[ "$(stat -c %a "$T/deep/er")" = 700 ] || fail "mode of the folder"; row CLI/I02
echo "broken: [" > "$T/deep/er/c.yaml"
run "$K" init --config "$T/deep/er/c.yaml"; one_error "--force"
[ "$(cat "$T/deep/er/c.yaml")" = "broken: [" ] || fail "content changed"; row CLI/I03
run "$K" init --config "$T/deep/er/c.yaml" --force; says 0
grep -q '^oauthToken:' "$T/deep/er/c.yaml" || fail "not replaced"; row CLI/I04
for u in console.anthropic.com/settings/keys platform.openai.com/api-keys aistudio.google.com/app/apikey; do
    grep -q "$u" "$T/deep/er/c.yaml" || fail "template lacks $u"
done
out "claude setup-token"; no_out "settings/developer"; row CLI/I05
mkdir -p "$HOME/.kelos"; echo "broken: [" > "$HOME/.kelos/config.yaml"
run "$K" init; one_error "exists"; run "$K" init --force; says 0; row CLI/I06
run "$K" run -p x --dry-run; one_error "no credentials"
rm -rf "$HOME/.kelos"

begin "documents of run --dry-run"
run "$K" run --dry-run -p "hello world" --name test-task -n test-ns --config "$T/cfg"; says 0
for w in "kind: Task" "name: test-task" "namespace: test-ns" "prompt: hello world" my-secret; do out "$w"; done
no_out created; row CLI/R01
for t in claude-code codex gemini opencode; do
    run "$K" run --dry-run -p x --type $t --config "$T/cfg"; out "type: $t"
done
row CLI/R02
printf 'apiKey: none\ntype: opencode\n' > "$T/c3"
run "$K" run --dry-run -p x --config "$T/c3"; says 0; out "type: opencode"; out kelos-credentials; row CLI/R03
printf 'secret: s\nworkspace: {repo: "https://x/y", ref: main}\n' > "$T/c4"
run "$K" run --dry-run -p x --config "$T/c4"; says 0; out kelos-workspace; row CLI/R04
run "$K" run --dry-run -p x --config "$T/c4" --no-workspace; says 0; no_out kelos-workspace
printf 'secret: s\nagentConfig: default-ac\n' > "$T/c5"
run "$K" run --dry-run -p x --config "$T/c5"; out default-ac; row CLI/R05
printf "oauthToken: '{\"token\":\"t-canary\"}'\ntype: codex\n" > "$T/c6"; chmod 600 "$T/c6"
run "$K" run --dry-run -p x --config "$T/c6"
for w in "type: codex" "type: oauth" kelos-credentials; do out "$w"; done
no_out t-canary; no_err t-canary; row CLI/R06
echo '{"token":"t"}' > "$T/auth"; printf 'oauthToken: "@%s"\ntype: codex\n' "$T/auth" > "$T/c7"
run "$K" run --dry-run -p x --config "$T/c7"; out "type: oauth"; out kelos-credentials; row CLI/R07
printf 'line one\nline two\n\n' > "$T/prompt"
run "$K" run --dry-run --prompt-file "$T/prompt" --config "$T/cfg"; says 0; out "line two"
: > "$T/nothing"
run "$K" run --dry-run --prompt-file "$T/nothing" --config "$T/cfg"; one_error "is empty"
run "$K" run --dry-run --prompt-file "$T/missing" --config "$T/cfg"; one_error "cannot read"
run "$K" run --dry-run --prompt-file "$T/prompt" -p x --config "$T/cfg"; one_error "use one of"
echo "from stdin" | "$K" run --dry-run --prompt-file - --config "$T/cfg" > "$T/out" 2> "$T/err"
out "prompt: from stdin"; row CLI/B08
run "$K" run -p x -o json --dry-run --config "$T/cfg"; says 0; out '"kind": "Task"'

begin "documents of create --dry-run"
run "$K" create workspace my-ws --dry-run --repo https://x/y --ref main --secret gh-token -n test-ns; says 0
for w in "kind: Workspace" "name: my-ws" "namespace: test-ns" https://x/y gh-token; do out "$w"; done
no_out created; row CLI/X01
run "$K" create workspace my-ws --dry-run --repo https://x/y --token T-canary; says 0
out my-ws-credentials; no_out T-canary; row CLI/X02
run "$K" create workspace w --repo https://x/y --secret s --token t; one_error "not both"; row CLI/X05
run "$K" create workspace w --repo ftp://x; one_error "expected https://"
run "$K" create agentconfig my-ac --dry-run --agents-md "Follow TDD" -n test-ns; says 0
for w in "kind: AgentConfig" "name: my-ac" "namespace: test-ns" "Follow TDD"; do out "$w"; done; row CLI/X07
run "$K" create agentconfig my-ac --dry-run --agents-md "@$T/prompt"; says 0
out "agentsMD: |"; out "    line two"; row CLI/X09

begin "completion"
complete __complete get task --output ""; out yaml; out json
[ "$(tail -n 1 "$T/out")" = ":4" ] || fail directive; row CLI/K01
complete __complete run --type ""; for w in claude-code codex gemini opencode; do out "$w"; done; out ":4"
complete __complete run --credential-type ""; out api-key; out oauth; out ":4"; row CLI/K02
complete --kubeconfig "$T/no" __complete get task ""
[ "$(cat "$T/out")" = ":4" ] || fail "$(cat "$T/out")"; row CLI/K06
complete __complete get ta; out "task"; out "taskspawner"; no_out "workspace"
complete __complete create workspace w ""; out "--repo"
for s in bash zsh fish powershell; do run "$K" completion $s; says 0; out __complete; done
run "$K" completion bash; bash -n "$T/out" || fail "bash script"

begin "no cluster"
run "$K" get tasks; one_error "kubeconfig: no cluster is configured"
run "$K" get tasks --kubeconfig "$T/no"; one_error "$T/no"
run "$K" status; one_error "kelos up"
run "$K" down; says 0; out "does not run"
run "$K" demo extra; one_error "extra"
finish
