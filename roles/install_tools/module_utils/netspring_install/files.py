"""Writes files into a mounted root filesystem: never outside of it, and only where they differ."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ansible.module_utils.netspring_install.errors import InstallError


@dataclass
class Tree:
    """A root filesystem mounted at ``root``.

    Attributes:
        root: mount point.
        pretend: say what would change, and change nothing.
        changed: paths (from ``/``) that were or would be changed, in order.
    """

    root: Path
    pretend: bool = False
    changed: list[str] = field(default_factory=list)

    def at(self, name: str) -> Path:
        """Where ``/name`` of the tree lies now.

        Raises:
            InstallError: a symbolic link on the way leads out of the tree, into the live system.
        """
        path = self.root / name.lstrip("/")
        parent = path.parent.resolve()
        if not parent.is_relative_to(self.root.resolve()):
            raise InstallError(
                f"/{name} of the image leads to {parent}, outside of the disk",
                hint="build the image again on the station (netspring image build)",
            )
        return path

    def read(self, name: str) -> str | None:
        """Text of a file; None if it is not there. Links are not followed."""
        path = self.at(name)
        if path.is_symlink() or not path.is_file():
            return None
        return path.read_text(encoding="utf-8", errors="replace")

    def text(self, name: str, text: str, mode: int = 0o644) -> None:
        """Make a file hold ``text``, with ``mode`` and owned by root, in one step."""
        path = self.at(name)
        if self.read(name) == text and path.stat().st_mode & 0o7777 == mode:
            return
        self.changed.append(f"/{name}")
        if self.pretend:
            return
        temporary = path.with_name(f".{path.name}.netspring")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        temporary.replace(path)

    def folder(self, name: str, mode: int = 0o755) -> Path:
        """Make a folder, with ``mode`` and owned by root."""
        path = self.at(name)
        if not path.is_dir() or path.stat().st_mode & 0o7777 != mode:
            self.changed.append(f"/{name}")
            if not self.pretend:
                path.mkdir(exist_ok=True)
                path.chmod(mode)
        return path
