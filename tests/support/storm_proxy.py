#!/usr/bin/env python3
"""storm_proxy.py - an API server's bad days: TLS in front of the real one, with seeded faults.

    storm_proxy.py DIR UPSTREAM-PORT UPSTREAM-CA SEED

DIR/proxy.crt and DIR/proxy.key are what it shows; its own port is written to DIR/port. Every
call is passed on with the caller's own token. `PUT /__storm` takes a JSON object:

    rate     share of the calls that get 429 or a 5xx, 0 to 1 (0 at first)
    cut      share of the calls whose connection breaks, before or after the server acted (0)
    watch_s  mean life of a watch stream; 0: as the server ends it
    dark     true: new watches are refused with 503 and the open ones are cut
    reload   true: reads certificate and key anew; connections made with the old ones are cut

and answers with the counts so far, as GET does: calls, watches, cut streams, what was injected
by name, 410s that the server itself gave, 401s, and handshakes that failed.

About one fault in three comes after the server has acted: the answer is replaced or lost.
"""
import http.client
import json
import random
import ssl
import sys
import threading
import time
from collections import Counter

from passing import Passing, serve, shut

# name -> (weight, status, Retry-After, acted before)
FAULTS = {
    "429": (4, 429, "", False),
    "429 with Retry-After": (1, 429, "1", False),
    "500": (3, 500, "", False),
    "502": (2, 502, "", False),
    "503": (2, 503, "", False),
    "503 with Retry-After": (1, 503, "1", False),
    "500 after it acted": (3, 500, "", True),
    "504 after it acted": (3, 504, "", True),
}
REASONS = {429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


class State:
    def __init__(self):
        self.lock = threading.Lock()
        self.rules = {"rate": 0.0, "cut": 0.0, "watch_s": 0.0, "dark": False}
        self.counts = Counter()
        self.random = random.Random(int(sys.argv[4]))
        self.context = None
        self.open = set()        # sockets of callers
        self.streams = set()     # those of them that are watches

    def count(self, name, n=1):
        with self.lock:
            self.counts[name] += n

    def roll(self):
        """What happens to a call: (name, fault) or (None, None)."""
        with self.lock:
            self.counts["calls"] += 1
            x = self.random.random()
            if x < self.rules["rate"]:
                name = self.random.choices(list(FAULTS), [f[0] for f in FAULTS.values()])[0]
                self.counts[name] += 1
                self.counts["refused or failed"] += 1
                return name, FAULTS[name]
            if x < self.rules["rate"] + self.rules["cut"]:
                name = self.random.choice(["cut before", "cut after", "torn"])
                self.counts[name] += 1
                return name, (0, 0, "", name != "cut before")
        return None, None

    def life(self):
        with self.lock:
            mean = self.rules["watch_s"]
            return self.random.expovariate(1 / mean) if mean else 0

    def reload(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1] + "/proxy.crt", sys.argv[1] + "/proxy.key")
        with self.lock:
            self.context, old = context, list(self.open)
        for s in old:
            shut(s)


class Proxy(Passing):
    up = None

    def setup(self):
        with state.lock:
            context = state.context
        self.request.settimeout(20)
        try:
            self.request = context.wrap_socket(self.request, server_side=True)
        except OSError:
            state.count("failed handshakes")
            raise
        self.request.settimeout(None)
        with state.lock:
            state.open.add(self.request)
        super().setup()

    def finish(self):
        with state.lock:
            state.open.discard(self.request)
            state.streams.discard(self.request)
        if self.up is not None:
            self.up.close()
        try:
            super().finish()
            self.request.close()
        except OSError:
            pass

    def upstream(self):
        if self.up is None:
            self.up = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[2]), context=trust, timeout=60)
        return self.up

    def refuse(self, status, retry_after):
        headers = [("Content-Type", "application/json")] + ([("Retry-After", retry_after)] if retry_after else [])
        text = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "storm", "reason": REASONS.get(status, ""), "code": status}
        data = json.dumps(text).encode()
        if status == 502:
            headers[0], data = ("Content-Type", "text/html"), b"<html><body>Bad Gateway</body></html>"
        self.reply(status, headers, data)

    def control(self, body):
        wish = json.loads(body or b"{}")
        with state.lock:
            state.rules.update({k: v for k, v in wish.items() if k in state.rules})
            counts = dict(state.counts, rules=state.rules)
            dark = list(state.streams) if wish.get("dark") else []
        for s in dark:
            shut(s)
        self.reply_json(200, json.dumps(counts))
        if wish.get("reload"):
            state.reload()

    def serve(self):
        body = self.body()
        if self.path == "/__storm":
            return self.control(body)
        name, fault = state.roll()
        watch = self.is_watch()
        if watch and state.rules["dark"]:
            return self.refuse(503, "")
        if fault is not None and (watch or not fault[3]):
            return self.refuse(fault[1], fault[2]) if fault[1] else self.break_off()
        try:
            got = self.ask(self.upstream(), body)
            if watch and got.status == 200:
                return self.stream(got)
            data = got.read()
        except (OSError, http.client.HTTPException):
            self.up.close()
            self.up = None
            return self.break_off()
        if got.status in (401, 410):
            state.count("%d from the server" % got.status)
        if fault is not None and fault[1]:
            return self.refuse(fault[1], fault[2])
        if name == "cut after":
            return self.break_off()
        self.pass_back(got, data, len(data) // 2 if name == "torn" else None)
        if name == "torn":
            self.break_off()
        return None

    def stream(self, got):
        """A watch: its lines as they come, until the server or its time is over."""
        state.count("watches")
        with state.lock:
            state.streams.add(self.request)
        self.stream_begins()
        life, self.cut = state.life(), False
        up, mine = self.up.sock, self.request
        if life:
            timer = threading.Timer(life, self.end_of_life, (up, mine))
            timer.daemon = True
            timer.start()
        try:
            for line in got:
                if b'"code":410' in line[:2000] and line.startswith(b'{"type":"ERROR"'):
                    state.count("410 from the server")
                if self.cut:
                    line = line[:len(line) // 2]
                self.chunk(line)
                if self.cut:
                    break
            if not self.cut:
                self.stream_ends()
        except (OSError, ValueError, http.client.HTTPException):
            pass
        if life:
            timer.cancel()
        self.up.close()
        self.up = None
        shut(mine)

    def end_of_life(self, up, mine):
        """The next line is torn; where none comes, the stream is cut all the same."""
        self.cut = True
        state.count("cut streams")
        time.sleep(1)
        shut(mine)
        if up is not None:
            shut(up)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve


state = State()
trust = ssl.create_default_context(cafile=sys.argv[3])


def main():
    state.reload()
    serve(Proxy, sys.argv[1] + "/port")


main()
