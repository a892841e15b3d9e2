#!/bin/sh
# gh - the GitHub CLI with the token that the mounted file holds now, not the one of the
# container's start. `make share` puts it into each agent's bin; images have it as
# /usr/local/bin/gh, before the real one.
real=
IFS=:
for dir in $PATH; do
    if [ -x "$dir/gh" ] && ! [ "$dir/gh" -ef "$0" ]; then
        real=$dir/gh
        break
    fi
done
unset IFS
if [ -z "$real" ]; then
    echo "gh: the GitHub CLI is not installed here" >&2
    exit 127
fi
if [ -n "${KELOS_GITHUB_TOKEN_FILE-}" ] && [ -r "$KELOS_GITHUB_TOKEN_FILE" ]; then
    token=$(cat "$KELOS_GITHUB_TOKEN_FILE")
    case ${GH_HOST:-github.com} in
    github.com) export GH_TOKEN="$token" ;;
    *) export GH_ENTERPRISE_TOKEN="$token" ;;
    esac
fi
exec "$real" "$@"
