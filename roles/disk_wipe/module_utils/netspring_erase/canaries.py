"""Canaries: our own random bytes, planted before an erase, that must not survive it.

Only a seed is kept, and never anything that was on the disk.
"""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass

from ansible.module_utils.netspring_erase.blocks import Buffer, flush, read_at, write_at
from ansible.module_utils.netspring_erase.content import classify, tally
from ansible.module_utils.netspring_erase.failures import DiskError

COUNT = 64  # besides the first and the last
LENGTH = 1 << 20  # bytes, less on a tiny disk
GRAIN = 4096  # bytes; a multiple of every logical block, and the unit in which survival is judged


@dataclass(frozen=True)
class Canary:
    """Random bytes at one place.

    Attributes:
        offset: where, in bytes.
        length: how many bytes.
        seed: from which the bytes are made again.
    """

    offset: int
    length: int
    seed: int

    def content(self) -> bytes:
        """The bytes themselves; a fresh seed each run, so no earlier canary looks like them."""
        return random.Random(self.seed).randbytes(self.length)  # noqa: S311


def positions(size: int, rng: random.Random) -> list[tuple[int, int]]:
    """(offset, length) in bytes: first, last and up to COUNT random places, none overlapping.

    Offsets and lengths are multiples of GRAIN, but for a disk smaller than two grains, which gets
    none. All lie within ``size`` bytes.
    """
    length = min(LENGTH, max(GRAIN, size // 256 // GRAIN * GRAIN))
    last = (size - length) // GRAIN * GRAIN
    if last < length:
        return []
    between = range(1, last // length)  # whole places after the first that end before the last
    chosen = rng.sample(between, min(COUNT, len(between)))
    return [(0, length), *((place * length, length) for place in sorted(chosen)), (last, length)]


def plant(descriptor: int, size: int) -> list[Canary]:
    """Write canaries and read them back from the medium.

    Raises:
        DiskError: the disk fails, is too small, or does not give back what was written.
    """
    canaries = [
        Canary(offset, length, secrets.randbits(64))
        for offset, length in positions(size, random.Random(secrets.randbits(64)))  # noqa: S311
    ]
    if not canaries:
        raise DiskError(f"{size} bytes are too few to prove an erase: destroy this disk physically")
    buffer = Buffer(canaries[0].length)
    for canary in canaries:
        buffer.view[:] = canary.content()
        write_at(descriptor, buffer.view, canary.offset)
    flush(descriptor, size)
    for canary in canaries:
        read_at(descriptor, buffer.view, canary.offset)
        if bytes(buffer.view) != canary.content():
            raise DiskError(
                f"the disk does not give back what was written at byte {canary.offset}: "
                "destroy it physically",
                canary.offset,
            )
    return canaries


@dataclass(frozen=True)
class Look:
    """What became of the canaries.

    Attributes:
        changed: how many are wholly gone: not one of their grains reads as it was planted.
        content: how many of their places hold what, by ``content.KINDS``.
    """

    changed: int
    content: dict[str, int]


def look(descriptor: int, canaries: list[Canary]) -> Look:
    """Read the places of all canaries.

    Raises:
        DiskError: a canary's place cannot be read.
    """
    changed, found = 0, []
    for canary in canaries:
        buffer = Buffer(canary.length)
        read_at(descriptor, buffer.view, canary.offset)
        now, then = bytes(buffer.view), canary.content()
        places = range(0, canary.length, GRAIN)
        survives = any(now[at : at + GRAIN] == then[at : at + GRAIN] for at in places)
        changed += not survives
        found.append(classify(now))
    return Look(changed, tally(found))
