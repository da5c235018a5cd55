"""What a child does first in a program, done by mouse and keys, and what came of it on the screen.

An act only tells what it saw; the check judges, by the limits that stand here beside the deed.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspring_provision.checks.on_machine import samples
from netspring_provision.checks.on_machine.hand import Hand, Point, along
from netspring_provision.checks.on_machine.pixels import Picture, Spot, differing
from netspring_provision.checks.on_machine.programs import run
from netspring_provision.checks.on_machine.session import processes
from netspring_provision.checks.on_machine.x11 import Display, Window

# A stroke: of the places along the line, this share must have changed, and of those beside it no
# more than that. A window that is painted anew as a whole is no stroke, and neither is a dot.
LINE_SHARE = 0.8
BESIDE_SHARE = 0.2
BRUSH = 3  # pixels beside the line at which even the thinnest brush has left something
BESIDE = 60  # pixels from the line that no first brush of a program reaches
# The square: so many pixels of its colour, as wide as high, and hollow.
SQUARE_PIXELS = 400
SQUARE_RATIO = 1.25
HOLLOW_SHARE = 0.5
# The cat: its script makes it go 100 steps; on the smallest stage that is 50 pixels.
CAT_PIXELS = 200
CAT_MOVE = 40
CAT_SINKS = 10  # pixels that it may seem to go up or down meanwhile
FLAG_GREEN = (0x4C, 0xBF, 0x56)
CAT_ORANGE = (0xFF, 0xAB, 0x19)
CHINESE = "2"
STROKE_SECONDS = 6  # for a stroke to appear, at each attempt
CLICK_SECONDS = 8  # for a click to be followed by something, at each attempt
WRITING_SECONDS = (4, 20)  # for a text to be in its file, at each attempt
WAIT_SECONDS = 60  # for what must happen, on the slowest PC; attempts go on so long
LOOK_SECONDS = 0.4
# A picture of the desktop has more different bytes than one of a single colour.
PHOTO_VALUES = 32
SETTLE_SECONDS = 0.6  # for what ended a movement of the mouse to be drawn


@dataclass(frozen=True)
class Scene:
    """A program with its window open, and the home that it saves to.

    Attributes:
        patience: how many times longer than on the slowest real PC all may take.
    """

    display: Display
    hand: Hand
    window: Window
    home: Path
    patience: float = 1.0

    def place(self, across: float, down: float) -> Point:
        """A place in the window, by shares of its width and height."""
        window = self.window
        return window.x + int(window.width * across), window.y + int(window.height * down)


Act = Callable[[Scene], dict[str, Any]]


def stroke(scene: Scene) -> dict[str, Any]:
    """Draw a bent line in the middle of the window: whether it is where the mouse was.

    A program that still shows its name takes no strokes. So it is tried again, like a child would,
    each time a bit lower, since the one before may yet appear.
    """
    park = scene.place(0.6, 0.22)
    deadline = time.monotonic() + WAIT_SECONDS * scene.patience
    number = 0
    while True:
        late = time.monotonic() > deadline  # one more attempt, as it may just have got ready
        lower = 0.05 * (number % 4)
        bend = ((0.38, 0.25), (0.56, 0.3), (0.4, 0.35), (0.55, 0.38))
        line = [scene.place(x, y + lower) for x, y in bend]
        places = along(line, 10)[1:-1]
        scene.hand.front(scene.window.number)
        scene.hand.move(park)
        time.sleep(SETTLE_SECONDS)
        before = scene.display.picture()
        scene.hand.drag(line)
        scene.hand.move(park)

        def share(now: Picture, before: Picture = before, at: list[Point] = places) -> float:
            return differing(now, before, at, BRUSH)

        now = _await(scene, lambda seen: share(seen) >= LINE_SHARE, STROKE_SECONDS)
        beside = differing(now, before, _beside(line, park))
        seen = {"line": round(share(now), 3), "beside": round(beside, 3), "strokes": number + 1}
        if late or (seen["line"] >= LINE_SHARE and beside <= BESIDE_SHARE):
            return seen
        number += 1


def _beside(line: list[Point], park: Point) -> list[Point]:
    """Places around a line, but away from it and from where the mouse stands."""
    xs, ys = [x for x, _ in line], [y for _, y in line]
    near = [*along(line, 10), park]
    return [
        (x, y)
        for x in range(min(xs) - 2 * BESIDE, max(xs) + 2 * BESIDE, 9)
        for y in range(min(ys) - BESIDE, max(ys) + BESIDE, 9)
        if all(abs(x - px) > BESIDE or abs(y - py) > BESIDE for px, py in near)
    ]


def flag(scene: Scene) -> dict[str, Any]:
    """Click Scratch's green flag: where the cat was, and how far it went, in pixels.

    What shows a stage may not listen yet, so the flag is clicked until the cat goes, or time is up.
    """
    scene.hand.front(scene.window.number)
    before = _await(scene, lambda now: _cat(now) is not None)
    green, cat = _flag(before), _cat(before)
    seen: dict[str, Any] = {
        "flag": list(green.middle) if green else None,
        "cat": list(cat.middle) if cat else None,
        "moved": None,
    }
    if green is None or cat is None:
        return seen

    def went(now: Picture) -> list[int] | None:
        there = _cat(now)
        if there is None:
            return None
        return [there.middle[0] - cat.middle[0], there.middle[1] - cat.middle[1]]

    deadline = time.monotonic() + WAIT_SECONDS * scene.patience
    while (seen["moved"] or [0])[0] < CAT_MOVE and time.monotonic() < deadline:
        scene.hand.click(green.middle)
        now = _await(scene, lambda now: (went(now) or [0])[0] >= CAT_MOVE, CLICK_SECONDS)
        seen["moved"] = went(now)
    return seen


def _flag(picture: Picture) -> Spot | None:
    """The green flag stands above the stage, in the right half of the window."""
    found = picture.spot(FLAG_GREEN, left=picture.width // 2)
    return found if found and found.right - found.left < picture.width // 10 else None


def _cat(picture: Picture) -> Spot | None:
    """The cat on the stage; not the small one in the list of sprites below it.

    The stage reaches from the flag to the right edge of the screen and is four by three.
    """
    green = _flag(picture)
    if green is None:
        return None
    bottom = green.bottom + (picture.width - green.left) * 3 // 4
    found = picture.spot(CAT_ORANGE, left=green.left, bottom=bottom)
    return found if found and found.count >= CAT_PIXELS else None


def square(scene: Scene) -> dict[str, Any]:
    """Run the program that is open: whether its turtle draws a square on the screen."""
    before = scene.display.picture().spot(samples.PEN)
    scene.hand.front(scene.window.number)
    scene.hand.keys("F5")

    def drawn(now: Picture) -> bool:
        found = now.spot(samples.PEN)
        return found is not None and is_square(found.count, *_size(found))

    now = _await(scene, drawn).spot(samples.PEN)
    return {
        "before": before.count if before else 0,
        "after": now.count if now else 0,
        "size": list(_size(now)) if now else None,
    }


def _size(spot: Spot) -> tuple[int, int]:
    return spot.right - spot.left + 1, spot.bottom - spot.top + 1


def is_square(pixels: int, width: int, height: int) -> bool:
    """Whether so many pixels within such a box are the outline of a square."""
    return (
        pixels >= SQUARE_PIXELS
        and max(width, height) <= SQUARE_RATIO * min(width, height)
        and pixels <= HOLLOW_SHARE * width * height
    )


def pinyin(scene: Scene) -> dict[str, Any]:
    """Change to pinyin by the usual keys, type ``nihao`` and save: what is in the file then.

    Tried twice, since an input method that was just started misses the first keys. The keys change
    to and fro, so they are pressed only while it is not Chinese already.
    """
    path, seen = scene.home / samples.HELLO, {"text": ""}
    for patience in WRITING_SECONDS:
        scene.hand.front(scene.window.number)
        scene.hand.keys("ctrl+a", "Delete")
        if input_state() != CHINESE:
            scene.hand.keys("ctrl+space")
        deadline = time.monotonic() + patience * scene.patience
        while input_state() != CHINESE and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        scene.hand.letters("nihao")
        time.sleep(SETTLE_SECONDS)
        scene.hand.keys("space")
        time.sleep(SETTLE_SECONDS)
        scene.hand.keys("ctrl+s")
        deadline = time.monotonic() + patience * scene.patience
        while time.monotonic() < deadline:
            seen["text"] = path.read_text(encoding="utf-8", errors="replace").strip()
            if seen["text"] == samples.HELLO_CHINESE:
                return seen
            time.sleep(LOOK_SECONDS)
    return seen


def input_state() -> str | None:
    """What fcitx5 answers for the window in front: 0 nobody typed yet, 1 Latin, 2 Chinese.

    Asked only while it runs: over D-Bus a question would start it.
    """
    if "fcitx5" not in processes(os.getuid()):
        return None
    done = run("fcitx5-remote")
    return done.stdout.strip() if done.returncode == 0 else None


def _await(scene: Scene, good: Callable[[Picture], bool], seconds: float = WAIT_SECONDS) -> Picture:
    """The first picture of the screen that is good and stays so, or the last before time is up."""
    deadline = time.monotonic() + seconds * scene.patience
    was_good = False
    while True:
        time.sleep(LOOK_SECONDS)
        now = scene.display.picture()
        is_good = good(now)
        if (is_good and was_good) or time.monotonic() > deadline:
            return now
        was_good = is_good


def pencil(scene: Scene) -> dict[str, Any]:
    """A stroke with Inkscape's pencil, which is taken by the key p."""
    scene.hand.front(scene.window.number)
    scene.hand.keys("p")
    return stroke(scene)


def photo(scene: Scene) -> dict[str, Any]:
    """Look among the works for the picture that the program took of the screen when it started."""
    screen = scene.display.picture()
    seen: dict[str, Any] = {"screen": [screen.width, screen.height], "pictures": []}
    deadline = time.monotonic() + WAIT_SECONDS * scene.patience
    while not seen["pictures"] and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        for path in sorted((scene.home / ".works").rglob("*.png")):
            content = path.read_bytes()
            size = png_size(content)
            if size is not None:
                seen["pictures"].append([*size, png_values(content)])
    return seen


def png_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a whole PNG file; ``None`` if it is none, or its end is missing."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n") or b"IEND" not in content[-12:]:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def png_values(content: bytes) -> int:
    """How many different bytes the rows of a PNG file hold: few in a picture of one colour."""
    rows, at = b"", 8
    while at + 8 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        if content[at + 4 : at + 8] == b"IDAT":
            rows += content[at + 8 : at + 8 + length]
        at += 12 + length
    try:
        return len(set(zlib.decompress(rows)))
    except zlib.error:
        return 0


ACTS: dict[str, Act] = {
    "stroke": stroke,
    "pencil": pencil,
    "flag": flag,
    "square": square,
    "pinyin": pinyin,
    "photo": photo,
}


def prepare(opens: list[str], home: Path) -> list[str]:
    """Words to add to a program's command; the samples among them are written into the home."""
    words = []
    for word in opens:
        if word in samples.SAMPLES:
            (home / word).write_bytes(samples.SAMPLES[word]())
            word = str(home / word)
        words.append(word)
    return words
