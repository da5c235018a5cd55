"""Read what ``netspring inspect`` found out: the facts of one machine, or of many."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from netspring_provision.triage import smartctl
from netspring_provision.triage.model import Battery, MachineReading, Reading
from netspring_provision.triage.values import at, number, rows, text, yes

# Numbers that the inspect module reads itself, by their names in rules.yml.
# EXT_CSD of an eMMC (JEDEC JESD84-B51, 7.4.44 and 7.4.45): life in steps, spare blocks.
LIFE_PAST = 11
PRE_EOL, PRE_EOL_URGENT = (1, 2, 3), 3
SUMMARY = {"pending": "pending", "hours": "hours"}


def is_facts(document: object) -> bool:
    """Whether this is the ``facts`` payload of one machine."""
    return isinstance(document, Mapping) and {"disks", "system", "cpu"} <= set(document)


def is_inspection(document: object) -> bool:
    """Whether this is what ``netspring inspect --json`` prints."""
    machines = document.get("machines") if isinstance(document, Mapping) else None
    return isinstance(machines, Mapping) and all(is_facts(one) for one in machines.values())


def read(
    raw: Mapping[str, Any], name: str | None = None, file: str | None = None
) -> tuple[MachineReading, tuple[Reading, ...] | None]:
    """One machine and its disks; ``None`` instead of disks where the facts have none to tell."""
    files = (file,) if file else ()
    system = raw.get("system")
    batteries = raw.get("batteries")
    vendor, product = text(at(system, "vendor")), text(at(system, "product"))
    title = " ".join(word for word in (vendor, product) if word)
    machine = MachineReading(
        name=name or title or "machine",
        memory_bytes=number(raw.get("memory_bytes")),
        cpu=text(at(raw, "cpu", "model")),
        x86_64=yes(at(raw, "cpu", "x86_64")),
        batteries=tuple(
            Battery(
                text(one.get("name")) or "BAT", number(one.get("full")), number(one.get("design"))
            )
            for one in rows(batteries)
            if yes(one.get("present")) is not False
        )
        if isinstance(batteries, list)
        else None,
        files=files,
    )
    disks = raw.get("disks")
    if not isinstance(disks, list):
        return machine, None
    return machine, tuple(read_disk(disk, file) for disk in rows(disks) if not _is_part(disk))


def _is_part(raw: Mapping[str, Any]) -> bool:
    """The areas of an eMMC are erased on their own, but are no disks to be judged."""
    return bool(re.fullmatch(r"mmcblk\d+(boot|gp)\d+", text(raw.get("name")) or ""))


def read_disk(raw: Mapping[str, Any], file: str | None = None) -> Reading:
    """One entry of ``disks`` in the facts. Raises nothing."""
    answer = raw.get("smartctl")
    summary = raw.get("smart")
    bus = text(raw.get("bus")) or "unknown"
    numbers = {
        name: count
        for key, name in SUMMARY.items()
        if (count := number(at(summary, key))) is not None
    }
    for key, name in _names(bus):
        count = number(at(summary, key))
        if count is not None:
            numbers[name] = count
    if yes(at(raw, "security", "locked")) is True:
        numbers["locked"] = 1
    seen = Reading(
        path=text(raw.get("path")),
        model=text(raw.get("model")),
        serial=text(raw.get("serial")),
        medium=_medium(raw, bus),
        bus=bus,
        size_bytes=number(raw.get("size_bytes")),
        passed=yes(at(summary, "passed")),
        numbers=numbers,
        removable=yes(raw.get("removable")) is True or bus == "usb",
        files=(file,) if file else (),
    )
    wear = raw.get("wear")
    if isinstance(wear, Mapping):
        seen = _with_wear(seen, wear)
    if not isinstance(answer, Mapping):
        return seen
    # The summary counts the same things less carefully: it only fills in what is missing.
    asked = smartctl.read(answer)
    known = {name: count for name, count in seen.numbers.items() if name not in asked.numbers}
    return dataclasses.replace(seen, numbers=known).merged(asked)


def _with_wear(seen: Reading, wear: Mapping[str, Any]) -> Reading:
    """An eMMC judges itself by its register PRE_EOL_INFO, and tells its life in steps of ten."""
    numbers = dict(seen.numbers)
    values = wear.get("life_time")
    steps = [number(step) for step in values] if isinstance(values, list) else []
    # 0 is "not defined". Step 1 is up to 10 %, and step 11 is past the end.
    known = [min(step, LIFE_PAST) for step in steps if step]
    if known:
        numbers["worn_percent"] = (max(known) - 1) * 10
    end = number(wear.get("pre_eol"))
    passed = seen.passed
    if end in PRE_EOL:
        numbers["spare_low"] = int(end == PRE_EOL_URGENT)
        passed = end != PRE_EOL_URGENT and passed is not False
    return dataclasses.replace(seen, numbers=numbers, passed=passed)


def _names(bus: str) -> tuple[tuple[str, str], ...]:
    """The summary's ``reallocated`` and ``uncorrectable`` mean other things on other buses."""
    if bus == "nvme":
        return (("uncorrectable", "media_errors"),)
    if bus == "scsi":
        return (("reallocated", "grown_defects"), ("uncorrectable", "scsi_uncorrected"))
    return (("reallocated", "reallocated"), ("uncorrectable", "uncorrectable"))


def _medium(raw: Mapping[str, Any], bus: str) -> str:
    """Rotation as the kernel guesses it behind bridges and in virtual PCs is not believed."""
    medium = text(raw.get("medium")) or "unknown"
    return medium if bus in ("sata", "nvme", "mmc", "scsi") else "unknown"
