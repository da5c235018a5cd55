"""``netspring seal``: what is printed, and the exit code."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from netspring_provision import cli, sealing
from netspring_provision.cli import seal as command
from netspring_provision.door import Door
from netspring_provision.sealing import Sealed, Standing

UUID = "4c4c4544-0000-1000-8000-000000000001"


def one(standing: Standing, host: str = "pc1", **more: Any) -> Sealed:
    return Sealed(host, standing, UUID, "NS-0001", "core-1", **more)


SEALED = one(Standing.SEALED, door=Door.CLOSED, key_login=False)
ALREADY = one(Standing.ALREADY, "pc2", time="2026-11-24T10:00:00")
REFUSED = sealing.refused("pc3", UUID, "not_verified")
UNKNOWN = one(
    Standing.UNKNOWN,
    "pc4",
    reason=sealing.words("no_answer"),
    mend=sealing.words("look_at_it"),
    detail="Connection [red]closed",
)
FAILED = one(Standing.FAILED, "pc5")


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ((SEALED,), 0),
        ((SEALED, ALREADY), 0),
        ((SEALED, REFUSED), 3),
        ((REFUSED,), 3),
        ((UNKNOWN, REFUSED), 1),
        ((SEALED, UNKNOWN), 1),
        ((FAILED,), 1),
        ((), 1),
    ],
)
def test_the_worst_machine_decides(results: tuple[Sealed, ...], code: int) -> None:
    assert command.exit_code(results) == code


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def job(*_: object, **__: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(run_id="run-1")

    monkeypatch.setattr(command, "shown_job", job)
    monkeypatch.setattr(command, "seal_machines", lambda _: (SEALED, REFUSED))


@pytest.mark.usefixtures("printed")
def test_json_tells_tag_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["seal", "-i", "x", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    good, bad = told["machines"]
    assert (good["sealed"], good["asset_tag"], good["door"]) == (True, "NS-0001", "closed")
    assert (bad["sealed"], bad["standing"]) == (False, "refused")
    assert "netspring verify" in bad["mend"]["en"]
    assert "netspring verify" in bad["mend"]["zh"]
    assert told["run"] == "run-1"


@pytest.mark.usefixtures("printed")
def test_people_get_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["seal", "-i", "x"]) == 3
    shown = capsys.readouterr().err
    assert "NS-0001" in shown
    assert "已封存" in shown


def test_what_to_do_is_said_and_what_a_machine_said_is_no_markup() -> None:
    out = Console(width=400, record=True, file=io.StringIO())
    command.show((ALREADY, UNKNOWN), out)
    text = out.export_text()
    assert "2026-11-24T10:00:00" in text
    assert "Ctrl+Alt+F2" in text
    assert "Connection [red]closed" in text
