#!/usr/bin/env python3
"""storm.py - the driver of tests/fault/storm: makes Tasks, disturbs, looks, judges.

    storm.py prepare --kube DIR --storm DIR     certificates and the first token
    storm.py run ...                            the storm; status 1 with what was wrong

What is disturbed is tied to how many Tasks have ended, so that it is spread over the whole run.
"""
import argparse
import json
import os
import random
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, defaultdict

from storm_judge import Audit
from storm_keys import Keys

sys.path.insert(0, "tests/support")
from kubeapi import Api  # noqa: E402

NS = "/apis/kelos.dev/v1alpha1/namespaces/default"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
PODS = "/api/v1/namespaces/default/pods"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
UNRELATED = ("taskspawners", "agentconfigs", "workspaces")
GROUP = 20              # Tasks that belong together
AT_ONCE = 24            # Tasks that have not ended
PATIENCE_S = 240        # for the last Tasks of a batch

OUTPUT = r"""printf -- '---KELOS_OUTPUTS_START---\nn: %s\n---KELOS_OUTPUTS_END---\n'"""


def kinds(group, i):
    """(kind, prompt, more of the spec) of Task i of a group; the prompt is what its agent runs."""
    name = "%s-%d" % (group, i)
    if i in (10, 11):
        return "bad", "echo I fail; exit 3", {}
    if i in (12, 13):
        return "ok", OUTPUT % name, {"dependsOn": ["%s-%d" % (group, i - 12)]}
    if i == 14:
        return "never", "echo must not run", {"dependsOn": ["%s-10" % group]}
    if i == 15:
        return "ttl", OUTPUT % name, {"ttlSecondsAfterFinished": 1}
    if i == 16:
        return "deleted", "sleep 300", {}
    return "ok", ("sleep 1; " if i > 16 else "") + OUTPUT % name, {}


class Storm:
    def __init__(self, args):
        self.args, self.random = args, random.Random(args.seed)
        self.api = Api(args.kube)
        self.keys = Keys(args.kube, args.storm, self.api)
        self.port = int(open(args.storm + "/port", encoding="utf8").read())
        self.problems, self.over = [], threading.Event()
        self.tasks = {}                      # name -> what is known of it
        self.jobs = defaultdict(set)         # uid of a Task -> uids of its Jobs, as seen in lists
        self.pods = defaultdict(set)
        self.ended, self.restarts = 0, 0
        self.down = threading.Lock()         # held while the server is down on purpose

    def bad(self, text):
        self.problems.append(text)
        print("     " + text, file=sys.stderr, flush=True)

    def say(self, text):
        print("     %4d s, %3d ended: %s" % (time.time() - self.began, self.ended, text), flush=True)

    def proxy(self, **rules):
        """Sets rules of the proxy; its counts so far."""
        context = ssl.create_default_context()  # whatever it shows at the moment
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        request = urllib.request.Request("https://127.0.0.1:%d/__storm" % self.port, method="PUT",
                                         data=json.dumps(rules).encode())
        return json.load(opener.open(request, timeout=10))

    # ---- the Tasks ----

    def make(self, group, i):
        name = "%s-%d" % (group, i)
        kind, prompt, more = kinds(group, i)
        spec = {"type": "claude-code", "image": "tester", "prompt": prompt,
                "credentials": {"type": "api-key", "secretRef": {"name": "c"}}, **more}
        self.tasks[name] = {"kind": kind, "phase": "", "end": False, "uid": None}
        made = self.api.insist("POST", NS + "/tasks", {
            "apiVersion": "kelos.dev/v1alpha1", "kind": "Task", "metadata": {"name": name}, "spec": spec})
        # Where the answer was lost, it is seen by looking; one with a TTL may come and go meanwhile.
        if made is not None:
            self.tasks[name]["uid"] = made["metadata"]["uid"]

    def look(self):
        """One reading of everything; what ended is counted."""
        listed = self.api.insist("GET", NS + "/tasks")
        present = {t["metadata"]["name"]: t for t in (listed or {}).get("items", [])}
        for job in (self.api.insist("GET", JOBS) or {}).get("items", []):
            for owner in job["metadata"].get("ownerReferences", []):
                self.jobs[owner["uid"]].add(job["metadata"]["uid"])
        for pod in (self.api.insist("GET", PODS) or {}).get("items", []):
            for owner in pod["metadata"].get("ownerReferences", []):
                self.pods[owner["uid"]].add(pod["metadata"]["uid"])
        for name, mine in list(self.tasks.items()):
            if not mine["end"]:
                self.see(name, mine, present.get(name))
        self.ended = sum(t["end"] for t in self.tasks.values())

    def see(self, name, mine, task):
        if task is None:
            if mine["uid"] is not None:
                mine["end"] = True
                if mine["kind"] not in ("ttl", "deleted"):
                    self.bad("%s is gone" % name)
            return
        status = task.get("status", {})
        mine.update(uid=task["metadata"]["uid"], phase=status.get("phase", ""), last=status)
        if mine["kind"] == "deleted":
            if mine["phase"] == "Running" and "deletionTimestamp" not in task["metadata"]:
                self.api.insist("DELETE", NS + "/tasks/" + name)
            elif mine["phase"] in ("Succeeded", "Failed"):
                self.bad("%s ended as %s" % (name, mine["phase"]))
        elif mine["phase"] in ("Succeeded", "Failed") and mine["kind"] != "ttl":
            mine["end"] = True
            self.check(name, mine, status)
        elif mine["phase"] == "Failed":
            self.bad("%s failed: %s" % (name, status.get("message")))

    def check(self, name, mine, status):
        want = "Succeeded" if mine["kind"] == "ok" else "Failed"
        if mine["phase"] != want:
            self.bad("%s is %s, not %s: %s" % (name, mine["phase"], want, status.get("message")))
        elif mine["kind"] == "ok" and status.get("results") != {"n": name}:
            self.bad("%s has results %s: %s" % (name, status.get("results"), status.get("message")))
        elif mine["kind"] == "bad" and "code 3" not in status.get("message", ""):
            self.bad("%s says %s" % (name, status.get("message")))

    def running(self):
        return sum(not t["end"] and t["kind"] != "deleted" for t in self.tasks.values())

    def batch(self, groups):
        for group in groups:
            for i in range(GROUP):
                while self.running() >= AT_ONCE:
                    time.sleep(0.3)
                    self.look()
                self.make(group, i)
        until = time.time() + PATIENCE_S
        while time.time() < until and not all(t["end"] for t in self.tasks.values()):
            time.sleep(0.5)
            self.look()
        for name, t in self.tasks.items():
            if not t["end"]:
                self.bad("%s (%s) does not end: %s" % (name, t["kind"], json.dumps(t.get("last"))))
                t["end"] = True

    # ---- the weather ----

    def compact(self):
        def etcd(what, body):
            request = urllib.request.Request(self.api.etcd + "/v3/kv/" + what, data=json.dumps(body).encode())
            return json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20))
        revision = etcd("range", {"key": "AA=="})["header"]["revision"]
        try:
            etcd("compaction", {"revision": revision, "physical": True})
        except urllib.error.HTTPError as e:  # that very revision was compacted before
            e.read()

    def restart(self, n):
        """Killed, or every fifth time asked to end. Every fourth time nobody watches meanwhile:
        what is followed afterwards is older than what etcd still has."""
        dark = n % 4 == 2
        with self.down:
            if dark:
                self.proxy(dark=True)
                time.sleep(1.5)
            if n % 5 == 4:
                subprocess.run(["tests/kube/up.sh", self.args.kube, "--stop-apiserver"], check=True)
            else:
                os.kill(int(open(self.args.kube + "/kube-apiserver.pid", encoding="utf8").read()), signal.SIGKILL)
                time.sleep(self.random.uniform(0.1, 2))
            self.compact()
            subprocess.run(["tests/kube/up.sh", self.args.kube, "--start-apiserver"], check=True)
            # Its informers wait longer after each absence, up to a minute: theirs is not what is tried.
            subprocess.run(["tests/kube/up.sh", self.args.kube, "--restart-controllers"], check=True)
            if dark:
                self.proxy(dark=False)
        self.restarts += 1

    def crds(self, names):
        """Deletes these CRDs and makes them again, when they are gone."""
        kept = {n: self.api.insist("GET", "%s/%s.kelos.dev" % (CRDS, n)) for n in names}
        for n in names:
            self.api.insist("DELETE", "%s/%s.kelos.dev" % (CRDS, n))
        until = time.time() + 90
        while any(self.api.insist("GET", "%s/%s.kelos.dev" % (CRDS, n)) for n in names):
            if time.time() > until:
                return self.bad("CRD %s is not gone: %s" % (n, json.dumps(self.api.insist(
                    "GET", "%s/%s.kelos.dev" % (CRDS, n)).get("status", {}).get("conditions"))[:900]))
            time.sleep(0.3)
        time.sleep(self.random.uniform(1, 4))
        for n in names:
            crd = kept[n]
            crd["metadata"] = {"name": crd["metadata"]["name"], "annotations": {
                k: v for k, v in crd["metadata"].get("annotations", {}).items() if not k.startswith("kubectl")}}
            crd.pop("status", None)
            self.api.insist("POST", CRDS, crd)
        while any(self.api.insist("GET", NS + "/" + n) is None for n in names) and time.time() < until:
            time.sleep(0.2)  # not served yet
        return None

    def script(self):
        """What happens when, by the share of Tasks that have ended."""
        keys, n = self.keys, self.args.restarts
        plan = [((i + 0.5) / n, "restart %d of the API server" % (i + 1), lambda i=i: self.restart(i)) for i in range(n)]
        reload = lambda: self.proxy(reload=True)
        for share, name, turn in (
                (0.12, "another server certificate of the same CA", keys.reissued),
                (0.22, "another token, the old one invalid", keys.new_token),
                (0.32, "another CA, in the bundle before it is used", keys.new_authority),
                (0.55, "the token is invalid before the file has another", keys.late_token),
                (0.65, "another CA, used before it is in the bundle", keys.sudden_authority),
                (0.88, "another token, the old one invalid", keys.new_token)):
            plan.append((share, name, lambda turn=turn: turn(reload)))
        plan.append((0.75, "CRDs %s deleted and made anew" % ", ".join(UNRELATED), lambda: self.crds(UNRELATED)))
        for share, name, turn in sorted(plan, key=lambda p: p[0]):
            while self.ended < share * self.args.tasks and not self.over.is_set():
                time.sleep(0.2)
            if self.over.is_set():
                return
            self.say(name)
            try:
                turn()
            except Exception as e:
                self.bad("%s: %r" % (name, e))

    # ---- the end ----

    def calm(self):
        """At rest: nothing is left of what was deleted."""
        counts = self.proxy(rate=0, cut=0, watch_s=0)
        until = time.time() + 90
        while time.time() < until:
            self.look()
            uids = {t["metadata"]["uid"] for t in self.api.insist("GET", NS + "/tasks")["items"]}
            left = [j["metadata"]["name"] for j in self.api.insist("GET", JOBS)["items"]
                    if not uids & {o["uid"] for o in j["metadata"].get("ownerReferences", [])}]
            if not left:
                break
            time.sleep(1)
        if left:
            self.bad("Jobs without their Task: %s" % left)
        return counts

    def judge(self, counts):
        audit = Audit(self.args.kube + "/audit.log")
        for uid, jobs in audit.duplicates().items():
            self.bad("Task %s has Jobs %s" % (uid, jobs))
        for uid, jobs in self.jobs.items():
            if len(jobs) > 1:
                self.bad("lists showed Jobs %s of Task %s" % (jobs, uid))
        for text in audit.backwards():
            self.bad("phases went back: " + text)
        ran, unseen = 0, 0
        for name, t in self.tasks.items():
            made = len(audit.made.get(t["uid"], []))
            if t["kind"] == "never" and (made or audit.asked.get(t["uid"])):
                self.bad("%s has a Job" % name)
            elif t["kind"] != "never" and made == 0:
                unseen += 1
                if not self.jobs.get(t["uid"]):
                    self.bad("%s never had a Job" % name)
            ran += made == 1
        twice = sum(len(p) > 1 for p in self.pods.values())
        codes = Counter()
        for (_, code), k in audit.codes.items():
            codes[code] += k
        print("     audit log: %d Tasks with exactly one created Job, %d more whose create the killed server did not log, "
              "%d with more; %d Jobs with a second Pod (their controller's)" % (ran, unseen, len(audit.duplicates()), twice))
        print("     the server's answers to the controller: %s" % ", ".join("%d x %d" % (k, c) for c, k in sorted(codes.items())))
        hit, calls = counts.get("refused or failed", 0), counts.get("calls", 1)
        print("     injected: %d of %d calls (%.0f %%): %s" % (hit, calls, 100 * hit / calls, ", ".join(
            "%s %s" % kv for kv in sorted(counts.items()) if kv[0] not in ("rules", "calls", "refused or failed"))))
        self.happened(counts, audit, hit / calls)

    def happened(self, counts, audit, rate):
        """The storm itself took place."""
        if self.restarts != self.args.restarts:
            self.bad("%d restarts of %d" % (self.restarts, self.args.restarts))
        if abs(rate - self.args.rate) > 0.05:
            self.bad("%.2f of the calls were refused, not %.2f" % (rate, self.args.rate))
        if not counts.get("410 from the server"):
            self.bad("no watch got 410")
        until = time.time() + 20  # the server remembers for 10 s that a token was good
        for token in self.keys.old[:-1]:
            while not self.keys.refused(token) and time.time() < until:
                time.sleep(1)
            if not self.keys.refused(token):
                self.bad("an old token is still taken")
        if not any(c == 401 for _, c in audit.codes) and not counts.get("401 from the server"):
            self.bad("no token was ever refused")

    def run(self):
        self.began = time.time()
        self.keys.resume()
        self.proxy(rate=self.args.rate, cut=0.04, watch_s=25)
        weather = threading.Thread(target=self.script, daemon=True)
        weather.start()
        groups = ["t%d" % g for g in range(max(1, self.args.tasks // GROUP))]
        self.args.tasks = len(groups) * GROUP
        half = (len(groups) + 1) // 2
        self.batch(groups[:half])
        if not self.problems:
            self.say("the CRD of Tasks is deleted, with all of them, and made anew")
            with self.down:
                self.crds(["tasks"])
            self.batch(groups[half:])
        if self.problems:
            self.over.set()
        weather.join(120)
        self.over.set()
        self.say("the storm is over")
        counts = self.calm()
        self.judge(counts)
        for problem in self.problems[:20]:
            print("     PROBLEM " + problem)
        return 1 if self.problems else 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["prepare", "run"])
    for name in ("kube", "storm"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--log")
    p.add_argument("--tasks", type=int)
    p.add_argument("--restarts", type=int)
    p.add_argument("--seed", type=int)
    p.add_argument("--rate", type=float)
    args = p.parse_args()
    if args.what == "prepare":
        Keys(args.kube, args.storm, Api(args.kube)).prepare()
        return 0
    return Storm(args).run()


sys.exit(main())
