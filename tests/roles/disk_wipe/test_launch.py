"""Once systemd was asked, nothing is called untouched; and which disks are tried again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_disks.tools import Said
from ansible.module_utils.netspring_erase import job, launch
from ansible.module_utils.netspring_erase.probe import Probe

TOKEN = "ab" * 32
DISK = Identity("sda", "/dev/sda", "8:0", "sata", "S1", "0x5000c5", 1 << 30, 512, False)
PLANNED = {
    "path": "/dev/sda",
    "serial": "S1",
    "wwn": "0x5000c5",
    "size_bytes": 1 << 30,
    "bus": "sata",
    "method": "overwrite",
}
PROBE = Probe(
    live=lambda: {"marker": True, "token_sha256": TOKEN, "boot_id": "b"},
    uuid=lambda: "u1",
    disks=lambda: [DISK],
)


def start(root: Path, starter: Callable[[str, Path], Said], **more: Any) -> bool:
    machine = {"uuid": "u1", "disks": [PLANNED]}
    options = {"may_begin": True, "root": root, "probe": PROBE, "starter": starter} | more
    return launch.start("p1", machine, TOKEN, **options)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "START_SECONDS", 0.2)
    monkeypatch.setattr(launch, "SECOND_LOOK", 0.2)


@pytest.mark.parametrize("code", [0, 1, None])
def test_what_was_asked_for_and_gives_no_sign_is_not_called_refused(
    tmp_path: Path, code: int | None
) -> None:
    said = Said(("systemd-run",), code, "", "Unit netspring-wipe-p1.service already exists.")
    with pytest.raises(launch.UnclearError, match=r"no outcome: .*already exists.*run the same"):
        start(tmp_path, lambda _unit, _folder: said)


@pytest.mark.parametrize("code", [0, 1, None])
def test_a_unit_that_works_has_begun_whatever_was_answered(
    tmp_path: Path, code: int | None
) -> None:
    """As when the connection dropped and the module was sent a second time."""
    locks = []

    def starter(_unit: str, folder: Path) -> Said:
        locks.append(job.take_lock(folder.parent, "p1"))
        return Said(("systemd-run",), code, "", "the unit is there already")

    assert start(tmp_path, starter) is True
    os.close(locks[0])


@pytest.mark.parametrize(
    ("entry", "again"),
    [
        ({"outcome": "erased", "wwn": "0x5000c5"}, False),
        ({"outcome": "erased", "wwn": "0x5000c5ffff"}, True),
        ({"outcome": "erased"}, True),
        ({"outcome": "failed", "reason": "read error at byte 512: destroy it"}, False),
        ({"outcome": "failed", "reason": None}, False),
        ({"outcome": "failed", "reason": "aborted: the writer was stopped"}, True),
        ({"outcome": "failed", "reason": "no outcome: the work ended without a report"}, True),
        ({"outcome": "refused", "reason": "in use"}, True),
        ({}, True),
    ],
    ids=str,
)
def test_a_failure_is_final_and_what_was_broken_off_is_not(
    tmp_path: Path, entry: dict[str, Any], again: bool
) -> None:
    folder = tmp_path / "p1"
    folder.mkdir()
    job.result_file(folder, "S1").write_text(json.dumps(entry))
    (folder / "result.json").write_text("{}")
    asked = []

    def starter(unit: str, _folder: Path) -> Said:
        asked.append(unit)
        (folder / "result.json").write_text("{}")
        return Said(("systemd-run",), 0, "", "")

    assert start(tmp_path, starter) is again
    assert asked == (["netspring-wipe-p1"] if again else [])
    assert job.result_file(folder, "S1").exists() is not again


def test_a_hold_begins_nothing_new_and_gives_back_what_was(tmp_path: Path) -> None:
    folder = tmp_path / "p1"
    folder.mkdir()
    job.result_file(folder, "S1").write_text(json.dumps({"outcome": "refused"}))
    (folder / "result.json").write_text("{}")
    assert start(tmp_path, lambda *_: pytest.fail("it began"), hold="pc1 did not pass") is False
