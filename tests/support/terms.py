#!/usr/bin/env python3
"""terms.py - who wrote to an API server while who led, from its audit log.

    terms.py LOG [SINCE]

LOG is kube-apiserver's audit log, or the log of fault_proxy.py. Requests of a controller with
--leader-elect carry its identity at the end of the User-Agent. A term begins with the first
successful write of the Lease by another identity than the one before. Prints

    terms N writes N stale N        and each stale write

and exits 1 when one is stale or a leader wrote before it had listed every kind that it watches,
as received after it got the Lease. A write is stale when it was received from another identity than the leader's after the
leader's first write (of anything but the Lease). SINCE (seconds since 1970) leaves out what is
older.
"""
import datetime
import json
import re
import sys

LEASE = "kelos-controller-leader-election"
AGENT = re.compile(r"^kelos-\S+ \(\S+\) \S+ (\S+_[0-9a-f]{32})$")


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def kind_of(target):
    """The kind of a list of all namespaces; None for anything else."""
    path, _, query = target.partition("?")
    is_list = "watch=true" not in query or "sendInitialEvents=true" in query
    collection = re.match(r"^/apis?/(?:[^/]+/)?v[^/]+/([a-z]+)$", path)
    return collection[1] if collection and is_list else None


def of_proxy(r):
    """(time, agent, is a lease, succeeded, what, reads) of a line of fault_proxy.py"""
    reads = r["method"] in ("GET", "HEAD")
    lease = LEASE in r["path"] or (r["path"].split("?")[0].endswith("/leases") and LEASE in r["body"])
    if reads and lease:
        return None
    return (r["end"] if lease else r["t"], r["agent"], lease, 200 <= r["status"] < 300,
            r["method"] + " " + r["path"], reads)


def of_audit(r):
    """The same of a line of the audit log: a write counts from when it was received."""
    reads = r["verb"] in ("get", "list", "watch")
    lease = r.get("objectRef", {}).get("resource") == "leases"
    done = r["stage"] == "ResponseComplete"
    if lease != done or r["stage"] not in ("RequestReceived", "ResponseComplete") or (reads and lease):
        return None
    return (seconds(r["requestReceivedTimestamp"]), r.get("userAgent", ""), lease,
            done and 200 <= r["responseStatus"]["code"] < 300, r["verb"] + " " + r["requestURI"], reads)


class Term:
    """One identity's time as the leader; times are those of the audit log."""

    def __init__(self, who, began, before):
        self.who, self.began = who, began
        self.before = before      # the last successful write of the Lease by the one before
        self.last = began         # and by this one
        self.acted = None         # its first write of anything else


class Judge:
    def __init__(self):
        self.terms, self.writes = [], 0
        self.wrong, self.stale, self.listed = [], 0, set()

    def lease(self, when, who, good):
        if not good:
            return
        term = self.terms[-1] if self.terms else None
        if term is None or who != term.who:
            self.terms.append(Term(who, when, term.last if term else None))
            self.listed = set()
        else:
            term.last = when

    def read(self, who, target):
        if self.terms and who == self.terms[-1].who and self.terms[-1].acted is None:
            self.listed.add(kind_of(target))

    def write(self, when, who, what, kinds):
        self.writes += 1
        term = self.terms[-1] if self.terms else None
        if term is None or who != term.who:
            if term is None or term.acted is not None:
                self.stale += 1
                self.wrong.append(f"{when:.3f} {who}: {what} while {term.who if term else None} leads")
        elif term.acted is None:
            term.acted = when
            if kinds - self.listed:
                self.wrong.append(f"{when:.3f} {who}: {what} before it listed {sorted(kinds - self.listed)}")


def lines(path):
    """The log's objects; a server that was killed while it wrote leaves a torn line."""
    with open(path, encoding="utf8", errors="replace") as log:
        for line in log:
            try:
                yield json.loads(line)
            except ValueError:
                continue


def judge(path, since=0.0):
    events = []
    for r in lines(path):
        e = of_proxy(r) if "method" in r else of_audit(r)
        who = AGENT.match(e[1]) if e and e[0] >= since else None
        if who:
            events.append((e[0], who[1], *e[2:]))
    events.sort(key=lambda e: e[0])
    kinds = {kind_of(e[4].split(" ", 1)[1]) for e in events if e[5]} - {None}
    found = Judge()
    for when, who, lease, good, what, reads in events:
        if lease:
            found.lease(when, who, good)
        elif reads:
            found.read(who, what.split(" ", 1)[1])
        else:
            found.write(when, who, what, kinds)
    return found


def main():
    found = judge(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
    print(f"terms {len(found.terms)} writes {found.writes} stale {found.stale}", *found.wrong[:20], sep="\n")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
