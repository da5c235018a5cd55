"""Sanitize of NVMe drives: the exact commands, and every way in which a drive may lie."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.netspring_erase import firmware, nvme_sanitize
from ansible.module_utils.netspring_erase.progress import Progress
from firmware_kit import MIB, Drive, fill, nvme_log, nvme_refusal
from loop_devices import Loop, erase

pytestmark = pytest.mark.loop
Make = Callable[..., Loop]
LOG = ["nvme", "sanitize-log", "/dev/nvme0", "--output-format=json"]
BLOCK = ["nvme", "sanitize", "/dev/nvme0", "--sanact=2"]
CRYPTO = ["nvme", "sanitize", "/dev/nvme0", "--sanact=4"]
PLAN: dict[str, Any] = {
    "bus": "nvme",
    "medium": "ssd",
    "method": "nvme_sanitize_block",
    "fallback": ["overwrite"],
}


def codes(entry: dict[str, Any]) -> list[str]:
    return [limit["code"] for limit in entry["limits"]]


@pytest.mark.parametrize(
    ("left", "kind"),
    [(b"\0", "zero"), (b"\xff", "ff"), (b"\x33\xcc\x55\xaa", "periodic"), (None, "random")],
)
def test_sanitize_is_polled_until_the_drive_says_done(
    loops: Make, left: bytes | None, kind: str
) -> None:
    loop = loops(48 * MIB)
    names = ("never", "never", "running-1", "running-50", "done-block")
    told = [nvme_log(name) for name in names]
    drive = Drive(loop, "sanitize-log", told, fill(loop, left or os.urandom(MIB)))
    entry = erase(loop, drive.probe(), **PLAN)
    assert (entry["outcome"], entry["reason"]) == ("erased", None)
    assert entry["method"] == "nvme_sanitize_block"
    # Once to see whether one runs, once before, and then until it is done.
    assert drive.seen == [LOG, LOG, BLOCK, LOG, LOG, LOG]
    first, last = entry["attempts"]
    assert (first["argv"], first["rc"], first["error"]) == (BLOCK, 0, None)
    assert first["tool"] == "nvme version 2.13 (git 2.13)"
    assert len(first["stderr_sha256"]) == 64
    assert first["status_before"]["state"] == "never"
    assert first["status_after"]["state"] == "completed"
    assert first["status_after"]["log"]["cdw10_info"] == 2
    assert first["canaries_changed"] == entry["canaries"]["n"] == 66
    assert entry["content_after"] == {"zero": 0, "ff": 0, "periodic": 0, "random": 0} | {kind: 66}
    assert (last["method"], last["rc"], last["error"]) == ("overwrite", 0, None)
    assert entry["limits"] == []
    assert loop.is_zero()


def test_progress_tells_how_far_the_drive_is(loops: Make) -> None:
    loop, seen = loops(48 * MIB), []

    class Heard(Progress):
        def at(self, phase: str, done: int, size: int) -> None:
            seen.append((phase, done, size))

    told = [nvme_log(name) for name in ("never", "never", "running-1", "running-50", "done-block")]
    drive = Drive(loop, "sanitize-log", told, fill(loop, b"\0"))
    erase(loop, drive.probe(), progress=Heard(), **PLAN)
    size = loop.size
    assert seen == [
        ("sanitizing", 0, size),
        ("sanitizing", round(size * 655 / 65536), size),
        ("sanitizing", size // 2, size),
    ]


@pytest.mark.parametrize(
    ("method", "argv", "log"),
    [
        ("nvme_sanitize_block", BLOCK, "done-block"),
        ("nvme_sanitize_block", BLOCK, "kept"),
        ("nvme_sanitize_overwrite", [*BLOCK[:3], "--sanact=3", "--owpass=1"], "done-overwrite"),
        ("nvme_sanitize_crypto", CRYPTO, "done-crypto"),
    ],
)
def test_each_action_is_what_the_controller_is_told(
    loops: Make, method: str, argv: list[str], log: str
) -> None:
    loop = loops(16 * MIB)
    drive = Drive(
        loop,
        "sanitize-log",
        [nvme_log("never"), nvme_log("never"), nvme_log(log)],
        fill(loop, b"\0"),
    )
    entry = erase(loop, drive.probe(), **(PLAN | {"method": method}))
    assert drive.erases == [argv]
    assert (entry["outcome"], entry["method"]) == ("erased", method)


def stale(first: str, after: str) -> list[tuple[int, str, str]]:
    return [nvme_log(first), nvme_log(first), nvme_log(after)]


@pytest.mark.parametrize(
    ("told", "answer", "words"),
    [
        # The drive answers "good" and keeps the data, its log full of an old success.
        (
            stale("done-block", "done-block"),
            (0, "", ""),
            "the device's success is that of an earlier erase: only 0 of 66 canaries changed",
        ),
        # A fresh success, and the canaries are still there.
        (
            stale("never", "done-block"),
            (0, "", ""),
            "the device reported success, but only 0 of 66 canaries changed",
        ),
        # The old success of another action.
        (stale("done-crypto", "done-crypto"), (0, "", ""), "another sanitize action"),
        # The log of libnvme 1.12: all zero, whatever the drive says.
        (stale("zeroed", "zeroed"), (0, "", ""), "the device knows nothing of it"),
        (stale("never", "failed"), (0, "", ""), "its sanitize log says that the last one failed"),
        (stale("never", "never"), nvme_refusal("invalid-opcode"), "Invalid Command Opcode"),
        (stale("done-block", "done-block"), nvme_refusal("invalid-opcode"), "code 1"),
        ([(1, "", "identify failed: Input/output error\n")], (0, "", ""), "Input/output error"),
        ([(0, "not json", "")], (0, "", ""), "does not tell its status"),
        ([(None, "", "nvme did not answer within 120 s")], (0, "", ""), "did not answer"),
    ],
)
def test_a_sanitize_that_did_not_happen_is_only_an_overwrite(
    loops: Make, told: list[Any], answer: Any, words: str
) -> None:
    loop = loops(48 * MIB)
    drive = Drive(loop, "sanitize-log", told, answer=answer)
    entry = erase(loop, drive.probe(), **PLAN)
    assert (entry["outcome"], entry["method"]) == ("erased", "overwrite")
    assert words in entry["attempts"][0]["error"]
    assert codes(entry) == ["fallback", "spare_area"]
    assert words in entry["limits"][0]["detail"]
    assert entry["content_after"] is None
    assert loop.is_zero()


@pytest.mark.parametrize("survivors", [1, 65])
def test_one_canary_that_is_left_is_enough(loops: Make, survivors: int) -> None:
    """A drive that erases the first part of itself only."""
    loop = loops(66 * MIB)
    told = stale("never", "done-block")

    def most() -> None:
        with Path(loop.path).open("r+b") as stream:
            stream.write(bytes(loop.size - survivors * MIB))

    entry = erase(loop, Drive(loop, "sanitize-log", told, most).probe(), **PLAN)
    assert entry["method"] == "overwrite"
    assert entry["attempts"][0]["canaries_changed"] < 66


def test_without_a_fallback_it_is_failed(loops: Make) -> None:
    loop = loops(48 * MIB)
    drive = Drive(loop, "sanitize-log", stale("done-block", "done-block"))
    entry = erase(loop, drive.probe(), **(PLAN | {"fallback": []}))
    assert entry["outcome"] == "failed"
    assert "the plan allows no other method" in entry["reason"]
    assert "earlier erase" in entry["reason"]


def test_the_next_method_is_tried_in_the_order_of_the_plan(loops: Make) -> None:
    loop = loops(48 * MIB)

    def deed() -> None:
        if drive.erases[-1] == CRYPTO:
            fill(loop, b"\xff")()

    told = [nvme_log(name) for name in ("never", "never", "failed", "failed", "done-crypto")]
    drive = Drive(loop, "sanitize-log", told, deed)
    plan = PLAN | {"fallback": ["nvme_sanitize_crypto", "overwrite"]}
    entry = erase(loop, drive.probe(), **plan)
    assert drive.erases == [BLOCK, CRYPTO]
    assert (entry["outcome"], entry["method"]) == ("erased", "nvme_sanitize_crypto")
    assert [a["method"] for a in entry["attempts"]] == [
        "nvme_sanitize_block",
        "nvme_sanitize_crypto",
        "overwrite",
    ]
    assert codes(entry) == ["fallback"]


def test_a_sanitize_that_never_ends_is_failed_and_says_so(loops: Make) -> None:
    """Recorded from an Intel 660p: 1 % for a week."""
    loop = loops(16 * MIB)
    told = [nvme_log("never"), nvme_log("never"), nvme_log("running-1")]
    drive = Drive(loop, "sanitize-log", told)
    entry = erase(loop, drive.probe(), **PLAN)
    assert entry["outcome"] == "failed"
    assert "erasing itself for more than 24 h" in entry["reason"]
    assert drive.erases == [BLOCK]
    assert drive.now > 86_400
    assert not loop.is_zero()


def test_a_sanitize_under_way_is_polled_and_not_sent_again(loops: Make) -> None:
    """After a power cut: the drive goes on by itself. Only then are canaries planted."""
    loop = loops(48 * MIB)
    names = ("running-1", "running-50", "running-50", "done-block", "done-block", "done-block")
    drive = Drive(loop, "sanitize-log", [nvme_log(name) for name in names], fill(loop, b"\0"))
    entry = erase(loop, drive.probe(), **PLAN)
    assert drive.seen == [LOG, LOG, LOG, LOG, LOG, BLOCK, LOG, LOG]
    resumed, fresh, _ = entry["attempts"]
    assert (resumed["argv"], resumed["rc"]) == ([], None)
    assert resumed["status_before"]["state"] == "in_progress"
    assert resumed["status_after"]["state"] == "completed"
    assert "under way when the work began" in resumed["error"]
    assert fresh["error"] is None
    assert (entry["outcome"], entry["method"]) == ("erased", "nvme_sanitize_block")


def test_a_drive_that_says_so_a_moment_later_is_waited_for(loops: Make) -> None:
    """Its log still tells of the last one when the command has just been accepted."""
    loop = loops(48 * MIB)
    names = ("done-block", "done-block", "done-block", "running-50", "done-block")

    def later() -> None:
        assert drive.now == 0
        fill(loop, b"\0")()

    drive = Drive(loop, "sanitize-log", [nvme_log(name) for name in names], later)
    entry = erase(loop, drive.probe(), **PLAN)
    assert drive.seen == [LOG, LOG, BLOCK, LOG, LOG, LOG]
    assert drive.now >= 10
    assert (entry["outcome"], entry["method"]) == ("erased", "nvme_sanitize_block")


def test_stopped_while_it_polls(loops: Make) -> None:
    loop, stop = loops(16 * MIB), threading.Event()
    told = [nvme_log("never"), nvme_log("never"), nvme_log("running-1")]
    drive = Drive(loop, "sanitize-log", told, stop.set)
    entry = erase(loop, drive.probe(), stop=stop, **PLAN)
    assert entry["outcome"] == "failed"
    assert entry["reason"].startswith("aborted:")


def test_another_disk_behind_the_file_is_not_overwritten(loops: Make) -> None:
    """A drive that came back from its erase as something else."""
    loop = loops(48 * MIB)
    drive = Drive(loop, "sanitize-log", stale("never", "done-block"), fill(loop, b"\xff"))
    honest = drive.probe()

    def identify(name: str) -> Any:
        now = honest.identify(name)
        return dataclasses.replace(now, serial="B2") if drive.erases else now

    probe = dataclasses.replace(honest, identify=identify)
    entry = erase(loop, probe, **PLAN)
    assert entry["outcome"] == "failed"
    assert "B2" in entry["reason"]
    assert [attempt["method"] for attempt in entry["attempts"]] == ["nvme_sanitize_block"]
    assert not loop.is_zero()


def test_stopped_while_a_command_blocks(loops: Make) -> None:
    loop, stop = loops(16 * MIB), threading.Event()
    drive = Drive(loop, "never asked", [(0, "", "")], stop.set)
    entry = erase(loop, drive.probe(), stop=stop, **(PLAN | {"method": "nvme_format"}))
    assert entry["outcome"] == "failed"
    assert entry["reason"].startswith("aborted:")
    assert [attempt["method"] for attempt in entry["attempts"]] == ["nvme_format"]


def test_other_namespaces_of_the_device_are_spared(loops: Make) -> None:
    loop = loops(16 * MIB)
    drive = Drive(loop, "sanitize-log", [nvme_log("never")])
    entry = erase(loop, drive.probe(namespaces=lambda _name: 3), **PLAN)
    assert drive.erases == []
    assert "the other 2 namespaces" in entry["limits"][0]["detail"]


@dataclasses.dataclass(frozen=True)
class Untidy(nvme_sanitize.Sanitize):
    """Leaves something behind, as a drive whose password cannot be taken off."""

    def tidy(self, at: Any) -> str | None:
        del at
        return "the drive has a password"


@pytest.mark.parametrize("stopped", [False, True])
def test_what_is_left_behind_fails_the_disk(
    loops: Make, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    loop, stop = loops(16 * MIB), threading.Event()
    monkeypatch.setattr(firmware, "FIRMWARE", {PLAN["method"]: Untidy(PLAN["method"])})
    told = stale("never", "running-1" if stopped else "done-block")
    deed = stop.set if stopped else fill(loop, b"\0")
    drive = Drive(loop, "sanitize-log", told, deed)
    entry = erase(loop, drive.probe(), stop=stop, **PLAN)
    assert entry["outcome"] == "failed"
    assert entry["reason"].endswith("the drive has a password")
    assert entry["attempts"][0]["error"] == "the drive has a password"


def test_a_controller_that_does_not_answer_is_only_an_overwrite(loops: Make) -> None:
    loop = loops(16 * MIB)
    drive = Drive(loop, "sanitize-log", [nvme_log("never")])
    entry = erase(loop, drive.probe(formatting=lambda _name: None), **PLAN)
    assert drive.seen == []
    assert (entry["outcome"], entry["method"]) == ("erased", "overwrite")
    assert "does not tell what it supports" in entry["limits"][0]["detail"]
