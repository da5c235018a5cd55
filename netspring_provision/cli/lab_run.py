"""``netspring lab run``: the whole job on virtual PCs, the demo."""

from __future__ import annotations

import click

from netspring_provision.cli.output import console, emit, json_option
from netspring_provision.cli.plan import show_plan
from netspring_provision.cli.provision import row_data, show_rows
from netspring_provision.config import Station
from netspring_provision.errors import MACHINE_FAILED, OK
from netspring_provision.lab import parse_disk, parse_memory
from netspring_provision.lab.model import FIRMWARES
from netspring_provision.lab.specs import parse_firmware
from netspring_provision.progress import display
from netspring_provision.steps.lab_run import Wanted, run


@click.command("run")
@click.option("--machines", default=1, show_default=True, help="How many PCs, all at once.")
@click.option("--profile", default="lite", show_default=True, help="Profile of the image.")
@click.option("--locale", default="zh_CN", show_default=True, help="Language of the PCs.")
@click.option(
    "--firmware",
    default="bios",
    show_default=True,
    type=click.Choice(FIRMWARES),
    help="Firmware of the PCs.",
)
@click.option("--memory", help="Memory of each PC, e.g. 2G; else what the profile needs.")
@click.option(
    "--disk",
    "disks",
    multiple=True,
    metavar="BUS:SIZE[:SERIAL]",
    help="A disk of each PC; may be repeated. One SATA disk otherwise.",
)
@json_option
def command(
    machines: int,
    profile: str,
    locale: str,
    firmware: str,
    memory: str | None,
    disks: tuple[str, ...],
    as_json: bool,
) -> int:
    """Take new dirty virtual PCs to verified classroom PCs; builds what is missing.

    PCs named labrun-1, labrun-2, ... belong to this command and are made anew each time.
    """
    wanted = Wanted(
        machines=machines,
        profile=profile,
        locale=locale,
        firmware=parse_firmware(firmware),
        memory_bytes=parse_memory(memory) if memory else None,
        disks=tuple(parse_disk(text) for text in disks),
    )
    screen = console()
    with display(screen) as shown:
        result = run(
            Station.from_environment(), wanted, shown, lambda plan: show_plan(plan, screen)
        )
    if as_json:
        emit(
            {
                "run": result.run_id,
                "report": str(result.report),
                "screenshots": {name: str(path) for name, path in result.screenshots.items()},
                "leftovers": dict(result.leftovers),
                "machines": [row_data(row) for row in result.rows],
            },
            as_json,
            "",
        )
    else:
        show_rows(result.rows, screen)
        for name, path in result.screenshots.items():
            click.echo(f"screenshot of {name}: {path}")
        click.echo(f"report: {result.report}")
    return OK if all(row.good for row in result.rows) else MACHINE_FAILED
