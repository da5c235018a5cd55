"""The command line of QEMU for a virtual PC. Pure: nothing here runs or opens anything.

Chosen by measurement where it says so; see ``docs/decisions/0005-lab-qemu.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netspring_provision.lab import faults
from netspring_provision.lab.model import MANUFACTURER, PRODUCT, Boot, LabDisk, LiveFiles, Pc

PROGRAM = "qemu-system-x86_64"
# Emulated AVX2 crashed Tux Paint at a VPGATHERDD of Mesa's llvmpipe (QEMU 7.2); and most PCs that
# are donated do not have it.
EMULATED_CPU = "max,avx=off,avx2=off"
QMP_SOCKET = "qmp.sock"
SERIAL_SOCKET = "serial.sock"
PID_FILE = "qemu.pid"
VARS_FILE = "OVMF_VARS.fd"
SATA_PORTS = 6  # of the q35 chipset

# Name of our network; extra arguments that define it themselves replace it.
NETDEV = "net0"


@dataclass(frozen=True)
class Power:
    """How a PC is to be started.

    Attributes:
        accel: ``kvm`` or ``tcg``.
        ssh_port: port on 127.0.0.1 that shall lead to the guest's port 22.
        live: kernel, initrd and command line, for ``boot == "live"``.
        ovmf_code: firmware for UEFI; the PC's own variables lie in its folder.
        direct: whether the file system of the disk files knows O_DIRECT.
        extra: the user's own arguments, put last.
    """

    boot: Boot
    accel: str
    ssh_port: int | None
    live: LiveFiles | None = None
    ovmf_code: Path | None = None
    direct: bool = True
    extra: tuple[str, ...] = ()


def argv(pc: Pc, power: Power) -> list[str]:
    """The whole command. It is to be run in the PC's folder: its sockets have relative names.

    (A Unix socket's path may have 107 bytes only; the folder's path may be longer.)
    """
    secure = pc.firmware == "secureboot"
    found = [
        PROGRAM,
        *("-name", f"guest=netspring-lab-{pc.name}"),
        *("-uuid", pc.uuid),
        *("-machine", f"q35,smm={'on' if secure else 'off'}"),
        *("-accel", "kvm" if power.accel == "kvm" else "tcg,thread=multi"),
        *("-cpu", "host" if power.accel == "kvm" else EMULATED_CPU),
        *("-smp", "2"),
        *("-m", f"{pc.memory_bytes // 1024**2}M"),
        *("-nodefaults", "-no-user-config"),
        *("-display", "none"),
        *("-rtc", "base=utc"),
        *("-device", "VGA,edid=on,xres=1024,yres=768"),
        *("-device", "qemu-xhci,id=xhci"),
        # A pointer with absolute places, so that a test can draw where it wants to.
        *("-device", "usb-tablet,bus=xhci.0"),
        *("-audiodev", "none,id=sound"),
        *("-device", "ich9-intel-hda"),
        *("-device", "hda-output,audiodev=sound"),
        *_smbios(pc),
        *_firmware(pc, power, secure),
        *_disks(pc.disks, DIRECT if power.direct else CACHED),
        *_network(pc, power),
        *_chardevs(pc),
        *_boot(power),
        *("-daemonize", "-pidfile", str(pc.folder / PID_FILE)),
    ]
    return found + list(power.extra)


def replaces_network(extra: Iterable[str]) -> bool:
    """Whether the user's own arguments define the network of the PC's card."""
    return any(f"id={NETDEV}" in argument.split(",") for argument in extra)


def escape(value: object) -> str:
    """A value inside an option: QEMU separates options by commas and wants its own doubled."""
    return str(value).replace(",", ",,")


def _smbios(pc: Pc) -> list[str]:
    return [
        "-smbios",
        f"type=1,manufacturer={MANUFACTURER},product={PRODUCT},serial={pc.serial},uuid={pc.uuid}",
        "-smbios",
        f"type=3,manufacturer={MANUFACTURER},serial={pc.serial},asset={pc.asset_tag}",
    ]


def _firmware(pc: Pc, power: Power, secure: bool) -> list[str]:
    if pc.firmware == "bios":
        return []
    assert power.ovmf_code is not None, "power.start finds it"  # noqa: S101
    found = [
        "-drive",
        f"if=pflash,unit=0,format=raw,readonly=on,file={escape(power.ovmf_code)}",
        "-drive",
        f"if=pflash,unit=1,format=raw,file={escape(pc.folder / VARS_FILE)}",
    ]
    if secure:
        # Without it the guest could write its own keys past the firmware.
        found += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    return found


def _disks(disks: Sequence[LabDisk], cache: str) -> list[str]:
    found: list[str] = []
    if any(disk.bus == "scsi" for disk in disks):
        found += ["-device", "virtio-scsi-pci,id=scsi"]
    sata_port = 0
    for disk in disks:
        drive = f"drive{disk.index}"
        wrong, socket = disk.faults, disk.liar_socket.name
        backend = _options(faults.backend(wrong, disk.bus, str(disk.path), socket))
        line = f"if=none,id={drive},format=raw{backend},{cache},{DRIVE_OPTIONS}"
        found += ["-drive", line + _options(faults.limits(wrong))]
        order = f"bootindex={disk.index + 1}"
        serial = f"serial={escape(disk.serial)}"
        match disk.bus:
            case "sata":
                device = f"ide-hd,bus=ide.{sata_port},rotation_rate=7200,{serial},{order}"
                sata_port += 1
            case "scsi":
                device = f"scsi-hd,bus=scsi.0,rotation_rate=7200,{serial},{order}"
            case "nvme":
                device = f"nvme,{serial},{order}"
            case "virtio":
                device = f"virtio-blk-pci,{serial},{order}"
            case "usb":
                device = f"usb-storage,bus=xhci.0,removable=on,{serial},{order}"
            case "sd":
                found += ["-device", "sdhci-pci"]
                device = "sd-card"
        if disk.wwn is not None:
            device += f",wwn=0x{disk.wwn:016x}"
        found += ["-device", f"{device},drive={drive}"]
    return found


# Past the host's page cache: a guest's disk is then as fast as a disk, not as memory, and what was
# wiped is on the host's disk. A file system without O_DIRECT (some tmpfs) takes the cache; either
# way a power cut here, a killed process, loses nothing that QEMU has handed on.
DIRECT = "cache=none,aio=native"
CACHED = "cache=writeback,aio=threads"
# TRIM is not passed on, so it cannot pass for an erasure.
DRIVE_OPTIONS = "discard=ignore,detect-zeroes=off"


def _options(pairs: Iterable[tuple[str, object]]) -> str:
    return "".join(f",{key}={escape(value)}" for key, value in pairs)


def _network(pc: Pc, power: Power) -> list[str]:
    found: list[str] = []
    if not replaces_network(power.extra):
        forward = "" if power.ssh_port is None else f",hostfwd=tcp:127.0.0.1:{power.ssh_port}-:22"
        found += ["-netdev", f"user,id={NETDEV}{forward}"]
    # Without its boot ROM the card costs no time when it is not asked for.
    rom = "bootindex=0" if power.boot == "network" else "romfile="
    return [*found, "-device", f"e1000e,netdev={NETDEV},mac={pc.mac},{rom}"]


def _chardevs(pc: Pc) -> list[str]:
    return [
        "-chardev",
        f"socket,id=serial,path={SERIAL_SOCKET},server=on,wait=off,"
        f"logfile={escape(pc.serial_log)},logappend=off",
        "-serial",
        "chardev:serial",
        "-chardev",
        f"socket,id=qmp,path={QMP_SOCKET},server=on,wait=off",
        "-mon",
        "chardev=qmp,mode=control",
    ]


def _boot(power: Power) -> list[str]:
    if power.boot != "live":
        return []
    assert power.live is not None, "power.start asks for it"  # noqa: S101
    return [
        *("-kernel", str(power.live.kernel)),
        *("-initrd", str(power.live.initrd)),
        *("-append", power.live.cmdline),
    ]
