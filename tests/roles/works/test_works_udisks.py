"""What UDisks answers, or does not, and what becomes of it. The bus is a recorded one.

python3-gi is of the PC's Python, not of the station's: here Gio is what udisks.py uses of it.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from netspring_works import export, show_job
from netspring_works.inventory import Work
from netspring_works.sticks import StickError, sticks_of

RECORDED = Path(__file__).parent / "recorded"
NO_REPLY = "org.freedesktop.DBus.Error.NoReply"
UNKNOWN = "org.freedesktop.DBus.Error.UnknownMethod"


class GLibError(Exception):
    """GLib.Error: a name on the bus and a message."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.message = name


class Bus:
    """A system bus; ``fails`` is the error that each question gets."""

    def __init__(self) -> None:
        self.objects = json.loads((RECORDED / "one-fat-stick.json").read_text())
        self.fails: str | None = None
        self.asked: list[str] = []

    def call_sync(self, _bus: str, path: str, _interface: str, method: str, *_more: Any) -> Any:
        self.asked.append(method)
        if self.fails:
            raise GLibError(self.fails)
        answer: Any = (self.objects,)
        if method == "Unmount":
            self.objects[path]["org.freedesktop.UDisks2.Filesystem"]["MountPoints"] = []
        if method == "GetAll":
            answer = (self.objects[path]["org.freedesktop.UDisks2.Drive"],)
        return SimpleNamespace(unpack=lambda: answer)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    """The PC with one FAT stick, mounted."""
    bus = Bus()
    repository: Any = ModuleType("gi.repository")
    repository.GLib = SimpleNamespace(Error=GLibError, Variant=lambda *words: words)
    repository.Gio = SimpleNamespace(
        BusType=SimpleNamespace(SYSTEM=1),
        DBusCallFlags=SimpleNamespace(NONE=0),
        DBusError=SimpleNamespace(get_remote_error=lambda error: error.message),
        bus_get_sync=lambda *_words: bus,
    )
    monkeypatch.setitem(sys.modules, "gi", ModuleType("gi"))
    monkeypatch.setitem(sys.modules, "gi.repository", repository)
    monkeypatch.delitem(sys.modules, "netspring_works.udisks", raising=False)
    return bus


@pytest.fixture
def place(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The sticks on that bus."""
    module = importlib.import_module("netspring_works.udisks")
    monkeypatch.delitem(sys.modules, "netspring_works.udisks")
    place = module.Sticks()
    assert place._bus is bus
    return place


def test_a_stick_is_let_go_and_switched_off(bus: Bus, place: Any) -> None:
    (stick,) = place.find()
    assert place.plugged_in(stick)
    assert show_job.let_go(stick, place)
    assert [word for word in bus.asked if word != "GetManagedObjects"] == [
        "Unmount",
        "GetAll",
        "PowerOff",
    ]


@pytest.mark.parametrize("error", [NO_REPLY, UNKNOWN, "org.freedesktop.DBus.Error.ServiceUnknown"])
def test_while_udisks_does_not_answer_no_stick_may_be_pulled(
    bus: Bus, place: Any, error: str
) -> None:
    (stick,) = place.find()
    bus.fails = error
    assert place.find() == []
    assert not show_job.let_go(stick, place)
    for deed in (place.plugged_in, place.mount, place.unmount, place.take_out):
        with pytest.raises(StickError) as caught:
            deed(stick)
        assert caught.value.reason == "failed"


def test_a_udisks_that_ended_is_no_stick_that_was_pulled_out(
    bus: Bus, place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stick,) = place.find()
    work = Work(tmp_path / "a.png", "a.png", 1, 0.0)
    monkeypatch.setattr(place, "mount", lambda _stick: tmp_path)
    monkeypatch.setattr(show_job, "NOTICED_WITHIN", 0.3)

    def fail(*_words: Any) -> Any:
        bus.fails = NO_REPLY
        raise export.ExportError("stick")

    monkeypatch.setattr(export, "copy_works", fail)
    with pytest.raises(export.ExportError) as caught:
        show_job.bring([work], stick, place, "x", lambda *_words: None, lambda: False)
    assert caught.value.reason == "stick"


def test_a_stick_that_was_pulled_out_is_gone(bus: Bus, place: Any) -> None:
    (stick,) = sticks_of(bus.objects)
    bus.objects = json.loads((RECORDED / "stick-pulled-out.json").read_text())
    assert not place.plugged_in(stick)
    with pytest.raises(StickError) as caught:
        place.mount(stick)
    assert caught.value.reason == "gone"


@pytest.mark.parametrize(
    ("interface", "changes"),
    [("Block", {"IdUUID": "1234-ABCD"}), ("Block", {"Size": 1 << 30}), ("Drive", {"Serial": "B"})],
    ids=["filesystem", "size", "serial"],
)
def test_another_stick_under_the_same_name_is_not_touched(
    bus: Bus, place: Any, interface: str, changes: dict[str, Any]
) -> None:
    (stick,) = place.find()
    path = stick.key if interface == "Block" else stick.drive
    bus.objects[path][f"org.freedesktop.UDisks2.{interface}"] |= changes
    assert not place.plugged_in(stick)
    for deed in (place.mount, place.unmount, place.take_out):
        with pytest.raises(StickError) as caught:
            deed(stick)
        assert caught.value.reason == "gone"
    assert set(bus.asked) == {"GetManagedObjects"}
