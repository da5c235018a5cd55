"""Carry out a wipe plan: consent, record, erase, judge, record.

The journal is written before each deed: ``wipe_started`` before the playbook, ``wipe`` after it. A
plan begins within its 30 minutes or not at all; one that has begun on a machine may be taken up
again there for a day, for what is half-erased has nothing left to lose by it. That ends when
another plan begins on the machine or an image is put on it: it is then not what was planned.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netspring_provision import consent
from netspring_provision.errors import RefusedError
from netspring_provision.ledger import Ledger
from netspring_provision.model import MachinePlan, Outcome, Plan, RefusedMachine
from netspring_provision.outcome import (
    DiskOutcome,
    all_erased,
    disk_outcomes,
    refused_outcomes,
)
from netspring_provision.plan import LIFETIME
from netspring_provision.steps.inspect import strangers
from netspring_provision.steps.job import Job
from netspring_provision.steps.plan import plan_key

RESUME_WINDOW = dt.timedelta(hours=24)
NOT_ERASED_SINCE = "erased by this plan, but a later wipe of it did not end well: make a new plan"


@dataclass(frozen=True)
class WipeResult:
    """How every disk of every machine of the plan ended, by inventory name.

    A machine that the plan refused as a whole has one outcome, without a path.
    """

    outcomes: Mapping[str, tuple[DiskOutcome, ...]]

    def erased(self, host: str) -> bool:
        """Whether every disk of that machine is erased."""
        return all_erased(self.outcomes.get(host, ()))


def wipe_machines(job: Job, plan: Plan, typed: str | None) -> WipeResult:
    """Erase what the plan names on the machines of this job.

    Raises:
        RefusedError: wrong phrase, expired or already carried out plan, or a plan for other
            machines; nothing was changed.
    """
    consent.check_phrase(plan, typed)
    todo, done = _split(job, plan)
    if not todo:
        raise RefusedError(
            f"the plan {plan.plan_id} has been carried out in full; nothing was changed",
            hint="to erase these disks once more, make a new plan: netspring plan -i INVENTORY",
        )
    now = dt.datetime.now(dt.UTC)
    late = _set_aside(job, plan, todo, now)
    todo = [machine for machine in todo if machine.host not in late]
    # The copy that the role reads holds only what is left, for as long as a plan may begin.
    current = dataclasses.replace(
        plan, machines=tuple(todo), expires=(now + LIFETIME).isoformat(timespec="seconds")
    )
    path = job.folder / "plan.json"
    consent.write(current, plan_key(job), path)
    for machine in todo:
        body = {
            "plan_id": plan.plan_id,
            "host": machine.host,
            "boot_id": machine.boot_id,
            "disks": [dataclasses.asdict(d) for d in machine.disks],
        }
        job.ledger.append("wipe_started", body, machine=machine.uuid, run_id=job.run_id)
    names = [machine.host for machine in todo]
    job.say(f"erasing {sum(len(m.disks) for m in todo)} disk(s) of {', '.join(names)}")
    results = job.play(
        "wipe",
        names,
        extravars={"disk_wipe_plan_file": str(path), "disk_wipe_confirm": plan.confirm},
    )
    outcomes = dict(done)
    for machine in todo:
        result = results[machine.host]
        report = result.payloads.get("wipe")
        fresh = disk_outcomes(machine, report, plan.plan_id, result.reason)
        _record(job, plan, machine, report, fresh)
        outcomes[machine.host] = (*done.get(machine.host, ()), *fresh)
    return WipeResult({**outcomes, **late})


def left_to_wipe(job: Job, plan: Plan) -> tuple[str, ...]:
    """Names of the machines of this job on which this plan has disks left to erase."""
    return tuple(machine.host for machine in _split(job, plan)[0])


def recorded_outcomes(job: Job, plan: Plan) -> Mapping[str, tuple[DiskOutcome, ...]]:
    """How the disks of this plan ended according to the ledger alone."""
    return _split(job, plan)[1]


def erased_serials(ledger: Ledger, uuid: str) -> dict[str, str]:
    """Serials of the disks of a machine that the ledger holds as erased, and by which plan.

    A later wipe of the same disk takes it out again from its beginning until it ends well.
    """
    found: dict[str, str] = {}
    for record in ledger.records(machine=uuid):
        if record.kind not in ("wipe_started", "wipe"):
            continue
        for disk in record.body["disks"]:
            if record.kind == "wipe" and disk["outcome"] == Outcome.ERASED:
                found[disk["serial"]] = record.body["plan_id"]
            else:
                found.pop(disk["serial"], None)
    return found


def _split(job: Job, plan: Plan) -> tuple[list[MachinePlan], dict[str, tuple[DiskOutcome, ...]]]:
    """What is left to do per machine of this job, and what this plan has done already."""
    names = {host.name for host in job.hosts}
    mine = [m for m in plan.machines if m.host in names]
    if not any(m.disks for m in mine):
        raise RefusedError(
            f"the plan is for {', '.join(m.host for m in plan.machines) or 'no machine'}, "
            f"not for {', '.join(sorted(names))}; nothing was changed",
            hint="make a plan for these machines: netspring plan -i INVENTORY",
        )
    todo: list[MachinePlan] = []
    done: dict[str, tuple[DiskOutcome, ...]] = {
        m.host: (_refused_whole(m),) for m in plan.refused if m.host in names
    }
    for machine in mine:
        carried_out = _erased_by(job.ledger, machine.uuid, plan.plan_id)
        still = erased_serials(job.ledger, machine.uuid)
        left = tuple(d for d in machine.disks if d.serial not in carried_out)
        earlier = tuple(
            DiskOutcome(d.serial, d.path, d.model, Outcome.ERASED, None, carried_out[d.serial])
            if d.serial in still
            else DiskOutcome(d.serial, d.path, d.model, Outcome.FAILED, NOT_ERASED_SINCE)
            for d in machine.disks
            if d.serial in carried_out
        )
        if left:
            todo.append(dataclasses.replace(machine, disks=left))
            done[machine.host] = earlier
        else:
            # A refused disk keeps its machine from being imaged, in a later run too.
            done[machine.host] = (*earlier, *refused_outcomes(machine))
    return todo, done


def _refused_whole(machine: RefusedMachine) -> DiskOutcome:
    return DiskOutcome(None, "", "", Outcome.REFUSED, f"{machine.reason}; {machine.hint}")


def _erased_by(ledger: Ledger, uuid: str, plan_id: str) -> dict[str, str | None]:
    """Serials that this very plan has erased, ever, and how: it never erases them again."""
    return {
        disk["serial"]: disk["method"]
        for record in ledger.records(machine=uuid, kind="wipe")
        if record.body["plan_id"] == plan_id
        for disk in record.body["disks"]
        if disk["outcome"] == Outcome.ERASED
    }


def _set_aside(
    job: Job, plan: Plan, todo: list[MachinePlan], now: dt.datetime
) -> dict[str, tuple[DiskOutcome, ...]]:
    """Machines on which this plan may not begin or go on; raises RefusedError if that is all."""
    refusals: dict[str, RefusedError] = {}
    for machine in todo:
        try:
            _check_not_overtaken(job.ledger, plan, machine)
            if not _begun(job.ledger, plan, machine, now):
                consent.check_fresh(plan, now)
        except RefusedError as error:
            refusals[machine.host] = error
    refusals |= strangers(job, [m.host for m in todo if m.host not in refusals])
    if len(refusals) == len(todo):
        raise refusals[todo[0].host]
    return {
        m.host: (
            *(
                DiskOutcome(d.serial, d.path, d.model, Outcome.REFUSED, refusals[m.host].message)
                for d in m.disks
            ),
            *refused_outcomes(m),
        )
        for m in todo
        if m.host in refusals
    }


def _check_not_overtaken(ledger: Ledger, plan: Plan, machine: MachinePlan) -> None:
    """Nothing else was done to the machine since the plan was shown; raises RefusedError."""
    shown = [r.seq for r in ledger.records(kind="plan") if r.body.get("plan_id") == plan.plan_id]
    since = shown[0] if shown else 0
    others = {
        seq
        for plan_id, begins in _begins(ledger, machine.uuid).items()
        for seq, _ in begins
        if plan_id != plan.plan_id
    }
    for record in ledger.records(machine=machine.uuid):
        other = record.seq in others
        if record.seq > since and (other or record.kind == "install_started"):
            deed = "another plan began on it" if other else "an image was put on it"
            raise RefusedError(
                f"{machine.host}: {deed} after the plan {plan.plan_id} was made; nothing was "
                "changed",
                hint=consent.PLAN_AGAIN,
            )


def _begun(ledger: Ledger, plan: Plan, machine: MachinePlan, now: dt.datetime) -> bool:
    """Whether this plan first began on the machine within a day."""
    for _, time in _begins(ledger, machine.uuid).get(plan.plan_id, []):
        # A clock that was set back makes no plan young again.
        return dt.timedelta(minutes=-1) <= now - time < RESUME_WINDOW
    return False


def _begins(ledger: Ledger, uuid: str) -> dict[str, list[tuple[int, dt.datetime]]]:
    """Place and time of each beginning of a wipe on a machine, by plan.

    An attempt of which every disk was refused touched nothing and so began nothing.
    """
    found: dict[str, list[tuple[int, dt.datetime]]] = {}
    for record in ledger.records(machine=uuid):
        begins = found.setdefault(str(record.body.get("plan_id")), [])
        if record.kind == "wipe_started":
            begins.append((record.seq, dt.datetime.fromisoformat(record.time)))
        elif record.kind == "wipe" and begins and _only_refused(record.body):
            begins.pop()
    return found


def _only_refused(body: Mapping[str, Any]) -> bool:
    return all(disk["outcome"] == Outcome.REFUSED for disk in body["disks"])


def _record(
    job: Job,
    plan: Plan,
    machine: MachinePlan,
    report: Mapping[str, Any] | None,
    outcomes: tuple[DiskOutcome, ...],
) -> None:
    body = {
        "plan_id": plan.plan_id,
        "host": machine.host,
        "boot_id": (report or {}).get("boot_id"),
        "disks": [dataclasses.asdict(outcome) for outcome in outcomes],
    }
    job.ledger.append("wipe", body, machine=machine.uuid, run_id=job.run_id)
