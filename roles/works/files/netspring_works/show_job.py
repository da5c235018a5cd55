"""The whole way of works onto a stick, without a window: look, copy, write out, let go, read again.

The order is that of the promise "your works are on the stick":

1. Refuse what cannot fit, before anything is written.
2. Copy into a folder whose name says that it is not finished; force it out, rename it, force that
   out.
3. Unmount and mount again, so that folders and names come from the stick too; where a program of
   the child keeps it busy, files are still read past the page cache.
4. Read every file and compare. Only then is it on the stick.
5. Unmount and switch the stick off.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netspring_works import export
from netspring_works.inventory import Work, free_path
from netspring_works.names import safe
from netspring_works.sticks import Place, Stick, StickError

UNFINISHED = "netspring unfinished"
# A PC whose clock battery is empty wakes up in 1970 or in the year it was made.
FIRST_TRUE_YEAR = 2026
# What goes wrong without the stick having anything to do with it, or by its size alone.
NOT_THE_STICK = ("stopped", "work", "changing", "busy", "full")
# Seconds after which UDisks has told that a stick is gone: the first error of writing comes before
# (seen on a virtual PC), and a PC of 2008 that is busy takes its time.
NOTICED_WITHIN = 10.0


@dataclass(frozen=True)
class Shown:
    """Works that are on the stick.

    Attributes:
        folder: name of their folder there.
        number: how many.
        size: bytes.
        out: whether the stick was let go and may be pulled out.
    """

    folder: str
    number: int
    size: int
    out: bool


def folder_name(title: str, pc: str, now: time.struct_time) -> str:
    """Name of the folder on the stick: whose works, from which PC, when."""
    when = time.strftime("%Y-%m-%d %H.%M", now) if now.tm_year >= FIRST_TRUE_YEAR else ""
    return safe(" ".join(part for part in (title, pc, when) if part))


def bring(
    works: Sequence[Work],
    stick: Stick,
    place: Place,
    name: str,
    tell: export.Tell,
    stopped: Callable[[], bool],
) -> Shown:
    """Bring works onto a stick.

    Args:
        works: at least one.
        stick: where to.
        place: where sticks are.
        name: folder on the stick; numbered if there is one of that name.
        tell: called with ``copying``, ``writing`` or ``checking``, bytes done, bytes in all.
        stopped: whether the child pressed "stop".

    Raises:
        export.ExportError: it did not go; what was begun is removed as far as the stick lets it.
            Besides its own reasons: ``gone``, the stick was pulled out.
    """
    try:
        top = place.mount(stick)
    except StickError as error:
        raise export.ExportError(_why(error), detail=str(error)) from error
    export.check_room(works, top, stick.largest_file)
    made: list[Path] = []
    try:
        return _bring(works, stick, place, top, name, tell, stopped, made)
    except export.ExportError as error:
        if error.reason not in NOT_THE_STICK and _gone(stick, place):
            raise export.ExportError("gone", error.work, error.detail) from error
        _clear(stick, place, made)
        raise


def _gone(stick: Stick, place: Place) -> bool:
    """Whether the stick was pulled out: writing fails before the system has noticed it."""
    until = time.monotonic() + NOTICED_WITHIN
    while time.monotonic() <= until:
        with contextlib.suppress(StickError):  # not known: UDisks may answer again
            if not place.plugged_in(stick):
                return True
        time.sleep(0.25)
    return False


def _why(error: StickError) -> str:
    return "gone" if error.reason == "gone" else "stick"


def _bring(
    works: Sequence[Work],
    stick: Stick,
    place: Place,
    top: Path,
    name: str,
    tell: export.Tell,
    stopped: Callable[[], bool],
    made: list[Path],
) -> Shown:
    total = sum(work.size for work in works)
    part = top / UNFINISHED
    try:
        export.remove(part)  # of a stick that was pulled out too early
        made.append(Path(part.name))
        part.mkdir()
    except OSError as error:
        raise export.stick_error(error) from error
    copied = export.copy_works(works, part, export.counter(tell, "copying", total), stopped)
    tell("writing", 0, 0)
    export.write_out(top)
    try:
        # On another stick that was plugged in instead, a folder of that name is not ours.
        if not place.plugged_in(stick):
            raise export.ExportError("gone")
    except StickError as error:
        raise export.ExportError(_why(error), detail=str(error)) from error
    final = free_path(top, name, "")
    try:
        part.rename(final)
        made.append(Path(final.name))  # only now is it one that this run made
    except OSError as error:
        raise export.stick_error(error) from error
    export.write_out(top)
    if stopped():
        raise export.ExportError("stopped")

    fresh, top = _mounted_anew(stick, place, top)
    size = sum(one.size for one in copied)
    counter = export.counter(tell, "checking", size)
    direct = export.read_back(top / final.name, copied, counter, stopped)
    if not (fresh or direct):
        raise export.ExportError("busy")
    tell("writing", 0, 0)
    return Shown(final.name, len(copied), size, let_go(stick, place))


def _mounted_anew(stick: Stick, place: Place, top: Path) -> tuple[bool, Path]:
    """Whether the stick could be let go and mounted again, and where it is now."""
    try:
        place.unmount(stick)
    except StickError as error:
        if error.reason != "busy":
            raise export.ExportError(_why(error), detail=str(error)) from error
        return False, top
    try:
        return True, place.mount(stick)
    except StickError as error:
        raise export.ExportError(_why(error), detail=str(error)) from error


def let_go(stick: Stick, place: Place) -> bool:
    """Take the stick out; whether it may be pulled now. One that is gone already may."""
    try:
        place.take_out(stick)
    except StickError as error:
        return error.reason == "gone"
    return True


def _clear(stick: Stick, place: Place, made: Sequence[Path]) -> None:
    """Take away what this run began, and nothing else; nothing of a stick in its place."""
    try:
        top = place.mount(stick)
        for name in made:
            export.remove(top / name)
        export.write_out(top)
    except (StickError, export.ExportError):
        return  # a stick that fails keeps what it keeps; its name says that it is not finished
