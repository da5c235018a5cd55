"""The rescue partition: where the image is kept, and the record of how far this disk has come."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.module_utils.netspring_install import tools

STATE = "state.json"
INSTALLED = "installed.json"


@contextmanager
def mounted(
    device: str, at: Path, *, read_only: bool = False, programs: bool = False
) -> Iterator[Path]:
    """Mount a filesystem and always unmount it again.

    Args:
        device: a partition with ext4.
        at: mount point, made if missing.
        read_only: its journal is not replayed either, so that not one byte of the disk changes.
        programs: allow what lies there to be run.
    """
    at.mkdir(parents=True, exist_ok=True)
    options = ("ro,noload" if read_only else "rw") + ("" if programs else ",nodev,nosuid,noexec")
    argv = ["mount", "-t", "ext4", "-o", options, device, str(at)]
    with _placed(argv, at):
        yield at


@contextmanager
def bound(source: str, at: Path) -> Iterator[None]:
    """Show a folder of the live system at a second place, and always take it away again."""
    with _placed(["mount", "--bind", source, str(at)], at):
        yield


@contextmanager
def _placed(argv: list[str], at: Path) -> Iterator[None]:
    """Mount and unmount; of two errors the one inside is told, not that of unmounting after it."""
    tools.run(argv, what=f"mounting on {at}")
    try:
        yield
    except BaseException:
        tools.run(["umount", str(at)], what=f"unmounting {at}", accept=tuple(range(256)))
        raise
    tools.run(["umount", str(at)], what=f"unmounting {at}")


def unmount_own(below: Path) -> None:
    """Unmount what an earlier run, killed in the middle, left mounted under our own folder."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    places = [line.split()[4] for line in lines]
    for place in reversed(places):
        if Path(place).is_relative_to(below):
            tools.run(["umount", place], what=f"unmounting {place}")


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file; None if it is not there or not whole."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def write_file(path: Path, data: bytes) -> None:
    """Replace a file in one step that survives a power cut: all old or all new."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def write_json(path: Path, data: dict[str, Any]) -> None:
    """The same for a JSON object."""
    write_file(path, json.dumps(data, indent=1, sort_keys=True).encode() + b"\n")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
