"""The form of the child's desktop: what a teacher changed while it was unlocked becomes the form.

The child's files are read with the child's rights only, and what comes is a stream of plain files:
a link that a child has made leads nowhere.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from netspring_classroom.system import System

# Folders of a home that make the desktop. The program restore-desktop has the same list.
FOLDERS = (".config/autostart", ".config/lxqt", ".config/openbox", ".config/pcmanfm-qt", "Desktop")
# A desktop's settings have about 20 KiB; more is something else by mistake.
LARGEST_BYTES = 256 * 1024
MOST_FILES = 500


def pack(home: Path) -> bytes:
    """The files that make the desktop, as a tar archive; run with the child's rights.

    Raises:
        OSError: they cannot be read.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        count = 0
        for folder in FOLDERS:
            for path in sorted((home / folder).rglob("*")):
                if not _belongs(path, folder) or count >= MOST_FILES:
                    continue
                info = tarfile.TarInfo(path.relative_to(home).as_posix())
                data = path.read_bytes()
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
                count += 1
    return buffer.getvalue()


def _belongs(path: Path, folder: str) -> bool:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_BYTES:
        return False
    # On the desktop lie launchers, and what a child put there, which is no part of its form.
    return folder != "Desktop" or path.suffix == ".desktop"


def keep(system: System, packed: bytes) -> list[str]:
    """Make the desktop that was packed the form; returns the files that differ from the image's.

    Raises:
        OSError: the disk is full; the form is as it was.
        tarfile.TarError: what came is no archive.
    """
    fresh = system.changes.with_name(f".{system.changes.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    kept = []
    try:
        fresh.mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                source = archive.extractfile(member) if member.isreg() else None
                if source is None or not _safe(name):
                    continue
                data = source.read(LARGEST_BYTES)
                if _same(system.skeleton / name, data):
                    continue
                target = fresh / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
                kept.append(name.as_posix())
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    for path in (fresh, *fresh.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    # A power cut finds the old form or the new one; between the two renames, the image's.
    old = system.changes.with_name(f".{system.changes.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if system.changes.is_dir():
        system.changes.rename(old)
    fresh.rename(system.changes)
    shutil.rmtree(old, ignore_errors=True)
    return kept


def forget(system: System) -> None:
    """Back to the desktop of the image."""
    shutil.rmtree(system.changes, ignore_errors=True)


def forget_pictures(system: System) -> None:
    """Back to the wallpaper and places of the image: words are drawn on it, in one language."""
    shutil.rmtree(system.changes / ".config/pcmanfm-qt", ignore_errors=True)


def changed(system: System) -> bool:
    """Whether a teacher's changes are part of the form."""
    return system.changes.is_dir() and any(p.is_file() for p in system.changes.rglob("*"))


def _safe(name: PurePosixPath) -> bool:
    below = any(name.is_relative_to(folder) for folder in FOLDERS)
    return below and not name.is_absolute() and ".." not in name.parts


def _same(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data
