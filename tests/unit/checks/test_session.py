"""How long the desktop took, by what /proc says of its processes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from netspring_provision.checks.on_machine import session

TICKS = os.sysconf("SC_CLK_TCK")


def process(proc: Path, pid: int, name: str, started: float) -> None:
    """One folder of /proc: field 22 of stat is the start, in ticks after the kernel's."""
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "comm").write_text(name + "\n")
    fields = ["S", *["0"] * 18, str(int(started * TICKS)), *["0"] * 5]
    (folder / "stat").write_text(f"{pid} (a ) strange) name) " + " ".join(fields))


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """When units became active, in microseconds: a display manager 21.5 s after the kernel."""
    times = {"display-manager.service": "21500000", "graphical.target": "22500000"}

    def show(*argv: str) -> subprocess.CompletedProcess[str]:
        assert argv[:4] == (
            "systemctl", "show", "--value", "--property=ActiveEnterTimestampMonotonic",
        )  # fmt: skip
        return subprocess.CompletedProcess(argv, 0, times[argv[-1]] + "\n", "")

    monkeypatch.setattr(session, "run", show)
    return times


@pytest.fixture
def manager(ready: dict[str, str]) -> None:
    assert ready


@pytest.mark.usefixtures("manager")
def test_the_first_desktop_took_what_it_took(tmp_path: Path) -> None:
    process(tmp_path, 700, "Xorg", 22.0)
    process(tmp_path, 900, "lxqt-panel", 40.0)
    assert session.seconds_to(900, tmp_path) == 39.5


@pytest.mark.usefixtures("manager")
def test_a_desktop_after_a_logout_is_not_blamed_for_the_lesson_before(tmp_path: Path) -> None:
    process(tmp_path, 5, "kthreadd", 0.0)
    process(tmp_path, 7000, "Xorg", 3600.0)
    process(tmp_path, 9000, "lxqt-panel", 3612.0)
    assert session.seconds_to(9000, tmp_path) == 33.5


@pytest.mark.usefixtures("manager")
def test_without_an_x_server_before_the_panel_nothing_is_known(tmp_path: Path) -> None:
    process(tmp_path, 900, "lxqt-panel", 40.0)
    assert session.seconds_to(900, tmp_path) is None
    process(tmp_path, 950, "Xorg", 50.0)
    assert session.seconds_to(900, tmp_path) is None
    assert session.seconds_to(901, tmp_path) is None


def test_a_display_manager_started_anew_is_not_blamed_either(
    tmp_path: Path, ready: dict[str, str]
) -> None:
    ready["display-manager.service"] = "2400000000"
    process(tmp_path, 7000, "Xorg", 2401.0)
    process(tmp_path, 9000, "lxqt-panel", 2412.0)
    assert session.seconds_to(9000, tmp_path) == 33.5


@pytest.mark.usefixtures("manager")
def test_a_panel_that_was_started_anew_alone_is_not_blamed(tmp_path: Path) -> None:
    process(tmp_path, 700, "Xorg", 22.0)
    process(tmp_path, 850, "pcmanfm-qt", 39.0)
    process(tmp_path, 9000, "lxqt-panel", 1800.0)
    assert session.seconds_to(9000, tmp_path) == 38.5


def test_units_that_never_ran_tell_nothing(tmp_path: Path, ready: dict[str, str]) -> None:
    ready.update({"display-manager.service": "0", "graphical.target": ""})
    process(tmp_path, 700, "Xorg", 22.0)
    process(tmp_path, 900, "lxqt-panel", 40.0)
    assert session.seconds_to(900, tmp_path) is None
