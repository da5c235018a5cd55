"""The words of the domain as frozen types: what a machine is, what is planned, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from netspring_provision.machine import Disk, Facts, Security, Unseen, Use

__all__ = [
    "Claim",
    "Disk",
    "Facts",
    "Failure",
    "Limit",
    "MachinePlan",
    "Outcome",
    "Plan",
    "PlannedDisk",
    "ReadBack",
    "RefusedDisk",
    "RefusedMachine",
    "Requirement",
    "Security",
    "Step",
    "Unseen",
    "Use",
]


class Outcome(StrEnum):
    """How a planned disk or machine ended. There is no fourth way; none at all is ``failed``."""

    ERASED = "erased"
    REFUSED = "refused"
    FAILED = "failed"


class Step(StrEnum):
    """The steps of provisioning, in order."""

    INSPECT = "inspect"
    WIPE = "wipe"
    INSTALL = "install"
    VERIFY = "verify"


@dataclass(frozen=True)
class Requirement:
    """What an image asks of a machine, bytes."""

    image: str
    minimum_disk_bytes: int
    minimum_memory_bytes: int


@dataclass(frozen=True)
class Limit:
    """What must be said with a claim or a plan; ``code`` has words in ``claims.yml``.

    Attributes:
        detail: what the words leave open: a number, a reason of the drive; may be empty.
    """

    code: str
    detail: str = ""


@dataclass(frozen=True)
class Failure:
    """An earlier wipe of a disk that failed.

    Attributes:
        time: ISO 8601, by the station's clock.
        reason: what spoke against the disk.
    """

    time: str
    reason: str


@dataclass(frozen=True)
class Claim:
    """What may be said of a disk once the method is proven, and what must be said with it.

    Attributes:
        level: ``Clear``, ``Purge technique (device-reported)`` or ``none``.
        limits: what the method does not reach, or what rests on the drive's word alone.
    """

    level: str
    limits: tuple[Limit, ...]

    @classmethod
    def from_plain(cls, raw: Mapping[str, Any]) -> Claim:
        """From its plain data; raises KeyError/TypeError on another shape."""
        return cls(str(raw["level"]), tuple(Limit(**limit) for limit in raw["limits"]))


@dataclass(frozen=True)
class ReadBack:
    """How the disk is read back at the end.

    Attributes:
        mode: ``full``, or ``sampled`` by explicit policy only.
        pitch_bytes: distance from one sample to the next; ``None`` when full.
        length_bytes: length of one sample; ``None`` when full.
    """

    mode: str = "full"
    pitch_bytes: int | None = None
    length_bytes: int | None = None


@dataclass(frozen=True)
class PlannedDisk:
    """One disk that will be destroyed, and how.

    Attributes:
        size_bytes: capacity now visible.
        native_bytes: capacity when nothing is hidden, bytes; ``None`` when it could not be read.
        method: the first method; ``fallback``: those that may follow, none with a stronger claim.
        claim: what ``method`` may claim.
        media_claims: what each method may claim, so that a fallback never keeps another's claim.
        estimate_seconds: rough time of ``method`` and its proof.
        estimates: the same for each method.
        verify: how it is read back.
        remove_hpa: the hidden part is to be unhidden, for good.
        unfreeze: the machine may be suspended once to thaw the drive.
        opt_in: it may be somebody's own (USB or an unknown bus), and the operator named it.
        notes: what the operator is to know before, e.g. that the drive is failing.
    """

    path: str
    serial: str
    wwn: str | None
    size_bytes: int
    native_bytes: int | None
    model: str
    bus: str
    medium: str
    method: str
    fallback: tuple[str, ...]
    claim: Claim
    media_claims: Mapping[str, Claim]
    estimate_seconds: int
    estimates: Mapping[str, int]
    verify: ReadBack
    remove_hpa: bool
    unfreeze: bool
    opt_in: bool
    notes: tuple[Limit, ...]

    @property
    def erased_bytes(self) -> int:
        """Capacity that must be erased and read back: with the hidden part where it is removed."""
        if self.remove_hpa and self.native_bytes is not None:
            return self.native_bytes
        return self.size_bytes

    @classmethod
    def from_plain(cls, raw: Mapping[str, Any]) -> PlannedDisk:
        """From its plain data in a plan; raises KeyError/TypeError on another shape."""
        made = {
            "fallback": tuple(raw["fallback"]),
            "claim": Claim.from_plain(raw["claim"]),
            "media_claims": {m: Claim.from_plain(c) for m, c in raw["media_claims"].items()},
            "estimates": dict(raw["estimates"]),
            "verify": ReadBack(**raw["verify"]),
            "notes": tuple(Limit(**note) for note in raw["notes"]),
        }
        return cls(**{**raw, **made})


@dataclass(frozen=True)
class RefusedDisk:
    """One disk that will not be touched, why, and the way out."""

    path: str
    serial: str | None
    reason: str
    hint: str


@dataclass(frozen=True)
class MachinePlan:
    """What will happen to one machine."""

    host: str
    uuid: str
    serial: str | None
    vendor: str
    product: str
    boot_id: str
    install_disk: str | None
    disks: tuple[PlannedDisk, ...]
    refused: tuple[RefusedDisk, ...]


@dataclass(frozen=True)
class RefusedMachine:
    """A machine that is not touched at all."""

    host: str
    reason: str
    hint: str


@dataclass(frozen=True)
class Plan:
    """What will be destroyed, bound to serials, for a limited time.

    Attributes:
        created: ISO 8601, UTC.
        expires: ISO 8601, UTC; no wipe begins after it.
        confirm: the phrase to type.
    """

    plan_id: str
    created: str
    expires: str
    inventory: str
    confirm: str
    token_sha256: str
    machines: tuple[MachinePlan, ...]
    refused: tuple[RefusedMachine, ...]
