"""One disk, from the last check to its outcome.

The order is the rule (docs/decisions/0004-own-writer.md): check, open exclusively, check the open
file, plant canaries, erase, look at the canaries, overwrite, read everything back, check again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_erase import blocks, canaries, guard, nvme_format
from ansible.module_utils.netspring_erase.evidence import Evidence, now
from ansible.module_utils.netspring_erase.failures import (
    AbortedError,
    DiskError,
    RefusedError,
)
from ansible.module_utils.netspring_erase.probe import Probe
from ansible.module_utils.netspring_erase.progress import Progress

BLKROGET = 0x125E  # linux/fs.h: is the device read-only?
BLKRRPART = 0x125F  # linux/fs.h: read the partition table again
READ_ONLY = "is read-only; open its write-protect switch, or destroy it physically"
ABORTED = "aborted: the writer was stopped before its end; plan and wipe again"


@dataclass(frozen=True)
class Order:
    """What to erase.

    Attributes:
        machine: this machine's part of the plan.
        disk: the disk's part of it.
        token_sha256: digest of the live token that the plan was made for.
    """

    machine: Mapping[str, Any]
    disk: Mapping[str, Any]
    token_sha256: str


def erase(order: Order, probe: Probe, progress: Progress, stop: threading.Event) -> dict[str, Any]:
    """Erase one disk and prove it; returns its entry of the result and raises nothing.

    Args:
        order: what to erase.
        probe: how to ask the machine.
        progress: where to count.
        stop: set to abort at the next request.
    """
    evidence = Evidence(order.disk)
    try:
        _erase(order, probe, evidence, progress, stop)
    except RefusedError as refusal:
        evidence.ended("refused", str(refusal))
    except AbortedError:
        evidence.ended("failed", ABORTED)
    except DiskError as failure:
        evidence.ended("failed", str(failure))
    except OSError as error:
        path = evidence.path or order.disk.get("path")
        evidence.ended("failed", f"{path}: {error.strerror or error}; {guard.AGAIN}")
    return evidence.as_dict()


def _erase(
    order: Order, probe: Probe, evidence: Evidence, progress: Progress, stop: threading.Event
) -> None:
    disk = _checked(order, probe, evidence)
    evidence.path, evidence.wwn, evidence.size_bytes = disk.path, disk.wwn, disk.size_bytes
    with _exclusive(disk) as descriptor:
        _still_the_same(descriptor, disk, probe, RefusedError)
        evidence.smart_before = probe.health(disk.path)
        progress.begin("canaries", 0)
        planted = canaries.plant(descriptor, disk.size_bytes)
        evidence.canaries |= {"n": len(planted), "written": len(planted)}
        evidence.method = "overwrite"
        if order.disk["method"] == "nvme_format":
            _format(order, disk, descriptor, planted, probe, evidence, progress, stop)
        _overwrite(descriptor, disk, evidence, progress, stop)
        if evidence.method == "overwrite":  # after a format its own count stands
            evidence.canaries["changed"] = canaries.count_changed(descriptor, planted)
        _verify(descriptor, disk, evidence, progress, stop)
        _still_the_same(descriptor, disk, probe, DiskError)
        if evidence.canaries["changed"] != len(planted):
            raise DiskError("canaries outlived the erase: destroy this disk physically")
        _forget_partitions(descriptor)
    evidence.smart_after = probe.health(disk.path)
    evidence.erased()


def _checked(order: Order, probe: Probe, evidence: Evidence) -> Identity:
    """Every interlock once more, here and now; raises RefusedError."""
    try:
        refusal = guard.machine_refusal(
            probe.live(), probe.uuid(), order.machine, order.token_sha256
        )
        present = probe.disks()
        refusal = refusal or guard.identity_refusal(order.disk, present)
        if refusal:
            raise RefusedError(refusal)
        disk = next(each for each in present if each.serial == order.disk["serial"])
        ata = probe.ata(disk)
        refusal = guard.disk_refusal(disk, probe.uses(disk.name), ata)
    except (OSError, ValueError) as error:
        path = order.disk.get("path")
        raise RefusedError(f"{path}: it cannot be checked ({error}); {guard.AGAIN}") from error
    if refusal:
        raise RefusedError(refusal)
    if disk.bus == "sata" and (ata.get("hpa") or {}).get("present") is None:
        evidence.limits.append("the drive's native capacity could not be read")
    if disk.bus == "mmc":
        evidence.limits.append("the boot areas of an eMMC are not reached")
    return disk


@contextmanager
def _exclusive(disk: Identity) -> Iterator[int]:
    """Open for direct I/O with the kernel's own exclusive claim: no mount, swap or holder."""
    try:
        descriptor = os.open(disk.path, os.O_RDWR | os.O_DIRECT | os.O_EXCL | os.O_CLOEXEC)
    except OSError as error:
        refusals = {
            errno.EBUSY: "is in use by something the kernel holds; boot the live environment again",
            errno.EROFS: READ_ONLY,
            errno.EACCES: READ_ONLY,
        }
        if error.errno in refusals:
            raise RefusedError(f"{disk.path} {refusals[error.errno]}") from error
        raise
    try:
        # Opening a read-only disk for writing succeeds on some kernels; only writes would fail.
        answer = fcntl.ioctl(descriptor, BLKROGET, struct.pack("i", 0))
        if struct.unpack("i", answer)[0]:
            raise RefusedError(f"{disk.path} {READ_ONLY}")
        yield descriptor
    finally:
        os.close(descriptor)


def _still_the_same(
    descriptor: int, disk: Identity, probe: Probe, failure: type[RefusedError | DiskError]
) -> None:
    """Ask who is behind the open file itself; the name may have gone to another disk meanwhile."""
    try:
        seen = probe.identify(probe.name_of_descriptor(descriptor))
        length = os.lseek(descriptor, 0, os.SEEK_END)
    except OSError as error:
        raise failure(f"{disk.path} (serial {disk.serial}) vanished; {guard.AGAIN}") from error
    was = (disk.serial, disk.wwn, disk.size_bytes)
    now_is = (seen.serial, seen.wwn, seen.size_bytes)
    if now_is != was or length != disk.size_bytes:
        raise failure(f"{disk.path} is now {now_is}, it was {was}; {guard.AGAIN}")


def _format(
    order: Order,
    disk: Identity,
    descriptor: int,
    planted: list[canaries.Canary],
    probe: Probe,
    evidence: Evidence,
    progress: Progress,
    stop: threading.Event,
) -> None:
    """NVMe Format; if it does not do what it says, fall back to the weaker claim or fail."""
    how = probe.formatting(disk.name)
    fault = nvme_format.unsuitable(how, probe.namespaces(disk.name))
    if fault is None and how is not None:
        progress.begin("formatting", 0)
        argv, started = nvme_format.argv(disk.path, how), now()
        said = probe.run(argv, nvme_format.TIMEOUT_MS / 1000 + 60)
        attempt = {"method": "nvme_format", "argv": argv, "rc": said.code, "started": started}
        evidence.attempts.append(attempt)
        if stop.is_set():
            raise AbortedError
        _still_the_same(descriptor, disk, probe, DiskError)
        changed = canaries.count_changed(descriptor, planted)
        if said.code != 0:
            fault = f"nvme format failed: {said.err.strip() or said.out.strip()}"
        elif changed != len(planted):
            fault = f"nvme format reported success, but only {changed} of {len(planted)} changed"
        else:
            evidence.method, evidence.canaries["changed"] = "nvme_format", changed
        attempt |= {"finished": now(), "canaries_changed": changed, "error": fault}
    else:
        evidence.attempts.append({"method": "nvme_format", "argv": [], "rc": None, "error": fault})
    if fault is None:
        return
    if "overwrite" not in order.disk.get("fallback", ()):
        raise DiskError(f"{disk.path}: {fault}, and the plan allows no other method")
    evidence.limits.append(f"secure erase was not possible ({fault}); erased by overwrite only")


def _overwrite(
    descriptor: int, disk: Identity, evidence: Evidence, progress: Progress, stop: threading.Event
) -> None:
    """One pass of zeros over the whole disk."""
    attempt: dict[str, Any] = {"method": "overwrite", "argv": [], "rc": None, "started": now()}
    evidence.attempts.append(attempt)
    progress.begin("overwriting", disk.size_bytes, passes_left=1)
    start = time.monotonic()
    try:
        blocks.write_zeros(descriptor, disk.size_bytes, progress, stop)
    except (AbortedError, DiskError) as error:
        attempt |= {"rc": 1, "finished": now(), "error": str(error) or ABORTED}
        raise
    evidence.seconds_write = round(time.monotonic() - start, 3)
    attempt |= {"rc": 0, "finished": now(), "error": None}


def _verify(
    descriptor: int, disk: Identity, evidence: Evidence, progress: Progress, stop: threading.Event
) -> None:
    """Read every byte back from the medium; anything but zero, or an error, fails the disk."""
    progress.begin("verifying", disk.size_bytes)
    start = time.monotonic()
    try:
        seen = blocks.read_back(descriptor, disk.size_bytes, progress, stop)
    except DiskError:
        evidence.verify["read_errors"] = 1  # the first one ends the read-back
        raise
    evidence.seconds_verify = round(time.monotonic() - start, 3)
    evidence.verify |= {"bytes_read": seen.bytes_read, "nonzero": seen.nonzero}
    if seen.nonzero or seen.bytes_read != disk.size_bytes:
        raise DiskError(
            f"{seen.nonzero} bytes are not zero after the erase, the first near byte "
            f"{seen.first_nonzero}: the disk does not keep what is written, destroy it physically"
        )


def _forget_partitions(descriptor: int) -> None:
    """Let the kernel see the empty partition table; what follows does not depend on it."""
    with suppress(OSError):
        fcntl.ioctl(descriptor, BLKRRPART)
