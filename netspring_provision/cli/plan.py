"""``netspring plan``: what would be destroyed; the phrase to type stands at the end."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from netspring_provision import claims, consent
from netspring_provision.checks.catalogue import Words
from netspring_provision.cli.inspect import size
from netspring_provision.cli.job import shown_job
from netspring_provision.cli.output import console, emit, inventory_options, json_option
from netspring_provision.cli.policy import policy_options
from netspring_provision.errors import MACHINE_FAILED, OK, REFUSED
from netspring_provision.methods import Policy
from netspring_provision.model import Claim, Plan, PlannedDisk
from netspring_provision.steps.images import image_choice, requirements_of
from netspring_provision.steps.inspect import inspect_machines
from netspring_provision.steps.plan import keep, plan_machines


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
    for machine in plan.machines:
        if machine.disks:
            table = Table(
                title=f"[bold red]WILL BE DESTROYED[/bold red] on {escape(machine.host)}",
                title_justify="left",
            )
            for heading in ("disk", "model", "serial", "size", "method", "about"):
                table.add_column(heading, overflow="fold")
            for disk in machine.disks:
                table.add_row(
                    escape(disk.path),
                    escape(disk.model),
                    escape(disk.serial),
                    size(disk.size_bytes),
                    " -> ".join((disk.method, *disk.fallback)),
                    minutes(disk.estimate_seconds),
                )
            out.print(table)
            for disk in machine.disks:
                _show_disk(disk, out)
        for refused in machine.refused:
            out.print(
                f"[yellow]not touched[/yellow]: {escape(machine.host)} {escape(refused.path)} "
                f"({escape(refused.serial or 'no serial')}): {escape(refused.reason)}\n"
                f"  -> {escape(refused.hint)}"
            )
    for gone in plan.refused:
        out.print(
            f"[red]refused[/red]: {escape(gone.host)}: {escape(gone.reason)}\n"
            f"  -> {escape(gone.hint)}"
        )


def _show_disk(disk: PlannedDisk, out: Console) -> None:
    """What to know first, then each method in the order tried: how long, and what may be said."""
    for note in disk.notes:
        colour = "red" if note.code in ("failing", "will_unhide") else "yellow"
        out.print(f"  [{colour}]{escape(disk.path)}: {_both(claims.words(note))}[/{colour}]")
    for place, method in enumerate((disk.method, *disk.fallback)):
        lead = f"{escape(disk.path)} by" if place == 0 else "  if that does not work:"
        claim = disk.media_claims[method]
        out.print(
            f"  {lead} {_both(claims.method_words(method))}, about "
            f"{minutes(disk.estimates[method])}; may then be called [bold]{claim.level}[/bold]",
            soft_wrap=True,
        )
        show_limits(claim, out)


def show_limits(claim: Claim, out: Console) -> None:
    """What must be said with a claim, one line each."""
    for limit in claim.limits:
        out.print(f"      - {_both(claims.words(limit))}", soft_wrap=True)


def minutes(seconds: int) -> str:
    """A rough time as people say it."""
    whole = max(1, round(seconds / 60))
    return f"{whole} min" if whole < 120 else f"{whole / 60:.1f} h"


def _both(said: Words) -> str:
    return escape(said.en if said.en == said.zh else f"{said.en} · {said.zh}")
