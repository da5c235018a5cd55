"""Carry out a wipe plan: consent, record, erase, judge, record, certify.

The journal (journal.py) is written before each deed: ``wipe_started`` before the playbook, ``boot``
as soon as a machine tells that work began, ``wipe`` after it. A plan begins within its 30 minutes
or not at all; one that has begun on a machine may be taken up again there for a day, after any
number of boots, for what is half-erased has nothing left to lose by it. That ends when another plan
begins on the machine or an image is put on it: it is then not what was planned. A disk that failed
is never tried again by its plan: a failure is final (wiping.md, 8).

One machine of the batch goes first (wiping.md, 5 (7)): the role lets the others begin once it has
passed every check and its canaries are planted and read back.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from netspring_provision import consent, erasure
from netspring_provision.errors import NetspringError, RefusedError
from netspring_provision.ledger import Ledger
from netspring_provision.model import MachinePlan, Outcome, Plan, RefusedMachine
from netspring_provision.outcome import (
    DiskOutcome,
    all_erased,
    disk_outcomes,
    refused_outcomes,
)
from netspring_provision.plan import LIFETIME
from netspring_provision.steps import journal
from netspring_provision.steps.inspect import ask_who_they_are
from netspring_provision.steps.job import Job
from netspring_provision.steps.plan import plan_key

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
        raise _nothing_left(plan, done)
    now = dt.datetime.now(dt.UTC)
    late, silent = _set_aside(job, plan, todo, now)
    todo = [machine for machine in todo if machine.host not in late]
    # The copy that the role reads holds only what is left, for as long as a plan may begin.
    current = dataclasses.replace(
        plan,
        machines=tuple(_suspended_once(job.ledger, plan, machine) for machine in todo),
        expires=(now + LIFETIME).isoformat(timespec="seconds"),
    )
    path = job.folder / "plan.json"
    consent.write(current, plan_key(job), path)
    for machine in todo:
        journal.begin(job, plan, machine)
    names = [machine.host for machine in todo]
    first = _first(todo, silent)
    ahead = f"; {first} goes first" if len(names) > 1 else ""
    job.say(f"erasing {sum(len(m.disks) for m in todo)} disk(s) of {', '.join(names)}{ahead}")
    results = journal.watching(job, plan, todo).play(
        "wipe",
        names,
        extravars={
            "disk_wipe_plan_file": str(path),
            "disk_wipe_confirm": plan.confirm,
            "disk_wipe_first": first,
        },
    )
    fresh = {}
    for machine in todo:
        result = results[machine.host]
        report = result.payloads.get("wipe")
        fresh[machine.host] = disk_outcomes(machine, report, plan.plan_id, result.reason)
        journal.end(job, plan, machine, report, fresh[machine.host])
    _certify(job, plan, todo, fresh)
    outcomes = {**done, **{h: (*done.get(h, ()), *ended) for h, ended in fresh.items()}}
    return WipeResult({**outcomes, **late})


def _nothing_left(plan: Plan, done: Mapping[str, tuple[DiskOutcome, ...]]) -> RefusedError:
    """Why a plan of which no disk is left is not run again."""
    failed = [
        f"{host} {one.path} (serial {one.serial})"
        for host, ones in done.items()
        for one in ones
        if one.outcome is Outcome.FAILED and one.reason != NOT_ERASED_SINCE
    ]
    if failed:
        return RefusedError(
            f"the plan {plan.plan_id} has nothing left to erase, and a failure is final: "
            f"{', '.join(failed)}; nothing was changed",
            hint="destroy it physically; or, where the cause was mended (a cable, a dock), make a "
            "new plan with --retry-failed SERIAL",
        )
    return RefusedError(
        f"the plan {plan.plan_id} has been carried out in full; nothing was changed",
        hint="to erase these disks once more, make a new plan: netspring plan -i INVENTORY",
    )


def _suspended_once(ledger: Ledger, plan: Plan, machine: MachinePlan) -> MachinePlan:
    """The machine as it is told to the role: one that began before is not suspended again.

    It may be that it did not wake up; then it would be put to sleep at every attempt.
    """
    if not journal.begins(ledger, machine.uuid).get(plan.plan_id):
        return machine
    disks = tuple(dataclasses.replace(disk, unfreeze=False) for disk in machine.disks)
    return dataclasses.replace(machine, disks=disks)


def _first(todo: list[MachinePlan], silent: Collection[str]) -> str:
    """The machine that goes first: the plan's first that answers.

    One that is switched off would hold up the others and prove nothing about the plan.
    """
    return sorted(todo, key=lambda machine: machine.host in silent)[0].host


def _certify(
    job: Job,
    plan: Plan,
    machines: list[MachinePlan],
    outcomes: Mapping[str, tuple[DiskOutcome, ...]],
) -> None:
    """Issue the erasure records of all machines; raises the first StationError after the last."""
    troubles: list[NetspringError] = []
    for machine in machines:
        boots = journal.boots_of(job.ledger, machine.uuid, plan.plan_id)
        try:
            erasure.issue(job, plan, machine, outcomes[machine.host], boots)
        except NetspringError as error:
            troubles.append(error)
    if troubles:
        raise troubles[0]


def left_to_wipe(job: Job, plan: Plan) -> tuple[str, ...]:
    """Names of the machines of this job on which this plan has disks left to erase."""
    return tuple(machine.host for machine in _split(job, plan)[0])


def recorded_outcomes(job: Job, plan: Plan) -> Mapping[str, tuple[DiskOutcome, ...]]:
    """How the disks of this plan ended according to the ledger alone."""
    return _split(job, plan)[1]


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
        carried_out = journal.erased_by(job.ledger, machine.uuid, plan.plan_id)
        still = journal.erased_disks(job.ledger, machine.uuid)
        failed = journal.failed_by(job.ledger, machine.uuid, plan.plan_id)
        left = tuple(
            d
            for d in machine.disks
            if (d.serial, d.wwn) not in carried_out and d.serial not in failed
        )
        earlier = tuple(
            carried_out[d.serial, d.wwn]
            if (d.serial, d.wwn) in still
            else DiskOutcome(d.serial, d.path, d.model, Outcome.FAILED, NOT_ERASED_SINCE)
            for d in machine.disks
            if (d.serial, d.wwn) in carried_out
        )
        earlier = (*earlier, *(failed[d.serial] for d in machine.disks if d.serial in failed))
        if left:
            todo.append(dataclasses.replace(machine, disks=left))
            done[machine.host] = earlier
        else:
            # A refused disk keeps its machine from being imaged, in a later run too.
            done[machine.host] = (*earlier, *refused_outcomes(machine))
    return todo, done


def _refused_whole(machine: RefusedMachine) -> DiskOutcome:
    return DiskOutcome(None, "", "", Outcome.REFUSED, f"{machine.reason}; {machine.hint}")


def _set_aside(
    job: Job, plan: Plan, todo: list[MachinePlan], now: dt.datetime
) -> tuple[dict[str, tuple[DiskOutcome, ...]], frozenset[str]]:
    """Machines on which this plan may not begin or go on, and those that do not answer.

    Raises:
        RefusedError: it may not begin or go on anywhere.
    """
    refusals: dict[str, RefusedError] = {}
    for machine in todo:
        try:
            _check_not_overtaken(job.ledger, plan, machine)
            if not journal.begun(job.ledger, plan, machine, now):
                consent.check_fresh(plan, now)
        except RefusedError as error:
            refusals[machine.host] = error
    answers = ask_who_they_are(job, [m.host for m in todo if m.host not in refusals])
    refusals |= answers.strangers
    if len(refusals) == len(todo):
        raise refusals[todo[0].host]
    late = {
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
    return late, answers.silent


def _check_not_overtaken(ledger: Ledger, plan: Plan, machine: MachinePlan) -> None:
    """Nothing else was done to the machine since the plan was shown; raises RefusedError."""
    shown = [r.seq for r in ledger.records(kind="plan") if r.body.get("plan_id") == plan.plan_id]
    since = shown[0] if shown else 0
    others = {
        seq
        for plan_id, begun in journal.begins(ledger, machine.uuid).items()
        for seq, _ in begun
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
