"""The page of the classroom's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gi.repository import Gtk
from netspring_works import look

from netspring_classroom.names import language_name
from netspring_classroom.settings import LOUDEST_PERCENT, QUIETEST_PERCENT

if TYPE_CHECKING:
    from netspring_classroom.window import Teacher


class ClassroomPage(Gtk.Grid):
    """One line for each setting; nothing changes before "apply" is pressed."""

    def __init__(self, teacher: Teacher) -> None:
        """Build the lines."""
        super().__init__(column_spacing=18, row_spacing=8)
        self.teacher = teacher
        self.texts = teacher.texts
        self.row = 0
        self.languages: list[str] = []
        self.language = Gtk.ComboBoxText()
        self._line("language", self.language)
        self.volume = Gtk.Scale.new_with_range(
            Gtk.Orientation.HORIZONTAL, QUIETEST_PERCENT, LOUDEST_PERCENT, 5
        )
        self.volume.set_value_pos(Gtk.PositionType.RIGHT)
        self.volume.set_hexpand(True)
        self.volume.connect("format-value", lambda _scale, value: f"{value:.0f} %")
        self._line("volume", self.volume)
        self.page = Gtk.Entry(placeholder_text=self.texts("start_page_empty"))
        self._line("start_page", self.page)
        self.filter = self._switch("family_filter")
        self.guest = self._switch("guest")
        self.screens = self._switch("screens")
        self.updates = Gtk.CheckButton(label=self.texts("updates_allowed"))
        self.start, self.end = (
            Gtk.SpinButton.new_with_range(0, 23, 1),
            Gtk.SpinButton.new_with_range(0, 23, 1),
        )
        hours = Gtk.Box(spacing=8)
        for part in (
            self.updates,
            self.start,
            look.label(self.texts("updates_to")),
            self.end,
            look.label(self.texts("updates_clock")),
        ):
            hours.add(part)
        self.updates.connect("toggled", self._hours)
        self._line("updates", hours)
        self.apply = look.button(self.texts("apply"), "main")
        self.apply.connect("clicked", self._apply)
        self.footer = Gtk.Box(border_width=8)
        self.footer.pack_end(self.apply, False, False, 12)

    def _line(self, name: str, part: Gtk.Widget) -> None:
        words = look.label(self.texts(name))
        words.set_valign(Gtk.Align.START)
        self.attach(words, 0, self.row, 1, 1)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2)
        box.set_hexpand(True)
        box.add(part)
        hint = look.label(self.texts(f"{name}_hint"), "hint")
        hint.set_max_width_chars(52)
        box.add(hint)
        self.attach(box, 1, self.row, 1, 1)
        self.row += 1

    def _switch(self, name: str) -> Gtk.Switch:
        switch = Gtk.Switch(halign=Gtk.Align.START)
        self._line(name, switch)
        return switch

    def show_state(self, state: dict[str, Any]) -> None:
        """Show the settings in force."""
        settings = state["settings"]
        self.languages = state["languages"]
        self.language.remove_all()
        for name in self.languages:
            self.language.append(name, language_name(name))
        self.language.set_active_id(settings["language"])
        self.volume.set_value(settings["volume_limit_percent"])
        self.page.set_text(settings["start_page"])
        self.filter.set_active(bool(settings["family_filter"]))
        self.guest.set_active(settings["guest"])
        self.screens.set_active(settings["screens"])
        start, end = settings["update_hours"]
        self.updates.set_active(start != end)
        self.start.set_value(start)
        self.end.set_value(end)
        self._hours()

    def _hours(self, *_ignored: object) -> None:
        allowed = self.updates.get_active()
        self.start.set_sensitive(allowed)
        self.end.set_sensitive(allowed)

    def set_busy(self, busy: bool) -> None:
        """While something is done nothing can be changed."""
        self.set_sensitive(not busy)
        self.footer.set_sensitive(not busy)

    def wished(self) -> dict[str, Any] | None:
        """The settings as they stand here; ``None`` when they cannot be."""
        before = self.teacher.state["settings"]
        hours = [self.start.get_value_as_int(), self.end.get_value_as_int()]
        if not self.updates.get_active():
            hours = [0, 0]
        elif hours[0] == hours[1]:
            return None
        # Addresses of a filter of the school's own stay as long as the switch is on.
        same = bool(before["family_filter"]) == self.filter.get_active()
        return {
            "language": self.language.get_active_id() or before["language"],
            "volume_limit_percent": int(self.volume.get_value()),
            "start_page": self.page.get_text().strip(),
            "family_filter": before["family_filter"] if same else self.filter.get_active(),
            "guest": self.guest.get_active(),
            "screens": self.screens.get_active(),
            "update_hours": hours,
        }

    def _apply(self, *_ignored: object) -> None:
        wished = self.wished()
        if wished is None:
            self.teacher.say(self.texts("updates_same"), good=False)
            return
        before = self.teacher.state["settings"]["language"]

        def done(answer: dict[str, Any]) -> None:
            self.teacher.show(answer)
            other = answer["settings"]["language"] != before
            self.teacher.say_failures(
                answer, self.texts("applied_language" if other else "applied")
            )

        self.teacher.ask("set", done, settings=wished)
