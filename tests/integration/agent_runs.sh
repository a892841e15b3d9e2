#!/bin/sh
# agent_runs.sh - whole runs of the agent images on a public repository, with what the agents'
# own command lines once printed in their place: what the status then holds; the tools that an
# agent finds in its image.
. tests/support/lib.sh
. tests/support/local.sh
git init -q -b main "$T/seed" && (cd "$T/seed" && printf 'all:\n\t@echo made\n' > Makefile && git add . &&
    git -c user.name=a -c user.email=a@b commit -qm one)
mkdir -p "$T/git" && git clone -q --bare "$T/seed" "$T/git/repo.git"
port=$(free_port)
git daemon --reuseaddr --listen=127.0.0.1 --port=$port --base-path="$T/git" --export-all > "$T/gitd.log" 2>&1 &
HELPERS=$!
cleanup() { kill $HELPERS 2> /dev/null; local_down; }
local_up || { echo "0 passed, 1 failed"; exit 1; }
printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Workspace","metadata":{"name":"public"},"spec":{"repo":"git://127.0.0.1:%s/repo.git","ref":"main"}}' $port |
    post $NS/workspaces > /dev/null
# image TYPE CLI: the image of TYPE, with the script of stdin in place of the agent's own program
image() {
    cp -R "$BUILD/share/kelos/agents/$1" "$T/share/agents/played-$1"
    mkdir -p "$T/share/agents/played-$1/bin"
    cat > "$T/share/agents/played-$1/bin/$2"
    chmod 755 "$T/share/agents/played-$1/bin/$2"
}
run() { # NAME TYPE WORKSPACE MORE-SPEC
    printf '{"apiVersion":"kelos.dev/v1alpha1","kind":"Task","metadata":{"name":"%s"},"spec":{"type":"%s","image":"played-%s","prompt":"p","credentials":{"type":"none"},"workspaceRef":{"name":"%s"}%s}}' \
        "$1" "$2" "$2" "$3" "$4" | post $NS/tasks > "$T/created"
}
log_of() { get "$CORE/pods/$(field "$NS/tasks/$1" 'o["status"]["podName"]')/log?container=$2" > "$T/log"; }

begin "each agent's run ends with branch, commit, base branch and usage, in outputs and results"
for a in claude-code:claude codex:codex gemini:gemini opencode:opencode; do
    type=${a%:*}
    { echo '#!/bin/sh'; echo "cat <<'STREAM'"; cat "tests/cli/streams/$type.jsonl"; echo STREAM; } | image "$type" "${a#*:}"
    run "run-$type" "$type" public
done
head=$(git -C "$T/git/repo.git" rev-parse main)
for type in claude-code codex gemini opencode; do
    becomes "run-$type" Succeeded 40
    get "$NS/tasks/run-$type" > "$T/task"
    python3 - "$T/task" "$head" $type <<'END' || fail "$type: $(cat "$T/task")"
import json, sys
s = json.load(open(sys.argv[1]))["status"]
out, res = s["outputs"], s["results"]
want = {"branch": "main", "commit": sys.argv[2], "base-branch": "main"}
ok = all(k + ": " + v in out and res[k] == v for k, v in want.items()) and len(sys.argv[2]) == 40
keys = ["input-tokens", "output-tokens"] + (["cost-usd"] if sys.argv[3] == "claude-code" else [])
ok = ok and all(float(res[k]) > 0 and k + ": " + res[k] in out for k in keys)
sys.exit(not ok)
END
    log_of "run-$type" $type
    must grep -qxF -e '---KELOS_OUTPUTS_START---' "$T/log"
    must grep -qxF -e '---KELOS_OUTPUTS_END---' "$T/log"
    grep -i 'permission denied' "$T/log" && fail "$type: a permission error"
done
row TE/CP17

begin "make and gh work inside the claude image"
if [ ! -x /usr/bin/gh ]; then
    echo "     gh is not installed (tests/support/deps.sh does so): make and gh were not tried"
    finish
fi
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$T/tls.key" -out "$T/tls.crt" 2> /dev/null
cat > "$T/host.py" <<'END'
"""A GitHub host as far as `gh auth status` asks: host.py PORT-FILE CERT KEY."""
import http.server, json, ssl, sys
class Host(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        good = self.headers.get("Authorization") in ("token T7", "Bearer T7")
        body = json.dumps({"data": {"viewer": {"login": "bot"}}} if good else {"message": "Bad credentials"}).encode()
        self.send_response(200 if good else 401)
        self.send_header("X-Oauth-Scopes", "repo, read:org")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(sys.argv[2], sys.argv[3])
s.socket = tls.wrap_socket(s.socket, server_side=True)
open(sys.argv[1], "w").write(str(s.server_address[1]))
s.serve_forever()
END
python3 "$T/host.py" "$T/host.port" "$T/tls.crt" "$T/tls.key" 2> "$T/host.err" &
HELPERS="$HELPERS $!"
until_ok 10 test -s "$T/host.port" || fail "the host does not start: $(cat "$T/host.err")"
cp -R "$BUILD/share/kelos/agents/claude-code" "$T/share/agents/tools"
cat > "$T/share/agents/tools/bin/claude" <<'P'
#!/bin/sh
cd "$HOME" && printf 'all:\n\t@echo made\n' > Makefile && make && gh auth status 2>&1
P
chmod 755 "$T/share/agents/tools/bin/claude"
tools() { # NAME TOKEN: a Task that uses them, signed in with TOKEN
    python3 - "$1" "$2" "127.0.0.1:$(cat "$T/host.port")" "$T/tls.crt" <<'END' > "$T/tools.json"
import json, sys
name, token, host, crt = sys.argv[1:]
print(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca-" + name}, "data": {"ca.crt": open(crt).read()}}))
print(json.dumps({"apiVersion": "kelos.dev/v1alpha1", "kind": "Task", "metadata": {"name": name}, "spec": {
    "type": "claude-code", "image": "tools", "prompt": "p", "credentials": {"type": "none"}, "podOverrides": {
        "volumes": [{"name": "ca", "configMap": {"name": "ca-" + name}}],
        "volumeMounts": [{"name": "ca", "mountPath": "/etc/host-ca"}],
        "env": [{"name": k, "value": v} for k, v in (("GH_HOST", host), ("GH_ENTERPRISE_TOKEN", token),
                                                     ("SSL_CERT_FILE", "/etc/host-ca/ca.crt"))]}}}))
END
    sed -n 1p "$T/tools.json" | post $CORE/configmaps > /dev/null
    sed -n 2p "$T/tools.json" | post $NS/tasks > /dev/null
}
tools tools T7
tools wrong T8
becomes tools Succeeded 40
log_of tools claude-code
must grep -qx made "$T/log"
must grep -q 'Logged in to 127.0.0.1.* as bot' "$T/log"
becomes wrong Failed 40
row TE/CP18
finish
