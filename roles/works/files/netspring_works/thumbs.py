"""Small pictures of works: of pictures, and of what drawing programs keep inside their files."""

from __future__ import annotations

import zipfile
from pathlib import Path

from gi.repository import GdkPixbuf, Gio, GLib, Gtk

# Where drawing programs keep a small picture in their zip files (OpenRaster §"Thumbnails"; Krita).
INSIDE = {
    ".ora": ("Thumbnails/thumbnail.png",),
    ".kra": ("preview.png",),
    ".sb3": (),
}
# Larger files than this are not read for a small picture: a PC of 2 GB has other things to do.
LARGEST = 48 << 20
LARGEST_INSIDE = 8 << 20


def picture(path: Path, side: int) -> GdkPixbuf.Pixbuf | None:
    """A picture of at most ``side`` pixels, or None where the file holds none that can be read."""
    try:
        if path.stat().st_size > LARGEST:
            return None
        inside = INSIDE.get(path.suffix.lower())
        if inside is not None:
            return _inside(path, inside, side)
        return GdkPixbuf.Pixbuf.new_from_file_at_size(str(path), side, side)
    except (OSError, GLib.Error):
        return None


def _inside(path: Path, members: tuple[str, ...], side: int) -> GdkPixbuf.Pixbuf | None:
    for member in members:
        try:
            with zipfile.ZipFile(path) as archive:
                if archive.getinfo(member).file_size > LARGEST_INSIDE:
                    continue
                data = archive.read(member)
        except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError):
            continue
        loader = GdkPixbuf.PixbufLoader()
        try:
            loader.write(data)
        finally:
            loader.close()
        found = loader.get_pixbuf()
        scale = min(side / found.get_width(), side / found.get_height(), 1)
        return found.scale_simple(
            max(1, int(found.get_width() * scale)),
            max(1, int(found.get_height() * scale)),
            GdkPixbuf.InterpType.BILINEAR,
        )
    return None


def icon(path: Path, side: int) -> GdkPixbuf.Pixbuf | None:
    """The icon of the file's kind, for what has no picture."""
    kind, _certain = Gio.content_type_guess(path.name, None)
    theme = Gtk.IconTheme.get_default()
    found = theme.lookup_by_gicon(
        Gio.content_type_get_icon(kind), side, Gtk.IconLookupFlags.FORCE_SIZE
    )
    try:
        return found.load_icon() if found else None
    except GLib.Error:
        return None
