"""Files of the system, written whole or not at all; a full disk leaves the old one."""

from __future__ import annotations

import os
from pathlib import Path


def read(path: Path) -> str | None:
    """Text of a file; ``None`` if it is not there or cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def write(path: Path, text: str, mode: int = 0o644) -> bool:
    """Make a file hold ``text``; returns whether it did not before.

    Raises:
        OSError: the disk is full or broken; the old file is as it was.
    """
    if not path.is_symlink() and read(path) == text and path.stat().st_mode & 0o7777 == mode:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
