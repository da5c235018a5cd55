"""In what way a disk is in use right now: any use means hands off.

LVM and RAID *signatures* on a disk that nothing has assembled are not uses; active holders are.
"""

from __future__ import annotations

import re
from pathlib import Path

from ansible.module_utils.netspring_disks.identity import text_of

Use = dict[str, str]


def unescape(field: str) -> str:
    r"""Undo the octal escapes (``\040``) of /proc/self/mountinfo and /proc/swaps."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def mounts_of(mountinfo: str, devices: set[str], paths: set[str]) -> list[Use]:
    """Mount points whose device number or source is one of ours (btrfs hides its number)."""
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, source = left.split(), right.split()
        if len(fields) < 5 or len(source) < 2:
            continue
        if fields[2] in devices or unescape(source[1]) in paths:
            point = unescape(fields[4])
            kind = "boot" if point == "/" else "mounted"
            found.append({"kind": kind, "detail": f"{unescape(source[1])} on {point}"})
    return found


def swaps_of(swaps: str, paths: set[str]) -> list[Use]:
    """Swap areas of /proc/swaps that are on one of our device nodes."""
    named = [unescape(line.split()[0]) for line in swaps.splitlines()[1:] if line.strip()]
    return [{"kind": "swap", "detail": path} for path in named if path in paths]


def holder_kind(name: str, mapping: str | None) -> str:
    """What holds a disk: by the holder's kernel name and, for dm, its mapping's UUID."""
    if name.startswith("md"):
        return "raid"
    if not name.startswith("dm-"):
        return "holder"
    prefix = (mapping or "").split("-", 1)[0].lower()
    return {"lvm": "lvm", "mpath": "multipath"}.get(prefix, "dm")


def holders_of(block: Path) -> list[Use]:
    """Active holders of one block device, from ``/sys/class/block/X/holders``."""
    found = []
    folder = block / "holders"
    for holder in sorted(folder.iterdir()) if folder.is_dir() else []:
        kind = holder_kind(holder.name, text_of(holder / "dm/uuid"))
        label = text_of(holder / "dm/name") or holder.name
        found.append({"kind": kind, "detail": f"{block.name} held by {label}"})
    return found


def uses_of(name: str, sys: Path = Path("/sys"), proc: Path = Path("/proc/self")) -> list[Use]:
    """Every use of a disk and of its partitions.

    Raises:
        OSError: the kernel's tables cannot be read; the caller must then not touch the disk.
    """
    disk = sys / "block" / name
    blocks = [disk, *sorted(part.parent for part in disk.glob("*/partition"))]
    devices = {number for block in blocks if (number := text_of(block / "dev"))}
    paths = {f"/dev/{block.name}" for block in blocks}
    swaps = (proc.parent / "swaps").read_text()
    uses = mounts_of((proc / "mountinfo").read_text(), devices, paths) + swaps_of(swaps, paths)
    for block in blocks:
        uses += holders_of(block)
    return uses
