"""Collecting the child's works on a stick or in a folder, proven by reading them again."""

from __future__ import annotations

import getpass
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netspring_works import show_job
from netspring_works.export import ExportError, Tell, stick_error
from netspring_works.inventory import Work, find_works, works_folder
from netspring_works.sticks import Place, Stick

from netspring_classroom.link import Link, LinkError
from netspring_classroom.system import PUPIL
from netspring_classroom.works import CutError, into_folder, receive


@dataclass(frozen=True)
class Collected:
    """Works that are where the teacher wanted them.

    Attributes:
        folder: name of their folder there.
        number: how many.
        out: whether the stick may be pulled out; ``None`` where there is none.
        unreadable: names of works that could not be read.
    """

    folder: str
    number: int
    out: bool | None
    unreadable: tuple[str, ...]


def folder_name(tag: str, now: time.struct_time) -> str:
    """Name of the folder for a PC's works: its asset tag, and when they were collected."""
    return show_job.folder_name("", tag, now)


@contextmanager
def found(link: Link, tell: Tell) -> Iterator[tuple[list[Work], list[str]]]:
    """The child's works as files that this program may read, and names of those that nobody can.

    In the child's session they are read where they are. In another session they are copied into
    this person's home first, and removed from there at the end.

    Raises:
        LinkError: the program with the rights ended.
        RefusedError: the child's home cannot be read.
        ExportError: ``staging_full``: this person's home has no room for them.
    """
    if getpass.getuser() == PUPIL:
        try:
            works = find_works(works_folder(Path.home()))
        except OSError as error:
            raise ExportError("work", detail=str(error)) from error
        yield works, []
        return
    cache = Path.home() / ".cache"
    staged = None
    try:
        cache.mkdir(exist_ok=True)
        for left in cache.glob("netspring-works-*"):  # by a power cut, or a window that was killed
            _remove(left)
        staged = Path(tempfile.mkdtemp(prefix="netspring-works-", dir=cache))
        answer = link.ask("works")
        received = receive(link.stream, answer["works"], staged, lambda d, t: tell("reading", d, t))
    except CutError as error:
        _remove(staged)
        raise LinkError("lost", str(error)) from error
    except OSError as error:
        # The stream was not read to its end: nothing more can be asked on this line.
        link.close()
        _remove(staged)
        raise ExportError("staging_full", detail=str(error)) from error
    try:
        yield received
    finally:
        _remove(staged)


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def collect(
    link: Link,
    target: Stick | Path,
    place: Place,
    tag: str,
    tell: Tell,
    stopped: Callable[[], bool],
) -> Collected:
    """Bring the child's works to a stick or into a folder.

    Args:
        link: the line to the program with the rights.
        target: where to.
        place: where sticks are.
        tag: what is written on this PC.
        tell: called with ``reading``, ``copying``, ``writing`` or ``checking``, bytes done, in all.
        stopped: whether the teacher pressed "stop".

    Raises:
        ExportError: it did not go (see show_job.bring); ``none``: there is no work yet.
        LinkError, RefusedError: the works cannot be had.
    """
    name = folder_name(tag, time.localtime())
    with found(link, tell) as (works, unreadable):
        if not works:
            raise ExportError("none")
        if isinstance(target, Path):
            try:
                folder = into_folder(works, target, name, tell, stopped)
            except OSError as error:
                raise stick_error(error) from error
            return Collected(folder.name, len(works), None, tuple(unreadable))
        shown = show_job.bring(works, target, place, name, tell, stopped)
        return Collected(shown.folder, shown.number, shown.out, tuple(unreadable))
