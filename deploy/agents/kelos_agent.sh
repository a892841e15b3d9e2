#!/bin/bash
# kelos_agent.sh - what the entrypoints of all agents have in common; an image holds it as
# /kelos/kelos_agent.sh. An entrypoint sets these and sources it first:
#
#     agent=claude                          # the command line that must be there
#     agent_hint="claude is not installed"  # what to say, and do, when it is not
#     . /kelos/kelos_agent.sh || exit 127
#
# From then on `prompt` is set, HOME has a bin first in PATH, and files are written for the
# agent alone. The entrypoint writes the agent's configuration, with
#
#     instructions > FILE       if has_instructions is not empty
#     install_skills DIR        the skills of plugins, below KELOS_PLUGIN_DIR
#
# then calls agent_setup, after which files are written as ever, fills `args` and `input` (what
# the agent reads; /dev/null) and calls agent_run. `status` then holds two exit codes, the
# agent's and the capture's; agent_exit ends with the agent's, and with the capture's when the
# agent's is 0: a run that did not come to its end is none that went well.
set -uo pipefail

if [ "$$" -eq 1 ] && command -v tini > /dev/null 2>&1; then exec tini -g -- "$0" "$@"; fi
# What this entrypoint keeps of the agent image interface; the controller reads it from the log.
echo "---KELOS_INTERFACE--- level=1" >&2
# A TERM to the group ends the agent; we stay to report what it has done.
trap : TERM

export PATH="$HOME/.local/bin:$PATH"
mkdir -p "$HOME/.local/bin"
# What is configured here may hold secrets; what the agent writes is for its group, too.
agent_mask=$(umask)
umask 077

prompt=${1-}
if [ -z "$prompt" ] && [ "${KELOS_SESSION_SETUP_ONLY-}" != 1 ]; then
    echo "kelos: no prompt: it is the first argument of the entrypoint" >&2
    exit 2
fi
if ! command -v "$agent" > /dev/null 2>&1; then
    echo "kelos: $agent_hint" >&2
    exit 127
fi

# Long instructions come as a file, for one variable holds 128 KiB at most.
instructions() {
    if [ -n "${KELOS_AGENTS_MD_FILE-}" ]; then
        cat "$KELOS_AGENTS_MD_FILE"
    else
        printf '%s\n' "$KELOS_AGENTS_MD"
    fi
}
# shellcheck disable=SC2034
has_instructions=${KELOS_AGENTS_MD-}${KELOS_AGENTS_MD_FILE-}

# Each skill whole, as PLUGIN:SKILL.
install_skills() {
    local -A from=()
    local skill plugin target
    for skill in "$KELOS_PLUGIN_DIR"/*/skills/*/; do
        skill=${skill%/}
        if [ ! -f "$skill/SKILL.md" ]; then continue; fi
        plugin=${skill%/skills/*}
        target=$1/${plugin##*/}:${skill##*/}
        if [ -n "${from[$target]-}" ]; then
            echo "Error: Skill target conflict: ${from[$target]} and $skill both install to $target" >&2
            exit 1
        fi
        from[$target]=$skill
        rm -rf "$target" && mkdir -p "$target" && cp -R "$skill/." "$target/" || exit 1
    done
}

# What the Workspace wants done first; when that fails, so does the run.
agent_setup() {
    umask "$agent_mask"
    if [ -n "${KELOS_SETUP_COMMAND-}" ]; then /kelos/kelos-capture --setup || exit; fi
    if [ "${KELOS_SESSION_SETUP_ONLY-}" = 1 ]; then exit 0; fi
}

args=()
input=/dev/null
agent_run() {
    "$agent" "${args[@]}" < "$input" | /kelos/kelos-capture
    status=("${PIPESTATUS[@]}")
}
agent_exit() {
    if [ "${status[0]}" -ne 0 ]; then exit "${status[0]}"; fi
    exit "${status[1]}"
}
