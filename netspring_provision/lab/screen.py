"""The screen and the hand of a virtual PC, from outside: nothing in the guest has to help.

A desktop that has drawn itself can be told from a PC that is still starting by its many colours,
and from one that is still drawing by its stillness.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError
from netspring_provision.lab import power
from netspring_provision.lab.qmp import Qmp

# Looked at are some 60,000 of the 2.4 million bytes of a picture; 37 has no factor with its pixels
# (3 bytes) and rows, so all colours and columns take part.
_STEP = 37
_PIXEL = 3
_HEAD = re.compile(rb"P6\s+\d+\s+\d+\s+255\s")
# A text console has at most 16 colours, a blank screen one.
COLOURS = 100
# A blinking cursor or a clock is no change; an icon is.
CHANGED = 0.004
_POLL_SECONDS = 0.5
# QEMU's pointer has places from 0 to 32767 on both axes, whatever the screen's size.
_POINTER = 32767
_STROKE_STEP_SECONDS = 0.04


@dataclass
class Stillness:
    """Since when a screen has shown the same, fed with one look after the other. Pure.

    Attributes:
        since: time of the first look that showed what the last one shows; ``None`` before any.
        shown: that look.
    """

    since: float | None = None
    shown: bytes = field(default=b"", repr=False)

    def look(self, moment: float, picture: bytes) -> None:
        """One more look; ``picture`` is a PPM file (P6)."""
        sample = picture[::_STEP]
        if self.since is None or changed(self.shown, sample) > CHANGED:
            self.since, self.shown = moment, sample

    def lasts(self, moment: float, seconds: float) -> bool:
        """Whether it has been still for so long."""
        return self.since is not None and moment - self.since >= seconds


def changed(before: bytes, now: bytes) -> float:
    """Share of the looked-at bytes that differ; 1.0 if the screen's size changed."""
    if len(before) != len(now) or not now:
        return 1.0
    return sum(a != b for a, b in zip(before, now, strict=True)) / len(now)


def colours(picture: bytes) -> int:
    """How many colours a PPM picture has, in a sample of its pixels."""
    head = _HEAD.match(picture)
    body = picture[head.end() :] if head else b""
    step = _PIXEL * _STEP
    return len({body[at : at + _PIXEL] for at in range(0, len(body), step)})


class Screen:
    """A conversation with the QEMU of one running PC; only one at a time gets through."""

    def __init__(self, qmp: Qmp, folder: Path) -> None:
        """Over an open ``qmp``; pictures pass through ``folder``."""
        self._qmp, self._file = qmp, folder / "screen.ppm"

    def picture(self) -> bytes:
        """What the PC shows now, as PPM."""
        self._qmp.execute("screendump", filename=str(self._file))
        return self._file.read_bytes()

    def save(self, path: Path) -> None:
        """What the PC shows now, as a PNG file."""
        self._qmp.execute("screendump", filename=str(path), format="png")

    def settled(self, still_seconds: float, timeout_seconds: float, fewest: int = COLOURS) -> float:
        """Wait until a desktop has drawn itself; returns when it had, by the monotonic clock.

        Args:
            still_seconds: how long nothing may change.
            timeout_seconds: how long to wait.
            fewest: colours that it must show; a program that fills the screen may have fewer.

        Raises:
            MachineFailedError: it showed no desktop, or never came to rest.
        """
        deadline = time.monotonic() + timeout_seconds
        stillness = Stillness()
        while (moment := time.monotonic()) < deadline:
            picture = self.picture()
            stillness.look(moment, picture)
            if stillness.lasts(moment, still_seconds) and colours(picture) >= fewest:
                assert stillness.since is not None  # noqa: S101 - or it would not last
                return stillness.since
            time.sleep(_POLL_SECONDS)
        raise MachineFailedError(
            f"its screen did not come to rest within {timeout_seconds:.0f} s, or shows no desktop",
            hint="see it: netspring lab screenshot NAME",
        )

    def changes(self, before: bytes, share: float, timeout_seconds: float) -> None:
        """Wait until the screen looks different from an earlier picture of it.

        Raises:
            MachineFailedError: less than that share of it changed in that time.
        """
        deadline = time.monotonic() + timeout_seconds
        while changed(before[::_STEP], self.picture()[::_STEP]) < share:
            if time.monotonic() > deadline:
                raise MachineFailedError(
                    f"nothing appeared on its screen within {timeout_seconds:.0f} s",
                    hint="see it: netspring lab screenshot NAME",
                )
            time.sleep(_POLL_SECONDS)

    def stroke(self, points: Sequence[tuple[float, float]]) -> None:
        """Draw with the left button held; places are shares of the screen, from 0 to 1."""
        self._point(*points[0])
        self._button(down=True)
        for point in points[1:]:
            time.sleep(_STROKE_STEP_SECONDS)
            self._point(*point)
        time.sleep(_STROKE_STEP_SECONDS)
        self._button(down=False)

    def click(self, x: float, y: float) -> None:
        """Press the left button at a place of the screen, as shares from 0 to 1."""
        self.stroke([(x, y), (x, y)])

    def press(self, *names: str) -> None:
        """Press keys together, by QEMU's names for them (``f5``, ``ctrl``, ``s``)."""
        keys = [{"type": "qcode", "data": name} for name in names]
        self._qmp.execute("send-key", keys=keys)

    def _point(self, x: float, y: float) -> None:
        axes = [
            {"type": "abs", "data": {"axis": axis, "value": round(share * _POINTER)}}
            for axis, share in (("x", x), ("y", y))
        ]
        self._qmp.execute("input-send-event", events=axes)

    def _button(self, *, down: bool) -> None:
        event = {"type": "btn", "data": {"button": "left", "down": down}}
        self._qmp.execute("input-send-event", events=[event])


@contextlib.contextmanager
def screen_of(station: Station, name: str) -> Iterator[Screen]:
    """The screen of a running PC.

    Raises:
        UsageError: the PC is off.
        MachineFailedError: its QEMU does not answer.
    """
    with (
        tempfile.TemporaryDirectory(prefix="netspring-screen-") as folder,
        power.open_qmp(station, name, timeout_seconds=60.0) as qmp,
    ):
        yield Screen(qmp, Path(folder))
