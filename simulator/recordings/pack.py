#!/usr/bin/env python3
"""Pack recorded conversations into the form that the tests replay.

Usage: pack.py FOLDER [OUTPUT]

FOLDER holds one JSON file per conversation (format: its own README). The output is one line per conversation:
{"id": …, "vars": …, "steps": [[request, expectation], …]}. What equals the default is left out, and so are notes.
Defaults: as root-token, encoding query, status 200, reason OK, no message, no errors, data null.
"""

import json
import pathlib
import sys

REQUEST = {
    "as": "root-token", "encoding": "query", "method": "GET", "query": None, "params": None, "body": None, "body_fill": None,
    "content_type": None, "headers": None, "chunked": False, "keep_alive": False, "capture": None,
    "wait_task": False, "settle": None, "wait_idle": False, "absolute": False, "path": None,
}
EXPECT = {
    "status": 200, "reason": "OK", "headers": None, "body": "json", "text": None, "data_shape": None, "message": None,
    "errors": None, "task": None, "extra": None,
}
DROPPED = {"n", "note", "delay_s", "expect"}


def slim(source, defaults, where):
    unknown = set(source) - set(defaults) - DROPPED
    if unknown:
        sys.exit(f"{where}: keys this script does not know: {', '.join(sorted(unknown))}")
    out = {}
    for key, default in defaults.items():
        value = source.get(key, default)
        if value != default and value not in ({}, []) or (key == "data_shape" and value in ({}, [])):
            out[key] = value
    return out


def main():
    folder = pathlib.Path(sys.argv[1])
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(__file__).with_name("golden.jsonl")
    lines = []
    for path in sorted(folder.glob("*.json")):
        scenario = json.loads(path.read_text(encoding="utf-8"))
        steps = []
        for step in scenario["steps"]:
            where = f"{path.name} step {step['n']}"
            steps.append([slim(step, REQUEST, where), slim(step["expect"], EXPECT, where)])
        packed = {"id": scenario["id"], "vars": scenario.get("setup", {}).get("vars") or {}, "steps": steps}
        lines.append(json.dumps(packed, ensure_ascii=False, separators=(",", ":"), sort_keys=True))
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    count = sum(len(json.loads(line)["steps"]) for line in lines)
    print(f"{len(lines)} conversations, {count} steps, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
