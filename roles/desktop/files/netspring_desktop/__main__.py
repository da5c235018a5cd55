"""Lays the child's desktop out for the screen of this PC, before the desktop starts.

Runs as the child at login (/etc/X11/Xsession.d). The picture is made once for each screen, language
and set of programs, and kept in the child's cache; after that this costs the start of Python.
Whatever goes wrong here is said in the session's log and leaves the desktop as it was: a child
without cards still has a desktop.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from netspring_desktop.layout import Column, Layout, layout, present
from netspring_desktop.screen import primary
from netspring_desktop.settings import changed, places
from netspring_desktop.wallpaper import Kind, svg

CARDS = Path("/usr/share/netspring/desktop/cards.json")
TEXTS = Path("/usr/share/netspring/texts/desktop")
SETTINGS = Path(".config/pcmanfm-qt/lxqt/settings.conf")
PLACES = "desktop-items-0.conf"
FALLBACK = "en_US"
FAMILY = "DejaVu Sans"
BOLD = 75  # QFont::toString of Qt 5 and before, which Qt 6 reads too
# The role classroom: while the first is missing the teacher is changing the desktop; the second is
# the form that the teacher gave it.
LOCKED = Path("/etc/netspring/desktop-locked")
TEACHERS = Path("/var/lib/netspring/desktop/.config/pcmanfm-qt")
PATIENCE = 60  # seconds for the picture, on a PC that has just been switched on


def main() -> int:
    """0, or 1 with a sentence on standard error."""
    home = Path.home()
    folder = home / SETTINGS.parent
    if (folder / PLACES).is_file() and (TEACHERS.is_dir() or not LOCKED.is_file()):
        return 0
    try:
        told = json.loads(CARDS.read_text("utf-8"))
        columns = [Column(card["kind"], tuple(card["programs"])) for card in told["cards"]]
        launchers = {path.stem for path in (home / "Desktop").glob("*.desktop")}
        found = layout(*primary(), told["panel"], present(columns, launchers))
        words = texts(os.environ.get("LANG", ""))
        picture = wallpaper(
            home / ".cache/netspring",
            svg(found, {card["kind"]: head(card, words) for card in told["cards"]}),
        )
        lay_out(folder, found, picture)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"The desktop was not laid out for this screen: {error}\n")
        return 1
    return 0


def head(card: dict[str, str], words: dict[str, str]) -> Kind:
    """What a card's head says and its colour."""
    return Kind(words.get(card["kind"], card["kind"]), card["colour"])


def texts(lang: str) -> dict[str, str]:
    """The heads in the language of the session, else in English."""
    path = TEXTS / f"{lang.partition('.')[0]}.json"
    if not path.is_file():
        path = TEXTS / f"{FALLBACK}.json"
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


def wallpaper(cache: Path, source: str) -> Path:
    """The picture of an SVG, made if it is not there; older ones are removed.

    Raises:
        OSError: the disk is full, or rsvg-convert is not there.
        subprocess.SubprocessError: it could not draw.
    """
    picture = cache / f"desktop-{hashlib.sha256(source.encode()).hexdigest()[:16]}.png"
    if not picture.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        half = picture.with_suffix(".half")
        subprocess.run(  # noqa: S603 - its input is what svg() wrote
            ["/usr/bin/rsvg-convert", "--output", str(half)],
            input=source.encode(),
            check=True,
            timeout=PATIENCE,
            env={**os.environ, "GIO_USE_VFS": "local"},  # without gvfs, which is not there yet
        )
        half.replace(picture)
    for other in cache.glob("desktop-*"):
        if other != picture:
            other.unlink(missing_ok=True)
    return picture


def lay_out(folder: Path, found: Layout, picture: Path) -> None:
    """Tell the file manager; what is right already is not written again."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / SETTINGS.name
    before = settings.read_text("utf-8") if settings.is_file() else ""
    left, top, right, bottom = found.work_area
    across, down = found.cell_margins
    values = {
        "WallpaperMode": "stretch",
        "Wallpaper": str(picture),
        "Font": f'"{FAMILY},-1,{found.font},5,{BOLD},0,0,0,0,0"',
        "DesktopIconSize": str(found.icon),
        "DesktopCellMargins": f"@Size({across} {down})",
        "WorkAreaMargins": f"{left}, {top}, {right}, {bottom}",
    }
    for path, text in (
        (settings, changed(before, "Desktop", values)),
        (folder / PLACES, places(found.places)),
    ):
        if not path.is_file() or path.read_text("utf-8") != text:
            half = path.with_name(f".{path.name}.half")
            half.write_text(text, "utf-8")
            half.replace(path)


if __name__ == "__main__":
    sys.exit(main())
