"""The limit of the volume: what PipeWire is told, and what a person is told."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

from tests.on_target import ROLES

PROGRAM = ROLES / "desktop/files/netspring-volume-limit"
# Not imported: that would leave a __pycache__ among the files of the image.
limit: Any = types.ModuleType("netspring_volume_limit")
exec(compile(PROGRAM.read_text(), str(PROGRAM), "exec"), limit.__dict__)  # noqa: S102


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(limit, "ETC", tmp_path)
    monkeypatch.setattr(limit, "restart", lambda: None)
    return tmp_path


def test_two_clamps_together_are_the_amplitude_of_the_slider() -> None:
    for percent in (10, 50, 70, 100):
        assert limit.largest(percent) ** 2 == pytest.approx((percent / 100) ** 3)


def test_a_limit_is_written_for_cards_and_programs_and_read_again(
    etc: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert limit.main([]) == 0
    assert capsys.readouterr().out == "100\n"
    assert limit.main(["60"]) == 0
    rules = (etc / limit.CARD).read_text()
    assert "channelmix.max-volume = 0.4648" in rules
    assert rules.count("Audio/Sink") == 2
    for name in limit.STREAMS:
        assert "channelmix.max-volume = 1.0" in (etc / name).read_text()
    assert limit.main([]) == 0
    assert capsys.readouterr().out == "60\n"


def test_the_same_limit_again_restarts_nothing(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    restarts: list[int] = []
    monkeypatch.setattr(limit, "restart", lambda: restarts.append(1))
    for percent in ("60", "60", "50"):
        assert limit.main([percent]) == 0
    assert len(restarts) == 2
    assert sorted(path.name for path in etc.rglob("*") if path.is_file()) == (
        ["60-netspring-volume.conf"] * 3
    )


@pytest.mark.parametrize("wrong", [["loud"], ["9"], ["101"], ["-5"], ["50", "60"], ["²"]], ids=str)
def test_what_is_no_limit_is_refused(
    etc: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert limit.main(wrong) == 2
    assert "from 10 to 100" in capsys.readouterr().err
    assert not (etc / limit.CARD).exists()
