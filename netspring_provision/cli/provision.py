"""``netspring provision``: all of it, resumable. Without a phrase it only shows the plan."""

from __future__ import annotations

from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table

from netspring_provision import consent
from netspring_provision.cli.job import shown_job
from netspring_provision.cli.output import console, emit, inventory_options, json_option
from netspring_provision.cli.plan import show_plan
from netspring_provision.cli.policy import policy_options
from netspring_provision.cli.wipe import wipe_data, wipe_exit_code
from netspring_provision.errors import MACHINE_FAILED, OK, REFUSED, RefusedError
from netspring_provision.image.manifest import Manifest
from netspring_provision.methods import Policy
from netspring_provision.model import Plan, Step
from netspring_provision.steps.images import image_choice, requirements_of
from netspring_provision.steps.inspect import inspect_machines
from netspring_provision.steps.job import Job
from netspring_provision.steps.plan import keep, plan_key, plan_machines
from netspring_provision.steps.provision import Progressed, provision_machines
from netspring_provision.steps.report import write_report
from netspring_provision.steps.wipe import WipeResult


@click.command("provision")
@inventory_options
@click.option("--confirm", help="The phrase of the plan; without it the plan is only shown.")
@click.option("--image", metavar="NAME", help="This image for all; else the inventory decides.")
@policy_options
@json_option
def command(
    inventory: str,
    limit: str | None,
    confirm: str | None,
    image: str | None,
    policy: Policy,
    as_json: bool,
) -> int:
    """Wipe, install, boot and verify. Run it again after any interruption: it goes on.

    Without --confirm nothing is changed: the plan is shown, with the phrase to type.
    """
    with shown_job(inventory, limit) as job:
        images = image_choice(job, image)
        if confirm is None:
            _only_plan(job, images, policy)
        plan = find_plan(job, confirm or "")
        rows = provision_machines(job, plan, confirm, images)
        report = write_report(job, rows)
    data = [row_data(row) for row in rows]
    if as_json:
        emit({"machines": data, "report": str(report), "run": job.run_id}, as_json, "")
    else:
        show_rows(rows, console())
        click.echo(f"report: {report}")
    return provision_exit_code(rows)


def provision_exit_code(rows: tuple[Progressed, ...]) -> int:
    """0 when every machine is verified, 3 when all were refused and none touched, else 1."""
    if all(row.good for row in rows):
        return OK
    # A machine that the plan refused as a whole has no outcomes; what was refused is untouched.
    reached = WipeResult({row.host: row.outcomes for row in rows if row.outcomes})
    untouched = bool(reached.outcomes) and wipe_exit_code(reached) == REFUSED
    return REFUSED if untouched else MACHINE_FAILED


def _only_plan(job: Job, images: Mapping[str, Manifest], policy: Policy) -> None:
    """Show a new plan and refuse to go on.

    Raises:
        RefusedError: always; it carries the phrase.
    """
    inspection = inspect_machines(job)
    plan = plan_machines(job, inspection, requirements=requirements_of(images), policy=policy)
    keep(job, plan)
    show_plan(plan, console())
    consent.check_phrase(plan, None)


def find_plan(job: Job, typed: str) -> Plan:
    """The plan of this station whose phrase was typed; the newest if several.

    Raises:
        RefusedError: there is none.
    """
    for path in sorted(job.station.plans.glob("*.json"), reverse=True):
        try:
            plan = consent.read(path, plan_key(job))
        except RefusedError:
            continue
        if plan.confirm and plan.confirm == typed:
            return plan
    raise RefusedError(
        f"no plan of this station has the phrase {typed!r}; nothing was changed",
        hint="see the plan first: netspring provision -i INVENTORY (without --confirm)",
    )


def row_data(row: Progressed) -> dict[str, object]:
    """One machine as plain data."""
    return {
        "host": row.host,
        "uuid": row.uuid,
        "good": row.good,
        "reason": row.reason,
        "image": row.image,
        "steps": {step.value: word for step, word in row.steps.items()},
        "disks": wipe_data(WipeResult({row.host: row.outcomes}))[row.host],
    }


def show_rows(rows: tuple[Progressed, ...], out: Console) -> None:
    """A line per machine: how far it came, and which to pull aside and why."""
    table = Table(title="machines", title_justify="left")
    table.add_column("machine")
    for step in (Step.WIPE, Step.INSTALL, Step.VERIFY):
        table.add_column(step.value)
    table.add_column("pull aside because", overflow="fold")
    for row in rows:
        cells = [_cell(row.steps.get(step)) for step in (Step.WIPE, Step.INSTALL, Step.VERIFY)]
        table.add_row(row.host, *cells, row.reason or "")
    out.print(table)


def _cell(word: str | None) -> str:
    if word is None:
        return "[dim]not reached[/dim]"
    return "[green]ok[/green]" if word == "ok" else "[red]failed[/red]"
