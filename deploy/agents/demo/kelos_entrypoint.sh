#!/bin/bash
# kelos_entrypoint.sh - the demo agent: a stand-in that needs no model and no key.
#
# It does what an agent run leaves behind: it reads its prompt, writes it into a file of the
# checkout, commits, pushes its branch, and reports through kelos-capture. It thinks nothing,
# and says of itself that it is the demo agent. DEMO_SECONDS (0) is how long it takes.
export GIT_AUTHOR_NAME="Kelos demo agent" GIT_AUTHOR_EMAIL=demo-agent@localhost
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
file=demo-agent.md

# A JSON string; control characters other than the common three are left out.
quoted() {
    local s
    s=$(printf '%s' "$1" | tr -d '\000-\010\013\014\016-\037')
    s=${s//\\/\\\\} s=${s//\"/\\\"} s=${s//$'\n'/\\n} s=${s//$'\t'/\\t} s=${s//$'\r'/\\r}
    printf '"%s"' "$s"
}
say() {
    printf '{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":%s}]}}\n' "$(quoted "$1")"
}
tool() { # NAME INPUT-AS-JSON
    printf '{"type":"assistant","message":{"role":"assistant","content":[{"type":"tool_use","id":"demo","name":"%s","input":%s}]}}\n' "$1" "$2"
}

work() {
    printf '{"type":"system","subtype":"init","cwd":%s,"model":"demo (no model)","tools":["Write","Bash"]}\n' "$(quoted "$PWD")"
    say "I am the Kelos demo agent. No model is asked; I carry my prompt into the repository."
    sleep "${DEMO_SECONDS:-0}"
    tool Write "{\"file_path\":$(quoted "$PWD/$file"),\"content\":$(quoted "$prompt")}"
    printf '## Run of %s\n\n%s\n\n' "${HOSTNAME:-demo}" "$prompt" >> "$file" || return 1
    if [ "$(git rev-parse --is-inside-work-tree 2> /dev/null)" != true ]; then
        say "There is no repository here: I wrote $file and leave it at that."
        return 0
    fi
    branch=${KELOS_BRANCH:-$(git branch --show-current)}
    if [ -z "${KELOS_BRANCH-}" ]; then
        # Never onto the branch that was cloned.
        branch=demo/${HOSTNAME:-agent}
        git checkout -q -b "$branch" || return 1
    fi
    tool Bash "{\"command\":$(quoted "git commit && git push origin $branch")}"
    git add -- "$file" && git commit -q -m "Demo agent: ${prompt%%$'\n'*}" || return 1
    git push -q origin "HEAD:refs/heads/$branch" || return 1
    say "I committed $file and pushed $branch."
}

run() {
    if work; then
        printf '{"type":"result","subtype":"success","is_error":false,"num_turns":1,"result":%s,"total_cost_usd":0,"usage":{"input_tokens":0,"output_tokens":0}}\n' \
            "$(quoted "The demo agent wrote its prompt into $file.")"
        return 0
    fi
    printf '{"type":"result","subtype":"error_during_execution","is_error":true,"num_turns":1,"result":"The demo agent failed; its errors are above."}\n'
    return 1
}

agent=run agent_hint="run is above"
# shellcheck source=deploy/agents/kelos_agent.sh
. /kelos/kelos_agent.sh || exit 127
# A long prompt comes as a file.
if [ -n "${KELOS_PROMPT_FILE-}" ]; then prompt=$(cat "$KELOS_PROMPT_FILE"); fi
agent_setup
agent_run
agent_exit
