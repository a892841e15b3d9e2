#!/usr/bin/env python3
"""leader.py - the parts of tests/fault/leader that are not shell.

    leader.py plan --seed N --rounds N      one round per line: WAIT KIND SECONDS CLOCK
    leader.py feed --kube DIR               makes Tasks until it is ended, and deletes old ones
    leader.py kills --kube DIR --supervisor PID --kills N --seed N
                                            kills its watcher; after each time a Task, and its Job
    leader.py rest --kube DIR               waits until each Task has its Job
"""
import argparse
import itertools
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, "tests/support")
from kubeapi import Api  # noqa: E402

NS = "/apis/kelos.dev/v1alpha1/namespaces/default/tasks"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
KINDS = ["kill", "pause", "cut", "stop", "clock", "hang", "kill", "outage", "pause", "cut"]
CLOCKS = [1, 59, 3600, 86400, 10 * 86400, 20 * 86400]   # the certificates are valid for 30 days
FEED_S = 0.4
KEPT = 150              # Tasks: more than are made while nobody leads
PATIENCE_S = 60


def plan(args):
    """Each kind in turn, in an order of its own in each turn of the table."""
    chance, kinds = random.Random(args.seed), []
    for _ in range(args.rounds):
        if not kinds:
            kinds = chance.sample(KINDS, len(KINDS))
        kind = kinds.pop()
        seconds = {"pause": (16, 26), "cut": (16, 26), "hang": (1, 24), "outage": (1, 16)}.get(kind, (0, 0))
        print("%.2f %s %d %d" % (chance.uniform(0, 4), kind, chance.randint(*seconds), chance.choice(CLOCKS)))


def make(api, name):
    api.insist("POST", NS, {
        "apiVersion": "kelos.dev/v1alpha1", "kind": "Task", "metadata": {"name": name},
        "spec": {"type": "claude-code", "image": "tester", "prompt": "true",
                 "credentials": {"type": "api-key", "secretRef": {"name": "c"}}}})


def feed(args):
    api = Api(args.kube)
    for n in itertools.count():
        make(api, "f-%d" % n)
        if n >= KEPT:
            api.insist("DELETE", "%s/f-%d" % (NS, n - KEPT))
        time.sleep(FEED_S)


def watcher_of(supervisor, other_than):
    until = time.time() + PATIENCE_S
    while time.time() < until:
        found = subprocess.run(["pgrep", "-P", str(supervisor), "-f", "--", "--worker[= ]watcher"],
                               stdout=subprocess.PIPE, text=True, check=False).stdout.split()
        fresh = [int(p) for p in found if int(p) != other_than]
        if fresh:
            return fresh[0]
        time.sleep(0.02)
    raise SystemExit("the supervisor does not start its watcher again")


def kills(args):
    api, chance, pid = Api(args.kube), random.Random(args.seed), 0
    for n in range(args.kills):
        pid = watcher_of(args.supervisor, pid)
        os.kill(pid, signal.SIGKILL)
        make(api, "w-%d" % n)
        until = time.time() + PATIENCE_S
        while api.insist("GET", "%s/w-%d" % (JOBS, n)) is None:
            if time.time() > until:
                raise SystemExit("after kill %d a Task gets no Job" % (n + 1))
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 0.5))


def rest(args):
    api, until = Api(args.kube), time.time() + PATIENCE_S
    while True:
        jobs = {j["metadata"]["name"] for j in api.insist("GET", JOBS)["items"]}
        without = [t["metadata"]["name"] for t in api.insist("GET", NS)["items"] if t["metadata"]["name"] not in jobs]
        if not without:
            return
        if time.time() > until:
            raise SystemExit("without a Job: %s" % without[:20])
        time.sleep(0.5)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["plan", "feed", "kills", "rest"])
    p.add_argument("--kube")
    for name in ("seed", "rounds", "supervisor", "kills"):
        p.add_argument("--" + name, type=int)
    args = p.parse_args()
    {"plan": plan, "feed": feed, "kills": kills, "rest": rest}[args.what](args)


main()
