"""Thaw drives that the PC's firmware has frozen: one short sleep, before any work begins.

Firmware freezes ATA Security (and sometimes Sanitize) at power-on. A sleep that cuts the drives'
power ends that, and firmware that freezes them again on waking is rare. Only where the plan says
``unfreeze``, once per job, and never while any disk is being worked on (wiping.md, 1, "Frozen").
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_disks import ata
from ansible.module_utils.netspring_disks.identity import Identity
from ansible.module_utils.netspring_erase.evidence import now, of_command
from ansible.module_utils.netspring_erase.methods import COMMAND_SECONDS, complaint
from ansible.module_utils.netspring_erase.probe import Probe
from ansible.module_utils.netspring_erase.progress import write_whole

ARGV = ("rtcwake", "-m", "mem", "-s", "10")
UNITS = ("systemctl", "list-units", "--plain", "--no-legend", "--state=active", "netspring-*")
# What of ours is always there: the job itself, and the two services of the live environment.
QUIET = ("netspring-wipe-", "netspring-live.", "netspring-screen.")
RETURN_SECONDS = 60.0  # until disks that slept are there again
MARK = "unfreeze.json"  # in the job's folder: says that it was tried, also if the end is not known


@dataclass(frozen=True)
class Frost:
    """What of a drive is frozen."""

    security: bool
    sanitize: bool
    busy: bool

    def matters(self, planned: Mapping[str, Any]) -> bool:
        """Whether it stands in the way of a method of the plan that may be thawed for."""
        chosen = [str(each) for each in (planned["method"], *planned.get("fallback", ()))]
        by_security = any(each.startswith("ata_security_") for each in chosen)
        by_sanitize = any(each.startswith("ata_sanitize_") for each in chosen)
        stands = (self.security and by_security) or (self.sanitize and by_sanitize)
        return planned.get("unfreeze") is True and stands


def look(disk: Identity, probe: Probe) -> Frost:
    """Ask one SATA drive what of it is frozen; of others nothing ever is."""
    if disk.bus != "sata":
        return Frost(security=False, sanitize=False, busy=False)
    identify = probe.run(ata.identify_argv(disk.path), COMMAND_SECONDS).out
    state = ata.sanitize_state(probe.run(ata.sanitize_argv(disk.path), COMMAND_SECONDS))
    security = ata.security(identify)
    return Frost(
        security=security is not None and security.frozen,
        sanitize=state.state == "frozen",
        busy=state.state == "running",
    )


def thaw(
    machine: Mapping[str, Any],
    folder: Path,
    probe: Probe,
    begin: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    """Put the machine to sleep for ten seconds if the plan wants that for a frozen drive.

    Whatever comes of it, the drives are looked at again by the methods themselves; a drive that is
    still frozen is then erased by its fallback, or refused.

    Args:
        machine: this machine's part of the plan.
        folder: the job's folder in RAM.
        probe: how to ask the machine.
        begin: called with a serial to tell the station that this disk waits for the sleep.

    Returns:
        By serial, an attempt ``unfreeze`` for the record of each drive that it was done for.
    """
    plans = {planned["serial"]: planned for planned in machine["disks"]}
    if not any(planned.get("unfreeze") is True for planned in plans.values()):
        return {}
    present = {disk.serial: disk for disk in probe.disks() if disk.serial in plans}
    before = {str(serial): look(disk, probe) for serial, disk in present.items()}
    wanted = [serial for serial, frost in before.items() if frost.matters(plans[serial])]
    if not wanted:
        return {}
    mark = folder / MARK
    obstacle = None
    if mark.exists():
        obstacle = "it was tried before in this job"
    elif any(frost.busy for frost in before.values()):
        obstacle = "a drive of this machine is erasing itself"
    obstacle = obstacle or _at_work(probe) or probe.deep_sleep()
    started, boot = now(), probe.live()["boot_id"]
    attempt: dict[str, Any] = {
        "method": "unfreeze",
        "argv": [],
        "rc": None,
        "started": started,
        "finished": started,
        "error": f"not put to sleep: {obstacle}",
        "tool": ARGV[0],
        "stderr_sha256": None,
        "canaries_changed": None,
    }
    if obstacle is None:
        write_whole(mark, {"boot_id": boot, "started": started, "serials": wanted})
        for serial in plans:
            begin(serial)
        said = probe.run(list(ARGV), COMMAND_SECONDS)
        error = complaint(said) or _returned(set(before), probe)
        if probe.live()["boot_id"] != boot:  # then this is not the memory that fell asleep
            error = "the machine did not wake up but started anew"
        attempt |= {**of_command(said), "finished": now(), "error": error}
    told = {}
    back = present | {disk.serial: disk for disk in probe.disks() if disk.serial in plans}
    for serial in wanted:
        after = look(back[serial], probe)  # it may have another name now
        error = attempt["error"]
        if error is None and after.matters(plans[serial]):
            error = "still frozen after the sleep; pull the drive's power for ten seconds instead"
        status = {"status_before": asdict(before[serial]), "status_after": asdict(after)}
        told[serial] = {**attempt, **status, "error": error}
    return told


def _at_work(probe: Probe) -> str | None:
    """What else of ours works on this machine, such as an image being written; None if nothing."""
    said = probe.run(list(UNITS), COMMAND_SECONDS)
    if complaint(said):
        return f"what else is at work on this machine cannot be told ({complaint(said)})"
    units = [line.split()[0] for line in said.out.splitlines() if line.strip()]
    others = [unit for unit in units if not unit.startswith(QUIET)]
    return f"{', '.join(others)} is at work on this machine" if others else None


def _returned(serials: set[str], probe: Probe) -> str | None:
    """Wait until every disk is back; which one is not, or None."""
    never = threading.Event()
    deadline = probe.clock() + RETURN_SECONDS
    while True:
        missing = serials - {str(disk.serial) for disk in probe.disks()}
        if not missing:
            return None
        if probe.clock() >= deadline:
            return f"disks did not come back from the sleep: {', '.join(sorted(missing))}"
        probe.pause(never, 1.0)
