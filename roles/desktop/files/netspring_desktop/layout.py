"""Where icons and cards stand, for any screen. Pure: sizes in, places out; pixels throughout.

The file manager puts icons on a grid of its own (pcmanfm-qt, desktopwindow.cpp, relayoutItems): it
begins at the work area's margins, and a cell is the icon, three lines of text, 4 pixels and twice
the cell's margins high, 13 average letters wide (libfm-qt, folderview.cpp, updateGridSize). Here
the margins are chosen so that a column of that grid stands in the middle of each card.
"""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_ROWS = 3
SELECTION = 4  # pixels that the file manager adds to icon and text for the selection's frame
LETTERS = 13  # average letters in a line below an icon
MOST_MARGIN = 48  # pixels on each side of a cell that the file manager takes from its settings
LINES = 3  # lines below an icon
# Sizes of the icons' names, with the width of the font's average letter. It is measured, not
# computed: Qt rounds it in its own way (DejaVu Sans Bold).
LETTER = {12: 7, 13: 7, 14: 8, 15: 9, 16: 9, 17: 10, 18: 10, 20: 11, 22: 13, 24: 14}
ICONS = (128, 112, 96, 88, 80, 72, 64, 56, 48, 40, 32)


@dataclass(frozen=True, slots=True)
class Column:
    """Programs of one kind, by the names of their launchers without ``.desktop``."""

    kind: str
    programs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One column's card on the wallpaper, and the head on it."""

    kind: str
    x: int
    y: int
    width: int
    height: int
    head: int


@dataclass(frozen=True, slots=True)
class Layout:
    """All that the file manager and the wallpaper must be told."""

    width: int
    height: int
    font: int
    icon: int
    cell_margins: tuple[int, int]
    work_area: tuple[int, int, int, int]  # margins left, top, right, bottom; the panel not counted
    places: dict[str, tuple[int, int]]
    cards: tuple[Card, ...]


def present(columns: list[Column], launchers: set[str]) -> list[Column]:
    """The columns with the programs that this PC has; a column without any is left out."""
    kept = [
        Column(column.kind, tuple(name for name in column.programs if name in launchers))
        for column in columns
    ]
    return [column for column in kept if column.programs]


def layout(width: int, height: int, panel: int, columns: list[Column]) -> Layout:
    """Places for a screen of this size, with a panel of this height at its bottom.

    Raises:
        ValueError: there is nothing to place.
    """
    if not columns:
        raise ValueError("no program of the desktop is there")
    edge = max(6, width // 80)
    gap = max(8, width // 90)
    head = max(34, min(72, height // 13))
    rows = max(FEWEST_ROWS, *(len(column.programs) for column in columns))
    column_width = (width - 2 * edge) // len(columns)
    top = edge + head + gap // 2
    cell_height = (height - panel - top - edge - gap // 2) // rows
    font, icon, parts = sizes(column_width, column_width - gap, cell_height)
    content_width = max(icon, LETTERS * LETTER[font]) + SELECTION
    content_height = icon + LINES * line(font) + SELECTION
    # A cell is an even number of pixels larger than its content: it has two equal margins.
    across = min(MOST_MARGIN, (column_width // parts - content_width) // 2)
    down = max(1, min(MOST_MARGIN, (cell_height - content_height) // 2))
    cell_width = content_width + 2 * across
    cell_height = content_height + 2 * down
    column_width = cell_width * parts
    edge_left = (width - column_width * len(columns)) // 2
    # The first cell stands in the middle of the first card, each further one `parts` cells on.
    left = edge_left + (column_width - cell_width) // 2
    right = max(0, width - left - cell_width * (parts * (len(columns) - 1) + 1))
    bottom = max(0, height - panel - top - cell_height * rows)
    places = {
        name: (left + number * column_width, top + row * cell_height)
        for number, column in enumerate(columns)
        for row, name in enumerate(column.programs)
    }
    cards = tuple(
        Card(
            column.kind,
            edge_left + number * column_width + gap // 2,
            edge,
            column_width - gap,
            top + cell_height * rows + gap // 2 - edge,
            head,
        )
        for number, column in enumerate(columns)
    )
    return Layout(
        width, height, font, icon, (across, down), (left, top, right, bottom), places, cards
    )


def sizes(column: int, width: int, height: int) -> tuple[int, int, int]:
    """Sizes of text and icon, and how many cells of the grid share a column's width.

    Text comes first: it must be read. A cell cannot be wider than its content and the widest
    margins, so a wide card takes several cells.
    """
    tallest = max(min(LETTER), height // 8)
    for font in sorted(LETTER, reverse=True):
        room = height - LINES * line(font) - SELECTION - 2
        icon = max((size for size in ICONS if size <= min(room, width * 2 // 3)), default=ICONS[-1])
        content = max(icon, LETTERS * LETTER[font]) + SELECTION
        for parts in range(1, column // content + 1):
            if content <= column // parts <= content + 2 * MOST_MARGIN and font <= tallest:
                return font, icon, parts
    return min(LETTER), ICONS[-1], 1


def line(font: int) -> int:
    """Height of a line: ascent and descent of DejaVu Sans, rounded as FreeType does."""
    return -(-font * 1901 // 2048) + -(-font * 483 // 2048)
