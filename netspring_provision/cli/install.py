"""``netspring install``: put the image on wiped machines."""

from __future__ import annotations

import dataclasses

import click

from netspring_provision.cli.job import shown_job
from netspring_provision.cli.output import emit, inventory_options, json_option
from netspring_provision.errors import MACHINE_FAILED, OK, REFUSED
from netspring_provision.steps.images import image_choice
from netspring_provision.steps.inspect import inspect_machines
from netspring_provision.steps.install import Installed, install_machines


@click.command("install")
@inventory_options
@click.option("--image", metavar="NAME", help="This image for all; else the inventory decides.")
@click.option(
    "--keep-home",
    is_flag=True,
    help="Only the system, on PCs that this station installed; the children's files stay.",
)
@json_option
def command(
    inventory: str, limit: str | None, image: str | None, keep_home: bool, as_json: bool
) -> int:
    """Put the image on machines in the live environment whose disks are all erased."""
    with shown_job(inventory, limit) as job:
        images = image_choice(job, image)
        found = inspect_machines(job)
        results = (
            *(Installed(m.host, images[m.host].name, m.reason) for m in found.missing),
            *(
                install_machines(job, found.facts, images, keep_home=keep_home)
                if found.facts
                else ()
            ),
        )
    emit(
        [dataclasses.asdict(result) for result in results],
        as_json,
        "\n".join(_line(result) for result in results),
    )
    bad = [result for result in results if result.reason is not None]
    if bad and len(bad) == len(results) and all(result.refused for result in bad):
        return REFUSED
    return MACHINE_FAILED if bad else OK


def _line(result: Installed) -> str:
    if result.reason is None:
        again = (
            ". It was sealed and is not any more: netspring verify, then netspring seal"
            if result.was_sealed
            else ""
        )
        return f"{result.host}: {result.image} installed; it boots from its own disk now{again}"
    return f"{result.host}: {'refused' if result.refused else 'failed'}: {result.reason}"
