"""Whether the first machine of a batch has come as far as the others wait for.

The canary host of wiping.md, 5 (7): a wrong inventory, plan or program shows on one machine and
not on thirty. It has passed as soon as every planned disk was found fit, opened, and has its
canaries planted and read back: seconds after its begin, not hours.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_erase import job
from ansible.module_utils.netspring_erase.progress import last_line

# Phases that a disk reaches only behind its planted and read back canaries.
BEHIND = frozenset({"sanitizing", "formatting", "overwriting", "verifying"})
BETWEEN = 0.2  # seconds between two looks


@dataclass(frozen=True)
class Standing:
    """How far a machine, or one of its disks, came.

    Attributes:
        passed: True or False; None while that is open.
        reason: why it did not pass.
    """

    passed: bool | None
    reason: str | None = None


def standing(plan_id: str, root: Path = job.ROOT) -> Standing:
    """Where the job of a plan stands now: passed once every disk has, failed once one has."""
    folder = root / plan_id
    # In this order: a job that ends in between has then left its results.
    at_work = job.lock_holder(root) == plan_id
    try:
        order = json.loads((folder / "job.json").read_text())
    except FileNotFoundError:
        return Standing(False, f"plan {plan_id} was not begun since this machine was started")
    seen = [_disk(folder, planned, at_work=at_work) for planned in order["machine"]["disks"]]
    bad = [each for each in seen if each.passed is False]
    if bad:
        return Standing(False, "; ".join(str(each.reason) for each in bad))
    return Standing(True if seen and all(each.passed for each in seen) else None)


def _disk(folder: Path, planned: Mapping[str, Any], *, at_work: bool) -> Standing:
    serial, name = planned["serial"], f"{planned.get('path')} (serial {planned['serial']})"
    try:
        entry = json.loads(job.result_file(folder, serial).read_text())
    except (FileNotFoundError, ValueError):
        if not at_work:
            return Standing(False, f"{name} ended without a report")
        phase = (last_line(job.progress_file(folder, serial)) or {}).get("phase")
        return Standing(True if phase in BEHIND else None)
    if entry.get("outcome") == "erased":
        return Standing(True)
    return Standing(False, f"{name} {entry.get('outcome')}: {entry.get('reason')}")


def look(plan_id: str, seconds: float, root: Path = job.ROOT) -> Standing:
    """The standing as soon as it is decided; what is open after ``seconds`` seconds has failed."""
    deadline = time.monotonic() + seconds
    while True:
        found = standing(plan_id, root)
        if found.passed is not None:
            return found
        if time.monotonic() >= deadline:
            return Standing(False, f"its canaries were not in place after {seconds:.0f} s")
        time.sleep(BETWEEN)
