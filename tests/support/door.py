#!/usr/bin/env python3
"""A door on loopback that writes down who comes through.

usage: door.py PORTFILE LOG            takes every POST; LOG gets the bodies, one after the other
       door.py PORTFILE LOG URL [--no-watch]
                                       passes requests on to URL; LOG gets "METHOD PATH" lines,
                                       with " as USER" behind those that impersonate somebody;
                                       watches can be refused
"""
import http.server
import os
import sys
import urllib.error
import urllib.request

port_file, log = sys.argv[1:3]
url = sys.argv[3] if len(sys.argv) > 3 else None
no_watch = "--no-watch" in sys.argv
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Door(http.server.BaseHTTPRequestHandler):
    def any(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size) if size else None
        with open(log, "ab") as f:
            user = self.headers.get("Impersonate-User")
            f.write(body or b"" if url is None else f"{self.command} {self.path}{' as ' + user if user else ''}\n".encode())
        if url is None:
            self.send_response(204)
            self.end_headers()
            return
        if no_watch and "watch=" in self.path:
            self.send_response(405)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "accept-encoding")}
        request = urllib.request.Request(url + self.path, body, headers, method=self.command)
        try:
            answer = opener.open(request)
        except urllib.error.HTTPError as e:
            answer = e
        self.send_response(answer.status if hasattr(answer, "status") else answer.code)
        for k, v in answer.headers.items():
            if k.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(k, v)
        self.end_headers()
        try:
            while piece := answer.read1(65536):     # a watch goes on until its end
                self.wfile.write(piece)
                self.wfile.flush()
        except BrokenPipeError:                     # or until the client has seen enough
            pass

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = any

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
server.daemon_threads = True
open(log, "ab").close()
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_port))

os.rename(port_file + ".new", port_file)
server.serve_forever()
