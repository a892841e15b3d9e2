"""hostile.py - servers that mean ill, one behaviour per port; prints "NAME PORT" for each.

    python3 hostile.py endless line garbage loop drip reset notls bomb nodes
"""
import gzip
import os
import random
import socket
import struct
import sys
import threading
import time

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
GIB = 1 << 30


def read_head(c):
    data = b""
    while b"\r\n\r\n" not in data and len(data) < 65536:
        more = c.recv(4096)
        if not more:
            break
        data += more
    return data


def endless(c, _):
    read_head(c)
    c.sendall(HEAD + b"Connection: close\r\n\r\n[")
    while True:
        c.sendall(b'{"number": 1},\n' * 4096)


def line(c, _):
    read_head(c)
    c.sendall(HEAD + b"Content-Length: %d\r\n\r\n[\"" % GIB)
    while True:
        c.sendall(b"x" * 65536)


def garbage(c, _):
    read_head(c)
    body = random.Random(1).randbytes(20000)
    c.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def loop(c, port):
    path = read_head(c).split(b" ")[1]
    c.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % (port, path))


def drip(c, _):
    read_head(c)
    c.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
    while True:
        c.sendall(b"[")
        time.sleep(1)


def reset(c, _):
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def notls(c, _):
    c.recv(4096)
    c.sendall(random.Random(2).randbytes(4096))


def bomb(c, _):
    read_head(c)
    body = gzip.compress(b"[" + b" " * (256 << 20) + b"]", 1)
    c.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def nodes(c, _):
    read_head(c)
    body = b"[" + b"[]," * 5000000 + b"[]]"
    c.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def serve(play, s):
    def one(c):
        try:
            play(c, s.getsockname()[1])
        except OSError:
            pass
        c.close()

    while True:
        c, _ = s.accept()
        threading.Thread(target=one, args=(c,), daemon=True).start()


def main():
    for name in sys.argv[1:]:
        s = socket.create_server(("127.0.0.1", 0), backlog=64)
        print(name, s.getsockname()[1], flush=True)
        threading.Thread(target=serve, args=(globals()[name], s), daemon=True).start()
    while os.getppid() != 1:
        time.sleep(1)


if __name__ == "__main__":
    main()
