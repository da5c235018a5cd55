"""Triage: keep, repair or parts for each machine; healthy, failing or unknown for each disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspring_provision.triage import facts
from netspring_provision.triage.judge import judge_disk, judge_machine
from netspring_provision.triage.model import DiskVerdict, Health, MachineVerdict, Verdict

__all__ = ["DiskVerdict", "Health", "MachineVerdict", "Verdict", "disk_verdict", "machine_verdict"]


def disk_verdict(raw: Mapping[str, Any]) -> DiskVerdict:
    """The verdict over one entry of ``disks`` in a machine's facts. Raises nothing."""
    return judge_disk(facts.read_disk(raw))


def machine_verdict(raw: Mapping[str, Any], host: str | None = None) -> MachineVerdict:
    """The verdict over one machine's facts, called ``host``. Raises nothing."""
    return judge_machine(*facts.read(raw, host))
