"""The picture behind the icons: a meadow, and a card with a head for each kind of program.

An SVG made of numbers and words; rsvg-convert makes the picture of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from netspring_desktop.layout import Card, Layout

FONT = "Noto Sans CJK SC, DejaVu Sans, sans-serif"
# Small pictures in the heads, drawn in a square of 24 by 24 with a white line.
SIGNS = {
    "draw": (
        '<path d="M4 20c4 0 5-1 5-3a2.5 2.5 0 0 0-5 0c0 1.500-.5 2-2 2.500"/>'
        '<path d="M9 15 20 3.500a1.500 1.500 0 0 1 2 2L11 17"/>'
    ),
    "code": '<path d="m8 7-6 5 6 5M16 7l6 5-6 5M14 4l-4 16"/>',
    "learn": (
        '<path d="M12 6C10 4 6 3.500 2 4v14c4-.5 8 0 10 2 2-2 6-2.500 10-2V4c-4-.5-8 0-10 2v14"/>'
    ),
    "animate": (
        '<rect x="2" y="4" width="20" height="16" rx="2"/>'
        '<path d="M7 4v16M17 4v16M2 9h5M2 15h5M17 9h5M17 15h5"/>'
    ),
    "mine": (
        '<path d="m12 2 3 6.500 7 .8-5.200 4.800 1.400 7-6.200-3.500-6.200 3.500 1.400-7'
        'L2 9.300l7-.8z"/>'
    ),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a card says and its colour."""

    heading: str
    colour: str


def svg(layout: Layout, kinds: dict[str, Kind]) -> str:
    """The wallpaper for this layout."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width}"'
            f' height="{layout.height}" viewBox="0 0 {layout.width} {layout.height}">',
            *meadow(layout.width, layout.height),
            *(line for card in layout.cards for line in draw(card, kinds[card.kind])),
            "</svg>\n",
        ]
    )


def meadow(width: int, height: int) -> list[str]:
    """Sky, sun, clouds and two hills; soft, so that the icons stand out."""
    sun = height * 0.16
    hills = [
        (0.80, 0.66, 0.90, "#b9e3b0"),
        (0.90, 0.96, 0.80, "#96d29b"),
    ]
    lines = [
        '<defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">'
        '<stop offset="0" stop-color="#8fd0f5"/><stop offset="1" stop-color="#e4f5fb"/>'
        "</linearGradient></defs>",
        f'<rect width="{width}" height="{height}" fill="url(#sky)"/>',
        *(
            f'<circle cx="{width * 0.94:.0f}" cy="{height * 0.07:.0f}" r="{size:.0f}"'
            f' fill="{colour}"/>'
            for size, colour in ((sun, "#ffe9a3"), (sun * 0.7, "#ffd75e"))
        ),
    ]
    for x, y, size in ((0.04, 0.10, 0.09), (0.42, 0.05, 0.07), (0.70, 0.16, 0.06)):
        lines += [
            f'<ellipse cx="{width * (x + shift * size):.0f}" cy="{height * y:.0f}"'
            f' rx="{width * size * part:.0f}" ry="{width * size * part * 0.6:.0f}" fill="#ffffff"'
            ' fill-opacity="0.75"/>'
            for shift, part in ((0, 0.6), (0.6, 0.8), (1.2, 0.55))
        ]
    for left, middle, right, colour in hills:
        lines.append(
            f'<path d="M0 {height * left:.0f}Q{width * 0.35:.0f} {height * middle:.0f}'
            f" {width * 0.62:.0f} {height * right:.0f}T{width} {height * left:.0f}"
            f'V{height}H0Z" fill="{colour}"/>'
        )
    return lines


def draw(card: Card, kind: Kind) -> list[str]:
    """One card: white, a little see-through, with a coloured head."""
    radius = max(10, card.head // 3)
    size = card.head * 0.5
    words = text_width(kind.heading, size)
    sign = card.head * 0.62
    room = card.width - sign - card.head * 0.75
    if words > room:
        size, words = size * room / words, room
    start = card.x + (card.width - words - sign * 1.35) / 2
    middle = card.y + card.head / 2
    x, y, right = card.x, card.y, card.x + card.width
    return [
        f'<rect x="{x}" y="{y}" width="{card.width}" height="{card.height}" rx="{radius}"'
        ' fill="#ffffff" fill-opacity="0.86"/>',
        f'<path d="M{x} {y + card.head}V{y + radius}A{radius} {radius} 0 0 1 {x + radius} {y}'
        f"H{right - radius}A{radius} {radius} 0 0 1 {right} {y + radius}V{y + card.head}Z"
        f'" fill="{kind.colour}"/>',
        f'<g transform="translate({start:.1f} {middle - sign / 2:.1f}) scale({sign / 24:.3f})"'
        ' fill="none" stroke="#ffffff" stroke-width="2.2" stroke-linejoin="round"'
        f' stroke-linecap="round">{SIGNS.get(card.kind, SIGNS["mine"])}</g>',
        f'<text x="{start + sign * 1.35:.1f}" y="{middle + size * 0.36:.1f}" font-family="{FONT}"'
        f' font-weight="bold" font-size="{size:.1f}" fill="#ffffff">{escape(kind.heading)}</text>',
    ]


def text_width(text: str, size: float) -> float:
    """About how wide a text is: a Chinese sign is as wide as high, a letter 0.58 of it."""
    return sum(size if ord(sign) > 0x2E80 else size * 0.58 for sign in text)
