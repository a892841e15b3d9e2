#!/bin/sh
# install.sh - installs a release of Kelos for one user: kelos and axon into a folder of commands, the
# rest of the release beside the user's data. Nothing is taken that does not have its checksum.
#
#   INSTALL_DIR        where kelos and axon go (~/.local/bin)
#   KELOS_LIB_DIR      where releases are unpacked (~/.local/share/kelos/releases)
#   KELOS_VERSION      this release and no other, e.g. v1.2.0 (the latest)
#   KELOS_RELEASE_URL  a folder with kelos-linux-ARCH.tar.gz and checksums.txt (the project's own)
set -eu

RELEASES="" # `make dist RELEASES=https://host/owner/repo/releases` puts the project's address here

say() { printf '%s\n' "$*"; }
die() { printf 'install: %s\n' "$*" >&2; exit 1; }
need_home() { [ -n "${HOME:-}" ] || die "HOME is not set; set INSTALL_DIR and KELOS_LIB_DIR"; }

# Prints amd64 or arm64, before anything is downloaded.
architecture() {
    os=$(uname -s) machine=$(uname -m)
    [ "$os" = Linux ] || die "there is no build for $os; Kelos runs on Linux"
    case $machine in
    x86_64 | amd64) echo amd64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) die "there is no build for $machine; build it yourself: make install" ;;
    esac
}

# Prints the folder of the release.
address() {
    if [ -n "${KELOS_RELEASE_URL:-}" ]; then
        echo "${KELOS_RELEASE_URL%/}"
    elif [ -z "$RELEASES" ]; then
        die "this copy names no releases; set KELOS_RELEASE_URL"
    elif [ -n "${KELOS_VERSION:-}" ]; then
        echo "$RELEASES/download/$KELOS_VERSION"
    else
        echo "$RELEASES/latest/download"
    fi
}

fetch() { # URL FILE
    if command -v curl > /dev/null; then
        curl -fsSL -o "$2" "$1"
    elif command -v wget > /dev/null; then
        wget -q -O "$2" "$1"
    else
        die "neither curl nor wget is there"
    fi || die "cannot download $1"
}

sum_of() { # FILE
    if command -v sha256sum > /dev/null; then
        sha256sum "$1" | cut -d' ' -f1
    elif command -v shasum > /dev/null; then
        shasum -a 256 "$1" | cut -d' ' -f1
    elif command -v openssl > /dev/null; then
        openssl dgst -sha256 -r "$1" | cut -d' ' -f1
    else
        die "no program for SHA-256 is there (sha256sum, shasum or openssl)"
    fi
}

check_sum() { # FILE NAME CHECKSUMS
    wanted=$(awk -v name="$2" '$2 == name || $2 == "*" name { print $1 }' "$3")
    [ -n "$wanted" ] || die "checksums.txt does not name $2"
    found=$(sum_of "$1")
    [ "$found" = "$wanted" ] || die "$2 has SHA-256 $found, not $wanted; nothing is installed"
}

make_dir() {
    mkdir -p "$1" 2> /dev/null || die "cannot make $1; set $2 to a folder of yours"
    [ -w "$1" ] || die "$1 is not writable; set $2 to a folder of yours"
}

# A link that is replaced in one step: a running kelos goes on with its own.
link() { # TARGET NAME
    ln -s "$1" "$2.new.$$" && mv -f "$2.new.$$" "$2"
}

main() {
    arch=$(architecture) || exit 1
    base=$(address) || exit 1
    [ -n "${INSTALL_DIR:-}" ] && [ -n "${KELOS_LIB_DIR:-}" ] || need_home
    bin=${INSTALL_DIR:-$HOME/.local/bin}
    lib=${KELOS_LIB_DIR:-$HOME/.local/share/kelos/releases}
    file=kelos-linux-$arch.tar.gz
    make_dir "$bin" INSTALL_DIR
    make_dir "$lib" KELOS_LIB_DIR

    work=$(mktemp -d "$lib/.new.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    fetch "$base/$file" "$work/$file"
    fetch "$base/checksums.txt" "$work/checksums.txt"
    check_sum "$work/$file" "$file" "$work/checksums.txt"
    mkdir "$work/tree"
    tar -xzf "$work/$file" -C "$work/tree" || die "$file cannot be unpacked"

    version=$("$work/tree/bin/kelos" version 2> "$work/why") || {
        sed 's/^/  /' "$work/why" >&2
        die "the program does not run here; it is made for Debian 12, whose libraries it needs"
    }
    [ -z "${KELOS_VERSION:-}" ] || [ "$version" = "$KELOS_VERSION" ] ||
        die "$base has $version, not $KELOS_VERSION; nothing is installed"

    # Named by its content, so that the same release lands where it was, and another one beside it.
    place=$lib/$version-$(sum_of "$work/$file" | cut -c1-12)
    [ -d "$place" ] || mv "$work/tree" "$place"
    for name in kelos axon; do link "$place/bin/$name" "$bin/$name"; done
    say "kelos $version is installed: $bin/kelos"
    case ":${PATH:-}:" in
    *":$bin:"*) ;;
    *) say "$bin is not on the PATH:"; say "  export PATH=\"$bin:\$PATH\"" ;;
    esac
}
main
