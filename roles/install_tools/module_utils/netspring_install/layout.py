"""How a disk is divided: sizes from sizes, nothing is touched.

Lengths are in bytes. Everything is aligned to 1 MiB, so SSDs and 4 KiB sectors are served well.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible.module_utils.netspring_install.errors import RefusedError

MIB = 1 << 20
GIB = 1 << 30
# GPT type GUIDs (UEFI specification 2.10, table 5.7; BIOS boot from the GRUB manual).
BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
EFI_SYSTEM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
LINUX_DATA = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
ROOT_AMD64 = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"
HOME = "933AC7E1-2EB4-4F13-B844-0E14E2AEF915"
LABELS = (
    "netspring-bios",
    "netspring-esp",
    "netspring-rescue",
    "netspring-root",
    "netspring-home",
)
TYPES = (BIOS_BOOT, EFI_SYSTEM, LINUX_DATA, ROOT_AMD64, HOME)
HOME_MINIMUM = 256 * MIB


@dataclass(frozen=True)
class Partition:
    """One partition.

    Attributes:
        number: 1 to 5.
        label: GPT name, also the filesystem's label where it fits.
        type_guid: GPT type.
        start: offset on the disk in bytes.
        size: length in bytes.
    """

    number: int
    label: str
    type_guid: str
    start: int
    size: int


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


def rescue_bytes(compressed_bytes: int, live_bytes: int) -> int:
    """Room for image and live environment, the filesystem's own tables, and one newer live one."""
    return _up(compressed_bytes * 21 // 20 + live_bytes * 2 + 128 * MIB, 64 * MIB)


def root_minimum(raw_bytes: int) -> int:
    """The least that leaves a running system some air: a tenth, and never under 256 MiB."""
    return _up(raw_bytes + max(raw_bytes // 10, 256 * MIB), MIB)


def plan(
    *,
    path: str,
    disk_bytes: int,
    sector: int,
    compressed_bytes: int,
    raw_bytes: int,
    live_bytes: int,
) -> tuple[Partition, ...]:
    """Divide a disk into the five partitions.

    Root gets twice the image, or 4 GiB more than it, or 15 % of a large disk up to 32 GiB,
    whichever is most, but at most 60 % of what is left; home gets the rest.

    Args:
        path: the disk, for the message only.
        disk_bytes: its size.
        sector: its logical sector.
        compressed_bytes: size of the compressed image.
        raw_bytes: size of the filesystem in it.
        live_bytes: kernel and initrd of the live environment.

    Raises:
        RefusedError: the disk is too small.
    """
    # FAT32 needs 65525 clusters; with 4 KiB sectors 256 MiB is just too little for that.
    esp = 256 * MIB if sector <= 512 else 288 * MIB
    rescue = rescue_bytes(compressed_bytes, live_bytes)
    # The last MiB stays free: the second GPT lies there.
    room = disk_bytes // MIB * MIB - 3 * MIB - esp - rescue
    least = root_minimum(raw_bytes)
    if room < least + HOME_MINIMUM:
        missing = least + HOME_MINIMUM - room
        raise RefusedError(
            f"{path} is too small: {disk_bytes // MIB} MiB, the image needs"
            f" {(disk_bytes + missing) // MIB + 1} MiB",
            hint="put in a larger disk, or choose a smaller profile for this machine",
        )
    wanted = max(2 * raw_bytes, raw_bytes + 4 * GIB, min(room * 15 // 100, 32 * GIB))
    root = max(least, min(wanted, room * 60 // 100, room - HOME_MINIMUM) // MIB * MIB)
    sizes = (MIB, esp, rescue, root, room - root)
    start = MIB
    parts = []
    for number, (label, kind, size) in enumerate(zip(LABELS, TYPES, sizes, strict=True), 1):
        parts.append(Partition(number, label, kind, start, size))
        start += size
    return tuple(parts)


def sfdisk_script(parts: tuple[Partition, ...], sector: int) -> str:
    """The same division in the language of sfdisk(8); its numbers are in logical sectors."""
    lines = ["label: gpt", "unit: sectors", ""]
    lines += [
        f"start={p.start // sector}, size={p.size // sector}, type={p.type_guid}, name={p.label}"
        for p in parts
    ]
    return "\n".join(lines) + "\n"
