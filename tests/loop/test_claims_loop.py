"""What the engine reports is what the station judges: the same entry, from bytes to claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from firmware_kit import MIB, Drive, fill, nvme_log, sense
from loop_devices import Loop, erase

from netspring_provision.claims import claim_of
from netspring_provision.proof import proof_gap

pytestmark = pytest.mark.loop
Make = Callable[..., Loop]
PURGE = "Purge technique (device-reported)"
NVME = {"bus": "nvme", "medium": "ssd", "fallback": ["overwrite"]}
SAS = {"bus": "scsi", "fallback": ["overwrite"]}
LOG = [nvme_log(name) for name in ("never", "never", "running-50", "done-block")]
STALE = [nvme_log("done-block")]
SENSE = [sense(name) for name in ("idle", "idle", "running", "idle")]
SAMPLED = {"mode": "sampled", "pitch_bytes": 8 * MIB, "length_bytes": MIB}


@pytest.mark.parametrize(
    ("plan", "asks", "status", "erases", "method", "level", "code"),
    [
        (NVME | {"method": "nvme_sanitize_block"}, "sanitize-log", LOG, True, None, PURGE, None),
        (
            NVME | {"method": "nvme_sanitize_block"},
            "sanitize-log",
            STALE,
            False,
            "overwrite",
            "Clear",
            "fallback",
        ),
        (
            SAS | {"medium": "ssd", "method": "scsi_sanitize_block"},
            "sg_requests",
            SENSE,
            True,
            None,
            PURGE,
            None,
        ),
        (
            SAS | {"medium": "hdd", "method": "scsi_sanitize_overwrite"},
            "sg_requests",
            SENSE,
            False,
            "overwrite",
            "Clear",
            "fallback",
        ),
        (
            NVME | {"method": "nvme_format"},
            "never asked",
            [(0, "", "")],
            True,
            None,
            "Clear",
            "spare_area",
        ),
        (
            NVME | {"method": "overwrite", "verify": SAMPLED},
            "never asked",
            [(0, "", "")],
            False,
            None,
            "Clear",
            "sampled",
        ),
    ],
)
def test_from_the_bytes_to_the_claim(
    loops: Make,
    plan: dict[str, Any],
    asks: str,
    status: list[Any],
    erases: bool,
    method: str | None,
    level: str,
    code: str | None,
) -> None:
    loop = loops(48 * MIB)
    deed = fill(loop, b"\xff") if erases else lambda: None
    drive = Drive(loop, asks, status, deed)
    entry = erase(loop, drive.probe(plan["bus"]), **plan)
    assert proof_gap(entry) is None
    done = method or plan["method"]
    claim = claim_of(plan["medium"], plan["bus"], done, entry)
    assert claim.level == level
    assert code is None or code in [limit.code for limit in claim.limits]
    # Never the claim of a method that did not do it.
    if method is not None:
        stronger = claim_of(plan["medium"], plan["bus"], plan["method"], entry)
        assert stronger.level == "none"


def test_a_failed_disk_has_no_claim(loops: Make) -> None:
    loop = loops(48 * MIB)
    drive = Drive(loop, "sanitize-log", STALE)
    plan = NVME | {"method": "nvme_sanitize_block", "fallback": []}
    entry = erase(loop, drive.probe(), **plan)
    assert proof_gap(entry) is not None
    assert claim_of("ssd", "nvme", "nvme_sanitize_block", entry).level == "none"
