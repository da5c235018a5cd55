"""``netspring plan``: what would be destroyed; the phrase to type stands at the end."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from netspring_provision import claims, consent
from netspring_provision.cli.claimed import Footnotes, both
from netspring_provision.cli.inspect import size
from netspring_provision.cli.job import shown_job
from netspring_provision.cli.output import console, emit, inventory_options, json_option
from netspring_provision.cli.policy import policy_options
from netspring_provision.errors import MACHINE_FAILED, OK, REFUSED
from netspring_provision.methods import Policy
from netspring_provision.model import MachinePlan, Plan
from netspring_provision.steps.images import image_choice, requirements_of
from netspring_provision.steps.inspect import inspect_machines
from netspring_provision.steps.plan import keep, plan_machines

# What is told before, in red: notes of which one should stop and think.
GRAVE = ("failing", "retried", "will_unhide")


@click.command("plan")
@inventory_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the plan; the station's plans folder otherwise.",
)
@policy_options
@json_option
def command(
    inventory: str, limit: str | None, out: Path | None, policy: Policy, as_json: bool
) -> int:
    """What would be destroyed, how, how long, and what may be claimed. Nothing is changed."""
    with shown_job(inventory, limit, exclusive=False) as job:
        inspection = inspect_machines(job)
        needs = requirements_of(image_choice(job, None, must_exist=False))
        plan = plan_machines(job, inspection, requirements=needs, policy=policy)
        path = keep(job, plan, out)
    if as_json:
        emit({**consent.body_of(plan), "file": str(path)}, as_json, "")
    else:
        show_plan(plan, console())
        click.echo(f"plan: {path}")
        if plan.confirm:
            click.echo(
                f"to carry it out:\n  netspring wipe -i {inventory} --plan {path} "
                f'--confirm "{plan.confirm}"'
            )
    return plan_exit_code(plan)


def plan_exit_code(plan: Plan) -> int:
    """0 when every disk of every machine is planned, 3 when none is, else 1."""
    if not plan.confirm:
        return REFUSED
    refused = plan.refused or any(machine.refused for machine in plan.machines)
    return MACHINE_FAILED if refused else OK


def show_plan(plan: Plan, out: Console) -> None:
    """The plan as tables: what is destroyed in red, what is refused with its way out."""
    notes = Footnotes()
    for machine in plan.machines:
        for disk in machine.disks:
            for note in disk.notes:
                colour = "red" if note.code in GRAVE else "yellow"
                out.print(
                    f"[{colour}]{escape(machine.host)} {escape(disk.path)}[/{colour}]: "
                    f"{both(claims.words(note))}",
                    soft_wrap=True,
                )
        if machine.disks:
            out.print(_destroyed(machine, notes))
        for refused in machine.refused:
            out.print(
                f"[yellow]not touched[/yellow]: {escape(machine.host)} {escape(refused.path)} "
                f"({escape(refused.serial or 'no serial')}): {escape(refused.reason)}\n"
                f"  -> {escape(refused.hint)}"
            )
    notes.show(out)
    for gone in plan.refused:
        out.print(
            f"[red]refused[/red]: {escape(gone.host)}: {escape(gone.reason)}\n"
            f"  -> {escape(gone.hint)}"
        )


def _destroyed(machine: MachinePlan, notes: Footnotes) -> Table:
    """One row per disk and method: the first is tried first, the others if that does not work."""
    table = Table(
        title=f"[bold red]WILL BE DESTROYED[/bold red] on {escape(machine.host)}",
        title_justify="left",
    )
    for heading in ("disk", "model", "serial", "size", "method", "about", "may then be called"):
        table.add_column(heading, overflow="fold")
    for disk in machine.disks:
        named = (disk.path, disk.model, disk.serial, size(disk.erased_bytes))
        for method in (disk.method, *disk.fallback):
            first = method == disk.method
            table.add_row(
                *(escape(cell) if first else "" for cell in named),
                method if first else f"else {method}",
                minutes(disk.estimates[method]),
                notes.called(disk.media_claims[method]),
            )
    return table


def minutes(seconds: int) -> str:
    """A rough time as people say it."""
    whole = max(1, round(seconds / 60))
    return f"{whole} min" if whole < 120 else f"{whole / 60:.1f} h"
