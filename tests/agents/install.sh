#!/bin/sh
# install.sh - installs Claude Code's own command line into a cache outside of the work tree.
# The runner finds it there by itself. Needs npm and the network, once.
set -eu
version=$(sed -n 's/^ARG CLAUDE_CODE_VERSION=//p' "$(dirname "$0")/../../deploy/agents/Containerfile")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kelos/agents
command -v npm > /dev/null 2>&1 || { echo "install.sh: npm is needed (Debian: apt-get install npm)" >&2; exit 1; }
have=$("$cache/node_modules/.bin/claude" --version 2> /dev/null | cut -d' ' -f1 || true)
if [ "$have" = "$version" ]; then echo "claude $version is in $cache"; exit 0; fi
mkdir -p "$cache"
npm install --prefix "$cache" --no-audit --no-fund --no-save "@anthropic-ai/claude-code@$version"
# Containers run as another user.
chmod -R a+rX "$cache"
"$cache/node_modules/.bin/claude" --version
