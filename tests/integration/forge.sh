#!/bin/sh
# forge.sh - kelos-demo-forge over the wire: apps, conditional requests, scripted faults.
. tests/support/lib.sh
. tests/support/forge.sh
cleanup() { forge_down; }
openssl genrsa -out "$T/key.pem" 2048 2> /dev/null
openssl genrsa -out "$T/other.pem" 2048 2> /dev/null
PEM=$(openssl rsa -in "$T/key.pem" -pubout 2> /dev/null | awk '{ printf "%s\\n", $0 }')
cat > "$T/state.json" <<END
{"repos": {"demo/repo": {"issues": [{"title": "One"}, {"title": "Two"}]}},
 "tokens": {"T": "kelos"}, "anonymous": false,
 "apps": {"7": {"publicKey": "$PEM", "installations": ["42"]}}}
END
forge_up "$T/state.json"
get() { curl -sS --noproxy '*' -m 10 -D "$T/head" -o "$T/body" -w '%{http_code}' -H 'Authorization: token T' "$@" 2> "$T/err"; }
b64() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
jwt() { # KEY ISS IAT EXP
    signed=$(printf '{"alg":"RS256","typ":"JWT"}' | b64).$(printf '{"iss":"%s","iat":%s,"exp":%s}' "$2" "$3" "$4" | b64)
    printf '%s.%s' "$signed" "$(printf %s "$signed" | openssl dgst -sha256 -sign "$1" -binary | b64)"
}
token() { curl -sS --noproxy '*' -o "$T/body" -w '%{http_code}' -X POST -H 'Accept: application/vnd.github.v3+json' -H "Authorization: Bearer $1" "$FORGE/api/v3/app/installations/$2/access_tokens"; }
now=$(date +%s)

begin "an app's signed JWT becomes a token that works"
[ "$(token "$(jwt "$T/key.pem" 7 $((now - 60)) $((now + 540)))" 42)" = 201 ] || fail "$(cat "$T/body")"
t=$(sed -n 's/.*"token":"\([^"]*\)".*/\1/p' "$T/body")
[ "$(curl -sS --noproxy '*' -o "$T/body" -w '%{http_code}' -H "Authorization: token $t" "$FORGE/repos/demo/repo/issues")" = 200 ] || fail "the token does not work"

begin "a JWT that proves nothing is refused, with the reason"
[ "$(token "$(jwt "$T/other.pem" 7 $((now - 60)) $((now + 540)))" 42)" = 401 ] && grep -q signature "$T/body" || fail "another key: $(cat "$T/body")"
[ "$(token "$(jwt "$T/key.pem" 8 $((now - 60)) $((now + 540)))" 42)" = 401 ] && grep -q iss "$T/body" || fail "another app: $(cat "$T/body")"
[ "$(token "$(jwt "$T/key.pem" 7 $((now - 700)) $((now - 60)))" 42)" = 401 ] && grep -q future "$T/body" || fail "expired: $(cat "$T/body")"
[ "$(token "$(jwt "$T/key.pem" 7 $((now - 60)) $((now + 700)))" 42)" = 401 ] && grep -q 'too far' "$T/body" || fail "too long: $(cat "$T/body")"
[ "$(token "$(jwt "$T/key.pem" 7 $((now - 60)) $((now + 540)))" 43)" = 404 ] || fail "another installation: $(cat "$T/body")"
[ "$(token garbage 42)" = 401 ] || fail "garbage: $(cat "$T/body")"

begin "an unchanged answer is a 304 until something changes"
[ "$(get "$FORGE/repos/demo/repo/issues")" = 200 ] || fail "$(cat "$T/body")"
etag=$(sed -n 's/^ETag: \(.*\)\r$/\1/p' "$T/head")
[ "$(get -H "If-None-Match: $etag" "$FORGE/repos/demo/repo/issues")" = 304 ] || fail "no 304"
ctl PATCH repos/demo/repo/issues/1 '{"labels": ["new"]}' > /dev/null
[ "$(get -H "If-None-Match: $etag" "$FORGE/repos/demo/repo/issues")" = 200 ] || fail "a change is not seen"

begin "an unknown header and a missing user agent are refused"
[ "$(get -H 'X-Other: 1' "$FORGE/repos/demo/repo")" = 400 ] && grep -q X-Other "$T/body" || fail "$(cat "$T/body")"
[ "$(get -H 'User-Agent:' "$FORGE/repos/demo/repo")" = 403 ] || fail "$(cat "$T/body")"
[ "$(get -H 'Accept: text/html' "$FORGE/repos/demo/repo")" = 415 ] || fail "$(cat "$T/body")"

begin "faults do what they are told, as often as they are told"
fault '{"path": "/repos/*", "cut_at": 10}'
get "$FORGE/repos/demo/repo" > /dev/null; [ $? -eq 18 ] || fail "cut: $(cat "$T/err")"
fault '{"path": "/repos/*", "reset": true}'
get "$FORGE/repos/demo/repo" > /dev/null && fail "reset: an answer came"
fault '{"path": "/repos/*", "endless": true}'
curl -sS --noproxy '*' -m 2 -H 'Authorization: token T' "$FORGE/repos/demo/repo" 2> /dev/null | head -c 3000000 | wc -c | grep -q '^3000000$' || fail "endless: it ended"
fault '{"path": "/repos/*", "delay_ms": 300, "status": 429, "headers": {"Retry-After": "9"}}'
[ "$(get "$FORGE/repos/demo/repo")" = 429 ] || fail "status"
grep -q '^Retry-After: 9' "$T/head" || fail "header"
[ "$(get "$FORGE/repos/demo/repo")" = 200 ] || fail "a fault that is used up still hits"
[ "$(count 429)" = 1 ] || fail "count"

begin "a bad command line or state file is one line that says what"
"$BIN/kelos-demo-forge" --port x > /dev/null 2> "$T/err" && fail "--port x"
grep -q -- '--port x' "$T/err" || fail "$(cat "$T/err")"
echo '{"repos": {"a/b": {"issues": [{"titel": 1}]}}}' > "$T/bad.json"
"$BIN/kelos-demo-forge" --state "$T/bad.json" > /dev/null 2> "$T/err" && fail "bad state"
grep -q 'titel' "$T/err" && [ "$(wc -l < "$T/err")" -eq 1 ] || fail "$(cat "$T/err")"
"$BIN/kelos-demo-forge" --port "${FORGE##*:}" > /dev/null 2> "$T/err" && fail "port in use"
grep -q 'port' "$T/err" || fail "$(cat "$T/err")"
finish
