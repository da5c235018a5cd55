"""What lies on each disk of the machine: partitions, signatures, and a sample of raw bytes."""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path
from typing import Any

from netspring_provision.checks.on_machine.programs import output

SAMPLE_BYTES = 65536
SAMPLES = 192
# Memory, drives for floppy disks, and the parts of an eMMC that hold its own boot code and keys.
NO_DISK = re.compile(r"zram|fd\d|ram\d|mmcblk\d+(boot\d+|rpmb)$")
EDGE_BYTES = 1 << 20


def all_disks(marks: list[bytes]) -> list[dict[str, Any]]:
    """Every disk with its partitions; optical drives, zram and loop devices are not disks.

    Args:
        marks: byte strings that only a former owner's data holds.
    """
    columns = (
        "NAME,PATH,TYPE,SIZE,SERIAL,MODEL,TRAN,RM,RO,PARTLABEL,FSTYPE,LABEL,PTTYPE,MOUNTPOINTS"
    )
    listed = output("lsblk", "--json", "--bytes", "--output", columns)
    found = []
    for entry in json.loads(listed)["blockdevices"]:
        if entry["type"] != "disk" or NO_DISK.match(entry["name"]):
            continue
        if not entry["size"]:  # an empty card reader
            continue
        disk = {key: entry.get(key) for key in ("name", "path", "size", "serial", "model")}
        disk["bus"] = entry.get("tran")
        disk["removable"] = bool(entry.get("rm"))
        disk["table"] = entry.get("pttype")
        disk["filesystem"] = entry.get("fstype")
        disk["partitions"] = [
            {key: part.get(key) for key in ("name", "size", "partlabel", "fstype", "label")}
            for part in entry.get("children", [])
        ]
        disk["installed"] = _carries_root(entry)
        disk["sample"] = sample(Path(entry["path"]), int(entry["size"]), marks)
        found.append(disk)
    return found


def _carries_root(entry: dict[str, Any]) -> bool:
    mounted = entry.get("mountpoints") or []
    return "/" in mounted or any(_carries_root(child) for child in entry.get("children", []))


def sample(device: Path, size: int, marks: list[bytes]) -> dict[str, Any]:
    """Read both ends and places at random; counts samples with data and those with a mark.

    Args:
        device: block device or, in tests, a file.
        size: its size, bytes.
        marks: byte strings to look for.
    """
    spread = max(1, size - SAMPLE_BYTES)
    places = [(0, EDGE_BYTES), (max(0, size - EDGE_BYTES), EDGE_BYTES)]
    # Where we look need not be secret, only different each time.
    places += [(random.randrange(spread) // 512 * 512, SAMPLE_BYTES) for _ in range(SAMPLES)]  # noqa: S311
    result: dict[str, Any] = {"bytes": 0, "with_data": 0, "with_mark": 0, "errors": 0}
    descriptor = os.open(device, os.O_RDONLY)
    try:
        for offset, length in sorted(places):
            try:
                block = os.pread(descriptor, min(length, size - offset), offset)
            except OSError:
                result["errors"] += 1
                continue
            result["bytes"] += len(block)
            result["with_data"] += bool(block.strip(b"\0"))
            result["with_mark"] += any(mark in block for mark in marks)
    finally:
        os.close(descriptor)
    return result


# What the kernel says when a medium, a drive or its cable fails.
_COMPLAINT = re.compile(
    r"I/O error|EXT4-fs error|[Mm]edium [Ee]rror|critical (medium|target) error|"
    r"failed command|timeout|controller is down|[Uu]nrecovered read error"
)


def names(sys: Path = Path("/sys")) -> list[str]:
    """How the kernel's log names the fixed disks of this PC: ``sda``, ``ata1``, ``nvme0``.

    Not what a child puts in and pulls out: sticks, cards, discs.
    """
    found = set()
    for disk in sorted((sys / "block").glob("*")):
        place = str(disk.resolve())
        card = disk / "device/type"
        if (
            NO_DISK.match(disk.name)
            or disk.name.startswith(("loop", "sr", "dm-", "md"))
            or "/usb" in place
            or (disk / "removable").read_text().strip() != "0"
            or (card.is_file() and card.read_text().strip() == "SD")
        ):
            continue
        found |= {disk.name, *re.findall(r"/(ata\d+|nvme\d+)/", place)}
    return sorted(found)


def complaints(lines: list[str], named: list[str]) -> list[str]:
    """Lines of the kernel's log in which one of these disks, or a part of it, fails. Pure."""
    words = "|".join(re.escape(name) for name in named)
    if not words:
        return []
    ours = re.compile(rf"(?<![\w/])({words})(p?\d+|n\d+(p\d+)?)?(?:\.\d+)?(?!\w)")
    return [line for line in lines if _COMPLAINT.search(line) and ours.search(line)]
