"""Makes and removes virtual PCs."""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from netspring_provision.config import Station
from netspring_provision.errors import StationError, UsageError
from netspring_provision.lab import dirt, process, qemu, specs, store
from netspring_provision.lab.model import DiskSpec, Firmware, Pc


def create(
    station: Station,
    name: str,
    firmware: Firmware = "bios",
    memory_bytes: int = 2 * 1024**3,
    disks: Sequence[DiskSpec] = (),
    dirty: bool = True,
) -> Pc:
    """Make a PC; it is off afterwards. Interrupted or failed, it leaves nothing behind.

    Args:
        station: whose PC it is.
        name: letters, digits and dashes; also its host name.
        firmware: what its disks will be booted by.
        memory_bytes: its memory.
        disks: in the order in which it tries to boot them.
        dirty: fill the disks with a donor's data; otherwise they are empty, sparse files.

    Raises:
        UsageError: the name is taken, or QEMU has no such PC.
        StationError: not enough space, or a tool is missing.
    """
    specs.parse_firmware(firmware)
    sata = Counter(disk.bus for disk in disks)["sata"]
    if sata > qemu.SATA_PORTS:
        raise UsageError(
            f"{sata} SATA disks: a lab PC has {qemu.SATA_PORTS} SATA ports",
            hint="use scsi or nvme for the others",
        )
    folder = store.folder_of(station, name)
    with store.locked(station, name):
        if folder.exists():
            raise UsageError(
                f"there is a lab PC named {name} already",
                hint=f"remove it first: netspring lab destroy {name}",
            )
        pc = specs.describe(folder, firmware, memory_bytes, disks, str(uuid.uuid4()))
        # Made aside and renamed, so that a PC is there as a whole or not at all.
        draft = _moved(pc, folder.with_name(f".{name}.new"))
        shutil.rmtree(draft.folder, ignore_errors=True)
        try:
            draft.folder.mkdir(parents=True, mode=0o700)
            if dirty:
                dirt.check_space(draft.folder, draft.disks)
            for disk in draft.disks:
                dirt.make_disk(disk, dirty)
            store.save(draft)
            draft.folder.rename(folder)
        except OSError as error:
            shutil.rmtree(draft.folder, ignore_errors=True)
            raise StationError(
                f"cannot make lab PC {name} in {station.lab}: {error.strerror or error}",
                hint="free some space or name another folder: export NETSPRING_HOME=/some/folder",
            ) from error
        except BaseException:
            shutil.rmtree(draft.folder, ignore_errors=True)
            raise
        return pc


def destroy(station: Station, name: str) -> None:
    """Switch the PC off as by a power cut, and delete its folder with all its disks.

    Raises:
        UsageError: there is no folder of that name.
        StationError: the folder cannot be deleted.
    """
    folder = store.folder_of(station, name)
    with store.locked(station, name):
        if not folder.is_dir() or folder.is_symlink():
            store.load(station, name)  # raises, and names the PCs there are
            raise UsageError(f"{folder} is not the folder of a lab PC, but a link to another")
        process.end(folder)
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise StationError(f"cannot delete {folder}: {error.strerror or error}") from error


def _moved(pc: Pc, folder: Path) -> Pc:
    disks = tuple(replace(disk, path=folder / disk.path.name) for disk in pc.disks)
    return replace(pc, folder=folder, disks=disks)
