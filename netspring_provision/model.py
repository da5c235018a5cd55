"""The words of the domain as frozen types: what a machine is, what is planned, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# SMBIOS 3.7 §7.2.1: all zeros and all ones mean that the maker set no UUID.
NO_UUID = frozenset(
    {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}
)


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


def _whole(value: object) -> int:
    """A count of bytes as a machine must report it; raises TypeError on anything else."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"not a whole number of bytes: {value!r}")
    return value


def _printable(value: object) -> str | None:
    """Text of a machine's firmware, made fit for files and screens; ``None`` when empty."""
    text = str(value or "").encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else "?" for c in text).strip() or None


def _usable_serial(value: object) -> str | None:
    """A serial that can tell one disk from another, or ``None``; raises TypeError on non-text.

    Ansible would take braces for a template, so a serial with braces never leaves this function.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"not a serial: {value!r}")
    told = value.isascii() and value.isprintable() and not set(value) & set("{}")
    return value if told and value.strip(" 0.-_") else None


@dataclass(frozen=True)
class Use:
    """Why a disk is in use now: mounted, swap, lvm, raid, dm, multipath, boot, holder."""

    kind: str
    detail: str


@dataclass(frozen=True)
class Disk:
    """One disk as the machine itself reports it; ``None`` is what could not be read.

    Attributes:
        size_bytes: capacity now visible.
        native_bytes: capacity the drive has when nothing is hidden (HPA), bytes.
        raw: the whole record as inspected, for reports.
    """

    path: str
    bus: str
    medium: str
    model: str
    serial: str | None
    wwn: str | None
    size_bytes: int
    native_bytes: int | None
    read_only: bool
    removable: bool
    uses: tuple[Use, ...]
    security_locked: bool | None
    security_frozen: bool | None
    hpa_present: bool | None
    nvme_secure_erase: bool
    smart_passed: bool | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_facts(cls, raw: Mapping[str, Any]) -> Disk:
        """From one entry of ``disks`` in the facts; raises KeyError/TypeError on other shapes.

        A serial that tells nothing (blanks, zeros) or that no drive prints counts as none.
        """
        nvme = raw.get("nvme") or {}
        security = raw.get("security") or {}
        smart = raw.get("smart") or {}
        hpa = raw.get("hpa") or {}
        return cls(
            path=str(raw["path"]),
            bus=str(raw["bus"]),
            medium=str(raw["medium"]),
            model=_printable(raw.get("model")) or "unknown model",
            serial=_usable_serial(raw.get("serial")),
            wwn=_printable(raw.get("wwn")),
            size_bytes=_whole(raw["size_bytes"]),
            native_bytes=None if raw.get("native_bytes") is None else _whole(raw["native_bytes"]),
            read_only=raw["read_only"] is not False,
            removable=raw.get("removable") is not False,
            uses=tuple(Use(str(u["kind"]), str(u["detail"])) for u in raw["uses"]),
            security_locked=security.get("locked"),
            security_frozen=security.get("frozen"),
            hpa_present=hpa.get("present"),
            nvme_secure_erase=bool(nvme.get("secure_erase") or nvme.get("crypto_erase")),
            smart_passed=smart.get("passed"),
            raw=raw,
        )


@dataclass(frozen=True)
class Facts:
    """One machine as inspected.

    Attributes:
        uuid: SMBIOS UUID in lower case.
        live_token_sha256: digest of the token on its kernel command line.
        boot_id: the kernel's random identifier of this boot.
    """

    host: str
    uuid: str | None
    serial: str | None
    vendor: str
    product: str
    firmware: str
    memory_bytes: int
    live_marker: bool
    live_token_sha256: str | None
    boot_id: str
    disks: tuple[Disk, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_payload(cls, host: str, raw: Mapping[str, Any]) -> Facts:
        """From the ``facts`` payload of the inspect module.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it has another shape.
        """
        system, live = raw["system"], raw["live"]
        uuid = str(system.get("uuid") or "").strip().lower()
        return cls(
            host=host,
            uuid=None if uuid in NO_UUID else uuid or None,
            serial=_printable(system.get("serial")),
            vendor=_printable(system.get("vendor")) or "unknown maker",
            product=_printable(system.get("product")) or "unknown model",
            firmware=str(system["firmware"]),
            memory_bytes=int(raw["memory_bytes"]),
            live_marker=live.get("marker") is True,
            live_token_sha256=live.get("token_sha256"),
            boot_id=str(live["boot_id"]),
            disks=tuple(Disk.from_facts(d) for d in raw["disks"]),
            raw=raw,
        )


@dataclass(frozen=True)
class Requirement:
    """What an image asks of a machine, bytes."""

    image: str
    minimum_disk_bytes: int
    minimum_memory_bytes: int


@dataclass(frozen=True)
class Claim:
    """What may be said of a disk once the method is proven, and what must be said with it.

    Attributes:
        level: ``Clear``, ``Purge technique (device-reported)`` or ``none``.
        limits: what the method does not reach, in words.
    """

    level: str
    limits: tuple[str, ...]


@dataclass(frozen=True)
class PlannedDisk:
    """One disk that will be destroyed, and how."""

    path: str
    serial: str
    wwn: str | None
    size_bytes: int
    model: str
    bus: str
    medium: str
    method: str
    fallback: tuple[str, ...]
    claim: Claim
    estimate_seconds: int


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
