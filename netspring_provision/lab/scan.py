"""Reads raw lab disks from the host: is anything of the donor left? Holes are skipped."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from netspring_provision.lab.dirt import PATTERN

_CHUNK = 8 * 1024**2
_ZEROS = bytes(_CHUNK)


def count_pattern(path: Path) -> int:
    """How often the donor's pattern occurs in the file, at any offset."""
    return count_bytes(path, PATTERN.rstrip())


def count_bytes(path: Path, needle: bytes) -> int:
    """How often ``needle`` occurs (not overlapping itself) anywhere in the file."""
    found = 0
    tail, expected = b"", 0
    keep = len(needle) - 1
    for offset, chunk in _data(path):
        if offset != expected:
            tail = b""  # a hole lies between: zeros
        expected = offset + len(chunk)
        # Only what lies across the border is looked for in the joint.
        found += chunk.count(needle)
        if keep:
            found += (tail + chunk[:keep]).count(needle)
            tail = (tail + chunk)[-keep:] if len(chunk) < keep else chunk[-keep:]
    return found


def nonzero_bytes(path: Path) -> int:
    """How many bytes of the file are not zero."""
    found = 0
    for _, chunk in _data(path):
        if chunk != (_ZEROS if len(chunk) == _CHUNK else _ZEROS[: len(chunk)]):
            found += len(chunk) - chunk.count(0)
    return found


def _data(path: Path) -> Iterator[tuple[int, bytes]]:
    """The allocated parts of the file, as (offset, bytes), in order."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        offset = 0
        while offset < size:
            try:
                start = os.lseek(descriptor, offset, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                return  # only a hole is left
            end = os.lseek(descriptor, start, os.SEEK_HOLE)
            while start < end:
                chunk = os.pread(descriptor, min(_CHUNK, end - start), start)
                if not chunk:
                    raise OSError(errno.EIO, "the file became shorter while it was read", path)
                yield start, chunk
                start += len(chunk)
            offset = end
    finally:
        os.close(descriptor)
