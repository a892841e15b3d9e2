"""passing.py - what the proxies in front of an API server share: storm_proxy.py, fault_proxy.py.

A handler derives from Passing and gives do_GET and the like; serve() listens for it.
"""
import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OWN = ("host", "connection")                                             # of a request, the rest is passed on
SENT_ANEW = ("transfer-encoding", "connection", "content-length", "date")  # of an answer


def shut(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def is_watch(self):
        return "watch=true" in self.path or "watch=1" in self.path

    def ask(self, conn, body):
        """Passes the request on; the answer."""
        headers = {k: v for k, v in self.headers.items() if k.lower() not in OWN}
        conn.request(self.command, self.path, body or None, headers)
        return conn.getresponse()

    def reply(self, status, headers, data, sent=None):
        """An answer; of its body only the first `sent` bytes."""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:sent])
        self.wfile.flush()

    def reply_json(self, status, text):
        self.reply(status, [("Content-Type", "application/json")], text.encode())

    def pass_back(self, got, data, sent=None):
        self.reply(got.status, [(k, v) for k, v in got.getheaders() if k.lower() not in SENT_ANEW], data, sent)

    def break_off(self):
        self.close_connection = True
        shut(self.request)

    # A watch: its lines in chunks; the connection ends with it.

    def stream_begins(self):
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def stream_ends(self):
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass


def serve(handler, port_file):
    """For ever, on a port of its own that is written to the file when it is open."""
    server = Server(("127.0.0.1", 0), handler)
    with open(port_file + ".new", "w", encoding="utf8") as out:
        out.write(str(server.server_port))
    os.rename(port_file + ".new", port_file)
    server.serve_forever()
