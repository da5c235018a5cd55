"""Interlocks, as pure functions: why a machine or a disk must not be touched, or None.

Each text names the device, the reason and the way out. They are asked on the machine itself,
immediately before a disk is opened, whatever the station has checked before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.netspring_disks.identity import Identity

METHODS = ("overwrite", "nvme_format")
AGAIN = "plan again"
BOOT_LIVE = "boot it from the live environment of this station, then plan again"


def plan_fault(plan_id: str, machine: Mapping[str, Any]) -> str | None:
    """What is wrong with the plan itself: it is refused rather than half understood."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", plan_id):
        return f"the plan's id {plan_id!r} is not a plain word; {AGAIN}"
    disks = machine.get("disks")
    if not isinstance(disks, list) or not disks:
        return f"the plan names no disk of this machine; {AGAIN}"
    for disk in disks:
        if not isinstance(disk, Mapping) or not isinstance(disk.get("size_bytes"), int):
            return f"the plan does not describe a disk by serial and size; {AGAIN}"
        if disk.get("method") not in METHODS:
            return f"{disk.get('path')}: the method {disk.get('method')!r} is unknown; {AGAIN}"
        if not str(disk.get("serial") or "").strip():
            return f"{disk.get('path')}: it has no serial number in the plan; handle it by hand"
    serials = [disk["serial"] for disk in disks]
    if len(set(serials)) != len(serials):
        return "the plan names the same serial twice; handle these disks by hand"
    return None


def machine_refusal(
    live: Mapping[str, Any], uuid: str | None, machine: Mapping[str, Any], token_sha256: str
) -> str | None:
    """Whether this is the planned machine, running the live environment of this station."""
    if live.get("marker") is not True:
        return f"this machine does not run the live environment (no marker); {BOOT_LIVE}"
    if not token_sha256 or live.get("token_sha256") is None:
        return f"the live token is missing on the kernel command line; {BOOT_LIVE}"
    if live["token_sha256"] != token_sha256:
        return f"this machine runs the live environment of another station; {BOOT_LIVE}"
    if not uuid or uuid != str(machine.get("uuid") or "").lower():
        planned = machine.get("uuid") or "none"
        return f"this machine has the UUID {uuid or 'none'}, the plan is for {planned}; {AGAIN}"
    return None


def identity_refusal(planned: Mapping[str, Any], present: Sequence[Identity]) -> str | None:
    """Whether exactly the planned disk is here: same serial, size, WWN and bus."""
    serial, path = planned["serial"], planned.get("path")
    mine = [disk for disk in present if disk.serial == serial]
    if not mine:
        there = next((disk for disk in present if disk.path == path), None)
        found = f"{path} now has the serial {there.serial or 'none'}" if there else "it is gone"
        return f"{path}: the disk with serial {serial} was planned, but {found}; {AGAIN}"
    if len(mine) > 1:
        paths = " and ".join(disk.path for disk in mine)
        return f"{paths} have the same serial {serial}; take one out and handle it by hand"
    disk = mine[0]
    for what, was, now in (
        ("size in bytes", planned["size_bytes"], disk.size_bytes),
        ("WWN", planned.get("wwn"), disk.wwn),
        ("bus", planned.get("bus", disk.bus), disk.bus),
    ):
        if was != now:
            return f"{disk.path} (serial {serial}): its {what} is {now}, planned was {was}; {AGAIN}"
    return None


def disk_refusal(
    disk: Identity, uses: Sequence[Mapping[str, str]], ata: Mapping[str, Any]
) -> str | None:
    """Whether the disk is free to be erased and shows all it has."""
    name = f"{disk.path} (serial {disk.serial})"
    if uses:
        listed = "; ".join(f"{use['kind']}: {use['detail']}" for use in uses)
        return f"{name} is in use ({listed}); stop what uses it, or boot the live environment again"
    if disk.read_only:
        return f"{name} is read-only; open its write-protect switch, or destroy it physically"
    if disk.size_bytes <= 0:
        return f"{name} reports no capacity; it is broken: destroy it physically"
    if (ata.get("security") or {}).get("locked"):
        return f"{name} is locked by a password; unlock it with that password, or destroy it"
    area = ata.get("hpa") or {}
    if area.get("present"):
        hidden = area["native_sectors"] - area["current_sectors"]
        return (
            f"{name} hides {hidden} sectors (HPA) that an erase would not reach; show them with "
            f"hdparm -N p{area['native_sectors']} {disk.path}, power-cycle, then {AGAIN}"
        )
    return None
