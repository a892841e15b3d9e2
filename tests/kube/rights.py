#!/usr/bin/env python3
"""rights.py AUDIT-LOG [--unused-ok VERB]... MANIFEST...: what the controller asked, against what it may.

Prints every kind of API call of the run with its count. Fails when the server forbade one, and
when a role of a manifest grants a right that no call used. --unused-ok excuses those of a verb (with
the reason in the caller)."""
import json
import sys

import yaml

USER = "system:serviceaccount:kelos-system:kelos-controller"


def rights(path):
    """(verb, group, resource) of every role that the controller has."""
    granted = set()
    with open(path) as f:
        for o in yaml.safe_load_all(f):
            if not o or o["kind"] not in ("ClusterRole", "Role") or "spawner" in o["metadata"]["name"]:
                continue
            for rule in o["rules"]:
                granted |= {(v, g, r) for v in rule["verbs"] for g in rule["apiGroups"] for r in rule["resources"]}
    return granted


def calls(path):
    """((verb, group, resource), event) of every answered call; not of controller.sh, whose curl asks whether it may."""
    with open(path) as f:
        for line in f:
            try:
                e = json.loads(line)
            except ValueError:
                continue
            if e["user"].get("username") != USER or e["stage"] == "RequestReceived" or e.get("userAgent", "").startswith("curl/"):
                continue
            ref = e.get("objectRef")
            if not ref:
                continue
            resource = ref["resource"] + ("/" + ref["subresource"] if ref.get("subresource") else "")
            yield (e["verb"], ref.get("apiGroup", ""), resource), e


def main(log, *args):
    args, excused = list(args), set()
    while args[0] == "--unused-ok":
        excused.add(args[1])
        args = args[2:]
    granted, used, bad = set().union(*map(rights, args)), {}, 0
    for call, event in calls(log):
        used[call] = used.get(call, 0) + 1
        # A namespace that ends, a quota: 403, too, but of an admission plugin.
        if event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid":
            print("FORBIDDEN", *call, event["requestURI"])
            bad = 1
    for call in sorted(used):
        print(f"{used[call]:6d}  {call[0]:7s} {call[2]:28s} {call[1]}")
    for right in sorted(granted - set(used)):
        excuse = right[0] in excused
        print("not used " if excuse else "UNUSED   ", *right)
        bad = bad or not excuse
    if not used:
        print("no call of", USER)
        bad = 1
    return bad


sys.exit(main(*sys.argv[1:]))
