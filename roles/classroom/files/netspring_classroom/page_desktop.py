"""The page of the child's desktop: unlock it, change it, keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gi.repository import Gtk
from netspring_works import look

if TYPE_CHECKING:
    from netspring_classroom.window import Teacher


class DesktopPage(Gtk.Box):
    """Says how the desktop stands, and has a button for each way on."""

    def __init__(self, teacher: Teacher) -> None:
        """Build the page."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=14)
        self.teacher = teacher
        texts = self.texts = teacher.texts
        self.add(look.label(texts("desktop_about")))
        self.stands = look.label("", "title")
        self.add(self.stands)
        self.unlock = self._button("unlock", "unlocked")
        self.lock = self._button("lock", "locked")
        self.original = self._button("original", "original_done")

    def _button(self, ask: str, done: str) -> Gtk.Box:
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=4)
        box.get_style_context().add_class("card")
        button = look.button(self.texts(ask))
        button.set_halign(Gtk.Align.START)
        button.connect("clicked", lambda *_ignored: self._ask(ask, done))
        box.add(button)
        box.add(look.label(self.texts(f"{ask}_hint"), "hint"))
        self.add(box)
        return box

    def _ask(self, ask: str, done: str) -> None:
        def finished(answer: dict[str, Any]) -> None:
            self.teacher.show(answer)
            self.teacher.say_failures(answer, self.texts(done))

        self.teacher.ask(ask, finished)

    def show_state(self, state: dict[str, Any]) -> None:
        """Only the ways that lead somewhere are shown."""
        locked = state["settings"]["desktop_locked"]
        if not locked:
            self.stands.set_text(self.texts("desktop_is_unlocked"))
        elif state["desktop_changed"]:
            self.stands.set_text(self.texts("desktop_is_own"))
        else:
            self.stands.set_text(self.texts("desktop_is_original"))
        self.unlock.set_visible(locked)
        self.lock.set_visible(not locked)
        self.original.set_visible(not locked or state["desktop_changed"])

    def set_busy(self, busy: bool) -> None:
        """While something is done nothing can be changed."""
        self.set_sensitive(not busy)
