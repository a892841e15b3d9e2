#!/usr/bin/env python3
"""Writes docs/reference.md from deploy/crds: the fields of the four kinds.

usage: docs/reference.py > docs/reference.md   (`make docs` does it; needs python3-yaml)
"""
import os
import sys

try:
    import yaml
except ImportError:
    sys.exit("docs/reference.py: needs the package python3-yaml")

CRDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "deploy", "crds")
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


def main():
    print("# Reference\n")
    print("The fields of the four kinds of `kelos.dev/v1alpha1`, written by docs/reference.py from")
    print("deploy/crds. All references are names in the object's own namespace.\n")
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


main()
