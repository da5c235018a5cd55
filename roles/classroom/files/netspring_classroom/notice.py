"""What the guest is told at login: nothing is kept."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gtk  # noqa: E402
from netspring_works import look, texts  # noqa: E402

NAME = "netspring-guest-notice"


def main() -> int:
    """Show the notice until it is closed."""
    words = texts.load("teacher")
    look.dress(NAME)
    window = Gtk.Window(title=words("guest_title"), border_width=24, resizable=False)
    window.set_position(Gtk.WindowPosition.CENTER)
    box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=18)
    box.add(look.label(words("guest_title"), "title"))
    sentence = look.label(words("guest_forgets"))
    sentence.set_max_width_chars(46)
    box.add(sentence)
    close = look.button(words("guest_begin"), "main")
    close.set_halign(Gtk.Align.END)
    close.connect("clicked", lambda *_ignored: window.close())
    box.add(close)
    window.add(box)
    window.connect("destroy", Gtk.main_quit)
    window.show_all()
    close.grab_focus()
    Gtk.main()
    return 0
