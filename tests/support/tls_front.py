"""tls_front.py PORT CERT KEY: TLS in front of 127.0.0.1:PORT; prints its own port."""
import socket
import ssl
import sys
import threading


def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def one(raw, context, port):
    try:
        tls = context.wrap_socket(raw, server_side=True)
        back = socket.create_connection(("127.0.0.1", port))
    except OSError:
        raw.close()
        return
    threading.Thread(target=pump, args=(tls, back), daemon=True).start()
    pump(back, tls)


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    print(listener.getsockname()[1], flush=True)
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=one, args=(raw, context, int(sys.argv[1])), daemon=True).start()


if __name__ == "__main__":
    main()
