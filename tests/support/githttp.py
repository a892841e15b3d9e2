#!/usr/bin/env python3
"""githttp.py PORT-FILE GIT-ROOT FORGE LOG [CERT KEY ADDRESS] - one host as GitHub is: git over HTTP
and the API.

/api/v3/... goes to FORGE as it is. All else is git's smart HTTP, for whom FORGE knows by the
password: a token that has ended is refused with 401. LOG gets a line for each push and each
refusal: "push repo" or "refused path".

With CERT and KEY it is github.com itself (github.sh): TLS on port 443 of ADDRESS, all that is asked of the
name api.github.com goes to FORGE, and anybody may fetch; a push needs a token.
"""
import base64, http.client, os, ssl, subprocess, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port_file, root, forge, log = sys.argv[1:5]
tls = sys.argv[5:7]
forge_host = forge.split("//")[1]


def note(line):
    with open(log, "a") as f:
        f.write(line + "\n")


def ask_forge(method, path, headers, body):
    c = http.client.HTTPConnection(forge_host, timeout=10)
    c.request(method, path, body, headers)
    r = c.getresponse()
    return r.status, r.getheaders(), r.read()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            data = b""
            while (size := int(self.rfile.readline(), 16)) > 0:
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("connection", "content-length", "date", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def welcome(self):
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        if kind != "Basic":
            return bool(tls) and "git-receive-pack" not in self.path
        password = base64.b64decode(text).decode().partition(":")[2]
        status, _, _ = ask_forge("GET", "/user", {"Authorization": "token " + password,
                                                  "Accept": "application/vnd.github.v3+json",
                                                  "User-Agent": "githttp"}, None)
        return status == 200

    def serve(self):
        body = self.body()
        if self.path.startswith("/api/v3/") or self.headers.get("Host") == "api.github.com":
            keep = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
            self.answer(*ask_forge(self.command, self.path, keep, body or None))
            return
        if not self.welcome():
            note("refused " + self.path)
            self.answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
            return
        path, _, query = self.path.partition("?")
        env = dict(os.environ, GIT_PROJECT_ROOT=root, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path,
                   QUERY_STRING=query, REQUEST_METHOD=self.command, REMOTE_USER="app",
                   CONTENT_TYPE=self.headers.get("Content-Type", ""),
                   CONTENT_LENGTH=str(len(body)),
                   HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
                   GIT_PROTOCOL=self.headers.get("Git-Protocol", ""))
        out = subprocess.run(["git", "http-backend"], input=body, env=env,
                             stdout=subprocess.PIPE).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        fields = [tuple(l.split(": ", 1)) for l in head.decode().split("\r\n") if ": " in l]
        status = int(dict(fields).get("Status", "200 OK").split()[0])
        if path.endswith("/git-receive-pack"):
            note("push " + path)
        self.answer(status, [f for f in fields if f[0] != "Status"], rest)

    do_GET = do_POST = do_PATCH = do_DELETE = serve


server = ThreadingHTTPServer((sys.argv[7], 443) if tls else ("127.0.0.1", 0), Handler)
server.daemon_threads = True
if tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls)
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(port_file + ".tmp", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(port_file + ".tmp", port_file)
server.serve_forever()
