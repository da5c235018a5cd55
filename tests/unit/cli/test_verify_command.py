"""``netspring verify``: exit code, JSON, files, and what the person is told to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netspring_provision import cli
from netspring_provision.checks import catalogue
from netspring_provision.cli import verify as command
from netspring_provision.ledger import Ledger
from netspring_provision.verdict import CheckResult, MachineVerdict, Standing


def verdict(host: str, standing: Standing) -> MachineVerdict:
    text = catalogue.texts()["clock_is_right"]
    good = standing is Standing.PASSED
    message = "" if good else "it is [/red] 9000 s off"
    outcome = "passed" if good else "failed"
    check = CheckResult("clock_is_right", outcome, "", message, 0.1, text.ask, text.mend)
    reason = None if good else catalogue.reason("some_failed", bad=1, all=1)
    return MachineVerdict(host, "core", standing, reason, (check,), 2.0, Path("/x"))


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[MachineVerdict]:
    """Fill it with the verdicts that the machines get."""
    verdicts: list[MachineVerdict] = []

    @contextmanager
    def job(*_args: Any, **_named: Any) -> Iterator[Any]:
        yield SimpleNamespace(
            inventory="inventories/x",
            run_id="run-1",
            folder=tmp_path / "run-1",
            ledger=Ledger(tmp_path / "ledger.db"),
        )

    monkeypatch.setattr(command, "shown_job", job)
    monkeypatch.setattr(command, "verify_room", lambda _job, _image: tuple(verdicts))
    return verdicts


def test_all_good_is_nought_and_the_files_are_written(
    room: list[MachineVerdict], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room.append(verdict("pc1", Standing.PASSED))
    files = [str(tmp_path / "a.xml"), str(tmp_path / "a.html")]
    code = cli.run(["verify", "-i", "x", "--junit", files[0], "--html", files[1], "--json"])
    assert code == 0
    data = json.loads(capsys.readouterr().out)
    assert [(m["host"], m["passed"]) for m in data["machines"]] == [("pc1", True)]
    assert "<testsuite " in Path(files[0]).read_text()
    assert "可以交付" in Path(files[1]).read_text()


@pytest.mark.parametrize("bad", [Standing.FAILED, Standing.UNREACHABLE, Standing.BROKEN])
def test_one_bad_machine_is_exit_one_and_says_what_to_do(
    room: list[MachineVerdict], capsys: pytest.CaptureFixture[str], bad: Standing
) -> None:
    room += [verdict("pc1", Standing.PASSED), verdict("pc2", bad)]
    assert cli.run(["verify", "-i", "x"]) == 1
    said = capsys.readouterr()
    words = " ".join(said.err.split())
    assert "CR2032" in words
    assert "[/red]" in words
    assert "report:" in said.out


def test_no_machine_at_all_is_not_good(room: list[MachineVerdict]) -> None:
    assert room == []
    assert cli.run(["verify", "-i", "x"]) == 1
