"""Runs netspring-show with sticks that are loop devices, and tells what the child sees.

    python3 show_driver.py LIBRARY TEXTS ICONS DEVICE:FOLDER:NAME:KIND ...

Every new page is printed as one line of JSON: its kind, its texts and which of its buttons can be
pressed. A line on its input that names a stick plugs it in; "-NAME" pulls it out.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.dont_write_bytecode = True
LIBRARY, TEXTS, ICONS, *STICKS = sys.argv[1:]
sys.path[:0] = [LIBRARY, str(Path(__file__).parent)]

from loop_sticks import LoopSticks  # noqa: E402
from loop_sticks import seen as seen_by_udisks  # noqa: E402
from netspring_works import show, texts  # noqa: E402

GLib, Gtk = show.GLib, show.Gtk

texts.FOLDER = Path(TEXTS)


def stick(word: str) -> Any:
    """What LoopSticks needs of a stick that the test has made."""
    device, folder, name, kind = word.split(":")
    place = Path(folder)
    one = SimpleNamespace(
        device=device,
        key=device,
        uuid=name,
        place=place,
        name=name,
        size=1 << 24,
        read_only=kind == "locked",
        mounted=place.is_mount,
    )
    one.seen = lambda: seen_by_udisks(one)
    return one


def seen(widget: show.Gtk.Widget, found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Texts and buttons of what is visible."""
    if widget.get_visible():
        if isinstance(widget, Gtk.Button) and widget.get_label() and widget.get_sensitive():
            found["buttons"].append(widget.get_label())
        elif isinstance(widget, Gtk.Label) and widget.get_text():
            found["texts"].append(widget.get_text())
        if isinstance(widget, Gtk.Container):
            for child in widget.get_children():
                seen(child, found)
    return found


def watch(app: show.Show, place: LoopSticks, known: list[Any]) -> None:
    """Print pages as they come, and do what the test says."""
    last: list[str] = []

    def look() -> bool:
        page = app.pages.get_visible_child()
        now: dict[str, Any] = {"page": type(page).__name__.lower()}
        now |= seen(page, {"texts": [], "buttons": []})
        line = json.dumps(now, ensure_ascii=False)
        if last != [line]:
            last[:] = [line]
            print(line, flush=True)
        return True

    def told(_source: int, _condition: int) -> bool:
        words = os.read(0, 4096).decode().split()
        for word in words:
            place.there = [one for one in known if one in place.there and word != f"-{one.name}"]
            place.there += [one for one in known if one.name == word]
        app._soon()
        return bool(words)

    GLib.timeout_add(50, look)
    GLib.io_add_watch(0, GLib.IO_IN, told)


def main() -> None:
    """Run until the window is closed."""
    Gtk.IconTheme.get_default().prepend_search_path(ICONS)
    known = [stick(word) for word in STICKS]
    place = LoopSticks()
    app = show.Show(place)
    app.connect_after("activate", lambda _app: watch(app, place, known))
    app.run([])


main()
