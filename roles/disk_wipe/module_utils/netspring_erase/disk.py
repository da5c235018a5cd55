"""One disk, from the last check to its outcome.

The order is the rule (docs/decisions/0004-own-writer.md): check, open exclusively, check the open
file, plant canaries, erase, look at the canaries, overwrite, read back, check again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_erase import (
    ata_security,
    canaries,
    firmware,
    guard,
    health,
    hidden,
    opening,
    overwrite,
    sampling,
)
from ansible.module_utils.netspring_erase.evidence import Evidence
from ansible.module_utils.netspring_erase.failures import (
    AbortedError,
    DiskError,
    RefusedError,
)
from ansible.module_utils.netspring_erase.methods import OVERWRITE, Target
from ansible.module_utils.netspring_erase.probe import Probe
from ansible.module_utils.netspring_erase.progress import Progress


@dataclass(frozen=True)
class Order:
    """What to erase.

    Attributes:
        machine: this machine's part of the plan.
        disk: the disk's part of it.
        token_sha256: digest of the live token that the plan was made for.
        asides: attempts made for this disk before its own work began, such as ``unfreeze``.
    """

    machine: Mapping[str, Any]
    disk: Mapping[str, Any]
    token_sha256: str
    asides: tuple[Mapping[str, Any], ...] = ()


def erase(order: Order, probe: Probe, progress: Progress, stop: threading.Event) -> dict[str, Any]:
    """Erase one disk and prove it; returns its entry of the result and raises nothing.

    Args:
        order: what to erase.
        probe: how to ask the machine.
        progress: where to count.
        stop: set to abort at the next request.
    """
    evidence = Evidence(order.disk)
    evidence.attempts += [dict(aside) for aside in order.asides]
    try:
        _erase(order, probe, evidence, progress, stop)
    except RefusedError as refusal:
        evidence.ended("refused", str(refusal))
    except AbortedError:
        evidence.ended("failed", overwrite.ABORTED)
    except DiskError as failure:
        evidence.verify["first_error_offset"] = failure.offset  # of whichever phase it was
        evidence.ended("failed", str(failure))
    except OSError as error:
        path = evidence.seen["path"] or order.disk.get("path")
        evidence.ended("failed", f"{path}: {error.strerror or error}; {guard.AGAIN}")
    return evidence.as_dict()


def _erase(
    order: Order, probe: Probe, evidence: Evidence, progress: Progress, stop: threading.Event
) -> None:
    disk = _checked(order, probe, evidence)
    at = Target(disk, order.disk, probe, progress, stop)
    with probe.writable(disk.name), opening.exclusive(disk) as descriptor:
        opening.still_the_same(descriptor, disk, probe, RefusedError)
        evidence.seen["smart_before"] = probe.health(disk.path)
        firmware.finish_running(at, evidence)
        progress.begin("canaries", 0)
        work = firmware.Work(at, descriptor, [], evidence, touched=True)
        evidence.method = firmware.first_that_works(work)
        overwrite.overwrite(at, descriptor, evidence)
        evidence.canaries["changed"] = canaries.look(descriptor, work.planted).changed
        overwrite.verify(at, descriptor, evidence)
        if evidence.canaries["changed"] != len(work.planted):
            raise DiskError("canaries outlived the erase: destroy this disk physically")
        last = opening.still_the_same(descriptor, disk, probe, DiskError)
        evidence.seen["serial_end"] = last.serial
        opening.forget_partitions(descriptor)
    _judge_the_end(order, disk, probe, evidence)
    evidence.erased()


def _checked(order: Order, probe: Probe, evidence: Evidence) -> Identity:
    """Every interlock once more, here and now; raises RefusedError."""
    try:
        refusal = guard.machine_refusal(
            probe.live(), probe.uuid(), order.machine, order.token_sha256
        )
        present = probe.disks()
        refusal = refusal or guard.identity_refusal(order.disk, present)
        refusal = refusal or sampling.fault(order.disk.get("verify"))
        if refusal:
            raise RefusedError(refusal)
        disk = next(each for each in present if each.serial == order.disk["serial"])
        uses = probe.uses(disk.name)
        if not uses and ata_security.concerns(order.disk, disk):
            with opening.pinned(disk, probe):
                ata_security.recover(order.disk, disk, probe, evidence)
        ata = probe.ata(disk)
        refusal = guard.disk_refusal(disk, uses, ata, order.disk)
    except (OSError, ValueError) as error:
        path = order.disk.get("path")
        raise RefusedError(f"{path}: it cannot be checked ({error}); {guard.AGAIN}") from error
    if refusal:
        raise RefusedError(refusal)
    if hidden.wanted(order.disk, ata):
        with opening.pinned(disk, probe):
            hidden.reveal(order.disk, disk, ata, probe, evidence)
    evidence.seen |= {
        "path": disk.path,
        "by_id": probe.by_id(disk.name),
        "wwn": disk.wwn,
        "size_bytes": disk.size_bytes,
        "logical_block": disk.logical_block,
        "firmware": probe.firmware(disk.name),
        "security_before": ata.get("security"),
        "hpa_before": ata.get("hpa"),
        "dco": ata.get("dco"),
    }
    return disk


def _judge_the_end(order: Order, disk: Identity, probe: Probe, evidence: Evidence) -> None:
    """Health, capacity and password after the erase, and the limits of what was done.

    Raises:
        DiskError: one of them says that the disk is not erased, or not usable.
    """
    seen = evidence.seen
    seen["smart_after"] = probe.health(disk.path)
    fault = health.fault(seen["smart_before"], seen["smart_after"])
    if fault:
        raise DiskError(f"{disk.path}: {fault}: destroy it physically")
    ata = probe.ata(disk)
    seen["security_after"] = ata.get("security")
    seen["native_bytes"] = _native_bytes(disk, ata, probe)
    if seen["native_bytes"] not in (None, disk.size_bytes):
        raise DiskError(
            f"{disk.path}: it shows {disk.size_bytes} of its {seen['native_bytes']} bytes; "
            f"{guard.AGAIN}"
        )
    if any((ata.get("security") or {}).get(word) for word in ("enabled", "locked")):
        raise DiskError(f"{disk.path}: a password is still set on it; take it off, {guard.AGAIN}")
    _tell_limits(order, disk, probe, evidence)


def _native_bytes(disk: Identity, ata: Mapping[str, Any], probe: Probe) -> int | None:
    """True capacity, as in the facts: by ATA, or of a namespace that is all that its drive has."""
    if disk.bus == "sata":
        area = ata.get("hpa")
        return area["native_sectors"] * disk.logical_block if area else None
    whole = disk.bus == "virtio" or (disk.bus == "nvme" and probe.whole(disk.name))
    return disk.size_bytes if whole else None


def _tell_limits(order: Order, disk: Identity, probe: Probe, evidence: Evidence) -> None:
    """What was not reached, or is not known, whatever else went well."""
    seen = evidence.seen
    if evidence.method == OVERWRITE and order.disk.get("medium") != "hdd":
        evidence.limit("spare_area", "the spare area of flash is not reached by overwriting")
    replaced = health.replaced(seen["smart_before"], seen["smart_after"])
    if replaced:
        evidence.limit("reallocated", replaced)
    if disk.bus == "sata" and seen["native_bytes"] is None:
        evidence.limit("hpa_unknown", "the drive's native capacity could not be read")
    overlay = hidden.overlay_limit({"dco": seen["dco"], "hpa": seen["hpa_before"]}, disk)
    if overlay:
        evidence.limit(*overlay)
    card = probe.card(disk.name) if disk.bus == "mmc" else None
    together = {each.get("serial") for each in order.machine["disks"]}
    left = [
        area for area in (card or {}).get("boot_areas", ()) if _serial(probe, area) not in together
    ]
    if left:
        # After a resume the order holds only what was left: such an area may be erased already.
        evidence.limit("mmc_boot", f"not among the disks of this run: {', '.join(left)}")


def _serial(probe: Probe, path: str) -> str | None:
    """Who is behind a path now; names move from one start of the machine to the next."""
    try:
        return probe.identify(path.removeprefix("/dev/")).serial
    except OSError:
        return None
