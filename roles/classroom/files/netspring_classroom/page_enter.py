"""The first page in a child's session: the teacher's password."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gtk
from netspring_works import look
from netspring_works.texts import Texts


class EnterPage(Gtk.Box):
    """A field for the password; what is typed is handed over and forgotten."""

    def __init__(self, texts: Texts, entered: Callable[[str], None]) -> None:
        """``entered`` takes the password."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=16)
        self.set_valign(Gtk.Align.CENTER)
        self.set_halign(Gtk.Align.CENTER)
        self._entered = entered
        self.add(look.label(texts("title"), "title"))
        self.add(look.label(texts("enter_why")))
        self.field = Gtk.Entry(visibility=False, input_purpose=Gtk.InputPurpose.PASSWORD)
        self.field.set_width_chars(24)
        self.field.connect("activate", self._go)
        self.add(self.field)
        button = look.button(texts("enter_go"), "main")
        button.connect("clicked", self._go)
        self.add(button)
        self.said = look.label("", "bad")
        self.said.set_max_width_chars(50)
        self.add(self.said)

    def begin(self) -> None:
        """Wait for the password."""
        self.field.grab_focus()

    def again(self, text: str) -> None:
        """Say why not, and wait for another."""
        self.said.set_text(text)
        self.field.grab_focus()

    def _go(self, *_ignored: object) -> None:
        password = self.field.get_text()
        self.field.set_text("")
        if password:
            self._entered(password)
