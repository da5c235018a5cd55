"""Fills the rescue partition: image and live environment, each byte checked by its hash."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.netspring_install import http, rescue
from ansible.module_utils.netspring_install.errors import InstallError
from ansible.module_utils.netspring_install.manifest import MAKE_AGAIN, Manifest
from ansible.module_utils.netspring_install.progress import Progress

# Hashing lets go of Python's lock: two pieces are checked while the next one arrives.
WORKERS = 2
BUFFERS = 4


@dataclass(frozen=True)
class Fetched:
    """How the pieces came to be there.

    Attributes:
        total: all pieces.
        reused: found on the rescue partition, and right by their hash.
        fetched_again: first arrived damaged.
    """

    total: int
    reused: int
    fetched_again: int


def image(url: str, manifest: Manifest, folder: Path, progress: Progress) -> Fetched:
    """Bring the compressed image to ``folder/<file>``; every piece is checked by its hash.

    What a former run already brought is read and checked, not fetched again.

    Raises:
        InstallError: the station cannot be read, or sends a damaged piece twice.
    """
    final, partial = folder / manifest.file, folder / (manifest.file + ".part")
    if final.exists():
        final.replace(partial)
    everything = list(range(len(manifest.chunks)))
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        progress.begin("compare", os.fstat(descriptor).st_size)
        missing = [i for i in everything if not _is_right(descriptor, manifest, i, progress)]
        reused = len(everything) - len(missing)
        there = sum(manifest.chunk_size(i) for i in set(everything).difference(missing))
        progress.begin("fetch", manifest.compressed_bytes, there)
        bad = _fetch(url, manifest, missing, descriptor, progress)
        still = _fetch(url, manifest, bad, descriptor, progress) if bad else []
        if still:
            raise InstallError(
                f"piece {still[0]} of image {manifest.name} is damaged: its sha256 is not the"
                " manifest's, also when fetched again; root was not written",
                hint=MAKE_AGAIN.replace("nothing was written; ", ""),
            )
        os.ftruncate(descriptor, manifest.compressed_bytes)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(final)
    rescue.sync_folder(folder)
    return Fetched(len(everything), reused, len(bad))


def _is_right(descriptor: int, manifest: Manifest, index: int, progress: Progress) -> bool:
    data = os.pread(descriptor, manifest.chunk_size(index), index * manifest.chunk_bytes)
    progress.advance(len(data))
    if len(data) != manifest.chunk_size(index):
        return False
    return hashlib.sha256(data).hexdigest() == manifest.chunks[index]


def _runs(indices: list[int]) -> Iterator[range]:
    """Neighbouring pieces as ranges, so that one request brings many."""
    start = previous = None
    for index in indices:
        if previous is None or index != previous + 1:
            if start is not None and previous is not None:
                yield range(start, previous + 1)
            start = index
        previous = index
    if start is not None and previous is not None:
        yield range(start, previous + 1)


def _fetch(
    url: str, manifest: Manifest, indices: list[int], descriptor: int, progress: Progress
) -> list[int]:
    """Fetch pieces and write the right ones; returns those that were damaged."""
    free: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
    for _ in range(BUFFERS):
        free.put(bytearray(manifest.chunk_bytes))
    lock = threading.Lock()
    bad: list[int] = []

    def settle(index: int, buffer: bytearray) -> None:
        try:
            view = memoryview(buffer)[: manifest.chunk_size(index)]
            if hashlib.sha256(view).hexdigest() != manifest.chunks[index]:
                with lock:
                    bad.append(index)
                return
            _write_all(descriptor, view, index * manifest.chunk_bytes)
        finally:
            free.put(buffer)

    with ThreadPoolExecutor(WORKERS) as workers:
        jobs: list[Future[None]] = []
        for span in _runs(indices):
            stop = min(span.stop * manifest.chunk_bytes, manifest.compressed_bytes)
            blocks = http.stream(f"{url}/{manifest.file}", span.start * manifest.chunk_bytes, stop)
            for index, buffer in _pieces(blocks, manifest, span, free, progress):
                jobs.append(workers.submit(settle, index, buffer))
        for job in jobs:
            job.result()
    return sorted(bad)


def _pieces(
    blocks: Iterator[bytes],
    manifest: Manifest,
    span: range,
    free: queue.SimpleQueue[bytearray],
    progress: Progress,
) -> Iterator[tuple[int, bytearray]]:
    """Cut a stream of blocks of any length into pieces of the manifest's length."""
    index, buffer, filled = span.start, free.get(), 0
    for block in blocks:
        progress.advance(len(block))
        rest = memoryview(block)
        while rest:
            take = rest[: manifest.chunk_size(index) - filled]
            buffer[filled : filled + len(take)] = take
            filled += len(take)
            rest = rest[len(take) :]
            if filled == manifest.chunk_size(index):
                yield index, buffer
                index, filled = index + 1, 0
                if index < span.stop:
                    buffer = free.get()


def _write_all(descriptor: int, view: memoryview, offset: int) -> None:
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count


def live(url: str, hashes: dict[str, str], folder: Path, progress: Progress) -> None:
    """Bring kernel and initrd of the live environment, checked by the hashes the station gave.

    Raises:
        InstallError: a file cannot be had or is not the one that was promised.
    """
    for name, expected in sorted(hashes.items()):
        target = folder / name
        if target.exists() and _sha256(target) == expected:
            continue
        size = http.size_of(f"{url}/{name}")
        progress.begin("fetch live", size)
        partial = target.with_name(name + ".part")
        digest = hashlib.sha256()
        with partial.open("wb") as file:
            for block in http.stream(f"{url}/{name}", 0, size):
                digest.update(block)
                file.write(block)
                progress.advance(len(block))
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != expected:
            partial.unlink()
            raise InstallError(
                f"{name} of the live environment is damaged: its sha256 is not the promised one",
                hint="build it again on the station (netspring live build) and run again",
            )
        partial.replace(target)
        rescue.sync_folder(folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
