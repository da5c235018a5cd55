"""Reads what a person typed about a virtual PC. Pure; raises UsageError with what is allowed."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from netspring_provision.errors import UsageError
from netspring_provision.lab import faults
from netspring_provision.lab.model import (
    BUSES,
    FIRMWARES,
    SD_SERIAL,
    Bus,
    DiskSpec,
    Firmware,
    LabDisk,
    Pc,
)
from netspring_provision.lab.sizes import parse_size

SECTOR = 512
MINIMUM_DISK = 16 * 1024**2  # room for an old partition table and a filesystem with files
MAXIMUM_DISK = 2 * 1024**4  # what an MBR can describe
MINIMUM_MEMORY = 128 * 1024**2
SERIAL_CHARACTERS = 20  # the width of the field in ATA and NVMe

# A label of a host name, as the name is used for one too.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_SERIAL = re.compile(rf"[A-Za-z0-9._-]{{0,{SERIAL_CHARACTERS}}}")


def parse_name(name: str) -> str:
    """The name itself, if it can be a folder and a host name."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a PC",
            hint="use 1 to 32 small letters, digits and dashes, for example pc-1",
        )
    return name


def parse_memory(text: str) -> int:
    """Bytes of memory for a PC."""
    size = parse_size(text)
    if size < MINIMUM_MEMORY or size % 1024**2:
        raise UsageError(
            f"a PC cannot have {text} of memory",
            hint="at least 128M, in whole MiB; the live environment needs 1G",
        )
    return size


def parse_firmware(text: str) -> Firmware:
    """One of the firmwares."""
    if text not in FIRMWARES:
        raise UsageError(f"{text!r} is not a firmware", hint="one of: " + ", ".join(FIRMWARES))
    return cast(Firmware, text)


def parse_disk(text: str) -> DiskSpec:
    """A disk from ``BUS:SIZE[:SERIAL][,FAULT...]``; ``BUS:SIZE:`` asks for an empty serial."""
    form = "write BUS:SIZE or BUS:SIZE:SERIAL, BUS one of: " + ", ".join(BUSES)
    place, *wrong = text.split(",")
    parts = place.split(":")
    if len(parts) not in (2, 3):
        raise UsageError(f"{text!r} does not describe a disk", hint=form)
    bus, size_text = parts[0].lower(), parts[1]
    if bus not in BUSES:
        raise UsageError(f"a lab PC has no {parts[0]!r} disks", hint=form)
    size = parse_size(size_text)
    if not MINIMUM_DISK <= size <= MAXIMUM_DISK or size % SECTOR:
        raise UsageError(
            f"{text!r}: a lab disk cannot have {size_text}",
            hint="from 16M to 2T, in whole sectors of 512 bytes",
        )
    if bus == "sd" and size & (size - 1):
        raise UsageError(
            f"{text!r}: QEMU makes SD cards only in powers of two",
            hint=f"for example sd:{1 << (size.bit_length() - 20)}M",
        )
    serial = parts[2] if len(parts) == 3 else None
    if serial is not None and not _SERIAL.fullmatch(serial):
        raise UsageError(
            f"{serial!r} cannot be the serial of a disk",
            hint=f"up to {SERIAL_CHARACTERS} letters, digits, dots, dashes and underscores",
        )
    found = faults.parse(wrong, bus, size)
    return DiskSpec(bus=cast(Bus, bus), size_bytes=size, serial=serial, faults=found)


def describe(
    folder: Path, firmware: Firmware, memory_bytes: int, disks: Sequence[DiskSpec], machine_id: str
) -> Pc:
    """A new PC with all that makes it unlike any other, derived from its UUID ``machine_id``."""
    name = folder.name
    digest = hashlib.sha256(machine_id.encode()).digest()
    lab_disks = tuple(
        LabDisk(
            index=index,
            bus=spec.bus,
            size_bytes=spec.size_bytes,
            serial=_serial(name, index, spec),
            wwn=_wwn(digest, index) if spec.bus in ("sata", "scsi") else None,
            path=folder / f"disk{index}.img",
            faults=spec.faults,
        )
        for index, spec in enumerate(disks)
    )
    return Pc(
        name=name,
        folder=folder,
        firmware=firmware,
        memory_bytes=memory_bytes,
        uuid=str(uuid.UUID(machine_id)),
        serial=f"LAB-{name.upper()}",
        # 52:54:00 is QEMU's own range: locally administered, never a real card.
        mac="52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3]),
        asset_tag=f"LAB-{name.upper()}",
        disks=lab_disks,
    )


def warnings(pc: Pc) -> tuple[str, ...]:
    """What an interlock will stumble over on this PC; allowed, as those are tested here."""
    found = []
    counts = Counter(disk.serial for disk in pc.disks)
    for serial, count in counts.items():
        if not serial:
            found.append(f"{count} disk(s) without a serial: a wipe will refuse them")
        elif count > 1:
            found.append(f"{count} disks share the serial {serial}: a wipe will refuse them")
    if any(disk.bus == "sd" for disk in pc.disks):
        found.append(f"SD cards in QEMU always have the serial {SD_SERIAL}")
    return tuple(found)


def _serial(name: str, index: int, spec: DiskSpec) -> str:
    if spec.bus == "sd":
        return SD_SERIAL
    if spec.serial is not None:
        return spec.serial
    serial = f"LAB-{name.upper()}-{index}"
    if len(serial) <= SERIAL_CHARACTERS:
        return serial
    # Too long for the field: keep the start, and what tells it from other long names.
    digest = hashlib.sha256(name.encode()).hexdigest()[:6].upper()
    tail = f"-{digest}-{index}"
    return f"LAB-{name.upper()}"[: SERIAL_CHARACTERS - len(tail)] + tail


def _wwn(digest: bytes, index: int) -> int:
    """NAA type 5 as real disks have; 525400 is nobody's OUI, the rest is the PC's own."""
    own = int.from_bytes(digest[3:7], "big") + index
    return (0x5 << 60) | (0x525400 << 36) | (own & 0xFFFFFFFFF)
