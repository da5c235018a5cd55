"""Read the text of ``hdparm -I``: who an ATA disk is, and whether a password locks it."""

from __future__ import annotations

import re

from netspring_provision.triage.model import Reading
from netspring_provision.triage.values import number, text

# Where one disk's text begins; hdparm prints the device node first, recordings often lose it.
HEAD = re.compile(r"^(?:(/dev/\S+):\s*\n)?(?:ATA|CompactFlash ATA|non-ATA|ATAPI)\b", re.MULTILINE)
SECTIONS = re.compile(
    r"^(?:Standards|Configuration|Capabilities|Commands/features|Security|Checksum):"
    r"|^ATA device, with|^\t.*(?:feature set|BLOCK_ERASE_EXT command)$|SECURITY ERASE UNIT",
    re.MULTILINE,
)
SECTIONS_ENOUGH = 2  # of these lines; one alone may stand in any text
MODEL = re.compile(r"^\s*Model Number:[ \t]*(.*)$", re.MULTILINE)


def is_hdparm(written: str) -> bool:
    """Whether this is an answer of ``hdparm -I``, be it one without an identity (USB, SCSI)."""
    return bool(MODEL.search(written)) or len(SECTIONS.findall(written)) >= SECTIONS_ENOUGH


def read_all(written: str, file: str | None = None) -> tuple[Reading, ...]:
    """Every disk in the text; optical drives are left out."""
    starts = [match.start() for match in HEAD.finditer(written)] or [0]
    ends = [*starts[1:], len(written)]
    parts = [written[start:end] for start, end in zip(starts, ends, strict=True)]
    return tuple(
        _disk(part, file)
        for part in parts
        if is_hdparm(part) and not re.search(r"^\s*ATAPI\b", part, re.MULTILINE)
    )


def _disk(written: str, file: str | None) -> Reading:
    head = HEAD.search(written)
    size = re.search(r"device size with M = 1000\*1000:\s*(\d+) MBytes", written)
    sectors = re.search(r"LBA(?:48)?\s+user addressable sectors:\s*(\d+)", written)
    rate = re.search(r"^\s*Nominal Media Rotation Rate:\s*(.+)$", written, re.MULTILINE)
    turns = rate[1].strip() if rate else ""
    locked = re.search(r"^\s+locked\s*$", written, re.MULTILINE)  # otherwise `not  locked`
    gaps = {"not_asked"}
    if re.search(r"^\s{2,}SMART feature set\s*$", written, re.MULTILINE):  # no star: supported, off
        gaps = {"smart_off"}
    return Reading(
        path=head[1] if head else None,
        model=_field(written, "Model Number"),
        serial=_field(written, "Serial Number"),
        medium="ssd" if "solid" in turns.lower() else "hdd" if turns.isdigit() else "unknown",
        bus="sata",
        size_bytes=_size(size[1] if size else None, sectors[1] if sectors else None),
        numbers={"locked": 1} if locked else {},
        gaps=frozenset(gaps),
        files=(file,) if file else (),
    )


def _field(written: str, name: str) -> str | None:
    found = re.search(rf"^\s*{name}:[ \t]*(.*)$", written, re.MULTILINE)
    return text(found[1]) if found else None


def _size(megabytes: str | None, sectors: str | None) -> int | None:
    if megabytes is not None:
        return (number(megabytes) or 0) * 10**6 or None
    return (number(sectors) or 0) * 512 or None
