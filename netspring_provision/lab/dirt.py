"""Makes a new lab disk look donated: full of somebody's data, with old partitions and files."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from netspring_provision.errors import StationError
from netspring_provision.lab.model import LabDisk

PATTERN = b"NETSPRING-LAB-DONOR-DATA "
RECORD_BYTES = 64  # whole records fill a sector, so any surviving sector holds the pattern
BLOCK_BYTES = 64 * 1024  # each block carries its number
_WRITE_BYTES = 8 * 1024**2

DONOR_FILES = ("payroll.xls", "my-passwords.txt", "photos/wedding-001.jpg")
_DONOR_FILE_BYTES = 256 * 1024
# int 0x18; hlt; jump to the hlt: the old system does not boot, and the BIOS tries what is next.
BOOT_CODE = bytes.fromhex("cd18f4ebfd")
# Disks are not filled to the last byte of the station: it still has to write its ledger.
RESERVE_BYTES = 256 * 1024**2


def record(serial: str, block: int) -> bytes:
    """64 bytes of text: pattern, serial of the disk, number of the 64 KiB block."""
    text = PATTERN + f"{serial[:20]:<20} {block:016d}".encode()
    return text.ljust(RECORD_BYTES - 1, b".") + b"\n"


def check_space(folder: Path, disks: Sequence[LabDisk]) -> None:
    """StationError, with the numbers, if the disks' files would not fit."""
    wanted = sum(disk.size_bytes for disk in disks) + RESERVE_BYTES
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise StationError(
            f"the lab disks need {_gib(wanted)} in {folder}, where {_gib(free)} are free",
            hint="smaller disks, fewer PCs (netspring lab destroy NAME), or another folder: "
            "export NETSPRING_HOME=/some/folder",
        )


def make_disk(disk: LabDisk, dirty: bool) -> None:
    """Create the raw file; dirty ones are filled to the last byte.

    Raises:
        StationError: no space, or a tool is missing; the file is then gone.
    """
    try:
        if dirty:
            _fill(disk)
            _old_partitions(disk)
        else:
            with disk.path.open("xb") as file:
                file.truncate(disk.size_bytes)
    except OSError as error:
        disk.path.unlink(missing_ok=True)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise StationError(
            f"cannot write the lab disk {disk.path}: {error.strerror or error}",
            hint="free some space: netspring lab list, netspring lab destroy NAME"
            if full
            else "name another folder: export NETSPRING_HOME=/some/folder",
        ) from error


def _fill(disk: LabDisk) -> None:
    descriptor = os.open(disk.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        # All space at once: a full station is noticed now, not after minutes.
        os.posix_fallocate(descriptor, 0, disk.size_bytes)
        for start in range(0, disk.size_bytes, _WRITE_BYTES):
            end = min(start + _WRITE_BYTES, disk.size_bytes)
            blocks = range(start // BLOCK_BYTES, -(-end // BLOCK_BYTES))
            data = b"".join(
                record(disk.serial, block) * (BLOCK_BYTES // RECORD_BYTES) for block in blocks
            )
            view = memoryview(data)[: end - start]
            while view:
                view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)


def _old_partitions(disk: LabDisk) -> None:
    """An MBR with a Windows partition (pattern only) and a Linux one with the donor's files."""
    sectors = disk.size_bytes // 512
    windows = sectors // 2 // 2048 * 2048 - 2048
    linux_start = 2048 + windows
    linux = sectors - linux_start
    table = (
        "label: dos\nlabel-id: 0x0d0a0704\n"
        f"start=2048, size={windows}, type=7, bootable\n"
        f"start={linux_start}, size={linux}, type=83\n"
    )
    _tool(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(disk.path)], table)
    with disk.path.open("r+b") as raw:
        raw.write(BOOT_CODE)
    with tempfile.TemporaryDirectory(prefix="netspring-donor-") as folder:
        for number, file in enumerate(DONOR_FILES):
            path = Path(folder) / file
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(record(disk.serial, number) * (_DONOR_FILE_BYTES // RECORD_BYTES))
        _tool(
            [
                *("mke2fs", "-q", "-F", "-t", "ext4", "-L", "donor-home", "-d", folder),
                # nodiscard: the rest of the partition keeps its pattern.
                *("-E", f"offset={linux_start * 512},nodiscard,lazy_itable_init=1"),
                *("-b", "1024" if linux < 2 * 1024**2 else "4096"),
                str(disk.path),
                f"{linux // 2}k",
            ],
            "",
        )


def _tool(argv: list[str], stdin: str) -> None:
    """Run a tool on the raw file; those of Debian lie in /usr/sbin, which a user lacks in PATH."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    program = shutil.which(argv[0], path=path)
    if program is None:
        package = {"sfdisk": "fdisk", "mke2fs": "e2fsprogs"}[argv[0]]
        raise StationError(f"{argv[0]} is not installed", hint=f"apt-get install {package}")
    done = subprocess.run(  # noqa: S603
        [program, *argv[1:]],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, "LC_ALL": "C"},
    )
    if done.returncode != 0:
        raise StationError(f"{argv[0]} failed on {argv[-1]}: {done.stderr.strip()}")


def _gib(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB"
