"""The PCs' folders: reading, writing, locking, and telling whether a PC is on."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netspring_provision.config import Station
from netspring_provision.errors import MachineFailedError, StationError, UsageError
from netspring_provision.lab import qemu
from netspring_provision.lab.model import Pc, Running, from_json, to_json
from netspring_provision.lab.specs import parse_name

MACHINE_FILE = "machine.json"
STATE_FILE = "state.json"


def folder_of(station: Station, name: str) -> Path:
    """Folder of the PC; the name is checked, so it is always right under ``lab/``."""
    return station.lab / parse_name(name)


def load(station: Station, name: str) -> Pc:
    """The PC of that name, with ``running`` as it is at this moment.

    Raises:
        UsageError: there is none.
        MachineFailedError: its description cannot be read.
    """
    folder = folder_of(station, name)
    if not folder.is_dir():
        names = ", ".join(pc.name for pc in list_pcs(station)) or "none"
        raise UsageError(
            f"there is no lab PC named {name} (there are: {names})",
            hint=f"make it: netspring lab create {name} --disk sata:2G",
        )
    return _read(folder)


def list_pcs(station: Station) -> tuple[Pc, ...]:
    """All PCs, by name. One whose description is broken is left out here; ``load`` tells why."""
    if not station.lab.is_dir():
        return ()
    found = []
    for folder in sorted(station.lab.iterdir()):
        if folder.is_dir() and not folder.name.startswith("."):
            with contextlib.suppress(MachineFailedError):
                found.append(_read(folder))
    return tuple(found)


def broken(station: Station) -> tuple[str, ...]:
    """Names of the folders whose description cannot be read."""
    if not station.lab.is_dir():
        return ()
    names = {f.name for f in station.lab.iterdir() if f.is_dir() and not f.name.startswith(".")}
    return tuple(sorted(names - {pc.name for pc in list_pcs(station)}))


def save(pc: Pc) -> None:
    """Write ``machine.json``, and ``state.json`` if the PC is on (else remove it)."""
    _write(pc.folder / MACHINE_FILE, to_json(pc))
    if pc.running is None:
        (pc.folder / STATE_FILE).unlink(missing_ok=True)
    else:
        _write(pc.folder / STATE_FILE, asdict(pc.running))


def pid_of(folder: Path) -> int | None:
    """Process of the QEMU that has the PC of ``folder``, None if it is off.

    A pid file may be stale and its number reused, so the process must be told of that very file.
    """
    path = folder / qemu.PID_FILE
    try:
        pid = int(path.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(path) in command.split(b"\0") else None


@contextlib.contextmanager
def locked(station: Station, name: str) -> Iterator[None]:
    """Hold the PC against other ``netspring`` processes that would change or switch it.

    Raises:
        StationError: another process holds it.
    """
    folder = station.lab / ".locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / parse_name(name), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StationError(
            f"cannot write {folder}: {error.strerror or error}",
            hint="free some space or name another folder: export NETSPRING_HOME=/some/folder",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StationError(
                f"another netspring is just working on lab PC {name}",
                hint="wait until it is done, then try again",
            ) from error
        yield
    finally:
        os.close(descriptor)


def _read(folder: Path) -> Pc:
    path = folder / MACHINE_FILE
    try:
        pc = from_json(json.loads(path.read_text()), folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MachineFailedError(
            f"lab PC {folder.name}: {path} cannot be read: {error!r}",
            hint=f"remove the PC and make it anew: netspring lab destroy {folder.name}",
        ) from error
    return pc.on(_running(pc))


def _running(pc: Pc) -> Running | None:
    pid = pid_of(pc.folder)
    if pid is None:
        return None
    try:
        state = json.loads((pc.folder / STATE_FILE).read_text())
        running = Running(**state)
    except (OSError, ValueError, TypeError):
        running = None
    if running is None or running.pid != pid:
        # Switched on, but the station died before it wrote down how.
        return Running(pid=pid, boot="disk", accel="unknown", ssh_port=None, started=0.0)
    return running


def _write(path: Path, data: dict[str, Any]) -> None:
    """Whole or not at all, even if the station dies meanwhile."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w") as file:
            json.dump(data, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StationError(
            f"cannot write {path}: {error.strerror or error}", hint="free some space"
        ) from error
