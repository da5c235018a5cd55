"""Whole reports of disks of every kind, and every place in them that is evidence."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import samples

from netspring_provision.methods import Policy
from netspring_provision.model import MachinePlan, PlannedDisk

ALL = {"block": True, "overwrite": True, "crypto": True}
SECURITY = {"supported": True, "enabled": False, "locked": False, "frozen": False, "enhanced": True}
FACTS: dict[str, dict[str, Any]] = {
    "hdd": {},
    "ssd": {"medium": "ssd", "sanitize": ALL},
    "ssd_ase": {"medium": "ssd", "sanitize": {}, "security": SECURITY},
    "nvme": {
        "path": "/dev/nvme0n1",
        "bus": "nvme",
        "medium": "ssd",
        "nvme": {"secure_erase": True, "crypto_erase": True, "sanitize_block": True},
    },
    "sas": {"bus": "scsi", "sanitize": ALL},
    "emmc": {"bus": "mmc", "medium": "flash", "mmc": {"secure_discard": True}},
    "stick": {"bus": "usb", "medium": "flash", "native_bytes": None},
    "hpa": {"native_bytes": 161 * samples.GB},
}
DEFAULT = Policy(usb_serials=frozenset({"stick"}), ata_secure_erase=True, remove_hpa=True)
SAMPLED = Policy(usb_serials=frozenset({"stick"}), remove_hpa=True, sampled_percent=10)


def machine(policy: Policy = DEFAULT) -> MachinePlan:
    """A machine with one disk of each kind, its serial the name of the kind."""
    disks = [
        samples.disk(name, **({"path": f"/dev/{name}"} | facts)) for name, facts in FACTS.items()
    ]
    (planned,) = samples.plan(samples.facts(*disks), policy=policy).machines
    return planned


def planned_disks() -> dict[str, PlannedDisk]:
    """Every kind, read back in full, and those that are also planned with samples."""
    full = {disk.serial: disk for disk in machine().disks}
    some = {f"{d.serial}-sampled": d for d in machine(SAMPLED).disks if d.serial in ("hdd", "nvme")}
    return full | some


PLANNED = planned_disks()

# What a report holds besides evidence: it may be anything without making the disk less erased.
# ``smart_before`` is not here: it is what ``smart_after`` is held against.
BESIDE = {
    "path", "model", "content_after", "firmware", "hpa_before", "dco", "limits", "security_before",
    "argv", "started", "finished", "tool", "stderr_sha256", "status_before", "passed",
    "reallocated", "smart_before",
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a report, containers too."""
    if path:
        yield path
    inside: Any = ()
    if isinstance(value, Mapping):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, below in inside:
        yield from places(below, (*path, key))


def evidence_places(entry: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The places of a report that are evidence of erasure."""
    found = []
    for path in places(entry):
        attempt = entry["attempts"][path[1]] if path[0] == "attempts" and len(path) > 1 else None
        looked_at = attempt is None or attempt["method"] != "overwrite" or path[-1] in (
            0, 1, "method", "rc", "error"
        )  # fmt: skip
        status = path[-1] == "status_after" and attempt and attempt["status_after"] is None
        if not BESIDE & set(path) and looked_at and not status and path != ("security_after",):
            found.append(path)
    return found


def value_at(entry: Any, path: tuple[Any, ...]) -> Any:
    """What stands at a place."""
    for step in path:
        entry = entry[step]
    return entry


def changed(
    entry: Mapping[str, Any], path: tuple[Any, ...], deed: Callable[[Any, Any], None]
) -> dict[str, Any]:
    """A copy of a report after a deed to the container and the key of one place."""
    made = copy.deepcopy(dict(entry))
    deed(value_at(made, path[:-1]), path[-1])
    return made


def with_value(entry: Mapping[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy of a report with another value at one place."""
    return changed(entry, path, lambda parent, key: parent.__setitem__(key, value))


def without(entry: Mapping[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """A copy of a report in which one place is missing."""
    return changed(entry, path, lambda parent, key: parent.__delitem__(key))
