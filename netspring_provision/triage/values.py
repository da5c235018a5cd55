"""Careful readers of other programs' JSON: whatever stands there, they return a value or ``None``.

Old versions write numbers as strings, half-filled records hold nulls, and a damaged file holds
anything. Nothing here raises.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

MAXIMUM_DIGITS = 40  # no counter of a disk is longer; a longer text is not a number
# Replies of bridges and of blank firmware that name nothing.
NAMELESS = re.compile(
    r"[0x\s.\-_]*|none|null|n/?a|unknown|not available|redacted|hidden|removed|\[empty\]|no dimm",
    re.IGNORECASE,
)


def at(data: object, *path: str | int) -> Any:
    """What stands at a path of keys and list positions, or ``None``."""
    for step in path:
        if isinstance(step, str) and isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(step, int) and isinstance(data, list) and len(data) > step:
            data = data[step]
        else:
            return None
    return data


def number(value: object) -> int | None:
    """A whole number that is not negative: from an integer, a float, or a text that is one.

    ``"1,975"``, ``"7%"`` and ``"0x0a"`` are numbers; true, an object, NaN and -1 are not.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value >= 0 else None
    if isinstance(value, str) and len(value) <= MAXIMUM_DIGITS:
        text = value.strip()
        if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
            return int(text, 16)
        found = re.fullmatch(r"(\d[\d,_]*)(?:\.\d+)?\s*%?", text, re.ASCII)
        return int(re.sub(r"[,_]", "", found[1])) if found else None
    return None


def leading_number(value: object) -> int | None:
    """The number a text begins with: ``"12 (3, 0)"`` is 12; numbers pass through."""
    if not isinstance(value, str):
        return number(value)
    found = re.match(r"\s*(\d{1,18})", value, re.ASCII)
    return int(found[1]) if found else None


def yes(value: object) -> bool | None:
    """A yes or no, also as ``1``, ``"true"`` or ``"no"``; ``None`` for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return value == 1
    if isinstance(value, str):
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
            value.strip().lower()
        )
    return None


def text(value: object, longest: int = 120) -> str | None:
    """Text fit for a screen, in one line; ``None`` where it is empty or says nothing."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAXIMUM_DIGITS:
        value = str(value)
    if not isinstance(value, str):
        return None
    shown = "".join(c if c.isprintable() else " " for c in value[: 4 * longest])
    shown = " ".join(shown.split())[:longest]
    return None if not shown or NAMELESS.fullmatch(shown) else shown


def rows(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects in a list; of anything else, none. A single object counts as a list of one."""
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list):
        for row in value:
            if isinstance(row, Mapping):
                yield row
