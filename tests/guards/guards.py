#!/usr/bin/env python3
"""Switches off each guard of the ledger's protocol in turn, and says which test fails then.

With names, or parts of them, as arguments only those guards are switched off. The exit status is 1 if no test misses
one of them: then a test is to be written, or the guard is superfluous.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COPY = ROOT / "target" / "guards"
CRATE = Path("shared", "policy-statement")
RANDOM = "together::"

# So many random lives as they take no minute.
LIVES = "8"

# Without a guard work may never end, in tests for which time costs nothing.
LONGEST = 600

# The cheapest first.
TESTS = (
    ("--lib", []),
    ("--test=statements", ["--skip", RANDOM]),
    ("--test=statements", [RANDOM]),
)


def copied():
    """Makes the copy the same as what git would commit, and leaves alone what is the same: cargo goes by times."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        source, copy = ROOT / name, COPY / name
        if not source.is_file() or (copy.is_file() and copy.read_bytes() == source.read_bytes()):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)


def failing():
    """The first test that fails, if one does."""
    environment = {
        **os.environ,
        "CARGO_INCREMENTAL": "0",
        # Crates are known by their paths in the workspace, which are the same in the copy.
        "CARGO_TARGET_DIR": str(COPY / "target"),
        "RUST_BACKTRACE": "0",
        "ARCHIPELAGO_LIVES": LIVES,
    }
    for target, arguments in TESTS:
        command = [
            "cargo",
            "test",
            "--quiet",
            "--locked",
            "--package",
            "policy-statement",
            target,
            "--",
            *arguments,
        ]
        run = subprocess.Popen(
            command,
            cwd=COPY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            shown, wrong = run.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.communicate()
            return f"a test of {target} that never ends"
        if run.returncode:
            failed = re.findall(r"^test (\S+) \.\.\. FAILED$|^    (\w+(?:::\w+)+)$", shown, re.MULTILINE)
            names = [one or other for one, other in failed]
            return names[0] if names else f"it doesn't compile:\n{wrong[-2000:]}"
    return None


def main(wanted):
    guards = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["guard"]
    missed = [guard for guard in guards if not wanted or any(part in guard["name"] for part in wanted)]
    copied()
    if not wanted and (failed := failing()):
        sys.exit(f"with all guards on, {failed} fails")
    survivors = []
    for guard in missed:
        file = COPY / CRATE / "src" / guard["file"]
        text = file.read_text()
        if text.count(guard["from"]) != 1:
            sys.exit(f"{guard['name']}: what it is made of is {text.count(guard['from'])} times in {guard['file']}")
        file.write_text(text.replace(guard["from"], guard["to"]))
        try:
            failed = failing()
        finally:
            file.write_text(text)
        print(f"{guard['name']}: {failed or 'NO TEST FAILS'}", flush=True)
        if not failed:
            survivors.append(guard["name"])
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
