"""Background processes, each in a group of its own, stopped by pid and only while the pid is still theirs."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PATIENCE = 5


def start(command, environment, log, dies_with_parent):
    """Starts a command in a process group of its own and returns what identifies it later."""
    parent = os.getpid()

    def follow_parent():
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            # The parent may have died before the line above.
            if os.getppid() != parent:
                os._exit(1)

    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=follow_parent if dies_with_parent else None,
        )
    return {"pid": child.pid, "born": _born(child.pid)}


def alive(process):
    """Whether the process still runs; another one with its pid, or its corpse, doesn't count."""
    return process["born"] is not None and _born(process["pid"]) == process["born"]


def stop(process):
    """Ends the process and the group that it leads, and returns once the process is gone."""
    if not alive(process):
        return
    _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while alive(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    # Functions that ministack started may outlive it while they are busy.
    _signal(process, signal.SIGKILL)
    while alive(process):
        time.sleep(0.02)


def _signal(process, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process["pid"], number)


def _born(pid):
    """The start of a process in clock ticks since boot, or None if it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold spaces and parentheses of its own.
    fields = stat.rpartition(")")[2].split()
    state, born = fields[0], fields[19]
    return None if state in "ZX" else int(born)
