#!/usr/bin/env python3
"""terms.py - who wrote to an API server while who led, from its audit log.

    terms.py LOG [SINCE]

LOG is kube-apiserver's audit log, or the log of fault_proxy.py. Requests of a controller with
--leader-elect carry its identity at the end of the User-Agent. A term begins with the first
successful write of the Lease by another identity than the one before. Prints

    terms N writes N stale N        and each stale write

where a write is stale when it was received from another identity than the leader's after the
leader's first write (of anything but the Lease). Exit status 1 when there is one. SINCE (seconds
since 1970) leaves out what is older.
"""
import datetime
import json
import re
import sys

LEASE = "kelos-controller-leader-election"
AGENT = re.compile(r"^kelos-\S+ \(\S+\) \S+ (\S+_[0-9a-f]{32})$")


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def of_proxy(r):
    """(time, agent, is a lease, succeeded, what) of a line of fault_proxy.py"""
    if r["method"] in ("GET", "HEAD"):
        return None
    lease = LEASE in r["path"] or (r["path"].split("?")[0].endswith("/leases") and LEASE in r["body"])
    return r["end"] if lease else r["t"], r["agent"], lease, 200 <= r["status"] < 300, r["method"] + " " + r["path"]


def of_audit(r):
    """The same of a line of the audit log: a write counts from when it was received."""
    if r["verb"] in ("get", "list", "watch"):
        return None
    lease = r.get("objectRef", {}).get("resource") == "leases"
    done = r["stage"] == "ResponseComplete"
    if lease != done or r["stage"] not in ("RequestReceived", "ResponseComplete"):
        return None
    when = r["stageTimestamp"] if lease else r["requestReceivedTimestamp"]
    return (seconds(when), r.get("userAgent", ""), lease,
            done and 200 <= r["responseStatus"]["code"] < 300, r["verb"] + " " + r["requestURI"])


def main():
    since = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    events = []
    for line in open(sys.argv[1], encoding="utf8"):
        r = json.loads(line)
        e = of_proxy(r) if "method" in r else of_audit(r)
        who = AGENT.match(e[1]) if e and e[0] >= since else None
        if who:
            events.append((e[0], who[1], *e[2:]))
    events.sort(key=lambda e: e[0])
    holder, acted, terms, writes, stale = None, False, 0, 0, []
    for when, who, lease, good, what in events:
        if lease:
            if good and who != holder:
                holder, acted, terms = who, False, terms + 1
            continue
        writes += 1
        if who == holder:
            acted = True
        elif acted or holder is None:
            stale.append(f"{when:.3f} {who}: {what} while {holder} leads")
    print(f"terms {terms} writes {writes} stale {len(stale)}", *stale[:20], sep="\n")
    return 1 if stale else 0


sys.exit(main())
