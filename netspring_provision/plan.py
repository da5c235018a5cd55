"""Facts in, wipe plan out. Pure: nothing here reads a clock, a file or a machine.

Methods and claims follow NIST SP 800-88r2 and the table in docs/decisions/0004-own-writer.md:
an overwrite is *Clear*; on flash it does not reach the spare area and says so; an NVMe format with
a secure erase setting is *Clear* too, proven afterwards by overwrite and full read-back.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from netspring_provision.model import (
    Claim,
    Disk,
    Facts,
    MachinePlan,
    Plan,
    PlannedDisk,
    RefusedDisk,
    RefusedMachine,
    Requirement,
)

LIFETIME = dt.timedelta(minutes=30)
# Sequential rates of old drives (bytes/s), for the estimate only: a 2.5" disk of 2010 does 60 MB/s
# on average over its surface, a SATA SSD about 300, NVMe 900; USB 2 moves at most 30.
RATES = {"usb": 30e6, "nvme": 900e6, "ssd": 300e6, "hdd": 60e6, "flash": 15e6, "unknown": 60e6}
SPARE = "spare area not reached: flash keeps cells that no command can address"
REALLOCATED = "sectors that the drive had already set aside are not reached"
HIDDEN_UNKNOWN = "whether the drive hides a part of itself (HPA) could not be read"
GIB = 1 << 30


def make_plan(
    facts: Iterable[Facts],
    *,
    now: dt.datetime,
    plan_id: str,
    inventory: str,
    token_sha256: str,
    requirements: Mapping[str, Requirement] | None = None,
    expected_uuids: Mapping[str, str] | None = None,
    usb_serials: Iterable[str] = (),
    unreachable: Iterable[RefusedMachine] = (),
) -> Plan:
    """Decide for every disk of every machine: how it will be erased, or why not.

    Args:
        facts: one per machine that answered.
        now: the station's clock, aware.
        plan_id: unique name of the plan.
        inventory: as given to ``-i``.
        token_sha256: digest of this station's live token; a machine with another is refused.
        requirements: image requirements by host; a machine below them is refused before any wipe.
        expected_uuids: SMBIOS UUID by host where the inventory names one.
        usb_serials: serials of USB disks that the operator opted in.
        unreachable: machines without facts, with the reason.

    Every disk of the facts ends in ``disks`` or ``refused`` of its machine, and every machine in
    ``machines`` or ``refused`` of the plan.
    """
    known = tuple(facts)
    duplicates = _duplicates(known)
    allowed_usb = frozenset(usb_serials)
    machines: list[MachinePlan] = []
    refused = list(unreachable)
    for machine in known:
        requirement = (requirements or {}).get(machine.host)
        reason = _machine_refusal(
            machine, token_sha256, requirement, (expected_uuids or {}).get(machine.host), known
        ) or _serial_refusal(machine, duplicates)
        if reason is not None:
            refused.append(RefusedMachine(machine.host, *reason))
            continue
        machines.append(_plan_machine(machine, allowed_usb, requirement))
    body = tuple(machines)
    return Plan(
        plan_id=plan_id,
        created=now.isoformat(timespec="seconds"),
        expires=(now + LIFETIME).isoformat(timespec="seconds"),
        inventory=inventory,
        confirm=confirm_phrase(body, plan_id),
        token_sha256=token_sha256,
        machines=body,
        refused=tuple(refused),
    )


def confirm_phrase(machines: Iterable[MachinePlan], plan_id: str) -> str:
    """The phrase to type: who, how many disks, and four digits that belong to these serials."""
    chosen = [m for m in machines if m.disks]
    disks = sum(len(m.disks) for m in chosen)
    if not disks:
        return ""
    who = chosen[0].host if len(chosen) == 1 else f"{len(chosen)} MACHINES"
    bound = "\n".join([plan_id, *sorted(d.serial for m in chosen for d in m.disks)])
    digits = hashlib.sha256(bound.encode()).hexdigest()[:4].upper()
    return f"ERASE {disks} DISK{'S' if disks > 1 else ''} OF {who} {digits}"


def _duplicates(facts: Iterable[Facts]) -> frozenset[str]:
    """Serials that more than one disk of the whole batch carries."""
    counted = Counter(d.serial for m in facts for d in m.disks if d.serial)
    return frozenset(serial for serial, count in counted.items() if count > 1)


def _serial_refusal(machine: Facts, duplicates: frozenset[str]) -> tuple[str, str] | None:
    for disk in machine.disks:
        if not disk.serial:
            return (
                f"{disk.path} ({disk.model}) reports no serial number",
                "it cannot be told from another disk: take it out and erase or destroy it by hand",
            )
        if disk.serial in duplicates:
            return (
                f"{disk.path} has the serial {disk.serial}, and so has another disk of this batch",
                "take one of the two disks out and handle it by hand",
            )
    return None


def _machine_refusal(
    machine: Facts,
    token_sha256: str,
    requirement: Requirement | None,
    expected_uuid: str | None,
    batch: tuple[Facts, ...],
) -> tuple[str, str] | None:
    if not machine.live_marker or machine.live_token_sha256 is None:
        return (
            "it is not running the live environment (marker or token is missing)",
            "boot it from the live environment of this station, then plan again",
        )
    if machine.live_token_sha256 != token_sha256:
        return (
            "it runs the live environment of another station (its token is not ours)",
            "boot it from the live environment of this station, then plan again",
        )
    if machine.uuid is None:
        return (
            "its firmware reports no UUID, so a plan cannot be bound to it",
            "set the UUID with the maker's tool, or handle this machine by hand",
        )
    if sum(1 for other in batch if other.uuid == machine.uuid) > 1:
        return (
            f"another machine of this batch has the same UUID {machine.uuid}",
            "handle the two one after the other, with --limit",
        )
    if expected_uuid is not None and expected_uuid.lower() != machine.uuid:
        return (
            f"the inventory expects UUID {expected_uuid}, the machine says {machine.uuid}",
            "the cable or the inventory points to another PC: correct one of them",
        )
    if not machine.disks:
        return ("it has no disk", "check the disk's cables, or put a disk in")
    if requirement is not None and machine.memory_bytes < requirement.minimum_memory_bytes:
        return (
            f"it has {_gib(machine.memory_bytes)} of memory, and the image {requirement.image} "
            f"needs {_gib(requirement.minimum_memory_bytes)}",
            "add memory, or choose a lighter profile",
        )
    if requirement is not None and install_target(machine, requirement) is None:
        return (
            f"no disk of it is large enough for the image {requirement.image}, which needs "
            f"{_gib(requirement.minimum_disk_bytes)}",
            "put in a larger disk, or choose a lighter profile",
        )
    return None


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"


def disk_refusal(disk: Disk, allowed_usb: frozenset[str]) -> tuple[str, str] | None:
    """Why this disk must not be touched, with the way out; ``None`` when it may be."""
    if disk.uses:
        listed = "; ".join(f"{use.kind}: {use.detail}" for use in disk.uses)
        return (f"in use ({listed})", "stop what uses it, or boot the live environment again")
    if disk.read_only:
        return ("read-only", "open its write-protect switch, or destroy it")
    if disk.size_bytes <= 0:
        return ("reports no capacity", "the drive is broken or a card slot is empty: take it out")
    if disk.bus in ("usb", "unknown") and disk.serial not in allowed_usb:
        kind = "a USB disk" if disk.bus == "usb" else "on a bus that cannot be told (perhaps USB)"
        return (
            f"{kind}, which may be somebody's own",
            f"to erase it too, add --usb {disk.serial} to the plan",
        )
    if disk.security_locked:
        return ("locked by a password", "unlock it with that password, or destroy it")
    hidden = disk.native_bytes is not None and disk.native_bytes != disk.size_bytes
    if disk.hpa_present or hidden:
        return (
            "a part of it is hidden (HPA)",
            f"show it with: hdparm -N p<native sectors> {disk.path}; power-cycle, plan again",
        )
    return None


def method_for(disk: Disk) -> tuple[str, tuple[str, ...]]:
    """The method and its fallbacks, strongest first, by what the device says it supports."""
    if disk.bus == "nvme" and disk.nvme_secure_erase:
        return "nvme_format", ("overwrite",)
    return "overwrite", ()


def claim_for(disk: Disk) -> Claim:
    """What may be said once the method is proven; an unknown medium is treated as flash."""
    limits = [REALLOCATED]
    if disk.medium != "hdd":
        limits.insert(0, SPARE)
    if disk.bus == "sata" and disk.hpa_present is None and disk.native_bytes is None:
        limits.append(HIDDEN_UNKNOWN)
    return Claim("Clear", tuple(limits))


def estimate_seconds(disk: Disk) -> int:
    """Rough time for one write pass and one read-back, seconds."""
    rate = RATES.get(disk.bus) or RATES.get(disk.medium, RATES["unknown"])
    return max(1, round(2 * disk.size_bytes / rate))


def install_target(machine: Facts, requirement: Requirement | None = None) -> Disk | None:
    """The disk that the image goes to: fixed, large enough, and bootable by old firmware.

    A BIOS of these years boots from SATA, not from NVMe; on UEFI the faster medium wins. Among
    equals the first in the machine's own order.
    """
    minimum = requirement.minimum_disk_bytes if requirement else 0
    fit = [
        d
        for d in machine.disks
        if d.size_bytes >= minimum and not d.removable and disk_refusal(d, frozenset()) is None
    ]
    by_bios = {"sata": 0, "virtio": 1, "scsi": 1, "nvme": 2}
    by_uefi = {"nvme": 0, "sata": 1, "virtio": 2, "scsi": 2}
    order = by_uefi if machine.firmware == "uefi" else by_bios
    fit.sort(key=lambda d: (order.get(d.bus, 9), d.medium == "hdd"))
    return fit[0] if fit else None


def _plan_machine(
    machine: Facts, allowed_usb: frozenset[str], requirement: Requirement | None
) -> MachinePlan:
    disks: list[PlannedDisk] = []
    refused: list[RefusedDisk] = []
    for disk in machine.disks:
        reason = disk_refusal(disk, allowed_usb)
        if reason is not None or disk.serial is None:
            refused.append(
                RefusedDisk(disk.path, disk.serial, *(reason or ("no serial number", "by hand")))
            )
            continue
        method, fallback = method_for(disk)
        disks.append(
            PlannedDisk(
                path=disk.path,
                serial=disk.serial,
                wwn=disk.wwn,
                size_bytes=disk.size_bytes,
                model=disk.model,
                bus=disk.bus,
                medium=disk.medium,
                method=method,
                fallback=fallback,
                claim=claim_for(disk),
                estimate_seconds=estimate_seconds(disk),
            )
        )
    target = install_target(machine, requirement)
    return MachinePlan(
        host=machine.host,
        uuid=machine.uuid or "",
        serial=machine.serial,
        boot_id=machine.boot_id,
        install_disk=target.serial if target else None,
        disks=tuple(disks),
        refused=tuple(refused),
    )
