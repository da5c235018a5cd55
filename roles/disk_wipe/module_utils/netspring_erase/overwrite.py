"""The proof that ends every erase: one pass of zeros, and reading them back from the medium."""

from __future__ import annotations

import time

from ansible.module_utils.netspring_erase import blocks, sampling
from ansible.module_utils.netspring_erase.evidence import TOOL, Evidence, now
from ansible.module_utils.netspring_erase.failures import AbortedError, DiskError
from ansible.module_utils.netspring_erase.methods import OVERWRITE, Target

ABORTED = "aborted: the writer was stopped before its end; plan and wipe again"


def overwrite(at: Target, descriptor: int, evidence: Evidence) -> None:
    """One pass of zeros over the whole disk.

    Raises:
        DiskError: a write failed.
        AbortedError: somebody stopped it.
    """
    attempt = evidence.attempt(OVERWRITE)
    attempt["tool"] = TOOL
    at.progress.begin("overwriting", at.disk.size_bytes, passes_left=1)
    start = time.monotonic()
    try:
        blocks.write_zeros(descriptor, at.disk.size_bytes, at.progress, at.stop)
    except (AbortedError, DiskError) as error:
        attempt |= {"rc": 1, "finished": now(), "error": str(error) or ABORTED}
        raise
    evidence.seconds_write = round(time.monotonic() - start, 3)
    attempt |= {"rc": 0, "finished": now(), "error": None}


def verify(at: Target, descriptor: int, evidence: Evidence) -> None:
    """Read back from the medium; anything but zero, or an error, fails the disk.

    Every byte is read, or the grid of places that the plan asks for.

    Raises:
        DiskError: a read failed, or something is not zero.
        AbortedError: somebody stopped it.
    """
    size = at.disk.size_bytes
    grid = sampling.grid(at.planned.get("verify"), size)
    expected, places = size, None
    if grid is not None:
        expected, places = sampling.size_of(size, grid), sampling.places(size, grid, blocks.CHUNK)
        evidence.verify |= {
            "mode": "sampled",
            "pitch_bytes": grid.pitch,
            "length_bytes": grid.length,
            "phase_bytes": grid.phase,
            "detectable_bytes": grid.detectable,
        }
    at.progress.begin("verifying", expected)
    start = time.monotonic()
    try:
        seen = blocks.read_back(descriptor, size, at.progress, at.stop, places)
    except DiskError:
        evidence.verify["read_errors"] = 1  # the first one ends the read-back
        raise
    evidence.seconds_verify = round(time.monotonic() - start, 3)
    evidence.verify |= {"bytes_read": seen.bytes_read, "nonzero": seen.nonzero}
    if seen.nonzero or seen.bytes_read != expected:
        raise DiskError(
            f"{seen.nonzero} bytes are not zero after the erase, the first near byte "
            f"{seen.first_nonzero}: the disk does not keep what is written, destroy it physically",
            seen.first_nonzero,
        )
