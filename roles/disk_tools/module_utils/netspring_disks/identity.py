"""Who a disk is, read from the kernel (sysfs), so that every role gets the same answer.

The kernel is asked rather than udev: the answer is there before udev has settled, and it can be
asked again for the very device number behind an open file.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512  # bytes; /sys/block/*/size counts in these whatever the disk's own block is


@dataclass(frozen=True)
class Identity:
    """A whole disk as the kernel sees it now.

    Attributes:
        name: kernel name, such as ``sda``.
        path: device node, such as ``/dev/sda``.
        device: ``major:minor``.
        bus: sata, nvme, scsi, virtio, usb, mmc or unknown.
        serial: serial number without surrounding blanks; None where the disk has none.
        wwn: world-wide name (``0x…``, ``eui.…``, ``uuid.…``); None where it has none.
        size_bytes: capacity in bytes.
        logical_block: smallest unit that can be written, in bytes.
        read_only: the kernel refuses writes.
    """

    name: str
    path: str
    device: str
    bus: str
    serial: str | None
    wwn: str | None
    size_bytes: int
    logical_block: int
    read_only: bool


def text_of(path: Path) -> str | None:
    """Content of a kernel file without surrounding blanks; None if it is missing or empty."""
    try:
        return path.read_text(errors="replace").strip("\0 \t\r\n") or None
    except OSError:
        return None


def bus_of(name: str, kernel_path: str) -> str:
    """The bus a disk hangs on, from its resolved path under ``/sys/devices``."""
    parts = kernel_path.split("/")
    if name.startswith("nvme"):
        return "nvme"
    # USB first: a SATA disk in a USB box must never be taken for a SATA disk.
    for pattern, bus in ((r"usb\d+", "usb"), (r"ata\d+", "sata"), (r"mmc\d+", "mmc")):
        if any(re.fullmatch(pattern, part) for part in parts):
            return bus
    if name.startswith("sd"):
        return "scsi"
    if name.startswith("vd"):
        return "virtio"
    return "unknown"


def serial_from_vpd80(page: bytes) -> str | None:
    """Unit serial number out of SCSI VPD page 80h (SPC-4, 7.8.14)."""
    if len(page) < 4 or page[1] != 0x80:
        return None
    length = int.from_bytes(page[2:4], "big")
    return page[4 : 4 + length].decode("ascii", errors="replace").strip("\0 ") or None


def wwn_from_wwid(wwid: str | None) -> str | None:
    """World-wide name out of the kernel's ``wwid``; other kinds of identifier are not one."""
    if wwid is None:
        return None
    if wwid.startswith("naa."):
        return "0x" + wwid[4:].lower()
    return wwid.lower() if wwid.startswith(("eui.", "uuid.")) else None


def serial_of_usb(device: Path) -> str | None:
    """Serial number of the USB device that a disk belongs to; None for other disks or none.

    Args:
        device: the disk's own folder under ``/sys/devices``.
    """
    for folder in device.parents:
        if (folder / "idVendor").exists():
            return text_of(folder / "serial")
    return None


def serial_of(block: Path) -> str | None:
    """Serial number of a disk by the kernel's own answer; None where the disk has none.

    udev and lsblk are not asked: for a disk without one they make up a serial from its model, and
    all disks of that model would share it.
    """
    try:
        page = (block / "device/vpd_pg80").read_bytes()
    except OSError:
        page = b""
    serial = serial_from_vpd80(page)
    for file in ("device/serial", "serial"):  # NVMe and MMC have the first, virtio the second
        serial = serial or text_of(block / file)
    return serial or serial_of_area(block) or serial_of_usb(block.resolve())


def serial_of_area(block: Path) -> str | None:
    """Serial of a boot or general purpose area of an eMMC: the card's own, and which area it is.

    The kernel hangs the area below its main area (drivers/mmc/core/block.c).
    """
    area = re.fullmatch(r"mmcblk\d+(boot\d+|gp\d+)", block.name)
    card = text_of(block / "device/device/serial")
    return f"{card}-{area[1]}" if area and card else None


def read_only(block: Path) -> bool:
    """Whether the kernel refuses writes, for good or until somebody changes the disk.

    The boot areas of an eMMC are always kept read-only by a switch of the kernel (``force_ro``),
    which the eraser lifts; for them only the card's own lock counts.
    """
    if re.fullmatch(r"mmcblk\d+boot\d+", block.name) and (block / "force_ro").exists():
        # The file of the lock is there only where the card has one.
        return text_of(block / "ro_lock_until_next_power_on") not in ("0", None)
    return text_of(block / "ro") != "0"


def firmware_of(name: str, sys: Path = Path("/sys")) -> str | None:
    """Firmware revision of a disk as the kernel tells it."""
    device = sys / "block" / name / "device"
    for file in ("firmware_rev", "fwrev", "rev"):  # NVMe, MMC, SCSI and SATA
        if found := text_of(device / file):
            return found
    return None


def by_id(name: str, folder: Path = Path("/dev/disk/by-id")) -> str | None:
    """Name that udev gives to a disk, for persons; the first in order, None where there is none.

    For the record only: no disk is ever told from another by it.
    """
    links = sorted(folder.glob("*")) if folder.is_dir() else []
    return next((link.name for link in links if link.resolve().name == name), None)


def identify(name: str, sys: Path = Path("/sys")) -> Identity:
    """Read one disk by its kernel name.

    Raises:
        OSError: the disk is gone.
        ValueError: the kernel does not tell its size.
    """
    block = sys / "block" / name
    sectors = text_of(block / "size")
    if sectors is None:
        raise FileNotFoundError(f"the disk /dev/{name} is gone")
    return Identity(
        name=name,
        path=f"/dev/{name}",
        device=text_of(block / "dev") or "",
        bus=bus_of(name, str(block.resolve())),
        serial=serial_of(block),
        wwn=wwn_from_wwid(text_of(block / "device/wwid") or text_of(block / "wwid")),
        size_bytes=int(sectors) * SECTOR,
        logical_block=int(text_of(block / "queue/logical_block_size") or 512),
        read_only=read_only(block),
    )


def disk_names(sys: Path = Path("/sys")) -> tuple[str, ...]:
    """Kernel names of the physical disks: no partitions, RAM disks, loops, mappings or optical.

    The boot areas of an eMMC (``mmcblk0boot0``) are disks of their own: what is done to the main
    area does not reach them. Its replay protected area (RPMB) is no block device.
    """
    names = []
    for block in sorted((sys / "block").iterdir()):
        has_hardware = (block / "device").exists()
        if not has_hardware or not re.match(
            r"(sd|vd|hd|xvd|nvme|mmcblk\d+((boot|gp)\d+)?$)", block.name
        ):
            continue
        # One path of an NVMe disk with several: the kernel joins them and hides the parts.
        if text_of(block / "hidden") == "1":
            continue
        # A card reader without a card is no disk; a fixed disk of size 0 is a dead one and stays.
        if text_of(block / "size") == "0" and text_of(block / "removable") == "1":
            continue
        names.append(block.name)
    return tuple(names)


def name_of_descriptor(descriptor: int, sys: Path = Path("/sys")) -> str:
    """Kernel name of the block device behind an open file, by its device number.

    Raises:
        OSError: nothing is known under that number any more.
    """
    number = os.fstat(descriptor).st_rdev
    link = sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}"
    return link.resolve(strict=True).name
