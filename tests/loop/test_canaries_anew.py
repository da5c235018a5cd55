"""No method is credited with what another one did; and drives that are not ready for any."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.netspring_erase import blocks, canaries, firmware
from ansible.module_utils.netspring_erase.failures import io_error
from firmware_kit import MIB, Drive, fill, nvme_log, sense
from loop_devices import Loop, erase

pytestmark = pytest.mark.loop
Make = Callable[..., Loop]
BLOCK = ["nvme", "sanitize", "/dev/nvme0", "--sanact=2"]
PLAN: dict[str, Any] = {"bus": "nvme", "medium": "ssd", "method": "nvme_sanitize_block"}


@pytest.mark.parametrize("wiped", [b"\0", b"\xff"])
def test_a_fallback_that_lies_is_not_certified_by_what_the_first_method_did(
    loops: Make, wiped: bytes
) -> None:
    """The Sanitize wipes all and then says that it failed; Format says "good" and does nothing."""
    loop = loops(48 * MIB)

    def deed() -> None:
        if drive.erases[-1] == BLOCK:
            fill(loop, wiped)()

    told = [nvme_log(name) for name in ("never", "never", "failed")]
    drive = Drive(loop, "sanitize-log", told, deed)
    entry = erase(loop, drive.probe(), **PLAN, fallback=["nvme_format", "overwrite"])
    assert len(drive.erases) == 2
    first, second, last = entry["attempts"]
    assert "the last one failed" in first["error"]
    assert (second["method"], second["rc"], second["canaries_changed"]) == ("nvme_format", 0, 0)
    assert second["error"] == "the device reported success, but only 0 of 66 canaries changed"
    assert (last["method"], last["error"]) == ("overwrite", None)
    assert (entry["outcome"], entry["method"]) == ("erased", "overwrite")
    assert entry["content_after"] is None
    assert entry["canaries"] == {"n": 66, "written": 66, "changed": 66}
    assert loop.is_zero()


def test_an_overwrite_that_lies_is_not_certified_by_a_method_before_it(
    loops: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros are there already when the drive drops every write of the pass."""
    loop = loops(48 * MIB)
    told = [nvme_log(name) for name in ("never", "never", "failed")]
    drive = Drive(loop, "sanitize-log", told, fill(loop, b"\0"))
    monkeypatch.setattr(blocks, "write_zeros", lambda *_args: None)
    entry = erase(loop, drive.probe(), **PLAN, fallback=["overwrite"])
    assert entry["outcome"] == "failed"
    assert entry["canaries"]["changed"] == 0


def test_a_method_that_was_never_sent_costs_no_second_planting(
    loops: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, plantings = loops(16 * MIB), []
    real = canaries.plant

    def counted(*args: Any) -> Any:
        plantings.append(args)
        return real(*args)

    monkeypatch.setattr(canaries, "plant", counted)
    drive = Drive(loop, "sanitize-log", [nvme_log("never")])
    plan = PLAN | {"fallback": ["nvme_format", "overwrite"]}
    entry = erase(loop, drive.probe(namespaces=lambda _name: 3, formatting=lambda _n: None), **plan)
    assert (entry["outcome"], len(plantings)) == ("erased", 1)


@pytest.mark.parametrize("method", ["overwrite", "nvme_format"])
def test_a_sanitize_under_way_that_is_not_planned_is_waited_for(loops: Make, method: str) -> None:
    """Of an earlier plan; until it ends the drive takes no canary."""
    loop = loops(16 * MIB)
    names = ("running-1", "running-50", "done-block")
    drive = Drive(loop, "sanitize-log", [nvme_log(name) for name in names], fill(loop, b"\0"))
    entry = erase(loop, drive.probe(), **(PLAN | {"method": method, "fallback": []}))
    assert (entry["outcome"], entry["method"]) == ("erased", method)
    assert drive.now >= 10
    assert drive.seen[:3] == [["nvme", "sanitize-log", "/dev/nvme0", "--output-format=json"]] * 3
    waited = entry["waited_for"]
    assert waited["status_before"]["state"] == "in_progress"
    assert waited["status_after"]["state"] == "completed"
    # The station takes no attempt that was not planned.
    assert {attempt["method"] for attempt in entry["attempts"]} == {method, "overwrite"}


def test_a_scsi_sanitize_under_way_is_waited_for_too(loops: Make) -> None:
    loop = loops(16 * MIB)
    drive = Drive(loop, "sg_requests", [sense("running"), sense("idle")])
    entry = erase(loop, drive.probe("scsi"), bus="scsi", method="overwrite")
    assert entry["outcome"] == "erased"
    assert entry["waited_for"]["status_after"] is not None
    assert drive.erases == []


def refuse(*_args: Any) -> Any:
    """What the kernel says of a drive whose Sanitize has failed: it takes no other command."""
    raise io_error("write", 0, OSError(5, "Input/output error"))


@pytest.mark.parametrize("method", ["nvme_format", "overwrite"])
def test_a_drive_whose_last_sanitize_failed_says_how_it_may_come_back(
    loops: Make, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    loop = loops(16 * MIB)
    monkeypatch.setattr(canaries, "plant", refuse)
    drive = Drive(loop, "sanitize-log", [nvme_log("failed")])
    entry = erase(loop, drive.probe(), **(PLAN | {"method": method, "fallback": []}))
    assert entry["outcome"] == "failed"
    assert "its last Sanitize failed" in entry["reason"]
    assert "run nvme sanitize /dev/nvme0 --sanact=2," in entry["reason"]
    assert "--retry-failed A1" in entry["reason"]
    assert "write error at byte 0 (Input/output error)" in entry["reason"]
    assert entry["verify"]["first_error_offset"] == 0
    assert drive.erases == []


class Stuck(Drive):
    """Its Sanitize has failed at some time: it takes no other command until one succeeds."""

    stuck = True

    def guarded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = canaries.plant
        monkeypatch.setattr(
            canaries, "plant", lambda *args: refuse() if self.stuck else real(*args)
        )


@pytest.mark.parametrize("lies", [False, True])
def test_a_planned_sanitize_brings_it_back_and_is_then_sent_for_credit(
    loops: Make, monkeypatch: pytest.MonkeyPatch, lies: bool
) -> None:
    loop = loops(16 * MIB)

    def deed() -> None:
        if not (lies and len(drive.erases) == 2):
            fill(loop, b"\xff")()
        drive.stuck = False

    told = [nvme_log(name) for name in ("failed", "failed", "failed", "done-block")]
    drive = Stuck(loop, "sanitize-log", told, deed)
    drive.guarded(monkeypatch)
    entry = erase(loop, drive.probe(), **PLAN, fallback=["overwrite"])
    assert drive.erases == [BLOCK, BLOCK]
    blind, second, _ = entry["attempts"]
    assert (blind["error"], blind["canaries_changed"]) == (firmware.BLIND, None)
    assert blind["status_after"]["state"] == "completed"
    n = entry["canaries"]["n"]
    assert second["canaries_changed"] == (0 if lies else n)
    method = "overwrite" if lies else "nvme_sanitize_block"
    assert (entry["outcome"], entry["method"]) == ("erased", method)
    assert entry["canaries"] == {"n": n, "written": n, "changed": n}


def test_the_next_sanitize_of_the_plan_is_tried_where_the_first_one_failed(
    loops: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no canary in between: only another Sanitize frees it."""
    loop = loops(16 * MIB)

    def deed() -> None:
        drive.stuck = drive.erases[-1] == BLOCK
        fill(loop, b"\xff")()

    names = ("never", "never", "failed", "failed", "failed", "done-crypto")
    drive = Stuck(loop, "sanitize-log", [nvme_log(name) for name in names], deed)
    drive.guarded(monkeypatch)
    drive.stuck = False
    entry = erase(loop, drive.probe(), **PLAN, fallback=["nvme_sanitize_crypto"])
    assert [argv[-1] for argv in drive.erases] == ["--sanact=2", "--sanact=4", "--sanact=4"]
    assert (entry["outcome"], entry["method"]) == ("erased", "nvme_sanitize_crypto")
    assert [each["error"] is None for each in entry["attempts"]] == [False, False, True, True]


def test_one_that_cannot_be_brought_back_is_failed(
    loops: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = loops(16 * MIB)
    drive = Stuck(loop, "sanitize-log", [nvme_log("failed")])
    drive.guarded(monkeypatch)
    entry = erase(loop, drive.probe(), **PLAN, fallback=["overwrite"])
    assert drive.erases == [BLOCK]
    assert entry["outcome"] == "failed"
    assert "its last Sanitize failed" in entry["reason"]
    assert entry["canaries"]["n"] == 0


def test_it_is_not_told_to_try_what_it_does_not_have(
    loops: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = loops(16 * MIB)
    monkeypatch.setattr(canaries, "plant", refuse)
    drive = Drive(loop, "sanitize-log", [nvme_log("failed")])
    how = drive.probe().formatting("any")
    assert how is not None
    crypto = dataclasses.replace(how, sanitize_block=False, sanitize_overwrite=False)
    plan = PLAN | {"method": "overwrite", "fallback": []}
    entry = erase(loop, drive.probe(formatting=lambda _name: crypto), **plan)
    assert "--sanact=4," in entry["reason"]


def test_a_write_error_of_any_other_drive_stays_what_it_is(
    loops: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = loops(16 * MIB)
    monkeypatch.setattr(canaries, "plant", refuse)
    drive = Drive(loop, "sanitize-log", [nvme_log("done-block")])
    entry = erase(loop, drive.probe(), **PLAN, fallback=[])
    assert entry["outcome"] == "failed"
    assert entry["reason"].startswith("write error at byte 0")
    assert "Sanitize" not in entry["reason"]
