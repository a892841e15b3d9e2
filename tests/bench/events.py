"""events.py - an API server that has nothing but a watch of Tasks: RATE events a second, each with
the time at which it was sent (CLOCK_MONOTONIC, ns) as its resourceVersion. They begin with a line
on stdin.

    events.py PORT-FILE RATE COUNT TASKS
"""
import json
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, "tests/support")
from passing import Passing, serve  # noqa: E402

RATE, COUNT, TASKS = (int(a) for a in sys.argv[2:5])
go = threading.Event()

TASK = {"apiVersion": "kelos.dev/v1alpha1", "kind": "Task",
        "metadata": {"name": "", "namespace": "bench", "uid": "", "resourceVersion": "", "generation": 1,
                     "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"team": "web"},
                     "managedFields": [{"manager": "kelos", "operation": "Update", "fieldsType": "FieldsV1",
                                        "fieldsV1": {"f:spec": {"f:prompt": {}, "f:type": {}}}}]},
        "spec": {"type": "claude-code", "prompt": "Mend what the issue says. " * 8,
                 "credentials": {"type": "api-key", "secretRef": {"name": "key"}}},
        "status": {"phase": "Running", "jobName": "", "startTime": "2026-01-01T00:00:01Z"}}


def event(kind, body):
    return json.dumps({"type": kind, "object": body}, separators=(",", ":")) + "\n"


def versionless(number):
    """The event of one Task, with room for its version."""
    meta = dict(TASK["metadata"], name="task-%d" % number, uid="00000000-0000-0000-0000-%012d" % number)
    return event("MODIFIED", dict(TASK, metadata=meta)).replace('"resourceVersion":""', '"resourceVersion":"%d"')


class Handler(Passing):
    wbufsize = 0  # nothing waits for more

    def tasks(self):
        """COUNT events, each at its own time: one that is late makes no other one late."""
        lines = [versionless(n) for n in range(TASKS)]
        go.wait()
        began = time.monotonic_ns()
        for i in range(COUNT):
            wait = (began + i * 10**9 // RATE - time.monotonic_ns()) / 1e9
            if wait > 0:
                time.sleep(wait)
            self.chunk((lines[i % TASKS] % time.monotonic_ns()).encode())

    def watch(self, resource, initial):
        mark = {"resourceVersion": str(time.monotonic_ns())}
        if initial:
            mark["annotations"] = {"k8s.io/initial-events-end": "true"}
        self.stream_begins()
        self.chunk(event("BOOKMARK", {"metadata": mark}).encode())
        if resource == "tasks":
            self.tasks()
        threading.Event().wait()

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        if self.is_watch():
            self.watch(url.path.rsplit("/", 1)[-1], "sendInitialEvents" in url.query)
        else:
            self.reply_json(200, json.dumps({"kind": "List", "apiVersion": "v1", "items": [],
                                             "metadata": {"resourceVersion": str(time.monotonic_ns())}}))


def begin():
    sys.stdin.readline()
    go.set()


threading.Thread(target=begin, daemon=True).start()
serve(Handler, sys.argv[1])
