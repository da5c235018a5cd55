"""Read the JSON of ``lsblk -J``: which disks there are. It knows nothing of their health."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from netspring_provision.triage.model import Reading
from netspring_provision.triage.values import number, rows, text, yes

UNITS = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
SIZE = re.compile(r"(\d{1,6})(?:[.,](\d{1,3}))?\s*([KMGTPB]?)(?:iB)?", re.ASCII)
# Kernel names of what is no disk of the machine: RAM, loops, floppies, optical, stacked devices.
NOT_DISKS = re.compile(r"(loop|ram|zram|fd|sr|dm-|md|nbd|mtdblock)\d*|mmcblk\d+(boot|gp)\d+")
WHOLE = re.compile(r"nvme\d+n\d+|mmcblk\d+|[a-z]+")  # where there is no column that tells
BUSES = {
    "ata": "sata",
    "sata": "sata",
    "sas": "scsi",
    "scsi": "scsi",
    "spi": "scsi",
    "fc": "scsi",
    "nvme": "nvme",
    "usb": "usb",
    "mmc": "mmc",
}


def is_lsblk(document: object) -> bool:
    """Whether this is an answer of ``lsblk -J``."""
    return isinstance(document, Mapping) and isinstance(document.get("blockdevices"), list)


def read(document: Mapping[str, Any], file: str | None = None) -> tuple[Reading, ...]:
    """The disks that lsblk lists; partitions and stacked devices left out."""
    return tuple(_disks(document, file))


def _disks(document: Mapping[str, Any], file: str | None) -> Iterable[Reading]:
    for row in rows(document.get("blockdevices")):
        name = (text(row.get("name")) or text(row.get("kname")) or "").removeprefix("/dev/")
        kind = text(row.get("type"))
        size = _bytes(row.get("size"))
        if kind not in (None, "disk") or NOT_DISKS.fullmatch(name) or size == 0:
            continue
        if kind is None and not WHOLE.fullmatch(name):
            continue
        transport = (text(row.get("tran")) or "").lower()
        bus = BUSES.get(transport, "unknown")
        if name.startswith("nvme"):
            bus = "nvme"
        elif name.startswith("mmcblk"):
            bus = "mmc"
        elif name.startswith("vd"):
            bus = "virtio"
        turns = yes(row.get("rota"))
        yield Reading(
            path=text(row.get("path")) or (f"/dev/{name}" if name else None),
            model=text(row.get("model")),
            serial=text(row.get("serial")),
            medium=_medium(bus, turns),
            bus=bus,
            size_bytes=size,
            gaps=frozenset({"not_asked"}),
            removable=yes(row.get("rm")) is True or yes(row.get("hotplug")) is True or bus == "usb",
            files=(file,) if file else (),
        )


def _medium(bus: str, turns: bool | None) -> str:
    """Medium: ROTA is a guess of the kernel's behind bridges and in virtual PCs: not believed."""
    if bus == "nvme":
        return "ssd"
    if bus == "mmc":
        return "flash"
    if bus == "sata" and turns is not None:
        return "hdd" if turns else "ssd"
    return "unknown"


def _bytes(value: object) -> int | None:
    """Bytes of ``lsblk -b`` or of ``465,8G``; lsblk's units are powers of 1024."""
    plain = number(value)
    if plain is not None:
        return plain
    found = SIZE.fullmatch(text(value) or "")
    if not found:
        return None
    return int(float(f"{found[1]}.{found[2] or 0}") * UNITS[found[3]])
