"""``netspring live``: build and show the live environment."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from netspring_provision import live
from netspring_provision.cli.output import console, emit, json_option
from netspring_provision.config import Station

MB = 1_000_000


@click.group(name="live")
def command() -> None:
    """The live environment that machines run while they are worked on."""


@command.command()
@click.option("--force", is_flag=True, help="Build even if nothing changed; takes new updates.")
@click.option("--mirror", default=None, help="Debian mirror instead of this station's own.")
@json_option
def build(force: bool, mirror: str | None, as_json: bool) -> None:
    """Build kernel and initrd; with the same inputs as before there is nothing to do."""
    screen = console()
    started: set[str] = set()

    def on_event(event: dict[str, Any]) -> None:
        task = str((event.get("event_data") or {}).get("task") or "")
        # Ansible's own first task checks the role's variables: nothing to tell a person.
        if task and task not in started and "arg spec" not in task:
            started.add(task)
            screen.print(f"  {task}", markup=False, soft_wrap=True)

    found = live.build(Station.from_environment(), force, on_event, mirror)
    done = "built" if found.built else "up to date, nothing to do"
    emit(_data(found), as_json, f"live environment: {done}\n{_text(found)}")


@command.command()
@json_option
def show(as_json: bool) -> None:
    """Show kernel, initrd and kernel command line (with the station's token)."""
    found = live.show(Station.from_environment().ensure())
    emit(_data(found), as_json, _text(found))


def _data(found: live.Live) -> dict[str, Any]:
    return asdict(found) | {"total_bytes": found.total_bytes}


def _text(found: live.Live) -> str:
    return "\n".join(
        [
            f"kernel    {found.kernel}",
            f"initrd    {found.initrd}",
            f"cmdline   {found.cmdline}",
            f"to load   {found.total_bytes // MB} MB",
            f"in RAM    {found.unpacked_bytes // MB} MB",
            f"mirror    {found.mirror}",
            f"inputs    {found.inputs_sha256}",
        ]
    )
