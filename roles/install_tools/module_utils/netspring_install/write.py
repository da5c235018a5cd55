"""The hot path: decode with zstd, write past the page cache, then read all of it again.

Buffers travel between a thread that decodes into them and one that writes them to the disk, so both
work at once; both spend their time in calls during which Python's lock is free.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible.module_utils.netspring_install import zstd
from ansible.module_utils.netspring_install.errors import InstallError
from ansible.module_utils.netspring_install.zstd import BUILD_AGAIN

BUFFER = 4 << 20
COUNT = 8
REPLACE = "the image was checked before, so replace this disk"
Advance = Callable[[int], None]
_Item = tuple[mmap.mmap, int]


@contextmanager
def _direct(path: str, flags: int) -> Iterator[int]:
    """Open a partition for us alone, past the page cache.

    Raises:
        InstallError: it is in use, or gone.
    """
    try:
        descriptor = os.open(path, flags | os.O_DIRECT | os.O_EXCL)
    except OSError as error:
        raise InstallError(
            f"{path} cannot be opened: {error.strerror}", hint="nothing else may use it; run again"
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_image(source: Path, device: str, raw_bytes: int, advance: Advance) -> None:
    """Decode ``source`` onto ``device``; not one byte beyond ``raw_bytes``, a multiple of 4096.

    Raises:
        InstallError: the disk refuses a write, or the image is shorter or longer than promised.
    """
    with _direct(device, os.O_WRONLY) as descriptor, zstd.opened(source) as decoder:
        written = _pump(
            lambda buffer, _: decoder.fill(buffer),
            lambda view, offset: _write(descriptor, device, view, offset, raw_bytes),
            advance,
        )
        os.fsync(descriptor)
    if written != raw_bytes:
        raise InstallError(f"{source.name} gave {written} of {raw_bytes} bytes", BUILD_AGAIN)


def read_sha256(device: str, raw_bytes: int, advance: Advance) -> str:
    """Hash of the first ``raw_bytes`` as the disk gives them back.

    Raises:
        InstallError: a sector cannot be read.
    """
    digest = hashlib.sha256()
    with _direct(device, os.O_RDONLY) as descriptor:

        def read(buffer: mmap.mmap, offset: int) -> int:
            count = min(len(buffer), raw_bytes - offset)
            view = memoryview(buffer)[:count]
            try:
                done = os.preadv(descriptor, [view], offset) if count else 0
            except OSError as error:
                raise InstallError(
                    f"{device} cannot be read back at {offset}: {error.strerror}", REPLACE
                ) from error
            if done != count:
                raise InstallError(f"{device} ends at {offset + done}", REPLACE)
            return count

        _pump(read, lambda view, _: digest.update(view), advance)
    return digest.hexdigest()


def decoded_sha256(source: Path) -> str:
    """Hash of what the decoder gives, without a disk: tells a bad image from a bad disk."""
    digest = hashlib.sha256()
    with zstd.opened(source) as decoder:
        _pump(
            lambda buffer, _: decoder.fill(buffer),
            lambda view, _: digest.update(view),
            lambda _count: None,
        )
    return digest.hexdigest()


def _write(descriptor: int, device: str, view: memoryview, offset: int, limit: int) -> None:
    if offset + len(view) > limit or len(view) % 4096:
        raise InstallError(
            f"the image for {device} has another length than its manifest says",
            BUILD_AGAIN,
        )
    while view:
        try:
            count = os.pwrite(descriptor, view, offset)
        except OSError as error:
            raise InstallError(
                f"{device} refuses to be written at {offset}: {error.strerror}", "replace this disk"
            ) from error
        view, offset = view[count:], offset + count


def _pump(
    source: Callable[[mmap.mmap, int], int],
    sink: Callable[[memoryview, int], None],
    advance: Advance,
) -> int:
    """Let ``source`` fill buffers in a thread of its own while ``sink`` empties them in this one.

    Buffers are page-aligned (mmap), as O_DIRECT demands. Returns the number of bytes moved; an
    error on either side ends both and is raised here.
    """
    free: queue.SimpleQueue[mmap.mmap | None] = queue.SimpleQueue()
    full: queue.SimpleQueue[_Item | BaseException] = queue.SimpleQueue()
    for _ in range(COUNT):
        # Private, as the kernel backs it with huge pages, which are quicker to pin.
        free.put(mmap.mmap(-1, BUFFER, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))

    def produce() -> None:
        offset = 0
        try:
            while (buffer := free.get()) is not None:
                count = source(buffer, offset)
                offset += count
                full.put((buffer, count))
                if count < BUFFER:
                    return
        except BaseException as error:  # noqa: BLE001 - handed to the other thread, raised there
            full.put(error)

    producer = threading.Thread(target=produce, daemon=True)
    producer.start()
    moved = 0
    try:
        while True:
            item = full.get()
            if isinstance(item, BaseException):
                raise item
            buffer, count = item
            if count:
                sink(memoryview(buffer)[:count], moved)
                moved += count
                advance(count)
            if count < BUFFER:
                return moved
            free.put(buffer)
    finally:
        free.put(None)
        producer.join(timeout=10)


def compare(device: str, source: Path, raw_bytes: int, expected: str, advance: Advance) -> str:
    """Read the disk back and compare with the manifest; returns the hash that was read.

    Raises:
        InstallError: it differs; says whether image or disk is to blame.
    """
    found = read_sha256(device, raw_bytes, advance)
    if found == expected:
        return found
    if decoded_sha256(source) != expected:
        raise InstallError(
            f"the image in {source.name} is not the one its manifest describes",
            BUILD_AGAIN,
        )
    raise InstallError(f"{device} does not give back what was written to it", "replace this disk")
