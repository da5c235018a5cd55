"""Interlocks, as pure functions: why a machine or a disk must not be touched, or None.

Each text names the device, the reason and the way out. They are asked on the machine itself,
immediately before a disk is opened, whatever the station has checked before. docs/interlocks.md
lists them all, with the place where each is asked and the test that proves it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.netspring_disks.identity import Identity

METHODS = (
    "overwrite",
    "nvme_format",
    "nvme_format_crypto",
    "nvme_sanitize_block",
    "nvme_sanitize_overwrite",
    "nvme_sanitize_crypto",
    "ata_sanitize_block",
    "ata_sanitize_overwrite",
    "ata_sanitize_crypto",
    "ata_security_erase",
    "ata_security_erase_enhanced",
    "scsi_sanitize_block",
    "scsi_sanitize_overwrite",
    "scsi_sanitize_crypto",
    "discard_secure",
)
# Every word that a plan may say of a disk. A plan with another one was made by another version,
# and what that word asks for would be left undone here without anybody knowing.
DISK_FIELDS = frozenset(
    {
        "path",
        "serial",
        "wwn",
        "size_bytes",
        "native_bytes",
        "model",
        "bus",
        "medium",
        "method",
        "fallback",
        "claim",
        "media_claims",
        "estimate_seconds",
        "estimates",
        "notes",
        "verify",
        "remove_hpa",
        "unfreeze",
        "opt_in",
    }
)
SWITCHES = ("remove_hpa", "unfreeze", "opt_in")
# What anybody may have plugged in: erased only where the operator named its serial (--usb).
NAMED_ONLY = ("usb", "unknown")
AGAIN = "plan again"
BOOT_LIVE = "boot it from the live environment of this station, then plan again"
UNLOCK = (
    "unlock it with that password in the PC's BIOS setup, or, where its label shows a PSID, revert "
    "it with: sedutil-cli --yesIreallywanttoERASEALLmydatausingthePSID PSID {path}; else destroy "
    "it physically"
)
ANOTHER_VERSION = f"it was made by another version of netspring; {AGAIN}"


def plan_fault(plan_id: str, machine: Mapping[str, Any]) -> str | None:
    """What is wrong with the plan itself: it is refused rather than half understood."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", plan_id):
        return f"the plan's id {plan_id!r} is not a plain word; {AGAIN}"
    disks = machine.get("disks")
    if not isinstance(disks, list) or not disks:
        return f"the plan names no disk of this machine; {AGAIN}"
    for disk in disks:
        if not isinstance(disk, Mapping) or not _whole(disk.get("size_bytes")):
            return f"the plan does not describe a disk by serial and size; {AGAIN}"
        fault = _method_fault(disk) or _serial_fault(disk) or _word_fault(disk)
        if fault:
            return f"{disk.get('path')}: {fault}"
    serials = [disk["serial"] for disk in disks]
    if len(set(serials)) != len(serials):
        return "the plan names the same serial twice; handle these disks by hand"
    return None


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _serial_fault(disk: Mapping[str, Any]) -> str | None:
    serial = disk.get("serial")
    if isinstance(serial, str) and serial.strip(" 0.-_"):
        return None
    return "it has no serial number in the plan; handle it by hand"


def _method_fault(disk: Mapping[str, Any]) -> str | None:
    fallback = disk.get("fallback", [])
    if not isinstance(fallback, list | tuple):
        return f"its fallback {fallback!r} is no list of methods; {ANOTHER_VERSION}"
    for method in (disk.get("method"), *fallback):
        if method not in METHODS:
            return f"the method {method!r} is unknown; {ANOTHER_VERSION}"
    return None


def _word_fault(disk: Mapping[str, Any]) -> str | None:
    """Another word of the plan, or what it says with it, that is not known here."""
    unknown = sorted(map(str, set(disk) - DISK_FIELDS))
    if unknown:
        return f"the plan says {', '.join(unknown)} of it, which is unknown; {ANOTHER_VERSION}"
    if not isinstance(disk.get("bus"), str):
        return f"the plan does not say on which bus it is; {AGAIN}"
    for name in SWITCHES:
        if disk.get(name) not in (None, True, False):
            return f"{name} is {disk[name]!r}, neither true nor false; {ANOTHER_VERSION}"
    return _verify_fault(disk.get("verify"))


def _verify_fault(verify: object) -> str | None:
    """How it is to be read back: in full, or by a grid whose pitch and length are whole numbers."""
    if verify is None:
        return None
    if isinstance(verify, Mapping) and set(verify) <= {"mode", "pitch_bytes", "length_bytes"}:
        pitch, length = verify.get("pitch_bytes"), verify.get("length_bytes")
        if verify.get("mode") == "full" and pitch is None and length is None:
            return None
        grid = verify.get("mode") == "sampled" and _whole(pitch) and _whole(length)
        if grid and 0 < length <= pitch:
            return None
    return f"the plan asks for the read-back {verify!r}, which is unknown; {ANOTHER_VERSION}"


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
    """Whether exactly the planned disk is here: same serial, size, WWN and bus, and may be erased.

    The bus is the one on which the machine finds the disk now, so that a disk in a USB box is never
    erased as anything else.
    """
    serial, path = planned["serial"], planned.get("path")
    mine = [disk for disk in present if disk.serial == serial]
    if not mine:
        there = next((disk for disk in present if disk.path == path), None)
        found = f"{path} now has the serial {there.serial or 'none'}" if there else "it is gone"
        return f"{path}: the disk with serial {serial} was planned, but {found}; {AGAIN}"
    if len(mine) > 1:
        paths = " and ".join(disk.path for disk in mine)
        if mine[0].wwn is not None and len({disk.wwn for disk in mine}) == 1:
            return (
                f"{paths} have the same serial {serial} and WWN: two paths to one disk "
                f"(multipath); leave one path connected, then {AGAIN}"
            )
        return f"{paths} have the same serial {serial}; take one out and handle it by hand"
    disk = mine[0]
    for what, was, now in (
        ("size in bytes", planned["size_bytes"], disk.size_bytes),
        ("WWN", planned.get("wwn"), disk.wwn),
        ("bus", planned.get("bus"), disk.bus),
    ):
        if was != now:
            return f"{disk.path} (serial {serial}): its {what} is {now}, planned was {was}; {AGAIN}"
    if disk.bus in NAMED_ONLY and planned.get("opt_in") is not True:
        return (
            f"{disk.path} (serial {serial}) is a disk on bus {disk.bus} that nobody named; to "
            f"erase it too, {AGAIN} with --usb {serial}"
        )
    return None


def disk_refusal(
    disk: Identity,
    uses: Sequence[Mapping[str, str]],
    ata: Mapping[str, Any],
    planned: Mapping[str, Any] | None = None,
) -> str | None:
    """Whether the disk is free to be erased and shows all it has.

    Args:
        disk: the disk as the kernel sees it now.
        uses: by what it is in use now.
        ata: its ``security`` and ``hpa`` (wiping.md, 1: a locked drive is not erasable).
        planned: its part of the plan; a hidden area is refused unless it says ``remove_hpa``.
    """
    name = f"{disk.path} (serial {disk.serial})"
    if uses:
        listed = "; ".join(f"{use['kind']}: {use['detail']}" for use in uses)
        return f"{name} is in use ({listed}); stop what uses it, or boot the live environment again"
    if disk.read_only:
        return f"{name} is read-only; open its write-protect switch, or destroy it physically"
    if disk.size_bytes <= 0:
        return f"{name} reports no capacity; it is broken: destroy it physically"
    security = ata.get("security") or {}
    if security.get("locked"):
        return f"{name} is locked by a password; {UNLOCK.format(path=disk.path)}"
    if security.get("enabled"):  # it is open now and would be locked again at its next power-on
        return f"{name} has a password set; take it off in the PC's BIOS setup, then {AGAIN}"
    area = ata.get("hpa") or {}
    if area.get("present") and (planned or {}).get("remove_hpa") is not True:
        hidden = area["native_sectors"] - area["current_sectors"]
        return (
            f"{name} hides {hidden} sectors (HPA) that an erase would not reach; {AGAIN} with "
            f"--remove-hpa, or show them with hdparm -N p{area['native_sectors']} {disk.path}, "
            f"power-cycle, then {AGAIN}"
        )
    return None
