"""The page of this PC: which one it is, and the teacher's password."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from gi.repository import Gtk
from netspring_works import look

from netspring_classroom.names import language_name
from netspring_classroom.session import password_problem

if TYPE_CHECKING:
    from netspring_classroom.window import Teacher


class PcPage(Gtk.Box):
    """Facts for whoever is called for help, and a form for the password."""

    def __init__(self, teacher: Teacher) -> None:
        """Build the page."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=14)
        self.teacher = teacher
        texts = self.texts = teacher.texts
        self.facts = look.label("")
        self.facts.set_selectable(True)
        self.facts.set_can_focus(False)
        self.add(self.facts)
        self.add(look.label(texts("password_title"), "title"))
        self.add(look.label(texts("password_hint"), "hint"))
        self.first, self.second = self._field("password_new"), self._field("password_again")
        button = look.button(texts("password_change"), "main")
        button.set_halign(Gtk.Align.START)
        button.connect("clicked", self._change)
        self.add(button)

    def _field(self, name: str) -> Gtk.Entry:
        line = Gtk.Box(spacing=12)
        words = look.label(self.texts(name))
        words.set_width_chars(14)
        line.add(words)
        field = Gtk.Entry(visibility=False, input_purpose=Gtk.InputPurpose.PASSWORD)
        field.set_width_chars(24)
        line.add(field)
        self.add(line)
        return field

    def show_state(self, state: dict[str, Any]) -> None:
        """Say which PC this is and how much room its disk has."""
        machine = state["machine"]
        room = shutil.disk_usage("/home")
        self.facts.set_text(
            self.texts(
                "pc_facts",
                tag=machine["asset_tag"],
                name=machine["hostname"],
                language=language_name(state["settings"]["language"]),
                free=look.size_text(room.free),
                total=look.size_text(room.total),
            )
        )

    def set_busy(self, busy: bool) -> None:
        """While something is done nothing can be changed."""
        self.set_sensitive(not busy)

    def _change(self, *_ignored: object) -> None:
        wished, again = self.first.get_text(), self.second.get_text()
        for field in (self.first, self.second):
            field.set_text("")
        problem = "password_differs" if wished != again else password_problem(wished)
        if problem:
            self.teacher.say(self.texts(f"error_{problem}", detail="", work=""), good=False)
            return
        self.teacher.ask(
            "password", lambda _: self.teacher.say(self.texts("password_changed")), new=wished
        )
