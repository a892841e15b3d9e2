"""jira.py - a Jira whose answers hang on the project that is asked for; prints its port.

Only the older search is there (but for ALIKE, where every path is one). GET /asked gives the
startAt of all searches since the last time, in the order in which they came.
"""
import http.server
import json
import re
import threading
import urllib.parse

TOGETHER = 4  # requests of MANY, behind the first, that wait for one another


class State:
    lock = threading.Condition()
    waiting = 0
    asked = []


def page(project, at):
    """(total, numbers of the issues of the page)"""
    if project == "MANY":
        return 8, [at + 1]
    if project == "SHORT":  # the server gives less than it could
        return 7, {0: [1, 2, 3], 3: [4], 4: [5, 6], 6: [7]}.get(at, [])
    if project == "GROWS":
        return (2 if at == 0 else 3), [at + 1]
    if project == "MOVES":  # an issue moves from the first page to the second
        return 4, [1, 2] if at == 0 else [2, 3]
    if project == "SHRINKS":
        return 9, [at + 1] if at < 3 else []
    if project == "ENDLESS":
        return 5000, list(range(at + 1, at + 101))
    return 2, [at + 1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        if url.path == "/asked":
            with State.lock:
                asked, State.asked, State.waiting = State.asked, [], 0
            return self.answer(200, asked)
        project = re.match(r"project = (\w+)", query["jql"][0]).group(1)
        if url.path.endswith("/jql") and project != "ALIKE":
            return self.answer(404, {})
        at = int(query.get("startAt", ["0"])[0])
        together = True
        with State.lock:
            State.asked.append(at)
            if project == "MANY" and at > 0:
                State.waiting += 1
                State.lock.notify_all()
                together = State.lock.wait_for(lambda: State.waiting >= TOGETHER, 25)
        if not together:
            return self.answer(500, "they do not come together")
        total, numbers = page(project, at)
        return self.answer(200, {"startAt": at, "maxResults": 100, "total": total,
                                 "issues": [{"key": "P-%d" % n} for n in numbers]})

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
