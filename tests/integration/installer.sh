#!/bin/sh
# installer.sh - deploy/install.sh and what `make dist` gives it, from a server on loopback.
. tests/support/lib.sh
export HOME="$T/home"; mkdir -p "$HOME"
unset INSTALL_DIR KELOS_LIB_DIR KELOS_VERSION KELOS_RELEASE_URL KELOS_CONFIG KUBECONFIG
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
SERVER=""
cleanup() { [ -z "$SERVER" ] || kill "$SERVER" 2> /dev/null; }
chmod 755 "$T"

begin "make dist makes a tarball, its checksums and the script"
make --no-print-directory BUILD="$BUILD" dist DIST="$T/www/download/v0.0.9" RELEASES=http://127.0.0.1:PORT > "$T/log" 2>&1 || fail "$(cat "$T/log")"
F=$T/www/download/v0.0.9
TAR=$(basename "$F"/kelos-linux-*.tar.gz)
(cd "$F" && sha256sum -c checksums.txt > /dev/null) || fail "checksums: $(cat "$F/checksums.txt")"
tar -tzf "$F/$TAR" > "$T/list"
for f in ./bin/kelos ./bin/axon ./libexec/kelos/kelos-supervisor ./share/kelos/LICENSE ./share/kelos/crds/tasks.yaml; do
    grep -qx "$f" "$T/list" || fail "no $f"
done
cp "$F/$TAR" "$T/first.tar.gz"
make --no-print-directory BUILD="$BUILD" dist DIST="$T/again" > "$T/log" 2>&1; cmp -s "$T/again/$TAR" "$T/first.tar.gz" || fail "made twice, it differs"

mkdir -p "$T/www/latest"; ln -s ../download/v0.0.9 "$T/www/latest/download"
cat > "$T/server.py" <<'P'
import functools, http.server, sys
class H(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): open(sys.argv[3], "a").write(self.path + "\n")
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(H, directory=sys.argv[1]))
open(sys.argv[2], "w").write(str(s.server_address[1]))
s.serve_forever()
P
: > "$T/asked"
python3 "$T/server.py" "$T/www" "$T/port" "$T/asked" & SERVER=$!
until_ok 10 test -s "$T/port" || fail "no server"
URL=http://127.0.0.1:$(cat "$T/port")
sed "s|PORT|$(cat "$T/port")|" "$F/install.sh" > "$T/install.sh"
run() { env "$@" sh "$T/install.sh" > "$T/out" 2>&1; rc=$?; }
says() { grep -qe "$1" "$T/out" || fail "does not say $1: $(cat "$T/out")"; }
refused() { [ $rc -ne 0 ] || fail "status 0"; says "$1"; }
VERSION=$("$BIN/kelos" version)

begin "the program is there, runs, and finds the rest of its release"
run KELOS_RELEASE_URL="$URL/download/v0.0.9" INSTALL_DIR="$T/bin"
[ $rc -eq 0 ] || fail "$(cat "$T/out")"
[ -x "$T/bin/kelos" ] && [ "$("$T/bin/kelos" version)" = "$VERSION" ] || fail "kelos version"
"$T/bin/kelos" install --dry-run > "$T/yaml" 2> "$T/err" || fail "$(cat "$T/err")"
"$T/bin/axon" --help | grep -q '^  axon COMMAND' || fail "no axon"
says "export PATH=\"$T/bin:"
row CLI/T01
run KELOS_RELEASE_URL="$URL/download/v0.0.9" INSTALL_DIR="$T/bin" PATH="$T/bin:$PATH"
grep -q 'export PATH' "$T/out" && fail "it is on the PATH"
[ "$(find "$HOME/.local/share/kelos/releases" -mindepth 1 -maxdepth 1 | wc -l)" = 1 ] || fail "left: $(ls -A "$HOME/.local/share/kelos/releases")"

begin "a folder that is not there is made; without one it is ~/.local/bin"
run KELOS_RELEASE_URL="$URL/download/v0.0.9" INSTALL_DIR="$T/two/levels"
"$T/two/levels/kelos" version > /dev/null || fail "$(cat "$T/out")"
row CLI/T02
run A=1
[ $rc -eq 0 ] && "$HOME/.local/bin/kelos" version > /dev/null || fail "$(cat "$T/out")"
grep -qx '/latest/download/checksums.txt' "$T/asked" || fail "not of the latest: $(cat "$T/asked")"

begin "a folder that one may not write is told, and where to go instead"
as_nobody=""
[ "$(id -u)" -ne 0 ] || as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
mkdir -m 555 "$T/closed"; mkdir -m 777 "$T/open"
# shellcheck disable=SC2086
KELOS_RELEASE_URL="$URL/download/v0.0.9" INSTALL_DIR="$T/closed" KELOS_LIB_DIR="$T/open" $as_nobody sh "$T/install.sh" > "$T/out" 2>&1; rc=$?
refused 'is not writable; set INSTALL_DIR'
row CLI/T03
[ -z "$(ls -A "$T/closed" "$T/open" | grep -v :)" ] || fail "something is left: $(ls -AR "$T/open")"

begin "a pinned version is asked for by its name, and nothing else is taken for it"
: > "$T/asked"
run KELOS_VERSION=v0.0.9 INSTALL_DIR="$T/pin"
grep -qx "/download/v0.0.9/$TAR" "$T/asked" || fail "$(cat "$T/asked")"
refused "has $VERSION, not v0.0.9; nothing is installed"
[ ! -e "$T/pin/kelos" ] || fail "it is installed"
run KELOS_VERSION=v7 INSTALL_DIR="$T/pin"
refused "cannot download http://127.0.0.1.*/download/v7/$TAR"
pinned=$VERSION
run KELOS_VERSION="$pinned" KELOS_RELEASE_URL="$URL/download/v0.0.9" INSTALL_DIR="$T/pin"
[ $rc -eq 0 ] || fail "$(cat "$T/out")"

begin "what has another checksum, or none, is not installed"
cp -R "$F" "$T/www/bad"; printf x >> "$T/www/bad/$TAR"
run KELOS_RELEASE_URL="$URL/bad" INSTALL_DIR="$T/bad"
refused 'has SHA-256 .* not .*; nothing is installed'
grep -v "$TAR" "$F/checksums.txt" > "$T/www/bad/checksums.txt"
run KELOS_RELEASE_URL="$URL/bad" INSTALL_DIR="$T/bad"
refused "checksums.txt does not name $TAR"
rm "$T/www/bad/checksums.txt"
run KELOS_RELEASE_URL="$URL/bad" INSTALL_DIR="$T/bad"
refused "cannot download $URL/bad/checksums.txt"
[ ! -e "$T/bad/kelos" ] || fail "it is installed"

begin "a machine that there is no build for is told before anything is asked"
: > "$T/asked"
machine() { mkdir -p "$T/fake"; printf '#!/bin/sh\ncase $1 in -s) echo %s;; -m) echo %s;; esac\n' "$1" "$2" > "$T/fake/uname"; chmod 755 "$T/fake/uname"; }
machine Linux riscv64; run PATH="$T/fake:$PATH" INSTALL_DIR="$T/no"; refused 'no build for riscv64'
machine Darwin arm64; run PATH="$T/fake:$PATH" INSTALL_DIR="$T/no"; refused 'no build for Darwin'
[ ! -s "$T/asked" ] && [ ! -e "$T/no" ] || fail "asked: $(cat "$T/asked")"
machine Linux aarch64; run PATH="$T/fake:$PATH" INSTALL_DIR="$T/no"
grep -q '/latest/download/kelos-linux-arm64.tar.gz' "$T/asked" || [ "$TAR" = kelos-linux-arm64.tar.gz ] || fail "$(cat "$T/out")"

begin "wget does where there is no curl"
mkdir "$T/tools"
for c in sh uname mkdir mktemp rm sha256sum cut awk tar gzip mv ln sed; do ln -s "$(command -v $c)" "$T/tools/$c"; done
run PATH="$T/tools" KELOS_RELEASE_URL="$URL/download/v0.0.9" INSTALL_DIR="$T/wget"
refused 'neither curl nor wget'
if command -v wget > /dev/null; then
    ln -s "$(command -v wget)" "$T/tools/wget"
else # what it is asked for, in wget's words
    printf '#!/bin/sh\n[ "$1 $2" = "-q -O" ] && exec %s -fsSL -o "$3" "$4"\n' "$(command -v curl)" > "$T/tools/wget"; chmod 755 "$T/tools/wget"
fi
run PATH="$T/tools" KELOS_RELEASE_URL="$URL/download/v0.0.9" INSTALL_DIR="$T/wget"
[ $rc -eq 0 ] && "$T/wget/kelos" version > /dev/null || fail "$(cat "$T/out")"
row CLI/W32

begin "a copy that names no releases says so"
env -u KELOS_RELEASE_URL sh deploy/install.sh > "$T/out" 2>&1; rc=$?
refused 'set KELOS_RELEASE_URL'
finish
