"""What lies where a canary was, in four words; the content itself is never kept.

After a firmware erase zeros must not be demanded: drives leave 0xFF, patterns of their maker or,
when only a key was dropped, what looks like noise.
"""

from __future__ import annotations

ZERO, ONES, PERIODIC, RANDOM = "zero", "ff", "periodic", "random"
KINDS = (ZERO, ONES, PERIODIC, RANDOM)
LONGEST = 4096  # bytes of the longest pattern that is looked for; patterns are powers of two


def classify(content: bytes) -> str:
    """One of KINDS; RANDOM is everything that is not one of the others."""
    size = len(content)
    if content.count(0) == size:
        return ZERO
    if content.count(0xFF) == size:
        return ONES
    length = 1
    while length <= min(LONGEST, size // 2):
        # A run of equal periods is equal to itself, moved by one period.
        if content[length:] == content[:-length]:
            return PERIODIC
        length *= 2
    return RANDOM


def tally(contents: list[str]) -> dict[str, int]:
    """How often each of KINDS occurs."""
    return {kind: contents.count(kind) for kind in KINDS}
