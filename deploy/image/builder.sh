# shellcheck shell=sh disable=SC2034
# builder.sh - to be sourced; sets `builder` to podman, buildah or docker, whichever is here, or to nothing.
# Docker's command line may be there without a daemon to talk to.
builder=
if command -v podman > /dev/null; then builder=podman
elif command -v buildah > /dev/null; then builder=buildah
elif command -v docker > /dev/null && docker info > /dev/null 2>&1; then builder=docker
fi
