"""spawners.py - the measurements of tests/bench/spawners."""
import argparse
import json
import os
import resource
import subprocess
import threading
import time
import urllib.request

NS = "/apis/kelos.dev/v1alpha1/namespaces/default"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def line(what, figure, aim):
    print("%-66s %-22s aim %s" % (what, figure, aim), flush=True)


class World:
    def __init__(self, args):
        self.args = args

    def api(self, method, path, body=None):
        request = urllib.request.Request(
            self.args.server + path, method=method, data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": "Bearer " + self.args.token, "Content-Type": "application/json"})
        return json.load(OPENER.open(request, timeout=30))

    def ctl(self, method, path, body=None):
        request = urllib.request.Request(self.args.forge + "/_control/" + path, method=method,
                                         data=json.dumps(body).encode() if body is not None else None)
        text = OPENER.open(request, timeout=30).read()
        return json.loads(text) if text else None

    def workspace(self, name, base, secret, token):
        self.api("POST", "/api/v1/namespaces/default/secrets", {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "stringData": {"GITHUB_TOKEN": token}})
        self.api("POST", NS + "/workspaces", {
            "apiVersion": "kelos.dev/v1alpha1", "kind": "Workspace", "metadata": {"name": name},
            "spec": {"repo": base + "/demo/r0.git", "secretRef": {"name": secret}}})

    def spawner(self, name, workspace, repo, interval, limits=None, **github):
        # Its Tasks wait for one that never comes: what runs afterwards is not measured here.
        self.api("POST", NS + "/taskspawners", {
            "apiVersion": "kelos.dev/v1alpha1", "kind": "TaskSpawner", "metadata": {"name": name},
            "spec": {**(limits or {}), "when": {"githubIssues": dict(github, repo=repo)}, "pollInterval": interval,
                     "taskTemplate": {"type": "claude-code", "image": "tester", "promptTemplate": "true",
                                      "dependsOn": ["never"],
                                      "credentials": {"type": "api-key", "secretRef": {"name": "c"}},
                                      "workspaceRef": {"name": workspace}}}})

    def drop(self, prefix):
        for s in self.api("GET", NS + "/taskspawners")["items"]:
            if s["metadata"]["name"].startswith(prefix):
                self.api("DELETE", NS + "/taskspawners/" + s["metadata"]["name"])

    def wait(self, prefix, n, seconds=120):
        until = time.time() + seconds
        while time.time() < until:
            found = [s for s in self.api("GET", NS + "/taskspawners")["items"] if s["metadata"]["name"].startswith(prefix)]
            if sum(s.get("status", {}).get("phase") == "Running" for s in found) >= n:
                return
            time.sleep(0.3)
        bad = [s for s in found if s.get("status", {}).get("phase") != "Running"]
        raise SystemExit("%d of %s* do not run, such as %s" % (len(bad), prefix, json.dumps(bad[0].get("status"))[:600]))

    def children(self, word):
        """Processes of the tree whose command line holds the word."""
        out = []
        for pid in open("/proc/%d/task/%d/children" % (self.args.pid, self.args.pid)).read().split():
            try:
                if word.encode() in open("/proc/%s/cmdline" % pid, "rb").read():
                    out.append(int(pid))
            except OSError:
                pass
        return out


def pss(pid, what="Pss"):
    for text in open("/proc/%d/smaps_rollup" % pid):
        if text.startswith(what + ":"):
            return int(text.split()[1])
    return 0


def cpu(pids):
    """Seconds on a processor, of all threads (to the nanosecond, as ticks are 10 ms)."""
    total = 0
    for pid in pids:
        for thread in os.listdir("/proc/%d/task" % pid):
            total += int(open("/proc/%d/task/%s/schedstat" % (pid, thread)).read().split()[0])
    return total / 1e9


def counted(w):
    """Calls that count against the quota (all but 304s), and the 304s."""
    c = w.ctl("GET", "counts")
    return c.get("calls", 0) - c.get("304", 0), c.get("304", 0)


def originals_poll(w, spawners):
    """One poll of each TaskSpawner as the original does it: the list, then every issue's
    comments, nothing conditional."""
    for repo in spawners:
        def ask(path):
            request = urllib.request.Request(w.args.forge + "/api/v3/repos/" + repo + path,
                                             headers={"Authorization": "token T", "Accept": "application/vnd.github+json"})
            return json.load(OPENER.open(request, timeout=30))
        for issue in ask("/issues?state=open&per_page=100&page=1"):
            ask("/issues/%d/comments?per_page=100" % issue["number"])


def count_writes(w, written, over):
    """Adds up what is written to TaskSpawners from now on."""
    version = w.api("GET", NS + "/taskspawners?limit=1")["metadata"]["resourceVersion"]
    request = urllib.request.Request(w.args.server + NS + "/taskspawners?watch=1&resourceVersion=" + version,
                                     headers={"Authorization": "Bearer " + w.args.token})
    for _ in OPENER.open(request, timeout=600):
        if over.is_set():
            return
        written[0] += 1


def quota(w):
    repos = ["demo/r%d" % (n % 25) for n in range(100)]
    w.ctl("DELETE", "requests")
    start = counted(w)
    originals_poll(w, repos)
    theirs = counted(w)[0] - start[0]
    w.workspace("q", w.args.forge, "q", "T")
    start = counted(w)
    for n, repo in enumerate(repos):
        w.spawner("q-%d" % n, "q", w.args.forge + "/" + repo, "1s", labels=["l%d" % (n // 25)])
    w.wait("q-", 100)
    time.sleep(3)
    first = counted(w)[0] - start[0]
    lists = sum(r["status"] == 200 and r["path"].endswith("/issues") for r in w.ctl("GET", "requests")) - 100
    before, written, over = counted(w), [0], threading.Event()
    threading.Thread(target=count_writes, args=(w, written, over), daemon=True).start()
    time.sleep(w.args.seconds)
    over.set()
    after = counted(w)
    polls = (after[1] - before[1] + after[0] - before[0]) / 25
    later = (after[0] - before[0]) / max(polls, 1) * 120
    line("calls counted per hour, 100 TaskSpawners, 25 repositories, 30 s", "%d" % round(later), "<= 100")
    print("  beside %d once, when they were created one after another: %d listings, the others the comments of 200 issues, each once;" % (first, lists))
    print("  %d of the following calls in %.0f polls each were 304" % (after[1] - before[1], polls))
    line("status writes per 1,000 of these polls (the original: 1,000)",
         "%.1f" % (written[0] * 1000 / max(polls * 100, 1)), "<= 20")
    line("  the original's requests against the same server", "%d" % (theirs * 120), "-")
    w.drop("q-")


def latency(w):
    w.workspace("t", w.args.forge, "t", "T0")
    for n in range(20):
        w.spawner("t-%d" % n, "t", "%s/demo/t%d" % (w.args.forge, n), "1s", labels=["go"])
    w.wait("t-", 20)
    seen, over = {}, threading.Event()

    def watch():
        request = urllib.request.Request(w.args.server + NS + "/tasks?watch=1&resourceVersion=0",
                                         headers={"Authorization": "Bearer " + w.args.token})
        for text in OPENER.open(request, timeout=600):
            event = json.loads(text)
            if event["type"] == "ADDED":
                seen[event["object"]["metadata"]["name"]] = time.time() * 1000
            if over.is_set():
                return

    threading.Thread(target=watch, daemon=True).start()
    made = []
    for n in range(w.args.rounds):
        repo = n % 20
        w.ctl("POST", "repos/demo/t%d/issues" % repo, {"number": 100 + n, "title": "New", "labels": ["go"]})
        made.append(("/repos/demo/t%d/issues" % repo, "t-%d-%d" % (repo, 100 + n)))
        time.sleep(0.15)
    time.sleep(4)
    over.set()
    requests = [r for r in w.ctl("GET", "requests") if r["status"] == 200]
    waits = []
    for path, task in made:
        answers = [r["at"] for r in requests if r["path"] == path and r["at"] <= seen.get(task, 0)]
        if answers:
            waits.append(seen[task] - max(answers))
    waits.sort()
    line("from the answer that holds an item to its Task, ms (n=%d of %d)" % (len(waits), len(made)),
         "p50 %.0f, p99 %.0f" % (waits[len(waits) // 2], waits[min(len(waits) - 1, len(waits) * 99 // 100)]), "p99 <= 50")
    w.drop("t-")


BIG = 500


def originals_cpu(w):
    """What the original's requests for one poll of the big repository (all pages, then each
    issue's comments, nothing conditional) cost on one connection of curl, which throws the
    answers away: less than a program that reads them can take."""
    base = w.args.forge + "/api/v3/repos/demo/big/issues"
    urls = ["%s?state=open&per_page=100&page=%d" % (base, n) for n in range(1, BIG // 100 + 1)]
    urls += ["%s/%d/comments?per_page=100" % (base, n) for n in range(1, BIG + 1)]
    config = "".join('url = "%s"\noutput = "/dev/null"\n' % u for u in urls)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["curl", "-sS", "--noproxy", "*", "-H", "Authorization: token T1", "-K", "-"],
                   input=config.encode(), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def effort(w):
    w.workspace("b", w.args.forge, "b", "T1")
    w.spawner("b-0", "b", w.args.forge + "/demo/big", "1s", {"maxTotalTasks": 1}, labels=["bug"])
    w.wait("b-", 1)
    time.sleep(3)
    pids = w.children("--source=") + w.children("--shard=")
    w.ctl("DELETE", "requests")
    before, changes = cpu(pids), 0
    until = time.time() + 20
    while time.time() < until:
        changes += 1
        w.ctl("PATCH", "repos/demo/big/issues/%d" % (changes % BIG + 1), {"labels": ["bug", "n%d" % changes]})
        time.sleep(1.1)
    used = cpu(pids) - before
    pages = [r for r in w.ctl("GET", "requests") if r["path"] == "/repos/demo/big/issues"]
    polls = len(pages) / (BIG // 100)
    line("CPU of source and shard per 1,000 polled items, ms", "%.1f" % (used * 1e6 / max(polls * BIG, 1)), "-")
    print("  %.0f polls of %d items in %d pages each, of which %d had changed (one issue at a time)"
          % (polls, BIG, BIG // 100, sum(r["status"] == 200 for r in pages)))
    line("  the original's requests for them, by curl alone", "%.1f" % (originals_cpu(w) * 1e6 / BIG), "-")
    w.drop("b-")


def memory(w):
    while w.children("--source="):
        time.sleep(0.2)
    for n in range(32):
        w.workspace("m%d" % n, w.args.tls, "m%d" % n, "T%d" % n)
    w.spawner("m-0", "m0", w.args.tls + "/demo/r0", "60s", labels=["nobody"])
    w.wait("m-", 1)
    alone = w.children("--source=")
    line("PSS of one source after its first TLS request, KiB", "%d" % pss(alone[0]), "<= 2048")
    print("  of which %d are its own (private, written); of %d more, shared with what it was copied from alone, it is charged half"
          % (pss(alone[0], "Private_Dirty"), pss(alone[0], "Shared_Dirty")))
    start = time.time()
    for n in range(1, w.args.many):
        w.spawner("m-%d" % n, "m%d" % (n % 32), "%s/demo/r%d" % (w.args.tls, n % 25), "60s", labels=["nobody"])
    w.wait("m-", w.args.many, 240)
    sources, zygotes = w.children("--source="), w.children("--zygote=")
    each = sorted(pss(p) for p in sources)
    rest = sum(pss(p) for p in zygotes)
    line("PSS of the sources of %d TaskSpawners on 32 credentials, KiB" % w.args.many, "%d" % (sum(each) + rest), "<= 65536")
    line("  mean of a source's process among them, KiB", "%d" % (sum(each) / len(each)), "<= 2048")
    print("  %d processes (all up %.0f s after the first was created), each %d to %d, what they are copied from %d"
          % (len(sources), time.time() - start, each[0], each[-1], rest))


def main():
    p = argparse.ArgumentParser()
    for name in ("server", "token", "forge", "tls"):
        p.add_argument("--" + name, required=True)
    for name in ("pid", "seconds", "many", "rounds"):
        p.add_argument("--" + name, type=int, required=True)
    p.add_argument("--only", default="")
    w = World(p.parse_args())
    for part in (quota, latency, effort, memory):
        if w.args.only in ("", part.__name__):
            part(w)


if __name__ == "__main__":
    main()
