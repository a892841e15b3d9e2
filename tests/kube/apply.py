#!/usr/bin/env python3
"""apply.py KUBECONFIG [--dry-run KIND] FILE...: server-side apply of every document, in order.

Documents of a KIND named by --dry-run are validated by the server and not stored. Prints one
line per document; status 1 when one is refused."""
import json
import ssl
import sys
import time
import urllib.error
import urllib.request

import yaml

CLUSTER = {"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


def connect(path):
    with open(path) as f:
        config = yaml.safe_load(f)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cafile=cluster["certificate-authority"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    return cluster["server"], user["token"], opener


def path_of(o):
    version, kind = o["apiVersion"], o["kind"]
    base = "/api/" + version if "/" not in version else "/apis/" + version
    plural = kind.lower() + ("es" if kind.endswith("s") else "s")
    if kind not in CLUSTER:
        base += "/namespaces/" + o["metadata"].get("namespace", "default")
    return f"{base}/{plural}/{o['metadata']['name']}"


def apply(api, o, dry):
    server, token, opener = api
    url = server + path_of(o) + "?fieldManager=kelos&force=true" + ("&dryRun=All" if dry else "")
    request = urllib.request.Request(url, json.dumps(o).encode(), method="PATCH", headers={
        "Authorization": "Bearer " + token, "Content-Type": "application/apply-patch+yaml"})
    with opener.open(request, timeout=30) as answer:
        return answer.status


def main(args):
    api, dry, bad = connect(args.pop(0)), set(), 0
    while args and args[0] == "--dry-run":
        dry.add(args[1])
        args = args[2:]
    for name in args:
        with open(name) as f:
            documents = [d for d in yaml.safe_load_all(f) if d]
        for o in documents:
            what = f"{o['kind']} {o['metadata']['name']}"
            try:
                print(what, apply(api, o, o["kind"] in dry))
            except urllib.error.HTTPError as e:
                print(what, "refused:", e.read().decode()[:2000], file=sys.stderr)
                bad = 1
            if o["kind"] == "Namespace":
                time.sleep(0.1)
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
