"""The words of triage as frozen types: what was read, what was found, and the verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from netspring_provision.checks.catalogue import Words


class Health(StrEnum):
    """Standing of one disk. What cannot be read is ``unknown``, never ``healthy``."""

    HEALTHY = "healthy"
    FAILING = "failing"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """What to do with a machine: hand it on, set it aside for a new part, or take it apart."""

    KEEP = "keep"
    REPAIR = "repair"
    PARTS = "parts"


class Weight(StrEnum):
    """How much a finding weighs: it condemns, it leaves open, or it is only to be known."""

    BAD = "bad"
    OPEN = "open"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that was noticed.

    Attributes:
        rule: its name in rules.yml.
        words: a clause for people, without a full stop.
        parts: whether it makes the machine a donor of parts rather than one to mend.
    """

    rule: str
    weight: Weight
    words: Words
    parts: bool = False


@dataclass(frozen=True)
class Reading:
    """What the tools said of one disk; ``None`` and absent numbers are what nobody said.

    Attributes:
        medium: hdd, ssd, flash or unknown.
        bus: sata, nvme, scsi, usb, mmc, virtio or unknown.
        passed: the disk's own verdict.
        numbers: by the names in rules.yml, each so that more is worse.
        gaps: names of ``gaps`` in rules.yml: why something could not be read.
        removable: a stick or card that is not part of the machine.
        files: where it was read.
    """

    path: str | None = None
    model: str | None = None
    serial: str | None = None
    medium: str = "unknown"
    bus: str = "unknown"
    size_bytes: int | None = None
    passed: bool | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    gaps: frozenset[str] = frozenset()
    removable: bool = False
    files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How to point at it: path, model and serial as far as they are known."""
        words = [self.path, self.model, f"({self.serial})" if self.serial else None]
        return " ".join(word for word in words if word) or "disk"

    def merged(self, other: Reading) -> Reading:
        """Both readings of the same disk as one; where they differ, the worse one counts."""
        numbers = dict(self.numbers)
        for key, value in other.numbers.items():
            numbers[key] = max(value, numbers.get(key, 0))
        verdicts = (self.passed, other.passed)
        return Reading(
            path=self.path or other.path,
            model=self.model or other.model,
            serial=self.serial or other.serial,
            medium=self.medium if self.medium != "unknown" else other.medium,
            bus=self.bus if self.bus != "unknown" else other.bus,
            size_bytes=self.size_bytes or other.size_bytes,
            passed=False if False in verdicts else True if True in verdicts else None,
            numbers=numbers,
            gaps=self.gaps | other.gaps,
            removable=self.removable or other.removable,
            files=tuple(dict.fromkeys((*self.files, *other.files))),
        )


@dataclass(frozen=True)
class Battery:
    """One battery; energies in the unit the machine uses, mWh or mAh alike."""

    name: str
    full: int | None
    design: int | None

    @property
    def percent(self) -> int | None:
        """What a full charge still holds, of what it held when new; ``None`` if not told."""
        if not self.design or self.full is None:
            return None
        return self.full * 100 // self.design


@dataclass(frozen=True)
class MachineReading:
    """What the tools said of one machine around its disks.

    Attributes:
        x86_64: whether the processor runs 64-bit Linux.
        clock_hz: fastest clock of the processor.
        portable: a notebook, which ought to have a battery; ``None`` where that is not told.
        batteries: those found; ``None`` where nobody looked.
    """

    name: str
    memory_bytes: int | None = None
    cpu: str | None = None
    x86_64: bool | None = None
    clock_hz: int | None = None
    portable: bool | None = None
    batteries: tuple[Battery, ...] | None = None
    gaps: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class DiskVerdict:
    """What is to be thought of one disk.

    Attributes:
        reason: one plain sentence.
        findings: what it rests on, the heaviest first.
    """

    disk: Reading
    health: Health
    reason: Words
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """What follows for a machine of which this is the only disk, and nothing else is known."""
        return Verdict.KEEP if self.health is Health.HEALTHY else Verdict.REPAIR

    def as_data(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "name": self.disk.name,
            "path": self.disk.path,
            "model": self.disk.model,
            "serial": self.disk.serial,
            "bus": self.disk.bus,
            "medium": self.disk.medium,
            "size_bytes": self.disk.size_bytes,
            "health": str(self.health),
            "verdict": str(self.verdict),
            "reason": words_data(self.reason),
            "findings": [finding_data(finding) for finding in self.findings],
            "numbers": dict(sorted(self.disk.numbers.items())),
            "files": list(self.disk.files),
        }


@dataclass(frozen=True)
class MachineVerdict:
    """What is to be done with one machine, and why, in one plain sentence."""

    machine: MachineReading
    verdict: Verdict
    reason: Words
    findings: tuple[Finding, ...]
    disks: tuple[DiskVerdict, ...]

    def as_data(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "name": self.machine.name,
            "verdict": str(self.verdict),
            "reason": words_data(self.reason),
            "findings": [finding_data(finding) for finding in self.findings],
            "memory_bytes": self.machine.memory_bytes,
            "cpu": self.machine.cpu,
            "x86_64": self.machine.x86_64,
            "batteries": None
            if self.machine.batteries is None
            else [
                {"name": one.name, "full": one.full, "design": one.design, "percent": one.percent}
                for one in self.machine.batteries
            ],
            "disks": [disk.as_data() for disk in self.disks],
            "files": list(self.machine.files),
        }


def words_data(words: Words) -> dict[str, str]:
    """Both languages as plain data."""
    return {"zh": words.zh, "en": words.en}


def finding_data(finding: Finding) -> dict[str, Any]:
    """A finding as plain data."""
    return {
        "rule": finding.rule,
        "weight": str(finding.weight),
        "words": words_data(finding.words),
    }
