"""NVMe Format on a loop device: only the tool is stood in for; the bytes are real.

What the tool says was recorded from nvme-cli 2.13 in a virtual PC.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.netspring_erase import nvme_format
from firmware_kit import MIB, NVME, Drive, fill, nvme_log
from loop_devices import Loop, erase

pytestmark = pytest.mark.loop
Make = Callable[..., Loop]
INVALID = "NVMe status: Invalid Format: The LBA Format specified is not supported(0x410a)"
SUCCESS = (0, "Success formatting namespace:1\n", "")
PLAN: dict[str, Any] = {
    "bus": "nvme",
    "medium": "ssd",
    "method": "nvme_format",
    "fallback": ["overwrite"],
}


def drive_of(loop: Loop, answer: tuple[int | None, str, str], deed: Any = lambda: None) -> Drive:
    """Format has no status to ask for; whether a Sanitize is under way is asked all the same."""
    return Drive(loop, "sanitize-log", [nvme_log("never")], deed, answer)


@pytest.mark.parametrize(("method", "ses"), [("nvme_format", 1), ("nvme_format_crypto", 2)])
@pytest.mark.parametrize("left", [b"\0", b"\xff", b"\x33\xcc\x55\xaa"])
def test_format_then_the_same_proof(loops: Make, left: bytes, method: str, ses: int) -> None:
    loop = loops(48 * MIB)
    drive = drive_of(loop, SUCCESS, fill(loop, left))
    entry = erase(loop, drive.probe(), **(PLAN | {"method": method}))
    assert (entry["outcome"], entry["method"]) == ("erased", method)
    assert drive.erases == [nvme_format.argv(loop.path, NVME, ses)]
    assert f"--ses={ses}" in drive.erases[0]
    assert [attempt["method"] for attempt in entry["attempts"]] == [method, "overwrite"]
    assert entry["attempts"][0]["status_after"] is None
    assert entry["attempts"][0]["canaries_changed"] == 66
    assert entry["canaries"]["changed"] == entry["canaries"]["n"] == 66
    assert entry["verify"]["bytes_read"] == loop.size
    assert entry["limits"] == []
    assert loop.is_zero()


@pytest.mark.parametrize(
    ("code", "out", "err", "word"),
    [
        (0, SUCCESS[1], "", "only 0 of 66 canaries changed"),  # a device that lies
        (1, "", INVALID, "The LBA Format specified is not supported"),
        (None, "", "nvme is not installed", "not installed"),
    ],
)
def test_failed_format_falls_back_to_the_weaker_claim(
    loops: Make, code: int, out: str, err: str, word: str
) -> None:
    loop = loops(48 * MIB)
    entry = erase(loop, drive_of(loop, (code, out, err)).probe(), **PLAN)
    assert (entry["outcome"], entry["method"]) == ("erased", "overwrite")
    assert word in entry["attempts"][0]["error"]
    assert [limit["code"] for limit in entry["limits"]] == ["fallback", "spare_area"]
    assert word in entry["limits"][0]["detail"]
    assert loop.is_zero()


def test_failed_format_without_a_fallback_is_failed(loops: Make) -> None:
    loop = loops(48 * MIB)
    drive = drive_of(loop, (1, "", INVALID))
    entry = erase(loop, drive.probe(), **(PLAN | {"fallback": []}))
    assert entry["outcome"] == "failed"
    assert "the plan allows no other method" in entry["reason"]


def test_format_that_would_touch_other_namespaces_is_not_sent(loops: Make) -> None:
    loop = loops(48 * MIB)
    drive = drive_of(loop, SUCCESS)
    every = dataclasses.replace(NVME, format_all_ns=True)
    probe = drive.probe(formatting=lambda _name: every, namespaces=lambda _name: 2)
    entry = erase(loop, probe, **PLAN)
    assert drive.erases == []
    assert (entry["outcome"], entry["method"]) == ("erased", "overwrite")
    assert "other 1 namespaces" in entry["limits"][0]["detail"]


def test_crypto_erase_is_not_sent_where_the_controller_has_none(loops: Make) -> None:
    loop = loops(48 * MIB)
    drive = drive_of(loop, SUCCESS)
    plain = dataclasses.replace(NVME, crypto_erase=False)
    probe = drive.probe(formatting=lambda _name: plain)
    entry = erase(loop, probe, **(PLAN | {"method": "nvme_format_crypto"}))
    assert drive.erases == []
    assert "no Format command with cryptographic erase" in entry["limits"][0]["detail"]
