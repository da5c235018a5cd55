"""From the live environment to the machine's own disk, and who may be believed there.

A virtual PC is switched off and on by the station; a real one reboots by its own firmware's order.
The host key of the installed system was made during the install and told over the enrolled
connection, so the first login to it is already checked.
"""

from __future__ import annotations

import contextlib
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from netspring_provision import ssh
from netspring_provision.errors import MachineFailedError, NetspringError
from netspring_provision.hosts import Host
from netspring_provision.lab import power
from netspring_provision.steps.job import Job

BOOT_SECONDS = 420.0  # an emulated PC with a desktop needs about 60; a dying old disk much more
STOP_SECONDS = 60.0
AT_ONCE = 16


@dataclass(frozen=True)
class Booted:
    """A machine after the boot: where it answers now, or why it does not."""

    host: Host
    reason: str | None


def boot_own_disk(job: Job, uuids: dict[str, str]) -> tuple[Job, dict[str, str]]:
    """Boot the machines from their own disks and wait until each lets the station in.

    Args:
        job: the run.
        uuids: SMBIOS UUID by inventory name, of the machines to boot.

    Returns:
        The job with the addresses that are true now, and a reason for each that failed.
    """
    names = list(uuids)
    if not names:
        return job, {}
    job.say(f"booting {', '.join(names)} from its own disk")
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(names))) as pool:
        booted = list(pool.map(lambda name: _boot_one(job, name, uuids[name]), names))
    hosts = {b.host.name: b.host for b in booted}
    after = dataclasses.replace(job, hosts=tuple(hosts.get(h.name, h) for h in job.hosts))
    return after, {b.host.name: b.reason for b in booted if b.reason is not None}


def trust_installed(job: Job, host: Host, uuid: str) -> None:
    """Put the host key that the install made for this machine into ``known_hosts``.

    Raises:
        MachineFailedError: no install of this machine is on record.
    """
    record = job.ledger.last("identity", uuid)
    keys = (record.body if record else {}).get("ssh_host_keys") or [""]
    try:
        key = ssh.HostKey.parse(str(keys[0]))
    except ValueError as error:
        raise MachineFailedError(
            f"{host.name}: no install of this machine is on record, so its key is not known",
            hint="install it first: netspring install -i INVENTORY",
        ) from error
    ssh.remember(job.station, host.address, host.port, key)


def _boot_one(job: Job, name: str, uuid: str) -> Booted:
    host = job.host(name)
    try:
        if host.is_lab:
            host = _restart_lab(job, host)
        else:
            _reboot(job, host)
        trust_installed(job, host, uuid)
        said = ssh.wait_for(
            job.station, host.address, host.port, host.user, host.key_file, BOOT_SECONDS
        )
    except NetspringError as error:
        return Booted(host, error.message)
    if said != name:
        return Booted(host, f"it calls itself {said!r} after the boot, not {name!r}")
    return Booted(host, None)


def _restart_lab(job: Job, host: Host) -> Host:
    # The live environment has no one to hear the power button, so it is told over SSH as well.
    with contextlib.suppress(NetspringError):
        _tell(job, host, "systemctl poweroff --no-block")
    power.stop(job.station, host.name, timeout_seconds=STOP_SECONDS)
    pc = power.start(job.station, host.name, boot="disk")
    return dataclasses.replace(host, port=pc.ssh_port or host.port)


def _reboot(job: Job, host: Host) -> None:
    _tell(job, host, "systemctl reboot --no-block")


def _tell(job: Job, host: Host, words: str) -> None:
    ssh.run_command(job.station, host.address, host.port, host.user, host.key_file, words)
