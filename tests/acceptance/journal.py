"""The journal: what is made is written down before it is made, so that a second run finds what a killed one left."""

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Thing:
    """Something that a run makes in an account: what it is, in which account and Region, and its name or id there."""

    kind: str
    account: str
    region: str
    name: str


class Journal:
    """A file of one line for each thing that is about to be made, and one for each that is gone."""

    def __init__(self, path):
        self.path = Path(path)
        self._lock = threading.Lock()

    def making(self, thing):
        """Returns once the line is on the disk: whoever is killed now has left a trace."""
        self._write({"making": asdict(thing)})
        return thing

    def gone(self, thing):
        self._write({"gone": asdict(thing)})

    def left(self):
        """What was made, or was about to be, and isn't known to be gone; the oldest first."""
        left = {}
        if not self.path.exists():
            return []
        for line in self.path.read_text().splitlines():
            try:
                said = json.loads(line)
            except json.JSONDecodeError:
                # The run was killed while it wrote the line, and so before it made the thing.
                continue
            if "making" in said:
                left[Thing(**said["making"])] = None
            else:
                left.pop(Thing(**said["gone"]), None)
        return list(left)

    def forget(self):
        """Removes the file, once nothing is left."""
        self.path.unlink(missing_ok=True)

    def _write(self, said):
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # A line that was cut off must not swallow this one.
            start = "\n" if self._is_cut_off() else ""
            with self.path.open("a") as file:
                file.write(f"{start}{json.dumps(said)}\n")
                file.flush()
                os.fsync(file.fileno())

    def _is_cut_off(self):
        if not self.path.exists() or self.path.stat().st_size == 0:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
