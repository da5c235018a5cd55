"""Notices that a run can no longer be recorded because the station's disk is full."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from netspring_provision.errors import StationError

EVERY = 1.0  # seconds between two looks
LOST_AFTER = 5.0  # seconds; Ansible writes an event and renames it in far less
PROBE_BYTES = 64 * 1024  # about what one event of a machine with many disks needs


class RunSpace:
    """Watches the folder of one playbook run.

    When an event of Ansible cannot be written, ansible-playbook waits for it for ever and nothing
    more is heard of it. So the folder is tried from here, and an event that stays half-written
    counts even if there is space again.
    """

    def __init__(self, folder: Path) -> None:
        """Watch this folder; nothing is done yet."""
        self._folder = folder
        self._next = 0.0
        self.trouble: StationError | None = None

    def is_full(self) -> bool:
        """Whether the run cannot be recorded; looks at most once a second, and remembers."""
        if self.trouble is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            try:
                self._write()
            except OSError as error:
                self.trouble = cannot_record(self._folder, error)
            else:
                if self._lost():
                    self.trouble = cannot_record(self._folder, "an event was lost")
        return self.trouble is not None

    def _write(self) -> None:
        probe = self._folder / ".space"
        try:
            probe.write_bytes(bytes(PROBE_BYTES))
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)

    def _lost(self) -> bool:
        now = time.time()
        for path in self._folder.glob("artifacts/*/job_events/*.tmp"):
            with contextlib.suppress(FileNotFoundError):  # written whole meanwhile
                if now - path.stat().st_mtime > LOST_AFTER:
                    return True
        return False


def cannot_record(folder: Path, why: OSError | str) -> StationError:
    """The error that ends a run which cannot be recorded."""
    said = why if isinstance(why, str) else why.strerror or why
    return StationError(
        f"the run cannot be recorded in {folder}: {said}; work that machines have begun goes on",
        hint="free some space on the station's disk (df -h), then run the same command again",
    )
