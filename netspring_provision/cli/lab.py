"""``netspring lab``: virtual PCs that go through exactly the same path as donated ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console
from rich.table import Table

from netspring_provision import lab
from netspring_provision.cli.output import console, emit, json_option
from netspring_provision.config import Station
from netspring_provision.errors import OK
from netspring_provision.lab import console as serial_console
from netspring_provision.lab import faults, kvm, specs, store
from netspring_provision.lab.model import BOOTS, Boot, Pc, to_json


class LabGroup(click.Group):
    """The commands of this file, and ``run``: it needs all other verbs, so it is loaded late."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """``run`` is last: it is made of the others."""
        del ctx
        return [*self.commands, "run"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """``cli/lab_run.py`` for ``run``, else a command of this file."""
        if cmd_name != "run":
            return super().get_command(ctx, cmd_name)
        from netspring_provision.cli import lab_run

        return lab_run.command


@click.group("lab", cls=LabGroup)
def command() -> None:
    """Virtual PCs in QEMU, without root: dirty disks, BIOS and UEFI, power and screen.

    Running PCs are the inventory inventories/lab.
    """


@command.command("create")
@click.argument("name")
@click.option(
    "--firmware",
    default="bios",
    show_default=True,
    metavar="bios|uefi|secureboot",
    help="What the PC boots its disks with.",
)
@click.option("--memory", default="2G", show_default=True, help="Its memory, e.g. 1G or 1536M.")
@click.option(
    "--disk",
    "disks",
    multiple=True,
    metavar="BUS:SIZE[:SERIAL][,FAULT]...",
    help="A disk on the bus sata, nvme, scsi, virtio, usb or sd; may be repeated; "
    "tried at boot in this order. One of sata:8G otherwise.",
)
@json_option
def create(name: str, firmware: str, memory: str, disks: tuple[str, ...], as_json: bool) -> int:
    """Make a PC whose disks are full of a donor's data. It is off afterwards.

    BUS:SIZE: (with a last colon) gives a disk without a serial, which a wipe must refuse.

    A FAULT spoils the disk, for example sata:1G,unreadable=2048: unreadable=SECTOR,
    unwritable=SECTOR, flush-fails, read-only, or rate=SIZE a second. Some disks lie: with
    stuck=SECTOR it keeps old bytes and reports success, with wraps=SIZE it is smaller than it
    says, with fake-erase NVMe Format and the like do nothing. Sectors have 512 bytes.
    """
    pc = lab.create(
        Station.from_environment().ensure(),
        name,
        firmware=specs.parse_firmware(firmware),
        memory_bytes=specs.parse_memory(memory),
        disks=[specs.parse_disk(text) for text in disks or ("sata:8G",)],
    )
    for warning in specs.warnings(pc):
        console().print(f"Note: {warning}")
    emit(_data(pc), as_json, f"{_line(pc)}\nNext: netspring lab start {name} --boot live")
    return OK


@command.command("start")
@click.argument("name")
@click.option(
    "--boot",
    default="live",
    show_default=True,
    type=click.Choice(BOOTS),
    help="Live environment, own disk, or network card.",
)
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="Return when its SSH answers; fail after so many seconds.",
)
@click.argument("qemu_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- EXTRA QEMU ARGS]...")
@json_option
def start(
    name: str, boot: str, wait_seconds: float | None, qemu_args: tuple[str, ...], as_json: bool
) -> int:
    """Switch a PC on. It stays on when this command ends.

    Extra arguments go to QEMU as they are; a -netdev with id=net0 replaces the PC's network.
    """
    station = Station.from_environment().ensure()
    environment = None
    # A wrong name, or a PC that is on, is told before a missing live environment.
    if store.load(station, name).running is None and boot == "live":
        from netspring_provision import live

        environment = live.show(station)
    pc = lab.start(station, name, cast(Boot, boot), environment, qemu_args)
    text = _line(pc)
    if pc.running and pc.running.accel == "tcg":
        console().print(f"Note: without KVM ({kvm.verdict().reason}) it is slow, but works.")
    if wait_seconds is not None:
        text += f"\nSSH answered after {lab.wait_for_ssh(pc, wait_seconds):.0f} s"
    emit(_data(pc), as_json, text)
    return OK


@command.command("list")
@json_option
def list_(as_json: bool) -> int:
    """Show all PCs: whether they run, their SSH ports and disks."""
    station = Station.from_environment()
    pcs = lab.list_pcs(station)
    for name in store.broken(station):
        console().print(f"Note: lab PC {name} is damaged; remove it: netspring lab destroy {name}")
    if pcs and not as_json:
        table = Table("PC", "state", "firmware", "memory", "SSH", "disks", box=None)
        for pc in pcs:
            port = f"127.0.0.1:{pc.ssh_port}" if pc.ssh_port else "-"
            disks = "\n".join(_disk(disk) for disk in pc.disks)
            table.add_row(pc.name, pc.state, pc.firmware, _size(pc.memory_bytes), port, disks)
        Console(highlight=False).print(table)
        return OK
    emit([_data(pc) for pc in pcs], as_json, "No lab PCs. Make one: netspring lab create pc-1")
    return OK


@command.command("screenshot")
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The PNG file; otherwise screenshot.png in the PC's folder.",
)
@json_option
def screenshot(name: str, out: Path | None, as_json: bool) -> int:
    """Save what is on a PC's screen at this moment."""
    station = Station.from_environment()
    pc = store.load(station, name)
    path = lab.screenshot(station, name, out or pc.folder / "screenshot.png")
    emit({"name": name, "path": str(path)}, as_json, str(path))
    return OK


@command.command("console")
@click.argument("name")
def attach(name: str) -> int:
    """Talk to a PC over its serial port. Leave by Ctrl-]."""
    station = Station.from_environment()
    pc = store.load(station, name)
    if pc.running:
        console().print(f"Serial port of {name}. Leave by Ctrl-]; press Enter for a prompt.")
        click.echo(lab.serial_tail(pc))
    ended = serial_console.attach(station, name, sys.stdin.fileno(), sys.stdout.fileno())
    console().print("\nThe PC went off." if ended == "off" else "\nLeft; the PC goes on.")
    return OK


@command.command("reset")
@click.argument("name")
@json_option
def reset(name: str, as_json: bool) -> int:
    """Press a PC's reset button: it boots again, as it was started."""
    pc = lab.reset(Station.from_environment(), name)
    emit(_data(pc), as_json, f"{name}: reset")
    return OK


@command.command("stop")
@click.argument("name")
@click.option("--now", is_flag=True, help="Cut the power, as when somebody pulls the plug.")
@click.option(
    "--timeout",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long the PC may take to shut down before it is switched off.",
)
@json_option
def stop(name: str, now: bool, timeout: float, as_json: bool) -> int:
    """Press a PC's power button, and wait until it is off."""
    station = Station.from_environment()
    pc = lab.kill(station, name) if now else lab.stop(station, name, timeout)
    emit(_data(pc), as_json, f"{name}: off")
    return OK


@command.command("destroy")
@click.argument("name")
@json_option
def destroy(name: str, as_json: bool) -> int:
    """Switch a PC off and delete it with all its disks. Asks nothing."""
    lab.destroy(Station.from_environment(), name)
    emit({"name": name, "destroyed": True}, as_json, f"{name}: deleted")
    return OK


def _data(pc: Pc) -> dict[str, Any]:
    data = to_json(pc)
    for disk, lab_disk in zip(data["disks"], pc.disks, strict=True):
        disk["path"] = str(lab_disk.path)
    return data | {
        "folder": str(pc.folder),
        "state": pc.state,
        "boot": pc.running.boot if pc.running else None,
        "accel": pc.running.accel if pc.running else None,
        "pid": pc.running.pid if pc.running else None,
        "ssh_port": pc.ssh_port,
    }


def _line(pc: Pc) -> str:
    disks = ", ".join(_disk(disk) for disk in pc.disks)
    line = f"{pc.name}: {pc.state}, {pc.firmware}, {_size(pc.memory_bytes)}, {disks}"
    return line + (f", SSH 127.0.0.1:{pc.ssh_port}" if pc.ssh_port else "")


def _disk(disk: lab.LabDisk) -> str:
    text = f"{disk.bus} {_size(disk.size_bytes)} {disk.serial or '(no serial)'}"
    wrong = faults.describe(disk.faults)
    return text + (f" ({wrong})" if wrong else "")


def _size(size_bytes: int) -> str:
    for unit, name in ((1024**4, "T"), (1024**3, "G"), (1024**2, "M"), (1024, "K")):
        if size_bytes % unit == 0:
            return f"{size_bytes // unit}{name}"
    return str(size_bytes)
