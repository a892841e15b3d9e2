#!/usr/bin/env python3
"""reset.py KUBECONFIG: a cluster as tests/kube/up.sh left it, after whatever a test did to it.

Removes the objects of every test (finalizers first: nobody is there to remove them), the
namespaces and types that a test made, and waits until they are gone; the types of deploy/crds
are again as they stand there. An object that another schema let in, and this one does not, can be
changed by nobody: its type takes anything until it is gone. Status 1 when something does not go
within a minute."""
import glob
import json
import os
import sys
import time
import urllib.error
import urllib.request

import yaml
from apply import connect, path_of

STAY = {"default", "kube-system", "kube-public", "kube-node-lease", "kelos-system"}
OURS = ("kelos.dev", "axon.io")
# In this order: what makes others goes first.
KINDS = [f"apis/{g}/v1alpha1/{r}" for g in OURS for r in ("taskspawners", "tasks", "workspaces", "agentconfigs")] + [
    "apis/batch/v1/cronjobs", "apis/apps/v1/deployments", "apis/batch/v1/jobs", "api/v1/pods", "api/v1/secrets",
    "api/v1/configmaps", "api/v1/serviceaccounts", "api/v1/events", "api/v1/services",
    "apis/rbac.authorization.k8s.io/v1/roles", "apis/rbac.authorization.k8s.io/v1/rolebindings",
    "apis/coordination.k8s.io/v1/leases", "apis/networking.k8s.io/v1/networkpolicies"]
CRDS = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Cluster:
    def __init__(self, path):
        self.server, self.token, self.opener = connect(path)
        self.code, self.loose = 0, set()

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"{self.server}/{path}", json.dumps(body).encode() if body else None, method=method, headers={
            "Authorization": "Bearer " + self.token, "Accept": "application/json",
            "Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"})
        try:
            with self.opener.open(request, timeout=30) as answer:
                self.code = answer.status
                return json.load(answer)
        except urllib.error.HTTPError as e:
            self.code = e.code
            e.read()
            return {}

    def items(self, path):
        return self.ask("GET", path).get("items", [])

    def remove(self, path, meta):
        if meta.get("finalizers") and not path.startswith("api/v1/pods"):
            self.ask("PATCH", path, {"metadata": {"finalizers": None}})
            if self.code == 422:
                self.loosen(path)
        self.ask("DELETE", path + "?gracePeriodSeconds=0&propagationPolicy=Background")

    def loosen(self, path):
        group, plural = path.split("/")[1], path.split("/")[-2]
        if group in OURS and plural not in self.loose:
            crd = f"{CRDS}/{plural}.{group}"
            o = self.ask("GET", crd)
            for v in o["spec"]["versions"]:
                v["schema"] = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
            self.ask("PUT", crd, o)
            self.loose.add(plural)


def kept(path, o):
    """What the control plane itself, or the installation of the controller, has."""
    meta = o["metadata"]
    if meta["namespace"].startswith("kube-"):
        return True
    if meta["namespace"] == "kelos-system":   # the installation; of the Leases the leader's goes
        return path != "apis/coordination.k8s.io/v1/leases"
    return meta["name"] in ("default", "kube-root-ca.crt", "kubernetes")


def sweep(c):
    """Removes what is there, and says what it was."""
    found = []
    for path in KINDS:
        for o in c.items(path):
            meta = o["metadata"]
            if kept(path, o):
                continue
            base, plural = path.rsplit("/", 1)
            c.remove(f"{base}/namespaces/{meta['namespace']}/{plural}/{meta['name']}", meta)
            found.append(f"{plural} {meta['namespace']}/{meta['name']}")
    for o in c.items("api/v1/namespaces"):
        if o["metadata"]["name"] not in STAY:
            if "deletionTimestamp" not in o["metadata"]:
                c.ask("DELETE", "api/v1/namespaces/" + o["metadata"]["name"])
            found.append("namespace " + o["metadata"]["name"])
    for o in c.items("api/v1/nodes"):
        c.ask("DELETE", "api/v1/nodes/" + o["metadata"]["name"])
    for o in c.items(CRDS):
        if o["spec"]["group"] not in OURS and "deletionTimestamp" not in o["metadata"]:
            c.ask("DELETE", f"{CRDS}/{o['metadata']['name']}")
            found.append("type " + o["metadata"]["name"])
    return found


def definitions(c):
    """Each type as it stands in deploy/crds."""
    there = {o["metadata"]["name"]: o for o in c.items(CRDS)}
    for path in glob.glob(os.path.join(os.path.dirname(__file__), "../../deploy/crds/*.yaml")):
        with open(path) as f:
            for o in yaml.safe_load_all(f):
                if not o:
                    continue
                name, old = o["metadata"]["name"], there.get(o["metadata"]["name"])
                if old:      # what is equal is not written
                    o["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
                    c.ask("PUT", f"{CRDS}/{name}", o)
                else:
                    c.ask("POST", CRDS, o)


def rights(c):
    """Those that one test had and another must do without."""
    with open(os.path.join(os.path.dirname(__file__), "../../deploy/manifests/secrets.yaml")) as f:
        for o in yaml.safe_load_all(f):
            c.ask("DELETE", path_of(o)[1:])


def main(path):
    c, end = Cluster(path), time.time() + 60
    definitions(c)
    rights(c)
    while True:
        found = sweep(c)
        if not found:
            if c.loose:
                definitions(c)
            return 0
        if time.time() > end:
            print("reset.py: still there:", ", ".join(found[:20]), file=sys.stderr)
            return 1
        time.sleep(0.5)


sys.exit(main(*sys.argv[1:]))
