#!/bin/sh
# image.sh - the image for a cluster as `make image-rootfs` leaves it: small, the same every time,
# and run by runc as a cluster would: another user, a read-only root, no capability, no new rights.
[ "$(id -u)" = 0 ] || { echo "needs root, for runc"; exit 77; }
for p in umoci runc; do command -v $p > /dev/null || { echo "needs $p (Debian: apt-get install $p)"; exit 77; }; done
[ -z "${SANITIZE:-}" ] || { echo "instrumented programs go into no image"; exit 77; }
. tests/support/lib.sh
. tests/support/local.sh
box=kelos-image-$$ inside=""
cleanup() {
    [ -z "$inside" ] || { runc --root "$T/runc" kill "$box" KILL; runc --root "$T/runc" delete -f "$box"; } > /dev/null 2>&1
    local_down
}
image() { make -s -j1 -o all -o share BUILD="$BUILD" IMAGE="$1" IMAGE_NAME=kelos-dev/kelos-controller:test image-rootfs; }

begin "the image is made without a daemon, is at most 20 MiB, and is the same the next time"
image "$T/one" > "$T/said" || { fail "there is none: $(tail -n 3 "$T/said")"; finish; }
cat "$T/said"
packed=$(cat "$T"/one/layout/blobs/sha256/* | wc -c)
[ "$packed" -gt 1000000 ] && [ "$packed" -le $((20 * 1048576)) ] || fail "$packed bytes"
must image "$T/two" > "$T/said2"
must cmp "$T/one/image.tar" "$T/two/image.tar"
rm -rf "$T/two"

begin "the layout is one that others read: umoci unpacks it, with the files that were chosen"
must umoci unpack --image "$T/one/layout:test" "$T/box"
(cd "$T/one/rootfs" && find . -mindepth 1 -printf '%P %y %m %l\n' | sort) > "$T/chosen"
(cd "$T/box/rootfs" && find . -mindepth 1 -printf '%P %y %m %l\n' | sort) > "$T/unpacked"
must cmp "$T/chosen" "$T/unpacked"
grep -c . "$T/chosen" | sed 's/$/ files and folders/'
# Nothing of this machine: its users, its own certificates, a shell.
for f in bin/sh usr/bin/bash etc/shadow usr/libexec/kelos/kelos-apiserver; do [ ! -e "$T/box/rootfs/$f" ] || fail "$f"; done
must grep -q '^kelos:x:65532:65532:' "$T/box/rootfs/etc/passwd"
for c in /usr/local/share/ca-certificates/*.crt; do
    [ -f "$c" ] || continue
    own=$(sed -n 2p "$c")
    ! grep -qF -- "$own" "$T/box/rootfs/etc/ssl/certs/ca-certificates.crt" || fail "$c is in the image"
done
[ "$(grep -c 'BEGIN CERTIFICATE' "$T/box/rootfs/etc/ssl/certs/ca-certificates.crt")" -gt 100 ] || fail "certificates"
for p in libc6 libzmq5 libssl3 tzdata; do
    [ -s "$T/box/rootfs/usr/share/doc/$p/copyright" ] && [ -s "$T/box/rootfs/var/lib/dpkg/status.d/$p" ] || fail "$p is not named"
done
[ "$(find "$T/box/rootfs" -perm /6000 | wc -l)" = 0 ] || fail "something has the set-user-id bit"

begin "what the Containerfile builds has the same files and the same configuration"
# The files of its last stage are those of the rule that image-rootfs uses ...
must grep -q '^RUN make .* image-tree IMAGE=/image$' deploy/image/Containerfile
[ "$(sed -n '/^FROM scratch/,$p' deploy/image/Containerfile | grep -E '^(COPY|ADD|RUN)')" = 'COPY --from=build /image/rootfs /' ] ||
    fail "its last stage has other files"
# ... and its instructions are read from it.
python3 - "$T/box/config.json" << 'P' || fail "configuration: $(cat "$T/box/config.json")"
import json, sys
p = json.load(open(sys.argv[1]))["process"]
assert p["args"] == ["/usr/libexec/kelos/kelos-supervisor", "--run-dir=/run/kelos/bus"], p["args"]
assert (p["user"]["uid"], p["user"]["gid"]) == (65532, 65532), p["user"]
assert "PATH=/usr/bin:/usr/libexec/kelos" in p["env"], p["env"]
P

# in_box ARGS...: the image's entry with other arguments; with /run/kelos as a Pod has it.
in_box() {
    python3 - "$T/box/config.json" "$T" "$@" << 'P'
import json, sys
path, t, args = sys.argv[1], sys.argv[2], sys.argv[3:]
c = json.load(open(path))
p = c["process"]
p.update(args=args, terminal=False, noNewPrivileges=True, capabilities={})
p.pop("rlimits", None)
c["root"]["readonly"] = True
c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] not in ("network", "user")]
c["linux"].pop("uidMappings", None), c["linux"].pop("gidMappings", None), c["linux"].pop("resources", None)
c["mounts"] = [m for m in c["mounts"] if m["destination"] not in ("/run/kelos", "/etc/resolv.conf")] + [
    {"destination": "/run/kelos", "type": "tmpfs", "source": "tmpfs", "options": ["mode=777", "size=16m"]},
    {"destination": "/cluster", "type": "bind", "source": t + "/cluster", "options": ["bind", "ro"]}]
json.dump(c, open(path, "w"))
P
    runc --root "$T/runc" run --bundle "$T/box" "$box"
}
mkdir -p "$T/cluster"; chmod 755 "$T" "$T/cluster"

begin "as another user, with a read-only root and no capability, it checks its flags"
in_box /usr/libexec/kelos/kelos-supervisor --run-dir=/run/kelos/bus --once-check-config > "$T/check" 2>&1 || fail "exit $?: $(cat "$T/check")"
must grep -qx 'configuration is valid' "$T/check"
in_box /usr/bin/kelos version > "$T/check" 2>&1 || fail "kelos version: $(cat "$T/check")"
must grep -q . "$T/check"
in_box /kelos-spawner --help > "$T/check" 2>&1 || fail "kelos-spawner: $(cat "$T/check")"

begin "it runs a Task on a cluster, its workers in their sandbox, and both health probes answer"
server_up || fail "no API server: $(tail -5 "$T/server.log")"
echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c"},"stringData":{"ANTHROPIC_API_KEY":"x"}}' | post $CORE/secrets > /dev/null
must carry "$CK" "$T/cluster" /cluster
port=$(free_port)
in_box /usr/libexec/kelos/kelos-supervisor --run-dir=/run/kelos/bus --kubeconfig=/cluster/kubeconfig --sandbox=require \
    --metrics-bind-address=0 --health-probe-bind-address="127.0.0.1:$port" > "$T/box.log" 2>&1 &
inside=$!
answers() { curl -sf --noproxy '*' --max-time 5 "http://127.0.0.1:$port/$1"; }
until_ok 30 answers readyz || fail "not ready: $(tail -5 "$T/box.log")"
must answers healthz > /dev/null
task said 'echo from an image'
becomes said Succeeded 30
# Time zones are read from the image.
for z in Asia/Kathmandu Nowhere/City; do
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"TaskSpawner","metadata":{"name":"%s"},"spec":{"when":{"cron":{"schedule":"0 9 * * *","timeZone":"%s"}},"taskTemplate":{"type":"claude-code","image":"tester","credentials":{"type":"none"}}}}' \
        "$(echo "${z%/*}" | tr A-Z a-z)" "$z" | post $NS/taskspawners > /dev/null
done
spawner_is() { [ "$(field "$NS/taskspawners/$1" 'o["status"]["phase"]')" = "$2" ]; }
until_ok 20 spawner_is asia Running || fail "a zone of the image: $(get $NS/taskspawners/asia)"
until_ok 20 spawner_is nowhere Failed || fail "a zone that is not there: $(get $NS/taskspawners/nowhere)"
# The command of the Containerfile's HEALTHCHECK.
probe=$(sed -n 's/^HEALTHCHECK .*CMD \(.*\)$/\1/p' deploy/image/Containerfile | python3 -c 'import json, sys; print(*json.load(sys.stdin))')
# shellcheck disable=SC2086
runc --root "$T/runc" exec "$box" $probe > "$T/probe" 2>&1 || fail "probe: $(cat "$T/probe")"
must grep -q 'watcher' "$T/probe"
runc --root "$T/runc" kill "$box" TERM
wait "$inside"; ended=$?; inside=""
[ "$ended" = 0 ] || fail "a TERM ends it with $ended: $(tail -5 "$T/box.log")"
if "$T/one/rootfs/usr/libexec/kelos/kelos-bus" --run-dir "$T/cluster" status > /dev/null 2>&1; then fail "the probe says that nothing is well"; fi

finish
