"""Whole-disk passes with O_DIRECT: write zeros, read back and compare every byte.

A few threads keep requests in flight so that the disk never waits for Python; each has one aligned
buffer, so memory does not depend on the size of the disk.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass

from ansible.module_utils.netspring_erase.failures import AbortedError, io_error
from ansible.module_utils.netspring_erase.progress import Progress

CHUNK = 4 << 20  # bytes per request
IN_FLIGHT = 4  # requests at once, and buffers of CHUNK bytes
HEAD = 64  # bytes; a cache line
WORD = 8  # bytes of a GMP limb on the 64-bit processors that the live environment runs on
CHECKPOINT = 1 << 30  # bytes between two flushes of the disk's own write cache

# CDLL lets other threads run during the call.
_libc = ctypes.CDLL(None)
_libc.memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_libc.memcmp.restype = ctypes.c_int


def _zero_test() -> Callable[[int, int], int] | None:
    """GMP's ``mpn_zero_p(limbs, count)``, or None where its library or 64-bit limbs are missing.

    A plain word loop (GMP manual, "Low-level Functions"): four times as fast as memcmp on an
    emulated processor, and as fast on a real one. coreutils brings the library.
    """
    try:
        library = ctypes.CDLL("libgmp.so.10")
        function = library["__gmpn_zero_p"]
        limb_bits = ctypes.c_int.in_dll(library, "__gmp_bits_per_limb").value
    except (OSError, AttributeError, ValueError):
        return None
    function.argtypes = (ctypes.c_void_p, ctypes.c_long)
    function.restype = ctypes.c_int
    return function if limb_bits == 8 * WORD else None


_words_are_zero = _zero_test()


@dataclass(frozen=True)
class ReadBack:
    """What a read-back saw.

    Attributes:
        bytes_read: bytes that were really read.
        nonzero: bytes among them that are not zero.
        first_nonzero: offset in bytes of the first chunk with such a byte, or None.
    """

    bytes_read: int
    nonzero: int
    first_nonzero: int | None


def spans(size: int, chunk: int = CHUNK) -> Iterator[tuple[int, int]]:
    """(offset, length) in bytes that cover ``size`` bytes, each byte once, in order."""
    for offset in range(0, size, chunk):
        yield offset, min(chunk, size - offset)


class Buffer:
    """Page-aligned memory, as O_DIRECT needs it; zero until something is read into it."""

    def __init__(self, size: int = CHUNK) -> None:
        """Take ``size`` bytes straight from the kernel."""
        # Private, as the kernel backs it with huge pages: pinning them for each request costs less.
        self._map = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.view = memoryview(self._map)
        self._window = (ctypes.c_char * size).from_buffer(self._map)
        self.address = ctypes.addressof(self._window)

    def is_zero(self, length: int) -> bool:
        """Whether the first ``length`` bytes are zero: one call over one buffer.

        Without GMP: a head is zero, and each byte equals the one that lies a head before it.
        That is half the memory traffic of comparing with a second buffer, and aligned.
        """
        if _words_are_zero is not None and length >= WORD:
            words, rest = divmod(length, WORD)
            if not _words_are_zero(self.address, words):
                return False
            return not any(self.view[length - rest : length])
        head = min(HEAD, length)
        if any(self.view[:head]):
            return False
        return bool(_libc.memcmp(self.address, self.address + head, length - head) == 0)

    def count_nonzero(self, length: int) -> int:
        """How many of the first ``length`` bytes are not zero."""
        return length - bytes(self.view[:length]).count(0)


def write_at(descriptor: int, data: memoryview, offset: int) -> None:
    """Write all of ``data`` at ``offset``, or raise DiskError."""
    done = 0
    while done < len(data):
        try:
            count = os.pwrite(descriptor, data[done:], offset + done)
        except OSError as error:
            raise io_error("write", offset + done, error) from error
        if count == 0:
            raise io_error("write", offset + done, OSError("the disk takes no more"))
        done += count


def read_at(descriptor: int, into: memoryview, offset: int) -> None:
    """Fill ``into`` from ``offset``, or raise DiskError."""
    done = 0
    while done < len(into):
        try:
            count = os.preadv(descriptor, [into[done:]], offset + done)
        except OSError as error:
            raise io_error("read", offset + done, error) from error
        if count == 0:
            raise io_error("read", offset + done, OSError("the disk ends early"))
        done += count


def flush(descriptor: int, offset: int) -> None:
    """Make the disk write out its cache; a failure here is a write error."""
    try:
        os.fdatasync(descriptor)
    except OSError as error:
        raise io_error("flush", offset, error) from error


def _each_span(
    queue: Iterator[tuple[int, int]],
    work: Callable[[Buffer, int, int], None],
    stop: threading.Event,
) -> None:
    """Call ``work(buffer, offset, length)`` for every span, IN_FLIGHT at a time, nearly in order.

    The first error of any thread stops the others at their next request and is raised. An error of
    the disk goes before a stop: whoever stops a disk that has just failed must not hide that.
    """
    lock, failed = threading.Lock(), threading.Event()

    def worker() -> None:
        buffer = Buffer()
        while not failed.is_set():
            if stop.is_set():
                raise AbortedError
            with lock:
                span = next(queue, None)
            if span is None:
                return
            work(buffer, *span)

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        running = [pool.submit(worker) for _ in range(IN_FLIGHT)]
        wait(running, return_when=FIRST_EXCEPTION)
        failed.set()  # by now all have ended, or one has failed
    faults = [fault for each in running if (fault := each.exception()) is not None]
    for fault in sorted(faults, key=lambda fault: isinstance(fault, AbortedError)):
        raise fault


def write_zeros(descriptor: int, size: int, progress: Progress, stop: threading.Event) -> None:
    """Overwrite ``size`` bytes with zeros and flush.

    Raises:
        DiskError: a write or a flush failed.
        AbortedError: ``stop`` was set.
    """

    def work(buffer: Buffer, offset: int, length: int) -> None:
        write_at(descriptor, buffer.view[:length], offset)
        if offset and offset % CHECKPOINT == 0:
            flush(descriptor, offset)
        progress.advance(length)

    _each_span(spans(size), work, stop)
    flush(descriptor, size)


def read_back(
    descriptor: int,
    size: int,
    progress: Progress,
    stop: threading.Event,
    places: Iterator[tuple[int, int]] | None = None,
) -> ReadBack:
    """Read all ``size`` bytes from the medium, or only ``places``, and compare each with zero.

    Args:
        descriptor: the open disk.
        size: of the disk, in bytes.
        progress: where to count.
        stop: set to abort.
        places: (offset, length) in bytes, none longer than CHUNK; None for the whole disk.

    Raises:
        DiskError: a read failed.
        AbortedError: ``stop`` was set.
    """
    lock = threading.Lock()
    seen = {"read": 0, "nonzero": 0, "first": size}

    def work(buffer: Buffer, offset: int, length: int) -> None:
        read_at(descriptor, buffer.view[:length], offset)
        nonzero = 0 if buffer.is_zero(length) else buffer.count_nonzero(length)
        with lock:
            seen["read"] += length
            seen["nonzero"] += nonzero
            if nonzero:
                seen["first"] = min(seen["first"], offset)
        progress.advance(length)

    _each_span(spans(size) if places is None else places, work, stop)
    first = seen["first"] if seen["nonzero"] else None
    return ReadBack(seen["read"], seen["nonzero"], first)
