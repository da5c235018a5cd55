"""Looks at running PCs: does SSH answer, what did they print, what is on their screen?"""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, StationError
from netspring_provision.lab import power, store
from netspring_provision.lab.model import Pc

_POLL_SECONDS = 0.5
# A try that began before the guest had a network never ends, so tries are short at first; later
# they are long enough for a guest that greets slowly.
_FIRST_TRY_SECONDS = 1.0
_LONGEST_TRY_SECONDS = 8.0
_PNG = b"\x89PNG\r\n\x1a\n"
# Colours, cursor movements and other control characters of a terminal.
_CONTROL = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00-\x08\x0b-\x1f\x7f]")


def wait_for_ssh(pc: Pc, timeout_seconds: float = 180.0) -> float:
    """Wait until the guest's SSH greets; returns the seconds that it took.

    QEMU accepts the connection long before the guest listens, so only a greeting counts.

    Raises:
        MachineFailedError: the PC is off, went off, or did not answer in time; with the end of
            what it wrote to its serial port.
    """
    port = pc.ssh_port
    if port is None:
        raise MachineFailedError(
            f"lab PC {pc.name} is {pc.state} and has no way to its SSH",
            hint=f"start it: netspring lab start {pc.name} --boot live",
        )
    begun = time.monotonic()
    patience = _FIRST_TRY_SECONDS
    while not greets("127.0.0.1", port, patience):
        passed = time.monotonic() - begun
        patience = min(_FIRST_TRY_SECONDS + passed / 15, _LONGEST_TRY_SECONDS)
        if store.pid_of(pc.folder) is None:
            raise _silent(pc, f"went off after {passed:.0f} s, before its SSH answered")
        if passed > timeout_seconds:
            raise _silent(pc, f"did not answer SSH within {timeout_seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
    return time.monotonic() - begun


def greets(host: str, port: int, timeout_seconds: float) -> bool:
    """Whether an SSH server sends its greeting there."""
    try:
        with socket.create_connection((host, port), timeout_seconds) as connection:
            connection.settimeout(timeout_seconds)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def serial_tail(pc: Pc, lines: int = 15) -> str:
    """The last lines that the guest wrote to its serial port, without terminal codes."""
    try:
        with pc.serial_log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 16384))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    clean = _CONTROL.sub("", text.replace("\r", "\n"))
    return "\n".join([line.rstrip() for line in clean.splitlines() if line.strip()][-lines:])


def screenshot(station: Station, name: str, path: Path) -> Path:
    """Write the PC's screen to ``path`` as PNG; returns the absolute path.

    Raises:
        UsageError: the PC is off.
        StationError: the file cannot be written.
    """
    target = path.expanduser().absolute()
    temporary = target.with_name(f".{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
    except OSError as error:
        raise StationError(
            f"cannot write the screenshot {target}: {error.strerror or error}",
            hint="name another file with --out",
        ) from error
    try:
        with power.open_qmp(station, name, timeout_seconds=30.0) as qmp:
            qmp.execute("screendump", filename=str(temporary), format="png")
        if not temporary.read_bytes().startswith(_PNG):
            raise StationError(f"QEMU wrote no whole PNG to {temporary}", hint="free some space")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _silent(pc: Pc, what: str) -> MachineFailedError:
    tail = serial_tail(pc)
    last = f"; its last words:\n{tail}" if tail else "; it wrote nothing to its serial port"
    return MachineFailedError(
        f"lab PC {pc.name} {what}{last}",
        hint=f"see its screen: netspring lab screenshot {pc.name}; whole log: {pc.serial_log}",
    )
