"""What lies on the disk now: nothing, our own layout, or something that is not ours to destroy."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ansible.module_utils.netspring_install import layout, tools
from ansible.module_utils.netspring_install.disks import Disk, pread_all
from ansible.module_utils.netspring_install.errors import RefusedError
from ansible.module_utils.netspring_install.layout import MIB, Partition

SAMPLES = 1024
SAMPLE = 4096
WIPE_FIRST = "nothing was written; wipe this disk first (netspring plan, then netspring wipe)"


def is_blank(disk: Disk) -> bool:
    """Whether first and last MiB and 1024 samples of 4 KiB between them are all zero.

    A table that was torn by a power cut counts as nothing, if it can only be our own: all entries
    bear our names and no other byte is set.
    """
    descriptor = os.open(disk.path, os.O_RDONLY)
    try:
        head = bytearray(pread_all(descriptor, MIB, 0))
        tail = bytearray(pread_all(descriptor, MIB, disk.size - MIB))
        _forget_own_table(head, tail, disk.sector)
        if any(head) or any(tail):
            return False
        step = (disk.size - 2 * MIB) // SAMPLES // SAMPLE * SAMPLE
        for index in range(SAMPLES if step else 0):
            if any(pread_all(descriptor, SAMPLE, MIB + index * step)):
                return False
    finally:
        os.close(descriptor)
    return True


def _forget_own_table(head: bytearray, tail: bytearray, sector: int) -> None:
    """Blank out GPT structures that name no partition but ours; leave everything else."""
    entries_bytes = 128 * 128
    tables = (
        bytes(head[2 * sector :][:entries_bytes]),
        bytes(tail[-sector - entries_bytes :][:entries_bytes]),
    )
    for table in tables:
        for start in range(0, entries_bytes, 128):
            entry = table[start : start + 128]
            name = entry[56:].decode("utf-16-le", errors="replace").rstrip("\0")
            if any(entry) and name not in layout.LABELS:
                return
    protective = (
        bytes(head[:440]) == bytes(440) and head[450] in (0, 0xEE) and not any(head[462:510])
    )
    if not protective:
        return
    for header in (head[sector : 2 * sector], tail[-sector:]):
        if any(header) and not header.startswith(b"EFI PART"):
            return
    head[440 : 2 * sector + entries_bytes] = bytes(2 * sector + entries_bytes - 440)
    tail[-sector - entries_bytes :] = bytes(sector + entries_bytes)


def own_partitions(disk: Disk) -> tuple[Partition, ...] | None:
    """The five partitions if the table is ours to the letter, else None."""
    argv = ["sfdisk", "--json", disk.path]
    done = tools.run(argv, what=f"partition table of {disk.path}", accept=(0, 1))
    if done.returncode:
        return None
    table = json.loads(done.stdout)["partitiontable"]
    found = tuple(
        Partition(
            number, p.get("name", ""), p["type"], p["start"] * disk.sector, p["size"] * disk.sector
        )
        for number, p in enumerate(table.get("partitions", ()), 1)
        if p["node"] == disk.partition(number)
    )
    names = tuple((p.label, p.type_guid.upper()) for p in found)
    if table["label"] != "gpt" or names != tuple(zip(layout.LABELS, layout.TYPES, strict=True)):
        return None
    return found


def signatures(path: str) -> list[str]:
    """Kinds of content that wipefs(8) recognises on a disk; it only looks."""
    argv = ["wipefs", "--no-act", "--json", path]
    out = tools.run(argv, what=f"signatures on {path}").stdout
    return [entry["type"] for entry in json.loads(out)["signatures"]] if out.strip() else []


def examine(disk: Disk) -> tuple[Partition, ...] | None:
    """Our own partitions, or None if the disk is blank.

    Raises:
        RefusedError: it holds something else.
    """
    own = own_partitions(disk)
    if own is not None:
        return own
    if is_blank(disk):
        return None
    found = ", ".join(signatures(disk.path)) or "data"
    raise RefusedError(f"{disk.path} ({disk.serial}) is not blank: it holds {found}", WIPE_FIRST)


def filesystem(path: str) -> str | None:
    """Type of the filesystem on a partition, by blkid(8) reading the device itself."""
    argv = ["blkid", "--probe", "-s", "TYPE", "-o", "value", path]
    done = tools.run(argv, what=f"filesystem on {path}", accept=(0, 2))
    return done.stdout.decode().strip() or None


def has_files(mounted: Path) -> bool:
    """Whether a mounted filesystem holds anything but its own ``lost+found``."""
    return any(entry.name != "lost+found" for entry in mounted.iterdir())
