#!/usr/bin/env python3
"""Writes docs/reference.md: the fields of the four kinds from deploy/crds, the commands and the
controller's flags as the programs' own tables print them, the metrics from metrics.def.

usage: docs/reference.py BIN > docs/reference.md   (`make docs` does it; needs python3-yaml)
"""
import os
import re
import subprocess
import sys

try:
    import yaml
except ImportError:
    sys.exit("docs/reference.py: needs the package python3-yaml")

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
CRDS = os.path.join(TOP, "deploy", "crds")
KINDS = ["tasks", "workspaces", "agentconfigs", "taskspawners"]


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def type_of(schema):
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity"
    if schema.get("type") == "array":
        return "list of " + type_of(schema.get("items", {}))
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        if isinstance(values, dict):
            return "map to " + type_of(values)
        return "object"
    return schema.get("format") if schema.get("format") == "date-time" else schema.get("type", "any")


def rules_of(schema):
    items = schema.get("items", {})
    out = []
    if "default" in schema:
        out.append("default `%s`" % ("[" + ", ".join(schema["default"]) + "]"
                                     if isinstance(schema["default"], list) else str(schema["default"]).lower()
                                     if isinstance(schema["default"], bool) else schema["default"]))
    for one in (schema, items):
        if "enum" in one:
            out.append("one of " + ", ".join("`%s`" % v for v in one["enum"]))
        if "pattern" in one and not one.get("x-kubernetes-int-or-string"):
            out.append("matches `%s`" % one["pattern"])
    for key, text in (("minLength", "at least %s characters"), ("maxLength", "at most %s characters"),
                      ("minimum", "at least %s"), ("maximum", "at most %s"),
                      ("minItems", "at least %s items"), ("maxItems", "at most %s items")):
        if key in schema and schema[key] != 2147483647:
            out.append(text % schema[key])
    if schema.get("x-kubernetes-list-type") == "set":
        out.append("no item twice")
    if schema.get("x-kubernetes-list-type") == "map":
        out.append("no `%s` twice" % ", ".join(schema["x-kubernetes-list-map-keys"]))
    for rule in schema.get("x-kubernetes-validations", []):
        out.append(rule["message"])
    return "; ".join(out)


def rows(schema, path):
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        here = path + "." + name
        text = field.get("description", "")
        print("| `%s` | %s%s | %s | %s |" % (here, type_of(field), ", required" if name in required else "",
                                           cell(text), cell(rules_of(field))))
        inner, dots = field, here
        while inner.get("type") == "array":
            inner, dots = inner.get("items", {}), dots + "[]"
        rows(inner, dots)


def table(schema, path):
    print("| field | type | meaning | rules |\n| --- | --- | --- | --- |")
    rows(schema, path)
    print()


# ---- commands ----

def help_of(program, *words):
    env = {"HOME": "/nowhere", "PATH": os.environ["PATH"]}
    return subprocess.run([program, *words, "--help"], env=env, check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def part(text, title):
    """The indented lines below a title of a help text."""
    found = re.search(r"^%s:\n((?: .*\n)+)" % title, text, re.M)
    return found.group(1) if found else ""


def flags(lines):
    """A table of flags: the form, and what it means."""
    rows = re.findall(r"^ +((?:-\w, +)?--[a-z-]+(?: [A-Z][A-Z=]*)?) +(\S.*)$", lines, re.M)
    wanted = re.findall(r"^ +-.*$", lines, re.M)
    if len(rows) != len(wanted):
        sys.exit("docs/reference.py: %d of %d flags were understood:\n%s" % (len(rows), len(wanted), lines))
    if rows:
        print("| flag | meaning |\n| --- | --- |")
        for form, text in rows:
            print("| `%s` | %s |" % (form, cell(text)))
        print()


def command(kelos, words, depth):
    text = help_of(kelos, *words)
    children = re.findall(r"^  (\S+) ", part(text, "Commands"), re.M)
    print("%s kelos %s\n" % ("#" * depth, " ".join(words)))
    print(text.split("\n", 1)[0] + ".\n")
    print("```\n%s\n```\n" % part(text, "Usage").strip())
    aliases = part(text, "Aliases").strip()
    if aliases:
        print("Also: %s.\n" % aliases)
    flags(part(text, "Flags"))
    flags(part(text, "Flags of every resource"))
    examples = part(text, "Examples")
    if examples:
        print("```sh\n%s\n```\n" % "\n".join(l[2:] for l in examples.rstrip().split("\n")))
    for child in children:
        command(kelos, words + [child], depth + 1)


def commands(bin_dir):
    kelos = os.path.join(bin_dir, "kelos")
    text = help_of(kelos)
    print("## CLI reference\n")
    print("Every command takes these:\n")
    flags(part(text, "Global flags"))
    for name in re.findall(r"^  (\S+) ", part(text, "Commands"), re.M):
        if name != "help":
            command(kelos, [name], 3)


def controller(bin_dir):
    own = help_of(os.path.join(bin_dir, "kelos-supervisor"))
    passed = help_of(os.path.join(bin_dir, "kelos-reconciler"))
    meaning = {m.group(1).split()[0]: m.group(0) for m in
               re.finditer(r"^ +(--[a-z-]+(?: [A-Z]+)?) .*$", passed, re.M)}
    lines = []
    for line in own.split("\n"):
        name = re.match(r" +(--[a-z-]+)", line)
        if name and line.endswith("passed on to the reconciler"):
            line = meaning[name.group(1)]
        lines.append(line)
    print("## The controller\n\nFlags of `kelos-supervisor`, which starts all the others:\n")
    flags("\n".join(lines))


def metrics():
    rows = re.findall(r'^METRIC\((\w+), *(\w+), *(\w+), *"([^"]*)", *"([^"]*)", *"([^"]*)"\)',
                      open(os.path.join(TOP, "common", "metrics", "metrics.def")).read(), re.M)
    print("## Metrics\n\nOn `/metrics`. One of a worker has a label `worker` as well.\n")
    print("| metric | type | labels | meaning |\n| --- | --- | --- | --- |")
    for _, kind, scope, name, labels, text in rows:
        labels = labels + (",worker" if labels else "worker") if scope == "WORKER" else labels
        print("| `%s` | %s | %s | %s |" % (name, kind.lower(), labels.replace(",", ", "), cell(text)))
    print()


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: docs/reference.py BIN   (the folder of the programs: build/bin)")
    print("# Reference\n")
    print("Written by docs/reference.py (`make docs`) from the CRDs, the command table and the table of")
    print("metrics: [Task](#task), [Workspace](#workspace), [AgentConfig](#agentconfig),")
    print("[TaskSpawner](#taskspawner), [commands](#cli-reference), [the controller](#the-controller),")
    print("[metrics](#metrics).\n")
    print("The kinds are those of `kelos.dev/v1alpha1`; `axon.io/v1alpha1` has the first, the second and")
    print("the fourth, with the fields that its version had. All references are names in the object's")
    print("own namespace.\n")
    for plural in KINDS:
        crd = yaml.safe_load(open(os.path.join(CRDS, plural + ".yaml")))
        version = crd["spec"]["versions"][0]
        root = version["schema"]["openAPIV3Schema"]
        print("## %s\n" % crd["spec"]["names"]["kind"])
        print(root["description"] + "\n")
        for rule in root.get("x-kubernetes-validations", []):
            print("- " + rule["message"])
        for rule in root["properties"]["spec"].get("x-kubernetes-validations", []):
            print("- " + rule["message"])
        columns = version.get("additionalPrinterColumns", [])
        if columns:
            print("- columns of `get`: " + ", ".join(
                c["name"] + (" (wide)" if c.get("priority") else "") for c in columns))
        print()
        table(root["properties"]["spec"], "spec")
        if "status" in root["properties"]:
            table(root["properties"]["status"], "status")
    commands(sys.argv[1])
    controller(sys.argv[1])
    metrics()


main()
