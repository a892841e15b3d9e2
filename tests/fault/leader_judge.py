#!/usr/bin/env python3
"""leader_judge.py - what tests/fault/leader did (--events) beside what the API server received
(--log, its audit log): the terms of the leaders, take-overs, Jobs. Status 1 with what was wrong.

A line of the events is MS KIND NAME: at that time this happened to the leader NAME; or MS over KIND.
"""
import argparse
import statistics
import sys
from collections import Counter

sys.path.insert(0, "tests/support")
import terms  # noqa: E402

DURATION_S = 15
CRASHES = ("kill", "pause", "cut")
STILL = ("clock", "watchers")      # nothing of that changes who leads
GAP_S = 1


class Report:
    def __init__(self, args):
        self.args, self.problems = args, []
        self.slack = args.slack_ms / 1000
        self.found = terms.judge(args.log)
        self.events = []
        with open(args.events, encoding="utf8") as f:
            for line in f:
                ms, kind, name = line.split()
                self.events.append((int(ms) / 1000, kind, name))

    def bad(self, text):
        self.problems.append(text)

    def after(self, when):
        return next((t for t in self.found.terms if t.began > when), None)

    def over(self, when):
        return next((t for t, kind, _ in self.events if kind == "over" and t > when), when)

    def spans(self, name, spans):
        if spans:
            print("     %-6s %3d: the Lease taken after %.2f s median, %.2f worst; first write %.2f median, %.2f worst" % (
                name, len(spans), statistics.median(a for a, _ in spans), max(a for a, _ in spans),
                statistics.median(b for _, b in spans), max(b for _, b in spans)))

    def take_overs(self, kinds, most):
        """What ends a leader: another one follows, in time, and not too early."""
        all_of_them = []
        for kind in kinds:
            spans = []
            for when, what, name in self.events:
                if what != kind:
                    continue
                term = self.after(when)
                if term is None or term.who.startswith(name + "_"):
                    self.bad("after %s of %s nobody else leads" % (kind, name))
                    continue
                took = term.began - when
                spans.append((took, (term.acted or self.over(when)) - when))
                if took > most + self.slack:
                    self.bad("after %s of %s the Lease was taken after %.2f s" % (kind, name, took))
                if kind in CRASHES and term.began - term.before < DURATION_S:
                    self.bad("after %s of %s the Lease was taken %.2f s after a renewal" % (kind, name, term.began - term.before))
            self.spans(kind, spans)
            all_of_them += spans
        if len(kinds) > 1:
            self.spans("all", all_of_them)

    def still(self):
        for when, kind, name in self.events:
            if kind in STILL:
                term = self.after(when)
                if term is not None and term.began < self.over(when):
                    self.bad("%s of %s: %s took the Lease" % (kind, name, term.who))

    def back(self):
        """The API server was away: from its return to the next write. Where the next blow came before that
        write, what follows is judged by the bounds of that blow."""
        spans = []
        for when, kind, name in self.events:
            if kind == "over" and name in ("hang", "outage"):
                times = [t for t in self.writes if t > when]
                blow = min((t for t, k, _ in self.events if t > when and k != "over"), default=float("inf"))
                if times and blow < min(times) and blow - when < DURATION_S:
                    continue
                spans.append(min(times) - when if times else float("inf"))
                if spans[-1] > DURATION_S + 2 + self.slack:
                    self.bad("after %s nothing was written for %.2f s" % (name, spans[-1]))
        if spans:
            print("     API server away %d times: a controller acts %.2f s median, %.2f worst after it is back" % (
                len(spans), statistics.median(spans), max(spans)))

    def read(self):
        """Tasks and Jobs by name, as they were made; the controllers' writes."""
        self.tasks, self.jobs, self.writes = {}, Counter(), []
        made, self.known = {}, set()   # known: Jobs that were there for somebody who named them
        for r in terms.lines(self.args.log):
            ref = r.get("objectRef", {})
            if r["verb"] in ("create", "patch", "delete", "update") and "kelos-controller" in r["user"].get("username", "") and \
                    ref.get("resource") != "leases":
                self.writes.append(terms.seconds(r["requestReceivedTimestamp"]))
            if ref.get("resource") == "jobs" and ref.get("name") and r.get("responseStatus", {}).get("code", 500) in (200, 201):
                self.known.add(ref["name"])
            if r["verb"] != "create" or r["stage"] != "ResponseComplete" or r.get("responseStatus", {}).get("code") != 201:
                continue
            when = terms.seconds(r["requestReceivedTimestamp"])
            if ref.get("resource") == "tasks":
                self.tasks[ref["name"]] = when
            elif ref.get("resource") == "jobs":
                self.jobs[ref["name"]] += 1
                made[ref["name"]] = when
        self.waits = {n: made[n] - t for n, t in self.tasks.items() if n in made}

    def gaps(self):
        begins = [(when, self.over(when)) for when, kind, _ in self.events if kind == "watchers"]
        killed = [w for n, w in self.waits.items() if n.startswith("w-")]
        beside = [w for n, w in self.waits.items() if n.startswith("f-") and any(a <= self.tasks[n] <= b for a, b in begins)]
        if len(killed) != self.args.kills:
            self.bad("%d Tasks of %d kills are in the log" % (len(killed), self.args.kills))
        for name, waits in (("made right after a kill", killed), ("made meanwhile", beside)):
            if waits:
                print("     %d Tasks %s: Job after %.0f ms median, %.0f worst" % (
                    len(waits), name, 1000 * statistics.median(waits), 1000 * max(waits)))
        if max(killed + beside, default=0) > GAP_S + self.slack:
            self.bad("a gap of %.2f s while watchers were killed" % max(killed + beside))

    def run(self):
        self.read()
        print("     seed %d: %d terms, %d writes of controllers, %d of them stale; %s" % (
            self.args.seed, len(self.found.terms), self.found.writes, self.found.stale, ", ".join(
                "%d %s" % (n, k) for k, n in sorted(Counter(k for _, k, _ in self.events if k != "over").items()))))
        self.problems += self.found.wrong[:20]
        self.take_overs(CRASHES, DURATION_S + 2)
        self.take_overs(("stop",), 2)
        self.still()
        self.back()
        self.gaps()
        twice = [n for n, k in self.jobs.items() if k > 1]
        unseen = [n for n in self.tasks if n not in self.jobs]
        print("     %d Tasks, %d Jobs made, %d more whose create the killed server did not log; %d made twice" % (
            len(self.tasks), len(self.jobs), len(unseen), len(twice)))
        if set(unseen) - self.known:
            self.bad("never had a Job: %s" % sorted(set(unseen) - self.known)[:10])
        if twice:
            self.bad("made twice: %s" % twice[:10])
        for problem in self.problems[:20]:
            print("     PROBLEM " + problem, file=sys.stderr)
        return 1 if self.problems else 0


def main():
    p = argparse.ArgumentParser()
    for name in ("log", "events"):
        p.add_argument("--" + name, required=True)
    for name in ("slack-ms", "kills", "seed"):
        p.add_argument("--" + name, type=int, required=True)
    return Report(p.parse_args()).run()


sys.exit(main())
