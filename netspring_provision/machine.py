"""What a machine says of itself, as frozen types: unknown stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# SMBIOS 3.7 §7.2.1: all zeros and all ones mean that the maker set no UUID.
NO_UUID = frozenset(
    {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}
)


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
class Security:
    """The ATA Security feature set (ATA8-ACS 4.18) as the drive reports it.

    Attributes:
        enabled: a password is set; ``locked``: and it has not been given since power-on.
        frozen: refuses security commands until the next power-on.
        erase_minutes: the drive's own estimate for a normal erase; ``None`` when not told.
        enhanced_minutes: the same for an enhanced erase.
    """

    supported: bool = False
    enabled: bool | None = None
    locked: bool | None = None
    frozen: bool | None = None
    enhanced: bool = False
    erase_minutes: int | None = None
    enhanced_minutes: int | None = None

    @classmethod
    def from_facts(cls, raw: Mapping[str, Any]) -> Security:
        """From ``security`` of a disk's facts, empty when it has none; TypeError on bad minutes."""
        minutes = [raw.get(key) for key in ("erase_minutes", "enhanced_minutes")]
        return cls(
            supported=raw.get("supported") is True,
            enabled=raw.get("enabled"),
            locked=raw.get("locked"),
            frozen=raw.get("frozen"),
            enhanced=raw.get("enhanced") is True,
            erase_minutes=None if minutes[0] is None else _whole(minutes[0]),
            enhanced_minutes=None if minutes[1] is None else _whole(minutes[1]),
        )


@dataclass(frozen=True)
class Disk:
    """One disk as the machine itself reports it; ``None`` is what could not be read.

    Attributes:
        size_bytes: capacity now visible.
        native_bytes: capacity the drive has when nothing is hidden (HPA), bytes.
        sanitize: of ``block``, ``overwrite``, ``crypto`` what it says it can; empty when unknown.
        sanitize_frozen: the firmware locked the sanitize commands until the next power-on.
        nvme_format: Format with SES 1; ``nvme_format_crypto``: with SES 2.
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
    sanitize: frozenset[str]
    sanitize_frozen: bool | None
    security: Security
    hpa_present: bool | None
    nvme_format: bool
    nvme_format_crypto: bool
    secure_discard: bool
    smart_passed: bool | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_facts(cls, raw: Mapping[str, Any]) -> Disk:
        """From one entry of ``disks`` in the facts; raises KeyError/TypeError on other shapes.

        A serial that tells nothing (blanks, zeros) or that no drive prints counts as none.
        """
        nvme = raw.get("nvme") or {}
        smart = raw.get("smart") or {}
        sanitize = raw.get("sanitize") or {}
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
            sanitize=frozenset(
                kind
                for kind in ("block", "overwrite", "crypto")
                if sanitize.get(kind) is True or nvme.get(f"sanitize_{kind}") is True
            ),
            sanitize_frozen=sanitize.get("frozen"),
            security=Security.from_facts(raw.get("security") or {}),
            hpa_present=hpa.get("present"),
            nvme_format=nvme.get("secure_erase") is True,
            nvme_format_crypto=nvme.get("crypto_erase") is True,
            secure_discard=(raw.get("mmc") or {}).get("secure_discard") is True,
            smart_passed=smart.get("passed"),
            raw=raw,
        )


@dataclass(frozen=True)
class Unseen:
    """Disks that hang in a machine and that its kernel does not show.

    Attributes:
        kind: ``remapped_nvme`` (Intel RST or RAID mode) or ``no_driver``.
        count: disks, or controllers whose disks cannot be counted.
        detail: where, for a person.
    """

    kind: str
    count: int
    detail: str


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
    unseen: tuple[Unseen, ...]
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
            # Not told is not none: a machine without this key cannot be understood.
            unseen=tuple(
                Unseen(str(u["kind"]), _whole(u["count"]), _printable(u["detail"]) or "somewhere")
                for u in raw["hidden_disks"]
            ),
            raw=raw,
        )
