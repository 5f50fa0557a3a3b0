#!/usr/bin/env python3
"""Turns the recorded API schema of Proxmox VE into the small table that the `contract` module reads.

    extract.py PATH/OF/schema.json      writes table.json and table.version next to this script

Only what a caller needs to check a call is kept: no return shapes, no defaults, no provenance. Equal
parameter definitions are stored once and named by their place in `defs`; equal permissions in `perms`.

Definition keys: t type (s i n b a), o optional, e enum, n minimum, x maximum, l min length, m max length,
r pattern, f named format, p property string, q required partner, c highest index, d item definition.
Format keys: r pattern, l literals, a any of, p property string, m max length, e error text of the server.
Property string keys: d definition, k default key, a alias of, w alias also sets.
Method keys: v verb, u path, p parameters, c permission, n node parameter, t task id, w privileged daemon,
k 0 when tokens are refused, a unknown parameters allowed.
"""

import hashlib
import json
import pathlib
import sys

TYPES = {"string": "s", "integer": "i", "number": "n", "boolean": "b", "array": "a"}


class Pool:
    """Hands out one index per distinct value."""

    def __init__(self):
        self.items, self.index = [], {}

    def add(self, value):
        key = json.dumps(value, sort_keys=True)
        if key not in self.index:
            self.index[key] = len(self.items)
            self.items.append(value)
        return self.index[key]


def definition(raw):
    """The compact form of one parameter or property."""
    out = {"t": TYPES[raw.get("type", "string")]}
    if raw.get("optional"):
        out["o"] = 1
    if raw.get("enum"):
        out["e"] = [str(value) for value in raw["enum"] if value is not None]
    names = [("n", "minimum"), ("n", "min"), ("x", "maximum"), ("x", "max"), ("l", "minLength"),
             ("m", "maxLength"), ("r", "pattern"), ("f", "format"), ("p", "pfmt"), ("q", "requires"),
             ("c", "index_max")]
    for short, name in names:
        if raw.get(name) is not None:
            value = raw[name]
            out[short] = float(value) if short in "nx" and isinstance(value, str) else value
    if "items" in raw:
        out["d"] = definition(raw["items"])
    return out


def named_format(raw):
    out = {}
    pattern = raw.get("regex") or raw.get("regex_or")
    for short, value in [("r", pattern), ("l", raw.get("literals")), ("a", raw.get("any_of")),
                         ("p", raw.get("pfmt")), ("m", raw.get("maxLength")), ("e", raw.get("error"))]:
        if value is not None:
            out[short] = value
    return out


def property_key(raw, defs):
    if "alias" in raw:
        out = {"a": raw["alias"]}
        if "keyAlias" in raw:
            out["w"] = raw["keyAlias"]
        return out
    out = {"d": defs.add(definition(raw))}
    if raw.get("default_key"):
        out["k"] = 1
    return out


def method(raw, defs, perms):
    out = {"v": raw["method"], "u": raw["path"], "c": perms.add(raw["perm"])}
    params = {name: defs.add(definition(p)) for name, p in sorted((raw.get("params") or {}).items())}
    if params:
        out["p"] = params
    if raw.get("proxyto"):
        out["n"] = raw["proxyto"]
    if raw.get("upid"):
        out["t"] = raw["upid"]
    if raw.get("protected"):
        out["w"] = 1
    if raw.get("allowtoken") == 0:
        out["k"] = 0
    if raw.get("additional_params"):
        out["a"] = 1
    return out


def main(source):
    schema = json.loads(pathlib.Path(source).read_text(encoding="utf-8"))
    defs, perms = Pool(), Pool()
    release = schema["pve"]["pve-manager"]
    methods = [method(raw, defs, perms) for raw in schema["methods"]]
    props = {name: {key: property_key(raw, defs) for key, raw in sorted(keys.items())}
             for name, keys in sorted(schema["property_formats"].items())}
    table = {
        "release": release,
        "formats": {name: named_format(raw) for name, raw in sorted(schema["named_formats"].items())},
        "defs": defs.items,
        "props": props,
        "perms": perms.items,
        "methods": sorted(methods, key=lambda m: (m["u"], m["v"])),
    }
    # One method or definition per line: small, and a change shows as the line it touches.
    parts = []
    for key, value in table.items():
        if isinstance(value, list):
            body = ",\n".join(compact(item) for item in value)
            parts.append(f'"{key}":[\n{body}\n]')
        elif isinstance(value, dict):
            body = ",\n".join(f"{compact(name)}:{compact(item)}" for name, item in value.items())
            parts.append(f'"{key}":{{\n{body}\n}}')
        else:
            parts.append(f'"{key}":{compact(value)}')
    text = "{" + ",\n".join(parts) + "}\n"
    here = pathlib.Path(__file__).resolve().parent
    (here / "table.json").write_text(text, encoding="utf-8")
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    (here / "table.version").write_text(f"{release}+{digest[:12]}", encoding="utf-8")
    print(f"{len(methods)} methods, {len(defs.items)} definitions, {len(text)} bytes, {release}+{digest[:12]}")


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
