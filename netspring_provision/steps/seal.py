"""Seal machines that passed their checks: on record before, looked at from outside after."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from netspring_provision import door, sealing, ssh
from netspring_provision.door import Door
from netspring_provision.errors import MachineFailedError, NetspringError
from netspring_provision.events import HostResult
from netspring_provision.hosts import Host
from netspring_provision.sealing import Heard, Leave, Sealed, Seen, Standing
from netspring_provision.steps.boot import trust_installed
from netspring_provision.steps.job import Job
from netspring_provision.steps.room import uuid_of

AT_ONCE = 16
ENTER_SECONDS = 20.0
LOOKS = 3  # at a port that still answers: a station that is slow must not fail a PC
PAUSE_SECONDS = 2.0
T = TypeVar("T")


def seal_machines(job: Job) -> tuple[Sealed, ...]:
    """Seal every machine of the job that may be; one result for each, in the inventory's order.

    Raises:
        StationError: the ledger cannot be written; what is not on record as begun is not begun.
    """
    results: dict[str, Sealed] = {}
    leaves: dict[str, Leave] = {}
    for host in job.hosts:
        found = _may(job, host)
        if isinstance(found, Leave):
            leaves[host.name] = found
        else:
            results[host.name] = found
    troubles = _at_once(leaves, lambda name: _enter(job, job.host(name), leaves[name]))
    ready = [name for name, trouble in troubles.items() if trouble is None]
    for name in ready:
        _begin(job, name, leaves[name])
    heard = _play(job, ready, leaves)
    for name, trouble in troubles.items():
        leave = leaves[name]
        if trouble is None:
            continue
        if not leave.begun:
            results[name] = _not_begun(name, leave, trouble)
        else:  # its door was closed by an earlier attempt, and what it said then still counts
            heard[name] = Heard(leave.answer, None if leave.answer else trouble)
    seen = _at_once(heard, lambda name: _look(job, job.host(name)))
    for name, what in heard.items():
        results[name] = sealing.judge(leaves[name], name, what, seen[name])
        body = results[name].as_data()
        job.ledger.append(sealing.ENDED, body, machine=leaves[name].uuid, run_id=job.run_id)
    return tuple(results[host.name] for host in job.hosts)


def _may(job: Job, host: Host) -> Leave | Sealed:
    uuid = uuid_of(job, host)
    tag = str(host.vars.get("netspring_asset_tag") or host.name)
    records = job.ledger.records(machine=uuid) if uuid else []
    return sealing.decide(host.name, uuid, tag, records)


def _enter(job: Job, host: Host, leave: Leave) -> str | None:
    """Why the station cannot enter the very PC that it installed; ``None`` if it can."""
    try:
        trust_installed(job, host, leave.uuid)
        ssh.wait_for(job.station, host.address, host.port, host.user, host.key_file, ENTER_SECONDS)
    except MachineFailedError as error:
        return error.message
    return None


def _not_begun(name: str, leave: Leave, trouble: str) -> Sealed:
    reason, mend = sealing.words("not_reached"), sealing.words("not_reached_mend")
    return Sealed(
        name,
        Standing.FAILED,
        leave.uuid,
        leave.asset_tag,
        leave.image,
        reason=reason,
        mend=mend,
        detail=trouble,
    )


def _begin(job: Job, name: str, leave: Leave) -> None:
    body = {
        "host": name,
        "asset_tag": leave.asset_tag,
        "image": leave.image,
        "verify_seq": leave.verify,
    }
    job.ledger.append(sealing.STARTED, body, machine=leave.uuid, run_id=job.run_id)


def _play(job: Job, names: list[str], leaves: Mapping[str, Leave]) -> dict[str, Heard]:
    if not names:
        return {}
    job.say(f"sealing {', '.join(names)}")
    public = job.station.ssh_key.with_suffix(".pub").read_text().strip()
    hostvars = {
        name: {
            "seal_uuid": leaves[name].uuid,
            "seal_hostname": name,
            "seal_asset_tag": leaves[name].asset_tag,
        }
        for name in names
    }
    played = job.play("seal", names, extravars={"seal_station_key": public}, hostvars=hostvars)
    return {name: _heard(result) for name, result in played.items()}


def _heard(result: HostResult) -> Heard:
    """The machine's word. That the connection ended after it does not take it back."""
    answer = result.payloads.get("seal")
    if answer is None:
        return Heard(None, result.reason or "it reported nothing")
    return Heard(answer, None if answer.get("outcome") == "sealed" else result.reason)


def _look(job: Job, host: Host) -> Seen:
    """Knock at the SSH port, and try the key, over a connection of its own."""
    found = Door.OPEN
    for attempt in range(LOOKS):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        found = door.knock(host.address, host.port)
        if found is Door.CLOSED:
            break
    try:
        ssh.run_command(job.station, host.address, host.port, host.user, host.key_file, "true")
    except NetspringError:
        return Seen(found, key_login=False)
    return Seen(found, key_login=True)


def _at_once(names: Iterable[str], ask: Callable[[str], T]) -> dict[str, T]:
    """The answer for each name, asked of many machines at a time."""
    listed = list(names)
    if not listed:
        return {}
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(listed))) as pool:
        return dict(zip(listed, pool.map(ask, listed), strict=True))
