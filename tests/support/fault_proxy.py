#!/usr/bin/env python3
"""fault_proxy.py - stands between the controller and an API server, and disturbs by script.

    fault_proxy.py PORT-FILE UPSTREAM LOG [CA-FILE]

Listens on a port of its own (written to PORT-FILE) and passes everything on to the URL UPSTREAM. Every request of
the controller becomes one line of JSON in LOG when its answer is known: t and end (seconds),
method, path, agent, body, status. `PUT /__rules` replaces the rules, a JSON list, and GET shows
what is left of them; the first rule that fits a request is used:

    match   regular expression over "METHOD path?query body", searched
    agent   regular expression over the User-Agent, searched (any)
    skip    so many fitting requests pass first (0)
    times   how often the rule is used (without end)
    do      status      answers `status` with the Status text `body`
            slow        passes the request on after `seconds`
            first       runs the shell command `run`, then passes the request on
            before      runs the shell command `run`, then breaks off: the server saw nothing
            after       passes the request on, runs `run`, then breaks off without an answer
            answered    answers, then runs `run`
            late        runs `run`, and passes the request on `seconds` later
            delay       each watch event comes `seconds` late, in order
            hold        watch events wait until a rule says otherwise
            gate        passes events until a rule that says "closed" is set: what was opened
                        before it gets nothing from then on, as of a dead peer
            hide        an event whose object's name ends in `prefix`-[01]+ is dropped where the
                        digit with its number (per object and type) is 1
            shuffle     a list, and the first events of a watch up to the bookmark that ends a
                        list in it, in random order
"""
import http.client
import json
import random
import re
import ssl
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

from passing import Passing, serve

lock = threading.Lock()
rules = []
log = None
upstream = None
tls = None
closed_at = 0.0      # streams that are older get nothing
hidden = {}          # (path, uid) -> events so far: over all streams, as a watch may start anew
shuffler = random.Random(1)


def pick(line, agent):
    with lock:
        for rule in rules:
            if re.search(rule["match"], line) and re.search(rule.get("agent", ""), agent):
                if rule.get("skip", 0) > 0:
                    rule["skip"] -= 1
                    continue
                if "times" in rule:
                    if rule["times"] == 0:
                        continue
                    rule["times"] -= 1
                return rule
    return None


def still(rule):
    with lock:
        return any(r is rule for r in rules)


def is_hidden(path, prefix, line):
    event = json.loads(line)
    if event["type"] == "BOOKMARK":
        return False
    meta = event["object"]["metadata"]
    bits = re.search(prefix + r"-([01]+)$", meta.get("name", ""))
    if not bits:
        return False
    with lock:
        key = (path.split("?")[0], meta["uid"])
        hidden[key] = n = hidden.get(key, 0) + 1
    return n <= len(bits[1]) and bits[1][n - 1] == "1"


def shuffled(data):
    listed = json.loads(data)
    shuffler.shuffle(listed["items"])
    return json.dumps(listed).encode()


class Proxy(Passing):
    def note(self, started, body, status):
        entry = {"t": started, "end": time.time(), "method": self.command, "path": self.path,
                 "agent": self.headers.get("User-Agent", ""), "body": body.decode("utf8", "replace"),
                 "type": self.headers.get("Content-Type", ""), "status": status}
        with lock:
            log.write(json.dumps(entry) + "\n")
            log.flush()

    def serve(self):
        global rules, closed_at
        started = time.time()
        body = self.body()
        if self.path == "/__rules":
            with lock:
                if self.command == "PUT":
                    rules = json.loads(body)
                    closed_at = time.time() if any(r["do"] == "closed" for r in rules) else 0.0
                left = json.dumps(rules)
            return self.reply_json(200, left)
        rule = pick(f"{self.command} {self.path} " + body.decode("utf8", "replace"),
                    self.headers.get("User-Agent", ""))
        act = rule["do"] if rule else ""
        if act == "status":
            self.note(started, body, rule["status"])
            return self.reply_json(rule["status"], rule["body"])
        if act == "slow":
            time.sleep(rule["seconds"])
        if act == "first":
            subprocess.run(rule["run"], shell=True, check=False)
        if act == "before":
            subprocess.run(rule["run"], shell=True, check=False)
            self.note(started, body, 0)
            return self.break_off()
        if act == "late":
            subprocess.run(rule["run"], shell=True, check=False)
            time.sleep(rule["seconds"])
        return self.forward(started, body, rule, act)

    def forward(self, started, body, rule, act):
        conn = (http.client.HTTPSConnection(upstream.netloc, context=tls) if tls else
                http.client.HTTPConnection(upstream.netloc))
        try:
            got = self.ask(conn, body)
            if self.is_watch() and got.status == 200:
                self.note(started, body, 200)
                return self.stream(got, rule, act, started)
            data = got.read()
        except (OSError, http.client.HTTPException):
            return self.break_off()
        finally:
            if not self.is_watch():
                conn.close()
        self.note(started, body, got.status)
        if act == "shuffle" and got.status == 200:
            data = shuffled(data)
        if act == "after":
            subprocess.run(rule["run"], shell=True, check=False)
            return self.break_off()
        self.pass_back(got, data)
        if act == "answered":
            subprocess.run(rule["run"], shell=True, check=False)
        return None

    def stream(self, got, rule, act, opened):
        self.stream_begins()
        first = [] if act == "shuffle" and "sendInitialEvents=true" in self.path else None
        late, wake = [], threading.Condition()

        def reader():
            try:
                for line in got:
                    with wake:
                        late.append((time.time() + (rule or {}).get("seconds", 0), line))
                        wake.notify()
            except (OSError, http.client.HTTPException):
                pass
            with wake:
                late.append((0, b""))
                wake.notify()

        threading.Thread(target=reader, daemon=True).start()
        try:
            while True:
                with wake:
                    while not late:
                        wake.wait()
                    due, line = late.pop(0)
                if not line:
                    break
                while act in ("delay", "hold") and still(rule) and (act == "hold" or time.time() < due):
                    time.sleep(0.02)
                while act == "gate" and opened < closed_at:
                    time.sleep(0.05)
                if act == "hide" and is_hidden(self.path, rule["prefix"], line):
                    continue
                if first is not None:
                    first.append(line)
                    if b"initial-events-end" not in line:
                        continue
                    end = first.pop()
                    shuffler.shuffle(first)
                    for one in first:
                        self.chunk(one)
                    line, first = end, None
                self.chunk(line)
            self.stream_ends()
        except OSError:
            pass

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve


def main():
    global upstream, tls, log
    upstream = urlsplit(sys.argv[2])
    if upstream.scheme == "https":
        tls = ssl.create_default_context(cafile=sys.argv[4])
    log = open(sys.argv[3], "a", encoding="utf8")
    serve(Proxy, sys.argv[1])


main()
