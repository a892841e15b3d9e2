#!/bin/sh
# refresher.sh - kelos-spawner --refresh-token against a forge: the token of a GitHub App in a
# file, renewed before its end; what fails, and what of it shows.
. tests/support/lib.sh
. tests/support/forge.sh
REFRESHER=""
stop() { [ -z "$REFRESHER" ] || { kill "$REFRESHER" 2> /dev/null; wait "$REFRESHER"; STATUS=$?; REFRESHER=""; }; }
cleanup() { stop; forge_down; }
openssl genrsa -out "$T/key.pem" 2048 2> /dev/null
openssl rsa -in "$T/key.pem" -pubout -out "$T/public.pem" 2> /dev/null
python3 - "$T" > "$T/state.json" <<'END_STATE'
import json, sys
print(json.dumps({"anonymous": False, "appTokenSeconds": 15,
    "apps": {"12345": {"publicKey": open(sys.argv[1] + "/public.pem").read(), "installations": ["67890"]}}, "repos": {}}))
END_STATE
forge_up "$T/state.json"
refresher() { # ENVIRONMENT...
    env "$@" "$BIN/kelos-spawner" --refresh-token --key-file "$T/key.pem" --token-dir "$T/token" --retry-wait 0 2> "$T/log" & REFRESHER=$!
}
minted() { ctl GET requests | grep -o '/app/installations/67890/access_tokens' | wc -l; }
token() { cat "$T/token/GITHUB_TOKEN"; }

begin "a token is put into a file, in one piece and for its owner alone"
refresher APP_ID=" 12345 " INSTALLATION_ID=67890 GITHUB_API_BASE_URL="$FORGE"
until_ok 10 test -s "$T/token/GITHUB_TOKEN" || fail "no token: $(cat "$T/log")"
first=$(token)
[ "$(stat -c %a "$T/token/GITHUB_TOKEN")" = 600 ] || fail "mode $(stat -c %a "$T/token/GITHUB_TOKEN")"
[ ! -e "$T/token/.GITHUB_TOKEN.tmp" ] || fail "the temporary file stays"
curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $first" "$FORGE/rate_limit" > "$T/code"
[ "$(cat "$T/code")" != 401 ] || fail "the forge does not know the token"

begin "the assertion lives for nine minutes and is a minute old"
python3 - "$T" << 'END_ONCE' &
import base64, http.server, json, sys, time
class Once(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        part = self.headers["Authorization"].split(".")[1]
        c = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        now = time.time()
        print(c["iss"], c["exp"] <= now + 541, c["exp"] - c["iat"], file=open(sys.argv[1] + "/claims", "w"))
        self.send_response(500); self.end_headers()
    def log_message(self, *a): pass
s = http.server.HTTPServer(("127.0.0.1", 0), Once)
print(s.server_port, file=open(sys.argv[1] + "/once.port", "w"))
s.handle_request()
END_ONCE
ONCE=$!
until_ok 10 test -s "$T/once.port"
env APP_ID=12345 INSTALLATION_ID=67890 GITHUB_API_BASE_URL="http://127.0.0.1:$(cat "$T/once.port")" "$BIN/kelos-spawner" --refresh-token \
    --key-file "$T/key.pem" --token-dir "$T/none" --retry-wait 0 2> /dev/null
wait $ONCE
[ "$(cat "$T/claims")" = "12345 True 600" ] || fail "claims: $(cat "$T/claims")"

begin "it is renewed before its end, and stays when that fails"
fault '{"path": "/app/installations/67890/access_tokens", "status": 503, "times": 1}'
renewed() { [ "$(token)" != "$first" ]; }
until_ok 20 renewed || fail "not renewed: $(cat "$T/log")"
[ "$(minted)" -ge 3 ] || fail "asked $(minted) times: the failure was not met"
grep -q 'the token stays as it is: .*503' "$T/log" || fail "the failure is not told"
! grep -qF "$first" "$T/log" || fail "the token is in the log"
! grep -qF "$(token)" "$T/log" || fail "the new token is in the log"
row SP/W10

begin "it ends when it is told to"
stop
[ "$STATUS" = 0 ] || fail "status $STATUS"

begin "six attempts without a first token, and no more"
ctl DELETE requests > /dev/null
rm -rf "$T/token"
fault '{"path": "/app/installations/67890/access_tokens", "status": 503, "times": 50}'
refresher APP_ID=12345 INSTALLATION_ID=67890 GITHUB_API_BASE_URL="$FORGE"
wait "$REFRESHER"; STATUS=$?; REFRESHER=""
[ "$STATUS" = 1 ] || fail "status $STATUS"
[ "$(minted)" = 6 ] || fail "asked $(minted) times"
[ ! -e "$T/token/GITHUB_TOKEN" ] || fail "a file without a token"

begin "what is missing is named"
"$BIN/kelos-spawner" --refresh-token 2> "$T/log"; [ $? = 1 ] && grep -q APP_ID "$T/log" || fail "$(cat "$T/log")"
APP_ID=1 "$BIN/kelos-spawner" --refresh-token 2> "$T/log"; [ $? = 1 ] && grep -q INSTALLATION_ID "$T/log" || fail "$(cat "$T/log")"
finish
