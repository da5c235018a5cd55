"""All of it for the machines of one plan: wipe, install, boot, verify.

Any run may be the rest of an earlier one: what the ledger holds as done is not done again, and
what is not done is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from netspring_provision import consent, ssh
from netspring_provision.errors import NetspringError, RefusedError
from netspring_provision.hosts import Host
from netspring_provision.image.manifest import Manifest
from netspring_provision.ledger import Ledger
from netspring_provision.model import Facts, MachinePlan, Plan, Step
from netspring_provision.outcome import DiskOutcome, all_erased
from netspring_provision.steps.boot import boot_own_disk, trust_installed
from netspring_provision.steps.inspect import enrol_machines, inspect_machines
from netspring_provision.steps.install import install_machines
from netspring_provision.steps.job import Job
from netspring_provision.steps.verify import verify_machines
from netspring_provision.steps.wipe import left_to_wipe, recorded_outcomes, wipe_machines
from netspring_provision.verdict import MachineVerdict

OK = "ok"


@dataclass(frozen=True)
class Progressed:
    """How far one machine came.

    Attributes:
        steps: ``ok`` or the reason, for each step that was reached in this or an earlier run.
        outcomes: how its disks ended.
        verdict: what the checks said, once they ran.
    """

    host: str
    uuid: str
    steps: Mapping[Step, str] = field(default_factory=dict)
    outcomes: tuple[DiskOutcome, ...] = ()
    facts: Facts | None = None
    image: str | None = None
    verdict: MachineVerdict | None = None

    @property
    def good(self) -> bool:
        """Wiped, installed, booted and verified."""
        return self.steps.get(Step.VERIFY) == OK

    @property
    def reason(self) -> str | None:
        """Why it is set aside, ``None`` when it is good or still under way."""
        for step in Step:
            word = self.steps.get(step)
            if word is not None and word != OK:
                return f"{step}: {word}"
        return None

    def step(self, step: Step, word: str) -> Progressed:
        """The same machine with the word for one step."""
        return dataclasses.replace(self, steps={**self.steps, step: word})


def provision_machines(
    job: Job,
    plan: Plan,
    typed: str | None,
    images: Mapping[str, Manifest],
    after_wipe: Callable[[tuple[str, ...]], None] | None = None,
) -> tuple[Progressed, ...]:
    """Take every machine of the plan and of this job as far as it goes.

    Args:
        job: the run.
        plan: the plan, proven genuine.
        typed: the phrase that was typed.
        images: image by inventory name.
        after_wipe: called with the names of the machines that are wiped, before the install.

    Raises:
        RefusedError: wrong phrase, expired plan, or a plan that has been carried out in full.
    """
    consent.check_phrase(plan, typed)
    rows = {m.host: Progressed(m.host, m.uuid) for m in _mine(job, plan)}
    finished = {h for h, row in rows.items() if is_finished(job.ledger, row.uuid, plan.plan_id)}
    if finished == set(rows):
        raise RefusedError(
            f"the plan {plan.plan_id} has been carried out in full, and "
            f"{', '.join(sorted(finished))} passed its checks; nothing was changed",
            hint="to wipe once more, boot the live environment and make a new plan",
        )
    for name in finished:
        rows[name] = dataclasses.replace(rows[name], steps=dict.fromkeys(Step, OK))
    enrol_machines(job)  # a machine that booted again has a new key; silence shows up in the play
    rows |= _wipe(job, plan, typed, rows)
    wiped = tuple(h for h, row in rows.items() if row.steps.get(Step.WIPE) == OK)
    if after_wipe is not None and wiped:
        after_wipe(tuple(h for h in wiped if h not in finished))
    rows |= _install(job, rows, images)
    return (*_verify(job, rows, images).values(), *_refused_by_plan(job, plan))


def is_finished(ledger: Ledger, uuid: str, plan_id: str) -> bool:
    """Whether the machine passed its checks after the wipe of this plan."""
    wipes = [r for r in ledger.records(machine=uuid, kind="wipe") if r.body["plan_id"] == plan_id]
    verified = ledger.last("verify", uuid)
    return bool(
        wipes and verified and verified.seq > wipes[-1].seq and verified.body.get("passed") is True
    )


def is_installed(ledger: Ledger, uuid: str) -> bool:
    """Whether an install of the machine ended, bootloader last, after its latest wipe."""
    wiped, booted = ledger.last("wipe", uuid), ledger.last("bootloader", uuid)
    started = ledger.last("install_started", uuid)
    if booted is None or wiped is None or started is None:
        return False
    return booted.seq > max(wiped.seq, started.seq)


def _mine(job: Job, plan: Plan) -> list[MachinePlan]:
    names = {host.name for host in job.hosts}
    mine = [m for m in plan.machines if m.host in names]
    if not mine:
        raise RefusedError(
            "the plan is for other machines; nothing was changed",
            hint="make a plan for these: netspring plan -i INVENTORY",
        )
    return mine


def _refused_by_plan(job: Job, plan: Plan) -> tuple[Progressed, ...]:
    """The machines of this job that the plan refused as a whole: they are not to be forgotten."""
    names = {host.name for host in job.hosts}
    return tuple(
        Progressed(m.host, "").step(Step.WIPE, f"{m.reason}; {m.hint}")
        for m in plan.refused
        if m.host in names
    )


def _wipe(
    job: Job, plan: Plan, typed: str | None, rows: dict[str, Progressed]
) -> dict[str, Progressed]:
    open_rows = {h: row for h, row in rows.items() if not row.good}
    only = dataclasses.replace(job, hosts=tuple(h for h in job.hosts if h.name in open_rows))
    outcomes = recorded_outcomes(only, plan)
    if left_to_wipe(only, plan):
        outcomes = wipe_machines(only, plan, typed).outcomes
    after = {}
    for host, row in open_rows.items():
        mine = outcomes.get(host, ())
        word = OK if all_erased(mine) else _first_reason(mine)
        after[host] = dataclasses.replace(row, outcomes=mine).step(Step.WIPE, word)
    return after


def _first_reason(outcomes: tuple[DiskOutcome, ...]) -> str:
    for one in outcomes:
        if one.reason is not None:
            return f"{one.path} {one.outcome}: {one.reason}"
    return "no disk of it was planned"


def _install(
    job: Job, rows: dict[str, Progressed], images: Mapping[str, Manifest]
) -> dict[str, Progressed]:
    """Inspect again what is wiped (the disks are others now), then install on what is live."""
    ready = [h for h, row in rows.items() if row.steps.get(Step.WIPE) == OK and not row.good]
    todo = [h for h in ready if not is_installed(job.ledger, rows[h].uuid)]
    after = {h: rows[h].step(Step.INSTALL, OK) for h in ready if h not in todo}
    if not todo:
        return after
    only = dataclasses.replace(job, hosts=tuple(h for h in job.hosts if h.name in todo))
    inspection = inspect_machines(only)
    for missing in inspection.missing:
        after[missing.host] = rows[missing.host].step(Step.INSTALL, missing.reason)
    same = tuple(f for f in inspection.facts if f.uuid == rows[f.host].uuid)
    for facts in inspection.facts:
        if facts not in same:
            after[facts.host] = rows[facts.host].step(
                Step.INSTALL, f"another machine answers there now (UUID {facts.uuid})"
            )
    by_host = {facts.host: facts for facts in same}
    for installed in install_machines(only, same, images) if same else ():
        row = dataclasses.replace(
            rows[installed.host], facts=by_host[installed.host], image=installed.image
        )
        after[installed.host] = row.step(Step.INSTALL, installed.reason or OK)
    return after


def _verify(
    job: Job, rows: dict[str, Progressed], images: Mapping[str, Manifest]
) -> dict[str, Progressed]:
    ready = {
        h: row.uuid for h, row in rows.items() if row.steps.get(Step.INSTALL) == OK and not row.good
    }
    rows = dict(rows)
    to_boot = {h: uuid for h, uuid in ready.items() if rows[h].facts is not None}
    troubles: dict[str, str] = {}
    for name, uuid in ready.items():
        if name in to_boot:
            continue
        try:  # installed by an earlier run, which may have ended before the boot or after it
            if _is_live(job, job.host(name)):
                to_boot[name] = uuid
            else:
                trust_installed(job, job.host(name), uuid)
        except NetspringError as error:
            troubles[name] = error.message
    job, not_booted = boot_own_disk(job, to_boot)
    troubles |= not_booted
    for name, reason in troubles.items():
        rows[name] = rows[name].step(Step.VERIFY, reason)
    names = tuple(name for name in ready if name not in troubles)
    for verdict in verify_machines(job, names, {h: ready[h] for h in names}, images):
        row = dataclasses.replace(rows[verdict.host], verdict=verdict)
        reason = verdict.reason.en if verdict.reason else "failed"
        rows[verdict.host] = row.step(Step.VERIFY, OK if verdict.passed else reason)
    return rows


def _is_live(job: Job, host: Host) -> bool:
    """Whether the machine runs our live environment now; raises MachineFailedError on silence."""
    return ssh.enrol(job.station, host.address, host.port, host.user) is not None
