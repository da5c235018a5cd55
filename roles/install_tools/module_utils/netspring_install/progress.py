"""Tells the outside how far the work is: one JSON object per line, at most one a second."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path


class Progress:
    """Writes phase, offset, size (bytes), rate (bytes/s) and time left (s) of one disk.

    Args:
        path: file that grows by one line at a time.
        serial: the disk, as the station names it.
    """

    def __init__(self, path: Path, serial: str) -> None:
        """Begin a new file: lines of an earlier run would be misleading."""
        self._file = path.open("w", encoding="utf-8")
        self._serial = serial
        self._lock = threading.Lock()
        self._phase = "check"
        self._size = self._offset = self._counted = 0
        self._started = self._written = self._began = time.monotonic()
        self.seconds: dict[str, float] = {}

    def begin(self, phase: str, size: int = 0, offset: int = 0) -> None:
        """Start a phase of ``size`` bytes, of which ``offset`` are already there."""
        with self._lock:
            self._close_phase()
            self._phase, self._size, self._offset, self._counted = phase, size, offset, 0
            self._started = time.monotonic()
            self._line()

    def advance(self, count: int) -> None:
        """``count`` more bytes are done; may be called from several threads."""
        with self._lock:
            self._offset += count
            self._counted += count
            if time.monotonic() - self._written >= 1:
                self._line()

    def rate(self) -> int:
        """Bytes per second of this phase so far."""
        return int(self._counted / max(time.monotonic() - self._started, 1e-3))

    def end(self) -> None:
        """Close the last phase and the file."""
        with self._lock:
            self._close_phase()
            self._file.close()

    def _close_phase(self) -> None:
        spent = time.monotonic() - self._started
        self.seconds[self._phase] = round(self.seconds.get(self._phase, 0.0) + spent, 2)

    def _line(self) -> None:
        self._written = time.monotonic()
        rate = self.rate() if self._counted else None
        left = max(self._size - self._offset, 0)
        item = {
            "id": self._serial,
            "phase": self._phase,
            "offset": self._offset,
            "size": self._size,
            "rate_bps": rate,
            "eta_s": round(left / rate) if rate else None,
        }
        self._file.write(json.dumps(item) + "\n")
        self._file.flush()
