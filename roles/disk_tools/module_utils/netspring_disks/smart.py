"""The few health numbers that the wipe and its record need, out of ``smartctl -j -x``."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from ansible.module_utils.netspring_disks import tools

REALLOCATED, PENDING, UNCORRECTABLE = 5, 197, 198  # ATA attribute numbers


@dataclass(frozen=True)
class Health:
    """What the disk says of itself; None is "it does not say".

    Attributes:
        passed: its own verdict.
        reallocated: sectors (ATA) or defects (SCSI) replaced by spares; unreachable by overwrite.
        pending: sectors waiting to be replaced.
        uncorrectable: sectors, errors (SCSI) or media errors (NVMe) that could not be mended.
        hours: power-on time in hours.
    """

    passed: bool | None
    reallocated: int | None
    pending: int | None
    uncorrectable: int | None
    hours: int | None


def _at(data: Any, *keys: str) -> Any:
    """Value at a path of keys, or None."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def health(text: str) -> Health | None:
    """Parse the JSON of smartctl; None where it holds no health at all."""
    try:
        data = json.loads(text)
    except ValueError:
        return None
    rows = _at(data, "ata_smart_attributes", "table")
    raw: dict[int, int | None] = {
        row["id"]: _shown(row) for row in rows or [] if isinstance(row, dict) and "id" in row
    }
    passed = _at(data, "smart_status", "passed")
    found = Health(
        passed=passed if isinstance(passed, bool) else None,
        reallocated=_first(raw.get(REALLOCATED), _count(_at(data, "scsi_grown_defect_list"))),
        pending=raw.get(PENDING),
        uncorrectable=_first(raw.get(UNCORRECTABLE), _media_errors(data)),
        hours=_count(_at(data, "power_on_time", "hours")),
    )
    return found if any(value is not None for value in asdict(found).values()) else None


def _shown(row: Any) -> int | None:
    """The count of an ATA attribute: the number with which smartctl's own text begins.

    Some drives pack more into the raw value, such as "3 (2 0)" (raw16(raw16), atacmds.cpp); then
    only the text tells the count.
    """
    told = re.match(r"\d+\b", str(_at(row, "raw", "string") or ""))
    return int(told[0]) if told else _count(_at(row, "raw", "value"))


def _media_errors(data: Any) -> int | None:
    """Unmended errors of NVMe, or the sum over SCSI's error counters."""
    nvme = _count(_at(data, "nvme_smart_health_information_log", "media_errors"))
    if nvme is not None:
        return nvme
    log = _at(data, "scsi_error_counter_log")
    counts = [_count(_at(log, way, "total_uncorrected_errors")) for way in ("read", "write")]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def ask(path: str) -> str:
    """The answer of smartctl about the disk at ``path``, as JSON text; it may tell nothing.

    smartctl's exit code is a set of bits of which most mean "old errors are on record", so the
    text alone is judged. A USB bridge that hides the disk is asked through SAT as well.
    """
    answers = []
    for argv in (["smartctl", "-j", "-x", path], ["smartctl", "-j", "-x", "-d", "sat", path]):
        answers.append(tools.run(argv).out)
        if health(answers[-1]) is not None:
            return answers[-1]
    return answers[0]


def read(path: str) -> dict[str, Any] | None:
    """Health of the disk at ``path`` as plain data; None where it does not answer."""
    found = health(ask(path))
    return asdict(found) if found else None
