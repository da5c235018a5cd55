"""Make a wipe plan for the machines of a job and keep it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from netspring_provision import consent, history
from netspring_provision.claims import BOTH
from netspring_provision.methods import Policy
from netspring_provision.model import Facts, Failure, Limit, Plan, RefusedMachine, Requirement
from netspring_provision.plan import DEFAULT, make_plan
from netspring_provision.steps.inspect import Inspection
from netspring_provision.steps.job import Job
from netspring_provision.triage import Health, disk_verdict


def plan_machines(
    job: Job,
    inspection: Inspection,
    *,
    requirements: Mapping[str, Requirement] | None = None,
    policy: Policy = DEFAULT,
    refused: Iterable[RefusedMachine] = (),
) -> Plan:
    """The plan for what was inspected, by this station's clock and token."""
    return make_plan(
        inspection.facts,
        now=dt.datetime.now(dt.UTC),
        plan_id=f"{job.run_id}-{secrets.token_hex(2)}",
        inventory=job.inventory,
        token_sha256=token_sha256(job),
        requirements=requirements,
        expected_uuids=_expected(job),
        policy=dataclasses.replace(policy, usb_serials=policy.usb_serials | _room_usb(job)),
        warnings=_failing(inspection.facts),
        failed=_failed(job),
        unreachable=(*inspection.missing, *refused),
    )


def _failed(job: Job) -> dict[str, Failure]:
    """Disks whose wipe failed on this station, in any machine."""
    records = [record for kind in history.KINDS for record in job.ledger.records(kind=kind)]
    return history.failures(sorted(records, key=lambda record: record.seq))


def _failing(machines: Iterable[Facts]) -> dict[str, Limit]:
    """Drives that are not worth the hours, by serial, with the reason in both languages."""
    found = {}
    for disk in (d for machine in machines for d in machine.disks if d.serial):
        verdict = disk_verdict(disk.raw)
        if verdict.health is Health.FAILING:
            reason = f"{verdict.reason.en}{BOTH}{verdict.reason.zh}"
            found[str(disk.serial)] = Limit("failing", reason)
    return found


def token_sha256(job: Job) -> str:
    """Digest of this station's live token, as a machine reports it."""
    return hashlib.sha256(job.station.token().encode()).hexdigest()


def plan_key(job: Job) -> bytes:
    """Key of the HMAC over plans of this station."""
    return job.station.plan_key_file.read_text().strip().encode()


def keep(job: Job, plan: Plan, out: Path | None = None) -> Path:
    """Write the plan file and put the plan on record; returns where it is.

    Raises:
        StationError: it cannot be written.
    """
    path = (out or job.station.plans / f"{plan.plan_id}.json").absolute()
    consent.write(plan, plan_key(job), path)
    job.ledger.append("plan", consent.body_of(plan), run_id=job.run_id)
    return path


def _room_usb(job: Job) -> frozenset[str]:
    """USB disks that the room's files opt in, beside those of the command line."""
    named = (host.vars.get("netspring_usb_serials") or () for host in job.hosts)
    return frozenset(str(serial) for serials in named for serial in serials)


def _expected(job: Job) -> dict[str, str]:
    named = {h.name: h.vars.get("netspring_uuid") for h in job.hosts}
    return {name: str(uuid) for name, uuid in named.items() if uuid}
