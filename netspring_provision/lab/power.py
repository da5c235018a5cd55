"""Switches virtual PCs on and off. They live on when the ``netspring`` process ends."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, StationError, UsageError
from netspring_provision.lab import kvm, liar, ports, process, qemu, store
from netspring_provision.lab.model import BOOTS, Boot, LiveFiles, Pc, Running
from netspring_provision.lab.qmp import Qmp

_START_SECONDS = 60.0  # for QEMU to open its files; a loaded station is slow
_CLOSE_SECONDS = 10.0
_PORT_ATTEMPTS = 5
OVMF_FOLDER = Path("/usr/share/OVMF")
# Firmware and the variables to begin with, for each kind of PC (Debian's package ovmf).
OVMF_FILES = {
    "uefi": ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
    "secureboot": ("OVMF_CODE_4M.ms.fd", "OVMF_VARS_4M.ms.fd"),
}


def start(
    station: Station,
    name: str,
    boot: Boot = "disk",
    live: LiveFiles | None = None,
    extra_args: Sequence[str] = (),
) -> Pc:
    """Switch the PC on; returns as soon as its processors run.

    Args:
        station: whose PC it is.
        name: of the PC.
        boot: what it shall boot.
        live: the live environment; needed for ``boot="live"``.
        extra_args: more arguments for QEMU. A ``-netdev ...,id=net0`` among them replaces the
            PC's own network (and with it the way to its SSH).

    Raises:
        UsageError: no such PC, or it is on already.
        StationError: QEMU, firmware, files or a port are missing, or QEMU would not start.
    """
    if boot not in BOOTS:
        raise UsageError(f"a PC cannot boot {boot!r}", hint="one of: " + ", ".join(BOOTS))
    with store.locked(station, name):
        pc = store.load(station, name)
        if pc.running:
            raise UsageError(
                f"lab PC {name} is on already ({pc.state}, process {pc.running.pid})",
                hint=f"switch it off first: netspring lab stop {name}",
            )
        if boot == "live":
            _check_live(live)
        process.end(pc.folder)  # one that is just going off still holds the disks
        accel = "kvm" if kvm.verdict().usable else "tcg"
        power = qemu.Power(
            boot=boot,
            accel=accel,
            ssh_port=None,
            live=live,
            ovmf_code=_firmware(pc),
            direct=all(_takes_direct_io(disk.path) for disk in pc.disks),
            extra=tuple(extra_args),
        )
        port = _launch(station, pc, power)
        pid = store.pid_of(pc.folder)
        if pid is None:
            raise MachineFailedError(
                f"lab PC {name} went off as soon as it was started",
                hint=f"see its serial log: {pc.serial_log}",
            )
        pc = pc.on(Running(pid, boot, accel, port, time.time()))
        store.save(pc)
        return pc


def stop(station: Station, name: str, timeout_seconds: float = 60.0) -> Pc:
    """Press the power button, and switch off after ``timeout_seconds`` whatever the guest does.

    What the guest had flushed is on its disks; what it had not flushed may be lost at the limit.
    """
    with store.locked(station, name):
        pc = _loaded_running(station, name)
        with process.of(pc.folder) as running:
            patience = timeout_seconds
            try:
                _ask_to_go_off(pc)
            except MachineFailedError:
                patience = 1.0  # it is going off by itself, or hangs: nothing to wait for
            if running and not running.wait(patience):
                running.signal(signal.SIGTERM)  # QEMU then closes its disks in order
                running.wait(_CLOSE_SECONDS)
        process.end(pc.folder)
        return _gone(pc)


def _takes_direct_io(file: Path) -> bool:
    """Whether the file's file system knows O_DIRECT; a missing file is QEMU's to report."""
    try:
        os.close(os.open(file, os.O_RDONLY | os.O_DIRECT))
    except OSError as error:
        return error.errno != errno.EINVAL  # open(2): "The filesystem does not support O_DIRECT"
    return True


def _ask_to_go_off(pc: Pc) -> None:
    """Press the power button; in the live environment Ctrl-Alt-Del too.

    The live environment has no daemon that hears the button, but its systemd hears the keys and
    shuts down in order. It would then boot again, so QEMU is told to take a boot as the end.
    """
    with Qmp(pc.folder / qemu.QMP_SOCKET) as qmp:
        if pc.running and pc.running.boot == "live":
            qmp.execute("set-action", reboot="shutdown")
            keys = [{"type": "qcode", "data": key} for key in ("ctrl", "alt", "delete")]
            qmp.execute("send-key", keys=keys)
        qmp.execute("system_powerdown")


def kill(station: Station, name: str) -> Pc:
    """Cut the power: QEMU gets SIGKILL. What the guest wrote before is on its disks."""
    with store.locked(station, name):
        pc = _loaded_running(station, name)
        process.end(pc.folder)
        return _gone(pc)


def reset(station: Station, name: str) -> Pc:
    """Press the reset button: the guest begins anew, QEMU goes on."""
    pc = _loaded_running(station, name)
    with Qmp(pc.folder / qemu.QMP_SOCKET) as qmp:
        qmp.execute("system_reset")
    return pc


def open_qmp(station: Station, name: str, timeout_seconds: float = 10.0) -> Qmp:
    """A conversation with the running PC's QEMU (keys, pointer, pause, disks ...)."""
    pc = _loaded_running(station, name)
    return Qmp(pc.folder / qemu.QMP_SOCKET, timeout_seconds)


def _launch(station: Station, pc: Pc, power: qemu.Power) -> int | None:
    """Run QEMU until it has gone into the background; returns the SSH port it holds."""
    if shutil.which(qemu.PROGRAM) is None:
        raise StationError(
            f"{qemu.PROGRAM} is not installed", hint="apt-get install qemu-system-x86"
        )
    for disk in pc.disks:
        if not disk.path.is_file():
            raise StationError(
                f"lab PC {pc.name}: its disk {disk.path} is missing",
                hint=f"make the PC anew: netspring lab destroy {pc.name}",
            )
    (pc.folder / qemu.PID_FILE).unlink(missing_ok=True)
    if qemu.replaces_network(power.extra):
        _run(pc, power)
        return None
    others = {other.last_port for other in store.list_pcs(station) if other.name != pc.name}
    forbidden = frozenset(port for port in others if port is not None)
    preferred = None if pc.last_port in forbidden else pc.last_port
    for _ in range(_PORT_ATTEMPTS):
        port = ports.free_port(preferred, forbidden)
        try:
            _run(pc, replace(power, ssh_port=port))
        except StationError as error:
            if "Could not set up host forwarding rule" not in error.message:
                raise
            # Somebody took the port between our look and QEMU's. Try another.
            preferred, forbidden = None, forbidden | {port}
            continue
        return port
    raise StationError(
        f"lab PC {pc.name}: {_PORT_ATTEMPTS} ports for its SSH were taken by others meanwhile",
        hint="something opens many ports on 127.0.0.1: ss -tanp; close it and try again",
    )


def _run(pc: Pc, power: qemu.Power) -> None:
    argv = qemu.argv(pc, power)
    for disk in pc.disks:
        if disk.faults.lies:
            liar.start(disk.path, disk.size_bytes, disk.faults, disk.liar_socket)
    try:
        done = subprocess.run(  # noqa: S603
            argv,
            cwd=pc.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        process.end(pc.folder)
        raise StationError(
            f"QEMU did not start lab PC {pc.name} within {_START_SECONDS:g} s",
            hint="this station is too busy; try again",
        ) from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "warning:" not in line]
        raise StationError(
            f"QEMU did not start lab PC {pc.name}: {' '.join(lines) or done.returncode}",
            hint="if you gave extra arguments after --, look at them first",
        )


def _firmware(pc: Pc) -> Path | None:
    """The firmware's code; gives the PC its own variables at its first start."""
    if pc.firmware == "bios":
        return None
    code, variables = (OVMF_FOLDER / file for file in OVMF_FILES[pc.firmware])
    if not (code.is_file() and variables.is_file()):
        raise StationError(
            f"the UEFI firmware {code} is not installed", hint="apt-get install ovmf"
        )
    own = pc.folder / qemu.VARS_FILE
    if not own.exists():
        temporary = own.with_suffix(".new")
        shutil.copyfile(variables, temporary)
        temporary.replace(own)
    return code


def _check_live(live: LiveFiles | None) -> None:
    if live is None or not (live.kernel.is_file() and live.initrd.is_file()):
        raise StationError(
            "the live environment is not built yet", hint="build it: netspring live build"
        )


def _loaded_running(station: Station, name: str) -> Pc:
    pc = store.load(station, name)
    if not pc.running:
        raise UsageError(
            f"lab PC {name} is off", hint=f"switch it on: netspring lab start {name} --boot live"
        )
    return pc


def _gone(pc: Pc) -> Pc:
    for file in (qemu.PID_FILE, qemu.QMP_SOCKET, qemu.SERIAL_SOCKET):
        (pc.folder / file).unlink(missing_ok=True)
    pc = pc.on(None)
    store.save(pc)
    return pc
