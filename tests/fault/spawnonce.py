"""spawnonce.py - the driver of tests/fault/spawn-once: kills, changes issues, records, judges.

The judge reads only the recorded watch and the list of what was done to the issues, both with
their times; nothing that Kelos counts itself is believed.
"""
import argparse
import calendar
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

NS = "/apis/kelos.dev/v1alpha1/namespaces/default"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
REPO = "repos/demo/repo"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
DONE = ("Succeeded", "Failed")
# name -> label, share of the items, spec, github filter
SPAWNERS = {
    "plain": ("a", 40, {"maxConcurrency": 6}, {}),
    "again": ("b", 40, {"maxConcurrency": 4}, {"triggerComment": "/go"}),
    "short": ("c", 10, {"maxConcurrency": 3}, {}),
    "budget": ("d", 10, {"maxConcurrency": 2, "maxTotalTasks": 5}, {}),
}


def seconds(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) if text else 0


class World:
    """The servers, reached again and again while they die."""

    def __init__(self, args):
        self.args = args
        self.over = threading.Event()
        self.issues = {}  # number -> {"label", "changes": [(time, matches)], "triggers": [time]}
        self.problems = []

    def call(self, method, path, body=None, kind="application/json"):
        request = urllib.request.Request(
            self.args.server + path, method=method, data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": "Bearer " + self.args.token, "Content-Type": kind})
        return json.load(OPENER.open(request, timeout=10))

    def insist(self, method, path, body=None):
        until = time.time() + 30
        while True:
            try:
                return self.call(method, path, body)
            except urllib.error.HTTPError as e:
                if e.code == 409:
                    return None
                if e.code < 500 or time.time() > until:
                    raise RuntimeError("%s %s: %s %s" % (method, path, e, e.read()[:300]))
            except (OSError, ValueError):
                if time.time() > until:
                    raise
            time.sleep(0.05)

    def forge(self, method, path, body=None):
        request = urllib.request.Request(self.args.forge + "/_control/" + path, method=method,
                                         data=json.dumps(body).encode() if body is not None else None)
        return json.load(OPENER.open(request, timeout=10))


# ---- the record ---------------------------------------------------------------------------


def record(world, path, file):
    """Writes every event of that kind from version 0 on, whatever happens to the server."""
    version = "0"
    with open(file, "w", encoding="utf8") as out:
        while not world.over.is_set():
            try:
                request = urllib.request.Request(
                    world.args.server + path + "?watch=1&timeoutSeconds=3600&resourceVersion=" + version,
                    headers={"Authorization": "Bearer " + world.args.token})
                for line in OPENER.open(request, timeout=3600):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        world.problems.append("the record has a hole: %s" % line[:300])
                        return
                    version = event["object"]["metadata"]["resourceVersion"]
                    event["seen"] = time.time()
                    out.write(json.dumps(event) + "\n")
                    out.flush()
                    if world.over.is_set():
                        return
            except (OSError, ValueError, urllib.error.HTTPError) as e:
                if isinstance(e, urllib.error.HTTPError) and e.code == 410:
                    world.problems.append("the record has a hole: 410")
                    return
            except Exception as e:  # http.client's own: the answer was cut
                if type(e).__module__ != "http.client":
                    raise
            time.sleep(0.02)


def events(file):
    with open(file, encoding="utf8") as f:
        for line in f:
            if not line.endswith("\n"):
                return
            yield json.loads(line)


# ---- the fire -----------------------------------------------------------------------------


def supervisor(world):
    with open(world.args.pid_file, encoding="utf8") as f:
        return int(f.read())


def victims(pid):
    """Every process that the supervisor started: its children that are no container's monitor."""
    out = []
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="utf8") as f:
            children = f.read().split()
    except OSError:
        return out
    for child in children:
        try:
            with open("/proc/%s/cmdline" % child, "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if words[0] and b"monitor" not in words[0]:  # one without words is dead already
            out.append((int(child), words[0].decode()))
    return sorted(out)


def start_supervisor(world):
    log = open(world.args.log, "ab")
    process = subprocess.Popen(world.args.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    with open(world.args.pid_file, "w", encoding="utf8") as f:
        f.write("%d\n" % process.pid)
    return process


def fire(world, rng):
    """Kills until enough were killed; a supervisor that died is started again."""
    counts, process = {}, None
    killed = 0
    while killed < world.args.kills:
        time.sleep(rng.uniform(0.02, 0.35))
        pid = supervisor(world)
        if rng.random() < 0.03:
            os.kill(pid, signal.SIGKILL)
            if process is not None:
                process.wait()
            else:
                time.sleep(0.3)
            counts["supervisor"] = counts.get("supervisor", 0) + 1
            killed += 1
            process = start_supervisor(world)
            time.sleep(0.5)
            continue
        found = victims(pid)
        if not found:
            continue
        child, name = rng.choice(found)
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue
        name = os.path.basename(name)
        counts[name] = counts.get(name, 0) + 1
        killed += 1
        world.killed = killed
    print("     killed: " + ", ".join("%s %d" % kv for kv in sorted(counts.items())))
    return process


# ---- the script ---------------------------------------------------------------------------


def set_labels(world, number, matches, extra):
    issue = world.issues[number]
    issue["changes"].append((time.time(), matches))
    world.forge("PATCH", "%s/issues/%d" % (REPO, number),
                {"labels": ([issue["label"]] if matches else []) + extra})
    issue["changes"].append((time.time(), matches))


def comment(world, number, body):
    made = world.forge("POST", "%s/issues/%d/comments" % (REPO, number), {"user": "bot", "body": body})
    if body == "/go":
        world.issues[number]["triggers"].append(seconds(made["created_at"]))


def add_issue(world, number, label):
    world.issues[number] = {"label": label, "changes": [(time.time(), True)], "triggers": []}
    world.forge("POST", "%s/issues" % REPO, {"number": number, "title": "Item %d" % number, "labels": [label]})
    if label == "b":
        comment(world, number, "/go")


def act(world, rng):
    number = rng.choice(list(world.issues))
    issue = world.issues[number]
    matches = issue["changes"][-1][1]
    kind = rng.random()
    if kind < 0.35:
        comment(world, number, rng.choice(["looks good", "/nogo", "please /go on"]))
    elif kind < 0.55 and issue["label"] == "b":
        comment(world, number, "/go")
    elif kind < 0.75:
        set_labels(world, number, matches, rng.sample(["p0", "p1", "later"], 2))
    else:
        set_labels(world, number, not matches, [])


def script(world, rng):
    """Issues come over the whole time of the fire, and change all the while."""
    labels = []
    for label, share, _, _ in SPAWNERS.values():
        labels += [label] * max(1, world.args.items * share // 100)
    rng.shuffle(labels)
    labels = labels[:world.args.items]
    while not world.calm.is_set():
        want = len(labels) * (world.killed + 1) / world.args.kills + 8
        while len(world.issues) < min(want, len(labels)):
            add_issue(world, len(world.issues) + 1, labels[len(world.issues)])
        act(world, rng)
        time.sleep(rng.uniform(0.02, 0.12))
    while len(world.issues) < len(labels):
        add_issue(world, len(world.issues) + 1, labels[len(world.issues)])
    # At rest, all match but those of the short-lived: they would come back for ever.
    for number, issue in world.issues.items():
        set_labels(world, number, issue["label"] != "c", [])


# ---- the judgement ------------------------------------------------------------------------


class Judge:
    def __init__(self, world):
        self.world = world
        self.tasks = {}  # uid -> {"item", "spawner", "revision", "ordinal", "added", "ended", "gone"}
        self.active = {}
        self.highest = dict.fromkeys(SPAWNERS, 0)

    def bad(self, text):
        self.world.problems.append(text)

    def read(self):
        for event in events(self.world.args.events):
            task = event["object"]
            spawner = task["metadata"].get("labels", {}).get("kelos.dev/taskspawner")
            if spawner in SPAWNERS:
                self.see(event, spawner, task)

    def see(self, event, spawner, task):
        meta, status = task["metadata"], task.get("status", {})
        uid, notes = meta["uid"], meta.get("annotations", {})
        if event["type"] == "ADDED" and uid not in self.tasks:
            self.tasks[uid] = {"name": meta["name"], "spawner": spawner, "item": int(meta["name"].rsplit("-", 1)[1]),
                               "revision": notes.get("kelos.dev/revision"), "ordinal": int(notes["kelos.dev/ordinal"]),
                               "added": event["seen"], "ended": 0, "gone": 0}
        mine = self.tasks[uid]
        mine["ended"] = seconds(status.get("completionTime"))
        mine["phase"] = status.get("phase", "")
        if event["type"] == "DELETED":
            mine["gone"] = event["seen"]
        running = self.active.setdefault(spawner, set())
        if event["type"] == "DELETED" or mine["phase"] in DONE:
            running.discard(uid)
        else:
            running.add(uid)
        self.highest[spawner] = max(self.highest[spawner], len(running))
        if len(running) > SPAWNERS[spawner][2]["maxConcurrency"]:
            self.bad("%s: %d Tasks at once: %s" % (spawner, len(running), sorted(self.tasks[u]["name"] for u in running)))

    def jobs(self):
        """Each Task that has begun has had one Job, and none a second one."""
        made = {}                      # uid of a Task -> uids of its Jobs
        for event in events(self.world.args.events + ".jobs"):
            meta = event["object"]["metadata"]
            for owner in meta.get("ownerReferences", []):
                made.setdefault(owner["uid"], set()).add(meta["uid"])
        for uid, t in self.tasks.items():
            n = len(made.get(uid, ()))
            if n > 1 or (n == 0 and t["phase"] in DONE):
                self.bad("%d Jobs of %s" % (n, t))
        print("     Jobs ever made: %d, for %d Tasks" % (sum(len(j) for j in made.values()), len(self.tasks)))

    def of(self, number):
        return sorted((t for t in self.tasks.values() if t["item"] == number), key=lambda t: t["ordinal"])

    def unique(self):
        seen = {}
        for t in self.tasks.values():
            for key in (("revision", t["spawner"], t["revision"]), ("ordinal", t["spawner"], t["ordinal"])):
                if key in seen:
                    self.bad("two Tasks have %s: %s and %s" % (key, seen[key], t))
                seen[key] = t

    def plain(self, number):
        tasks = self.of(number)
        if len(tasks) != 1:
            self.bad("item %d has %d Tasks: %s" % (number, len(tasks), tasks))

    def again(self, number):
        triggers, tasks = self.world.issues[number]["triggers"], self.of(number)
        if not tasks:
            self.bad("item %d has no Task" % number)
            return
        for i, t in enumerate(tasks):
            when = seconds(t["revision"].split("@", 1)[1])
            if when not in triggers:
                self.bad("item %d: revision %s is of no comment" % (number, t["revision"]))
            if i > 0 and when <= tasks[i - 1]["ended"]:
                self.bad("item %d was worked again without a newer comment: %s" % (number, tasks))
        if max(triggers) > tasks[-1]["ended"]:
            self.bad("item %d: the comment at %d asks in vain: %s" % (number, max(triggers), tasks[-1]))

    def short(self, number):
        changes, tasks = self.world.issues[number]["changes"], self.of(number)
        for before, t in zip(tasks, tasks[1:]):
            matched = [c for i, c in enumerate(changes)
                       if c[1] and c[0] <= t["added"] and (i + 1 == len(changes) or changes[i + 1][0] >= before["gone"])]
            if not before["gone"] or not matched:
                self.bad("item %d was worked again though it did not match: %s" % (number, tasks))

    def judge(self):
        self.read()
        self.unique()
        self.jobs()
        for number, issue in self.world.issues.items():
            if issue["label"] in "abc":
                {"a": self.plain, "b": self.again, "c": self.short}[issue["label"]](number)
        of_budget = [t for t in self.tasks.values() if t["spawner"] == "budget"]
        want = min(5, sum(i["label"] == "d" for i in self.world.issues.values()))
        if len(of_budget) != want:
            self.bad("budget made %d Tasks, not %d" % (len(of_budget), want))
        for t in self.tasks.values():
            if not t["gone"] and t["phase"] not in DONE:
                self.bad("not ended: %s" % t)
        made = {s: sum(t["spawner"] == s for t in self.tasks.values()) for s in SPAWNERS}
        print("     Tasks made: %s; most at once: %s" % (made, self.highest))


def settled(world):
    judge = Judge(world)
    world.problems, kept = [], world.problems
    judge.read()
    judge.unique()
    waiting = [t for t in judge.tasks.values() if not t["gone"] and t["phase"] not in DONE]
    missing = [n for n, i in world.issues.items() if i["label"] in "ab" and not judge.of(n)]
    for n, i in world.issues.items():
        if i["label"] == "b" and judge.of(n) and max(i["triggers"]) > judge.of(n)[-1]["ended"]:
            missing.append(n)
    world.problems = kept
    return not waiting and not missing


# ---- the run ------------------------------------------------------------------------------


def create_spawners(world):
    world.insist("POST", NS + "/workspaces", {
        "apiVersion": "kelos.dev/v1alpha1", "kind": "Workspace", "metadata": {"name": "w"},
        "spec": {"repo": world.args.git, "secretRef": {"name": "c"}}})
    for name, (label, _, limits, more) in SPAWNERS.items():
        template = {"type": "claude-code", "image": "tester", "promptTemplate": "true",
                    "credentials": {"type": "api-key", "secretRef": {"name": "c"}}, "workspaceRef": {"name": "w"}}
        if name == "short":
            template["ttlSecondsAfterFinished"] = 1
        world.insist("POST", NS + "/taskspawners", {
            "apiVersion": "kelos.dev/v1alpha1", "kind": "TaskSpawner", "metadata": {"name": name},
            "spec": dict(limits, when={"githubIssues": dict(more, labels=[label], repo=world.args.forge + "/demo/repo")}, pollInterval="1s",
                         taskTemplate=template)})


def read_arguments():
    p = argparse.ArgumentParser()
    for name in ("server", "token", "forge", "git", "pid-file", "events", "log"):
        p.add_argument("--" + name, required=True)
    for name in ("kills", "items", "seed"):
        p.add_argument("--" + name, type=int, required=True)
    p.add_argument("--rated", help="is made when 500 kills and 500 Tasks took no more than 3 minutes")
    p.add_argument("command", nargs="+")
    return p.parse_args()


def main():
    world = World(read_arguments())
    world.killed, world.calm = 0, threading.Event()
    rng = random.Random(world.args.seed)
    began = time.time()
    recorders = [threading.Thread(target=record, args=(world, path, file), daemon=True) for path, file in (
        (NS + "/tasks", world.args.events), (JOBS, world.args.events + ".jobs"))]
    for recorder in recorders:
        recorder.start()
    create_spawners(world)
    actor = threading.Thread(target=script, args=(world, random.Random(rng.random())), daemon=True)
    actor.start()
    process = fire(world, rng)
    world.calm.set()
    actor.join()
    until = time.time() + 60 + world.args.items / 2
    while time.time() < until and not settled(world) and all(r.is_alive() for r in recorders):
        time.sleep(1)
    time.sleep(3)  # two polls more, which find nothing to do
    world.over.set()
    judge = Judge(world)
    judge.judge()
    lasted = time.time() - began
    print("     %d kills, %d Tasks, %.0f s" % (world.args.kills, len(judge.tasks), lasted))
    if world.args.rated and min(world.args.kills, len(judge.tasks)) >= 500 and lasted <= 180 and not world.problems:
        open(world.args.rated, "w", encoding="utf8").close()
    for text in world.problems[:20]:
        print("     " + text)
    if process is not None:
        process.poll()
    return 1 if world.problems else 0


if __name__ == "__main__":
    sys.exit(main())
