"""Looks at this computer; decides nothing."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from netspring_provision.config import Station
from netspring_provision.doctor.needs import NEEDS, Facts
from netspring_provision.lab import kvm

# Debian keeps the tools of the administrator off other people's search path; they are there.
_ADMIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def search_path(path: str | None = None) -> str:
    """The search path with the administrator's folders added.

    Args:
        path: a search path; ``$PATH`` if None.
    """
    given = os.environ.get("PATH", os.defpath) if path is None else path
    return os.pathsep.join([given, *(folder for folder in _ADMIN if folder not in given)])


def facts(station: Station, *, path: str | None = None, root: Path = Path("/")) -> Facts:
    """Everything that ``judge`` asks about.

    Args:
        station: whose folder is looked at. It is not made.
        path: where programs are searched.
        root: folder that stands for ``/`` when needed files are looked for.
    """
    where = search_path() if path is None else path
    programs = {p for need in NEEDS for p in need.programs if shutil.which(p, path=where)}
    files = {
        name
        for need in NEEDS
        for group in need.files
        for name in group
        if (root / name.lstrip("/")).is_file()
    }
    tmp = Path(tempfile.gettempdir())
    verdict = kvm.verdict()
    return Facts(
        programs=frozenset(programs),
        files=frozenset(files),
        architecture=platform.machine(),
        has_apt=shutil.which("apt-get", path=where) is not None,
        is_root=os.geteuid() == 0,
        has_sudo=shutil.which("sudo", path=where) is not None,
        home=str(station.home),
        home_problem=write_problem(station.home),
        home_free=free_bytes(station.home),
        tmp=str(tmp),
        tmp_free=free_bytes(tmp),
        memory=memory_bytes(root / "proc/meminfo"),
        ansible=ansible_playbook(),
        kvm_usable=verdict.usable,
        kvm_reason=verdict.reason,
    )


def existing_parent(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return next(p for p in (path, *path.parents) if p.exists())


def write_problem(folder: Path) -> str | None:
    """Why files cannot be made in a folder (or in the nearest one above it); None if they can.

    A file is really made: permission bits tell nothing of read-only mounts or full disks.
    """
    parent = existing_parent(folder)
    try:
        with tempfile.TemporaryFile(dir=parent) as file:
            file.write(b"netspring")
            file.flush()
    except OSError as error:
        return error.strerror or str(error)
    return None


def free_bytes(folder: Path) -> int | None:
    """Bytes an ordinary user may still write there; None if it cannot be asked."""
    try:
        return shutil.disk_usage(existing_parent(folder)).free
    except OSError:
        return None


def memory_bytes(meminfo: Path) -> int | None:
    """``MemTotal`` of proc(5) in bytes; None if it is not there."""
    try:
        for line in meminfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "MemTotal":
                return int(value.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def ansible_playbook(executable: str = sys.executable) -> str | None:
    """The ansible-playbook of the venv this Python runs in; one elsewhere has other modules."""
    beside = Path(executable).parent / "ansible-playbook"
    return str(beside) if beside.is_file() and os.access(beside, os.X_OK) else None
