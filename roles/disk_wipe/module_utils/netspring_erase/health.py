"""What the disk's own counters (SMART) say against an erase, when compared before and after.

A sector that became unreadable while it was erased was not erased. One that was replaced by a
spare keeps its old content where no overwrite reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Counts = Mapping[str, Any] | None
WORSE = ("pending", "uncorrectable")  # ATA attributes 197 and 198, media errors of NVMe and SCSI


def fault(before: Counts, after: Counts) -> str | None:
    """Why the disk has failed, in words, or None.

    A counter that was told before and is not told any more counts as worse: nothing shows that it
    is not. One that was never told says nothing.
    """
    for counter in WORSE:
        was, is_now = (before or {}).get(counter), (after or {}).get(counter)
        if was is not None and (is_now is None or is_now > was):
            return f"its counter of {counter} sectors went from {was} to {is_now} (SMART)"
    return None


def replaced(before: Counts, after: Counts) -> str | None:
    """What is to be said of sectors that were replaced by spares, or None where there are none."""
    was, is_now = (before or {}).get("reallocated"), (after or {}).get("reallocated")
    count = is_now if is_now is not None else was
    if not count:
        return None
    told = f"{count} sectors had been replaced by spares"
    if was is not None and count > was:
        told += f", {count - was} of them while it was erased"
    return told
