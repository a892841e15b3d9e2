#!/usr/bin/env python3
"""Compares installations, object by object.

usage: objects.py same A.yaml B.yaml     the same objects in both, whoever manages them
       objects.py get FILE.yaml KIND NAME PATH...   the value at each path, as JSON
       objects.py chart DIR              values, schema and templates of a chart agree
"""
import json
import os
import re
import sys

import yaml

MANAGED = "app.kubernetes.io/managed-by"


def load(path):
    found = {}
    for o in yaml.safe_load_all(open(path)):
        if not o:
            continue
        labels = o["metadata"].get("labels", {})
        labels.pop(MANAGED, None)
        if not labels:
            o["metadata"].pop("labels", None)
        key = (o["apiVersion"], o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"])
        if key in found:
            sys.exit(f"{path}: twice: {key}")
        found[key] = o
    return found


def differ(a, b, path=""):
    if type(a) is dict and type(b) is dict:
        for k in sorted(set(a) | set(b)):
            yield from differ(a.get(k), b.get(k), f"{path}.{k}")
    elif type(a) is list and type(b) is list and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differ(x, y, f"{path}[{i}]")
    elif a != b or type(a) is not type(b):
        yield f"{path}: {a!r} and {b!r}"


def same(one, other):
    a, b = load(one), load(other)
    wrong = [f"only in {one}: {k}" for k in a.keys() - b.keys()]
    wrong += [f"only in {other}: {k}" for k in b.keys() - a.keys()]
    for k in a.keys() & b.keys():
        wrong += [f"{k}{d}" for d in differ(a[k], b[k])]
    if wrong or not a:
        sys.exit("\n".join(wrong[:20]) or "no objects")
    print(len(a))


def get(path, kind, name, *paths):
    o = next((o for k, o in load(path).items() if k[1] == kind and k[3] == name), None)
    if o is None:
        sys.exit(f"no {kind} {name}")
    for p in paths:
        at = o
        for step in re.findall(r"[^.\[\]]+", p):
            at = at[int(step)] if isinstance(at, list) else at.get(step)
        print(json.dumps(at))


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def check_schema(schema, value, path, root):
    """The part of JSON Schema that the chart's schema uses."""
    if "$ref" in schema:
        return check_schema(root["definitions"][schema["$ref"].split("/")[-1]], value, path, root)
    if "anyOf" in schema:
        return [] if any(not check_schema(s, value, path, root) for s in schema["anyOf"]) else [f"{path}: none of anyOf"]
    if "const" in schema:
        return [] if value == schema["const"] else [f"{path}: is not {schema['const']!r}"]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{path}: is not of {schema['enum']}"]
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, TYPES[t]) and (t == "boolean" or not isinstance(value, bool)) for t in types):
        return [f"{path}: {value!r} is no {types}"]
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return [f"{path}: {value!r} does not match"]
    wrong = []
    if isinstance(value, dict):
        known = schema.get("properties", {})
        more = schema.get("additionalProperties", True)
        for k, v in value.items():
            if k in known:
                wrong += check_schema(known[k], v, f"{path}.{k}", root)
            elif more is False:
                wrong.append(f"{path}.{k}: is not in the schema")
            elif isinstance(more, dict):
                wrong += check_schema(more, v, f"{path}.{k}", root)
        # Of every key of the schema there is a default, so that values.yaml is the whole list.
        wrong += [f"{path}.{k}: has no default in values.yaml" for k in known if k not in value and k != "global"]
    if isinstance(value, list):
        for i, v in enumerate(value):
            wrong += check_schema(schema.get("items", {}), v, f"{path}[{i}]", root)
    return wrong


def leaves(values, path=""):
    for k, v in values.items():
        yield from leaves(v, f"{path}{k}.") if isinstance(v, dict) and v else [path + k]


def chart(folder):
    schema = json.load(open(os.path.join(folder, "values.schema.json")))
    values = yaml.safe_load(open(os.path.join(folder, "values.yaml")))
    about = yaml.safe_load(open(os.path.join(folder, "Chart.yaml")))
    wrong = check_schema(schema, values, "values", schema)
    wrong += [f"Chart.yaml lacks {k}" for k in ("apiVersion", "name", "version", "appVersion") if not about.get(k)]
    text = "".join(open(os.path.join(folder, "templates", f)).read() for f in sorted(os.listdir(os.path.join(folder, "templates"))))
    for leaf in leaves(values):
        if not re.search(r"\b" + leaf.split(".")[-1] + r"\b", text) and not leaf.startswith("controller.resources."):
            wrong.append(f"no template reads {leaf}")
    if text.count("{{") != text.count("}}"):
        wrong.append("templates: {{ and }} do not match")
    for read in re.findall(r'"(manifests/[a-z]+\.yaml)"', text):
        if not os.path.exists(os.path.join(folder, "files", read)):
            wrong.append(f"templates read files/{read}, which is not there")
    for base, _, files in os.walk(folder):
        wrong += [f"{base}/{f}: leads nowhere" for f in files if not os.path.exists(os.path.join(base, f))]
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    {"same": same, "get": get, "chart": chart}[sys.argv[1]](*sys.argv[2:])
