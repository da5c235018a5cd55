"""The works of the child, sent by a program with the child's rights and received by the teacher's.

Wire: a line of JSON ``{"ok": true, "works": [[name, bytes, changed], …]}``; then for each work in
that order its bytes in blocks, each after its length (4 bytes, network order). A block of length 0
ends a work, the length UNREADABLE says that it could not be read, or was changed meanwhile.
"""

from __future__ import annotations

import errno
import json
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from netspring_works import export
from netspring_works.inventory import Work, find_works, free_path, works_folder

BLOCK_BYTES = 256 * 1024
UNREADABLE = 0xFFFFFFFF
_LENGTH = struct.Struct("!I")
# Room that is left on a disk for the system's own files.
SPARE_BYTES = 64 * 1024 * 1024


class CutError(Exception):
    """The sender is gone before it was at its end."""


def send(home: Path, out: BinaryIO) -> None:
    """Send the works of a home; run with the child's rights.

    Raises:
        OSError: the folder of works cannot be read; nothing was sent.
    """
    found = find_works(works_folder(home))
    listed = [[work.name, work.size, work.changed] for work in found]
    out.write(json.dumps({"ok": True, "works": listed}).encode() + b"\n")
    for work in found:
        out.write(_LENGTH.pack(0 if _send(work, out) else UNREADABLE))
    out.flush()


def _send(work: Work, out: BinaryIO) -> bool:
    """Send at most as much as was listed; whether the work is that, and stayed it meanwhile.

    A program may be saving it just now, and one that grows for ever would fill the teacher's disk.
    """
    listed, left = (work.size, work.changed), work.size
    try:
        # One that became a link or a pipe meanwhile is not followed and does not block.
        descriptor = os.open(work.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        while left:
            try:
                block = file.read(min(BLOCK_BYTES, left))
            except OSError:
                return False
            if not block:
                return False
            left -= len(block)
            out.write(_LENGTH.pack(len(block)) + block)
        found = os.fstat(descriptor)
    return (found.st_size, found.st_mtime) == listed


def receive(
    stream: BinaryIO,
    listed: Sequence[Sequence[Any]],
    folder: Path,
    progress: Callable[[int, int], None],
) -> tuple[list[Work], list[str]]:
    """Write works into a folder that is there and empty.

    Args:
        stream: what follows the line of JSON.
        listed: name, bytes and time of change of each work, as that line has them.
        folder: where to.
        progress: told bytes done and bytes in all.

    Returns:
        the works as they lie there, and the names of those that could not be read.

    Raises:
        CutError: the sender is gone.
        OSError: the folder's disk is full or broken.
    """
    total = sum(int(size) for _, size, _ in listed)
    room = os.statvfs(folder)
    if total + SPARE_BYTES > room.f_bavail * room.f_frsize:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    received, unreadable, done = [], [], 0
    for name, _, changed in listed:
        target = folder / name
        if not target.resolve().is_relative_to(folder.resolve()):
            raise CutError(name)  # no sender of ours names a place outside
        target.parent.mkdir(parents=True, exist_ok=True)
        whole = True
        with target.open("xb") as file:
            for block in blocks(stream):
                if block is None:
                    whole = False
                    break
                file.write(block)
                done += len(block)
                progress(done, total)
            size = file.tell()
        if whole:
            os.utime(target, (changed, changed))
            received.append(Work(target, name, size, changed))
        else:
            target.unlink()
            unreadable.append(name)
    return received, unreadable


def blocks(stream: BinaryIO) -> Iterator[bytes | None]:
    """Blocks of one work; ``None`` when it could not be read to its end.

    Raises:
        CutError: the sender is gone.
    """
    while True:
        (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
        if length == 0:
            return
        if length == UNREADABLE:
            yield None
            return
        yield _exactly(stream, length)


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise CutError("the child's program ended")
    return data


def into_folder(
    found: Sequence[Work],
    destination: Path,
    name: str,
    tell: Callable[[str, int, int], None],
    stopped: Callable[[], bool],
) -> Path:
    """Copy works into ``destination/name``, which appears only when all of it was read again.

    Raises:
        export.ExportError: as for a stick; nothing of it is left there.
    """
    export.check_room(found, destination, None)
    total = sum(work.size for work in found)
    draft = destination / f".{name}.part"
    try:
        export.remove(draft)
        draft.mkdir()
    except OSError as error:
        raise export.stick_error(error) from error
    try:
        copied = export.copy_works(found, draft, export.counter(tell, "copying", total), stopped)
        tell("writing", 0, 0)
        export.write_out(draft)
        export.read_back(draft, copied, export.counter(tell, "checking", total), stopped)
        final = free_path(destination, name, "")
        draft.rename(final)
        export.write_out(destination)
    except OSError as error:
        raise export.stick_error(error) from error
    finally:
        export.remove(draft)
    return final
