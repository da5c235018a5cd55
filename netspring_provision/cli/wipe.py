"""``netspring wipe``: carry out a plan."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from netspring_provision import claims, consent
from netspring_provision.cli.claimed import Footnotes, both
from netspring_provision.cli.job import shown_job
from netspring_provision.cli.output import console, emit, inventory_options, json_option
from netspring_provision.cli.plan import show_plan
from netspring_provision.errors import MACHINE_FAILED, OK, REFUSED
from netspring_provision.model import Outcome, Plan
from netspring_provision.outcome import DiskOutcome
from netspring_provision.steps.plan import plan_key
from netspring_provision.steps.wipe import WipeResult, wipe_machines

COLOUR = {Outcome.ERASED: "green", Outcome.REFUSED: "yellow", Outcome.FAILED: "red"}


@click.command("wipe")
@inventory_options
@click.option(
    "--plan",
    "plan_file",
    required=True,
    type=click.Path(path_type=Path),
    help="The plan file that netspring plan wrote.",
)
@click.option("--confirm", help="The phrase of the plan, letter by letter.")
@json_option
def command(
    inventory: str, limit: str | None, plan_file: Path, confirm: str | None, as_json: bool
) -> int:
    """Erase the disks that the plan names, and prove it. This destroys all data on them."""
    with shown_job(inventory, limit) as job:
        plan = consent.read(plan_file, plan_key(job))
        consent.check_phrase(plan, confirm)
        show_plan(of_hosts(plan, [host.name for host in job.hosts]), console())
        result = wipe_machines(job, plan, confirm)
    emit(wipe_data(result), as_json, "") if as_json else show_wipe(result, console())
    return wipe_exit_code(result)


def of_hosts(plan: Plan, names: Collection[str]) -> Plan:
    """The part of a plan that is about these machines, for showing only."""
    return dataclasses.replace(
        plan,
        machines=tuple(m for m in plan.machines if m.host in names),
        refused=tuple(m for m in plan.refused if m.host in names),
    )


def wipe_exit_code(result: WipeResult) -> int:
    """0 when every disk is erased, 3 when every one was refused and none touched, else 1."""
    if all(result.erased(host) for host in result.outcomes):
        return OK
    outcomes = [one.outcome for ones in result.outcomes.values() for one in ones]
    return REFUSED if set(outcomes) == {Outcome.REFUSED} else MACHINE_FAILED


def wipe_data(result: WipeResult) -> dict[str, object]:
    """The outcomes as plain data."""
    return {
        host: [dataclasses.asdict(outcome) for outcome in outcomes]
        for host, outcomes in result.outcomes.items()
    }


def show_wipe(result: WipeResult, out: Console) -> None:
    """One line per disk: erased, refused or failed, how, what may be said of it, and why."""
    table = Table(title="wipe", title_justify="left")
    for heading in ("machine", "disk", "serial", "outcome", "by", "claim", "why, and what to do"):
        table.add_column(heading, overflow="fold")
    notes = Footnotes()
    for host, outcomes in result.outcomes.items():
        for one in outcomes:
            colour = COLOUR[one.outcome]
            table.add_row(
                escape(host),
                escape(one.path) or "all",
                escape(one.serial or "-"),
                f"[{colour}]{one.outcome}[/{colour}]",
                escape(one.method or "-"),
                notes.called(one.claim) if one.claim else "none",
                escape(_why(one)),
            )
    out.print(table)
    notes.show(out)
    for host, outcomes in result.outcomes.items():
        for one in outcomes:
            _show_weaker(host, one, out)


def _why(one: DiskOutcome) -> str:
    if one.outcome is not Outcome.ERASED:
        return one.reason or "no reason was given"
    verify = one.evidence.get("verify") or {}
    if verify.get("mode") == "sampled":
        return f"samples read back: {verify.get('bytes_read')} bytes"
    return "every byte read back"


def _show_weaker(host: str, one: DiskOutcome, out: Console) -> None:
    """Why less may be said than was planned, if that is so."""
    if one.claim is None or one.planned is None or not claims.weaker(one.claim, one.planned):
        return
    known = {limit.code for limit in one.planned.limits}
    more = "; ".join(both(claims.words(x)) for x in one.claim.limits if x.code not in known)
    levels = f"{one.claim.level}, not {one.planned.level}: "
    out.print(
        f"[yellow]less than planned[/yellow]: {escape(host)} {escape(one.path)}: "
        f"{levels if one.claim.level != one.planned.level else ''}{more}",
        soft_wrap=True,
    )
