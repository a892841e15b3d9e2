# schemas.sh - an API server (server.sh) with the CRDs of deploy/crds, and what it takes. Source it
# after lib.sh.
#
#   accepted KIND SPEC-MEMBERS [NAME]        must be created; the answer is in $T/answer
#   refused KIND SPEC-MEMBERS TEXT [NAME]    must not, with TEXT in the answer
#   call METHOD PATH BODY [TYPE]             any request; sets code
#   repeat N [CHARACTER]
# C, TASK, REPO, TMPL, TMPLW, CRON are members that most objects need. GROUP is the API group.
GROUP=kelos.dev NO_NODE=1
. tests/support/server.sh
cleanup() { server_down; }
server_up || { echo "0 passed, 1 failed"; exit 1; }
server=$S token=$TOKEN
call() { # METHOD PATH BODY: the code, then the answer
    # shellcheck disable=SC2086
    curl -sS --noproxy '*' $CURL_CA -o "$T/answer" -w '%{http_code}' -X "$1" -H "Authorization: Bearer $token" \
        -H "Content-Type: ${4:-application/json}" --data-binary @- "$server$2" > "$T/code" <<END
$3
END
    code=$(cat "$T/code")
}
# shellcheck disable=SC2086
up() { curl -sSf --noproxy '*' $CURL_CA -o /dev/null -H "Authorization: Bearer $token" "$server/apis/kelos.dev/v1alpha1"; }
until_ok 20 up || { echo "0 passed, 1 failed"; exit 1; }

n=0
post() { # KIND SPEC-MEMBERS [NAME]: one object
    n=$((n + 1)); name=${3:-x$n}
    case $1 in
    Task) plural=tasks ;; Workspace) plural=workspaces ;; AgentConfig) plural=agentconfigs ;;
    *) plural=taskspawners ;;
    esac
    spec="\"spec\":{$2}"
    [ "$2" = none ] && spec='"x":1'
    call POST "/apis/$GROUP/v1alpha1/namespaces/default/$plural" \
        "{\"apiVersion\":\"$GROUP/v1alpha1\",\"kind\":\"$1\",\"metadata\":{\"name\":\"$name\"},$spec}"
}
refused() { # KIND SPEC TEXT [NAME]
    post "$1" "$2" "${4:-}"
    case $code in 4??) ;; *) fail "accepted ($code): $1 $2" ;; esac
    grep -qF -- "$3" "$T/answer" || fail "not said: $3: $(cut -c1-300 "$T/answer")"
}
accepted() { # KIND SPEC [NAME]
    post "$1" "$2" "${3:-}"
    [ "$code" = 201 ] || fail "refused ($code): $1 $2: $(cut -c1-300 "$T/answer")"
}

C='"credentials":{"type":"api-key","secretRef":{"name":"k"}}'
TASK="\"type\":\"claude-code\",\"prompt\":\"p\",$C"
REPO='"repo":"https://github.com/a/b.git"'
TMPL="\"taskTemplate\":{\"type\":\"codex\",$C}"
TMPLW="\"taskTemplate\":{\"type\":\"codex\",$C,\"workspaceRef\":{\"name\":\"w\"}}"
CRON='"when":{"cron":{"schedule":"@daily"}}'
repeat() { printf "%0$1d" 0 | tr 0 "${2:-x}"; }

