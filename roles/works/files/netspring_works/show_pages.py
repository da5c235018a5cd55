"""The three pages of netspring-show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

from gi.repository import GLib, Gtk, Pango

from netspring_works import look, thumbs
from netspring_works.inventory import Work
from netspring_works.show_job import Shown
from netspring_works.sticks import Stick
from netspring_works.texts import Texts

SIDE = 112  # pixels of a work's picture


class Choose(Gtk.Box):
    """Which works, onto which stick."""

    def __init__(self, texts: Texts, start: Callable[[], None]) -> None:
        """``start`` is called when the child presses the large button."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=12)
        self.texts = texts
        self.works: list[tuple[Work, Gtk.ToggleButton]] = []
        self.sticks: list[tuple[Stick, Gtk.RadioButton]] = []
        self._loading = 0
        self._picked = ""  # key of the stick that the child itself chose
        self.place = Gtk.Box(spacing=14)
        self.place.get_style_context().add_class("card")
        self.pack_start(self.place, False, False, 0)

        row = Gtk.Box(spacing=10)
        self.question = look.label("", "title")
        row.pack_start(self.question, True, True, 0)
        self.everything = look.button(texts("all"))
        self.everything.connect("clicked", lambda _b: self._mark(True))
        self.nothing = look.button(texts("none"))
        self.nothing.connect("clicked", lambda _b: self._mark(False))
        row.pack_start(self.everything, False, False, 0)
        row.pack_start(self.nothing, False, False, 0)
        self.pack_start(row, False, False, 0)

        self.grid = Gtk.FlowBox(selection_mode=Gtk.SelectionMode.NONE, homogeneous=True)
        self.grid.set_valign(Gtk.Align.START)
        self.grid.set_max_children_per_line(12)
        scrolled = Gtk.ScrolledWindow(overlay_scrolling=False)
        scrolled.add(self.grid)
        self.pack_start(scrolled, True, True, 0)

        self.go = look.button("", "main", icon="netspring-show")
        self.go.connect("clicked", lambda _b: start())
        self.pack_start(self.go, False, False, 0)

    def show_works(self, works: Sequence[Work]) -> None:
        """Show works, all of them marked; their pictures come one by one."""
        for child in self.grid.get_children():
            child.destroy()
        if self._loading:
            GLib.source_remove(self._loading)
        self.works = []
        images = []
        for work in works:
            tile, image = self._tile(work)
            self.grid.add(tile)
            self.works.append((work, tile))
            images.append((work, image))
        self.grid.show_all()
        self.question.set_text(self.texts("which_works" if works else "no_works"))
        for button in (self.everything, self.nothing):
            button.set_visible(bool(works))
        loader = self._load(images)
        self._loading = GLib.idle_add(self._load_next, loader)
        self._update()

    def _tile(self, work: Work) -> tuple[Gtk.ToggleButton, Gtk.Image]:
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2)
        image = Gtk.Image()
        image.set_size_request(SIDE, SIDE)
        name = Gtk.Label(label=work.path.stem, ellipsize=Pango.EllipsizeMode.MIDDLE)
        name.set_max_width_chars(11)
        name.get_style_context().add_class("hint")
        box.pack_start(image, False, False, 0)
        box.pack_start(name, False, False, 0)
        tile = Gtk.ToggleButton(active=True, tooltip_text=work.name)
        tile.get_style_context().add_class("work")
        tile.add(box)
        tile.connect("toggled", lambda _t: self._update())
        return tile, image

    def _load(self, images: Sequence[tuple[Work, Gtk.Image]]) -> Iterator[None]:
        for work, image in images:
            found = thumbs.picture(work.path, SIDE) or thumbs.icon(work.path, SIDE * 2 // 3)
            if found:
                image.set_from_pixbuf(found)
            yield

    def _load_next(self, loader: Iterator[None]) -> bool:
        """One picture at a time, whenever nothing else is to do."""
        for _one in loader:
            return True
        self._loading = 0
        return False

    def _mark(self, wanted: bool) -> None:
        for _work, tile in self.works:
            tile.set_active(wanted)

    def show_sticks(self, sticks: Sequence[Stick]) -> None:
        """Show what is plugged in. Of several sticks only one that the child chose is marked."""
        for child in self.place.get_children():
            child.destroy()
        self.sticks = []
        if not sticks:
            self.place.pack_start(look.image("netspring-show", 72), False, False, 0)
            self.place.pack_start(look.label(self.texts("no_stick"), "title"), True, True, 0)
        elif len(sticks) > 1:
            self.place.pack_start(look.label(self.texts("which_stick"), "title"), False, False, 0)
        usable = [stick for stick in sticks if stick.readable and not stick.read_only]
        # An unmarked button that is not shown lets the visible ones all be unmarked.
        group = Gtk.RadioButton()
        for stick in sticks:
            button = Gtk.RadioButton.new_from_widget(group)
            button.set_mode(False)
            button.get_style_context().add_class("stick")
            button.add(self._stick_row(stick))
            button.set_sensitive(stick in usable)
            if stick.key == self._picked or (len(sticks) == 1 and stick in usable):
                button.set_active(True)
            button.connect("toggled", self._pick, stick)
            self.place.pack_start(button, len(sticks) == 1, len(sticks) == 1, 0)
            self.sticks.append((stick, button))
        self.place.show_all()
        self._update()

    def _pick(self, button: Gtk.RadioButton, stick: Stick) -> None:
        if button.get_active():
            self._picked = stick.key
        self._update()

    def _stick_row(self, stick: Stick) -> Gtk.Box:
        row = Gtk.Box(spacing=10)
        row.pack_start(look.image("netspring-stick", 48), False, False, 0)
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        column.pack_start(look.label(stick.name), False, False, 0)
        if not stick.readable:
            hint = self.texts("stick_unreadable")
        elif stick.read_only:
            hint = self.texts("stick_read_only")
        else:
            hint = look.size_text(stick.size)
        column.pack_start(look.label(hint, "hint"), False, False, 0)
        row.pack_start(column, True, True, 0)
        return row

    def chosen(self) -> list[Work]:
        """The works that are marked."""
        return [work for work, tile in self.works if tile.get_active()]

    def stick(self) -> Stick | None:
        """The stick that is marked, if one is."""
        for stick, button in self.sticks:
            if button.get_active() and button.get_sensitive():
                return stick
        return None

    def _update(self) -> None:
        works = self.chosen()
        size = look.size_text(sum(work.size for work in works))
        if works:
            self.go.set_label(self.texts.count("go", len(works), size=size))
        else:
            self.go.set_label(self.texts("go_none"))
        self.go.set_sensitive(bool(works) and self.stick() is not None)


class Busy(Gtk.Box):
    """How far it is."""

    def __init__(self, texts: Texts, stop: Callable[[], None]) -> None:
        """``stop`` is called when the child does not want to wait."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=18, valign=Gtk.Align.CENTER)
        self.texts = texts
        self.pack_start(look.image("netspring-show", 128), False, False, 0)
        self.what = look.label("", "title", centre=True)
        self.pack_start(self.what, False, False, 0)
        self.bar = Gtk.ProgressBar(margin_start=60, margin_end=60)
        self.pack_start(self.bar, False, False, 0)
        self.pack_start(look.label(texts("leave_it_in"), "hint", centre=True), False, False, 0)
        button = look.button(texts("stop"))
        button.set_halign(Gtk.Align.CENTER)
        button.connect("clicked", lambda _b: stop())
        self.pack_start(button, False, False, 0)

    def begin(self, stick: str) -> None:
        """A new copy onto the stick of this name."""
        self.what.set_text(self.texts("copying", stick=stick))
        self.bar.set_fraction(0)

    def tell(self, step: str, done: int, total: int) -> bool:
        """Show the step; copying is the first half of the bar, checking the second."""
        self.what.set_text(self.texts(step, stick=""))
        if total:
            half = 0.5 * min(1.0, done / total)
            self.bar.set_fraction(half if step == "copying" else 0.5 + half)
        return False


class End(Gtk.Box):
    """How it ended, and what to do now."""

    def __init__(
        self,
        texts: Texts,
        again: Callable[[], None],
        take_out: Callable[[Shown, Stick], None],
        close: Callable[[], None],
    ) -> None:
        """What its buttons do."""
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=16, valign=Gtk.Align.CENTER)
        self.texts = texts
        self.take_out = take_out
        self.sign = look.image("netspring-good", 128)
        self.pack_start(self.sign, False, False, 0)
        self.headline = look.label("", "title", centre=True)
        self.pack_start(self.headline, False, False, 0)
        self.more = look.label("", centre=True)
        self.pack_start(self.more, False, False, 0)
        row = Gtk.Box(spacing=14, halign=Gtk.Align.CENTER)
        self.pull = look.button(texts("take_out"), "main")
        self.pull.connect("clicked", lambda _b: self.take_out(*self.last))
        self.repeat = look.button("")
        self.repeat.connect("clicked", lambda _b: again())
        self.close = look.button(texts("close"))
        self.close.connect("clicked", lambda _b: close())
        for button in (self.pull, self.repeat, self.close):
            row.pack_start(button, False, False, 0)
        self.pack_start(row, False, False, 0)

    def _show(self, good: bool, headline: str, more: str, repeat: str) -> None:
        self.sign.set_from_icon_name(
            "netspring-good" if good else "netspring-bad", Gtk.IconSize.DIALOG
        )
        self.headline.set_text(headline)
        self.more.set_text(more)
        self.repeat.set_label(self.texts(repeat))
        self.show_all()

    def done(self, shown: Shown, stick: Stick) -> None:
        """The works are on the stick."""
        self.last = (shown, stick)
        more = self.texts("pull_it" if shown.out else "still_used")
        self._show(
            True,
            self.texts.count("done", shown.number, stick=stick.name),
            f"{self.texts('where', folder=shown.folder)}\n{more}",
            "another",
        )
        self.pull.set_visible(not shown.out)

    def failed(self, reason: str, work: str = "") -> None:
        """They are not, and why."""
        headline = self.texts("stopped" if reason == "stopped" else "failed")
        self._show(
            False, headline, self.texts(f"error_{reason}", work=PurePosixPath(work).stem), "again"
        )
        self.pull.hide()
