"""Finds the one disk that was meant, and everything that speaks against writing to it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.netspring_disks import identity
from ansible.module_utils.netspring_disks.uses import uses_of
from ansible.module_utils.netspring_install.errors import InstallError, RefusedError

LOOK_AGAIN = "nothing was written; look again (netspring inspect) and plan anew"


@dataclass(frozen=True)
class Disk:
    """A whole disk as the kernel shows it now.

    Attributes:
        path: for example ``/dev/sda``.
        serial: as the disk tells it; empty if the disk has none.
        size: in bytes.
        sector: logical sector in bytes.
        read_only: the kernel refuses writes.
    """

    path: str
    serial: str
    size: int
    sector: int
    read_only: bool

    def partition(self, number: int) -> str:
        """Path of a partition: ``sda4``, but ``nvme0n1p4`` where the name ends in a digit."""
        return f"{self.path}{'p' if self.path[-1].isdigit() else ''}{number}"


def list_disks() -> tuple[Disk, ...]:
    """All physical disks, told apart by the same code that inspected and erased them."""
    found = [identity.identify(name) for name in identity.disk_names()]
    return tuple(
        Disk(d.path, d.serial or "", d.size_bytes, d.logical_block, d.read_only) for d in found
    )


def find(disks: tuple[Disk, ...], serial: str, size: int) -> Disk:
    """The disk with this serial, if there is exactly one and its size is as planned.

    Raises:
        RefusedError: none, several, another size, or read-only.
    """
    if not serial.strip():
        raise RefusedError("the disk to install on was named by an empty serial", LOOK_AGAIN)
    found = [disk for disk in disks if disk.serial == serial.strip()]
    if len(found) != 1:
        there = ", ".join(f"{d.path} ({d.serial or 'no serial'})" for d in disks) or "no disk"
        raise RefusedError(
            f"{len(found)} disks have the serial {serial}; the machine has: {there}", LOOK_AGAIN
        )
    disk = found[0]
    if disk.size != size:
        raise RefusedError(
            f"{disk.path} ({serial}) has {disk.size} bytes, planned were {size}", LOOK_AGAIN
        )
    if disk.read_only:
        raise RefusedError(
            f"{disk.path} ({serial}) is read-only",
            hint="nothing was written; look for a lock switch, or take this disk out",
        )
    return disk


def refuse_if_used(disk: Disk) -> None:
    """Refuse by name a disk that something uses; the kernel has the last word (O_EXCL).

    Raises:
        RefusedError: mounted, swap, LVM, RAID or other holder, or it could not be found out.
    """
    try:
        found = [f"{use['kind']}: {use['detail']}" for use in uses_of(Path(disk.path).name)]
    except OSError as error:
        found = [f"its use could not be found out ({error})"]
    if not found:
        try:
            os.close(os.open(disk.path, os.O_RDONLY | os.O_EXCL))
        except OSError as error:
            found = [f"the kernel does not give it to us alone ({error.strerror})"]
    if found:
        raise RefusedError(
            f"{disk.path} ({disk.serial}) is in use: {'; '.join(found)}",
            hint="nothing was written; unmount it or start the machine anew from the live system",
        )


def pread_all(descriptor: int, count: int, offset: int) -> bytes:
    """Exactly ``count`` bytes at ``offset``.

    Raises:
        InstallError: the disk gave fewer or none.
    """
    try:
        data = os.pread(descriptor, count, offset)
    except OSError as error:
        raise InstallError(
            f"reading {count} bytes at {offset} failed: {error.strerror}", hint="replace this disk"
        ) from error
    if len(data) != count:
        raise InstallError(f"the disk ends at {offset + len(data)}", hint="replace this disk")
    return data
