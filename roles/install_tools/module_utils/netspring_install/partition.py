"""Writes the partition table and the filesystems, after whatever could boot was made unbootable."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from ansible.module_utils.netspring_install import layout, tools
from ansible.module_utils.netspring_install.disks import Disk
from ansible.module_utils.netspring_install.errors import InstallError
from ansible.module_utils.netspring_install.layout import MIB, Partition

ESP, RESCUE, ROOT, HOME = 2, 3, 4, 5
# GRUB's boot code ends where the disk's signature and the (protective) table begin.
BOOT_CODE = 440


def invalidate(disk: Disk, parts: tuple[Partition, ...]) -> None:
    """Make sure that neither BIOS nor UEFI finds anything to start on this disk.

    Boot code, GRUB's core image and the head of the ESP become zero, are flushed, and read again.

    Raises:
        InstallError: something else than zero is read back.
    """
    areas = [(0, BOOT_CODE), (parts[0].start, parts[0].size), (parts[1].start, MIB)]
    descriptor = os.open(disk.path, os.O_RDWR)
    try:
        for start, size in areas:
            os.pwrite(descriptor, bytes(size), start)
        os.fsync(descriptor)
        # What is read below must come from the disk, not from memory.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        for start, size in areas:
            if any(os.pread(descriptor, size, start)):
                raise InstallError(
                    f"{disk.path}: the old boot code at {start} could not be removed",
                    hint="replace this disk: it does not keep what is written",
                )
    finally:
        os.close(descriptor)


def write_table(disk: Disk, parts: tuple[Partition, ...]) -> None:
    """Write the GPT and wait until the kernel shows the partitions.

    Raises:
        InstallError: sfdisk failed, or a partition does not appear in its size.
    """
    argv = ["sfdisk", "--quiet", "--wipe", "never", "--wipe-partitions", "never", disk.path]
    script = layout.sfdisk_script(parts, disk.sector).encode()
    tools.run(argv, what=f"partition table of {disk.path}", stdin=script)
    wait_for_nodes(disk, parts)


def wait_for_nodes(disk: Disk, parts: tuple[Partition, ...], seconds: float = 20) -> None:
    """Tell the kernel where the partitions are, and wait until each is there in its size.

    sfdisk asks the kernel to read the table itself; partx(8) also serves one that cannot (small
    kernels know no GPT), and does nothing where all is well.
    """
    what = f"showing the partitions of {disk.path} to the kernel"
    tools.run(["partx", "--update", disk.path], what=what)
    if shutil.which("udevadm"):
        argv = ["udevadm", "settle", "--timeout=120"]
        tools.run(argv, what=f"waiting for the partitions of {disk.path}")
    missing = parts
    until = time.monotonic() + seconds
    while missing and time.monotonic() < until:
        missing = tuple(p for p in missing if not _is_there(disk, p))
        if missing:
            time.sleep(0.1)
    if missing:
        names = ", ".join(p.label for p in missing)
        raise InstallError(
            f"{disk.path}: the kernel does not show {names}",
            hint="restart the machine from the live environment and install again",
        )


def _is_there(disk: Disk, part: Partition) -> bool:
    path = disk.partition(part.number)
    size = Path("/sys/class/block") / Path(path).name / "size"
    try:
        # sysfs counts in 512 bytes whatever the sector is.
        return Path(path).is_block_device() and int(size.read_text()) * 512 == part.size
    except (OSError, ValueError):
        return False


def make_ext4(path: str, label: str, *, reserved: int = 0) -> None:
    """A new ext4 with a UUID of its own; ``reserved`` is the share kept for root, in percent."""
    argv = ["mkfs.ext4", "-q", "-F", "-m", str(reserved), "-L", label, path]
    tools.run(argv, what=f"filesystem {label} on {path}")


def make_esp(path: str, volume_id: str | None = None) -> None:
    """A new FAT32 for the ESP; its volume label is limited to 11 characters.

    Args:
        path: the partition.
        volume_id: ``ABCD-1234`` to keep the one that others know it by.
    """
    argv = ["mkfs.fat", "-F", "32", "-n", "NETSPRING"]
    argv += ["-i", volume_id.replace("-", "")] if volume_id else []
    tools.run([*argv, path], what=f"EFI system partition {path}")


def check_ext4(path: str) -> bool:
    """Repair an ext4 after a power cut; False if it is past repair or none at all."""
    argv = ["e2fsck", "-f", "-y", path]
    done = tools.run(argv, what=f"checking {path}", accept=tuple(range(256)))
    return done.returncode in (0, 1)


def replay(path: str) -> None:
    """Bring an ext4 of our own up to date whose journal was cut off; a sound one is only read.

    Raises:
        InstallError: it is past repair.
    """
    what = f"journal of {path}"
    features = tools.run(["dumpe2fs", "-h", path], what=what).stdout
    if b"needs_recovery" in features and not check_ext4(path):
        raise InstallError(f"{path} is damaged past repair", hint="install this machine again")


def grow_root(path: str, label: str) -> None:
    """Give the filesystem just written its own UUID and the whole partition, and check it.

    Raises:
        InstallError: a tool failed, or the last check finds anything to repair.
    """
    what = f"growing the root filesystem on {path}"
    tools.run(["e2fsck", "-f", "-y", path], what=what, accept=(0, 1))
    tools.run(["tune2fs", "-U", "random", "-L", label, path], what=what)
    tools.run(["e2fsck", "-f", "-y", path], what=what, accept=(0, 1))
    tools.run(["resize2fs", path], what=what)
    tools.run(["e2fsck", "-f", "-n", path], what=what)


def uuid(path: str) -> str:
    """UUID of the filesystem on a partition, read from the device."""
    argv = ["blkid", "--probe", "-s", "UUID", "-o", "value", path]
    return tools.run(argv, what=f"UUID of {path}").stdout.decode().strip()
