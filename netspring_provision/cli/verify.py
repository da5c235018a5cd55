"""``netspring verify``: check machines that booted their own disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from netspring_provision.cli.job import shown_job
from netspring_provision.cli.output import console, emit, inventory_options, json_option
from netspring_provision.errors import MACHINE_FAILED, OK
from netspring_provision.report import junit
from netspring_provision.steps.report import write_verdicts
from netspring_provision.steps.room import verify_room
from netspring_provision.verdict import MachineVerdict


@click.command("verify")
@inventory_options
@click.option(
    "--image", metavar="NAME", help="Compare with this image; else with the one on record."
)
@click.option(
    "--junit", "junit_file", type=click.Path(path_type=Path), help="Also write JUnit XML."
)
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Also write the report.")
@json_option
def command(
    inventory: str,
    limit: str | None,
    image: str | None,
    junit_file: Path | None,
    html_file: Path | None,
    as_json: bool,
) -> int:
    """Ask each machine what a teacher would. Nothing on it is changed."""
    with shown_job(inventory, limit) as job:
        verdicts = verify_room(job, image)
        report = write_verdicts(job, verdicts)
    if junit_file is not None:
        junit.write(verdicts, junit_file)
    if html_file is not None:
        shutil.copyfile(report, html_file)
    if as_json:
        data = [verdict.as_data() for verdict in verdicts]
        emit({"machines": data, "report": str(report), "run": job.run_id}, as_json, "")
    else:
        show_verdicts(verdicts, console())
        click.echo(f"report: {html_file or report}")
    return OK if verdicts and all(verdict.passed for verdict in verdicts) else MACHINE_FAILED


def show_verdicts(verdicts: tuple[MachineVerdict, ...], out: Console) -> None:
    """A line per machine, and below it what to do about each check that failed."""
    table = Table(title="verify", title_justify="left")
    for heading in ("machine", "verdict", "checks", "what is wrong, and what to do"):
        table.add_column(heading, overflow="fold")
    for verdict in verdicts:
        colour = "green" if verdict.passed else "red"
        good = len(verdict.checks) - len(verdict.failures)
        lines = [verdict.reason.en] if verdict.reason else []
        lines += [f"{check.ask.en} {check.message}. {check.mend.en}" for check in verdict.failures]
        table.add_row(
            verdict.host,
            f"[{colour}]{verdict.standing}[/{colour}]",
            f"{good}/{len(verdict.checks)}",
            escape("\n".join(lines)),
        )
    out.print(table)
