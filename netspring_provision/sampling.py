"""Reading back a sample instead of every byte: where the samples lie, and what they would find.

A fixed grid with a random phase: samples of ``length`` bytes at ``phase + k * pitch``, the last one
cut at the end of the disk, and the first and the last ``length`` bytes. Every contiguous residue of
``pitch - length + 1`` bytes or more meets a sample for certain. For scattered residue that makes up
the fraction f of the disk, n samples find some of it with P = 1 - (1 - f)^n.
"""

from __future__ import annotations

import math

LENGTH_BYTES = 1 << 20
ALIGNMENT = 4096  # direct I/O asks for whole physical blocks
CONFIDENCE = 0.99
# Below this the promise is too thin to be sold as a check: one sample of 1 MiB in 100 MiB.
MINIMUM_PERCENT = 1.0


def pitch_for(percent: float) -> int:
    """Distance from one sample to the next, bytes, that reads at least this part of the disk.

    Raises:
        ValueError: the percentage is not between MINIMUM_PERCENT and below 100.
    """
    if not MINIMUM_PERCENT <= percent < 100:
        raise ValueError(f"not between {MINIMUM_PERCENT:g} and 100 percent: {percent:g}")
    return max(ALIGNMENT, math.floor(LENGTH_BYTES * 100 / percent) // ALIGNMENT * ALIGNMENT)


def samples_in(size: int, pitch: int) -> int:
    """The least number of samples of the grid on a disk of ``size`` bytes, whatever the phase."""
    return max(1, size // pitch)


def grid_bytes(size: int, pitch: int, length: int, phase: int) -> int:
    """Bytes that the grid alone reads, the last sample cut at the end of the disk."""
    if phase >= size:
        return 0
    last = (size - 1 - phase) // pitch
    return last * length + min(length, size - phase - last * pitch)


def certain_bytes(pitch: int, length: int) -> int:
    """The smallest contiguous residue, bytes, that cannot hide between the samples."""
    return pitch - length + 1


def detectable_fraction(samples: int, confidence: float = CONFIDENCE) -> float:
    """The smallest scattered part of the disk that is found with this confidence."""
    return float(1 - (1 - confidence) ** (1 / samples))


def in_words(size: int, pitch: int, length: int) -> str:
    """What such a read-back would find, in one line of numbers."""
    samples = samples_in(size, pitch)
    return (
        f"{100 * length / pitch:.3g}%, {samples} samples of {length} bytes every {pitch}: finds "
        f"every contiguous residue of {certain_bytes(pitch, length)} bytes or more; scattered "
        f"residue of {100 * detectable_fraction(samples):.2g}% or more with {CONFIDENCE:.0%} chance"
    )
