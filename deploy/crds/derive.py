#!/usr/bin/env python3
"""Writes what follows from the authored CRDs, so that nothing is said twice:

  taskspawners.yaml   the members of taskTemplate that are members of a Task
  axon.*.yaml         the three kinds of the older group axon.io, as parts of ours

usage: deploy/crds/derive.py [--check]     --check writes nothing and fails on a difference
"""
import os
import sys

try:
    import yaml
except ImportError:
    sys.exit("deploy/crds/derive.py: needs the package python3-yaml")

HERE = os.path.dirname(os.path.abspath(__file__))
FROM, TO = "# taskTemplate of TaskSpawners has the same members", "# to here"
DEEPER = 4

# What axon.io does not have, as paths below openAPIV3Schema.properties.
ABSENT = {
    "tasks": ["spec.agentConfigRef", "spec.agentConfigRefs", "spec.dependsOn", "spec.branch",
              "spec.effort", "spec.upstreamRepo", "spec.podFailurePolicy",
              "status.results", "status.usage", "status.conditions"],
    "workspaces": ["spec.remotes", "spec.files", "spec.setupCommand", "spec.cloneDepth"],
    "taskspawners": ["spec.when.jira", "spec.when.githubPullRequests", "spec.when.cron.timeZone", "spec.when.cron.catchUp", "spec.suspend", "spec.credentials", "spec.maxTotalTasks",
                     "status.cronJobName", "status.conditions"]
                    + ["spec.when.githubIssues." + m for m in (
                        "repo", "pollInterval", "triggerComment", "excludeComments", "assignee", "author", "excludeAuthors",
                        "priorityLabels", "commentPolicy", "reporting")]
                    + ["spec.taskTemplate." + m for m in (
                        "agentConfigRef", "agentConfigRefs", "dependsOn", "branch", "effort",
                        "nameTemplate", "contextSources", "metadata", "upstreamRepo", "podFailurePolicy")],
}
POD_OVERRIDES = ["resources", "activeDeadlineSeconds", "env", "nodeSelector"]
COLUMNS_ABSENT = {"Branch", "Depends On", "Suspend"}
TYPES = ["claude-code", "codex", "gemini"]


def read(name):
    with open(os.path.join(HERE, name)) as f:
        return f.read()


def shared_members():
    """The lines of tasks.yaml between the two marks, indented for taskTemplate."""
    lines = read("tasks.yaml").split("\n")
    first = next(i for i, l in enumerate(lines) if l.strip().startswith(FROM))
    last = next(i for i, l in enumerate(lines) if l.strip() == TO)
    return [" " * DEEPER + l for l in lines[first + 1:last]]


def taskspawners():
    """The marks of tasks.yaml have their like in taskspawners.yaml."""
    lines = read("taskspawners.yaml").split("\n")
    first = next(i for i, l in enumerate(lines) if l.strip().startswith("# derive.py copies"))
    last = next(i for i, l in enumerate(lines) if l.strip() == TO)
    return "\n".join(lines[:first + 1] + shared_members() + lines[last:])


def drop(properties, path):
    *parents, name = path.split(".")
    for p in parents:
        properties = properties[p]["properties"]
    properties.pop(name, None)


def keep_rules(schema):
    """Rules about members that are gone, or about changes, which axon.io lets pass, are dropped."""
    known = set(schema.get("properties", {}))
    rules = []
    for r in schema.get("x-kubernetes-validations", []):
        words = [w.split(".")[0].split(")")[0].split(" ")[0] for w in r["rule"].split("self.")[1:]]
        gone = any(w in r["rule"] for w in ("oldSelf", "podOverrides", "githubPullRequests", "taskTemplate.credentials"))
        if not gone and all(w in known or not w.isidentifier() for w in words):
            rules.append(r)
    schema.pop("x-kubernetes-validations", None)
    if rules:
        schema["x-kubernetes-validations"] = rules


def narrow_task(spec):
    """What a Task spec and a taskTemplate have in common."""
    spec["properties"]["type"]["enum"] = TYPES
    credentials = spec["properties"]["credentials"]
    credentials["properties"]["type"]["enum"] = ["api-key", "oauth"]
    credentials["properties"]["type"]["description"] = "api-key or oauth."
    credentials["required"] = ["type", "secretRef"]
    credentials.pop("x-kubernetes-validations", None)
    overrides = spec["properties"]["podOverrides"]
    overrides["properties"] = {k: overrides["properties"][k] for k in POD_OVERRIDES}
    overrides.pop("x-kubernetes-validations", None)


def axon(plural):
    crd = yaml.safe_load(taskspawners() if plural == "taskspawners" else read(plural + ".yaml"))
    crd["metadata"]["name"] = plural + ".axon.io"
    crd["spec"]["group"] = "axon.io"
    version = crd["spec"]["versions"][0]
    columns = [c for c in version.get("additionalPrinterColumns", []) if c["name"] not in COLUMNS_ABSENT]
    if columns:
        version["additionalPrinterColumns"] = columns
    root = version["schema"]["openAPIV3Schema"]
    for path in ABSENT[plural]:
        drop(root["properties"], path)
    spec = root["properties"]["spec"]
    if plural == "tasks":
        narrow_task(spec)
        spec["description"] = "What to run. A change has no effect once the Job exists."
        spec["properties"]["prompt"]["description"] = "What the agent is asked."
    if plural == "taskspawners":
        narrow_task(spec["properties"]["taskTemplate"])
        spec["properties"]["taskTemplate"]["required"] = ["type", "credentials"]
        keep_rules(spec["properties"]["taskTemplate"])
        when = spec["properties"]["when"]
        when["properties"]["githubIssues"].pop("x-kubernetes-validations", None)
        when["x-kubernetes-validations"] = [{
            "rule": "has(self.githubIssues) != has(self.cron)",
            "message": "when must have exactly one of githubIssues and cron"}]
    keep_rules(spec)
    text = yaml.dump(crd, sort_keys=False, default_flow_style=None, width=100000, allow_unicode=True)
    return "# Written by derive.py from %s.yaml: change that.\n%s" % (plural, text)


def main():
    out = {"taskspawners.yaml": taskspawners()}
    out.update({"axon.%s.yaml" % p: axon(p) for p in ABSENT})
    stale = [n for n, text in out.items()
             if not os.path.exists(os.path.join(HERE, n)) or read(n) != text]
    if sys.argv[1:] == ["--check"]:
        sys.exit("stale, run deploy/crds/derive.py: " + ", ".join(stale) if stale else 0)
    for name in stale:
        with open(os.path.join(HERE, name), "w") as f:
            f.write(out[name])


main()
