#!/usr/bin/env python3
"""rights.py MANIFESTS AUDIT-LOG [ROWS...]: what the controller asked, against what it may.

Prints every kind of API call of the run with its count. Fails when the server forbade one, and
when a role grants a right that no call used. --unused-ok VERB RESOURCE excuses one (each with
its reason in the caller)."""
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
    """((verb, group, resource), code) of every answered call."""
    with open(path) as f:
        for line in f:
            try:
                e = json.loads(line)
            except ValueError:
                continue
            if e["user"]["username"] != USER or e["stage"] == "RequestReceived":
                continue
            ref = e.get("objectRef")
            if not ref:
                continue
            resource = ref["resource"] + ("/" + ref["subresource"] if ref.get("subresource") else "")
            yield (e["verb"], ref.get("apiGroup", ""), resource), e.get("responseStatus", {}).get("code", 0), e


def main(manifests, log, *rest):
    excused = set(zip(rest[1::3], rest[2::3]))
    granted, used, bad = rights(manifests), {}, 0
    for call, code, event in calls(log):
        used[call] = used.get(call, 0) + 1
        if code == 403 and "RBAC" in json.dumps(event.get("annotations", {})) + event.get("responseStatus", {}).get("message", ""):
            print("FORBIDDEN", *call, event["requestURI"])
            bad = 1
        elif code == 403 and call not in granted:
            print("FORBIDDEN", *call, event["requestURI"])
            bad = 1
    for call in sorted(used):
        print(f"{used[call]:6d}  {call[0]:7s} {call[2]:28s} {call[1]}")
    for right in sorted(granted - set(used)):
        if (right[0], right[2]) in excused:
            continue
        print("UNUSED   ", *right)
        bad = 1
    if not used:
        print("no call of", USER)
        bad = 1
    return bad


sys.exit(main(*sys.argv[1:]))
