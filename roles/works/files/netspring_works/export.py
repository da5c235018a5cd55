"""Copying works to a stick, and reading them back from it.

Nothing here says "done" by the word of the system's memory: what was written is forced out
(syncfs(2)), and read again past the page cache (open(2), O_DIRECT) before it counts.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import mmap
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from netspring_works.inventory import Work
from netspring_works.names import targets

STEP = 1 << 20  # bytes per read
# Bytes after which writing waits for the stick: progress stays true, memory stays free.
FLUSH = 8 << 20
# Largest file of FAT (4 GiB less one byte; Microsoft's FAT specification, DIR_FileSize).
FAT_LARGEST = 0xFFFFFFFF

Progress = Callable[[int], None]
# What a window is told: the step, and how many of how many bytes.
Tell = Callable[[str, int, int], None]
Stopped = Callable[[], bool]


class ExportError(Exception):
    """Works could not be brought onto the stick.

    Attributes:
        reason: ``full``, ``too_large``, ``read_only``, ``not_ours``, ``stick`` (it does not answer
            or cannot be read), ``differs`` (it did not keep what was written), ``changing`` (a work
            is being saved), ``work`` (a work cannot be read), ``stopped`` (as it was asked to).
        work: name of the work it stopped at, or empty.
    """

    def __init__(self, reason: str, work: str = "", detail: str = "") -> None:
        """``detail`` is for a technician."""
        super().__init__(f"{reason} {work} {detail}".strip())
        self.reason = reason
        self.work = work
        self.detail = detail


@dataclass(frozen=True)
class Copied:
    """One work on the stick: where it lies below the folder, how long it is and its SHA-256."""

    target: str
    size: int
    sha256: str


_REASONS = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "too_large",
    errno.EROFS: "read_only",
    errno.EACCES: "not_ours",
    errno.EPERM: "not_ours",
}


def stick_error(error: OSError, work: str = "") -> ExportError:
    """What an error of the stick means to the child."""
    return ExportError(_REASONS.get(error.errno or 0, "stick"), work, str(error))


def needed(works: Sequence[Work], cluster: int) -> int:
    """Bytes that works take on a stick whose smallest piece is ``cluster`` bytes, folders too."""
    pieces = sum(-(-work.size // cluster) for work in works)
    folders = {Path(work.name).parent for work in works}
    return (pieces + len(works) // 8 + 4 * (len(folders) + 1)) * cluster


def check_room(works: Sequence[Work], place: Path, largest: int | None) -> None:
    """Refuse before anything is written what cannot fit.

    Args:
        works: what is to be copied.
        place: folder on the stick.
        largest: bytes that one file may have there, if there is a limit.

    Raises:
        ExportError: ``read_only``, ``not_ours``, ``full``, ``too_large`` or ``stick``.
    """
    for work in works:
        if largest is not None and work.size > largest:
            raise ExportError("too_large", work.name)
    try:
        room = os.statvfs(place)
    except OSError as error:
        raise stick_error(error) from error
    if room.f_flag & os.ST_RDONLY:
        raise ExportError("read_only")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ExportError("not_ours")
    if needed(works, room.f_frsize) > room.f_bavail * room.f_frsize:
        raise ExportError("full")


def copy_works(
    works: Sequence[Work], folder: Path, progress: Progress, stopped: Stopped
) -> list[Copied]:
    """Copy works into a folder that is there and empty; each is written out to the stick.

    Raises:
        ExportError: see there; what was copied so far stays.
    """
    places = targets(work.name for work in works)
    copied = []
    for work in works:
        target = places[work.name]
        for attempt in (1, 2):
            before = _state(work)
            size, digest = _copy(work, folder / target, before[0], progress, stopped)
            if before == _state(work) and before[0] == size:
                copied.append(Copied(target, size, digest))
                break
            if attempt == 2:
                raise ExportError("changing", work.name)
            progress(-size)
    return copied


def _state(work: Work) -> tuple[int, int]:
    try:
        found = work.path.stat()
    except OSError as error:
        raise ExportError("work", work.name, str(error)) from error
    return found.st_size, found.st_mtime_ns


def _pieces(work: Work) -> Iterator[bytes]:
    """What a work holds; an error here is one of the PC, not of the stick."""
    try:
        # A work that became a link or a pipe meanwhile is not followed and does not block.
        source = os.open(work.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(source, "rb", buffering=0) as stream:
            while piece := stream.read(STEP):
                yield piece
    except OSError as error:
        raise ExportError("work", work.name, str(error)) from error


def _copy(
    work: Work, target: Path, length: int, progress: Progress, stopped: Stopped
) -> tuple[int, str]:
    """Copy one work; one that grows beyond ``length`` bytes meanwhile is left, not followed."""
    digest, size, waiting = hashlib.sha256(), 0, 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb", buffering=0) as stream:
            for piece in _pieces(work):
                if stopped():
                    raise ExportError("stopped", work.name)
                _write_all(stream.fileno(), piece)
                digest.update(piece)
                size += len(piece)
                waiting += len(piece)
                if waiting >= FLUSH:
                    os.fdatasync(stream.fileno())
                    waiting = 0
                progress(len(piece))
                if size > length:
                    break
            os.fsync(stream.fileno())
        # The stick shows when the work was made; a date that it cannot hold is no reason to fail.
        with contextlib.suppress(OverflowError, PermissionError):
            os.utime(target, (work.changed, work.changed))
    except OSError as error:
        raise stick_error(error, work.name) from error
    return size, digest.hexdigest()


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]


def write_out(folder: Path) -> None:
    """Force all that the stick's filesystem holds in memory onto the stick (syncfs(2)).

    Raises:
        ExportError: the stick did not take it.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.syncfs(descriptor) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise stick_error(error) from error


def read_back(folder: Path, copied: Sequence[Copied], progress: Progress, stopped: Stopped) -> bool:
    """Read every copy from the stick and compare; the page cache does not answer.

    Returns:
        Whether all of it was read past the page cache. Where a filesystem cannot do that, the
        cache was asked to forget the file first, which it need not obey.

    Raises:
        ExportError: ``differs`` with the first work that is not as it was written, or the error
            of the stick.
    """
    direct = True
    for one in copied:
        path = folder / one.target
        try:
            found = path.lstat()
            digest, went_direct = digest_past_cache(path, progress, stopped)
        except FileNotFoundError as error:
            raise ExportError("differs", one.target, str(error)) from error
        except OSError as error:
            raise stick_error(error, one.target) from error
        if found.st_size != one.size or digest != one.sha256:
            raise ExportError("differs", one.target)
        direct = direct and went_direct
    return direct


def digest_past_cache(path: Path, progress: Progress, stopped: Stopped) -> tuple[str, bool]:
    """SHA-256 of a file as its medium gives it, and whether the page cache was passed.

    Raises:
        OSError: it cannot be read.
        ExportError: ``stopped``.
    """
    try:
        return _digest(path, os.O_DIRECT, progress, stopped), True
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return _digest(path, 0, progress, stopped), False


def _digest(path: Path, flags: int, progress: Progress, stopped: Stopped) -> str:
    """Read a file whole; with O_DIRECT into memory that starts on a page, as it demands."""
    digest, at = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        with mmap.mmap(-1, STEP) as memory:
            while True:
                if stopped():
                    raise ExportError("stopped", path.name)
                length = os.preadv(descriptor, [memory], at)
                if length == 0:
                    return digest.hexdigest()
                digest.update(memory[:length])
                at += length
                progress(length)
                if length % mmap.PAGESIZE:  # only the end of a file is no whole page
                    return digest.hexdigest()
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Take away a folder that this program made; a stick that is gone is no reason to complain."""
    shutil.rmtree(folder, ignore_errors=True)


def counter(tell: Tell, step: str, total: int) -> Progress:
    """Adds up lengths in bytes and tells how many of ``total`` are done."""
    done = 0

    def count(length: int) -> None:
        nonlocal done
        done += length
        tell(step, done, total)

    return count
