"""What hdparm says of an ATA disk: security state and hidden area (HPA).

hdparm's exit code is not evidence: it is 0 on USB and SCSI disks with an empty identity, and
after ``SG_IO: bad/missing sense data`` (see docs/decisions/0004-own-writer.md). Only well-formed
text counts.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from ansible.module_utils.netspring_disks import tools

BAD_SENSE = "bad/missing sense data"


@dataclass(frozen=True)
class Security:
    """ATA Security feature set of a disk (ACS-3, 4.18)."""

    supported: bool
    enabled: bool
    locked: bool
    frozen: bool


@dataclass(frozen=True)
class HiddenArea:
    """Host protected area: sectors the disk has but does not show.

    Attributes:
        present: None where the two numbers contradict each other.
        current_sectors: what it shows, in logical sectors.
        native_sectors: what it has, in logical sectors.
    """

    present: bool | None
    current_sectors: int
    native_sectors: int


def security(identify: str) -> Security | None:
    """Parse ``hdparm -I``; None unless it is a real ATA identity."""
    model = re.search(r"^\s*Model Number:\s*(\S.*)$", identify, re.MULTILINE)
    if not model:
        return None
    section = re.search(r"^Security:\s*$(.*?)(?=^\S|\Z)", identify, re.MULTILINE | re.DOTALL)
    if not section:
        return Security(supported=False, enabled=False, locked=False, frozen=False)

    def is_set(word: str) -> bool:
        return bool(re.search(rf"^\t+{word}\s*$", section[1], re.MULTILINE))

    flags = (is_set("supported"), is_set("enabled"), is_set("locked"), is_set("frozen"))
    return Security(*flags)


def hidden_area(answer: str, complaints: str) -> HiddenArea | None:
    """Parse ``hdparm -N``; None where the disk did not really answer."""
    match = re.search(r"max sectors\s*=\s*(\d+)/(\d+)", answer)
    if not match or BAD_SENSE in complaints:
        return None
    current, native = int(match[1]), int(match[2])
    if native <= 1:  # "1" is what hdparm prints for an answer that never came
        return None
    return HiddenArea(current < native if current <= native else None, current, native)


def read(path: str) -> dict[str, dict[str, Any] | None]:
    """Security and hidden area of the ATA disk at ``path``, as plain data."""
    state = security(tools.run(["hdparm", "-I", path]).out)
    limits = tools.run(["hdparm", "-N", path])
    area = hidden_area(limits.out, limits.err)
    return {
        "security": asdict(state) if state else None,
        "hpa": asdict(area) if area else None,
    }
