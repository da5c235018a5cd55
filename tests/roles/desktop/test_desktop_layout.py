"""The cards fit every screen, and each icon stands in the middle of its card."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from typing import Any

import pytest
import yaml
from netspring_desktop.layout import (
    LETTER,
    LETTERS,
    LINES,
    SELECTION,
    Column,
    layout,
    line,
    present,
)
from netspring_desktop.settings import changed, places
from netspring_desktop.wallpaper import SIGNS, Kind, svg

from tests.on_target import ROLES

DEFAULTS: dict[str, Any] = yaml.safe_load((ROLES / "desktop/defaults/main.yml").read_text("utf-8"))
CARDS = DEFAULTS["desktop_columns"]
STUDIO = [Column(card["kind"], tuple(card["programs"])) for card in CARDS]
LITE = [
    column
    for column in present(
        STUDIO, {name for column in STUDIO for name in column.programs} - {"krita", "inkscape"}
    )
    if column.kind != "animate"
]
PANEL = DEFAULTS["desktop_panel_height"]
SCREENS = [
    (800, 600),
    (1024, 600),
    (1024, 768),
    (1280, 800),
    (1280, 1024),
    (1366, 768),
    (1440, 900),
    (1600, 900),
    (1680, 1050),
    (1920, 1080),
    (1920, 1200),
    (2560, 1440),
]


@pytest.mark.parametrize("columns", [LITE, STUDIO, LITE[:1]], ids=["lite", "studio", "one"])
@pytest.mark.parametrize("screen", SCREENS, ids=str)
def test_each_icon_stands_in_the_middle_of_its_card(
    screen: tuple[int, int], columns: list[Column]
) -> None:
    found = layout(*screen, PANEL, columns)
    left, top, right, bottom = found.work_area
    # What the file manager makes of it: a cell, and the whole cells that the work area holds.
    wide = max(found.icon, LETTERS * LETTER[found.font]) + SELECTION + 2 * found.cell_margins[0]
    high = found.icon + LINES * line(found.font) + SELECTION + 2 * found.cell_margins[1]
    rows = (screen[1] - PANEL - top - bottom) // high
    assert rows >= max(len(column.programs) for column in columns)
    for column, card in zip(columns, found.cards, strict=True):
        assert card.kind == column.kind
        assert card.x >= 0
        assert card.x + card.width <= screen[0]
        assert card.y + card.height <= screen[1] - PANEL
        assert card.width >= wide - 20
        for row, name in enumerate(column.programs):
            x, y = found.places[name]
            assert (x - left) % wide == 0, "not on the grid: the file manager would move it"
            assert y == top + row * high
            assert x + wide <= screen[0] - right
            assert y + high <= screen[1] - PANEL - bottom
            assert abs((x + wide / 2) - (card.x + card.width / 2)) <= 1
            assert card.y + card.head <= y
            assert y + high <= card.y + card.height
    assert min(found.cell_margins) >= 0
    assert max(found.cell_margins) <= 48, "pcmanfm-qt takes no more"


@pytest.mark.parametrize("screen", SCREENS, ids=str)
def test_the_icons_are_big_and_their_names_can_be_read(screen: tuple[int, int]) -> None:
    found = layout(*screen, PANEL, LITE)
    assert found.icon >= min(80, screen[1] // 11)
    assert found.font >= 12


def test_cards_do_not_lie_on_each_other() -> None:
    cards = layout(1024, 768, PANEL, STUDIO).cards
    for one, next_one in pairwise(cards):
        assert one.x + one.width < next_one.x


def test_a_program_that_the_pc_lacks_is_left_out_and_so_is_an_empty_card() -> None:
    assert present(STUDIO, {"scratch", "krita"}) == [
        Column("draw", ("krita",)),
        Column("code", ("scratch",)),
    ]
    with pytest.raises(ValueError, match="no program"):
        layout(1024, 768, PANEL, present(STUDIO, set()))


@pytest.mark.parametrize("language", ["zh_CN", "en_US", "fr_FR"])
def test_the_picture_says_the_heads_in_every_language(language: str) -> None:
    kinds = {card["kind"]: Kind(card["names"][language], card["colour"]) for card in CARDS}
    source = svg(layout(1024, 768, PANEL, STUDIO), kinds)
    said = [text.text for text in ElementTree.fromstring(source).iterfind(".//{*}text")]  # noqa: S314
    assert said == [card["names"][language] for card in CARDS]


def test_every_kind_has_a_sign_of_its_own() -> None:
    assert sorted(SIGNS) == sorted(card["kind"] for card in CARDS)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: str(card["kind"]))
def test_white_words_on_a_head_can_be_read(card: dict[str, Any]) -> None:
    """At least 3:1, WCAG 2.2 §1.4.3 for large text."""
    parts = [int(card["colour"][at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (light + 0.05) >= 3


def test_settings_of_the_child_stay_and_ours_are_written_once() -> None:
    before = "; note\n[Desktop]\nBgColor=#fff\nWallpaper=/old\n\n[Volume]\nAutoRun=false\n"
    after = changed(before, "Desktop", {"Wallpaper": "/new", "Font": '"x"'})
    assert after == (
        '; note\n[Desktop]\nBgColor=#fff\nWallpaper=/new\n\nFont="x"\n[Volume]\nAutoRun=false\n'
    )
    assert changed(after, "Desktop", {"Wallpaper": "/new", "Font": '"x"'}) == after
    assert changed("", "Desktop", {"A": "1"}) == "[Desktop]\nA=1\n"
    assert changed("[Other]\nA=2\n", "Desktop", {"A": "1"}) == "[Other]\nA=2\n[Desktop]\nA=1\n"


def test_places_are_written_as_the_file_manager_reads_them() -> None:
    assert places({"a": (1, 2)}) == "[a.desktop]\npos=@Point(1 2)\n\n"
