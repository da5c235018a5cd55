"""``netspring triage``: keep, repair or parts, and why, in one sentence."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from netspring_provision.cli.job import shown_job
from netspring_provision.cli.output import emit, json_option
from netspring_provision.errors import MACHINE_FAILED, OK, UsageError
from netspring_provision.model import RefusedMachine
from netspring_provision.steps.inspect import inspect_machines
from netspring_provision.triage import machine_verdict, rules
from netspring_provision.triage.model import DiskVerdict, MachineVerdict
from netspring_provision.triage.recorded import ACCEPTED, Triage, triage_files

COLOURS = {
    "keep": "green",
    "repair": "yellow",
    "parts": "red",
    "healthy": "green",
    "unknown": "yellow",
    "failing": "red",
}


@click.command("triage")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("-i", "--inventory", default=None, help="Ask the machines of this inventory.")
@click.option(
    "--limit",
    default=None,
    help="Only these machines or groups of the inventory, separated by commas.",
)
@json_option
def command(
    files: tuple[Path, ...], inventory: str | None, limit: str | None, as_json: bool
) -> int:
    """Keep, repair or parts for each machine, and why; healthy, failing or unknown for each disk.

    FILE is what a tool printed: smartctl -j -x, lshw -json, nvme id-ctrl -o json,
    nvme smart-log -o json, hdparm -I, lsblk -J or netspring inspect --json. Its content tells
    which. Records in one folder with one machine's lshw belong to that machine.

    Exit codes: 0 all are to be kept, 1 some are not or did not answer, 2 a file is none of these.
    """
    if bool(files) == bool(inventory):
        raise UsageError("give recorded files, or an inventory with -i", hint=ACCEPTED)
    missing: tuple[RefusedMachine, ...] = ()
    if inventory:
        with shown_job(inventory, limit, exclusive=False) as job:
            found = inspect_machines(job)
        judged = tuple(machine_verdict(facts.raw, facts.host) for facts in found.facts)
        result, missing = Triage(judged, (), ()), found.missing
    else:
        result = triage_files(files)
    if as_json:
        emit(_data(result, missing), as_json, "")
    else:
        show(result, missing, Console(highlight=False, soft_wrap=True))
    return OK if result.all_keep and not missing else MACHINE_FAILED


def _data(result: Triage, missing: tuple[RefusedMachine, ...]) -> dict[str, object]:
    return {
        "all_keep": result.all_keep and not missing,
        "machines": [machine.as_data() for machine in result.machines],
        "disks": [disk.as_data() for disk in result.disks],
        "files": [{"file": file, "kinds": list(kinds)} for file, kinds in result.files],
        "missing": [{"host": m.host, "reason": m.reason, "hint": m.hint} for m in missing],
    }


def show(result: Triage, missing: tuple[RefusedMachine, ...], out: Console) -> None:
    """The verdicts for people: one block for each machine, and for each disk without one."""
    for machine in result.machines:
        show_machine(machine, out)
    for disk in result.disks:
        where = ", ".join(Path(file).name for file in disk.disk.files)
        out.print(f"{coloured(disk.verdict)}  {escape(disk.disk.name)}  [dim]{escape(where)}[/dim]")
        _show_disk(disk, out, of_machine=False)
    for gone in missing:
        out.print(
            f"[red]no answer[/red]  {escape(gone.host)}: {escape(gone.reason)}\n"
            f"  -> {escape(gone.hint)}"
        )


def show_machine(machine: MachineVerdict, out: Console) -> None:
    """The verdict over one machine, with its disks."""
    out.print(f"{coloured(machine.verdict)}  {escape(machine.machine.name)}")
    out.print(f"  {escape(machine.reason.zh)}\n  {escape(machine.reason.en)}")
    for disk in machine.disks:
        _show_disk(disk, out, of_machine=True)


def _show_disk(disk: DiskVerdict, out: Console, *, of_machine: bool) -> None:
    name = f"{escape(disk.disk.name)}: " if of_machine else ""
    out.print(f"  {name}{coloured(disk.health)}")
    out.print(f"    {escape(disk.reason.zh)}\n    {escape(disk.reason.en)}")
    if not of_machine:
        only = rules.say("only_disk")
        out.print(f"    {escape(only.zh)}\n    {escape(only.en)}")


def coloured(word: str) -> str:
    """A verdict or a state of health in its colour."""
    return f"[bold {COLOURS[word]}]{word}[/bold {COLOURS[word]}]"
