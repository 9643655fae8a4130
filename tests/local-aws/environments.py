"""Makes the environments in .local/ from pinned requirements, and makes them again only when those change."""

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from progress import Progress

HERE = Path(__file__).parent
LOCAL = HERE.parent.parent / ".local"


def main(names):
    LOCAL.mkdir(exist_ok=True)
    stale = [name for name in names if not _ready(name)]
    if not stale:
        return
    if sys.version_info < (3, 11):  # noqa: UP036 - a person's own python3 runs this first
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}.")
    with Progress(f"Installing {' and '.join(stale)} into .local/"), ThreadPoolExecutor() as pool:
        list(pool.map(_make, stale))


def _ready(name):
    stamp = LOCAL / name / "digest"
    return stamp.exists() and stamp.read_text() == _digest(name)


def _digest(name):
    """What an environment was made from; its programs name its folder, so a moved one is stale too."""
    pinned = [HERE / f"{name}.txt", *_packages(name)]
    made_from = [sys.version, str(LOCAL.resolve()), *(file.read_text() for file in pinned)]
    return hashlib.sha256("\n".join(made_from).encode()).hexdigest()


def _packages(name):
    """What an environment has of npm, beside the Node.js in its requirements."""
    return sorted((HERE.parent / name).glob("package*.json"))


def _make(name):
    folder = LOCAL / name
    shutil.rmtree(folder, ignore_errors=True)
    node = os.environ | {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    npm = [folder / "bin/npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder]
    log = LOCAL / f"{name}.log"
    with log.open("wb") as output:
        for command in (
            [sys.executable, "-m", "venv", folder],
            # The list is complete and every file has its hash, so pip has nothing left to resolve.
            [folder / "bin/pip", "install", "--no-deps", "--require-hashes", "-r", HERE / f"{name}.txt"],
            *([["cp", *_packages(name), folder], npm] if _packages(name) else []),
        ):
            if subprocess.run(command, stdout=output, stderr=output, env=node).returncode != 0:
                sys.exit(f"{name} can't be installed:\n{log.read_text()[-2000:]}")
    (folder / "digest").write_text(_digest(name))


if __name__ == "__main__":
    main(sys.argv[1:])
