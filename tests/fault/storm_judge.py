"""storm_judge.py - what the audit log of tests/fault/storm says: Jobs per Task, the order of the
phases that were written, who called."""
import json
from collections import Counter, defaultdict

ORDER = ["", "Waiting", "Pending", "Running", "Succeeded", "Failed"]


class Audit:
    def __init__(self, path):
        self.made = defaultdict(list)      # uid of a Task -> uids of the Jobs made for it
        self.asked = defaultdict(int)      # uid of a Task -> creates that were received
        self.phases = defaultdict(list)    # (name, uid) of a Task -> phases written, in order
        self.codes = Counter()             # (verb, status) of the controller's calls
        self.torn = 0
        with open(path, encoding="utf8", errors="replace") as f:
            for line in f:
                try:
                    event = json.loads(line)
                except ValueError:         # the server was killed while it wrote
                    self.torn += 1
                    continue
                self.see(event)

    def see(self, event):
        user, ref = event["user"].get("username", ""), event.get("objectRef", {})
        done = event["stage"] == "ResponseComplete"
        code = event.get("responseStatus", {}).get("code", 0)
        if "kelos-controller" in user and done:
            self.codes[(event["verb"], code)] += 1
        if ref.get("resource") == "jobs" and event["verb"] == "create":
            self.job(event, done, code)
        if ref.get("resource") == "tasks" and ref.get("subresource") == "status" and done and code == 200:
            body = event.get("requestObject") or {}
            phase = body.get("status", {}).get("phase")
            if phase:
                self.phases[(ref["name"], body.get("metadata", {}).get("uid", ""))].append(phase)

    def job(self, event, done, code):
        body = event.get("responseObject") if done and code == 201 else event.get("requestObject")
        owners = ((body or {}).get("metadata") or {}).get("ownerReferences") or []
        for owner in owners:
            if owner["kind"] == "Task":
                if done and code == 201:
                    self.made[owner["uid"]].append(body["metadata"]["uid"])
                elif done:
                    self.asked[owner["uid"]] += 1

    def duplicates(self):
        return {task: jobs for task, jobs in self.made.items() if len(jobs) > 1}

    def backwards(self):
        """Tasks of which a phase was written after a later one."""
        out = []
        for (name, uid), written in self.phases.items():
            at = [ORDER.index(p) for p in written]
            final = [p for p in written if p in ("Succeeded", "Failed")]
            if at != sorted(at) or len(set(final)) > 1:
                out.append("%s (%s): %s" % (name, uid, " ".join(written)))
        return out
