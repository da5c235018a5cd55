"""Reads a size as a person types it. Pure."""

from __future__ import annotations

import re

from netspring_provision.errors import UsageError

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def parse_size(text: str) -> int:
    """Bytes from ``2G``, ``512M``, ``64K`` or plain bytes; units are powers of 1024."""
    match = re.fullmatch(r"(\d+)([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match:
        raise UsageError(f"{text!r} is not a size", hint="write it like 512M, 2G or 160G")
    return int(match[1]) * _UNITS[match[2].upper()]
