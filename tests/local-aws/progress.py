"""One line that says what is going on and for how long: alive on a terminal, plain in a log."""

import sys
import threading
import time

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
HEARTBEAT = 30


class Progress:
    """Shows `label` while its block runs, with the seconds so far and what `detail()` says."""

    def __init__(self, label, detail=None, stream=None):
        self.label = label
        self.detail = detail or (lambda: "")
        self.stream = stream or sys.stderr
        self.lively = self.stream.isatty()

    def __enter__(self):
        self.started = time.monotonic()
        self.ended = threading.Event()
        if not self.lively:
            self._write(f"{self.label} ...\n")
        self.thread = threading.Thread(target=self._turn, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ended.set()
        self.thread.join()
        mark = "✓" if kind is None else "✗"
        line = f"{mark} {self.label} ({elapsed(time.monotonic() - self.started)})\n"
        self._write(f"\r\033[K{line}" if self.lively else line)

    def _turn(self):
        frame = 0
        while not self.ended.wait(0.1 if self.lively else HEARTBEAT):
            seconds = elapsed(time.monotonic() - self.started)
            said = " ".join(filter(None, [self.label, seconds, self.detail()]))
            if self.lively:
                frame += 1
                self._write(f"\r\033[K{FRAMES[frame % len(FRAMES)]} {said[:96]}")
            else:
                self._write(f"  {said}\n")

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()


class Waiting:
    """For a block that prints as things happen: a line that comes when nothing did for two seconds."""

    def __init__(self, label, stream=None):
        self.label = label
        self.stream = stream or sys.stdout
        self.lively = self.stream.isatty()

    def __enter__(self):
        self.started = self.printed = time.monotonic()
        self.shown = False
        return self

    def __exit__(self, *_):
        self.clear()

    def seconds(self):
        """How long it has been waiting, after showing so."""
        now = time.monotonic()
        said = f"  … {self.label}, {elapsed(now - self.started)}"
        if self.lively and now - self.printed > 2:
            self.stream.write(f"\r\033[K{said}")
            self.shown = True
        elif not self.lively and now - self.printed > HEARTBEAT:
            self.stream.write(f"{said}\n")
            self.printed = now
        self.stream.flush()
        return now - self.started

    def clear(self):
        """Makes room for what the block prints."""
        if self.shown:
            self.stream.write("\r\033[K")
        self.shown = False
        self.printed = time.monotonic()


def elapsed(seconds):
    """Seconds as a person says them: `0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"
