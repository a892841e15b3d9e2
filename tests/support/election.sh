# election.sh - controllers that elect a leader, and what can happen to one of them. Source it
# after lib.sh and local.sh. Which writes came from whom stands in $AUDIT.
#
#   election_up          server, audit log, and the Secret c
#   election_down
#   lease_field NAME     of the Lease; holder
#   leads NAME, stands_by NAME
#   audited              fails the case when terms.py finds a stale write; says what it counted
#   candidate NAME [FLAGS]        controller_up with --leader-elect, and with what these made for it:
#   clock_made NAME SECONDS       another wall clock in all of its workers
#   clock_step NAME SECONDS       that clock is so many seconds off from now on
#   cable_made NAME               it is on the other end of a cable
#   cable_cut NAME, cable_joined NAME   that cable
#   freeze NAME          stops all of its processes, the supervisor first
#   thaw NAME            lets them go on: those who write first, the supervisor 300 ms later
#   rules JSON           of fault_proxy.py; only with the local server
LEASE=/apis/coordination.k8s.io/v1/namespaces/kelos-system/leases/kelos-controller-leader-election
PROXY="" RELAYS="" CABLES=""
lease_field() { field $LEASE "o[\"spec\"][\"$1\"]"; }
holder() { lease_field holderIdentity; }
status_of() { "$BIN/kelos-bus" --run-dir "$T/$1.run" status --json; }
leads() { status_of "$1" | grep -q '"leadership":{"leader":true'; }
stands_by() { status_of "$1" | grep -q '"leadership":{"leader":false' && grep -q 'sweep complete' "$T/$1.log"; }

election_up() {
    BEGAN=$(date +%s)
    server_up || return 1
    if real_server; then AUDIT=$KUBE_DIR/audit.log; else
        AUDIT=$T/requests
        python3 tests/support/fault_proxy.py "$T/proxy.port" "$S" "$AUDIT" & PROXY=$!
        until_ok 20 test -s "$T/proxy.port" || return 1
        sed "s#server: .*#server: http://127.0.0.1:$(cat "$T/proxy.port")#; /proxy-url/d" "$K" > "$T/proxied"
        chmod 600 "$T/proxied"; CK=$T/proxied
    fi
    echo '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c"},"stringData":{"ANTHROPIC_API_KEY":"x","GITHUB_TOKEN":"T"}}' |
        post $CORE/secrets > /dev/null
}
election_down() {
    for c in $CONTROLLERS; do kill -CONT $(processes_of "$c") 2> /dev/null; done
    [ -z "${STOPPED:-}" ] || server_go_on
    for c in $CABLES; do cable_joined "$c"; done
    controllers_down
    for p in $RELAYS $PROXY; do kill "$p" 2> /dev/null; wait "$p" 2> /dev/null; done
    real_server && for c in $CABLES; do ip link del "$(cable_of "$c")"; ip netns del "$(netns_of "$c")"; done 2> /dev/null
    server_down
}
audited() { tests/support/terms.py "$AUDIT" "$BEGAN" > "$T/terms" || fail "$(cat "$T/terms")"; }
rules() { curl -sf -o /dev/null -X PUT --data-binary "$1" "http://127.0.0.1:$(cat "$T/proxy.port")/__rules" || fail "rules: $1"; }

# Workers are found beside the supervisor: here each is a script that loads a library first, whose
# wall clock is off by what stands in a file. Clocks that do not follow it are the machine's.
clock_built() {
    [ ! -f "$T/clock.so" ] || return 0
    cat > "$T/clock.c" <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static const volatile long *off; /* seconds; the file is mapped before a sandbox forbids it */
__attribute__((constructor)) static void map(void)
{
    const char *path = getenv("TEST_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *off, PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        abort();
    off = page;
    close(fd);
}
int clock_gettime(clockid_t id, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, id, t);
    if (rc == 0 && off != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        t->tv_sec += *off;
    return rc;
}
time_t time(time_t *out)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out != NULL)
        *out = t.tv_sec;
    return t.tv_sec;
}
int gettimeofday(struct timeval *restrict v, void *restrict zone)
{
    struct timespec t;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    v->tv_sec = t.tv_sec;
    v->tv_usec = t.tv_nsec / 1000;
    return 0;
}
END
    "${CC:-cc}" -shared -fPIC -o "$T/clock.so" "$T/clock.c"
}
clock_step() { # in place: it is mapped
    python3 -c 'import struct, sys
with open(sys.argv[1], "r+b") as f: f.write(struct.pack("l", int(sys.argv[2])))' "$T/clock.$1/off" "$2"
}
clock_made() {
    clock_built || { fail "clock.c"; return; }
    _at=$T/clock.$1
    mkdir -p "$_at"
    [ -s "$_at/off" ] || printf '\0\0\0\0\0\0\0\0' > "$_at/off"
    clock_step "$1" "$2"
    cp "$BIN/kelos-supervisor" "$_at/"
    for w in watcher reconciler statuswriter spawner; do
        printf '#!/bin/sh\nASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 TEST_CLOCK=%s LD_PRELOAD=%s exec %s "$@"\n' \
            "$_at/off" "$T/clock.so" "$BIN/kelos-$w" > "$_at/kelos-$w"
        chmod +x "$_at/kelos-$w"
    done
}

# The real server is on the other side of a veth pair, the local one (which may only be spoken to
# over loopback) behind a relay that is cut instead.
cable_of() { echo "kl$$$1"; }
netns_of() { echo "kelos$$$1"; }
cable_made() {
    CABLES="$CABLES $1"
    if real_server; then
        _cable=$(cable_of "$1") _ns=$(netns_of "$1") _nth=$(echo "$CABLES" | wc -w)
        _net=10.$((100 + $$ % 100)).$((($$ / 100) % 250)) _here=$((4 * _nth + 1)) _there=$((4 * _nth + 2))
        ip netns add "$_ns" && ip link add "$_cable" type veth peer name "${_cable}x" &&
            ip link set "${_cable}x" netns "$_ns" && ip addr add "$_net.$_here/30" dev "$_cable" &&
            ip link set "$_cable" up && ip netns exec "$_ns" ip addr add "$_net.$_there/30" dev "${_cable}x" &&
            ip netns exec "$_ns" ip link set "${_cable}x" up || { fail "no network namespace"; return; }
        python3 tests/support/relay.py "$T/relay.$1" "127.0.0.1:${S##*:}" --listen "$_net.$_here" & RELAYS="$RELAYS $!"
        until_ok 20 test -s "$T/relay.$1"
        sed "s#server: .*#server: https://$_net.$_here:$(cat "$T/relay.$1")\n    tls-server-name: localhost#" "$CK" > "$T/cabled.$1"
    else
        python3 tests/support/relay.py "$T/relay.$1" "127.0.0.1:$(cat "$T/proxy.port")" & RELAYS="$RELAYS $!"
        until_ok 20 test -s "$T/relay.$1"
        sed "s#server: .*#server: http://127.0.0.1:$(cat "$T/relay.$1")#" "$CK" > "$T/cabled.$1"
    fi
    eval "RELAY_$1=$!"
    chmod 600 "$T/cabled.$1"
}
cable_cut() { if real_server; then ip link set "$(cable_of "$1")" down; else eval "kill -USR1 \$RELAY_$1"; fi; }
cable_joined() { if real_server; then ip link set "$(cable_of "$1")" up; else eval "kill -USR2 \$RELAY_$1"; fi; }

candidate() {
    _name=$1 _bin=$BIN _ck=$CK _in=""; shift
    [ ! -d "$T/clock.$_name" ] || _bin=$T/clock.$_name
    if [ -f "$T/cabled.$_name" ]; then
        _ck=$T/cabled.$_name
        ! real_server || _in="ip netns exec $(netns_of "$_name") "
    fi
    _own=$CK CK=$_ck
    CONTROLLER="$_in$_bin/kelos-supervisor" controller_up "$_name" --leader-elect "$@"
    CK=$_own
}

processes_of() { echo "$(controller_pid "$1") $(pgrep -P "$(controller_pid "$1")")"; }
freeze() {
    FROZEN=$(pgrep -P "$(controller_pid "$1")")
    kill -STOP "$(controller_pid "$1")"
    # shellcheck disable=SC2086
    kill -STOP $FROZEN
}
thaw() {
    # shellcheck disable=SC2086
    kill -CONT $FROZEN
    sleep 0.3
    kill -CONT "$(controller_pid "$1")"
}
