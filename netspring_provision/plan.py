"""Facts in, wipe plan out. Pure: nothing here reads a clock, a file or a machine.

Here stands what may be touched; how it is erased is chosen in methods.py, and what may then be said
of it in claims.py.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from netspring_provision.claims import level_of, limits_of
from netspring_provision.methods import (
    CARD_AREA,
    Policy,
    estimate_seconds,
    hidden_bytes,
    methods_for,
    needs_unfreeze,
    notes_for,
)
from netspring_provision.model import (
    Claim,
    Disk,
    Facts,
    Failure,
    Limit,
    MachinePlan,
    Plan,
    PlannedDisk,
    RefusedDisk,
    RefusedMachine,
    Requirement,
)
from netspring_provision.refusals import OPT_IN, disk_refusal, unseen_refusal

LIFETIME = dt.timedelta(minutes=30)
GIB = 1 << 30
DEFAULT = Policy()


def make_plan(
    facts: Iterable[Facts],
    *,
    now: dt.datetime,
    plan_id: str,
    inventory: str,
    token_sha256: str,
    requirements: Mapping[str, Requirement] | None = None,
    expected_uuids: Mapping[str, str] | None = None,
    policy: Policy = DEFAULT,
    warnings: Mapping[str, Limit] | None = None,
    failed: Mapping[str, Failure] | None = None,
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
        policy: what the operator allows beyond the default.
        warnings: what is to be told of a disk before time is spent on it, by serial.
        failed: disks whose wipe failed before, by serial; refused, but for those of the policy.
        unreachable: machines without facts, with the reason.

    Every disk of the facts ends in ``disks`` or ``refused`` of its machine, and every machine in
    ``machines`` or ``refused`` of the plan.

    Raises:
        ValueError: the policy's percentage is none.
    """
    known = tuple(facts)
    duplicates = _duplicates(known)
    machines: list[MachinePlan] = []
    refused = list(unreachable)
    for machine in known:
        requirement = (requirements or {}).get(machine.host)
        expected = (expected_uuids or {}).get(machine.host)
        reason = _machine_refusal(
            machine, token_sha256, requirement, expected, known, policy
        ) or _serial_refusal(machine, duplicates)
        if reason is not None:
            refused.append(RefusedMachine(machine.host, *reason))
            continue
        machines.append(_plan_machine(machine, policy, requirement, warnings or {}, failed or {}))
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
    policy: Policy,
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
    unseen = unseen_refusal(machine)
    if unseen is not None:
        return unseen
    if not machine.disks:
        return ("it has no disk", "check the disk's cables, or put a disk in")
    if requirement is not None and machine.memory_bytes < requirement.minimum_memory_bytes:
        return (
            f"it has {_gib(machine.memory_bytes)} of memory, and the image {requirement.image} "
            f"needs {_gib(requirement.minimum_memory_bytes)}",
            "add memory, or choose a lighter profile",
        )
    if requirement is not None and install_target(machine, requirement, policy) is None:
        return (
            f"no disk of it is large enough for the image {requirement.image}, which needs "
            f"{_gib(requirement.minimum_disk_bytes)}",
            "put in a larger disk, or choose a lighter profile",
        )
    return None


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"


def install_target(
    machine: Facts,
    requirement: Requirement | None = None,
    policy: Policy = DEFAULT,
    failed: Mapping[str, Failure] | None = None,
) -> Disk | None:
    """The disk that the image goes to: fixed, large enough, and bootable by old firmware.

    A BIOS of these years boots from SATA, not from NVMe; on UEFI the faster medium wins. Among
    equals the first in the machine's own order.
    """
    minimum = requirement.minimum_disk_bytes if requirement else 0
    fixed = dataclasses.replace(policy, usb_serials=frozenset())
    fit = [
        d
        for d in machine.disks
        if d.size_bytes + hidden_bytes(d) >= minimum
        and not (d.removable or CARD_AREA.search(d.path))
        and disk_refusal(d, fixed, failed) is None
    ]
    by_bios = {"sata": 0, "virtio": 1, "scsi": 1, "nvme": 2}
    by_uefi = {"nvme": 0, "sata": 1, "virtio": 2, "scsi": 2}
    order = by_uefi if machine.firmware == "uefi" else by_bios
    fit.sort(key=lambda d: (order.get(d.bus, 9), d.medium == "hdd"))
    return fit[0] if fit else None


def _plan_machine(
    machine: Facts,
    policy: Policy,
    requirement: Requirement | None,
    warnings: Mapping[str, Limit],
    failed: Mapping[str, Failure],
) -> MachinePlan:
    disks: list[PlannedDisk] = []
    refused: list[RefusedDisk] = []
    for disk in machine.disks:
        reason = disk_refusal(disk, policy, failed)
        if reason is not None or disk.serial is None:
            refused.append(
                RefusedDisk(disk.path, disk.serial, *(reason or ("no serial number", "by hand")))
            )
            continue
        told = [warnings[disk.serial]] if disk.serial in warnings else []
        if disk.serial in failed:
            failure = failed[disk.serial]
            told.append(Limit("retried", f"{failure.time[:10]}: {failure.reason}"))
        disks.append(_plan_disk(disk, disk.serial, policy, told))
    target = install_target(machine, requirement, policy, failed)
    return MachinePlan(
        host=machine.host,
        uuid=machine.uuid or "",
        serial=machine.serial,
        vendor=machine.vendor,
        product=machine.product,
        boot_id=machine.boot_id,
        install_disk=target.serial if target else None,
        disks=tuple(disks),
        refused=tuple(refused),
    )


def _plan_disk(disk: Disk, serial: str, policy: Policy, told: list[Limit]) -> PlannedDisk:
    methods = methods_for(disk, policy)
    read_back = policy.read_back()
    known: dict[str, Any] = {
        "native_bytes": disk.native_bytes,
        "size_bytes": disk.size_bytes + hidden_bytes(disk),
        "dco": disk.raw.get("dco"),
        "logical_block": disk.raw.get("logical_block"),
        "verify": dataclasses.asdict(read_back),
    }
    claims = {
        method: Claim(
            level_of(disk.medium, method), limits_of(disk.medium, disk.bus, method, known)
        )
        for method in methods
    }
    estimates = {method: estimate_seconds(disk, method, read_back) for method in methods}
    return PlannedDisk(
        path=disk.path,
        serial=serial,
        wwn=disk.wwn,
        size_bytes=disk.size_bytes,
        native_bytes=disk.native_bytes,
        model=disk.model,
        bus=disk.bus,
        medium=disk.medium,
        method=methods[0],
        fallback=methods[1:],
        claim=claims[methods[0]],
        media_claims=claims,
        estimate_seconds=estimates[methods[0]],
        estimates=estimates,
        verify=read_back,
        remove_hpa=bool(hidden_bytes(disk)),
        unfreeze=needs_unfreeze(disk, policy),
        opt_in=disk.bus in OPT_IN,
        notes=(*told, *notes_for(disk, methods, policy)),
    )
