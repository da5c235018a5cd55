"""What the ledger holds of wipes: written before and after each deed, read on every return.

Everything is found by serial and WWN (wiping.md, 8): a word on record about one disk is never
taken for another one of the same serial.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from netspring_provision import history, sealing
from netspring_provision.events import Event, payload_of
from netspring_provision.ledger import Ledger
from netspring_provision.methods import SECURITY
from netspring_provision.model import MachinePlan, Outcome, Plan
from netspring_provision.outcome import DiskOutcome
from netspring_provision.steps.job import Job

RESUME_WINDOW = dt.timedelta(hours=24)
# What ATA Security sets on a drive for the time of its erase. It is no secret: a drive that lost
# power meanwhile must be opened with it by anybody (netspring_erase/ata_security.py).
ATA_PASSWORD = "netspring"  # noqa: S105
DiskId = tuple[str, str | None]


def begin(job: Job, plan: Plan, machine: MachinePlan) -> None:
    """Put on record what is about to be done to a machine, and with which password.

    Raises:
        StationError: the ledger cannot be written; nothing may be begun then.
    """
    disks = []
    for disk in machine.disks:
        told = dataclasses.asdict(disk)
        if any(method in SECURITY for method in (disk.method, *disk.fallback)):
            told["password"] = ATA_PASSWORD
        disks.append(told)
    body = {
        "plan_id": plan.plan_id,
        "host": machine.host,
        "boot_id": machine.boot_id,
        "disks": disks,
    }
    job.ledger.append("wipe_started", body, machine=machine.uuid, run_id=job.run_id)


def end(
    job: Job,
    plan: Plan,
    machine: MachinePlan,
    report: Mapping[str, Any] | None,
    outcomes: Iterable[DiskOutcome],
) -> None:
    """Put on record how a machine's disks ended, and in which boot; raises StationError."""
    body = {
        "plan_id": plan.plan_id,
        "host": machine.host,
        "boot_id": (report or {}).get("boot_id"),
        "disks": [dataclasses.asdict(outcome) for outcome in outcomes],
    }
    if not _only_refused(body):
        boot(job, plan, machine, body["boot_id"])
    job.ledger.append("wipe", body, machine=machine.uuid, run_id=job.run_id)


def boot(job: Job, plan: Plan, machine: MachinePlan, boot_id: object) -> None:
    """Put on record that this plan is worked on in this boot of the machine, once per boot."""
    if not isinstance(boot_id, str) or not boot_id:
        return
    known = boots_of(job.ledger, machine.uuid, plan.plan_id)
    if not known or known[-1]["boot_id"] != boot_id:
        body = {"plan_id": plan.plan_id, "host": machine.host, "boot_id": boot_id}
        job.ledger.append("boot", body, machine=machine.uuid, run_id=job.run_id)


def watching(job: Job, plan: Plan, machines: Iterable[MachinePlan]) -> Job:
    """The same job, which also records each boot as soon as a machine tells that work began.

    It is on record then even if the station itself is killed a moment later.
    """
    by_host = {machine.host: machine for machine in machines}

    def on_event(event: Event) -> None:
        machine = by_host.get(str((event.get("event_data") or {}).get("host")))
        payload = payload_of(event)
        if machine and payload and payload["kind"] == "wipe_begun":
            boot(job, plan, machine, payload.get("boot_id"))
        job.on_event(dict(event))

    return dataclasses.replace(job, on_event=on_event)


def boots_of(ledger: Ledger, uuid: str, plan_id: str) -> list[dict[str, str]]:
    """The boots of a machine in the life of a plan, oldest first: ``boot_id`` and ``seen_at``.

    The first one is that in which the machine was inspected for the plan. ``seen_at`` is by the
    station's clock, ISO 8601.
    """
    seen: list[dict[str, str]] = []
    for record in ledger.records(kind="plan"):
        if record.body.get("plan_id") == plan_id:
            for machine in record.body["machines"]:
                if machine["uuid"] == uuid and machine["boot_id"] and not seen:
                    seen.append({"boot_id": machine["boot_id"], "seen_at": record.body["created"]})
    for record in ledger.records(machine=uuid, kind="boot"):
        told = record.body
        if told["plan_id"] == plan_id and [s["boot_id"] for s in seen[-1:]] != [told["boot_id"]]:
            seen.append({"boot_id": told["boot_id"], "seen_at": record.time})
    return seen


def erased_disks(ledger: Ledger, uuid: str) -> dict[DiskId, str]:
    """The disks of a machine that the ledger holds as erased, and by which plan.

    A later wipe of the same disk takes it out again from its beginning until it ends well.
    """
    found: dict[DiskId, str] = {}
    for record in ledger.records(machine=uuid):
        if record.kind not in ("wipe_started", "wipe"):
            continue
        for disk in record.body["disks"]:
            if record.kind == "wipe" and disk["outcome"] == Outcome.ERASED:
                found[_ended(disk)] = record.body["plan_id"]
            else:
                # By the serial alone: for a word that is taken back that is the safe side.
                for key in [key for key in found if key[0] == disk["serial"]]:
                    del found[key]
    return found


def erased_and_unused(ledger: Ledger, uuid: str) -> dict[DiskId, str]:
    """Those of :func:`erased_disks` that were erased after the machine was last handed over.

    A PC that passed its checks, or was sealed, has gone to children and may have come back with
    their data on every disk of it: being erased is then a thing of the past.
    """
    handed_over = 0
    for record in ledger.records(machine=uuid):
        passed = record.kind == "verify" and record.body.get("passed") is True
        if passed or record.kind in (sealing.STARTED, sealing.ENDED):
            handed_over = record.seq
    wipes = ledger.records(machine=uuid, kind="wipe")
    later = {record.body["plan_id"] for record in wipes if record.seq > handed_over}
    return {disk: plan for disk, plan in erased_disks(ledger, uuid).items() if plan in later}


def erased_by(ledger: Ledger, uuid: str, plan_id: str) -> dict[DiskId, DiskOutcome]:
    """The disks that this very plan has erased, ever, and how: it never erases them again."""
    return {
        _ended(disk): DiskOutcome.from_record(disk)
        for record in ledger.records(machine=uuid, kind="wipe")
        if record.body["plan_id"] == plan_id
        for disk in record.body["disks"]
        if disk["outcome"] == Outcome.ERASED
    }


def failed_by(ledger: Ledger, uuid: str, plan_id: str) -> dict[str, DiskOutcome]:
    """The disks of a machine that failed under this very plan, by serial: that is final.

    One whose wipe was only broken off is not among them (history.py); it may be taken up again.
    """
    mine = [r for r in ledger.records(machine=uuid, kind="wipe") if r.body["plan_id"] == plan_id]
    final = history.failures(mine)
    return {
        disk["serial"]: DiskOutcome.from_record(disk)
        for record in mine
        for disk in record.body["disks"]
        if disk["serial"] in final and disk["outcome"] == Outcome.FAILED
    }


def begins(ledger: Ledger, uuid: str) -> dict[str, list[tuple[int, dt.datetime]]]:
    """Place and time of each beginning of a wipe on a machine, by plan.

    An attempt of which every disk was refused touched nothing and so began nothing.
    """
    found: dict[str, list[tuple[int, dt.datetime]]] = {}
    for record in ledger.records(machine=uuid):
        if record.kind not in ("wipe_started", "wipe"):
            continue
        mine = found.setdefault(str(record.body.get("plan_id")), [])
        if record.kind == "wipe_started":
            mine.append((record.seq, dt.datetime.fromisoformat(record.time)))
        elif mine and _only_refused(record.body):
            mine.pop()
    return found


def begun(ledger: Ledger, plan: Plan, machine: MachinePlan, now: dt.datetime) -> bool:
    """Whether this plan first began on the machine within a day."""
    for _, time in begins(ledger, machine.uuid).get(plan.plan_id, []):
        # A clock that was set back makes no plan young again.
        return dt.timedelta(minutes=-1) <= now - time < RESUME_WINDOW
    return False


def _ended(disk: Mapping[str, Any]) -> DiskId:
    return disk["serial"], (disk.get("evidence") or {}).get("wwn")


def _only_refused(body: Mapping[str, Any]) -> bool:
    return all(disk["outcome"] == Outcome.REFUSED for disk in body["disks"])
