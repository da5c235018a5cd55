"""``netspring room``: the inventory folder of one classroom."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from netspring_provision.cli.output import emit, json_option
from netspring_provision.errors import UsageError
from netspring_provision.hosts import inventory_path
from netspring_provision.room.check import validate_room
from netspring_provision.room.new import new_room
from netspring_provision.room.teacher import keep_password


@click.group(name="room")
def command() -> None:
    """Rooms: the machines of one classroom and what they are to become."""


@command.command(name="new")
@click.argument("name")
@click.option(
    "--profile",
    type=click.Choice(["core", "lite", "studio"]),
    required=True,
    help="What the machines become: core has no desktop, lite needs 2 GB of RAM, studio 4 GB.",
)
@click.option(
    "--locale",
    type=click.Choice(["zh_CN", "en_US", "fr_FR"]),
    default="zh_CN",
    show_default=True,
    help="Language of the desktop.",
)
@click.option(
    "--machine",
    "machines",
    metavar="NAME=ADDRESS",
    multiple=True,
    help="A machine of the room and where SSH reaches it; once for each machine.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("inventories"),
    show_default=True,
    help="Folder that holds the rooms.",
)
@json_option
def new(
    name: str,
    profile: str,
    locale: str,
    machines: tuple[str, ...],
    directory: Path,
    as_json: bool,
) -> None:
    """Write the files of a new room; a room that is there already is never changed."""
    folder = new_room(
        directory, name, profile=profile, locale=locale, machines=_addresses(machines)
    )
    emit(
        {"room": name, "path": str(folder.absolute()), "profile": profile, "locale": locale},
        as_json,
        f"Wrote {folder}. Look into {folder / 'hosts.yml'}, then: netspring inspect -i {folder}",
    )


@command.command(name="teacher-password")
@click.option("-i", "--inventory", required=True, help="The room's folder.")
@json_option
def teacher_password(inventory: str, as_json: bool) -> None:
    """Ask for the teacher's password and keep its hash in the room; nothing else keeps it.

    Every PC that is installed from now on has it. At a terminal it is asked for twice; from a
    program, one line of the input is taken.
    """
    path = inventory_path(inventory)
    if (path / "lab.py").exists():
        raise UsageError(f"{inventory} is no room", hint="make one: netspring room new NAME")
    validate_room(path)
    if sys.stdin.isatty():
        password = click.prompt(
            "Teacher's password", hide_input=True, confirmation_prompt=True, err=True
        )
    else:
        password = sys.stdin.readline().rstrip("\n")
    file = keep_password(path, password)
    update = f"ansible-playbook -i {inventory} playbooks/update.yml"
    emit(
        {"file": str(file)},
        as_json,
        f"Kept a hash in {file}. PCs installed from now on have the password; to give it to\n"
        f"others: {update} -e classroom_teacher_password_file={file}",
    )


def _addresses(words: tuple[str, ...]) -> dict[str, str]:
    addresses: dict[str, str] = {}
    for word in words:
        machine, _, address = word.partition("=")
        if not machine or not address:
            raise UsageError(
                f"--machine {word}: not NAME=ADDRESS", hint="such as --machine pc-01=192.168.10.11"
            )
        if machine in addresses:
            raise UsageError(f"--machine {machine} is there twice", hint="each machine once")
        addresses[machine] = address
    return addresses
