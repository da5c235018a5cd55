"""The machine around the disk: is this the live environment, is it ours, is there enough memory."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.netspring_disks import machine
from ansible.module_utils.netspring_install import disks
from ansible.module_utils.netspring_install.clock import Clock
from ansible.module_utils.netspring_install.errors import RefusedError
from ansible.module_utils.netspring_install.manifest import Manifest

# What firmware, kernel and a graphics chip take away from the RAM that was bought.
MEMORY_SLACK = 0.85


@dataclass(frozen=True)
class Host:
    """Where the program looks; tests point it at folders and loop devices of their own.

    Attributes:
        marker: exists only in the live environment.
        cmdline: the kernel's command line.
        meminfo: the kernel's account of memory.
        run: our folder in RAM: progress, result, mount points.
        list_disks: tells the whole disks of this machine.
        clock: what may be set; none unless the program's entry gives it, so that no test sets one.
    """

    marker: Path = Path("/run/netspring-live")
    cmdline: Path = Path("/proc/cmdline")
    meminfo: Path = Path("/proc/meminfo")
    run: Path = Path("/run/netspring/install")
    list_disks: Callable[[], tuple[disks.Disk, ...]] = disks.list_disks
    clock: Clock | None = None


def check_live(host: Host, token_sha256: str) -> None:
    """Refuse anywhere but in the live environment that this very station started.

    Raises:
        RefusedError: no marker, no token, or the token of another station.
    """
    start_live = "nothing was written; start the machine from this station's live environment"
    if not host.marker.exists():
        raise RefusedError("this machine is not in the live environment", start_live)
    found = machine.token_sha256(host.cmdline.read_text())
    if not found or not hmac.compare_digest(found, token_sha256.lower()):
        raise RefusedError(
            "the live environment was started without this station's token", start_live
        )


def check_memory(host: Host, manifest: Manifest) -> int:
    """Refuse a machine with less RAM than the profile needs; returns what there is, in bytes.

    Raises:
        RefusedError: too little, or it cannot be read.
    """
    try:
        memory = machine.memory_bytes(host.meminfo.read_text())
    except ValueError as error:
        raise RefusedError(
            f"the machine's memory could not be read: {error}",
            hint="nothing was written; start it anew from the live environment",
        ) from error
    if memory < manifest.minimum_memory_bytes * MEMORY_SLACK:
        raise RefusedError(
            f"the machine has {memory >> 20} MiB of RAM, profile {manifest.profile} needs"
            f" {manifest.minimum_memory_bytes >> 20} MiB",
            hint="nothing was written; add memory, or choose a smaller profile for this machine",
        )
    return memory


def check_disk_size(disk: disks.Disk, manifest: Manifest) -> None:
    """Refuse a disk smaller than the manifest says.

    Raises:
        RefusedError: it is too small.
    """
    if disk.size < manifest.minimum_disk_bytes:
        raise RefusedError(
            f"{disk.path} ({disk.serial}) has {disk.size >> 20} MiB, image {manifest.name} needs"
            f" {manifest.minimum_disk_bytes >> 20} MiB",
            hint="nothing was written; put in a larger disk, or choose a smaller profile",
        )
