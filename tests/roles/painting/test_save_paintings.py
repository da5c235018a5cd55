"""Tux Paint is found among a PC's processes, told to stop, and its question answered."""

from __future__ import annotations

import os
import signal
import subprocess
import types
from pathlib import Path
from typing import Any

import pytest

from tests.on_target import ROLES

PROGRAM = ROLES / "painting/files/netspring-save-paintings"


@pytest.fixture
def saving(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program; not imported, as that would leave a __pycache__ among the files of the image."""
    module: Any = types.ModuleType("netspring_save_paintings")
    exec(compile(PROGRAM.read_text(), str(PROGRAM), "exec"), module.__dict__)  # noqa: S102
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    return module


def process(proc: Path, number: int, name: str, environment: bytes, uid: int = 1000) -> Path:
    folder = proc / str(number)
    folder.mkdir(parents=True)
    (folder / "comm").write_text(f"{name}\n")
    (folder / "environ").write_bytes(environment)
    if os.geteuid() == 0:
        os.chown(folder, uid, uid)
    return folder


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other people: needs root")
def test_only_a_childs_tux_paint_that_still_runs_is_found(saving: Any, tmp_path: Path) -> None:
    alive = b"HOME=/home/pupil\0DISPLAY=:0\0XAUTHORITY=/home/pupil/.Xauthority\0"
    process(tmp_path, 10, "tuxpaint", alive)
    process(tmp_path, 11, "tuxpaint", b"")  # ended, not yet waited for
    process(tmp_path, 12, "tuxpaint-config", alive)
    process(tmp_path, 13, "tuxpaint", alive, uid=0)
    process(tmp_path, 9, "other", alive)
    # A program with a Chinese name, which the kernel cut within a character.
    (tmp_path / "9" / "comm").write_bytes("我的游戏游戏".encode()[:14] + b"\n")
    (tmp_path / "self").mkdir()
    (tmp_path / "14").mkdir()  # ended while we looked
    assert list(saving.running(tmp_path)) == [10]


@pytest.mark.parametrize(("needed", "code"), [(0, 0), (1, 0), (3, 0), (9, 1)])
def test_it_answers_until_the_painting_is_saved_or_gives_up(
    saving: Any, monkeypatch: pytest.MonkeyPatch, needed: int, code: int
) -> None:
    """A question may be followed by another: whether the new picture replaces the old one."""
    told: list[tuple[str, int]] = []
    answers = [number for what, number in told if what == "answer"]

    def running(_: Path) -> dict[int, dict[str, str]]:
        answers[:] = [number for what, number in told if what == "answer"]
        return {77: {"DISPLAY": ":0"}} if len(answers) < needed else {}

    monkeypatch.setattr(saving, "running", running)
    monkeypatch.setattr(saving, "answer", lambda number, *_: told.append(("answer", number)))
    monkeypatch.setattr(saving.os, "kill", lambda number, what: told.append((what.name, number)))
    assert saving.main() == code
    assert len(answers) == min(needed, saving.ANSWERS)
    assert told[:2] == ([(signal.SIGTERM.name, 77), ("answer", 77)] if needed else [])


@pytest.mark.parametrize(
    "error",
    [ProcessLookupError(), KeyError("1000"), subprocess.TimeoutExpired("xdotool", 5)],
    ids=str,
)
def test_what_goes_wrong_is_said_and_the_pc_switches_off(
    saving: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(saving, "running", lambda _: {77: {"DISPLAY": ":0"}})
    monkeypatch.setattr(saving.os, "kill", fail)
    assert saving.main() == 1
    assert "Tux Paint 77 could not be told to save" in capsys.readouterr().err
