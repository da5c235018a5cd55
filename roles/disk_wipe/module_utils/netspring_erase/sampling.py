"""Which places a sampled read-back looks at: a fixed grid with a random phase, and both ends.

A grid of reads of ``length`` bytes, one every ``pitch`` bytes, meets every contiguous residue of at
least ``pitch - length + 1`` bytes, wherever it lies: the gaps are one byte shorter. The phase is
drawn for each disk, so that nothing can be arranged to lie between.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

GRAIN = 4096  # bytes; offsets and lengths are multiples of it, as O_DIRECT needs


@dataclass(frozen=True)
class Grid:
    """A grid over one disk, in bytes.

    Attributes:
        pitch: distance from the beginning of one read to that of the next.
        length: bytes per read.
        phase: offset of the first read of the grid, below the pitch.
    """

    pitch: int
    length: int
    phase: int

    @property
    def detectable(self) -> int:
        """Length of the shortest contiguous residue that is found with certainty."""
        return self.pitch - self.length + 1


def fault(wanted: object) -> str | None:
    """What is wrong with ``verify`` of a planned disk, or None; None is read back in full."""
    if wanted is None:
        return None
    mode = wanted.get("mode") if isinstance(wanted, Mapping) else None
    if mode == "full":
        return None
    if mode != "sampled" or not isinstance(wanted, Mapping):
        return f"the mode of reading back {mode!r} is unknown"
    pitch, length = wanted.get("pitch_bytes"), wanted.get("length_bytes")
    if type(pitch) is not int or type(length) is not int:
        return "the grid of the sampled read-back has no pitch or no length"
    if not GRAIN <= length <= pitch or pitch % GRAIN or length % GRAIN:
        return f"{length} bytes every {pitch} bytes are no grid of whole {GRAIN} bytes"
    return None


def grid(wanted: Mapping[str, Any] | None, size: int) -> Grid | None:
    """The grid of a plan without fault for a disk of ``size`` bytes, with a phase drawn now.

    Returns:
        None for a full read-back.
    """
    if wanted is None or wanted["mode"] == "full":
        return None
    pitch = wanted["pitch_bytes"]
    phase = secrets.randbelow(max(1, min(pitch, size) // GRAIN)) * GRAIN
    return Grid(pitch, wanted["length_bytes"], phase)


def places(size: int, at: Grid, chunk: int) -> Iterator[tuple[int, int]]:
    """(offset, length) of the reads on a disk of ``size`` bytes, in order, each byte once.

    They are the grid, its last read cut at the end of the disk, and the first and the last
    ``length`` bytes (the last ones from a whole grain on); none is longer than ``chunk``.
    """
    wanted = [(begin, min(begin + at.length, size)) for begin in range(at.phase, size, at.pitch)]
    wanted += [(0, min(at.length, size)), (max(0, size - at.length) // GRAIN * GRAIN, size)]
    done = 0
    for begin, end in sorted(wanted):
        offset = max(begin, done)
        while offset < end:
            length = min(chunk, end - offset)
            yield offset, length
            offset += length
        done = max(done, end)


def size_of(size: int, at: Grid) -> int:
    """How many bytes the sampled read-back of a disk of ``size`` bytes reads."""
    return sum(length for _, length in places(size, at, at.length))
