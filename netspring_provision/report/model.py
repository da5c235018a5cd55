"""What a report tells, as frozen types: what is known of each machine, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netspring_provision.checks.catalogue import Words
from netspring_provision.outcome import DiskOutcome
from netspring_provision.verdict import MachineVerdict


@dataclass(frozen=True)
class Picture:
    """A PNG or JPEG file and what it shows."""

    path: Path
    caption: Words


@dataclass(frozen=True)
class Certificate:
    """The erasure record of a disk, in short.

    Attributes:
        sha256: of its file, by which a printed report and the file find each other.
        demands: what the disk still needs before it may leave, a word of words.yml; or ``None``.
    """

    cert_id: str
    sha256: str
    demands: str | None


@dataclass(frozen=True)
class MachineReport:
    """One machine.

    Attributes:
        verdict: what the checks said; ``None`` if it did not come that far.
        disks: how each disk ended; empty if this run wiped none.
        certificates: the erasure records of these wipes, by serial (by path where it has none).
        facts: as inspected (``facts`` payload), if known.
        image: name of the image that it was given.
        trouble: why it did not come to the checks, if it did not.
        pictures: more pictures, for instance of the screen as the lab sees it.
    """

    host: str
    verdict: MachineVerdict | None = None
    disks: tuple[DiskOutcome, ...] = ()
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    facts: Mapping[str, Any] | None = field(default=None, repr=False)
    image: str | None = None
    trouble: str | None = None
    pictures: tuple[Picture, ...] = ()

    @property
    def standing(self) -> str:
        """A word of words.yml: ``passed``, ``failed``, ``unreachable``, ``broken``, ``unchecked``.

        A machine is good only if its checks passed and nothing else is known against it.
        """
        if self.verdict is None:
            return "unchecked"
        if self.verdict.passed and (self.trouble or any(d.reason for d in self.disks)):
            return "failed"
        return str(self.verdict.standing)

    @property
    def good(self) -> bool:
        """Whether it may be handed over."""
        return self.standing == "passed"


@dataclass(frozen=True)
class RoomReport:
    """All machines of one run.

    Attributes:
        title: of the room or the inventory.
        created: ISO 8601 with time zone, by the station's clock.
    """

    title: str
    run_id: str
    created: str
    machines: tuple[MachineReport, ...]

    @property
    def good(self) -> int:
        """How many may be handed over."""
        return sum(machine.good for machine in self.machines)
