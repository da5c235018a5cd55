"""netspring-screenshot: one click, and a picture of the screen lies among the works."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, GdkPixbuf, GLib, Gtk  # noqa: E402

from netspring_works import look, texts  # noqa: E402
from netspring_works.inventory import free_path, works_folder  # noqa: E402

NAME = "netspring-screenshot"
# Menus and the pressed button are gone from the screen after this time, in seconds.
WAIT = 0.4
# The small window that shows what was taken closes by itself after this time, in seconds.
SHOWN = 20
WIDTH, HEIGHT = 480, 300
AROUND = 250  # pixels of the window above and below the picture


def take() -> GdkPixbuf.Pixbuf:
    """The screen as it is now.

    Raises:
        OSError: the display does not give it.
    """
    root = Gdk.get_default_root_window()
    found = Gdk.pixbuf_get_from_window(root, 0, 0, root.get_width(), root.get_height())
    if found is None:
        raise OSError(errno.EIO, "the display gives no picture")
    return found


def save(picture: GdkPixbuf.Pixbuf, folder: Path, stem: str) -> Path:
    """Write the picture beside, then give it its name: half a picture is never seen.

    Raises:
        OSError: it cannot be written; nothing of it is left.
    """
    done, data = picture.save_to_bufferv("png", [], [])
    if not done:
        raise OSError(errno.EIO, "no PNG could be made")
    half = folder / f".{NAME}-{os.getpid()}"
    try:
        with half.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        path = free_path(folder, stem, ".png")
        half.rename(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise
    return path


def open_with_desktop(path: Path) -> None:
    """Let the desktop choose the program; that one outlives this one."""
    subprocess.Popen(["/usr/bin/xdg-open", str(path)], start_new_session=True)  # noqa: S603 - ours


class Taken(Gtk.Window):
    """Shows what was taken, and where it is."""

    def __init__(self, sentences: texts.Texts, picture: GdkPixbuf.Pixbuf, path: Path) -> None:
        """``path`` is where the picture lies."""
        super().__init__(title=sentences("title"), border_width=16, resizable=False)
        self.set_position(Gtk.WindowPosition.CENTER)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=10)
        row = Gtk.Box(spacing=12)
        row.pack_start(look.image("netspring-good", 48), False, False, 0)
        row.pack_start(look.label(sentences("taken"), "title"), True, True, 0)
        box.pack_start(row, False, False, 0)
        high = min(HEIGHT, look.room()[1] - AROUND)
        scale = min(WIDTH / picture.get_width(), high / picture.get_height(), 1)
        small = picture.scale_simple(
            int(picture.get_width() * scale),
            int(picture.get_height() * scale),
            GdkPixbuf.InterpType.BILINEAR,
        )
        frame = Gtk.Box(halign=Gtk.Align.CENTER)
        frame.get_style_context().add_class("card")
        frame.add(Gtk.Image.new_from_pixbuf(small))
        box.pack_start(frame, False, False, 0)
        where = sentences("where", folder=path.parent.name, name=path.stem)
        box.pack_start(look.label(where, "hint", centre=True), False, False, 0)
        buttons = Gtk.Box(spacing=12, halign=Gtk.Align.CENTER)
        for text, action, style in (
            ("open", lambda: open_with_desktop(path), []),
            ("folder", lambda: open_with_desktop(path.parent), []),
            ("close", lambda: None, ["main"]),
        ):
            made = look.button(sentences(text), *style)
            made.connect("clicked", lambda _b, act=action: (act(), Gtk.main_quit()))
            buttons.pack_start(made, False, False, 0)
        box.pack_start(buttons, False, False, 0)
        self.add(box)
        self.connect("destroy", Gtk.main_quit)
        self.connect("key-press-event", self._key)
        GLib.timeout_add_seconds(SHOWN, Gtk.main_quit)
        made.grab_focus()

    def _key(self, _window: Gtk.Window, event: Gdk.EventKey) -> bool:
        if event.keyval == Gdk.KEY_Escape:
            Gtk.main_quit()
            return True
        return False


def sentence(error: OSError) -> str:
    """Name of the text that tells a child what went wrong."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "error_full" if full else "error_other"


def main() -> None:
    """Take, save, show."""
    look.dress(NAME)
    sentences = texts.load("screenshot")
    time.sleep(WAIT)
    try:
        picture = take()
        stem = f"{sentences('name')} {time.strftime('%Y-%m-%d %H.%M.%S')}"
        path = save(picture, works_folder(Path.home()), stem)
    except OSError as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        look.sorry(sentences("title"), sentences(sentence(error)), sentences("close"))
        sys.exit(1)
    print(path)
    Taken(sentences, picture, path).show_all()
    Gtk.main()


if __name__ == "__main__":
    main()
