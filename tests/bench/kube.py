"""kube.py - the measurements of tests/bench/kube; times are the API server's own (audit log)."""
import argparse
import base64
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from datetime import datetime

sys.path.insert(0, "tests/support")
from kubeapi import Api  # noqa: E402

SPACES = 64
SLOW_MS = 5
KELOS = "/apis/kelos.dev/v1alpha1"


def line(what, figure, aim):
    print("%-66s %-30s aim %s" % (what, figure, aim), flush=True)


def median(values):
    return statistics.median(values) if values else 0


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, len(values) * p // 100)] if values else 0


def stamp(event):
    return datetime.fromisoformat(event["stageTimestamp"].replace("Z", "+00:00")).timestamp()


def pss(pids):
    """KiB of all these processes."""
    total = 0
    for pid in pids:
        try:
            with open("/proc/%d/smaps_rollup" % pid, encoding="utf8") as f:
                total += sum(int(x.split()[1]) for x in f if x.startswith("Pss:"))
        except OSError:
            pass
    return total


class Bench:
    def __init__(self, args):
        self.args, self.api = args, Api(args.kube)
        self.controller, self.starts, self.serial = None, 0, 0
        self.thousand = None  # PSS after the first burst
        self.audit_path = args.kube + "/audit.log"
        self.configs = args.kube  # the folder of the kubeconfigs

    # ---- the controller ----

    def start(self, shards=1):
        self.starts += 1
        run = "%s/r%d" % (self.args.dir, self.starts)
        self.log = run + ".log"
        with open(self.log, "wb") as log:
            self.controller = subprocess.Popen(
                [self.args.bin + "/kelos-supervisor", "--run-dir", run, "--kubeconfig", self.configs + "/controller.kubeconfig",
                 "--metrics-bind-address", "0", "--health-probe-bind-address", "0", "--shards", str(shards)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, POD_NAME="bench", POD_NAMESPACE="kelos-system"))
        self.wait(lambda: open(self.log, encoding="utf8").read().count("sweep complete") >= shards, 60, "the sweep")

    def stop(self):
        self.controller.terminate()
        self.controller.wait()

    def wait(self, done, seconds, what):
        until = time.time() + seconds
        while not done():
            if time.time() > until:
                raise SystemExit("tests/bench/kube: waited for %s for %d s" % (what, seconds))
            time.sleep(0.05)

    def tree(self):
        """Processes of the controller."""
        pids, new = [], [self.controller.pid]
        while new:
            pids += new
            children = []
            for pid in new:
                try:
                    with open("/proc/%d/task/%d/children" % (pid, pid), encoding="utf8") as f:
                        children += [int(p) for p in f.read().split()]
                except OSError:
                    pass
            new = children
        return pids

    def ticks(self):
        total = 0
        for pid in self.tree():
            try:
                with open("/proc/%d/stat" % pid, encoding="utf8") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
            except OSError:
                pass
        return total

    def settle(self, seconds=120):
        """Waits until the controller has had nothing to do for a second; when that second began."""
        quiet, last, until = time.time(), self.ticks(), time.time() + seconds
        while time.time() - quiet < 1 and time.time() < until:
            time.sleep(0.05)
            now = self.ticks()
            if now - last > 1:
                quiet = time.time()
            last = now
        return quiet

    # ---- objects ----

    def post(self, resource, prefix, count, spaces, body, at_once=64):
        subprocess.run([self.args.tests + "/bench/kube_post", self.configs + "/admin.kubeconfig", resource, prefix,
                        str(count), str(spaces), str(at_once)], input=json.dumps(body).encode(), check=True,
                       stdout=subprocess.DEVNULL)

    def task(self, prompt="p"):
        return {"apiVersion": "kelos.dev/v1alpha1", "kind": "Task", "metadata": {}, "spec": {
            "type": "claude-code", "image": "tester", "prompt": prompt,
            "credentials": {"type": "api-key", "secretRef": {"name": "c"}}}}

    def setup(self):
        for n in range(SPACES):
            self.api.insist("POST", "/api/v1/namespaces", {"metadata": {"name": "bench-%d" % n}})
            self.api.insist("POST", "/api/v1/namespaces/bench-%d/secrets" % n,
                            {"metadata": {"name": "c"}, "stringData": {"ANTHROPIC_API_KEY": "x"}})

    def mark(self):
        return os.path.getsize(self.audit_path)

    def events(self, since):
        with open(self.audit_path, "rb") as f:
            f.seek(since)
            for text in f:
                try:
                    event = json.loads(text)
                except ValueError:  # the file was entered, or is being written, within a line
                    continue
                if event["stage"] == "ResponseComplete":
                    yield event

    def creates(self, since, resource, prefix):
        """name -> time of each create that succeeded."""
        return {e["objectRef"].get("namespace", "") + "/" + e["objectRef"]["name"]: stamp(e) for e in self.events(since)
                if e["verb"] == "create" and e.get("objectRef", {}).get("resource") == resource and
                not e["objectRef"].get("subresource") and e["objectRef"].get("name", "").startswith(prefix) and
                e["responseStatus"]["code"] == 201}

    def jobs_made(self, since, prefix, count):
        """Waits for that many; the log is read on from where it was."""
        found, at, until = {}, since, time.time() + 600
        while len(found) < count:
            if time.time() > until:
                raise SystemExit("tests/bench/kube: %d Jobs of %d" % (len(found), count))
            time.sleep(0.2)
            upto = self.mark()
            found.update(self.creates(max(since, at - 65536), "jobs", prefix))
            at = upto
        return found

    def rate(self, times, began=None):
        """Of creates; `began`: when the work on the first of them did, else the first does not count."""
        begun = min(times.values()) if began is None else began
        return (len(times) - (began is None)) / max(1e-6, max(times.values()) - begun)

    def first_write(self, since):
        """When the controller first wrote to a Task or made a Job."""
        return min(stamp(e) for e in self.events(since) if "kelos-controller" in e["user"].get("username", "") and
                   e["verb"] in ("create", "patch") and e.get("objectRef", {}).get("resource") in ("tasks", "jobs"))

    def wipe(self):
        """No Tasks and no Jobs, in the store itself: nobody has to do anything for it."""
        for prefix in ("/registry/kelos.dev/tasks/", "/registry/jobs/", "/registry/events/"):
            body = {"key": base64.b64encode(prefix.encode()).decode(),
                    "range_end": base64.b64encode((prefix[:-1] + chr(ord("/") + 1)).encode()).decode()}
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(urllib.request.Request(
                self.api.etcd + "/v3/kv/deleterange", json.dumps(body).encode())).read()

    # ---- what is measured ----

    def slow(self):
        """From now on the server is spoken to over a relay that lets every request wait SLOW_MS; returns the relay."""
        self.configs = self.args.dir + "/slow"
        os.makedirs(self.configs, exist_ok=True)
        with open(self.args.kube + "/admin.kubeconfig", encoding="utf8") as f:
            server = re.search(r"127\.0\.0\.1:\d+", f.read()).group()
        port = self.configs + "/port"
        relay = subprocess.Popen([sys.executable, "tests/support/relay.py", port, server, "--delay", str(SLOW_MS)])
        self.wait(lambda: os.path.exists(port) and os.path.getsize(port) > 0, 10, "the relay")
        with open(port, encoding="utf8") as f:
            relayed = "127.0.0.1:" + f.read()
        for name in ("admin", "controller"):
            with open("%s/%s.kubeconfig" % (self.args.kube, name), encoding="utf8") as f:
                text = f.read().replace(server, relayed)
            with open("%s/%s.kubeconfig" % (self.configs, name), "w", encoding="utf8") as f:
                f.write(text)
        return relay

    def fast(self, relay):
        relay.terminate()
        relay.wait()
        os.remove(self.configs + "/port")
        self.configs = self.args.kube

    def burst(self, spaces, shards, marked, slow=False):
        """What a started controller makes of Tasks that are there: Jobs a second, and beside it two bare loops.
        `marked`: the Tasks come with the finalizer, as a TaskSpawner's do."""
        self.serial += 1
        n, prefix, task = self.args.burst, "b%d-" % self.serial, self.task()
        if marked:
            task["metadata"]["finalizers"] = ["kelos.dev/finalizer"]
        self.post("tasks", prefix[:-1], n, spaces, task)
        since, relay = self.mark(), self.slow() if slow else None
        self.start(shards)
        jobs = self.jobs_made(since, prefix, n)
        ours = self.rate(jobs, self.first_write(since))
        self.settle()
        if self.thousand is None:
            self.thousand = self.rested()
        self.stop()
        job = self.api.insist("GET", "/apis/batch/v1/namespaces/bench-0/jobs/%s0" % prefix)
        kept = {k: job["metadata"][k] for k in ("labels", "annotations") if k in job["metadata"]}
        for o in (job["spec"], job["spec"]["template"]["metadata"]):
            for k in ("selector", "labels"):
                o.pop(k, None)
        bare = {"apiVersion": "batch/v1", "kind": "Job", "metadata": kept, "spec": job["spec"]}
        theirs = []
        for loop, at_once in (("bare", 64), ("one", 1)):
            since, name = self.mark(), "%s%d" % (loop, self.serial)
            self.post("jobs", name, n, spaces, bare, at_once)
            theirs.append(self.rate(self.creates(since, "jobs", name + "-")))
        if relay:
            self.fast(relay)
        self.wipe()
        return ours, theirs[0], theirs[1]

    def bursts(self, spaces, shards, marked, aim):
        rounds = [self.burst(spaces, shards, marked) for _ in range(self.args.rounds)]
        line("Jobs a second, %d Tasks%s, %d namespace%s, %d shard%s" % (
            self.args.burst, " of TaskSpawners" if marked else "", spaces, "s" * (spaces > 1), shards, "s" * (shards > 1)),
             "%.0f beside %.0f bare: %.2f" % (median([r[0] for r in rounds]), median([r[1] for r in rounds]),
                                             median([r[0] / r[1] for r in rounds])), aim)
        print("  beside a loop that waits for each answer, %.0f: %.2f%s" % (
            median([r[2] for r in rounds]), median([r[0] / r[2] for r in rounds]),
            "" if marked else "; each of these Tasks is written to before, for its finalizer"))

    def slow_burst(self):
        rounds = [self.burst(1, 1, True, slow=True) for _ in range(self.args.rounds)]
        n = self.args.burst
        line("s until the last of %d Jobs of them, requests %d ms slower" % (n, SLOW_MS),
             "%.2f beside %.2f one by one: %.2f" % (median([n / r[0] for r in rounds]), median([n / r[2] for r in rounds]),
                                                   median([r[2] / r[0] for r in rounds])), "<= 0.3")

    def latency(self, in_flight):
        p50, p99, single = [], [], []
        for _ in range(self.args.rounds):
            for _ in range(20 if in_flight == 1 else 1):
                self.serial += 1
                prefix, since = "l%d-" % self.serial, self.mark()
                self.post("tasks", prefix[:-1], in_flight, 1, self.task())
                jobs = self.jobs_made(since, prefix, in_flight)
                tasks = self.creates(since, "tasks", prefix)
                waits = [1000 * (jobs[k] - tasks[k]) for k in jobs if k in tasks]
                single += waits
                p50.append(percentile(waits, 50))
                p99.append(percentile(waits, 99))
        if in_flight == 1:
            p50, p99 = [percentile(single, 50)], [percentile(single, 99)]
        line("from Task created to Job created, ms, %d in flight" % in_flight,
             "p50 %.1f, p99 %.1f" % (median(p50), median(p99)), "p50 <= 55" if in_flight == 1 else "-")

    def life(self, count=20):
        """The calls of whole lives, with a node and the Job controller."""
        base = KELOS + "/namespaces/bench-0/tasks"
        since = self.mark()
        self.start()
        self.post("tasks", "life", count, 1, self.task("true"))

        def named():
            return [t for t in self.api.insist("GET", base)["items"] if t["metadata"]["name"].startswith("life-")]
        self.wait(lambda: sum(t.get("status", {}).get("phase") == "Succeeded" for t in named()) == count, 300, "the agents")
        self.settle()
        self.post("tasks", "life", count, 1, "delete")
        self.wait(lambda: not named(), 120, "the end of the Tasks")
        self.stop()
        calls, refused = Counter(), Counter()
        for e in self.events(since):
            ref = e.get("objectRef", {})
            if "kelos-controller" not in e["user"].get("username", "") or e["verb"] in ("list", "watch"):
                continue
            what = e["verb"] + " " + ref.get("resource", "") + ("/" + ref["subresource"] if ref.get("subresource") else "")
            if "leases" in what:
                continue
            calls[what] += 1
            if e["responseStatus"]["code"] >= 300:
                refused["%s: %d" % (what, e["responseStatus"]["code"])] += 1
        emitted = sum(k for w, k in calls.items() if w.endswith("events"))
        line("calls in a Task's life, without Events", "%.1f" % ((sum(calls.values()) - emitted) / count), "<= 8")
        print("  a Task: " + ", ".join("%s %.1f" % (w, k / count) for w, k in calls.most_common()))
        if refused:
            print("  of these not done: " + ", ".join("%s, %d" % each for each in refused.most_common()))

    def memory(self, empty):
        self.start()
        have = self.serial_tasks()
        if have < self.args.many:
            self.serial += 1
            since = self.mark()
            self.post("tasks", "m%d" % self.serial, self.args.many - have, SPACES, self.task())
            self.jobs_made(since, "m%d-" % self.serial, self.args.many - have)
        self.settle(300)
        n, full = self.serial_tasks(), self.rested()
        for tasks, kib in ((0, empty), (self.args.burst, self.thousand), (n, full)):
            # D37: 3 KiB and twice the spec's bytes of each Task.
            aim = 30 * 1024 + tasks * (3 + 2 * len(json.dumps(self.task()["spec"])) / 1024)
            line("PSS of the controller's tree with %d Tasks, KiB" % tasks, "%d" % kib, "<= %d" % aim)
        print("  of each Task, with its Job: %.2f KiB" % ((full - empty) / max(n, 1)))
        self.recovery(n)
        self.stop()
        self.steady(n)
        self.scheduled(n)
        self.start()
        self.settle(300)
        self.delete_tasks()
        after = self.rested()
        self.stop()
        warm = self.warm()
        line("PSS after all %d were deleted, KiB" % n, "%d (%+.0f %%)" % (after, 100 * (after / warm - 1)), "within 10 %% of %d" % warm)
        print("  beside one that has had 20 Tasks; one that has had none, %d: %+.0f %%" % (empty, 100 * (after / empty - 1)))

    def recovery(self, n):
        """kill -9 of the shard that holds all of them; a Task that is created right then has its Job when?"""
        waits = []
        for _ in range(self.args.rounds):
            self.serial += 1
            prefix, since = "k%d-" % self.serial, self.mark()
            shard = next(p for p in self.tree() if "reconcil" in open("/proc/%d/comm" % p, encoding="utf8").read())
            killed = time.time()
            os.kill(shard, signal.SIGKILL)
            self.post("tasks", prefix[:-1], 1, 1, self.task())
            waits += [t - killed for t in self.jobs_made(since, prefix, 1).values()]
            self.settle()
        line("from kill -9 of the shard of %d Tasks to a new Task's Job, s" % n, "%.2f" % median(waits), "<= 1")

    def scheduled(self, n):
        """Beside its Tasks, as many TaskSpawners as a large installation has; their sources: tests/bench/spawners."""
        many = self.args.many // 10
        self.post("taskspawners", "cron", many, SPACES, {
            "apiVersion": "kelos.dev/v1alpha1", "kind": "TaskSpawner", "metadata": {}, "spec": {
                "when": {"cron": {"schedule": "0 0 1 1 *"}}, "taskTemplate": {
                    "type": "claude-code", "promptTemplate": "p", "credentials": self.task()["spec"]["credentials"],
                    "workspaceRef": {"name": "w"}}}})
        self.start()
        self.settle(300)
        line("PSS with %d Tasks and %d TaskSpawners, KiB" % (n, many), "%d" % self.rested(), "<= 131072 with their sources")
        self.stop()

    def rested(self):
        """PSS when connections that nobody uses are closed and memory was given back: 5 s and 1 s."""
        time.sleep(8)
        return pss(self.tree())

    def warm(self):
        """PSS of a controller that has done its work once: its code and its libraries' is in memory."""
        self.start()
        self.serial += 1
        prefix, since = "w%d-" % self.serial, self.mark()
        self.post("tasks", prefix[:-1], 20, SPACES, self.task())
        self.jobs_made(since, prefix, 20)
        self.settle()
        self.delete_tasks()
        kib = self.rested()
        self.stop()
        return kib

    def delete_tasks(self):
        for ns in range(SPACES):
            self.api.insist("DELETE", KELOS + "/namespaces/bench-%d/tasks" % ns)
        self.wait(lambda: self.serial_tasks() == 0, 900, "all Tasks to be gone")
        self.settle(300)

    def serial_tasks(self):
        answer = self.api.insist("GET", KELOS + "/tasks?limit=1")
        return len(answer["items"]) + answer["metadata"].get("remainingItemCount", 0)

    def steady(self, n):
        swept, steady = [], []
        for _ in range(self.args.rounds):
            began = time.time()
            self.start()
            swept.append(time.time() - began)
            steady.append(self.settle() - began)
            self.stop()
        line("from start to the sweep of %d Tasks, s" % n, "%.2f" % median(swept), "-")
        line("from start to steady (then a second without work), s", "%.2f" % median(steady), "<= 2")

    def run(self):
        self.setup()
        self.life()
        with open(self.args.kube + "/kube-controller-manager.pid", encoding="utf8") as f:
            os.kill(int(f.read()), signal.SIGSTOP)
        self.start()
        self.settle()
        empty = pss(self.tree())
        for in_flight in (1, 100, 1000):
            self.latency(min(in_flight, self.args.burst))
        self.stop()
        self.wipe()
        self.bursts(1, 1, True, ">= 0.5")
        self.slow_burst()
        self.bursts(1, 1, False, ">= 0.5")
        self.bursts(SPACES, 4, True, ">= 0.8")
        self.bursts(SPACES, 4, False, ">= 0.8")
        self.memory(empty)


def main():
    p = argparse.ArgumentParser()
    for name in ("kube", "bin", "tests", "dir"):
        p.add_argument("--" + name, required=True)
    for name in ("rounds", "burst", "many"):
        p.add_argument("--" + name, type=int, required=True)
    Bench(p.parse_args()).run()


main()
