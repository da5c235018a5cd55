"""What a virtual PC is: frozen types, and how they are written to ``machine.json``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from netspring_provision.lab import faults
from netspring_provision.lab.faults import SOUND, Faults

Firmware = Literal["bios", "uefi", "secureboot"]
Boot = Literal["live", "disk", "network"]
Bus = Literal["sata", "nvme", "scsi", "virtio", "usb", "sd"]

FIRMWARES: tuple[str, ...] = get_args(Firmware)
BOOTS: tuple[str, ...] = get_args(Boot)
BUSES: tuple[str, ...] = get_args(Bus)

MANUFACTURER = "Netspring Lab"
PRODUCT = "Virtual classroom PC"

# QEMU gives every SD card the same serial number and has no option to change it.
SD_SERIAL = "0xdeadbeef"


class LiveFiles(Protocol):
    """What a boot of the live environment needs; ``netspring_provision.live.Live`` has it."""

    @property
    def kernel(self) -> Path:
        """The kernel."""

    @property
    def initrd(self) -> Path:
        """The one initrd that holds the whole live system."""

    @property
    def cmdline(self) -> str:
        """The kernel command line, with the station's token."""


@dataclass(frozen=True)
class DiskSpec:
    """A disk as it was asked for.

    Attributes:
        serial: what the guest will read; None asks for one that nobody else has.
        faults: what shall be wrong with it.
    """

    bus: Bus
    size_bytes: int
    serial: str | None = None
    faults: Faults = SOUND


@dataclass(frozen=True)
class LabDisk:
    """A disk of a virtual PC: a raw file on the host.

    Attributes:
        index: its place, from 0; the first disk is tried first at boot.
        serial: what the guest reads. May be empty or shared: interlocks are tested with that.
        wwn: world wide name, 64 bits; None on buses that have none.
        path: the raw file; byte N of it is byte N of the disk, unless the disk lies.
        faults: what is wrong with it.
    """

    index: int
    bus: Bus
    size_bytes: int
    serial: str
    wwn: int | None
    path: Path
    faults: Faults = SOUND

    @property
    def liar_socket(self) -> Path:
        """Where the server listens that plays the disk, if it lies."""
        return self.path.with_name(f"liar{self.index}.sock")


@dataclass(frozen=True)
class Running:
    """A PC that is switched on.

    Attributes:
        pid: process of QEMU.
        boot: what it was told to boot.
        accel: ``kvm`` or ``tcg``.
        ssh_port: port on 127.0.0.1 that leads to the guest's SSH; None without our network.
        started: seconds since the epoch.
    """

    pid: int
    boot: Boot
    accel: str
    ssh_port: int | None
    started: float


@dataclass(frozen=True)
class Pc:
    """A virtual PC.

    Attributes:
        folder: ``$NETSPRING_HOME/lab/NAME``.
        memory_bytes: memory of the guest.
        uuid: SMBIOS UUID, lower case.
        serial: SMBIOS serial number.
        last_port: SSH port of the last start; it is tried again, so that known_hosts stay true.
        running: None when it is switched off.
    """

    name: str
    folder: Path
    firmware: Firmware
    memory_bytes: int
    uuid: str
    serial: str
    mac: str
    asset_tag: str
    disks: tuple[LabDisk, ...]
    last_port: int | None = None
    running: Running | None = None

    @property
    def ssh_port(self) -> int | None:
        """SSH port on 127.0.0.1 while the PC is on, else None."""
        return self.running.ssh_port if self.running else None

    @property
    def state(self) -> str:
        """``stopped``, or ``running live|disk|network``."""
        return f"running {self.running.boot}" if self.running else "stopped"

    @property
    def serial_log(self) -> Path:
        """Everything that the guest wrote to its serial port since its last start."""
        return self.folder / "serial.log"

    def on(self, running: Running | None) -> Pc:
        """The same PC, switched on as described, or off."""
        if running is None:
            return replace(self, running=None)
        return replace(self, running=running, last_port=running.ssh_port or self.last_port)


def to_json(pc: Pc) -> dict[str, Any]:
    """The PC as plain data: what ``machine.json`` holds (``running`` is kept elsewhere)."""
    return {
        "schema": 1,
        "name": pc.name,
        "firmware": pc.firmware,
        "memory": pc.memory_bytes,
        "uuid": pc.uuid,
        "serial": pc.serial,
        "mac": pc.mac,
        "asset_tag": pc.asset_tag,
        "ssh_port": pc.last_port,
        "disks": [
            {
                "index": disk.index,
                "bus": disk.bus,
                "size_bytes": disk.size_bytes,
                "serial": disk.serial,
                "wwn": None if disk.wwn is None else f"0x{disk.wwn:016x}",
                "file": disk.path.name,
            }
            | ({"faults": faults.to_json(disk.faults)} if disk.faults != SOUND else {})
            for disk in pc.disks
        ],
    }


def from_json(data: dict[str, Any], folder: Path) -> Pc:
    """The PC that lies in ``folder``; KeyError, TypeError or ValueError if the data is not one."""
    if data["schema"] != 1:
        raise ValueError(f"schema {data['schema']} is not known")
    disks = tuple(
        LabDisk(
            index=int(disk["index"]),
            bus=disk["bus"],
            size_bytes=int(disk["size_bytes"]),
            serial=str(disk["serial"]),
            wwn=None if disk["wwn"] is None else int(disk["wwn"], 16),
            path=folder / Path(disk["file"]).name,
            faults=faults.from_json(disk.get("faults", {})),
        )
        for disk in data["disks"]
    )
    return Pc(
        name=folder.name,
        folder=folder,
        firmware=data["firmware"],
        memory_bytes=int(data["memory"]),
        uuid=str(data["uuid"]),
        serial=str(data["serial"]),
        mac=str(data["mac"]),
        asset_tag=str(data["asset_tag"]),
        disks=disks,
        last_port=data["ssh_port"],
    )
