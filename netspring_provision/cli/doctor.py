"""``netspring doctor``: what this station lacks, and the command that mends it."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from netspring_provision.cli.output import emit, json_option
from netspring_provision.config import Station
from netspring_provision.doctor import mend, needs, probe
from netspring_provision.errors import OK, STATION_LACKS

_STYLE = {
    needs.State.OK: "[green]ok[/green]",
    needs.State.NOTE: "[yellow]note[/yellow]",
    needs.State.LACKING: "[red]lacking[/red]",
}


@click.command(name="doctor")
@click.option("--fix", is_flag=True, help="Install the Debian packages that are missing (as root).")
@json_option
def command(fix: bool, as_json: bool) -> int:
    """Show what this station lacks, and the command that mends it.

    Exit code 0 when everything is there, 4 when something is lacking.
    """
    station = Station.from_environment()
    facts = probe.facts(station)
    findings = needs.judge(facts)
    packages = needs.missing_packages(findings)
    if fix and packages:
        mend.install(packages, is_root=facts.is_root)
        findings = needs.judge(probe.facts(station))
        if stale := needs.missing_packages(findings):
            # Installed, but an old release of it: apt's lists date from before the newer one.
            mend.update()
            mend.install(stale, is_root=facts.is_root)
            findings = needs.judge(probe.facts(station))
    lacking = needs.lacking(findings)
    command_line = _one_command(findings, is_root=facts.is_root)
    result = {
        "ok": not lacking,
        "findings": [asdict(finding) for finding in findings],
        "mend": command_line,
    }
    if not as_json:
        Console(highlight=False).print(_table(findings))
    emit(result, as_json, _summary(findings, command_line))
    return STATION_LACKS if lacking else OK


def _one_command(findings: tuple[needs.Finding, ...], *, is_root: bool) -> str | None:
    packages = needs.missing_packages(findings)
    return needs.install_command(packages, is_root=is_root) if packages else None


def _table(findings: tuple[needs.Finding, ...]) -> Table:
    table = Table("What", "", Column("Seen", overflow="fold"), box=None, pad_edge=False)
    for finding in findings:
        table.add_row(finding.name, _STYLE[finding.state], escape(finding.detail))
    return table


def _summary(findings: tuple[needs.Finding, ...], mend_all: str | None) -> str:
    """What is lacking and, one on a line to be copied, the commands that mend it."""
    lacking = needs.lacking(findings)
    if not lacking:
        return "\nThis station has everything it needs."
    names = ", ".join(finding.name for finding in lacking)
    commands = [f"  {mend_all}"] if mend_all else []
    commands += [f"  {finding.name}: {finding.mend}" for finding in lacking if not finding.package]
    return "\n".join([f"\nLacking: {names}. To mend it:", *commands])
