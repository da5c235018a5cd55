"""What the eraser really reports, judged by the station: the two must speak the same language.

The bytes are those of loop devices; the drives' tools are replayed (firmware_kit.py).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from firmware_kit import MIB, Drive, fill, nvme_log, nvme_refusal, sense
from loop_devices import Loop, erase

from netspring_provision.claims import CLEAR, PURGE, claim_of, level_of
from netspring_provision.methods import Policy
from netspring_provision.model import Claim, PlannedDisk, ReadBack
from netspring_provision.outcome import evidence_gap

pytestmark = pytest.mark.loop
Make = Callable[..., Loop]


def planned_for(loop: Loop, *methods: str, bus: str, medium: str, **changes: Any) -> PlannedDisk:
    """The disk's part of a plan, as the station writes it."""
    claims = {method: Claim(level_of(medium, method), ()) for method in methods}
    return PlannedDisk(
        **{
            "path": loop.path,
            "serial": loop.serial,
            "wwn": None,
            "size_bytes": loop.size,
            "native_bytes": loop.size if bus == "nvme" else None,
            "model": "LOOP",
            "bus": bus,
            "medium": medium,
            "method": methods[0],
            "fallback": methods[1:],
            "claim": claims[methods[0]],
            "media_claims": claims,
            "estimate_seconds": 1,
            "estimates": dict.fromkeys(methods, 1),
            "verify": ReadBack(),
            "remove_hpa": False,
            "unfreeze": False,
            "opt_in": bus == "unknown",
            "notes": (),
        }
        | changes
    )


def reported(loop: Loop, disk: PlannedDisk, *given: Any) -> dict[str, Any]:
    """The entry of this very plan, through JSON both ways, as it travels."""
    body = json.loads(json.dumps(dataclasses.asdict(disk)))
    entry: dict[str, Any] = json.loads(json.dumps(erase(loop, *given, **body)))
    return entry


def said(disk: PlannedDisk, entry: dict[str, Any]) -> tuple[str, list[str]]:
    claim = claim_of(disk.medium, disk.bus, str(entry["method"]), entry)
    return claim.level, [limit.code for limit in claim.limits]


@pytest.mark.parametrize("medium", ["hdd", "unknown"])
def test_an_overwrite(loops: Make, medium: str) -> None:
    loop = loops(16 * MIB)
    disk = planned_for(loop, "overwrite", bus="unknown", medium=medium)
    entry = reported(loop, disk)
    assert evidence_gap(disk, entry) is None
    spare = [] if medium == "hdd" else ["spare_area"]
    assert said(disk, entry) == (CLEAR, [*spare, "reallocated", "hpa_unknown"])


@pytest.mark.parametrize("size", [64 * MIB, 37 * MIB + 512, 3 * MIB], ids=str)
def test_samples(loops: Make, size: int) -> None:
    loop = loops(size)
    grid = Policy(sampled_percent=20).read_back()
    disk = planned_for(loop, "overwrite", bus="unknown", medium="hdd", verify=grid)
    entry = reported(loop, disk)
    assert evidence_gap(disk, entry) is None
    assert said(disk, entry) == (CLEAR, ["reallocated", "hpa_unknown", "sampled"])
    in_full = dataclasses.replace(disk, verify=ReadBack())
    assert "planned was full" in str(evidence_gap(in_full, entry))


NVME = ("nvme_sanitize_block", "nvme_format", "overwrite")


def test_a_sanitize_that_happened_is_a_purge_technique(loops: Make) -> None:
    loop = loops(16 * MIB)
    told = [nvme_log(name) for name in ("never", "never", "running-50", "done-block")]
    drive = Drive(loop, "sanitize-log", told, fill(loop, b"\xff"))
    disk = planned_for(loop, *NVME, bus="nvme", medium="ssd")
    entry = reported(loop, disk, drive.probe())
    assert evidence_gap(disk, entry) is None
    assert said(disk, entry) == (PURGE, ["device_word"])


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        (["done-block"], (0, "", "")),
        (["never", "never", "failed"], (0, "", "")),
        (["never"], nvme_refusal("invalid-opcode")),
    ],
    ids=["an old success", "failed", "not accepted"],
)
def test_a_sanitize_that_did_not_is_none_and_says_so(
    loops: Make, told: list[str], answer: Any
) -> None:
    loop = loops(16 * MIB)
    drive = Drive(loop, "sanitize-log", [nvme_log(name) for name in told], answer=answer)
    disk = planned_for(loop, "nvme_sanitize_block", "overwrite", bus="nvme", medium="ssd")
    entry = reported(loop, disk, drive.probe())
    assert evidence_gap(disk, entry) is None
    assert said(disk, entry) == (CLEAR, ["spare_area", "reallocated", "fallback"])
    # Whoever edits the report cannot make more of it: the device's word or a canary is missing.
    assert said(disk, entry | {"method": "nvme_sanitize_block"})[0] == "none"


def test_where_only_a_format_was_planned_no_overwrite_is_believed(loops: Make) -> None:
    loop = loops(16 * MIB)
    disk = planned_for(loop, "nvme_format", bus="nvme", medium="ssd")
    drive = Drive(loop, "sanitize-log", [nvme_log("never")], fill(loop, b"\0"))
    entry = reported(loop, disk, drive.probe())
    assert evidence_gap(disk, entry) is None
    assert said(disk, entry) == (CLEAR, ["spare_area", "reallocated"])
    overwritten = entry | {"method": "overwrite"}
    assert "overwrite was not planned" in str(evidence_gap(disk, overwritten))


def test_sanitize_of_a_sas_disk(loops: Make) -> None:
    loop = loops(16 * MIB)
    told = [sense(name) for name in ("idle", "idle", "running", "idle")]
    drive = Drive(loop, "sg_requests", told, fill(loop, b"\0"))
    disk = planned_for(loop, "scsi_sanitize_overwrite", "overwrite", bus="scsi", medium="hdd")
    entry = reported(loop, disk, drive.probe("scsi"))
    assert evidence_gap(disk, entry) is None
    assert said(disk, entry) == (PURGE, ["device_word", "hpa_unknown"])
