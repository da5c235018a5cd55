"""The common shape of a firmware method: what is asked of it, and what the device says of itself.

A method says whether it suits a disk, which command starts it, and what the device itself tells of
it. The driver (``firmware.py``) does the rest for all of them alike: status before, command, poll
the device until it is done, canaries. An exit code alone proves nothing, in either direction.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase.failures import AbortedError
from ansible.module_utils.netspring_erase.probe import Probe
from ansible.module_utils.netspring_erase.progress import Progress

OVERWRITE = "overwrite"
POLL_SECONDS = 5.0  # between two looks at a device that is erasing itself
COMMAND_SECONDS = 120.0  # for a command that only starts an erase, or asks something
DAY = 86_400.0  # seconds

BUSES = {"nvme": "nvme", "ata": "sata", "scsi": "scsi", "discard": "mmc"}

# What a device says of its own erase; the words stand in the record.
IDLE = "never"  # none under way, and it tells of no earlier one
RUNNING = "in_progress"
DONE = "completed"  # the last one ended well; this stays so for ever, so it may be an old one
FAILED = "failed"  # the last one did not end well
UNKNOWN = "unknown"  # it does not answer, or not in a way that we understand


@dataclass(frozen=True)
class Status:
    """What the device says of its own erase at one moment.

    Attributes:
        state: IDLE, RUNNING, DONE, FAILED or UNKNOWN.
        told: its answer in plain data, for the evidence; None where it keeps no such status.
        percent: how far it is, where it tells.
        detail: why it failed or is unknown, in words.
    """

    state: str
    told: Mapping[str, Any] | None = None
    percent: float | None = None
    detail: str = ""

    def record(self) -> dict[str, Any] | None:
        """For the evidence: its state and its own words; None where it keeps no status."""
        return None if self.told is None else {**self.told, "state": self.state}


@dataclass(frozen=True)
class Target:
    """One disk that is held open exclusively, and the means to work on it.

    Attributes:
        disk: who it is; already checked.
        planned: its part of the plan.
        probe: how to ask the machine; tests answer instead.
        progress: where to count.
        stop: set to abort.
    """

    disk: Identity
    planned: Mapping[str, Any]
    probe: Probe
    progress: Progress
    stop: threading.Event

    def run(self, argv: list[str], seconds: float = COMMAND_SECONDS) -> Said:
        """Run a tool for at most ``seconds`` seconds; raises nothing."""
        return self.probe.run(argv, seconds)

    def pause(self, seconds: float) -> None:
        """Let ``seconds`` seconds pass; raises AbortedError as soon as somebody stops the work."""
        if self.probe.pause(self.stop, seconds):
            raise AbortedError

    def show(self, phase: str, percent: float | None) -> None:
        """Tell how far the device is: its percentage of the disk's bytes, for it tells no bytes."""
        size = self.disk.size_bytes
        self.progress.at(phase, round(size * (percent or 0) / 100), size)


@dataclass(frozen=True)
class Method(ABC):
    """A way in which a device erases itself.

    Attributes:
        name: as the plan names it, such as ``nvme_sanitize_block``.
        version: command that tells the version of the tool.
        phase: progress phase, ``sanitizing`` or ``formatting``.
        tells_success: the device keeps a status of its own that says whether the erase succeeded.
            Where it does, only DONE is success; where it does not, IDLE is, after a command that
            was accepted. Canaries decide in both cases.
        blocks: its command returns when the erase has ended, not when it has begun.
    """

    name: str
    version: tuple[str, ...]
    phase: str = "sanitizing"
    tells_success: bool = True
    blocks: bool = False

    @property
    def bus(self) -> str:
        """The bus on which it exists; on another one the device is not even asked."""
        return BUSES[self.name.split("_")[0]]

    @abstractmethod
    def unsuitable(self, at: Target) -> str | None:
        """Why it must not be used on this disk, in words for a person, or None. Changes nothing."""

    @abstractmethod
    def argv(self, at: Target) -> list[str]:
        """The one command that erases; this is what the record shows."""

    @abstractmethod
    def status(self, at: Target) -> Status:
        """Ask the device itself. Called before, while it runs, and after; changes nothing."""

    def limit(self, at: Target) -> float:
        """Seconds after which a device that still says RUNNING counts as stuck."""
        del at
        return DAY

    def command_limit(self, at: Target) -> float:
        """Seconds that the command itself may take; long only where it blocks until the end."""
        del at
        return COMMAND_SECONDS

    def issue(self, at: Target) -> tuple[Said, ...]:
        """Send it: every command that changed the device, in order; the last one is the erase.

        Stop at the first that went wrong and return what was sent so far.
        """
        return (at.run(self.argv(at), self.command_limit(at)),)

    def complaint(self, said: Said) -> str | None:
        """What is wrong with the answer to a command, or None. No complaint is no success yet."""
        return complaint(said)

    def tidy(self, at: Target) -> str | None:
        """Put the device back into a usable state, after success and failure alike.

        Returns:
            What could not be put back, in words; the disk is then failed, whatever else went well.
        """
        del at
        return None


def complaint(said: Said) -> str | None:
    """What is wrong with a tool's answer, or None.

    hdparm goes on and exits 0 after an answer that it did not understand (sgio.c).
    """
    told = " ".join((said.err.strip() or said.out.strip()).split()) or "no message"
    if said.code is None:
        return told
    if said.code != 0:
        return f"{said.argv[0]} failed with code {said.code}: {told}"
    if "bad/missing sense data" in said.err:
        return f"{said.argv[0]} got an answer that it did not understand: {told}"
    return None
