"""What an eMMC or SD card says of itself: its kind, its boot areas, and secure discard.

Read from the kernel (sysfs), and the register EXT_CSD with ``mmc`` of mmc-utils, which also works
where the kernel is locked down (Secure Boot) and hides its own copy in debugfs. The boot areas of
an eMMC are block devices of their own with memory of their own: no command to the main area
reaches them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_disks import identity, tools
from ansible.module_utils.netspring_disks.identity import text_of

# Bit 0 of SEC_FEATURE_SUPPORT, byte 231 of EXT_CSD (JEDEC JESD84-B51, 7.4.30): SECURE_ER_EN,
# "Secure purge operations are supported". It is what the kernel goes by, too.
SECURE_ERASE = 1 << 0
KINDS = ("MMC", "SD", "SDcombo")
Ask = Callable[[list[str]], tools.Said]
AREA = re.compile(r"(mmcblk\d+)(boot\d+|gp\d+)")


@dataclass(frozen=True)
class Card:
    """An eMMC or SD card.

    Attributes:
        type: one of KINDS.
        secure_discard: the kernel will pass a secure discard on to it; False where unknown.
        boot_areas: device nodes of its boot and general purpose areas.
    """

    type: str
    secure_discard: bool
    boot_areas: tuple[str, ...]


def secure_discard(register: str) -> bool:
    """Whether ``mmc extcsd read`` says that secure erase is there; False where it does not tell."""
    found = re.search(r"\[SEC_FEATURE_SUPPORT: 0x([0-9a-f]{2})\]", register)
    return bool(found and int(found[1], 16) & SECURE_ERASE)


def starts_from(register: str) -> int | None:
    """Number of the boot area (counted from 0) that a PC starts from; None if from none of them.

    Bits 5:3 of PARTITION_CONFIG, as ``mmc extcsd read`` prints it (JEDEC JESD84-B51, 7.4.69): 1 and
    2 are the two areas, 7 is the main area.
    """
    found = re.search(r"\[PARTITION_CONFIG: 0x([0-9a-f]{2})\]", register)
    enabled = int(found[1], 16) >> 3 & 7 if found else 0
    return enabled - 1 if enabled in (1, 2) else None


def disk_names(sys: Path = Path("/sys"), ask: Ask = tools.run) -> tuple[str, ...]:
    """Kernel names of all disks that may be erased.

    Not among them is a boot area that holds the firmware of the PC itself: without it the PC would
    never start again. The record of the card's main area says that it was not reached.
    """
    return tuple(name for name in identity.disk_names(sys) if not _starts_the_pc(name, ask))


def _starts_the_pc(name: str, ask: Ask) -> bool:
    area = AREA.fullmatch(name)
    if area is None or not area[2].startswith("boot"):
        return False
    number = starts_from(ask(["mmc", "extcsd", "read", f"/dev/{area[1]}"]).out)
    return number is not None and area[2] == f"boot{number}"


def read(name: str, sys: Path = Path("/sys"), ask: Ask = tools.run) -> dict[str, Any] | None:
    """The card that holds ``name`` (``mmcblk0``, also ``mmcblk0boot0``); None if it is no card."""
    area = AREA.fullmatch(name)
    main = area[1] if area else name
    device = (sys / "block" / main / "device").resolve()
    kind = text_of(device / "type")
    if kind not in KINDS:  # other devices have a file of that name too
        return None
    blocks = sorted(block.name for block in (sys / "block").glob(f"{main}*"))
    areas = tuple(
        f"/dev/{each}" for each in blocks if (at := AREA.fullmatch(each)) and at[1] == main
    )
    can = kind == "MMC" and secure_discard(ask(["mmc", "extcsd", "read", f"/dev/{main}"]).out)
    return asdict(Card(kind, can, areas)) | {"boot_areas": list(areas)}


@contextmanager
def writable(name: str, sys: Path = Path("/sys")) -> Iterator[None]:
    """Let a boot area be written while the work lasts; for any other disk, do nothing.

    The kernel keeps boot areas read-only by ``force_ro`` (Documentation/driver-api/mmc).

    Raises:
        OSError: the kernel does not lift it.
    """
    switch = sys / "block" / name / "force_ro"
    if not AREA.fullmatch(name) or not switch.exists():
        yield
        return
    before = text_of(switch) or "1"
    switch.write_text("0")
    try:
        yield
    finally:
        switch.write_text(before)
