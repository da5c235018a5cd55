"""When a desktop has come to rest is told from its pictures; a stroke goes where it should."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, cast

import pytest

from netspring_provision.errors import MachineFailedError
from netspring_provision.lab import screen
from netspring_provision.lab.qmp import Qmp
from netspring_provision.lab.screen import Screen, Stillness, colours

WIDTH, HEIGHT = 640, 480
HEAD = f"P6\n{WIDTH} {HEIGHT}\n255\n".encode()
BLACK = HEAD + bytes(WIDTH * HEIGHT * 3)
DESKTOP = HEAD + random.Random(4).randbytes(WIDTH * HEIGHT * 3)  # noqa: S311 - a picture
# A clock: 60 by 12 pixels. An icon: 72 by 72.
CLOCK = (60, 12)
ICON = (72, 72)


def with_box(picture: bytes, size: tuple[int, int]) -> bytes:
    rows = bytearray(picture)
    for y in range(100, 100 + size[1]):
        at = len(HEAD) + (y * WIDTH + 50) * 3
        rows[at : at + size[0] * 3] = bytes(255 - byte for byte in rows[at : at + size[0] * 3])
    return bytes(rows)


def test_a_clock_is_no_change_and_an_icon_is() -> None:
    stillness = Stillness()
    stillness.look(1.0, DESKTOP)
    stillness.look(2.0, with_box(DESKTOP, CLOCK))
    assert stillness.since == 1.0
    assert stillness.lasts(4.0, 3.0)
    stillness.look(5.0, with_box(DESKTOP, ICON))
    assert stillness.since == 5.0
    assert not stillness.lasts(7.9, 3.0)


def test_another_size_of_the_screen_is_a_change() -> None:
    stillness = Stillness()
    stillness.look(1.0, BLACK)
    stillness.look(2.0, BLACK + bytes(400))
    assert stillness.since == 2.0


def test_a_console_has_few_colours_and_a_desktop_many() -> None:
    assert colours(BLACK) == 1
    assert colours(DESKTOP) > screen.COLOURS


class FakeQmp:
    """Shows one picture after the other, and keeps what it is told."""

    def __init__(self, *pictures: bytes) -> None:
        self.pictures, self.told = list(pictures), cast("list[Any]", [])

    def execute(self, command: str, **arguments: Any) -> None:
        if command == "screendump":
            now = self.pictures.pop(0) if len(self.pictures) > 1 else self.pictures[0]
            Path(arguments["filename"]).write_bytes(now)
        else:
            self.told += arguments.get("events") or arguments["keys"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that goes only while somebody sleeps."""
    now = [0.0]
    monkeypatch.setattr(screen.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(screen.time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    return now


def seen(tmp_path: Path, *pictures: bytes) -> tuple[Screen, FakeQmp]:
    qmp = FakeQmp(*pictures)
    return Screen(cast(Qmp, qmp), tmp_path), qmp


def test_the_desktop_is_there_when_its_last_icon_is(tmp_path: Path, clock: list[float]) -> None:
    half = with_box(DESKTOP, ICON)
    eye, _ = seen(tmp_path, *[BLACK] * 40, *[half] * 4, DESKTOP)
    assert eye.settled(15, 600) == 44 * 0.5
    assert clock[0] == 44 * 0.5 + 15


def test_a_black_screen_is_no_desktop_however_still(tmp_path: Path, clock: list[float]) -> None:
    eye, _ = seen(tmp_path, BLACK)
    with pytest.raises(MachineFailedError, match="60 s"):
        eye.settled(15, 60)
    assert clock[0] >= 60


def test_a_stroke_is_drawn_with_the_button_held(tmp_path: Path, clock: list[float]) -> None:
    eye, qmp = seen(tmp_path, BLACK)
    eye.stroke([(0, 0.5), (1, 0.5)])
    down = [event["data"]["down"] for event in qmp.told if event["type"] == "btn"]
    places = [event["data"]["value"] for event in qmp.told if event["type"] == "abs"]
    assert [event["type"] for event in qmp.told] == ["abs"] * 2 + ["btn"] + ["abs"] * 2 + ["btn"]
    assert down == [True, False]
    assert places == [0, 16384, 32767, 16384]
    assert clock[0] > 0


def test_keys_are_pressed_together(tmp_path: Path) -> None:
    eye, qmp = seen(tmp_path, BLACK)
    eye.press("ctrl", "s")
    assert [key["data"] for key in qmp.told] == ["ctrl", "s"]


def test_a_window_that_comes_is_seen(tmp_path: Path, clock: list[float]) -> None:
    eye, _ = seen(tmp_path, *[DESKTOP] * 10, BLACK)
    eye.changes(DESKTOP, 0.1, 60)
    assert clock[0] == 10 * 0.5


def test_a_window_that_never_comes_is_said(tmp_path: Path, clock: list[float]) -> None:
    eye, _ = seen(tmp_path, with_box(DESKTOP, CLOCK))
    with pytest.raises(MachineFailedError, match="60 s"):
        eye.changes(DESKTOP, 0.1, 60)
    assert clock[0] >= 60
