"""SANITIZE of SCSI and SAS drives, secure discard of cards: exact commands, and how they lie."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.netspring_erase import disk
from firmware_kit import MIB, Drive, fill, sense
from loop_devices import Loop, erase, order_of

pytestmark = pytest.mark.loop
Make = Callable[..., Loop]
PLAN: dict[str, Any] = {"medium": "ssd", "fallback": ["overwrite"]}
SCSI = PLAN | {"bus": "scsi", "method": "scsi_sanitize_block"}


def codes(entry: dict[str, Any]) -> list[str]:
    return [limit["code"] for limit in entry["limits"]]


def test_a_method_is_not_sent_on_another_bus(loops: Make) -> None:
    loop = loops(16 * MIB)
    drive = Drive(loop, "sg_requests", [sense("idle")])
    entry = erase(loop, drive.probe("sata"), **(SCSI | {"bus": "sata"}))
    # Only the question of its own bus, whether it is erasing itself.
    assert drive.seen == [["hdparm", "--sanitize-status", loop.path]]
    assert "it is not for disks on bus sata" in entry["limits"][0]["detail"]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("scsi_sanitize_block", ["--block"]),
        ("scsi_sanitize_overwrite", ["--overwrite", "--zero"]),
        ("scsi_sanitize_crypto", ["--crypto"]),
    ],
)
def test_scsi_sanitize_is_polled_until_the_drive_is_quiet(
    loops: Make, method: str, options: list[str]
) -> None:
    loop = loops(48 * MIB)
    names = ("idle", "idle", "running", "becoming-ready", "low-power")
    drive = Drive(loop, "sg_requests", [sense(name) for name in names], fill(loop, b"\0"))
    entry = erase(loop, drive.probe("scsi"), **(SCSI | {"method": method}))
    assert drive.erases == [["sg_sanitize", *options, "--quick", "--early", loop.path]]
    assert (entry["outcome"], entry["method"]) == ("erased", method)
    first = entry["attempts"][0]
    assert first["tool"] == "sg_sanitize: version: 1.22 20230622"
    assert first["status_after"] == {
        "sense": "No Sense: Low power condition on",
        "state": "completed",
    }
    assert first["canaries_changed"] == 66


@pytest.mark.parametrize(
    ("told", "answer", "words"),
    [
        (["idle"], (9, "", "Sanitize failed: Illegal request, Invalid opcode\n"), "Invalid opcode"),
        (["idle"], (0, "", ""), "the device reported success, but only 0 of 66 canaries changed"),
        (["idle", "idle", "failed"], (0, "", ""), "Medium Error: Sanitize command failed"),
        (["idle", "idle", "becoming-ready"], (0, "", ""), "process of becoming ready"),
    ],
)
def test_a_scsi_sanitize_that_did_not_happen(
    loops: Make, told: list[str], answer: Any, words: str
) -> None:
    """Among them the answer of QEMU's scsi-hd, which has no SANITIZE."""
    loop = loops(48 * MIB)
    drive = Drive(loop, "sg_requests", [sense(name) for name in told], answer=answer)
    entry = erase(loop, drive.probe("scsi"), **SCSI)
    assert (entry["outcome"], entry["method"]) == ("erased", "overwrite")
    assert words in entry["attempts"][0]["error"]
    assert codes(entry) == ["fallback", "spare_area"]
    if answer[0] != 0:  # quiet after a command that was not accepted is not "completed"
        assert entry["attempts"][0]["status_after"]["state"] == "never"


def test_scsi_progress_is_asked_where_the_words_do_not_tell_it(loops: Make) -> None:
    loop = loops(16 * MIB)
    ask = ["sg_requests", loop.path]
    percent = (0, "Progress indication: 24.31% done\n", "")
    told = [sense("idle"), sense("idle"), sense("running-descriptor"), percent, sense("idle")]
    drive = Drive(loop, "sg_requests", told, fill(loop, b"\0"))
    entry = erase(loop, drive.probe("scsi"), **SCSI)
    assert entry["outcome"] == "erased"
    progress = ["sg_requests", "--progress", loop.path]
    assert drive.seen[3:] == [ask, progress, ask]


def test_secure_discard_of_a_card(loops: Make) -> None:
    loop = loops(48 * MIB)
    card = {"type": "MMC", "secure_discard": True, "boot_areas": ["/dev/mmcblk0boot0"]}
    drive = Drive(loop, "never asked", [(0, "", "")], fill(loop, b"\xff"))
    plan = PLAN | {"bus": "mmc", "medium": "flash", "method": "discard_secure"}
    entry = erase(loop, drive.probe("mmc", card=lambda _name: card), **plan)
    assert drive.seen == [["blkdiscard", "--secure", "--force", loop.path]]
    assert (entry["outcome"], entry["method"]) == ("erased", "discard_secure")
    assert entry["attempts"][0]["status_after"] is None
    assert entry["content_after"]["ff"] == 66
    assert codes(entry) == ["mmc_boot"]
    assert "/dev/mmcblk0boot0" in entry["limits"][0]["detail"]


def test_a_boot_area_of_the_same_plan_is_known_by_its_serial(loops: Make) -> None:
    """Cards change their names from one start to the next."""
    loop = loops(16 * MIB)
    areas = ["/dev/mmcblk1boot0", "/dev/mmcblk1boot1"]
    drive = Drive(loop, "never asked", [(0, "", "")])
    plain = drive.probe("mmc", card=lambda _name: {"type": "MMC", "boot_areas": areas})

    def identify(name: str) -> Any:
        area = name.startswith("mmcblk1")
        seen = plain.identify(loop.name if area else name)
        return dataclasses.replace(seen, serial=f"A1-{name[7:]}") if area else seen

    planned = loop.planned(bus="mmc", medium="flash")
    together = planned | {"serial": "A1-boot0", "path": "/dev/mmcblk0boot0"}
    order = order_of(planned, disks=[planned, together])
    probe = dataclasses.replace(plain, identify=identify)
    entry = disk.erase(order, probe, disk.Progress(), threading.Event())
    assert entry["outcome"] == "erased"
    told = [limit["detail"] for limit in entry["limits"] if limit["code"] == "mmc_boot"]
    assert told == ["not among the disks of this run: /dev/mmcblk1boot1"]


@pytest.mark.parametrize(
    ("card", "answer", "words"),
    [
        ({"secure_discard": False}, (0, "", ""), "no secure discard"),
        (
            {"secure_discard": True},
            (1, "", "blkdiscard: /dev/mmcblk0: BLKSECDISCARD ioctl failed: Not supported"),
            "BLKSECDISCARD ioctl failed",
        ),
        # Plain discard on ide-hd and cards: exit code 0, and the data is still there.
        ({"secure_discard": True}, (0, "", ""), "only 0 of 66 canaries changed"),
    ],
)
def test_a_secure_discard_that_did_not_happen(
    loops: Make, card: dict[str, Any], answer: Any, words: str
) -> None:
    loop = loops(48 * MIB)
    whole = {"type": "MMC", "boot_areas": []} | card
    drive = Drive(loop, "never asked", [(0, "", "")], answer=answer)
    plan = PLAN | {"bus": "mmc", "medium": "flash", "method": "discard_secure"}
    entry = erase(loop, drive.probe("mmc", card=lambda _name: whole), **plan)
    assert (entry["outcome"], entry["method"]) == ("erased", "overwrite")
    assert words in entry["limits"][0]["detail"]
