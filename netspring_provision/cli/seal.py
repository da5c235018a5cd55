"""``netspring seal``: the last step before a PC is handed over."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from netspring_provision import sealing
from netspring_provision.cli.claimed import both
from netspring_provision.cli.job import shown_job
from netspring_provision.cli.output import console, emit, inventory_options, json_option
from netspring_provision.errors import MACHINE_FAILED, OK, REFUSED
from netspring_provision.sealing import Sealed, Standing
from netspring_provision.steps.seal import seal_machines


@click.command("seal")
@inventory_options
@json_option
def command(inventory: str, limit: str | None, as_json: bool) -> int:
    """Close verified machines: the station cannot enter them afterwards.

    Only a machine that passed its checks after its newest installation is sealed. Its asset tag
    stays, on the machine and in the ledger. A machine that is sealed already is left alone.

    Exit code 0 when all are sealed, 3 when some were refused and changed nothing, 1 when a machine
    failed or when it is not known how it ended.
    """
    with shown_job(inventory, limit) as job:
        results = seal_machines(job)
    if as_json:
        data = [one.as_data() for one in results]
        emit({"machines": data, "run": job.run_id}, as_json, "")
    else:
        show(results, console())
    return exit_code(results)


def exit_code(results: tuple[Sealed, ...]) -> int:
    """The worst of the machines: failed or unknown, then refused."""
    standings = {one.standing for one in results}
    if not standings or standings & {Standing.FAILED, Standing.UNKNOWN}:
        return MACHINE_FAILED
    return REFUSED if Standing.REFUSED in standings else OK


def show(results: tuple[Sealed, ...], out: Console) -> None:
    """A row per machine: how it ended, and what to do."""
    table = Table(title="seal", title_justify="left")
    for heading in ("machine", "asset tag", "verdict", "what happened, and what to do"):
        table.add_column(heading, overflow="fold")
    for one in results:
        colour = "green" if one.good else "red"
        table.add_row(
            escape(one.host),
            escape(one.asset_tag or "-"),
            f"[{colour}]{one.standing}[/{colour}]",
            "\n".join(lines(one)),
        )
    out.print(table)


def lines(one: Sealed) -> list[str]:
    """What is said about a machine, in English and Chinese, safe for the console."""
    if one.standing is Standing.SEALED:
        return [both(sealing.words("sealed", tag=one.asset_tag))]
    if one.standing is Standing.ALREADY:
        return [both(sealing.words("already_sealed", tag=one.asset_tag, time=one.time))]
    said = [both(words) for words in (one.reason, one.mend) if words is not None]
    return [*said, escape(one.detail)] if one.detail else said
