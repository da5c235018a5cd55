"""``netspring inspect``: what the machines are, read-only."""

from __future__ import annotations

from collections.abc import Mapping

import click
from rich.markup import escape
from rich.table import Table

from netspring_provision.cli.job import shown_job
from netspring_provision.cli.output import console, emit, inventory_options, json_option
from netspring_provision.cli.triage import coloured
from netspring_provision.errors import MACHINE_FAILED, OK
from netspring_provision.steps.inspect import Inspection, inspect_machines
from netspring_provision.triage import DiskVerdict, MachineVerdict, disk_verdict, machine_verdict


@click.command("inspect")
@inventory_options
@json_option
def command(inventory: str, limit: str | None, as_json: bool) -> int:
    """Read-only: hardware, disks, what lies on them, and whether they are worth the work.

    Nothing is written to the machines. The verdicts are those of netspring triage.
    """
    with shown_job(inventory, limit, exclusive=False) as job:
        found = inspect_machines(job)
    verdicts = {facts.host: machine_verdict(facts.raw, facts.host) for facts in found.facts}
    data = {
        "machines": {facts.host: facts.raw for facts in found.facts},
        "triage": {host: verdict.as_data() for host, verdict in verdicts.items()},
        "missing": [{"host": m.host, "reason": m.reason, "hint": m.hint} for m in found.missing],
    }
    if as_json:
        emit(data, as_json, "")
    else:
        _show(found, verdicts)
    return MACHINE_FAILED if found.missing else OK


def _show(found: Inspection, verdicts: Mapping[str, MachineVerdict]) -> None:
    out = console()
    for facts in found.facts:
        table = Table(
            title=escape(
                f"{facts.host}: {facts.vendor} {facts.product}, {facts.firmware.upper()}, "
                f"{facts.memory_bytes / (1 << 30):.1f} GiB RAM, UUID {facts.uuid or 'none'}"
            ),
            title_justify="left",
        )
        for heading in ("disk", "bus", "medium", "model", "serial", "size", "health", "in use"):
            table.add_column(heading, overflow="fold")
        for disk in facts.disks:
            table.add_row(
                escape(disk.path),
                escape(disk.bus),
                escape(disk.medium),
                escape(disk.model),
                escape(disk.serial) if disk.serial else "[red]none[/red]",
                size(disk.size_bytes),
                _health(disk_verdict(disk.raw)),
                escape("; ".join(f"{use.kind} {use.detail}" for use in disk.uses)) or "no",
            )
        out.print(table)
        verdict = verdicts[facts.host]
        out.print(
            f"  {coloured(verdict.verdict)}: {escape(verdict.reason.zh)}\n"
            f"  {escape(verdict.reason.en)}",
            soft_wrap=True,
        )
    for missing in found.missing:
        out.print(
            f"[red]{escape(missing.host)}[/red]: {escape(missing.reason)}\n"
            f"  -> {escape(missing.hint)}"
        )


def size(count: int) -> str:
    """A capacity as drives are sold: decimal gigabytes."""
    return f"{count / 1e9:.1f} GB"


def _health(verdict: DiskVerdict) -> str:
    return f"{coloured(verdict.health)}\n{escape(verdict.reason.en)}"
