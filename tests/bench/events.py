"""events.py - an API server that has nothing but a watch of Tasks: RATE events a second, each with
the time at which it was sent (CLOCK_MONOTONIC, ns) as its resourceVersion. Prints its port.

    events.py RATE COUNT TASKS
"""
import http.server
import json
import sys
import threading
import time
import urllib.parse

RATE, COUNT, TASKS = (int(a) for a in sys.argv[1:4])
go = threading.Event()

TASK = {"apiVersion": "kelos.dev/v1alpha1", "kind": "Task",
        "metadata": {"name": "", "namespace": "bench", "uid": "", "resourceVersion": "", "generation": 1,
                     "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"team": "web"},
                     "managedFields": [{"manager": "kelos", "operation": "Update", "fieldsType": "FieldsV1",
                                        "fieldsV1": {"f:spec": {"f:prompt": {}, "f:type": {}}}}]},
        "spec": {"type": "claude-code", "prompt": "Mend what the issue says. " * 8,
                 "credentials": {"type": "api-key", "secretRef": {"name": "key"}}},
        "status": {"phase": "Running", "jobName": "", "startTime": "2026-01-01T00:00:01Z"}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # as Go's servers do

    def log_message(self, *args):
        pass

    def send(self, code, body):
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def event(self, kind, body):
        line = json.dumps({"type": kind, "object": body}, separators=(",", ":")).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def tasks(self):
        """COUNT events, each at its own time: one that is late makes no other one late."""
        names = ["task-%d" % i for i in range(TASKS)]
        bodies = {}
        for name in names:
            body = json.loads(json.dumps(TASK))
            body["metadata"].update(name=name, uid="00000000-0000-0000-0000-%012d" % int(name[5:]))
            bodies[name] = json.dumps({"type": "MODIFIED", "object": body}, separators=(",", ":")).replace(
                '"resourceVersion":""', '"resourceVersion":"%d"')
        go.wait()
        began = time.monotonic_ns()
        for i in range(COUNT):
            wait = (began + i * 10**9 // RATE - time.monotonic_ns()) / 1e9
            if wait > 0:
                time.sleep(wait)
            line = (bodies[names[i % TASKS]] % time.monotonic_ns()).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def watch(self, resource, query):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        mark = {"resourceVersion": str(time.monotonic_ns())}
        if "sendInitialEvents" in query:
            mark["annotations"] = {"k8s.io/initial-events-end": "true"}
        self.event("BOOKMARK", {"metadata": mark})
        if resource == "tasks":
            self.tasks()
        threading.Event().wait()

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        query = urllib.parse.parse_qs(url.query)
        resource = url.path.rstrip("/").rsplit("/", 1)[-1]
        if "watch" in query:
            self.watch(resource, query)
        else:
            self.send(200, {"kind": "List", "apiVersion": "v1", "items": [],
                            "metadata": {"resourceVersion": str(time.monotonic_ns())}})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.readline()
go.set()
sys.stdin.read()
