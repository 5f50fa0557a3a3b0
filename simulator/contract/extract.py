#!/usr/bin/env python3
"""Make table.json, the simulator's own reading of the Proxmox VE API contract.

Usage: extract.py SCHEMA_JSON [OUTPUT]

The input is the project's factual schema file. Only what the server enforces on a request is kept:
routing, parameters with their limits, permissions, forwarding. Prose and return shapes are dropped.
"""

import json
import pathlib
import sys

# Long name in the schema file -> short name in the table.
PARAM_KEYS = {
    "type": "t", "optional": "o", "enum": "e", "minimum": "min", "maximum": "max",
    "minLength": "minl", "maxLength": "maxl", "pattern": "pat", "requires": "req",
    "in": "in", "default_key": "dk", "alias": "al", "keyAlias": "ka",
}
FORMAT_KEYS = ("kind", "regex", "regex_or", "literals", "any_of", "error", "pfmt", "rule", "minLength", "maxLength")


def param(source):
    out = {short: source[name] for name, short in PARAM_KEYS.items() if name in source and source[name] is not None}
    out["o"] = 1 if source.get("optional") else 0
    if not out["o"]:
        del out["o"]
    if isinstance(source.get("format"), str):
        out["f"] = source["format"]
    if isinstance(source.get("pfmt"), str):
        out["pf"] = source["pfmt"]
    if source.get("indexed"):
        out["ix"] = source.get("index_max", 0)
    if isinstance(source.get("items"), dict):
        out["it"] = param(source["items"])
    return out


def method(source):
    out = {
        "p": source["path"],
        "v": source["method"],
        "a": {name: param(p) for name, p in (source.get("params") or {}).items()},
        "perm": source.get("perm"),
    }
    if source.get("proxyto"):
        out["node"] = source["proxyto"]
    if source.get("allowtoken") == 0:
        out["ticket"] = 1
    if source.get("additional_params"):
        out["open"] = 1
    links = (source.get("returns") or {}).get("links")
    if isinstance(links, list):
        out["links"] = links
    return out


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(__file__).with_name("table.json")
    table = {
        "formats": {
            name: {key: entry[key] for key in FORMAT_KEYS if key in entry}
            for name, entry in sorted(schema["named_formats"].items())
        },
        "props": {
            name: {key: param(entry) for key, entry in keys.items()}
            for name, keys in sorted(schema["property_formats"].items())
        },
        "methods": [method(m) for m in sorted(schema["methods"], key=lambda m: (m["path"], m["method"]))],
    }
    lines = ['{"formats":' + json.dumps(table["formats"], separators=(",", ":"), sort_keys=True) + ',']
    lines.append('"props":' + json.dumps(table["props"], separators=(",", ":"), sort_keys=True) + ',')
    lines.append('"methods":[')
    lines.append(",\n".join(json.dumps(m, separators=(",", ":"), sort_keys=True) for m in table["methods"]))
    lines.append("]}")
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(table['methods'])} methods, {len(table['formats'])} formats, {len(table['props'])} property formats")


if __name__ == "__main__":
    main()
