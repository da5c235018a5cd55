"""Names that every stick takes and every PC reads, whatever it runs.

FAT, exFAT and NTFS forbid some signs and make no difference between upper and lower case
("Naming Files, Paths, and Namespaces", Windows documentation; exFAT specification §7.7.3).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

FORBIDDEN = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|]')
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
# FAT and NTFS take 255 units of UTF-16, ext4 255 bytes of UTF-8; room is left for " (99)".
LONGEST_UNITS = 240
LONGEST_BYTES = 240


def fits(name: str) -> bool:
    """Whether a name is short enough for every kind of stick."""
    return (
        len(name.encode("utf-16-le")) // 2 <= LONGEST_UNITS
        and len(name.encode("utf-8")) <= LONGEST_BYTES
    )


def safe(name: str) -> str:
    """One part of a path, as a stick takes it."""
    # Bytes that are no UTF-8 come as surrogates.
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = unicodedata.normalize("NFC", FORBIDDEN.sub("_", text)).rstrip(" .").lstrip(" ")
    if not text:
        text = "_"
    if RESERVED.fullmatch(text):
        text = f"_{text}"
    stem, dot, ending = text.rpartition(".")
    if not dot or len(ending) > 12:
        stem, dot, ending = text, "", ""
    while not fits(f"{stem}{dot}{ending}"):
        stem = stem[:-1].rstrip(" .")
    return f"{stem}{dot}{ending}"


def numbered(name: str, number: int) -> str:
    """``cat.png`` as ``cat (2).png``."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem} ({number}).{ending}" if stem and dot else f"{name} ({number})"


def _free(folder: str, name: str, taken: set[str]) -> str:
    """The path of a name in a folder, numbered until it is in nobody's way."""
    path, number = f"{folder}{name}", 2
    while path.casefold() in taken:
        path, number = f"{folder}{numbered(name, number)}", number + 1
    return path


def targets(names: Iterable[str]) -> dict[str, str]:
    """For each path below the folder of works its path on the stick, no two the same there."""
    files: set[str] = set()
    folders: set[str] = set()
    result: dict[str, str] = {}
    for name in sorted(names):
        *parents, last = (safe(part) for part in name.split("/"))
        at = ""
        for parent in parents:
            path = _free(at, parent, files)
            folders.add(path.casefold())
            at = f"{path}/"
        path = _free(at, last, files | folders)
        files.add(path.casefold())
        result[name] = path
    return result
