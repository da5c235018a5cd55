"""The eyes of the program: everything it asks the kernel and the tools, in one place.

Production uses ``KERNEL``. Tests hand in another one as an argument; no flag, file or environment
variable can.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.netspring_disks import (
    ata,
    identity,
    machine,
    mmc,
    nvme,
    power,
    scsi,
    smart,
    tools,
    uses,
)
from ansible.module_utils.netspring_disks.identity import Identity


def _all_disks() -> list[Identity]:
    found = []
    for name in mmc.disk_names():
        with suppress(OSError):  # it vanished while we looked: then it is not here
            found.append(identity.identify(name))
    return found


def _ata_facts(disk: Identity) -> dict[str, Any]:
    return ata.read(disk.path) if disk.bus == "sata" else {"security": None, "hpa": None}


def _uuid() -> str | None:
    found: str | None = machine.system()["uuid"]
    return found


@dataclass(frozen=True)
class Probe:
    """What is asked, each as a function so that a test can answer instead."""

    live: Callable[[], dict[str, Any]] = machine.live
    uuid: Callable[[], str | None] = _uuid
    disks: Callable[[], list[Identity]] = _all_disks
    identify: Callable[[str], Identity] = identity.identify
    name_of_descriptor: Callable[[int], str] = identity.name_of_descriptor
    uses: Callable[[str], Sequence[dict[str, str]]] = uses.uses_of
    ata: Callable[[Identity], dict[str, Any]] = _ata_facts
    health: Callable[[str], dict[str, Any] | None] = smart.read
    formatting: Callable[[str], nvme.Formatting | None] = nvme.read
    namespaces: Callable[[str], int] = nvme.namespaces_beside
    whole: Callable[[str], bool] = nvme.is_whole
    sanitize_scsi: Callable[[str], dict[str, bool] | None] = scsi.read
    card: Callable[[str], dict[str, Any] | None] = mmc.read
    writable: Callable[[str], AbstractContextManager[None]] = mmc.writable
    firmware: Callable[[str], str | None] = identity.firmware_of
    by_id: Callable[[str], str | None] = identity.by_id
    on_battery: Callable[[], bool] = power.on_battery
    deep_sleep: Callable[[], str | None] = power.choose_deep_sleep
    run: Callable[[list[str], float], tools.Said] = field(default=tools.run)
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[threading.Event, float], bool] = threading.Event.wait


KERNEL = Probe()
