"""Pictures in memory, and what can be told of them by counting pixels. Pure."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

DIFFERENT = 24  # of 255, in one of the three colours: more than a dithered or smoothed edge
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Spot:
    """All pixels of one colour: how many, and the box around them (right and bottom included)."""

    count: int
    left: int
    top: int
    right: int
    bottom: int

    @property
    def middle(self) -> tuple[int, int]:
        """The middle of the box."""
        return (self.left + self.right) // 2, (self.top + self.bottom) // 2


@dataclass(frozen=True)
class Picture:
    """Three bytes per pixel, red first, rows from the top."""

    width: int
    height: int
    rgb: bytes

    def halved(self) -> Picture:
        """Every second pixel of every second row."""
        width, height = self.width // 2, self.height // 2
        rows = []
        for y in range(height):
            row = self.rgb[2 * y * self.width * 3 :][: width * 6]
            small = bytearray(width * 3)
            for channel in range(3):
                small[channel::3] = row[channel::6]
            rows.append(bytes(small))
        return Picture(width, height, b"".join(rows))

    def png(self) -> bytes:
        """The picture as a PNG file."""
        stride = self.width * 3
        rows = b"".join(b"\0" + self.rgb[y * stride :][:stride] for y in range(self.height))
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )

    def part(self, left: int, top: int, width: int, height: int) -> Picture:
        """A part of it, as far as it is within the picture."""
        right, bottom = min(self.width, left + width), min(self.height, top + height)
        left, top = max(0, left), max(0, top)
        right, bottom = max(left, right), max(top, bottom)
        rows = (
            self.rgb[(y * self.width + left) * 3 : (y * self.width + right) * 3]
            for y in range(top, bottom)
        )
        return Picture(right - left, bottom - top, b"".join(rows))

    def changed(self, before: Picture) -> float:
        """Share of some 20000 pixels that differ from an earlier picture of the same screen."""
        if (self.width, self.height) != (before.width, before.height):
            return 1.0
        step = max(1, self.width * self.height // 20000) * 3
        places = range(0, len(self.rgb) - 2, step)
        differ = sum(self.rgb[at : at + 3] != before.rgb[at : at + 3] for at in places)
        return differ / len(places)

    def variety(self) -> dict[str, Any]:
        """How many colours a grid of some 20000 pixels has, and the share of the commonest."""
        step = max(1, int((self.width * self.height / 20000) ** 0.5))
        counts: dict[bytes, int] = {}
        for y in range(0, self.height, step):
            for x in range(0, self.width, step):
                at = (y * self.width + x) * 3
                pixel = self.rgb[at : at + 3]
                counts[pixel] = counts.get(pixel, 0) + 1
        share = max(counts.values()) / sum(counts.values()) if counts else 1.0
        return {"colours": len(counts), "commonest_share": round(share, 4)}

    def at(self, x: int, y: int) -> bytes | None:
        """One pixel; ``None`` outside of the picture."""
        if not (0 <= x < self.width and 0 <= y < self.height):
            return None
        start = (y * self.width + x) * 3
        return self.rgb[start : start + 3]

    def spot(self, colour: Colour, left: int = 0, bottom: int | None = None) -> Spot | None:
        """Where this very colour is, from ``left`` on, above ``bottom``; ``None`` if nowhere."""
        wanted, xs, ys = bytes(colour), [], []
        at = self.rgb.find(wanted)
        while at != -1:
            if at % 3 == 0:
                y, x = divmod(at // 3, self.width)
                if x >= left and (bottom is None or y < bottom):
                    xs.append(x)
                    ys.append(y)
                at = self.rgb.find(wanted, at + 3)
            else:
                at = self.rgb.find(wanted, at + 1)
        return Spot(len(xs), min(xs), min(ys), max(xs), max(ys)) if xs else None


def differing(
    now: Picture, before: Picture, places: Iterable[tuple[int, int]], reach: int = 0
) -> float:
    """Share of places at which, or at most ``reach`` pixels away, two pictures differ clearly."""
    if (now.width, now.height) != (before.width, before.height):
        return 1.0
    reached = [(dx, dy) for dx in range(-reach, reach + 1) for dy in range(-reach, reach + 1)]
    results = [
        any(_differ(now.at(x + dx, y + dy), before.at(x + dx, y + dy)) for dx, dy in reached)
        for x, y in places
    ]
    return sum(results) / len(results) if results else 0.0


def _differ(one: bytes | None, other: bytes | None) -> bool:
    if one is None or other is None:
        return False
    return any(abs(a - b) > DIFFERENT for a, b in zip(one, other, strict=True))
