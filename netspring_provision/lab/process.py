"""The QEMU process of a PC: signalling it, and waiting until it has let go of its files.

A killed process loses its command line at once, its files and their locks a moment later; only
the process descriptor (pidfd) tells when all of it is over. It also cannot hit a stranger who was
given the same number meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netspring_provision.errors import MachineFailedError
from netspring_provision.lab import qemu, store

END_SECONDS = 20.0  # for a killed QEMU to give back its memory on a busy station


@dataclass(frozen=True)
class Process:
    """A QEMU that is, or was a moment ago, alive."""

    pid: int
    descriptor: int

    def wait(self, seconds: float) -> bool:
        """Whether it is wholly over within that time."""
        return bool(select.select([self.descriptor], [], [], max(0.0, seconds))[0])

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens if it is over."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, number)


@contextlib.contextmanager
def of(folder: Path) -> Iterator[Process | None]:
    """The process of the PC of ``folder``; None if there is none."""
    try:
        pid = int((folder / qemu.PID_FILE).read_text())
        descriptor = os.pidfd_open(pid)
    except (OSError, ValueError, OverflowError):
        yield None
        return
    try:
        # Opened first, then looked at: what we hold is what we saw.
        yield Process(pid, descriptor) if store.pid_of(folder) == pid or _ending(pid) else None
    finally:
        os.close(descriptor)


def end(folder: Path) -> None:
    """Kill the QEMU of the PC, if there is one, and wait until it is over.

    Raises:
        MachineFailedError: it does not end.
    """
    with of(folder) as process:
        if process is None:
            return
        if store.pid_of(folder) == process.pid:
            process.signal(signal.SIGKILL)
        if not process.wait(END_SECONDS):
            raise MachineFailedError(
                f"lab PC {folder.name} could not be switched off",
                hint=f"its process {process.pid} hangs in the kernel",
            )


def _ending(pid: int) -> bool:
    """A process that is just ending has no command line any more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == b""
    except OSError:
        return False
