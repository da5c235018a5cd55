"""Turn the bytes of a recorded file into documents: whatever the encoding, whole or cut off.

A file may hold several JSON documents one after the other (lshw of old writes its list without
brackets), text between them, a byte order mark, UTF-16 from a Windows console, or half of a
document because the disk died while it was asked.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Enough for any machine's record. What is nested deeper than this was made to hurt.
MAXIMUM_DEPTH = 200
MAXIMUM_DOCUMENTS = 1000
MAXIMUM_STARTS = 1000  # places where a document might begin and does not
SALVAGES = 3  # documents that may be mended in one file
SALVAGE_TRIES = 20


@dataclass(frozen=True)
class Document:
    """One JSON document of a file.

    Attributes:
        cut_off: it ended before its end; what is there was kept.
    """

    value: Any
    cut_off: bool = False


@dataclass(frozen=True)
class Content:
    """What stands in a file: JSON documents, and the text that is none."""

    documents: tuple[Document, ...]
    text: str


def decode(raw: bytes) -> list[str]:
    """The text, as the encodings have it that are possible; the likeliest first, at least one."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return [raw.decode(encoding, "replace")]
    if raw[1:2] == b"\0" or raw[:1] == b"\0":
        encoding = "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"
        return [raw.decode(encoding, "replace")]
    found = []
    for encoding in ("utf-8", "gb18030"):
        try:
            found.append(raw.decode(encoding))
        except UnicodeDecodeError:
            continue
        break
    # Byte for byte: whatever wrote it, numbers and keys are ASCII.
    return [*found, raw.decode("latin-1")] if not raw.isascii() else found


def split(written: str) -> Content:
    """Find the JSON documents in a text. Raises nothing."""
    documents: list[Document] = []
    rest: list[str] = []
    position = failures = 0
    while failures < MAXIMUM_STARTS and len(documents) < MAXIMUM_DOCUMENTS:
        start = _next_start(written, position)
        if start is None:
            break
        rest.append(written[position:start])
        value, end = _parse(written, start)
        if end is None:
            failures += 1
            document = _salvage(written[start:]) if failures <= SALVAGES else None
            if document is not None:
                documents.append(document)
                return Content(tuple(documents), "".join(rest))
            rest.append(written[start])
            end = start + 1
        else:
            documents.append(Document(value))
        position = end
    rest.append(written[position:])
    return Content(tuple(documents), "".join(rest))


def _next_start(written: str, position: int) -> int | None:
    """Where the next object or list of objects may begin."""
    found = re.compile(r"\{|\[\s*[{\[]").search(written, position)
    return found.start() if found else None


def _parse(written: str, start: int) -> tuple[Any, int | None]:
    """The document at ``start`` and where it ends; no end if there is none."""
    decoder = json.JSONDecoder()
    try:
        return decoder.raw_decode(written, start)
    except (ValueError, RecursionError):
        return None, None


def _salvage(written: str) -> Document | None:
    """What can be kept of a document that is damaged: commas too many, or its end missing."""
    tidy = re.sub(r",(\s*[}\]])", r"\1", written)
    if tidy != written:
        value, end = _parse(tidy, 0)
        if end is not None and not tidy[end:].strip(" \r\n\t,"):
            return Document(value)
    for closed in _closings(tidy):
        value, end = _parse(closed, 0)
        if end is not None and value:
            return Document(value, cut_off=True)
    return None


def _closings(written: str) -> Iterator[str]:
    """The text up to each of its last commas, with all that is open closed again."""
    points = _cuts(written)
    for place, opened in points[: -SALVAGE_TRIES - 1 : -1]:
        yield written[:place] + "".join(reversed(opened))


def _cuts(written: str) -> list[tuple[int, str]]:
    """Places outside strings where a value has just ended, each with what is open there."""
    points: list[tuple[int, str]] = []
    opened: list[str] = []
    in_string = escaped = False
    for place, letter in enumerate(written):
        if in_string:
            in_string = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            in_string = True
        elif letter in "{[":
            opened.append("}" if letter == "{" else "]")
            if len(opened) > MAXIMUM_DEPTH:
                return []
        elif letter in "}]":
            if not opened or opened.pop() != letter:
                break
            points.append((place + 1, "".join(opened)))
        elif letter == ",":
            points.append((place, "".join(opened)))
        if len(points) > 2 * SALVAGE_TRIES:
            del points[:SALVAGE_TRIES]
    return points
