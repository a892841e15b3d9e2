#!/usr/bin/env python3
"""jobplay.py - what a kubelet and the Job controller would do, as far as Tasks see it.

    jobplay.py URL TOKEN [STEP_SECONDS]       plays every Job: active, then ready, then Complete
    jobplay.py URL TOKEN make PREFIX N [MORE] makes N Tasks PREFIX-0.., MORE is JSON for the spec
    jobplay.py URL TOKEN phases FILE          writes each change of a Task's phase: name/uid phase
    jobplay.py URL TOKEN scribble SECONDS N   adds labels, annotations and finalizers to the Tasks
                                              w-0.. 50 times a second, then looks for each of them

$CA names the file with the CA of an https URL.
"""
import http.client
import json
import os
import ssl
import sys
import threading
import time
from urllib.parse import urlsplit

url = urlsplit(sys.argv[1])
tls = ssl.create_default_context(cafile=os.environ["CA"]) if url.scheme == "https" else None
token = sys.argv[2]
tasks = "/apis/kelos.dev/v1alpha1/namespaces/default/tasks"


def connect():
    return http.client.HTTPSConnection(url.netloc, context=tls) if tls else http.client.HTTPConnection(url.netloc)


def call(conn, method, path, body=None, kind="application/json"):
    conn.request(method, path, json.dumps(body) if body is not None else None,
                 {"Authorization": "Bearer " + token, "Content-Type": kind})
    answer = conn.getresponse()
    return answer.status, answer.read()


def events(path):
    conn = connect()
    conn.request("GET", path + "?watch=true", headers={"Authorization": "Bearer " + token})
    for line in conn.getresponse():
        yield json.loads(line)


def patch_status(conn, job, status):
    meta = job["metadata"]
    path = f"/apis/batch/v1/namespaces/{meta['namespace']}/jobs/{meta['name']}/status"
    call(conn, "PATCH", path, {"metadata": {"uid": meta["uid"]}, "status": status},
         "application/merge-patch+json")


def play(step):
    conn, due, todo = connect(), [], threading.Lock()

    def work():
        while True:
            time.sleep(0.02)
            now = time.time()
            with todo:
                ready = [d for d in due if d[0] <= now]
                due[:] = [d for d in due if d[0] > now]
            for _, job, status in ready:
                patch_status(conn, job, status)

    threading.Thread(target=work, daemon=True).start()
    for event in events("/apis/batch/v1/jobs"):
        if event["type"] != "ADDED" or event["object"].get("status", {}).get("succeeded"):
            continue
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        start, now = {"active": 1, "ready": 0, "startTime": stamp}, time.time()
        done = [{"type": kind, "status": "True", "lastTransitionTime": stamp}
                for kind in ("SuccessCriteriaMet", "Complete")]
        with todo:
            due.append((now + step, event["object"], start))
            due.append((now + 2 * step, event["object"], {"ready": 1}))
            due.append((now + 3 * step, event["object"],
                        {"active": 0, "ready": 0, "succeeded": 1, "conditions": done, "completionTime": stamp}))


def make(prefix, count, more):
    conn = connect()
    for i in range(count):
        spec = {"type": "claude-code", "prompt": "p", "credentials": {"type": "api-key", "secretRef": {"name": "c"}}}
        spec.update(more)
        status, text = call(conn, "POST", tasks, {"apiVersion": "kelos.dev/v1alpha1", "kind": "Task",
                                                  "metadata": {"name": f"{prefix}-{i}"}, "spec": spec})
        if status != 201:
            sys.exit(text.decode())


def phases(path):
    last = {}
    with open(path, "w", encoding="utf8") as out:
        for event in events(tasks):
            meta, phase = event["object"]["metadata"], event["object"].get("status", {}).get("phase", "")
            name = meta["name"] + "/" + meta["uid"]
            if last.get(name) != phase:
                last[name] = phase
                out.write(f"{name} {phase}\n")
                out.flush()


def scribble(seconds, count):
    conn, wrote, turn = connect(), {i: [] for i in range(count)}, 0
    end = time.time() + seconds
    while time.time() < end:
        time.sleep(0.02)
        turn, i = turn + 1, turn % count
        path, mark = f"{tasks}/w-{i}", f"example.com/n{turn}"
        if turn // count % 5 == 0:        # a list: only onto the version that was read
            status, text = call(conn, "GET", path)
            meta = json.loads(text)["metadata"]
            body = {"resourceVersion": meta["resourceVersion"],
                    "finalizers": meta.get("finalizers", []) + [mark]}
        else:
            body = {"labels": {mark: "x"}, "annotations": {mark: "y"}}
        status, text = call(conn, "PATCH", path, {"metadata": body}, "application/merge-patch+json")
        if status == 200:
            wrote[i].append((mark, "finalizers" in body))
    lost = 0
    for i, marks in wrote.items():
        meta = json.loads(call(conn, "GET", f"{tasks}/w-{i}")[1])["metadata"]
        for mark, listed in marks:
            lost += mark not in (meta["finalizers"] if listed else meta["labels"])
        lost += "kelos.dev/finalizer" not in meta["finalizers"]
        call(conn, "PATCH", f"{tasks}/w-{i}", {"metadata": {"finalizers": ["kelos.dev/finalizer"]}},
             "application/merge-patch+json")
    print(sum(map(len, wrote.values())), "written,", lost, "lost")


rest = sys.argv[3:]
if rest[:1] == ["make"]:
    make(rest[1], int(rest[2]), json.loads(rest[3]) if len(rest) > 3 else {})
elif rest[:1] == ["phases"]:
    phases(rest[1])
elif rest[:1] == ["scribble"]:
    scribble(float(rest[1]), int(rest[2]))
else:
    play(float(rest[0]) if rest else 0.05)
