"""The base layer: how it is made, when it is made anew, and what it goes on from."""

import os
import time
from pathlib import Path

import pytest

from netspring_provision import mirror
from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, StationError
from netspring_provision.image import base, command, workspace
from netspring_provision.image.build import inputs_of
from netspring_provision.image.inputs import Inputs

LINES = ("deb http://m.example/debian trixie main",)


@pytest.fixture
def made(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, ...]]:
    """What was run in place of mmdebstrap, which writes its archive."""
    calls: list[tuple[str, ...]] = []

    def run(argv: list[str], env: dict[str, str], package: str) -> str:
        assert package == "mmdebstrap"
        calls.append(tuple(argv))
        (tmp_path / "base.tar").write_text(f"base {len(calls)}")
        assert env["TMPDIR"] == str(tmp_path)
        return ""

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(mirror, "sources", lambda *_: LINES)
    monkeypatch.setattr(mirror, "apt_options", lambda: ('Acquire::Retries "3";',))
    workspace.folder(station).mkdir(parents=True)
    return calls


@pytest.fixture
def inputs(station: Station) -> Inputs:
    assert station.home
    return inputs_of("core", "zh_CN", None)


def test_the_command_names_suite_sources_and_the_stations_apt_settings() -> None:
    argv = base.argv(Path("/w/base.tar"), LINES, "trixie", ("A::B 1;",), "lend", "keep")
    assert argv[-3:] == ["trixie", "/w/base.tar", *LINES]
    assert "--aptopt=A::B 1;" in argv
    assert "--setup-hook=lend" in argv
    assert "--customize-hook=keep" in argv
    assert not [word for word in argv if word.startswith("--hook-dir")]


def test_a_mirror_on_this_station_is_shown_to_the_tree() -> None:
    line = "deb file:/media/disk/debian trixie main"
    argv = base.argv(Path("/w/base.tar"), (line,), "trixie", (), "lend", "keep")
    assert any(word.startswith("--hook-dir=") for word in argv)
    assert base.folders_of_mirror(line, *LINES) == [Path("/media/disk/debian")]


def test_it_is_made_once(
    station: Station, inputs: Inputs, tmp_path: Path, made: list[tuple[str, ...]]
) -> None:
    assert base.ensure(station, inputs, tmp_path, None, False) is True
    assert base.ensure(station, inputs, tmp_path, None, False) is False
    assert len(made) == 1
    assert base.archive(station, inputs).read_text() == "base 1"


def test_it_is_made_anew_when_asked_or_old(
    station: Station, inputs: Inputs, tmp_path: Path, made: list[tuple[str, ...]]
) -> None:
    base.ensure(station, inputs, tmp_path, None, False)
    base.ensure(station, inputs, tmp_path, None, True)
    assert len(made) == 2
    yesterday = time.time() - 86400
    os.utime(base.archive(station, inputs), (yesterday, yesterday))
    base.ensure(station, inputs, tmp_path, None, False)
    assert len(made) == 3


def test_without_a_mirror_an_old_one_serves(
    station: Station,
    inputs: Inputs,
    tmp_path: Path,
    made: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreachable(*_: object) -> tuple[str, ...]:
        raise StationError("the Debian mirror does not answer")

    monkeypatch.setattr(mirror, "sources", unreachable)
    with pytest.raises(StationError, match="does not answer"):
        base.ensure(station, inputs, tmp_path, None, False)
    archive = base.archive(station, inputs)
    archive.write_text("old")
    os.utime(archive, (1, 1))
    assert base.ensure(station, inputs, tmp_path, None, False) is False
    assert archive.read_text() == "old"
    with pytest.raises(StationError, match="does not answer"):
        base.ensure(station, inputs, tmp_path, None, True)
    assert archive.read_text() == "old"
    assert made == []


def test_the_date_is_that_of_the_youngest_list(tmp_path: Path) -> None:
    lists = tmp_path / "var/lib/apt/lists"
    lists.mkdir(parents=True)
    with pytest.raises(MachineFailedError, match="no package lists"):
        base.epoch(tmp_path)
    (lists / "a_InRelease").write_text("Origin: Debian\nDate: Sat, 21 Nov 2026 09:15:44 UTC\n")
    (lists / "b_InRelease").write_text("Date: Sun, 22 Nov 2026 02:09:05 UTC\nValid-Until: x\n")
    assert base.epoch(tmp_path) == 1795313345
