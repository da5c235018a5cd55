"""netspring-teacher: the classroom's settings, the child's works and desktop, in one window."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import GLib, Gtk  # noqa: E402
from netspring_works import look, texts  # noqa: E402
from netspring_works.export import ExportError  # noqa: E402
from netspring_works.sticks import Place, Stick, StickError  # noqa: E402
from netspring_works.udisks import Sticks  # noqa: E402

from netspring_classroom.link import Link, LinkError, RefusedError, password_needed  # noqa: E402
from netspring_classroom.page_classroom import ClassroomPage  # noqa: E402
from netspring_classroom.page_collect import CollectPage  # noqa: E402
from netspring_classroom.page_desktop import DesktopPage  # noqa: E402
from netspring_classroom.page_enter import EnterPage  # noqa: E402
from netspring_classroom.page_pc import PcPage  # noqa: E402

NAME = "netspring-teacher"
T = TypeVar("T")


class Teacher(Gtk.Application):
    """One window: the password where one is needed, then four pages."""

    def __init__(self, place: Place) -> None:
        """``place`` is where sticks are looked for."""
        super().__init__(application_id="org.netspring.Teacher")
        self.place = place
        self.texts = texts.load("teacher")
        self.link: Link | None = None
        self.state: dict[str, Any] = {}
        self.working = False

    def do_activate(self) -> None:
        """Show the window; a second start shows the one that is there."""
        if windows := self.get_windows():
            windows[0].present()
            return
        look.dress(NAME)
        self.window = Gtk.ApplicationWindow(application=self, title=self.texts("title"))
        self.window.set_default_size(940, 660)
        self.window.maximize()
        self.window.connect("delete-event", lambda *_ignored: self.working)
        self.all = Gtk.Stack()
        self.enter = EnterPage(self.texts, self._entered)
        self.main = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        self.all.add(self.enter)
        self.all.add(self.main)
        self.window.add(self.all)
        self._build()
        self.window.show_all()
        if password_needed():
            self.enter.begin()
        else:
            self._entered(None)

    def _build(self) -> None:
        """The four pages beside their names, and the line that says what was done."""
        self.stack = Gtk.Stack()
        self.pages: dict[str, Any] = {
            "classroom": ClassroomPage(self),
            "collect": CollectPage(self),
            "desktop": DesktopPage(self),
            "pc": PcPage(self),
        }
        for name, page in self.pages.items():
            scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
            page.set_border_width(20)
            scrolled.add(page)
            whole = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
            whole.pack_start(scrolled, True, True, 0)
            if footer := getattr(page, "footer", None):
                whole.pack_end(footer, False, False, 0)  # seen on small screens too
            self.stack.add_titled(whole, name, self.texts(f"page_{name}"))
        sides = Gtk.Box()
        self.names = Gtk.StackSidebar(stack=self.stack)
        sides.pack_start(self.names, False, False, 0)
        sides.pack_start(self.stack, True, True, 0)
        self.main.pack_start(sides, True, True, 0)
        self.said = look.label("")
        self.said.set_margin_start(20)
        self.said.set_margin_end(20)
        self.said.set_margin_top(8)
        self.said.set_margin_bottom(12)
        self.spinner = Gtk.Spinner()
        self.spinner.set_margin_start(20)
        line = Gtk.Box()
        line.pack_start(self.spinner, False, False, 0)
        line.pack_start(self.said, True, True, 0)
        self.main.pack_end(line, False, False, 0)

    def _entered(self, password: str | None) -> None:
        """Open the line and read the state; a wrong password leads back."""

        def open_line() -> dict[str, Any]:
            self.link = Link(password)
            return self.link.ask("state")

        def show(state: dict[str, Any]) -> None:
            self.show(state)
            self.all.set_visible_child(self.main)
            self.names.child_focus(Gtk.DirectionType.TAB_FORWARD)  # the arrow keys choose a page

        self.do(open_line, show)

    def show(self, state: dict[str, Any]) -> None:
        """Show the state of the PC on every page."""
        self.state = state
        for page in self.pages.values():
            page.show_state(state)

    def ask(self, ask: str, done: Callable[[dict[str, Any]], None], **values: Any) -> None:
        """Ask the system, away from the window; ``done`` is called with the answer."""
        self.do(lambda: self.line().ask(ask, **values), done)

    def line(self) -> Link:
        """The line to the system; where no password is needed, a lost one is opened again.

        Raises:
            LinkError: it cannot be opened.
        """
        if self.link is None:
            if password_needed():
                raise LinkError("lost")
            self.link = Link()
        return self.link

    def do(self, deed: Callable[[], T], done: Callable[[T], None]) -> None:
        """Run a deed in a thread of its own; one at a time. What goes wrong is said in words."""
        if self.working:
            return
        self._busy(True)

        def work() -> None:
            try:
                result = deed()
            except (LinkError, RefusedError) as error:
                GLib.idle_add(self._failed, error.key, error.detail)
            except ExportError as error:
                GLib.idle_add(self._failed, f"collect_{error.reason}", error.detail, error.work)
            except Exception as error:  # noqa: BLE001 - the teacher must never wait for ever
                GLib.idle_add(self._failed, "lost", repr(error))
            else:
                GLib.idle_add(self._finished, done, result)

        threading.Thread(target=work, name="deed", daemon=True).start()

    def _finished(self, done: Callable[[T], None], result: T) -> None:
        self._busy(False)
        done(result)

    def _failed(self, key: str, detail: str, work: str = "") -> None:
        self._busy(False)
        print(f"{NAME}: {key} {detail}", file=sys.stderr)
        text = self.texts(f"error_{key}", detail=detail, work=work)
        if self.all.get_visible_child() is self.enter:
            self.enter.again(text)
            return
        self.say(text, good=False)
        if key == "lost":
            self.link = None
            if password_needed():
                self.enter.again(text)
                self.all.set_visible_child(self.enter)

    def say(self, text: str, *, good: bool = True) -> None:
        """The line at the bottom: what was done, or why not."""
        style = self.said.get_style_context()
        style.remove_class("bad" if good else "good")
        style.add_class("good" if good else "bad")
        self.said.set_text(text)

    def say_failures(self, answer: dict[str, Any], done: str) -> None:
        """What of the settings is not in force; ``done`` where all is."""
        failures = answer.get("failures", [])
        if not failures:
            self.say(done)
            return
        for one in failures:
            print(f"{NAME}: {one['part']}: {one['sentence']}", file=sys.stderr)
        parts = "; ".join(f"{self.part(one['part'])}: {self.trouble(one)}" for one in failures)
        self.say(self.texts("not_in_force", parts=parts), good=False)

    def part(self, name: str) -> str:
        """Name of a part of the settings for the teacher: ``40-browser`` is the start page."""
        return self._known(f"part_{plain(name)}", name)

    def trouble(self, failure: dict[str, str]) -> str:
        """What to do about it, in the teacher's language; else what the program said."""
        return self._known(f"trouble_{plain(failure['part'])}", failure["sentence"])

    def _known(self, key: str, otherwise: str) -> str:
        try:
            return self.texts(key)
        except KeyError:
            return otherwise

    def _busy(self, busy: bool) -> None:
        self.working = busy
        for page in self.pages.values():
            page.set_busy(busy)
        self.enter.set_sensitive(not busy)
        if busy:
            self.say("")
            self.spinner.start()
        else:
            self.spinner.stop()


def plain(name: str) -> str:
    """Name of a part without the number that orders the programs: ``40-browser`` is ``browser``."""
    return name.partition("-")[2] or name


class NoSticks:
    """Where UDisks does not run: settings and folders do not need it."""

    def find(self) -> list[Stick]:
        """None."""
        return []

    def plugged_in(self, stick: Stick) -> bool:
        """Never asked: there is none."""
        raise StickError("gone", stick.name)

    def mount(self, stick: Stick) -> Path:
        """Never asked: there is none."""
        raise StickError("gone", stick.name)

    def unmount(self, stick: Stick) -> None:
        """Never asked: there is none."""
        raise StickError("gone", stick.name)

    def take_out(self, stick: Stick) -> None:
        """Never asked: there is none."""
        raise StickError("gone", stick.name)


def main() -> int:
    """Run until the window is closed."""
    os.umask(0o022)
    place: Place
    try:
        place = Sticks()
    except GLib.Error as error:
        print(f"{NAME}: no sticks: {error.message}", file=sys.stderr)
        place = NoSticks()
    return int(Teacher(place).run([]))
