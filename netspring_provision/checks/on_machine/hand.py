"""A hand at mouse and keyboard: xdotool, by XTEST, so programs see no difference to a child."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping, Sequence

from netspring_provision.checks.on_machine.programs import output

STEP = 8  # pixels between two reports of a moving mouse
STEP_SECONDS = 0.01
KEY_MILLISECONDS = 60  # between two letters; an input method needs a moment for each

Point = tuple[int, int]


class Hand:
    """Moves the mouse and types, on the display of an environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """``environment`` of the child's session."""
        self._environment = dict(environment)

    def _do(self, *words: object) -> None:
        """Run xdotool; raises RuntimeError if it is missing or does not end well."""
        output("xdotool", *map(str, words), env=self._environment)

    def move(self, place: Point) -> None:
        """Put the mouse there."""
        self._do("mousemove", *place)

    def click(self, place: Point) -> None:
        """Click with the left button."""
        self._do("mousemove", *place, "sleep", 0.2, "click", 1)

    def drag(self, points: Sequence[Point]) -> None:
        """Draw a line through these points with the left button held down."""
        words: list[object] = ["mousemove", *points[0], "sleep", 0.2, "mousedown", 1, "sleep", 0.1]
        for place in along(points, STEP)[1:]:
            words += ["mousemove", *place, "sleep", STEP_SECONDS]
        self._do(*words, "sleep", 0.1, "mouseup", 1)

    def keys(self, *names: str) -> None:
        """Press keys one after the other, named as xdotool does: ``ctrl+s``."""
        for name in names:
            self._do("key", "--clearmodifiers", name)
            time.sleep(KEY_MILLISECONDS / 1000)

    def letters(self, text: str) -> None:
        """Type Latin letters."""
        self._do("type", "--clearmodifiers", "--delay", KEY_MILLISECONDS, text)

    def front(self, window: int) -> None:
        """Bring a window to the front, so that the keys go to it."""
        self._do("windowactivate", "--sync", window)


def along(points: Sequence[Point], step: float) -> list[Point]:
    """Points at most ``step`` pixels apart on the line through ``points``, its ends included."""
    found = [points[0]]
    for start, end in itertools.pairwise(points):
        count = max(1, math.ceil(math.dist(start, end) / step))
        found += [
            (
                round(start[0] + (end[0] - start[0]) * number / count),
                round(start[1] + (end[1] - start[1]) * number / count),
            )
            for number in range(1, count + 1)
        ]
    return found
