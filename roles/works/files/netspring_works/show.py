"""netspring-show: a child brings its works onto a USB stick, to show them elsewhere."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
# The look comes first: it sets what GTK reads when it is loaded.
from netspring_works import look, show_job, texts  # noqa: E402, I001
from gi.repository import GLib, Gtk  # noqa: E402
from netspring_works.export import ExportError  # noqa: E402
from netspring_works.inventory import find_works, pc_name, works_folder  # noqa: E402
from netspring_works.show_pages import Busy, Choose, End  # noqa: E402
from netspring_works.sticks import Place, Stick  # noqa: E402
from netspring_works.udisks import Sticks  # noqa: E402

NAME = "netspring-show"
# Progress reaches the screen at most this often, in seconds: drawing must not slow copying down.
PAUSE = 0.1


class Show(Gtk.Application):
    """One window, three pages: choose, wait, see how it ended."""

    def __init__(self, place: Place) -> None:
        """``place`` is where sticks are looked for."""
        super().__init__(application_id="org.netspring.Show")
        self.place = place
        self.texts = texts.load("show")
        self.stop = threading.Event()
        self.working = False
        self._told = 0.0
        self._refreshing = 0

    def do_activate(self) -> None:
        """Show the window; a second start shows the one that is there."""
        if windows := self.get_windows():
            windows[0].present()
            return
        look.dress(NAME)
        self.window = Gtk.ApplicationWindow(application=self, title=self.texts("title"))
        width, height = look.room()
        self.window.set_default_size(min(880, width), min(620, height))
        self.window.set_border_width(18)
        self.window.connect("delete-event", self._closing)
        self.pages = Gtk.Stack()
        self.choose = Choose(self.texts, self._start)
        self.busy = Busy(self.texts, self.stop.set)
        self.end = End(self.texts, self._again, self._take_out, self.window.close)
        for page in (self.choose, self.busy, self.end):
            self.pages.add(page)
        self.window.add(self.pages)
        self.window.show_all()
        watch = getattr(self.place, "watch", None)
        if watch:
            watch(self._soon)
        self._again()

    def _soon(self) -> None:
        """Look again shortly: many signals come at once when a stick is plugged in."""
        if not self._refreshing:
            self._refreshing = GLib.timeout_add(400, self._refresh)

    def _refresh(self) -> bool:
        self._refreshing = 0
        if not self.working and self.pages.get_visible_child() is self.choose:
            self.choose.show_sticks(self.place.find())
        return bool(GLib.SOURCE_REMOVE)

    def _again(self) -> None:
        """Back to the first page, with what is there now."""
        self.pages.set_visible_child(self.choose)
        try:
            self.folder = works_folder(Path.home())
            works = find_works(self.folder)
        except OSError:
            self.end.failed("no_works_folder")
            self.pages.set_visible_child(self.end)
            return
        self.choose.show_works(works)
        self.choose.show_sticks(self.place.find())

    def _start(self) -> None:
        works, stick = self.choose.chosen(), self.choose.stick()
        if not works or stick is None:
            return
        name = show_job.folder_name(self._title(), pc_name(), time.localtime())
        self.stop.clear()
        self.working = True
        self.busy.begin(stick.name)
        self.pages.set_visible_child(self.busy)

        def work() -> None:
            try:
                shown = show_job.bring(works, stick, self.place, name, self._tell, self.stop.is_set)
            except ExportError as error:
                print(f"{NAME}: {error}", file=sys.stderr)
                GLib.idle_add(self._failed, error)
            except Exception as error:  # noqa: BLE001 - the child must never wait for ever
                print(f"{NAME}: {error!r}", file=sys.stderr)
                GLib.idle_add(self._failed, ExportError("stick", detail=repr(error)))
            else:
                GLib.idle_add(self._done, shown, stick)

        threading.Thread(target=work, name="copy").start()

    def _title(self) -> str:
        """What the child calls the folder of works."""
        return self.texts("works") if self.folder.name == ".works" else self.folder.name

    def _tell(self, step: str, done: int, total: int) -> None:
        """From the thread that copies."""
        now = time.monotonic()
        if total == 0 or done >= total or now - self._told > PAUSE:
            self._told = now
            GLib.idle_add(self.busy.tell, step, done, total)

    def _done(self, shown: show_job.Shown, stick: Stick) -> None:
        self.working = False
        self.end.done(shown, stick)
        self.pages.set_visible_child(self.end)

    def _failed(self, error: ExportError) -> None:
        self.working = False
        self.end.failed(error.reason, error.work)
        self.pages.set_visible_child(self.end)

    def _take_out(self, shown: show_job.Shown, stick: Stick) -> None:
        """Once more, after the child closed what kept the stick busy."""
        out = show_job.let_go(stick, self.place)
        self.end.done(show_job.Shown(shown.folder, shown.number, shown.size, out), stick)

    def _closing(self, *_ignored: object) -> bool:
        """While works are copied, closing the window stops that first."""
        if self.working:
            self.stop.set()
            return True
        return False


def main() -> None:
    """Run until the window is closed."""
    os.umask(0o022)  # on a stick with owners, others may read the works
    try:
        place = Sticks()
    except GLib.Error as error:
        print(f"{NAME}: {error.message}", file=sys.stderr)
        look.dress(NAME)
        sentences = texts.load("show")
        look.sorry(sentences("title"), sentences("error_no_udisks"), sentences("close"))
        sys.exit(1)
    sys.exit(Show(place).run([]))


if __name__ == "__main__":
    main()
