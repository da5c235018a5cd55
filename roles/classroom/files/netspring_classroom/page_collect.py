"""The page that collects the child's works."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gi.repository import GLib, Gtk
from netspring_works import look
from netspring_works.sticks import Stick

from netspring_classroom import collect

if TYPE_CHECKING:
    from netspring_classroom.window import Teacher

# Progress reaches the screen at most this often, in seconds.
PAUSE = 0.1


class CollectPage(Gtk.Box):
    """A button for each stick, one for any folder, and how far it is."""

    def __init__(self, teacher: Teacher) -> None:
        """Build the page and watch the sticks."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=14)
        self.teacher = teacher
        texts = self.texts = teacher.texts
        self.stop = threading.Event()
        self._told = 0.0
        self._refreshing = 0
        self.add(look.label(texts("collect_about")))
        self.named = look.label("", "hint")
        self.add(self.named)
        self.sticks = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8)
        self.add(self.sticks)
        self.folder = look.button(texts("collect_folder"), icon="folder-open")
        self.folder.set_halign(Gtk.Align.START)
        self.folder.connect("clicked", self._choose)
        self.add(self.folder)
        self.bar = Gtk.ProgressBar(show_text=True, no_show_all=True)
        self.add(self.bar)
        self.halt = look.button(texts("stop"))
        self.halt.set_halign(Gtk.Align.START)
        self.halt.set_no_show_all(True)
        self.halt.connect("clicked", lambda *_ignored: self.stop.set())
        self.add(self.halt)
        watch = getattr(teacher.place, "watch", None)
        if watch:
            watch(self._soon)

    def show_state(self, state: dict[str, Any]) -> None:
        """Say how the folder will be called, and show the sticks."""
        tag = state["machine"]["asset_tag"]
        name = collect.folder_name(tag, time.localtime())
        self.named.set_text(self.texts("collect_named", folder=name))
        self.show_sticks(self.teacher.place.find())

    def show_sticks(self, sticks: list[Stick]) -> None:
        """A button for each stick that can be written."""
        for child in self.sticks.get_children():
            self.sticks.remove(child)
        for stick in sticks:
            size = look.size_text(stick.size)
            text = self.texts("collect_stick", stick=stick.name, size=size)
            button = look.button(text, "main", icon="drive-removable-media")
            button.set_halign(Gtk.Align.START)
            button.set_sensitive(stick.readable and not stick.read_only)
            button.connect("clicked", lambda _button, one=stick: self._start(one))
            self.sticks.add(button)
        if not sticks:
            self.sticks.add(look.label(self.texts("collect_no_stick")))
        self.sticks.show_all()

    def set_busy(self, busy: bool) -> None:
        """While something is done only "stop" can be pressed."""
        self.sticks.set_sensitive(not busy)
        self.folder.set_sensitive(not busy)
        if not busy:
            self.bar.hide()
            self.halt.hide()

    def _soon(self) -> None:
        if not self._refreshing:
            self._refreshing = GLib.timeout_add(400, self._refresh)

    def _refresh(self) -> bool:
        self._refreshing = 0
        if not self.teacher.working:
            self.show_sticks(self.teacher.place.find())
        return bool(GLib.SOURCE_REMOVE)

    def _choose(self, *_ignored: object) -> None:
        chooser = Gtk.FileChooserDialog(
            title=self.texts("collect_folder"),
            transient_for=self.teacher.window,
            action=Gtk.FileChooserAction.SELECT_FOLDER,
        )
        chooser.add_button(self.texts("cancel"), Gtk.ResponseType.CANCEL)
        chooser.add_button(self.texts("collect_here"), Gtk.ResponseType.ACCEPT)
        chooser.set_current_folder(str(Path.home()))
        answer, chosen = chooser.run(), chooser.get_filename()
        chooser.destroy()
        if answer == Gtk.ResponseType.ACCEPT and chosen:
            self._start(Path(chosen))

    def _start(self, target: Stick | Path) -> None:
        if self.teacher.working:
            return
        self.stop.clear()
        tag = self.teacher.state["machine"]["asset_tag"]
        self.teacher.do(
            lambda: collect.collect(
                self.teacher.line(), target, self.teacher.place, tag, self._tell, self.stop.is_set
            ),
            self._done,
        )
        self.bar.set_fraction(0)
        self.bar.show()
        self.halt.show()

    def _tell(self, step: str, done: int, total: int) -> None:
        """From the thread that copies."""
        now = time.monotonic()
        if total == 0 or done >= total or now - self._told > PAUSE:
            self._told = now
            GLib.idle_add(self._shown, step, done, total)

    def _shown(self, step: str, done: int, total: int) -> None:
        self.bar.set_text(self.texts(f"step_{step}"))
        self.bar.set_fraction(min(1.0, done / total) if total else 1.0)

    def _done(self, collected: collect.Collected) -> None:
        words = self.texts.count("collected", collected.number, folder=collected.folder)
        if collected.out is not None:
            words += " " + self.texts("stick_out" if collected.out else "stick_busy")
        if collected.unreadable:
            names = ", ".join(collected.unreadable[:5])
            words += " " + self.texts("collect_left", names=names)
        self.teacher.say(words, good=not collected.unreadable)
        self.show_sticks(self.teacher.place.find())
