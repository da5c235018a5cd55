"""``netspring doctor``: what this station lacks, and the command that mends it."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

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
    result = {
        "ok": not lacking,
        "findings": [asdict(finding) for finding in findings],
        "mend": _one_command(findings, is_root=facts.is_root),
    }
    if not as_json:
        Console(highlight=False).print(_table(findings))
    emit(result, as_json, _summary(lacking, result["mend"]))
    return STATION_LACKS if lacking else OK


def _one_command(findings: tuple[needs.Finding, ...], *, is_root: bool) -> str | None:
    packages = needs.missing_packages(findings)
    return needs.install_command(packages, is_root=is_root) if packages else None


def _table(findings: tuple[needs.Finding, ...]) -> Table:
    table = Table("What", "", "Seen", "To mend it", box=None, pad_edge=False)
    for finding in findings:
        state = _STYLE[finding.state]
        table.add_row(finding.name, state, escape(finding.detail), escape(finding.mend or ""))
    return table


def _summary(lacking: tuple[needs.Finding, ...], mend_all: object) -> str:
    if not lacking:
        return "This station has everything it needs."
    names = ", ".join(finding.name for finding in lacking)
    return f"Lacking: {names}." + (f"\nMend all packages at once: {mend_all}" if mend_all else "")
