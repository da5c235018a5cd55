"""Progress as JSON lines, and files that are either whole or not there."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

INTERVAL = 1.0  # seconds between two lines of the same phase


def write_whole(path: Path, data: object) -> None:
    """Write JSON so that a reader, or a crash, never sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w") as file:
        json.dump(data, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def last_line(path: Path, window: int = 4096) -> dict[str, Any] | None:
    """Newest complete line of a progress file, reading only its last ``window`` bytes."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - window))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return None
    for line in reversed(lines[:-1]):  # what follows the last newline is still being written
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return None


class Progress:
    """Counts the bytes of one disk's phases; safe to call from several threads."""

    def __init__(self, path: Path | None = None) -> None:
        """Append to ``path``; without one only count."""
        self._file = path.open("a", buffering=1) if path else None
        self._lock = threading.Lock()
        self._phase, self._size, self._done, self._passes = "starting", 0, 0, 0
        self._start = self._told = time.monotonic()

    def begin(self, phase: str, size: int, passes_left: int = 0) -> None:
        """Start a phase of ``size`` bytes, after which ``passes_left`` like it will follow."""
        with self._lock:
            self._phase, self._size, self._done, self._passes = phase, size, 0, passes_left
            self._start = time.monotonic()
            self._tell()

    def advance(self, count: int) -> None:
        """``count`` more bytes of this phase are done."""
        with self._lock:
            self._done += count
            if time.monotonic() - self._told >= INTERVAL or self._done == self._size:
                self._tell()

    def at(self, phase: str, done: int, size: int) -> None:
        """A phase of which the device tells how far it is: ``done`` of ``size`` parts."""
        if phase != self._phase or size != self._size:
            self.begin(phase, size)
        with self._lock:
            self._done = done
            self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        self._told = now
        rate = self._done / (now - self._start) if now > self._start else 0.0
        left = self._size - self._done + self._passes * self._size
        line = {
            "ts": round(time.time(), 1),
            "phase": self._phase,
            "offset": self._done,
            "size": self._size,
            "rate_bps": round(rate),
            "eta_s": round(left / rate) if rate else None,
        }
        if self._file:
            self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Close the file; counting on does no harm."""
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None
