"""A record of the calls of AWS that functions make, which every server that takes them keeps; calls.py reads it."""

import functools
import json
import os
from pathlib import Path

# The variable with the folder for it; without it nothing is written. tests/src/record.rs writes there as well.
FOLDER = "ARCHIPELAGO_CALLS"
# The headers that say who calls what.
HEADERS = ("authorization", "content-type", "user-agent", "x-amz-target")


def record(method, path, query, headers, body, marks=dict):
    """Adds a line for the request if a function's SDK sent it: its user agent names the function.

    `marks` tells which of our marks the things carry that it names, as far as the server knows them.
    """
    if FOLDER in os.environ and " app/" in (headers.get("user-agent") or ""):
        kept = {name: headers[name] for name in HEADERS if headers.get(name)}
        body = body.decode(errors="replace") if isinstance(body, bytes) else body
        line = {"method": method, "path": path, "query": query, "headers": kept, "body": body, "marks": marks()}
        # In one piece, since many write at once.
        _file(os.environ[FOLDER]).write(f"{json.dumps(line)}\n".encode())


@functools.cache
def _file(folder):
    return (Path(folder) / f"servers-{os.getpid()}.jsonl").open("ab", buffering=0)
