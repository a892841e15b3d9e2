# election.sh - controllers that elect a leader, and what can happen to one of them. Source it
# after lib.sh and local.sh. Which writes came from whom stands in $AUDIT.
#
#   election_up          server, audit log, and the Secret c
#   election_down
#   lease_field NAME     of the Lease; holder
#   leads NAME, stands_by NAME
#   audited              fails the case when terms.py finds a stale write; says what it counted
#   skewed NAME SECONDS [FLAGS]   controller_up with another wall clock in all of its processes
#   reachable NAME [FLAGS]        controller_up on the other end of a cable
#   cable_cut, cable_joined       that cable
#   freeze NAME          stops all of its processes, the supervisor first
#   thaw NAME            lets them go on: those who write first, the supervisor 300 ms later
#   rules JSON           of fault_proxy.py; only with the local server
LEASE=/apis/coordination.k8s.io/v1/namespaces/kelos-system/leases/kelos-controller-leader-election
PROXY="" RELAY="" CABLE_NS="" CABLE=""
lease_field() { field $LEASE "o[\"spec\"][\"$1\"]"; }
holder() { lease_field holderIdentity; }
status_of() { "$BIN/kelos-bus" --run-dir "$T/$1.run" status --json; }
leads() { status_of "$1" | grep -q '"leadership":{"leader":true'; }
stands_by() { status_of "$1" | grep -q '"leadership":{"leader":false' && grep -q 'sweep complete' "$T/$1.log"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

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
    [ -z "$CABLE" ] || cable_joined
    controllers_down
    for p in $RELAY $PROXY; do kill "$p" 2> /dev/null; wait "$p" 2> /dev/null; done
    [ -z "$CABLE_NS" ] || { ip link del "$CABLE" 2> /dev/null; ip netns del "$CABLE_NS" 2> /dev/null; }
    server_down
}
audited() { tests/support/terms.py "$AUDIT" "$BEGAN" > "$T/terms" || fail "$(cat "$T/terms")"; }
rules() { curl -sf -o /dev/null -X PUT --data-binary "$1" "http://127.0.0.1:$(cat "$T/proxy.port")/__rules" || fail "rules: $1"; }

# Workers are found beside the supervisor: here each is a script that loads a library first, whose
# wall clock is another. Clocks that do not follow it are the machine's.
skewed() {
    _name=$1 _by=$2; shift 2
    cat > "$T/skew.c" <<'END'
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#ifndef SKEW
#define SKEW 0
#endif
int clock_gettime(clockid_t id, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, id, t);
    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        t->tv_sec += SKEW;
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
    mkdir -p "$T/skewed"
    "${CC:-cc}" -shared -fPIC -D"SKEW=$_by" -o "$T/skewed/skew.so" "$T/skew.c" || fail "skew.c"
    cp "$BIN/kelos-supervisor" "$T/skewed/"
    for w in watcher reconciler statuswriter spawner; do
        printf '#!/bin/sh\nASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 LD_PRELOAD=%s exec %s "$@"\n' \
            "$T/skewed/skew.so" "$BIN/kelos-$w" > "$T/skewed/kelos-$w"
        chmod +x "$T/skewed/kelos-$w"
    done
    _bin=$BIN; BIN=$T/skewed; controller_up "$_name" "$@"; BIN=$_bin
}

# The real server is on the other side of a veth pair, the local one (which may only be spoken to
# over loopback) behind a relay that is cut instead.
reachable() {
    _name=$1 _ck=$CK; shift
    if real_server; then
        CABLE=kle$$ CABLE_NS=kelosl$$ _net=10.$((100 + $$ % 100)).$((($$ / 100) % 250))
        ip netns add "$CABLE_NS" && ip link add "$CABLE" type veth peer name "${CABLE}x" &&
            ip link set "${CABLE}x" netns "$CABLE_NS" && ip addr add "$_net.1/30" dev "$CABLE" &&
            ip link set "$CABLE" up && ip netns exec "$CABLE_NS" ip addr add "$_net.2/30" dev "${CABLE}x" &&
            ip netns exec "$CABLE_NS" ip link set "${CABLE}x" up || { fail "no network namespace"; return; }
        python3 tests/support/relay.py "$T/relay.port" "127.0.0.1:${S##*:}" --listen "$_net.1" & RELAY=$!
        until_ok 20 test -s "$T/relay.port"
        sed "s#server: .*#server: https://$_net.1:$(cat "$T/relay.port")\n    tls-server-name: localhost#" "$_ck" > "$T/cabled"
        mkdir -p "$T/cable"
        printf '#!/bin/sh\nexec ip netns exec %s %s/kelos-supervisor "$@"\n' "$CABLE_NS" "$BIN" > "$T/cable/kelos-supervisor"
        chmod +x "$T/cable/kelos-supervisor"
    else
        CABLE=relay
        python3 tests/support/relay.py "$T/relay.port" "127.0.0.1:$(cat "$T/proxy.port")" & RELAY=$!
        until_ok 20 test -s "$T/relay.port"
        sed "s#server: .*#server: http://127.0.0.1:$(cat "$T/relay.port")#" "$_ck" > "$T/cabled"
    fi
    chmod 600 "$T/cabled"; CK=$T/cabled
    _bin=$BIN; ! real_server || BIN=$T/cable
    controller_up "$_name" "$@"
    BIN=$_bin CK=$_ck
}
cable_cut() { if real_server; then ip link set "$CABLE" down; else kill -USR1 "$RELAY"; fi; }
cable_joined() { if real_server; then ip link set "$CABLE" up; else kill -USR2 "$RELAY"; fi; }

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
