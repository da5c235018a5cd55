"""How the windows look: large letters, large buttons, calm colours."""

from __future__ import annotations

import os

# Debian's GTK looks for a bus of aids that the image does not have, and complains on every start.
os.environ.setdefault("NO_AT_BRIDGE", "1")

from gi.repository import Gdk, GLib, Gtk

CSS = b"""
window { background: #fdfbf5; color: #22333b; font-size: 15pt; }
.title { font-size: 21pt; font-weight: bold; }
.hint { font-size: 13pt; color: #52636b; }
.card { background: #ffffff; border: 2px solid #d9d4c5; border-radius: 12px; padding: 12px; }
button { background: #ffffff; color: #22333b; border: 2px solid #c9c3b2; border-radius: 12px;
         padding: 8px 18px; box-shadow: none; text-shadow: none; }
button:hover { background: #f1ede0; }
button:focus { border-color: #2f6f8f; }
button.main { background: #2f8f5b; color: #ffffff; border-color: #1f6f43; font-weight: bold; }
button.main:hover { background: #278050; }
button.main:disabled { background: #d8d8d2; color: #6f756f; border-color: #c4c4bc; }
button.work { padding: 4px; border-width: 3px; border-color: transparent; background: transparent; }
button.work:checked { border-color: #2f8f5b; background: #e4f4ea; }
button.work:not(:checked) image { opacity: 0.45; }
button.stick:checked { border-color: #2f8f5b; background: #e4f4ea; }
.good { color: #1f6f43; }
.bad { color: #9a3412; }
tooltip { background: #22333b; color: #ffffff; font-size: 12pt; padding: 2px; }
progressbar trough, progressbar progress { min-height: 22px; border-radius: 11px; }
progressbar progress { background: #2f8f5b; border-color: #1f6f43; }
"""


def dress(name: str) -> None:
    """Load the look and tell the desktop the program's name and icon. Once, before any window."""
    GLib.set_prgname(name)
    Gdk.set_program_class(name)
    Gtk.Window.set_default_icon_name(name)
    # The session tells GTK no theme: kinds of files have their pictures in the desktop's.
    Gtk.Settings.get_default().set_property("gtk-icon-theme-name", "breeze")
    provider = Gtk.CssProvider()
    provider.load_from_data(CSS)
    Gtk.StyleContext.add_provider_for_screen(
        Gdk.Screen.get_default(), provider, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION
    )


def room() -> tuple[int, int]:
    """Width and height of a window with its frame that fits the screen, in pixels.

    The panel's height is told by the window manager; netbooks have 1024 by 600.
    """
    screen = Gdk.Display.get_default().get_monitor(0).get_workarea()
    return screen.width - 16, screen.height - 40


def label(text: str, *classes: str, centre: bool = False) -> Gtk.Label:
    """A text that breaks its lines where the window ends."""
    made = Gtk.Label(label=text, wrap=True, xalign=0.5 if centre else 0.0)
    made.set_justify(Gtk.Justification.CENTER if centre else Gtk.Justification.LEFT)
    for name in classes:
        made.get_style_context().add_class(name)
    return made


def button(text: str, *classes: str, icon: str = "") -> Gtk.Button:
    """A large button with a picture before its text."""
    made = Gtk.Button(label=text)
    if icon:
        made.set_image(Gtk.Image.new_from_icon_name(icon, Gtk.IconSize.DND))
        made.set_always_show_image(True)
    for name in classes:
        made.get_style_context().add_class(name)
    return made


def image(icon: str, side: int) -> Gtk.Image:
    """A picture of the icon theme, ``side`` pixels high."""
    made = Gtk.Image.new_from_icon_name(icon, Gtk.IconSize.DIALOG)
    made.set_pixel_size(side)
    return made


def sorry(title: str, text: str, close: str) -> None:
    """Say that it did not go, and wait until it is read; ``close`` is what the button says."""
    window = Gtk.Window(title=title, border_width=24, resizable=False)
    window.set_position(Gtk.WindowPosition.CENTER)
    box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=18)
    box.pack_start(image("netspring-bad", 96), False, False, 0)
    sentence = label(text, centre=True)
    sentence.set_max_width_chars(40)
    box.pack_start(sentence, False, False, 0)
    made = button(close, "main")
    made.set_halign(Gtk.Align.CENTER)
    made.connect("clicked", lambda _b: window.destroy())
    box.pack_start(made, False, False, 0)
    window.add(box)
    window.connect("destroy", Gtk.main_quit)
    window.show_all()
    Gtk.main()


def size_text(number: int) -> str:
    """Bytes as a person says them: 820 KB, 12 MB, 7.4 GB (powers of 1000, as sticks are sold)."""
    amount = float(number)
    for unit in ("B", "KB", "MB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
