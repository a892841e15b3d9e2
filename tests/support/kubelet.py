#!/usr/bin/env python3
"""kubelet.py DATA KUBECONFIG TLS-FOLDER NAME - what an API server asks of a node: the logs.

Registers the Node NAME and answers GET /containerLogs/NAMESPACE/POD/CONTAINER out of
DATA/pods/UID/CONTAINER/log, as our runner and the kubelet write them. It runs nothing."""
import http.client
import json
import os
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import yaml

data, kubeconfig, tls, name = sys.argv[1:]
with open(kubeconfig) as f:
    config = yaml.safe_load(f)
api = urlsplit(config["clusters"][0]["cluster"]["server"]).netloc
token = config["users"][0]["user"]["token"]


def ask(method, path, body=None):
    conn = http.client.HTTPSConnection(api, context=ssl.create_default_context(cafile=tls + "/ca.crt"))
    conn.request(method, path, json.dumps(body) if body else None,
                 {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
    answer = json.load(conn.getresponse())
    conn.close()
    return answer


class Kubelet(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        where = urlsplit(self.path)
        _, what, namespace, pod, container = where.path.split("/")
        uid = ask("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}").get("metadata", {}).get("uid", "")
        path = os.path.join(data, "pods", uid, container, "log")
        if what != "containerLogs" or not os.path.exists(path):
            self.send_error(404)
            return
        with open(path, encoding="utf8") as f:
            lines = [line.split(" ", 3) for line in f]
        stamps = parse_qs(where.query).get("timestamps") == ["true"]
        self.send_response(200)
        self.end_headers()
        for stamp, _, _, text in lines:
            self.wfile.write(((stamp + " " if stamps else "") + text).encode())


server = ThreadingHTTPServer(("127.0.0.1", 0), Kubelet)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(tls + "/node.crt", tls + "/node.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
ask("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {
    "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
    "daemonEndpoints": {"kubeletEndpoint": {"Port": server.server_port}}}})
server.serve_forever()
