"""USB sticks and memory cards as UDisks sees them (org.freedesktop.UDisks2, D-Bus).

Which of the PC's disks is a stick is decided here, from what UDisks says. `udisks.Sticks` asks it,
mounts, unmounts and takes out; a child at the PC may do that without a password (polkit).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

BUS = "org.freedesktop.UDisks2"
ROOT = "/org/freedesktop/UDisks2"
BLOCK = f"{BUS}.Block"
DRIVE = f"{BUS}.Drive"
FILESYSTEM = f"{BUS}.Filesystem"
PARTITION_TABLE = f"{BUS}.PartitionTable"
SWAP = f"{BUS}.Swapspace"

# Buses of what a child plugs in; a memory card reader is "sdio" or says that it is removable.
PLUGGED = ("usb", "sdio", "ieee1394")
# The PC may itself run from a USB disk: a drive that holds one of these is no stick.
SYSTEM_PLACES = ("/", "/boot", "/boot/efi", "/home", "/usr", "/var")
FAT = ("vfat", "msdos")
# A slow stick may take minutes to write out what waits for it.
FLUSH_SECONDS = 600


@dataclass(frozen=True)
class Stick:
    """One filesystem that a child plugged in.

    Attributes:
        key: the object of UDisks; the next stick may get the same one.
        drive: object of the whole stick.
        uuid: what blkid reads from the filesystem; empty where there is none.
        serial: number that the maker gave the stick; empty on cheap ones.
        name: label of the filesystem, else the maker's name for the stick.
        size: bytes of the filesystem.
        kind: filesystem as blkid names it; empty where there is none that can be read.
        read_only: whether the medium refuses to be written.
        mounted: where it is, if it is.
    """

    key: str
    drive: str
    uuid: str
    serial: str
    name: str
    size: int
    kind: str
    read_only: bool
    mounted: Path | None

    def same(self, other: Stick) -> bool:
        """Whether it is that stick, and not another one in its place."""
        return (self.key, self.uuid, self.serial, self.size) == (
            other.key, other.uuid, other.serial, other.size,
        )  # fmt: skip

    @property
    def readable(self) -> bool:
        """Whether there is a filesystem on it."""
        return bool(self.kind)

    @property
    def largest_file(self) -> int | None:
        """Bytes that one file may have, if there is a limit."""
        return 0xFFFFFFFF if self.kind in FAT else None


class StickError(Exception):
    """UDisks did not do it: ``busy`` (a program still uses the stick), ``gone`` or ``failed``."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """``detail`` is for a technician."""
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason


class Place(Protocol):
    """What the work of copying needs of a place for sticks."""

    def find(self) -> list[Stick]:
        """All sticks that are plugged in, to show them; none where that is not known."""

    def plugged_in(self, stick: Stick) -> bool:
        """Whether it is plugged in. Raises: StickError, that is not known."""

    def mount(self, stick: Stick) -> Path:
        """Make it readable; the folder that it is in. Raises: StickError."""

    def unmount(self, stick: Stick) -> None:
        """Write it out and let it go. Raises: StickError."""

    def take_out(self, stick: Stick) -> None:
        """Switch it off, so that it may be pulled out. Raises: StickError."""


def text_of(value: Any) -> str:
    """A path of UDisks, which is a list of bytes with a zero at its end."""
    return bytes(value).split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def sticks_of(objects: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Stick]:
    """The sticks among all that UDisks manages, by name.

    Args:
        objects: answer of ``GetManagedObjects``, unpacked.
    """
    system = {
        interfaces[BLOCK]["Drive"] for interfaces in objects.values() if _holds_system(interfaces)
    }
    found = []
    for key, interfaces in objects.items():
        block = interfaces.get(BLOCK)
        drive = objects.get(block["Drive"], {}).get(DRIVE) if block else None
        if block is None or drive is None or block["Drive"] in system:
            continue
        if _plugged_in(block, drive) and _worth_showing(interfaces, block):
            found.append(_stick(key, interfaces, block, drive))
    return sorted(found, key=lambda stick: (stick.name, stick.key))


def _holds_system(interfaces: Mapping[str, Mapping[str, Any]]) -> bool:
    if BLOCK not in interfaces:
        return False
    if interfaces.get(SWAP, {}).get("Active"):
        return True
    points = interfaces.get(FILESYSTEM, {}).get("MountPoints", [])
    return any(text_of(point) in SYSTEM_PLACES for point in points)


def _plugged_in(block: Mapping[str, Any], drive: Mapping[str, Any]) -> bool:
    if block.get("HintIgnore") or drive.get("Optical"):
        return False
    if drive.get("MediaRemovable") and not drive.get("MediaAvailable", True):
        return False  # a card reader without a card
    compatible = drive.get("MediaCompatibility", [])
    if any(kind.startswith("optical") for kind in compatible):
        return False
    return drive.get("ConnectionBus") in PLUGGED or (
        not block.get("HintSystem") and bool(drive.get("Removable"))
    )


def _worth_showing(interfaces: Mapping[str, Mapping[str, Any]], block: Mapping[str, Any]) -> bool:
    """A filesystem; or what ought to be one, so that a child is told why it does not go."""
    if FILESYSTEM in interfaces:
        return True
    if PARTITION_TABLE in interfaces or block.get("Size", 0) == 0:
        return False
    # Parts of a stick that hold no files, such as the gap that some makers leave, are no stick.
    partition = f"{BUS}.Partition" in interfaces
    return not partition or block.get("IdUsage") == "crypto"


def _stick(
    key: str,
    interfaces: Mapping[str, Mapping[str, Any]],
    block: Mapping[str, Any],
    drive: Mapping[str, Any],
) -> Stick:
    filesystem = interfaces.get(FILESYSTEM)
    points = [text_of(point) for point in filesystem["MountPoints"]] if filesystem else []
    maker = f"{drive.get('Vendor', '')} {drive.get('Model', '')}".strip()
    return Stick(
        key=key,
        drive=block["Drive"],
        uuid=block.get("IdUUID", ""),
        serial=drive.get("Serial", ""),
        name=block.get("IdLabel", "").strip() or maker or "USB",
        size=block.get("Size", 0),
        kind=(block.get("IdType", "") or "unknown") if filesystem is not None else "",
        read_only=bool(block.get("ReadOnly")),
        mounted=Path(points[0]) if points else None,
    )
