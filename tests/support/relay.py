#!/usr/bin/env python3
"""relay.py - a cable between a client and a server, which can be cut: bytes over TCP.

    relay.py PORT-FILE HOST:PORT[,HOST:PORT...] [--listen HOST] [--shaky SEED] [--delay MS]

Listens on a port of its own (written to PORT-FILE) and passes on what comes, both ways. Of several
targets each connection gets the next one, as a Service deals them out that does not know who of
them answers; a target that refuses is a connection that is reset.

SIGUSR1 cuts: nothing moves any more, and connections are still taken, as a host does that is out
of reach. SIGUSR2 joins the ends again. What a client had sent and not got through is delivered
then, unless the client has reset the connection meanwhile: that is TCP's own behaviour.

SIGHUP resets every connection there is, as a server does that starts again.

With --shaky each piece of bytes is held up at random (one in 8, for up to 200 ms, as after a lost
packet), and one in 16 ends its connection. It stands for packet loss where there is no netem.

With --delay each piece that a client sends goes on so much later, as if the server were that slow.
"""
import itertools
import random
import select
import signal
import socket
import struct
import sys
import threading
import time

joined = threading.Event()
joined.set()
chance = None
delay = 0
ends = set()


def finish(*sockets):
    for s in sockets:
        ends.discard(s)
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        except OSError:
            pass


def pump(src, dst, later=0):
    poll = select.poll()
    try:
        poll.register(src, select.POLLIN)
        while True:
            joined.wait()
            told = poll.poll(50)
            if not told or not joined.is_set():
                continue
            if told[0][1] & select.POLLERR:
                break  # reset: what is still in the buffer would never have come through
            data = src.recv(65536)
            if chance and chance.random() < 1 / 8:
                time.sleep(chance.random() * 0.2)
            if chance and chance.random() < 1 / 16:
                break
            if later:
                time.sleep(later)
            if not data:
                dst.shutdown(socket.SHUT_WR)
                return
            dst.sendall(data)
    except (OSError, ValueError):
        pass
    finish(src, dst)


def reset():
    """A socket that a thread waits for is shut first: closing alone would not end the wait."""
    for s in list(ends):
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, target):
    try:
        joined.wait()
        server = socket.create_connection(target, 10)
    except OSError:
        finish(client)
        return
    for s in (client, server):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ends.add(s)
    threading.Thread(target=pump, args=(client, server, delay), daemon=True).start()
    threading.Thread(target=pump, args=(server, client), daemon=True).start()


def main():
    global chance, delay
    args, listen = sys.argv[1:], "127.0.0.1"
    if "--listen" in args:
        listen = args[args.index("--listen") + 1]
    if "--shaky" in args:
        chance = random.Random(int(args[args.index("--shaky") + 1]))
    if "--delay" in args:
        delay = float(args[args.index("--delay") + 1]) / 1000
    targets = [(h, int(p)) for h, p in (t.rsplit(":", 1) for t in args[1].split(","))]
    signal.signal(signal.SIGUSR1, lambda *_: joined.clear())
    signal.signal(signal.SIGUSR2, lambda *_: joined.set())
    signal.signal(signal.SIGHUP, lambda *_: reset())
    door = socket.create_server((listen, 0), backlog=128)
    with open(args[0], "w", encoding="utf8") as out:
        out.write(str(door.getsockname()[1]))
    for target in itertools.cycle(targets):
        client, _ = door.accept()
        threading.Thread(target=serve, args=(client, target), daemon=True).start()


main()
